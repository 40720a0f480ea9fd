// Reading and writing settings.json; see remembered.h.
#include "app/remembered.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/base/output_file.h"

namespace deadscope {

// In the enumeration's own namespace, where the library looks for it.
NLOHMANN_JSON_SERIALIZE_ENUM(ThemeKind, {{ThemeKind::dark, "dark"},
                                         {ThemeKind::light, "light"},
                                         {ThemeKind::projector, "projector"}})

namespace {

using nlohmann::json;

std::string settings_file() {
    return settings_folder() + "/settings.json";
}

template <class T>
void take(const json& from, const char* key, T& value) {
    const auto found = from.find(key);
    if (found == from.end()) return;
    try {
        value = found->get<T>();
    } catch (const json::exception&) {
        // Written by another version, or by hand: the default stays.
    }
}

}  // namespace

std::string settings_folder() {
    if (const char* config = std::getenv("XDG_CONFIG_HOME"); config != nullptr && *config == '/') {
        return std::string(config) + "/deadscope";
    }
    const char* home = std::getenv("HOME");
    return std::string(home == nullptr ? "/" : home) + "/.config/deadscope";
}

void load_view(ViewState& view) {
    std::ifstream file(settings_file());
    const json saved = json::parse(file, nullptr, /*allow_exceptions=*/false);
    if (!saved.is_object()) return;
    take(saved, "theme", view.theme);
    take(saved, "text_scale", view.text_scale);
    take(saved, "motion", view.motion);
    take(saved, "panels", view.panel_open);
    take(saved, "gamma_log_scale", view.gamma.log_scale);
    take(saved, "gamma_colour_map", view.gamma.colour_map);
    view.text_scale = std::clamp(view.text_scale, 0.7f, 2.5f);
    view.gamma.colour_map = std::clamp(view.gamma.colour_map, 0, 1);
}

void save_view(const ViewState& view) {
    const json saved{{"theme", view.theme},
                     {"text_scale", view.text_scale},
                     {"motion", view.motion},
                     {"panels", view.panel_open},
                     {"gamma_log_scale", view.gamma.log_scale},
                     {"gamma_colour_map", view.gamma.colour_map}};
    try {
        std::filesystem::create_directories(settings_folder());
        OutputFile file(settings_file());
        file.write(saved.dump(2) + "\n");
        file.commit();
    } catch (const Error&) {
    } catch (const std::filesystem::filesystem_error&) {
    }
}

}  // namespace deadscope
