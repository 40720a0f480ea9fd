// Every panel and the whole window drawn without a display: the picture has the size asked for and is not
// blank. Needs EGL; one process each, since a process runs one window.
#include <gmock/gmock.h>
#include <png.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "app/panels/panels.h"
#include "app/window.h"
#include "core/base/error.h"
#include "tests/fixtures/safetensors_writer.h"

namespace deadscope {
namespace {

using ::testing::HasSubstr;

struct Picture {
    std::size_t width = 0, height = 0;
    std::vector<unsigned char> rgb;  // [height, width, 3]
};

Picture read_picture(const std::string& path) {
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    Picture picture;
    if (png_image_begin_read_from_file(&image, path.c_str()) == 0) return picture;
    image.format = PNG_FORMAT_RGB;
    picture.width = image.width;
    picture.height = image.height;
    picture.rgb.resize(PNG_IMAGE_SIZE(image));
    if (png_image_finish_read(&image, nullptr, picture.rgb.data(), 0, nullptr) == 0) return {};
    return picture;
}

struct Content {
    std::size_t colours = 0;  // distinct
    double covered = 0.0;     // share of pixels that are not the commonest colour
};

Content content_of(const Picture& picture) {
    std::map<unsigned, std::size_t> counts;
    for (std::size_t i = 0; i + 2 < picture.rgb.size(); i += 3) {
        ++counts[(unsigned{picture.rgb[i]} << 16) | (unsigned{picture.rgb[i + 1]} << 8) | picture.rgb[i + 2]];
    }
    std::size_t commonest = 0, all = 0;
    for (const auto& [colour, count] : counts) {
        commonest = std::max(commonest, count);
        all += count;
    }
    return {counts.size(), all == 0 ? 0.0 : 1.0 - static_cast<double>(commonest) / static_cast<double>(all)};
}

// Text and a plot smooth their edges into hundreds of colours; a blank panel with a frame has a handful.
bool is_blank(const Picture& picture) {
    const Content content = content_of(picture);
    return content.colours < 60 || content.covered < 0.01;
}

SnapshotOptions options_for(const std::string& panel, const std::string& out) {
    SnapshotOptions options;
    options.models = {"zoo:gpt-layernorm", "zoo:gpt-planted"};
    options.settings.input.tokens = 192;
    options.settings.inits = {Init::trained, Init::random};
    options.panel = panel;
    options.out = out;
    return options;
}

class SnapshotOfPanel : public ::testing::TestWithParam<std::string> {};

TEST_P(SnapshotOfPanel, IsNotBlank) {
    const fixtures::TemporaryFolder folder;
    const std::string path = (folder / "picture.png").string();
    SnapshotOptions options = options_for(GetParam(), path);
    options.width = GetParam() == "window" ? 1280 : 640;
    options.height = GetParam() == "window" ? 800 : 480;
    snapshot(options);
    const Picture picture = read_picture(path);
    EXPECT_EQ(picture.width, static_cast<std::size_t>(options.width));
    EXPECT_EQ(picture.height, static_cast<std::size_t>(options.height));
    const Content content = content_of(picture);
    EXPECT_FALSE(is_blank(picture)) << content.colours << " colours, " << content.covered << " covered";
}

std::vector<std::string> every_panel() {
    std::vector<std::string> slugs{"window"};
    for (const PanelInfo& panel : panels()) slugs.emplace_back(panel.slug);
    return slugs;
}

INSTANTIATE_TEST_SUITE_P(Panels, SnapshotOfPanel, ::testing::ValuesIn(every_panel()),
                         [](const auto& chosen) { return chosen.param; });

TEST(Snapshot, IsLargerThanAnyMonitorAndLight) {
    const fixtures::TemporaryFolder folder;
    SnapshotOptions options = options_for("window", (folder / "picture.png").string());
    options.width = 2560;
    options.height = 1440;
    options.scale = 1.5f;
    options.theme = ThemeKind::light;
    snapshot(options);
    const Picture picture = read_picture(options.out);
    EXPECT_EQ(picture.width, 2560u);
    EXPECT_EQ(picture.height, 1440u);
    EXPECT_FALSE(is_blank(picture));
}

// The comparator sees a blank picture as one.
TEST(Snapshot, ABlankPictureCountsAsBlank) {
    Picture blank{640, 480, std::vector<unsigned char>(std::size_t{640} * 480 * 3, 22)};
    EXPECT_TRUE(is_blank(blank));
    for (std::size_t i = 0; i < 640 * 3; ++i) blank.rgb[i] = 200;  // a frame's line
    EXPECT_TRUE(is_blank(blank));
}

TEST(Snapshot, RefusesWhatItCannotDraw) {
    const fixtures::TemporaryFolder folder;
    const std::string path = (folder / "picture.png").string();
    try {
        snapshot(options_for("no-such-panel", path));
        FAIL() << "an unknown panel was accepted";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::usage);
        EXPECT_THAT(error.message(), HasSubstr("residual"));
    }
    SnapshotOptions huge = options_for("window", path);
    huge.width = 100000;
    EXPECT_THROW(snapshot(huge), Error);
    SnapshotOptions missing = options_for("window", path);
    missing.models = {(folder / "nothing").string()};
    EXPECT_THROW(snapshot(missing), Error);
    fixtures::write_text(folder / "rows.npy", "\x93NUMPY");
    missing.models = {(folder / "rows.npy").string()};  // no dialog can ask for its γ here
    EXPECT_THROW(snapshot(missing), Error);
    EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace deadscope
