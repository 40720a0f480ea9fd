// The hub asked: addresses, the token's company, redirects, refusals, offline mode.
#include "core/hub/hub_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/hub/needed_files.h"
#include "core/hub/retry.h"
#include "core/hub/urls.h"
#include "tests/fixtures/model_files.h"
#include "tests/fixtures/small_hub.h"

namespace deadscope {
namespace {

using fixtures::error_of;
using fixtures::HttpAnswer;
using fixtures::HttpQuestion;
using fixtures::HttpServer;
using fixtures::ScopedVariable;
using fixtures::SmallHub;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const HubId tiny{.repository = SmallHub::repository, .revision = "main"};
const HttpSink take_all = [](const HttpReply&, std::span<const std::byte>) { return true; };

TEST(Urls, AreShownWithoutTheirSecrets) {
    EXPECT_EQ(shown_url("https://user:pass@host/a/b?X-Signature=secret#f"), "https://host/a/b");
    EXPECT_EQ(shown_url("::"), "an address that cannot be read");
    EXPECT_EQ(url_origin("HTTPS://Host/x"), "https://host:443");
    EXPECT_EQ(url_origin("http://host:8080/x"), "http://host:8080");
    for (const char* bad : {"ftp://host", "file:///etc/passwd", "host", "", "javascript:x"})
        EXPECT_EQ(url_origin(bad), "") << bad;
    EXPECT_EQ(url_resolved("http://a/b/c", "../d?e"), "http://a/d?e");
    EXPECT_EQ(url_resolved("http://a/b/c", "//other/d"), "http://other/d");
    EXPECT_EQ(url_encoded("refs/pr/3 ü%", false), "refs%2Fpr%2F3%20%C3%BC%25");
    EXPECT_EQ(url_encoded("a/b", true), "a/b");
}

class Settings : public testing::Test {
protected:
    fixtures::TemporaryFolder folder_;
    ScopedVariable home_{"HF_HOME", folder_.path().c_str()}, token_{"HF_TOKEN", nullptr},
        legacy_{"HUGGING_FACE_HUB_TOKEN", nullptr}, path_{"HF_TOKEN_PATH", nullptr},
        endpoint_{"HF_ENDPOINT", nullptr}, offline_{"HF_HUB_OFFLINE", nullptr},
        other_{"TRANSFORMERS_OFFLINE", nullptr}, implicit_{"HF_HUB_DISABLE_IMPLICIT_TOKEN", nullptr},
        wait_{"HF_HUB_DOWNLOAD_TIMEOUT", nullptr};
};

TEST_F(Settings, FollowThePublishedNames) {
    EXPECT_EQ(hub_settings().endpoint, "https://huggingface.co");
    EXPECT_EQ(hub_settings().token, "");
    fixtures::write_text(folder_ / "token", " hf_file\n");
    EXPECT_EQ(hub_settings().token, "hf_file");
    fixtures::write_text(folder_ / "elsewhere", "hf_elsewhere");
    const ScopedVariable path("HF_TOKEN_PATH", (folder_ / "elsewhere").c_str());
    EXPECT_EQ(hub_settings().token, "hf_elsewhere");
    const ScopedVariable legacy("HUGGING_FACE_HUB_TOKEN", "hf_legacy");
    EXPECT_EQ(hub_settings().token, "hf_legacy");
    const ScopedVariable token("HF_TOKEN", "hf_now");
    EXPECT_EQ(hub_settings().token, "hf_now");
    const ScopedVariable endpoint("HF_ENDPOINT", "https://mirror.example/hf//");
    EXPECT_EQ(hub_settings().endpoint, "https://mirror.example/hf");
    const ScopedVariable timeout("HF_HUB_DOWNLOAD_TIMEOUT", "3.5");
    EXPECT_EQ(hub_settings().stall_timeout_s, 3.5);
    const ScopedVariable implicit("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1");
    EXPECT_EQ(hub_settings().token, "");
}

TEST_F(Settings, OfflineIsTheFourWordsForTrueOnly) {
    for (const auto& [word, offline] : {std::pair("1", true),
                                        {"on", true},
                                        {"YES", true},
                                        {"True", true},
                                        {"0", false},
                                        {"2", false},
                                        {"", false},
                                        {"offline", false}}) {
        const ScopedVariable variable("TRANSFORMERS_OFFLINE", word);
        EXPECT_EQ(hub_settings().offline, offline) << word;
    }
}

TEST_F(Settings, WhatCannotBeIsRefusedWithoutShowingTheToken) {
    {
        const ScopedVariable endpoint("HF_ENDPOINT", "ftp://host");
        EXPECT_THAT(error_of([] { hub_settings(); }), HasSubstr("HF_ENDPOINT"));
    }
    const ScopedVariable token("HF_TOKEN", "hf_a\nX-Injected: 1");
    EXPECT_THAT(error_of([] { hub_settings(); }), AllOf(HasSubstr("HF_TOKEN"), Not(HasSubstr("hf_a"))));
}

TEST(HubClient, ListsACommitsFilesAndReadsSmallOnes) {
    const SmallHub hub({{"config.json", "{}"}, {"model.safetensors", "weights"}});
    HubClient client(hub.settings("/nowhere"));
    const auto listing = client.list(tiny);
    ASSERT_TRUE(listing);
    EXPECT_EQ(listing->commit, SmallHub::commit);
    ASSERT_EQ(listing->files.size(), 2u);
    EXPECT_EQ(client.text(*listing, *listing->find("config.json"), 100), "{}");
    EXPECT_THAT(error_of([&] { client.text(*listing, *listing->find("config.json"), 1); }),
                HasSubstr("larger"));
    HubFile wrong = *listing->find("config.json");
    wrong.hash = std::string(40, '0');
    EXPECT_THAT(error_of([&] { client.text(*listing, wrong, 100); }), HasSubstr("other bytes"));
    EXPECT_EQ(client.revisions(tiny.repository)->size(), 2u);
    EXPECT_EQ(client.traffic()->requests, 5u);
    const HubId by_commit{.repository = tiny.repository, .revision = SmallHub::commit};
    EXPECT_EQ(client.list(by_commit)->files.size(), 2u);  // no question about what a commit is
    EXPECT_THAT(hub.server().questions().back().target, HasSubstr("/tree/"));
}

// The second host, an http one on another port of the same host, and back again.
TEST(HttpSession, TheTokenGoesToTheEndpointsOwnHostAndPortOnly) {
    std::string home;
    HttpServer third([&](const HttpQuestion&) {
        return HttpAnswer{.status = 302, .headers = {{"Location", home + "/end"}}, .body = ""};
    });
    HttpServer second(
        [&](const HttpQuestion&) {
            return HttpAnswer{
                .status = 307, .headers = {{"Location", third.endpoint() + "/x"}}, .body = "body"};
        },
        "127.0.0.2");
    HttpServer first([&](const HttpQuestion& question) {
        if (question.target == "/end") return HttpAnswer{.headers = {}, .body = "arrived"};
        const std::string to = question.target == "/same" ? "/away" : second.endpoint() + "/signed?key=1";
        return HttpAnswer{.status = 302, .headers = {{"Location", to}}, .body = ""};
    });
    home = first.endpoint();
    HubSettings settings;
    settings.endpoint = home;
    settings.token = "hf_secret";
    HttpSession session(settings);
    const HttpReply reply = session.get({.url = home + "/same", .offset = 0, .count = {}}, take_all, {});
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.url, home + "/end");
    std::vector<std::string> at_home;
    for (const HttpQuestion& question : first.questions())
        at_home.push_back(question.header("authorization"));
    EXPECT_THAT(at_home, ElementsAre("Bearer hf_secret", "Bearer hf_secret", "Bearer hf_secret"));
    ASSERT_EQ(second.questions().size(), 1u);
    ASSERT_EQ(third.questions().size(), 1u);
    EXPECT_EQ(second.questions()[0].headers.count("authorization"), 0u);
    EXPECT_EQ(third.questions()[0].headers.count("authorization"), 0u);
    EXPECT_EQ(second.questions()[0].header("accept-encoding"), "identity");
}

TEST(HttpSession, RedirectsAreBoundedAndStayHttp) {
    HttpServer server([](const HttpQuestion& question) {
        const std::string to = question.target == "/file"  ? "file:///etc/passwd"
                               : question.target == "/bad" ? "http://"
                                                           : question.target;
        return HttpAnswer{.status = 301, .headers = {{"Location", to}}, .body = ""};
    });
    HubSettings settings;
    settings.endpoint = server.endpoint();
    HttpSession session(settings);
    for (const char* path : {"/file", "/bad", "/loop"}) {
        const HttpReply reply =
            session.get({.url = server.endpoint() + path, .offset = 0, .count = {}}, take_all, {});
        EXPECT_EQ(reply.end, HttpReply::End::broken) << path;
        EXPECT_THAT(reply.failure, HasSubstr("redirects")) << path;
        EXPECT_FALSE(may_pass(reply)) << path;
    }
    EXPECT_EQ(server.questions().size(), 2u + 9u);
}

TEST(HttpSession, OfflineAsksNobody) {
    HttpServer server([](const HttpQuestion&) { return HttpAnswer{.headers = {}, .body = ""}; });
    HubSettings settings;
    settings.endpoint = server.endpoint();
    settings.offline = true;
    HttpSession session(settings);
    EXPECT_THAT(
        error_of([&] { session.get({.url = server.endpoint(), .offset = 0, .count = {}}, take_all, {}); }),
        HasSubstr("offline"));
    EXPECT_TRUE(server.questions().empty());
}

TEST(HttpSession, LeavesASilentServerAtOnce) {
    HttpServer server([](const HttpQuestion&) {
        return HttpAnswer{
            .headers = {}, .body = "late", .cut_after = {}, .pause = std::chrono::milliseconds(700)};
    });
    HubSettings settings;
    settings.endpoint = server.endpoint();
    HttpSession session(settings);
    const auto started = std::chrono::steady_clock::now();
    const HttpReply reply = session.get(
        {.url = server.endpoint() + "/", .offset = 0, .count = {}}, take_all,
        [&] { return std::chrono::steady_clock::now() - started < std::chrono::milliseconds(100); });
    EXPECT_EQ(reply.end, HttpReply::End::cancelled);
    EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::milliseconds(300));
}

TEST(HubError, SaysWhatAPersonCanDo) {
    HubSettings settings;
    settings.token = "hf_secret";
    const auto words = [&](long status, const char* code, const std::string& file = {}) {
        HttpReply reply;
        reply.end = HttpReply::End::answered;
        reply.status = status;
        reply.url = settings.endpoint + "/x?signature=sig";
        if (*code != '\0') reply.headers["x-error-code"] = code;
        return std::string(
            hub_error(settings, {.repository = "org/x", .revision = "step5"}, file, reply).message());
    };
    EXPECT_THAT(words(403, "GatedRepo"),
                AllOf(HasSubstr("terms"), HasSubstr("https://huggingface.co/org/x")));
    EXPECT_THAT(words(401, ""), AllOf(HasSubstr("HF_TOKEN"), HasSubstr("org/x@step5")));
    EXPECT_THAT(words(404, "RevisionNotFound"), AllOf(HasSubstr("revision"), HasSubstr("step5")));
    EXPECT_THAT(words(404, "EntryNotFound", "a.bin"), HasSubstr("a.bin"));
    EXPECT_THAT(words(404, "RepoNotFound"), HasSubstr("no model"));
    EXPECT_THAT(words(416, "", "a.bin"), HasSubstr("range"));
    EXPECT_THAT(words(500, ""), HasSubstr("later"));
    for (const long status : {401L, 403L, 404L, 416L, 429L, 500L})
        EXPECT_THAT(words(status, ""), AllOf(Not(HasSubstr("hf_secret")), Not(HasSubstr("sig"))));
}

HubListing with(std::initializer_list<const char*> names) {
    HubListing listing{.id = tiny, .commit = SmallHub::commit, .files = {}};
    for (const char* name : names) listing.files.push_back({.path = name, .size = 1, .hash = {}});
    return listing;
}

TEST(ChooseWeights, TakesTheFoldersOwnOrder) {
    EXPECT_EQ(choose_weights(with({"pytorch_model.bin", "model.safetensors", "x.gguf"})),
              "model.safetensors");
    EXPECT_EQ(choose_weights(with({"model.safetensors.index.json", "model-1.safetensors", "x.bin"})),
              "model.safetensors.index.json");
    EXPECT_EQ(choose_weights(with({"pytorch_model.bin.index.json", "x.gguf", "training_args.bin"})),
              "pytorch_model.bin.index.json");
    EXPECT_EQ(choose_weights(with({"training_args.bin", "weights.pt", "optimizer.pt"})), "weights.pt");
    EXPECT_EQ(choose_weights(with({"x-00001-of-00002.gguf", "x-00002-of-00002.gguf"})),
              "x-00001-of-00002.gguf");
    EXPECT_THAT(error_of([] {
                    choose_weights(with({"a.gguf", "b.gguf"}));
                }),
                AllOf(HasSubstr("a.gguf, b.gguf"), HasSubstr("--file")));
    EXPECT_THAT(error_of([] {
                    choose_weights(with({"sub/model.safetensors", "README.md"}));
                }),
                HasSubstr("no weights"));
}

}  // namespace
}  // namespace deadscope
