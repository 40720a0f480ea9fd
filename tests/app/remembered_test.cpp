// The view settings between two starts: written, read back, and what a damaged file does.
#include "app/remembered.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/fixtures/model_files.h"
#include "tests/fixtures/safetensors_writer.h"

namespace deadscope {
namespace {

class Remembered : public ::testing::Test {
protected:
    const fixtures::TemporaryFolder folder_;
    const fixtures::ScopedVariable home_{"XDG_CONFIG_HOME", folder_.path().c_str()};
    std::filesystem::path file() const { return folder_ / "deadscope" / "settings.json"; }
};

TEST_F(Remembered, LivesInTheSettingsFolderOfTheDesktop) {
    EXPECT_EQ(settings_folder(), (folder_ / "deadscope").string());
}

TEST_F(Remembered, ComesBackAsItWas) {
    ViewState view;
    view.theme = ThemeKind::projector;
    view.text_scale = 1.5f;
    view.motion = false;
    view.panel_open["Jobs"] = false;
    view.gamma.colour_map = 1;
    save_view(view);
    ViewState read;
    load_view(read);
    EXPECT_EQ(read.theme, ThemeKind::projector);
    EXPECT_FLOAT_EQ(read.text_scale, 1.5f);
    EXPECT_FALSE(read.motion);
    EXPECT_EQ(read.panel_open, view.panel_open);
    EXPECT_EQ(read.gamma.colour_map, 1);
    std::ifstream written(file());
    std::stringstream text;
    text << written.rdbuf();
    EXPECT_NE(text.str().find("\"projector\""), std::string::npos);  // words, not numbers
}

TEST_F(Remembered, WhatIsNotUnderstoodStaysAtItsDefault) {
    std::filesystem::create_directories(file().parent_path());
    fixtures::write_text(file(), R"({"text_scale": "large", "theme": "light", "gamma_colour_map": 77})");
    ViewState view;
    load_view(view);
    EXPECT_FLOAT_EQ(view.text_scale, 1.f);
    EXPECT_EQ(view.theme, ThemeKind::light);
    EXPECT_EQ(view.gamma.colour_map, 1);
    for (const char* damaged : {"", "{", "[1, 2]", "null"}) {
        fixtures::write_text(file(), damaged);
        ViewState untouched;
        load_view(untouched);
        EXPECT_EQ(untouched.theme, ThemeKind::dark) << damaged;
    }
}

TEST_F(Remembered, AFolderThatCannotBeMadeKeepsNothingFromClosing) {
    fixtures::write_text(folder_ / "deadscope", "a file where the folder would be");
    EXPECT_NO_THROW(save_view(ViewState{}));
}

}  // namespace
}  // namespace deadscope
