// See config_keys.h.
#include "core/model/config_keys.h"

#include <nlohmann/json.hpp>
#include <set>

namespace deadscope {
namespace {

using nlohmann::json;

void add(std::set<std::string>& out, const json& key) {
    if (!key.is_string()) return;
    const std::string text = key.get<std::string>();
    out.insert(text);
    out.insert(text.substr(0, text.find('.')));
}

void add_all(std::set<std::string>& out, const json& keys) {
    if (keys.is_array()) {
        for (const json& key : keys) add(out, key);
    } else {
        add(out, keys);
    }
}

// Depth is bounded by the parser.
void walk(const json& value, std::set<std::string>& out) {
    if (value.is_array()) {
        for (const json& element : value) walk(element, out);
    }
    if (!value.is_object()) return;
    for (const auto& [key, inner] : value.items()) {
        if (key == "keys" || key == "rotary_parameters" || key == "list" || key == "runs" || key == "in" ||
            key == "like")
            add_all(out, inner);
        if ((key == "only" || key == "when") && inner.is_object()) {
            for (const auto& [option, values] : inner.items()) add(out, option);
        }
        if (key == "rotary" && inner.is_string()) {
            for (const char* rope :
                 {"rope_theta", "rope_scaling", "rope_parameters", "original_max_position_embeddings"})
                out.insert(rope);
        }
        walk(inner, out);
    }
}

}  // namespace

std::optional<ConfigPlace> find_config(const JsonObject& config, const std::string& key) {
    if (const json* value = config.find(key)) return ConfigPlace{config, key, value};
    const std::size_t dot = key.find('.');
    if (dot == std::string::npos) return std::nullopt;
    const auto inner = config.object(key.substr(0, dot));
    return inner ? find_config(*inner, key.substr(dot + 1)) : std::nullopt;
}

std::vector<std::string> mentioned_config_keys(const json& architecture) {
    std::set<std::string> out;
    walk(architecture, out);
    return {out.begin(), out.end()};
}

}  // namespace deadscope
