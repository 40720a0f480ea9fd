// Every sign that the explorer's sources put on the screen has a glyph in each of the fonts it may be drawn
// in.
#include <gtest/gtest.h>
#include <imgui.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>

#include "app/fonts.h"
#include "app/theme.h"

namespace deadscope {
namespace {

namespace fs = std::filesystem;

// The characters beyond ASCII inside string literals of one source file, escapes left aside.
std::set<char32_t> signs_of(const std::string& source) {
    std::set<char32_t> signs;
    std::stringstream lines(source);
    for (std::string line; std::getline(lines, line);) {
        bool quoted = false;
        for (std::size_t i = 0; i < line.size(); ++i) {
            const auto byte = static_cast<unsigned char>(line[i]);
            if (line[i] == '\\') {
                ++i;
            } else if (line[i] == '"') {
                quoted = !quoted;
            } else if (!quoted && line.compare(i, 2, "//") == 0) {
                break;
            } else if (quoted && byte >= 0xC0) {
                const std::size_t more = byte >= 0xF0 ? 3 : byte >= 0xE0 ? 2 : 1;
                auto sign = static_cast<char32_t>(byte & (0x3Fu >> more));
                for (std::size_t k = 1; k <= more && i + k < line.size(); ++k) {
                    sign = (sign << 6) | (static_cast<unsigned char>(line[i + k]) & 0x3Fu);
                }
                signs.insert(sign);
                i += more;
            }
        }
    }
    return signs;
}

// Sign → one file that has it.
std::map<char32_t, std::string> signs_on_screen() {
    std::map<char32_t, std::string> signs;
    for (const char* folder : {"app", "core"}) {
        for (const fs::directory_entry& entry :
             fs::recursive_directory_iterator(fs::path(DEADSCOPE_SOURCE_DIR) / folder)) {
            if (entry.path().extension() != ".cpp" && entry.path().extension() != ".h") continue;
            std::ifstream file(entry.path());
            std::stringstream text;
            text << file.rdbuf();
            for (const char32_t sign : signs_of(text.str()))
                signs.emplace(sign, entry.path().filename().string());
        }
    }
    return signs;
}

class Glyphs : public ::testing::Test {
protected:
    Glyphs() {
        ImGui::CreateContext();
        load_fonts();
    }
    ~Glyphs() override { ImGui::DestroyContext(); }
};

TEST_F(Glyphs, EverySignOnTheScreenHasOne) {
    const auto signs = signs_on_screen();
    EXPECT_GT(signs.size(), 20u);
    for (const auto& [sign, file] : signs) {
        EXPECT_TRUE(theme().body->IsGlyphInFont(static_cast<ImWchar>(sign)))
            << std::hex << "U+" << static_cast<unsigned>(sign) << " of " << file;
    }
}

TEST_F(Glyphs, TheFieldsOwnSignsAreInEveryFont) {
    for (const char32_t sign : U"γβσλτεμν√⊙‖⟨⟩⁻¹²₀≤≥∝·×→…—") {
        if (sign == 0) continue;
        for (ImFont* font : {theme().body, theme().bold, theme().mono}) {
            EXPECT_TRUE(font->IsGlyphInFont(static_cast<ImWchar>(sign)))
                << std::hex << "U+" << static_cast<unsigned>(sign) << " in " << font->GetDebugName();
        }
    }
}

TEST_F(Glyphs, AMissingGlyphIsNoticed) {
    EXPECT_FALSE(theme().body->IsGlyphInFont(0x10FFFE));
    EXPECT_EQ(signs_of(R"(f("γ⁻¹"); // "σ")"), (std::set<char32_t>{U'γ', U'⁻', U'¹'}));
}

}  // namespace
}  // namespace deadscope
