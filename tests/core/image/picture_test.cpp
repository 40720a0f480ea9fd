// Decoding against Pillow, byte for byte (tests/golden/make_pictures.py), and files that are damaged.
#include "core/image/picture.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>

#include "core/base/mapped_file.h"
#include "core/image/scenes.h"
#include "tests/fixtures/model_files.h"

namespace deadscope {
namespace {

using fixtures::error_of;
const std::string kGolden = std::string(DEADSCOPE_GOLDEN_DIR) + "/pictures/";

nlohmann::json golden() {
    return nlohmann::json::parse(read_text_file(kGolden + "golden.json", 1 << 20));
}

TEST(Picture, EveryKindIsWhatPillowDecodes) {
    const nlohmann::json decoded = golden().at("decoded");
    ASSERT_GE(decoded.size(), 25u);
    for (const auto& [name, shape] : decoded.items()) {
        const Picture picture = read_picture(kGolden + name);
        EXPECT_EQ(picture.width, shape.at("width").get<std::size_t>()) << name;
        EXPECT_EQ(picture.height, shape.at("height").get<std::size_t>()) << name;
        const std::string rgb = read_text_file(kGolden + name + ".rgb", 1 << 20);
        EXPECT_EQ(std::string(picture.rgb.begin(), picture.rgb.end()), rgb) << name;
    }
}

TEST(Picture, TheComparisonIsNotBlind) {
    const Picture one = read_picture(kGolden + "rgb.png"), other = read_picture(kGolden + "rgb_444.jpg");
    EXPECT_NE(one.rgb, other.rgb);
    EXPECT_NE(read_picture(kGolden + "orientation_2.jpg").rgb,
              read_picture(kGolden + "orientation_1.jpg").rgb);
}

TEST(Picture, AFolderIsItsPicturesByName) {
    fixtures::TemporaryFolder folder;
    for (const char* name : {"b.PNG", "a.jpeg", "c.jpg", "notes.txt"})
        fixtures::write_text(folder / name, "x");
    std::filesystem::create_directory(folder / "d.png");
    const std::string path = folder.path().string();
    EXPECT_EQ(picture_files(path),
              (std::vector<std::string>{path + "/a.jpeg", path + "/b.PNG", path + "/c.jpg"}));
    EXPECT_EQ(picture_files(path + "/notes.txt"), std::vector<std::string>{path + "/notes.txt"});
    EXPECT_NE(error_of([&] { read_picture(path + "/notes.txt"); }).find("neither a PNG nor a JPEG"),
              std::string::npos);
    fixtures::TemporaryFolder empty;
    EXPECT_NE(error_of([&] { picture_files(empty.path().string()); }).find("no pictures"), std::string::npos);
}

TEST(Picture, FilesCutShortAreRefused) {
    fixtures::TemporaryFolder folder;
    const std::string path = (folder / "picture").string();
    for (const char* name : {"rgb.png", "rgb_420.jpg", "progressive.jpg"}) {
        const std::string whole = read_text_file(kGolden + name, 1 << 20);
        for (const std::size_t kept : {whole.size() / 4, whole.size() / 2, whole.size() * 3 / 4}) {
            fixtures::write_text(path, whole.substr(0, kept));
            const std::string words = error_of([&] { read_picture(path); });
            EXPECT_TRUE(words.find("damaged") != std::string::npos ||
                        words.find("too early") != std::string::npos)
                << name << ", " << kept << " bytes: " << words;
            EXPECT_NE(words.find("picture"), std::string::npos);
        }
    }
}

// Changed bytes give another picture or an error, never anything else.
TEST(Picture, DamagedFilesDoNoHarm) {
    fixtures::TemporaryFolder folder;
    const std::string path = (folder / "picture").string();
    std::mt19937 draw(1);
    int read = 0, refused = 0;
    for (const char* name : {"rgb.png", "palette_4bit.png", "grey_16bit.png", "orientation_6.jpg", "cmyk.jpg",
                             "progressive.jpg"}) {
        const std::string whole = read_text_file(kGolden + name, 1 << 20);
        for (int trial = 0; trial < 60; ++trial) {
            std::string bytes = whole;
            for (int change = 0; change < 1 + trial % 4; ++change)
                bytes[2 + draw() % (bytes.size() - 2)] = static_cast<char>(draw());
            fixtures::write_text(path, bytes);
            try {
                const Picture picture = read_picture(path);
                EXPECT_EQ(picture.rgb.size(), picture.width * picture.height * 3);
                ++read;
            } catch (const Error& error) {
                EXPECT_EQ(error.details().file, path);
                ++refused;
            }
        }
    }
    EXPECT_GT(read, 10);
    EXPECT_GT(refused, 10);
}

TEST(Picture, AHeaderThatAsksForTooMuchIsRefused) {
    fixtures::TemporaryFolder folder;
    std::string bytes = read_text_file(kGolden + "rgb_444.jpg", 1 << 20);
    const std::size_t frame = bytes.find("\xff\xc0");
    ASSERT_NE(frame, std::string::npos);
    bytes.replace(frame + 5, 4, "\xff\xdc\xff\xdc");  // 65500 × 65500
    fixtures::write_text(folder / "bomb.jpg", bytes);
    const std::string words = error_of([&] { read_picture((folder / "bomb.jpg").string()); });
    EXPECT_NE(words.find("65500 × 65500"), std::string::npos) << words;
}

TEST(ExifOrientation, IsReadInBothByteOrdersAndNeverBeyondTheEnd) {
    const auto read = [](std::string bytes) {
        return exif_orientation(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    };
    using namespace std::string_literals;
    const std::string little = "II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0"s;
    const std::string big = "MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x08\0\0"s;
    EXPECT_EQ(read(little), 6);
    EXPECT_EQ(read(big), 8);
    for (std::size_t size = 0; size < little.size(); ++size)
        EXPECT_EQ(read(little.substr(0, size)), 1) << size;
    EXPECT_EQ(read("II*\0\xff\xff\xff\xff\x01\0"s), 1) << "a directory far behind the end";
    std::string wrong = little;
    wrong[18] = 9;
    EXPECT_EQ(read(wrong), 1) << "there are eight orientations";
}

TEST(Scenes, AreManyAndTheSameForTheSameSeed) {
    const Picture first = draw_scene(0, 0);
    EXPECT_EQ(first.rgb.size(), first.width * first.height * 3);
    EXPECT_EQ(first.rgb, draw_scene(0, 0).rgb);
    EXPECT_NE(first.rgb, draw_scene(1, 0).rgb);
    for (std::size_t i = 1; i < 12; ++i) EXPECT_NE(draw_scene(0, i).rgb, draw_scene(0, i - 1).rgb) << i;
    for (std::size_t i = 0; i < 12; ++i) {
        const Picture scene = draw_scene(0, i);
        const auto [low, high] = std::ranges::minmax(scene.rgb);
        EXPECT_GT(high - low, 40) << "scene " << i << " is not blank";
    }
}

}  // namespace
}  // namespace deadscope
