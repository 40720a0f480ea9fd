// The hub through the controller, against a loopback server: asked, read remotely, downloaded, cancelled,
// refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <thread>

#include "app/controller.h"
#include "tests/fixtures/model_files.h"
#include "tests/fixtures/small_hub.h"

namespace deadscope {
namespace {

using namespace std::chrono_literals;
using fixtures::HttpAnswer;
using fixtures::HttpQuestion;
using fixtures::ScopedVariable;
using fixtures::SmallHub;
using testing::HasSubstr;
using testing::Not;
using Stage = OpenModel::Stage;

constexpr auto patience = 60s;

std::map<std::string, std::string> repository() {
    auto model = fixtures::tiny_gpt2();
    model.tensors["transformer.h.0.unused"] = fixtures::constant({1024, 512}, 0.5);
    return {{"config.json", model.config.dump()},
            {"model.safetensors", fixtures::safetensors_bytes(model.tensors)}};
}

class ControllerHub : public testing::Test {
protected:
    // The environment is set before the controller's threads read it.
    void start(std::function<std::optional<HttpAnswer>(const HttpQuestion&)> change = {}) {
        hub_ = std::make_unique<SmallHub>(repository(), std::move(change));
        endpoint_ = std::make_unique<ScopedVariable>("HF_ENDPOINT", hub_->server().endpoint().c_str());
        ControllerOptions options;
        options.run_when_opened = false;
        controller_ = std::make_unique<Controller>(std::move(options));
    }
    template <class T>
    void emit(T intent) {
        Intents intents;
        intents.emit(std::move(intent));
        controller_->apply(intents.take());
    }
    bool until(const std::function<bool()>& there) {
        const auto end = std::chrono::steady_clock::now() + patience;
        while (std::chrono::steady_clock::now() < end) {
            controller_->update();
            if (there()) return true;
            std::this_thread::sleep_for(1ms);
        }
        return false;
    }
    bool until_idle() {
        return until([&] { return controller_->update(); });
    }
    const ExplorerState& state() const { return controller_->state(); }

    fixtures::TemporaryFolder folder_;
    ScopedVariable cache_{"HF_HUB_CACHE", folder_.path().c_str()}, token_{"HF_TOKEN", "hf_secret"},
        offline_{"HF_HUB_OFFLINE", nullptr}, other_{"TRANSFORMERS_OFFLINE", nullptr};
    std::unique_ptr<SmallHub> hub_;
    std::unique_ptr<ScopedVariable> endpoint_;
    std::unique_ptr<Controller> controller_;  // first to end: its threads read the environment
};

TEST_F(ControllerHub, AskedReadRemotelyThenDownloadedInPlace) {
    start();
    emit(HubAskIntent{"org/tiny"});
    EXPECT_TRUE(state().hub.asking);
    ASSERT_TRUE(until_idle());
    ASSERT_TRUE(state().hub.offer);
    EXPECT_EQ(state().hub.offer->listing.commit, SmallHub::commit);
    EXPECT_EQ(state().hub.offer->needed.weights, "model.safetensors");
    EXPECT_EQ(state().hub.offer->revisions.size(), 2u);

    emit(OpenIntent{.model = "org/tiny", .remote = true});
    ASSERT_TRUE(until_idle());
    ASSERT_EQ(state().models.size(), 1u);
    const OpenModel& model = state().models.front();
    EXPECT_EQ(model.stage, Stage::ready);
    ASSERT_TRUE(model.gamma);
    const auto remote_gamma = model.gamma->norms.back().parameters.gamma;
    EXPECT_THAT(model.error, HasSubstr("Download"));
    emit(RunIntent{model.id});  // says why not instead of looking for it in the cache
    ASSERT_TRUE(until_idle());
    EXPECT_EQ(state().models.front().stage, Stage::ready);

    emit(HubFetchIntent{"org/tiny"});
    ASSERT_TRUE(until_idle());
    ASSERT_EQ(state().models.size(), 1u);
    EXPECT_FALSE(state().models.front().remote);
    EXPECT_TRUE(state().models.front().gamma->model.forward_supported) << state().models.front().error;
    EXPECT_EQ(state().models.front().gamma->norms.back().parameters.gamma, remote_gamma);
    ASSERT_EQ(state().hub.cached.size(), 1u);
    EXPECT_EQ(state().hub.cached.front().revisions.front().state, CachedRevision::State::complete);
    for (const LogLine& line : state().log) EXPECT_THAT(line.text, Not(HasSubstr("hf_secret")));
}

TEST_F(ControllerHub, ADownloadIsCancelledWithin200MsAndGoesOnLater) {
    std::atomic<bool> slow{true};
    const auto files = repository();
    start([&](const HttpQuestion& question) -> std::optional<HttpAnswer> {
        if (!question.target.ends_with(".safetensors")) return std::nullopt;
        HttpAnswer answer = fixtures::ranged(question, files.at("model.safetensors"));
        if (slow) answer.pause = 50ms;
        return answer;
    });
    emit(HubFetchIntent{"org/tiny"});
    ASSERT_TRUE(until([&] { return !state().jobs.empty() && state().jobs.front().fraction > 0.05; }));
    const auto started = std::chrono::steady_clock::now();
    emit(CancelIntent{state().jobs.front().id});
    ASSERT_TRUE(until([&] { return !controller_->busy(); }));
    EXPECT_LT(std::chrono::steady_clock::now() - started, 200ms);
    ASSERT_TRUE(until_idle());
    EXPECT_TRUE(state().models.empty());
    EXPECT_EQ(state().jobs.front().state, JobState::cancelled);
    slow = false;
    emit(HubFetchIntent{"org/tiny"});
    ASSERT_TRUE(until_idle());
    EXPECT_EQ(state().models.size(), 1u);
    EXPECT_THAT(hub_->server().questions().back().header("range"), HasSubstr("bytes="));
}

TEST_F(ControllerHub, RefusalsAreSaid) {
    start([](const HttpQuestion&) -> std::optional<HttpAnswer> {
        return HttpAnswer{.status = 403, .headers = {{"X-Error-Code", "GatedRepo"}}};
    });
    emit(HubAskIntent{"org/tiny"});
    ASSERT_TRUE(until_idle());
    EXPECT_FALSE(state().hub.asking);
    EXPECT_THAT(state().hub.error, HasSubstr("terms"));
    emit(OpenIntent{.model = "org/tiny", .remote = true});
    ASSERT_TRUE(until_idle());
    EXPECT_EQ(state().models.front().stage, Stage::failed);
    EXPECT_THAT(state().models.front().error, HasSubstr("terms"));
    emit(HubFetchIntent{"no/hub/id"});
    ASSERT_TRUE(until_idle());
    EXPECT_THAT(state().hub.error, HasSubstr("hub id"));
}

}  // namespace
}  // namespace deadscope
