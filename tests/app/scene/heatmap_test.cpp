// The heatmap's shader, off-screen: it compiles, every kind of value has its colour, and an unchanged picture
// is not drawn again. Needs a software OpenGL at least (Mesa), but no display.
#include "app/scene/heatmap.h"

#include <glad/glad.h>
// After glad, which must be first to define OpenGL's names.
#include <GLFW/glfw3.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "app/scene/gl.h"
#include "core/base/error.h"

namespace deadscope {
namespace {

const char* last_glfw_error() {
    const char* words = nullptr;
    glfwGetError(&words);
    return words ? words : "no reason given";
}

class HeatmapTest : public testing::Test {
protected:
    static void SetUpTestSuite() {
        glfwInitHint(GLFW_PLATFORM, GLFW_PLATFORM_NULL);
        ASSERT_TRUE(glfwInit()) << last_glfw_error();
        for (const int api : {GLFW_EGL_CONTEXT_API, GLFW_OSMESA_CONTEXT_API}) {
            glfwWindowHint(GLFW_CONTEXT_CREATION_API, api);
            glfwWindowHint(GLFW_CONTEXT_VERSION_MAJOR, 3);
            glfwWindowHint(GLFW_CONTEXT_VERSION_MINOR, 3);
            glfwWindowHint(GLFW_OPENGL_PROFILE, GLFW_OPENGL_CORE_PROFILE);
            if (!window) window = glfwCreateWindow(16, 16, "", nullptr, nullptr);
        }
        ASSERT_NE(window, nullptr) << "libegl1 and libgl1-mesa-dri are needed: " << last_glfw_error();
        glfwMakeContextCurrent(window);
        ASSERT_TRUE(gladLoadGLLoader(reinterpret_cast<GLADloadproc>(glfwGetProcAddress)));
    }

    static void TearDownTestSuite() {
        release_scene();
        glfwTerminate();
        window = nullptr;
    }

    static std::vector<unsigned char> pixels(ImTextureID picture, int width, int height) {
        std::vector<unsigned char> rgba(static_cast<std::size_t>(width * height) *
                                        4);  // [height, width, 4], first row on top
        glBindTexture(GL_TEXTURE_2D, static_cast<unsigned>(picture));
        glGetTexImage(GL_TEXTURE_2D, 0, GL_RGBA, GL_UNSIGNED_BYTE, rgba.data());
        EXPECT_EQ(glGetError(), static_cast<unsigned>(GL_NO_ERROR));
        return rgba;
    }

    inline static GLFWwindow* window = nullptr;
};

struct Rgb {
    int r, g, b;
    bool operator==(const Rgb&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Rgb& c) {
    return out << c.r << "," << c.g << "," << c.b;
}

Rgb pixel(const std::vector<unsigned char>& rgba, int width, int x, int y) {
    const auto at = static_cast<std::size_t>(y * width + x) * 4;
    return {rgba[at], rgba[at + 1], rgba[at + 2]};
}

Rgb entry(ColourMap map, std::size_t i) {
    const auto& rgb = colour_table(map);
    return {rgb[i * 3], rgb[i * 3 + 1], rgb[i * 3 + 2]};
}

Rgb bytes(const ImVec4& c) {
    return {static_cast<int>(std::lround(c.x * 255)), static_cast<int>(std::lround(c.y * 255)),
            static_cast<int>(std::lround(c.z * 255))};
}

constexpr int cell = 5;  // pixels a side: too small for the gap between rows

HeatmapLook look_at(double columns, double rows) {
    return {.range = {0.1, 10.0},
            .columns = {0, columns},
            .rows = {0, rows},
            .width = static_cast<int>(columns) * cell,
            .height = static_cast<int>(rows) * cell,
            .zero = {1, 0, 0, 1},
            .hatch = {0, 0, 1, 1},
            .invalid = {0, 1, 1, 1},
            .outside = {1, 1, 1, 1},
            .hatch_period = 5.0f};
}

TEST_F(HeatmapTest, EachKindOfValueHasItsColour) {
    constexpr float nan = std::numeric_limits<float>::quiet_NaN();
    const std::vector<float> values{0.1f, 10.0f, 1.0f, 0.0f, 0.01f, 1000.0f, nan, absent_texel};  // [2, 4]
    Heatmap heatmap;
    heatmap.set_values(values, 2, 4);
    const HeatmapLook look = look_at(4, 2);
    const auto rgba = pixels(heatmap.draw(look), look.width, look.height);
    const auto at = [&](int column, int row) {
        return pixel(rgba, look.width, column * cell + cell / 2, row * cell + cell / 2);
    };
    EXPECT_EQ(at(0, 0), entry(ColourMap::viridis, 0));
    EXPECT_EQ(at(1, 0), entry(ColourMap::viridis, 255));
    const Rgb middle = at(2, 0), wanted = entry(ColourMap::viridis, 127);  // between entries 127 and 128
    EXPECT_NEAR(middle.r, wanted.r, 2);
    EXPECT_NEAR(middle.g, wanted.g, 2);
    EXPECT_NEAR(middle.b, wanted.b, 2);
    EXPECT_EQ(at(3, 0), bytes(look.zero));
    EXPECT_EQ(at(0, 1), entry(ColourMap::viridis, 0)) << "below the range";
    EXPECT_EQ(at(1, 1), entry(ColourMap::viridis, 255)) << "above the range";
    EXPECT_TRUE(at(2, 1) == bytes(look.invalid) || at(2, 1) == bytes(look.hatch)) << at(2, 1);
    EXPECT_EQ(at(3, 1), bytes(look.outside));
}

TEST_F(HeatmapTest, NegativeValuesAreStripedPositiveOnesAreNot) {
    Heatmap heatmap;
    heatmap.set_values(std::vector<float>{-1.0f, 1.0f}, 1, 2);
    HeatmapLook look = look_at(2, 1);
    look.width = 40;
    look.height = 20;
    look.map = ColourMap::cividis;
    look.rows = {0, 4};  // one row high in a view of four: no gap
    const auto rgba = pixels(heatmap.draw(look), look.width, look.height);
    int striped = 0, plain = 0;
    for (int x = 0; x < 20; ++x) {
        striped += pixel(rgba, look.width, x, 2) == bytes(look.hatch);
        plain += pixel(rgba, look.width, 20 + x, 2) == bytes(look.hatch);
    }
    EXPECT_GT(striped, 3);
    EXPECT_LT(striped, 17);
    EXPECT_EQ(plain, 0);
}

TEST_F(HeatmapTest, ALoneZeroSurvivesWhereAPixelCoversManyColumns) {
    std::vector<float> values(4096, 1.0f);
    values[2049] = 0.0f;
    Heatmap heatmap;
    heatmap.set_values(values, 1, values.size());
    HeatmapLook look = look_at(1, 1);
    look.columns = {0, 4096};
    look.width = 64;
    const auto rgba = pixels(heatmap.draw(look), look.width, look.height);
    int zeros = 0;
    for (int x = 0; x < look.width; ++x) zeros += pixel(rgba, look.width, x, 2) == bytes(look.zero);
    EXPECT_EQ(zeros, 1);
}

TEST_F(HeatmapTest, DrawsAgainOnlyWhatChanged) {
    Heatmap heatmap;
    heatmap.set_values(std::vector<float>{1.0f, 2.0f}, 1, 2);
    HeatmapLook look = look_at(2, 1);
    heatmap.draw(look);
    heatmap.draw(look);
    EXPECT_EQ(heatmap.drawn(), 1u);
    look.log_scale = false;
    heatmap.draw(look);
    EXPECT_EQ(heatmap.drawn(), 2u);
    heatmap.set_values(std::vector<float>{1.0f, 3.0f}, 1, 2);
    heatmap.draw(look);
    EXPECT_EQ(heatmap.drawn(), 3u);
}

TEST_F(HeatmapTest, LeavesTheContextAsItWas) {
    glViewport(1, 2, 3, 4);
    glEnable(GL_BLEND);
    Heatmap heatmap;
    heatmap.set_values(std::vector<float>{1.0f}, 1, 1);
    heatmap.draw(look_at(1, 1));
    int viewport[4] = {}, framebuffer = -1;
    glGetIntegerv(GL_VIEWPORT, viewport);
    glGetIntegerv(GL_FRAMEBUFFER_BINDING, &framebuffer);
    EXPECT_EQ(viewport[0], 1);
    EXPECT_EQ(viewport[3], 4);
    EXPECT_EQ(framebuffer, 0);
    EXPECT_TRUE(glIsEnabled(GL_BLEND));
    glDisable(GL_BLEND);
}

TEST_F(HeatmapTest, AShaderThatDoesNotCompileIsAnErrorWithTheDriversWords) {
    try {
        gl::make_program("shaders/heatmap.vert", "assets/colormaps/viridis.txt");
        FAIL() << "a list of colours was taken for a shader";
    } catch (const Error& error) {
        EXPECT_NE(error.message().find("viridis.txt"), std::string::npos) << error.message();
        EXPECT_FALSE(error.details().found.empty());
    }
    EXPECT_THROW(gl::make_program("shaders/heatmap.vert", "shaders/none.frag"), Error);
}

TEST(Texel, KeepsSignAndExistence) {
    EXPECT_EQ(texel(0.0), 0.0f);
    EXPECT_LT(texel(-1e-300), 0.0f);
    EXPECT_GT(texel(1e-300), 0.0f);
    EXPECT_EQ(texel(-4.8e-33), -4.8e-33f);
    EXPECT_LT(texel(1e300), absent_texel);
    EXPECT_TRUE(std::isnan(texel(std::numeric_limits<double>::quiet_NaN())));
    EXPECT_TRUE(std::isinf(texel(std::numeric_limits<double>::infinity())));
}

}  // namespace
}  // namespace deadscope
