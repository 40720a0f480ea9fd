// See component.h.
#include "core/text/component.h"

#include <nlohmann/json.hpp>

namespace deadscope {

std::string needed_text(const JsonObject& object, std::string_view key) {
    auto text = object.text(key);
    if (!text) object.missing(key, "a text");
    return *std::move(text);
}

Regex read_pattern(const JsonObject& object, std::string_view key) {
    const auto pattern = object.object(key);
    if (!pattern) object.missing(key, "an object with String or Regex");
    const PatternSource source{.file = object.file(), .key = object.key_path(key)};
    if (const auto literal = pattern->text("String")) return {*literal, Regex::Kind::literal, source};
    return {needed_text(*pattern, "Regex"), Regex::Kind::oniguruma, source};
}

std::vector<JsonObject> parts_of(const JsonObject& object, std::string_view key) {
    constexpr std::size_t most = 64;
    const nlohmann::json* list = object.find(key);
    if (!list) object.missing(key, "a list of objects");
    if (!list->is_array() || list->size() > most) object.wrong(key, "a list of at most 64 objects");
    std::vector<JsonObject> parts;
    for (std::size_t i = 0; i < list->size(); ++i)
        parts.emplace_back((*list)[i], object.file(), object.key_path(key) + "[" + std::to_string(i) + "]");
    return parts;
}

}  // namespace deadscope
