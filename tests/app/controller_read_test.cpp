// Activations without their model, and towers chosen by the input, through the controller.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <thread>

#include "app/controller.h"
#include "app/dialogs/help.h"
#include "core/base/mapped_file.h"
#include "tests/fixtures/norm_rows.h"
#include "tests/fixtures/two_towers.h"

namespace deadscope {
namespace {

using namespace std::chrono_literals;
using testing::EndsWith;
using testing::HasSubstr;
using Stage = OpenModel::Stage;

constexpr auto patience = 120s;

class ControllerRead : public testing::Test {
protected:
    ControllerRead() {
        ControllerOptions options;
        options.settings.input.tokens = 48;
        options.settings.threads = 1;
        controller_ = std::make_unique<Controller>(std::move(options));
    }
    template <class T>
    void emit(T intent) {
        Intents intents;
        intents.emit(std::move(intent));
        controller_->apply(intents.take());
    }
    void read(const std::string& file, const std::string& gamma, NormKind kind = NormKind::unknown) {
        ReadIntent intent{.file = file, .settings = {}};
        intent.settings.gamma = gamma;
        intent.settings.kind = kind;
        emit(intent);
    }
    // As the dialog asks when a name was typed.
    bool look_into(const std::string& file, const std::string& gamma = "") {
        emit(ViewIntent{[=](ViewState& view) {
            view.read_form = {.file = file, .settings = {}};
            view.read_form.settings.gamma = gamma;
        }});
        emit(ArraysIntent{file});
        EXPECT_TRUE(state().arrays.reading);
        return until_idle();
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
    const OpenModel& model(std::size_t place = 0) const { return state().models.at(place); }
    std::string layer_norm_file() {
        return fixtures::write_norm_file(folder_ / "layer.safetensors", fixtures::layer_norm_rows());
    }

    fixtures::TemporaryFolder folder_;
    fixtures::OwnFamily own_ = fixtures::two_towers();
    std::unique_ptr<Controller> controller_;  // first to end: its threads read the environment
};

TEST_F(ControllerRead, TheArraysOfAFileFillInWhatCanBeOneAlone) {
    const std::string file = layer_norm_file();
    ASSERT_TRUE(look_into(file));
    ASSERT_EQ(state().arrays.arrays.size(), 2u);
    EXPECT_EQ(state().arrays.error, "");
    EXPECT_EQ(state().view.read_form.settings.tensor, "y");
    EXPECT_EQ(state().view.read_form.settings.gamma, file + ":gamma");
}

TEST_F(ControllerRead, WhatIsTypedStaysAndWhatCouldBeSeveralIsLeftOpen) {
    ASSERT_TRUE(look_into(layer_norm_file(), "zoo:gpt-layernorm"));
    EXPECT_EQ(state().view.read_form.settings.gamma, "zoo:gpt-layernorm");
    const std::string several = (folder_ / "several.safetensors").string();
    fixtures::write_safetensors(several, {{"a", fixtures::layer_norm_rows()},
                                          {"b", fixtures::layer_norm_rows()},
                                          {"gamma", fixtures::norm_gamma()}});
    ASSERT_TRUE(look_into(several));
    EXPECT_EQ(state().arrays.arrays.size(), 3u);
    EXPECT_EQ(state().view.read_form.settings.tensor, "");
    EXPECT_EQ(state().view.read_form.settings.gamma, "");
}

TEST_F(ControllerRead, AFileWithoutArraysIsExplained) {
    fixtures::write_text(folder_ / "notes.txt", "no array");
    ASSERT_TRUE(look_into((folder_ / "notes.txt").string()));
    EXPECT_THAT(state().arrays.error, HasSubstr("notes.txt"));
    EXPECT_FALSE(state().arrays.reading);
    EXPECT_TRUE(state().models.empty());
}

TEST_F(ControllerRead, AReadingIsAnEntryAmongTheModels) {
    const std::string file = layer_norm_file();
    emit(OpenIntent{"zoo:gpt-rmsnorm"});
    read(file, file + ":gamma", NormKind::layer_norm);
    EXPECT_EQ(model(1).stage, Stage::queued);
    EXPECT_EQ(state().selected(), &model(1));
    ASSERT_TRUE(until_idle());
    const OpenModel& entry = model(1);
    ASSERT_EQ(entry.stage, Stage::done) << entry.error;
    EXPECT_EQ(entry.label, "layer.safetensors:y");
    EXPECT_NE(entry.colour, model(0).colour);
    ASSERT_TRUE(entry.gamma && entry.reading);
    EXPECT_EQ(entry.gamma->norms.at(0).parameters.gamma, fixtures::norm_gamma().values);
    const deadscope::Run& run = entry.reading->runs.at(0);
    EXPECT_TRUE(run.complete && run.blocks.empty());
    EXPECT_EQ(run.tokens, static_cast<std::size_t>(fixtures::norm_rows));
    EXPECT_EQ(verdict(run), Verdict::kernel);
    ASSERT_TRUE(run.alignment.value);
    EXPECT_GT(*run.alignment.value, 1.0 - 1e-10);  // rounding in f32 squared, times the width
    EXPECT_EQ(model(0).stage, Stage::done);
}

TEST_F(ControllerRead, TheSameRowsAgainStayInTheirPlace) {
    const std::string file =
        fixtures::write_norm_file(folder_ / "rms.safetensors", fixtures::rms_norm_rows());
    read(file, file + ":gamma", NormKind::layer_norm);
    ASSERT_TRUE(until_idle());
    EXPECT_EQ(verdict(model().reading->runs.at(0)), Verdict::no_kernel);
    const ModelId id = model().id;
    read(file, file + ":gamma", NormKind::rms_norm);
    ASSERT_TRUE(until_idle());
    ASSERT_EQ(state().models.size(), 1u);
    EXPECT_EQ(model().id, id);
    EXPECT_EQ(model().reading->runs.at(0).norm_kind, NormKind::rms_norm);
    const Reading* before = model().reading.get();
    emit(RunIntent{});  // Ctrl+R reads the file again
    ASSERT_TRUE(until_idle());
    EXPECT_NE(model().reading.get(), before);
    EXPECT_EQ(model().stage, Stage::done);
    emit(OpenIntent{file});  // the same file as a checkpoint is another matter
    EXPECT_EQ(state().models.size(), 2u);
}

TEST_F(ControllerRead, WhatCannotBeReadSaysWhyAndCanBeTriedAgain) {
    const std::string file = layer_norm_file(), gamma = (folder_ / "late.safetensors").string();
    read(file, gamma);
    ASSERT_TRUE(until_idle());
    EXPECT_EQ(model().stage, Stage::failed);
    EXPECT_THAT(model().error, HasSubstr("late.safetensors"));
    EXPECT_EQ(model().gamma, nullptr);
    EXPECT_NE(controller_->failure(model().id), nullptr);
    fixtures::write_safetensors(gamma, {{"g", fixtures::norm_gamma()}});
    emit(RunIntent{model().id});
    ASSERT_TRUE(until_idle());
    EXPECT_EQ(model().stage, Stage::done) << model().error;
    EXPECT_EQ(model().error, "");
}

TEST_F(ControllerRead, OneThatIsCancelledBeforeItsEndSaysSo) {
    ReadingSettings settings = state().settings;
    settings.input.tokens = 60000;
    settings.precisions = {Precision::f64};
    emit(SettingsIntent{settings});
    emit(OpenIntent{"zoo:gpt-layernorm"});
    ASSERT_TRUE(until([&] { return model().stage == Stage::running; }));
    const std::string file = layer_norm_file();
    read(file, file + ":gamma");
    emit(CancelIntent{});
    ASSERT_TRUE(until_idle());
    EXPECT_EQ(model(1).stage, Stage::failed);
    EXPECT_EQ(model(1).error, "The reading was cancelled.");
    emit(CloseIntent{model(1).id});
    EXPECT_EQ(state().models.size(), 1u);
}

TEST_F(ControllerRead, PicturesAreReadByTheTowerThatTakesThem) {
    const std::string two = own_.open().source();
    fixtures::write_text(std::filesystem::path(two) / "preprocessor_config.json",
                         R"({"image_processor_type": "ViTImageProcessor", "size": 8})");
    emit(OpenIntent{two});
    ASSERT_TRUE(until_idle());
    EXPECT_EQ(model().gamma->model.tower, "text");
    ReadingSettings settings = state().settings;
    settings.input.kind = InputKind::images;
    settings.input.value = kDrawnScenes;
    emit(SettingsIntent{settings});
    emit(RunIntent{});
    ASSERT_TRUE(until_idle());
    ASSERT_EQ(model().stage, Stage::done) << model().error;
    EXPECT_EQ(model().gamma->model.tower, "vision");  // γ on screen is of what was read
    EXPECT_THAT(model().label, EndsWith("#vision"));
    settings.input.kind = InputKind::random;
    emit(SettingsIntent{settings});
    emit(RunIntent{});
    ASSERT_TRUE(until_idle());
    EXPECT_EQ(model().gamma->model.tower, "text");
}

TEST(TowerModel, NamesTheOthersOfTheSameCheckpoint) {
    auto gamma = std::make_shared<GammaReading>();
    gamma->model.towers = {"text", "vision"};
    gamma->model.tower = "text";
    OpenModel model;
    model.gamma = gamma;
    model.model = "/m/clip";
    EXPECT_EQ(tower_model(model, "vision"), "/m/clip#vision");
    gamma->model.tower = "vision";  // by the input
    EXPECT_EQ(tower_model(model, "text"), "/m/clip#text");
    model.model = "/m/clip#vision";
    EXPECT_EQ(tower_model(model, "text"), "/m/clip");
}

TEST(Help, ShowsTheHookOfTheReadme) {
    const std::string readme = read_text_file(DEADSCOPE_SOURCE_DIR "/README.md", 1u << 20);
    EXPECT_THAT(readme, HasSubstr("```python\n" + std::string(activations_hook()) + "```\n"));
}

}  // namespace
}  // namespace deadscope
