// See hub_tests.h. Each test leaves the two built-in models that the window began with.
#include "tests/app/window/hub_tests.h"

#include <imgui_internal.h>
#include <imgui_test_engine/imgui_te_context.h>
#include <imgui_test_engine/imgui_te_engine.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <filesystem>
#include <optional>
#include <string>

#include "core/base/error.h"
#include "core/base/mapped_file.h"
#include "core/checkpoint/checkpoint.h"
#include "core/checkpoint/hub_cache_list.h"
#include "tests/app/window/steps.h"
#include "tests/fixtures/model_files.h"
#include "tests/fixtures/small_hub.h"

namespace deadscope {
namespace {

namespace fs = std::filesystem;
using fixtures::HttpAnswer;
using fixtures::HttpQuestion;
using fixtures::SmallHub;

constexpr const char* weights_name = "model.safetensors";

// A hub with a built-in model in it, whose weights come slowly until they are let go, and a cache of its own.
struct HubOfTheTest {
    fixtures::TemporaryFolder folder;
    std::atomic<bool> slow{true};
    std::map<std::string, std::string> files = model_files();
    SmallHub hub{files, [this](const HttpQuestion& question) -> std::optional<HttpAnswer> {
                     if (!slow || !question.target.ends_with(weights_name)) return std::nullopt;
                     HttpAnswer answer = ranged(question, files.at(weights_name));
                     answer.pause = std::chrono::milliseconds(300);
                     return answer;
                 }};
    // No job reads the environment when these change: the window is idle then.
    fixtures::ScopedVariable endpoint{"HF_ENDPOINT", hub.server().endpoint().c_str()};
    fixtures::ScopedVariable cache{"HF_HUB_CACHE", (folder / "cache").c_str()};
    fixtures::ScopedVariable token{"HF_TOKEN", "hf_tokenOfTheTest"};
    fixtures::ScopedVariable here{"HF_HUB_OFFLINE", nullptr}, online{"TRANSFORMERS_OFFLINE", nullptr};
    fixtures::ScopedVariable proxy{"NO_PROXY", "*"}, proxy_too{"no_proxy", "*"};

    static std::map<std::string, std::string> model_files() {
        const fs::path model = fs::path(DEADSCOPE_SOURCE_DIR) / "assets/models/gpt-layernorm";
        const ZooModel& zoo = *std::ranges::find(zoo_models(), "gpt-layernorm", &ZooModel::name);
        const fs::path step = model / ("step-" + std::to_string(zoo.steps.back()));
        std::map<std::string, std::string> out;
        for (const char* name : {"config.json", weights_name})
            out[name] = read_text_file((step / name).string(), 64u << 20);
        return out;
    }
    fs::path repository() const { return folder / "cache/models--org--tiny"; }
    // The weights' partial file: its bytes, 0 where there is none.
    std::uintmax_t partial() const {
        std::error_code error;
        const auto size = fs::file_size(
            repository() / "blobs" / (SmallHub::hash(weights_name, files.at(weights_name)) + ".incomplete"),
            error);
        return error ? 0 : size;
    }
};

std::string dialog(const char* item) {
    return std::string("//Open from the hub/") + item;
}

// Types the id, and what the hub has under it is offered.
void look(ImGuiTestContext* ctx) {
    ctx->MenuClick("//##MainMenuBar/File/Open from the hub…");
    ctx->Yield(2);
    IM_CHECK(state_of(ctx).view.show_hub_dialog);
    IM_CHECK((ctx->ItemInfo(dialog("Look").c_str()).ItemFlags & ImGuiItemFlags_Disabled) != 0);
    ctx->ItemClick(dialog("##id").c_str());
    ctx->KeyCharsReplaceEnter(SmallHub::repository);
    IM_CHECK(until(ctx, [&] { return !state_of(ctx).hub.asking && state_of(ctx).hub.offer; }));
    ctx->Yield(3);
}

void refresh_cache(ImGuiTestContext* ctx) {
    explorer_of(ctx)->intents().emit(HubCacheIntent{});
    ctx->Yield(2);
    IM_CHECK(idle(ctx));
}

void close_third(ImGuiTestContext* ctx) {
    explorer_of(ctx)->intents().emit(CloseIntent{model(ctx, 2).id});
    ctx->Yield(2);
}

void download_and_cancel(ImGuiTestContext* ctx, const HubOfTheTest& test) {
    look(ctx);
    const auto asked = test.hub.server().questions();
    IM_CHECK(std::ranges::none_of(asked, [](const auto& q) { return q.target.ends_with(weights_name); }));
    ctx->ItemClick(dialog("###download").c_str());
    IM_CHECK(until(ctx, [&] { return test.partial() > 0; }));
    ctx->ItemClick(dialog("Cancel").c_str());
    IM_CHECK(idle(ctx));
    IM_CHECK(test.partial() > 0 && test.partial() < test.files.at(weights_name).size());
    IM_CHECK(!fs::exists(test.repository() / "refs/main"));  // nothing whole to point to
    IM_CHECK_EQ(state_of(ctx).models.size(), std::size_t{2});
    // The cache is as good as before: listed without that model, which is said to be missing when asked for.
    IM_CHECK(
        std::ranges::none_of(list_hub_cache((test.folder / "cache").string()), [](const auto& repository) {
            return std::ranges::any_of(repository.revisions, [](const auto& revision) {
                return revision.state == CachedRevision::State::complete;
            });
        }));
    IM_CHECK(fixtures::error_of([] { open_checkpoint(SmallHub::repository); }).find("hub cache") !=
             std::string::npos);
}

void test_download(ImGuiTestContext* ctx) {
    IM_CHECK(idle(ctx));
    HubOfTheTest test;
    refresh_cache(ctx);
    IM_CHECK(state_of(ctx).hub.cached.empty());
    download_and_cancel(ctx, test);
    const auto have = test.partial();
    // Once more: it goes on where it stopped, and the model opens.
    test.slow = false;
    ctx->ItemClick(dialog("###download").c_str());
    IM_CHECK(
        until(ctx, [&] { return state_of(ctx).models.size() == 3 && model(ctx, 2).stage == Stage::done; }));
    IM_CHECK(idle(ctx));
    IM_CHECK(state_of(ctx).hub.error.empty());
    IM_CHECK_STR_EQ(model(ctx, 2).error.c_str(), "");
    const auto questions = test.hub.server().questions();
    IM_CHECK_STR_EQ(questions.back().target.c_str(), ("/" + std::string(SmallHub::repository) + "/resolve/" +
                                                      SmallHub::commit + "/" + weights_name)
                                                         .c_str());
    IM_CHECK_STR_EQ(questions.back().header("range").c_str(),
                    ("bytes=" + std::to_string(have) + "-").c_str());
    IM_CHECK_EQ(test.partial(), std::uintmax_t{0});
    const fs::path snapshot = test.repository() / "snapshots" / SmallHub::commit;
    IM_CHECK(read_text_file((snapshot / weights_name).string(), 64u << 20) == test.files.at(weights_name));
    close_third(ctx);
    ctx->KeyPress(ImGuiKey_Escape);
    ctx->Yield(2);
    IM_CHECK(!state_of(ctx).view.show_hub_dialog);

    // Models lists it, and opens it from there without a question to the hub.
    IM_CHECK_EQ(state_of(ctx).hub.cached.size(), std::size_t{1});
    ctx->ItemOpen("//Models/###hub cache");
    ctx->ItemClick(("//Models/hub cache/" + SmallHub::commit + "/org\\/tiny").c_str());
    IM_CHECK(
        until(ctx, [&] { return state_of(ctx).models.size() == 3 && model(ctx, 2).stage == Stage::done; }));
    IM_CHECK(idle(ctx));
    IM_CHECK_STR_EQ(model(ctx, 2).error.c_str(), "");
    IM_CHECK_EQ(test.hub.server().questions().size(), questions.size());
    ctx->ItemClose("//Models/###hub cache");
    close_third(ctx);
    IM_CHECK(idle(ctx));
}

void test_what_the_hub_refuses(ImGuiTestContext* ctx) {
    IM_CHECK(idle(ctx));
    HubOfTheTest test;
    ctx->MenuClick("//##MainMenuBar/File/Open from the hub…");
    ctx->Yield(2);
    for (const auto& [id, words] :
         {std::pair{"org/none", "no model of this name"}, std::pair{"../tiny", "hub id"}}) {
        ctx->ItemClick(dialog("##id").c_str());
        ctx->KeyCharsReplaceEnter(id);
        IM_CHECK(until(ctx, [&] { return !state_of(ctx).hub.asking && !state_of(ctx).hub.error.empty(); }));
        IM_CHECK(state_of(ctx).hub.error.find(words) != std::string::npos);
        IM_CHECK(!state_of(ctx).hub.offer);
        ctx->Yield(3);
        IM_CHECK(!ctx->ItemExists(dialog("###download").c_str()));
    }
    ctx->KeyPress(ImGuiKey_Escape);
    ctx->Yield(2);
    IM_CHECK(idle(ctx));
}

struct Named {
    const char* name;
    void (*run)(ImGuiTestContext*);
};
constexpr std::array tests{
    Named{"a download is cancelled, resumed and opened, and listed in Models", test_download},
    Named{"what the hub refuses is said in the dialog", test_what_the_hub_refuses},
};

}  // namespace

void register_hub_tests(ImGuiTestEngine* engine, Explorer& explorer) {
    for (const Named& named : tests) {
        ImGuiTest* test = ImGuiTestEngine_RegisterTest(engine, "hub", named.name, __FILE__, __LINE__);
        test->UserData = &explorer;
        test->TestFunc = named.run;
    }
}

int hub_test_count() {
    return static_cast<int>(tests.size());
}

}  // namespace deadscope
