// Intents, jobs and state without a window: what the controller does with the built-in models and with files
// that cannot be read.
#include "app/controller.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <thread>

#include "core/base/error.h"
#include "core/base/machine.h"
#include "core/base/thread_priority.h"
#include "tests/fixtures/safetensors_writer.h"
#include "tests/fixtures/wide_reading.h"

namespace deadscope {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using Stage = OpenModel::Stage;

constexpr auto patience = 120s;  // sanitizers and busy machines included

ReadingSettings small_settings() {
    ReadingSettings settings;
    settings.input.tokens = 192;
    settings.threads = 1;
    return settings;
}

// A pass long enough to be met on its way.
ReadingSettings long_settings() {
    ReadingSettings settings;
    settings.input.tokens = 60000;
    settings.precisions = {Precision::f64};
    settings.threads = 1;
    return settings;
}

// The frames that a window would draw.
class Session {
public:
    explicit Session(ReadingSettings settings = small_settings(), bool run = true)
        : controller({.settings = std::move(settings), .run_when_opened = run}) {}

    template <class T>
    void emit(T intent) {
        Intents intents;
        intents.emit(std::move(intent));
        controller.apply(intents.take());
    }
    bool until(const std::function<bool()>& there) {
        const auto end = std::chrono::steady_clock::now() + patience;
        while (std::chrono::steady_clock::now() < end) {
            controller.update();
            if (there()) return true;
            std::this_thread::sleep_for(1ms);
        }
        return false;
    }
    bool until_idle() {
        return until([&] { return controller.update(); });
    }
    const OpenModel& model(std::size_t place = 0) const { return controller.state().models.at(place); }

    Controller controller;
};

std::string log_text(const ExplorerState& state) {
    std::string text;
    for (const LogLine& line : state.log) text += line.text + "\n";
    return text;
}

TEST(Controller, GammaIsThereBeforeAnyPass) {
    Session session(small_settings(), /*run=*/false);
    session.emit(OpenIntent{"zoo:gpt-layernorm"});
    EXPECT_EQ(session.model().stage, Stage::opening);
    ASSERT_TRUE(session.until_idle());
    EXPECT_EQ(session.model().stage, Stage::ready);
    ASSERT_NE(session.model().gamma, nullptr);
    EXPECT_GT(session.model().gamma->norms.size(), 1u);
    EXPECT_EQ(session.model().reading, nullptr);
}

TEST(Controller, APassFollowsTheOpeningAndEndsDone) {
    Session session;
    session.emit(OpenIntent{"zoo:gpt-layernorm"});
    ASSERT_TRUE(session.until_idle());
    EXPECT_EQ(session.model().stage, Stage::done) << session.model().error;
    ASSERT_NE(session.model().reading, nullptr);
    EXPECT_TRUE(session.model().reading->runs.at(0).complete);
    EXPECT_THAT(log_text(session.controller.state()), HasSubstr("read in"));
}

TEST(Controller, TheReadingGrowsBlockByBlock) {
    Session session(long_settings());
    session.emit(OpenIntent{"zoo:gpt-layernorm"});
    const auto blocks = [&] {
        const auto& reading = session.model().reading;
        return reading && !reading->runs.empty() ? reading->runs[0].blocks.size() : 0;
    };
    ASSERT_TRUE(session.until([&] { return blocks() > 0; }));
    const std::size_t first = blocks();
    EXPECT_FALSE(session.model().reading->runs[0].complete);
    EXPECT_EQ(session.model().stage, Stage::running);
    const JobStatus* job = session.controller.state().job_of(session.model().id);
    ASSERT_NE(job, nullptr);
    EXPECT_GT(job->fraction, 0.0);
    ASSERT_TRUE(session.until([&] { return blocks() > first; }));
}

TEST(Controller, CancellingStopsThePassWithinAMomentAndKeepsWhatWasRead) {
    Session session(long_settings());
    session.emit(OpenIntent{"zoo:gpt-layernorm"});
    ASSERT_TRUE(
        session.until([&] { return session.model().stage == Stage::running && session.model().reading; }));
    const auto start = std::chrono::steady_clock::now();
    session.emit(CancelIntent{});
    ASSERT_TRUE(session.until_idle());
    EXPECT_LT(std::chrono::steady_clock::now() - start, 60s);  // a hang, not a measure of speed
    EXPECT_TRUE(session.model().run_cancelled);
    EXPECT_EQ(session.model().stage, Stage::ready);
    EXPECT_NE(session.model().reading, nullptr);
}

TEST(Controller, StoppingLeavesNothingToDo) {
    Session session(long_settings());
    session.emit(OpenIntent{"zoo:gpt-layernorm"});
    ASSERT_TRUE(session.until([&] { return session.model().stage == Stage::running; }));
    (void)session.controller.stop();  // false where the machine is so slow that a step outlasts the patience
    EXPECT_FALSE(session.controller.busy());
    session.controller.update();
    EXPECT_TRUE(session.model().run_cancelled);
}

TEST(Controller, ClosingAModelCancelsItsPass) {
    Session session(long_settings());
    session.emit(OpenIntent{"zoo:gpt-layernorm"});
    ASSERT_TRUE(session.until([&] { return session.model().stage == Stage::running; }));
    const auto start = std::chrono::steady_clock::now();
    session.emit(CloseIntent{session.model().id});
    EXPECT_TRUE(session.controller.state().models.empty());
    ASSERT_TRUE(session.until_idle());
    EXPECT_LT(std::chrono::steady_clock::now() - start, 60s);  // a hang, not a measure of speed
}

TEST(Controller, LeavingWhileAPassRunsDoesNotWaitForItsEnd) {
    auto session = std::make_unique<Session>(long_settings());
    session->emit(OpenIntent{"zoo:gpt-layernorm"});
    ASSERT_TRUE(session->until([&] { return session->model().stage == Stage::running; }));
    const auto start = std::chrono::steady_clock::now();
    session.reset();
    EXPECT_LT(std::chrono::steady_clock::now() - start, 60s);  // a hang, not a measure of speed
}

TEST(Controller, OfFourCheckpointsOneIsBrokenAndThreeWork) {
    const fixtures::TemporaryFolder folder;
    fixtures::write_text(folder / "config.json", R"({"model_type": "gpt2"})");
    fixtures::write_text(folder / "model.safetensors", "not a header at all");
    Session session;
    session.emit(OpenIntent{"zoo:gpt-layernorm"});
    session.emit(OpenIntent{folder.path().string()});
    session.emit(OpenIntent{"zoo:gpt-rmsnorm"});
    session.emit(OpenIntent{"zoo:vit-layernorm"});
    ASSERT_TRUE(session.until_idle());
    for (const std::size_t place : {0u, 2u, 3u}) {
        EXPECT_EQ(session.model(place).stage, Stage::done) << session.model(place).error;
        EXPECT_EQ(session.model(place).error, "");
    }
    EXPECT_EQ(session.model(1).stage, Stage::failed);
    EXPECT_THAT(session.model(1).error, HasSubstr("model.safetensors"));
    EXPECT_THAT(log_text(session.controller.state()), HasSubstr("model.safetensors"));
    EXPECT_THROW(std::rethrow_exception(session.controller.failure(session.model(1).id)), Error);
}

TEST(Controller, OfManyThatEndAtOnceEachSaysHow) {
    Session session(long_settings(), /*run=*/false);
    for (int i = 0; i < 100; ++i) session.emit(OpenIntent{"/nowhere/" + std::to_string(i)});
    session.emit(CancelIntent{});
    ASSERT_TRUE(session.until_idle());
    for (const OpenModel& model : session.controller.state().models) {
        EXPECT_EQ(model.stage, Stage::failed) << model.label;
        EXPECT_NE(model.error, "") << model.label;
    }
}

TEST(Controller, AFailedModelCanBeTriedAgain) {
    const fixtures::TemporaryFolder folder;
    const std::string path = (folder / "later").string();
    Session session;
    session.emit(OpenIntent{path});
    ASSERT_TRUE(session.until_idle());
    ASSERT_EQ(session.model().stage, Stage::failed);
    const ModelId id = session.model().id;
    session.emit(OpenIntent{path});
    EXPECT_EQ(session.controller.state().models.size(), 1u);
    EXPECT_EQ(session.model().stage, Stage::opening);
    EXPECT_EQ(session.model().id, id);
}

TEST(Controller, AnErrorOfThePassLeavesGammaAndSaysWhy) {
    ReadingSettings settings = small_settings();
    settings.input = {.kind = InputKind::tokens, .value = "/nowhere/tokens.npy", .tokens = {}, .seed = 0};
    Session session(settings);
    session.emit(OpenIntent{"zoo:gpt-layernorm"});
    ASSERT_TRUE(session.until_idle());
    EXPECT_NE(session.model().gamma, nullptr);
    EXPECT_THAT(session.model().error, HasSubstr("tokens.npy"));
    session.emit(DismissErrorIntent{session.model().id});
    EXPECT_EQ(session.model().error, "");
}

TEST(Controller, TheSameModelIsOpenOnce) {
    Session session(small_settings(), /*run=*/false);
    session.emit(OpenIntent{"zoo:gpt-layernorm"});
    session.emit(OpenIntent{"zoo:gpt-rmsnorm"});
    session.emit(OpenIntent{"zoo:gpt-layernorm"});
    EXPECT_EQ(session.controller.state().models.size(), 2u);
    EXPECT_EQ(session.controller.state().selection.model, session.model(0).id);
}

TEST(Controller, OrderColoursAndLabelsStayDistinct) {
    Session session(small_settings(), /*run=*/false);
    for (const char* name : {"zoo:gpt-layernorm", "zoo:gpt-rmsnorm", "zoo:vit-layernorm"})
        session.emit(OpenIntent{name});
    const ModelId first = session.model(0).id, second = session.model(1).id, third = session.model(2).id;
    session.emit(MoveIntent{third, -1});
    EXPECT_EQ(session.model(1).id, third);
    session.emit(MoveIntent{first, 5});
    EXPECT_EQ(session.model(2).id, first);
    session.emit(MoveIntent{first, -5});
    EXPECT_EQ(session.model(0).id, first);
    session.emit(CloseIntent{second});
    session.emit(OpenIntent{"zoo:gpt-planted"});  // takes the colour that has become free
    EXPECT_EQ(session.model(2).colour, 1u);
    ASSERT_TRUE(session.until_idle());
    EXPECT_NE(session.model(0).label, session.model(1).label);
}

TEST(Controller, SelectionFollowsWhatIsOpen) {
    Session session(small_settings(), /*run=*/false);
    session.emit(OpenIntent{"zoo:gpt-layernorm"});
    session.emit(OpenIntent{"zoo:gpt-rmsnorm"});
    const ExplorerState& state = session.controller.state();
    EXPECT_EQ(state.selected(), &session.model(0));
    session.emit(ShowIntent{session.model(0).id, false});
    EXPECT_EQ(state.selected(), &session.model(1));
    session.emit(SelectIntent{{.model = 12345, .norm = {}, .block = {}, .channel = {}}});
    EXPECT_EQ(state.selection.model, 0u);
    session.emit(HoverIntent{{.model = session.model(1).id, .norm = 2, .block = {}, .channel = {}}});
    EXPECT_EQ(state.hover.norm, 2u);
    session.controller.apply({});
    EXPECT_FALSE(state.hover.norm.has_value());
}

TEST(Controller, ABlocksSpectrumIsComputedOnceAndForgottenByTheNextPass) {
    Session session;
    session.emit(OpenIntent{"zoo:gpt-layernorm"});
    ASSERT_TRUE(session.until_idle());
    const BlockSpectrumKey key{session.model().id, 0, 2, true};
    session.emit(SpectrumIntent{key});
    session.emit(SpectrumIntent{key});
    ASSERT_TRUE(session.until_idle());
    const auto& spectra = session.controller.state().block_spectra;
    ASSERT_TRUE(spectra.contains(key));
    const std::vector<double>& values = *spectra.at(key);
    ASSERT_EQ(values.size(), static_cast<std::size_t>(session.model().gamma->model.d_model));
    EXPECT_TRUE(std::ranges::is_sorted(values, std::greater<>()));
    const BlockReading& block = session.model().reading->runs[0].blocks.at(2);
    EXPECT_NEAR(values.front(), block.sigma_max_centred, 1e-9 * block.sigma_max_centred);
    session.emit(RunIntent{session.model().id});
    EXPECT_FALSE(spectra.contains(key));
}

TEST(Controller, SavingTextWritesTheFileOrSaysWhyNot) {
    const fixtures::TemporaryFolder folder;
    Session session;
    session.emit(SaveTextIntent{(folder / "data.csv").string(), "a,b\n"});
    session.emit(SaveTextIntent{(folder / "missing" / "data.csv").string(), "a,b\n"});
    ASSERT_TRUE(session.until_idle());
    EXPECT_TRUE(std::filesystem::exists(folder / "data.csv"));
    const auto& log = session.controller.state().log;
    EXPECT_TRUE(
        std::ranges::any_of(log, [](const LogLine& line) { return line.level == LogLine::Level::error; }));
}

// What a session file or another program measured is shown as a pass's own; the same name is the same model.
TEST(ControllerTest, ShowsAReadingMadeElsewhere) {
    Session session;
    const auto partial = fixtures::wide_reading({.name = "wide", .width = 64, .layers = 4, .blocks = 2});
    const auto whole = fixtures::wide_reading({.name = "wide", .width = 64, .layers = 4, .blocks = 5});
    const ModelId id = session.controller.show_reading("wide", partial, /*complete=*/false);
    const OpenModel& model = session.controller.state().models.at(0);
    EXPECT_EQ(model.id, id);
    EXPECT_EQ(model.stage, Stage::running);
    EXPECT_EQ(model.reading, partial);
    const std::shared_ptr<const GammaReading> gamma = model.gamma;
    EXPECT_EQ(session.controller.show_reading("wide", whole, /*complete=*/true), id);
    ASSERT_EQ(session.controller.state().models.size(), 1u);
    EXPECT_EQ(model.stage, Stage::done);
    EXPECT_EQ(model.reading, whole);
    EXPECT_EQ(model.gamma, gamma) << "γ is the same: what was made of it stays";
}

// Beside a window a pass leaves a core where there are more than two, and says how many it took.
TEST(ControllerTest, APassBesideAWindowLeavesItACore) {
    ReadingSettings settings = small_settings();
    settings.threads = 0;
    Controller controller({.settings = settings, .window = true});
    Intents intents;
    intents.emit(OpenIntent{"zoo:gpt-layernorm"});
    controller.apply(intents.take());
    const auto end = std::chrono::steady_clock::now() + patience;
    const auto done = [&] { return controller.state().models.at(0).stage == Stage::done; };
    while (!done() && std::chrono::steady_clock::now() < end) {
        std::this_thread::sleep_for(1ms);
        controller.update();
    }
    ASSERT_TRUE(done());
    EXPECT_EQ(controller.state().models.at(0).reading->threads, threads_beside_window(0, machine().cores));
}

}  // namespace
}  // namespace deadscope
