// Fonts from the embedded assets; see fonts.h.
#include "app/fonts.h"

#include <imgui.h>

#include <string>

#include "app/theme.h"
#include "core/base/assets.h"
#include "core/base/error.h"

namespace deadscope {
namespace {

ImFont* load_font(const std::string& name) {
    const std::string path = "assets/fonts/" + name;
    const Asset* asset = find_asset(path);
    if (asset == nullptr) {
        throw Error::resource("the program was built without its fonts",
                              {.file = path, .hint = "install fonts-dejavu-core and build again"});
    }
    ImFontConfig config;
    config.FontDataOwnedByAtlas = false;  // the bytes live as long as the program
    name.copy(config.Name, sizeof config.Name - 1);
    // ImGui asks for a mutable pointer and writes nothing while the atlas does not own the data.
    auto* bytes = const_cast<std::byte*>(asset->bytes.data());
    return ImGui::GetIO().Fonts->AddFontFromMemoryTTF(bytes, static_cast<int>(asset->bytes.size()), 0.f,
                                                      &config);
}

}  // namespace

void load_fonts() {
    ImFont* body = load_font("DejaVuSans.ttf");
    ImFont* bold = load_font("DejaVuSans-Bold.ttf");
    ImFont* mono = load_font("DejaVuSansMono.ttf");
    set_theme_fonts(body, bold, mono);
    ImGui::GetIO().FontDefault = body;
}

}  // namespace deadscope
