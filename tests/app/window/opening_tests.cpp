// See opening_tests.h. Each test leaves the two built-in models that the window began with.
#include "tests/app/window/opening_tests.h"

#include <imgui_internal.h>
#include <imgui_test_engine/imgui_te_context.h>
#include <imgui_test_engine/imgui_te_engine.h>

#include <array>
#include <filesystem>
#include <string>

#include "app/dialogs/help.h"
#include "tests/app/window/steps.h"
#include "tests/fixtures/norm_rows.h"
#include "tests/fixtures/two_towers.h"

namespace deadscope {
namespace {

void close_from(ImGuiTestContext* ctx, std::size_t first) {
    for (std::size_t i = first; i < state_of(ctx).models.size(); ++i)
        explorer_of(ctx)->intents().emit(CloseIntent{model(ctx, i).id});
    ctx->Yield(2);
}

std::string dialog(const char* item) {
    return std::string("//Read activations/") + item;
}

void test_read_activations(ImGuiTestContext* ctx) {
    const fixtures::TemporaryFolder folder;
    const std::string file =
        fixtures::write_norm_file(folder / "norm.safetensors", fixtures::layer_norm_rows());
    IM_CHECK(idle(ctx));
    ctx->MenuClick("//##MainMenuBar/File/Read activations…");
    ctx->Yield(2);
    IM_CHECK(state_of(ctx).view.show_read_dialog);
    IM_CHECK((ctx->ItemInfo(dialog("Read").c_str()).ItemFlags & ImGuiItemFlags_Disabled) != 0);
    ctx->ItemClick(dialog("fields/file/##path").c_str());
    ctx->KeyCharsReplaceEnter(file.c_str());
    // The file has one array of rows and one of their width: nothing else need be typed.
    IM_CHECK(until(ctx, [&] { return !state_of(ctx).view.read_form.settings.gamma.empty(); }));
    IM_CHECK_STR_EQ(state_of(ctx).view.read_form.settings.tensor.c_str(), "y");
    ctx->Yield(2);
    ctx->ItemClick(dialog("Read").c_str());
    IM_CHECK(until(ctx, [&] { return state_of(ctx).models.size() == 3; }));
    IM_CHECK(idle(ctx));
    IM_CHECK(!state_of(ctx).view.show_read_dialog);
    IM_CHECK(model(ctx, 2).stage == Stage::done);
    IM_CHECK_EQ(state_of(ctx).selected()->id, model(ctx, 2).id);
    IM_CHECK(model(ctx, 2).reading->runs.at(0).blocks.empty());
    ctx->Yield(5);  // every panel draws it, the residual one in words
    ctx->KeyPress(ImGuiMod_Ctrl | ImGuiKey_R);
    IM_CHECK(idle(ctx));
    IM_CHECK(model(ctx, 2).stage == Stage::done);
    close_from(ctx, 2);
}

void test_dropped_activations(ImGuiTestContext* ctx) {
    const fixtures::TemporaryFolder folder;
    const std::string file = (folder / "rows.npz").string();
    fixtures::write_text(file, "no archive");
    IM_CHECK(drop({file}));
    IM_CHECK(until(ctx, [&] { return state_of(ctx).arrays.file == file && !state_of(ctx).arrays.reading; }));
    IM_CHECK(state_of(ctx).view.show_read_dialog);
    IM_CHECK_STR_EQ(state_of(ctx).view.read_form.file.c_str(), file.c_str());
    IM_CHECK(state_of(ctx).arrays.error.find("rows.npz") != std::string::npos);
    const std::string good =
        fixtures::write_norm_file(folder / "norm.safetensors", fixtures::rms_norm_rows());
    ctx->ItemClick(dialog("fields/file/##path").c_str());
    ctx->KeyCharsReplaceEnter(good.c_str());
    IM_CHECK(until(ctx, [&] { return !state_of(ctx).view.read_form.settings.gamma.empty(); }));
    IM_CHECK(drop({(folder / "gamma.pt").string()}));  // with the dialog open and its file named: γ
    ctx->Yield(3);
    IM_CHECK_STR_EQ(state_of(ctx).view.read_form.settings.gamma.c_str(), (folder / "gamma.pt").c_str());
    IM_CHECK_EQ(state_of(ctx).models.size(), std::size_t{2});
    // What cannot be read stands in Models, from where the dialog comes back as it was.
    ctx->ItemClick(dialog("Read").c_str());
    IM_CHECK(
        until(ctx, [&] { return state_of(ctx).models.size() == 3 && model(ctx, 2).stage == Stage::failed; }));
    IM_CHECK(model(ctx, 2).error.find("gamma.pt") != std::string::npos);
    ctx->ItemClick(row(model(ctx, 2), "Change…").c_str());
    ctx->Yield(3);
    IM_CHECK(state_of(ctx).view.show_read_dialog);
    IM_CHECK_EQ(state_of(ctx).models.size(), std::size_t{2});
    IM_CHECK_STR_EQ(state_of(ctx).view.read_form.file.c_str(), good.c_str());
    ctx->KeyPress(ImGuiKey_Escape);
    ctx->Yield(2);
    IM_CHECK(!state_of(ctx).view.show_read_dialog);
}

void test_gamma_of_an_open_model(ImGuiTestContext* ctx) {
    const fixtures::TemporaryFolder folder;
    const auto width = static_cast<std::int64_t>(model(ctx, 0).gamma->model.d_model);
    const std::string file = (folder / "y.safetensors").string();
    fixtures::write_safetensors(file, {{"y", fixtures::ramp({2 * width, width})}});
    explorer_of(ctx)->intents().view([file](ViewState& view) {
        view.read_form = {.file = file, .settings = {}};
        view.show_read_dialog = true;
    });
    IM_CHECK(until(ctx, [&] { return state_of(ctx).view.read_form.settings.tensor == "y"; }));
    ctx->Yield(2);
    ctx->ItemClick(dialog("fields/##gammas").c_str());
    const NormSpec& norm = model(ctx, 0).gamma->norms.front().spec;
    const std::string value = model(ctx, 0).model + ":" + norm.name;
    ctx->ItemClick(("//$FOCUSED/" + model(ctx, 0).label + ": " + norm.name + "##" + value).c_str());
    ctx->Yield(3);
    IM_CHECK_STR_EQ(state_of(ctx).view.read_form.settings.gamma.c_str(), value.c_str());
    ctx->KeyPress(ImGuiKey_Escape);
    ctx->Yield(2);
}

void test_towers(ImGuiTestContext* ctx) {
    IM_CHECK(idle(ctx));  // the family is told by the environment, which no job reads now
    fixtures::OwnFamily own = fixtures::two_towers();
    const std::string path = own.open().source();
    explorer_of(ctx)->open(path);
    IM_CHECK(until(ctx, [&] { return state_of(ctx).models.size() == 3; }));
    IM_CHECK(idle(ctx));
    IM_CHECK(model(ctx, 2).stage == Stage::done);
    IM_CHECK_STR_EQ(model(ctx, 2).gamma->model.tower.c_str(), "text");
    ctx->ItemClick(row(model(ctx, 2), "Open the vision tower").c_str());
    IM_CHECK(until(ctx, [&] { return state_of(ctx).models.size() == 4; }));
    IM_CHECK(idle(ctx));
    IM_CHECK(model(ctx, 3).stage == Stage::done);
    IM_CHECK_STR_EQ(model(ctx, 3).gamma->model.tower.c_str(), "vision");
    IM_CHECK_STR_EQ(model(ctx, 3).model.c_str(), (path + "#vision").c_str());
    // From the other's menu the first is selected, not opened again.
    const std::string head = "##" + std::to_string(model(ctx, 3).id);
    ctx->ItemClick(row(model(ctx, 3), head.c_str()).c_str(), ImGuiMouseButton_Right);
    ctx->ItemClick("//$FOCUSED/Open the text tower");
    ctx->Yield(3);
    IM_CHECK_EQ(state_of(ctx).models.size(), std::size_t{4});
    IM_CHECK_EQ(state_of(ctx).selected()->id, model(ctx, 2).id);
    close_from(ctx, 2);
    IM_CHECK(idle(ctx));
}

void test_help_on_activations(ImGuiTestContext* ctx) {
    explorer_of(ctx)->intents().view([](ViewState& view) { view.show_read_dialog = true; });
    ctx->Yield(3);
    ctx->ItemClick(dialog("How to write such a file").c_str());
    ctx->Yield(4);
    IM_CHECK(state_of(ctx).view.show_help);
    ctx->ItemClick("//Help/**/Copy");
    IM_CHECK_STR_EQ(ImGui::GetClipboardText(), std::string(activations_hook()).c_str());
    ctx->KeyPress(ImGuiKey_Escape);
    ctx->Yield(2);
    IM_CHECK(!state_of(ctx).view.show_help && !state_of(ctx).view.show_read_dialog);
}

struct Named {
    const char* name;
    void (*run)(ImGuiTestContext*);
};
constexpr std::array tests{
    Named{"activations are read through the dialog", test_read_activations},
    Named{"dropped activations, and what cannot be read", test_dropped_activations},
    Named{"γ is offered from the open models", test_gamma_of_an_open_model},
    Named{"the other tower of a checkpoint", test_towers},
    Named{"the help shows how activations are written", test_help_on_activations},
};

}  // namespace

void register_opening_tests(ImGuiTestEngine* engine, Explorer& explorer) {
    for (const Named& named : tests) {
        ImGuiTest* test = ImGuiTestEngine_RegisterTest(engine, "opening", named.name, __FILE__, __LINE__);
        test->UserData = &explorer;
        test->TestFunc = named.run;
    }
}

int opening_test_count() {
    return static_cast<int>(tests.size());
}

}  // namespace deadscope
