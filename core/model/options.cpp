// See options.h.
#include "core/model/options.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/base/assets.h"
#include "core/base/error.h"
#include "core/base/text.h"
#include "core/model/weight_scale.h"

namespace deadscope {
namespace {

using nlohmann::json;

constexpr std::string_view list_path = "assets/architectures/options.json";

// {"options": {key: [neutral values, ...], ...}}: those that commonly change a computation.
const json& listed_options() {
    static const json options = [] {
        const Asset* asset = find_asset(list_path);
        if (asset == nullptr) return json::object();  // a build without assets has no families either
        return parse_json(asset_text(*asset), {.file = std::string(list_path)}).at("options");
    }();
    return options;
}

[[noreturn]] void refuse(const ConfigValues& values, const std::string& key, const json& found,
                         const std::vector<std::string>& understood) {
    throw Error::input("An option of the configuration changes the computation and is not supported",
                       {.file = values.config().file(),
                        .key = key,
                        .expected = understood.empty() ? "the option to be absent" : join(understood, " or "),
                        .found = json_words(found)});
}

// A list is neutral where each of its elements is: one value a block.
bool is_neutral(const json& value, const json& neutral) {
    const auto listed = [&](const json& one) { return std::ranges::find(neutral, one) != neutral.end(); };
    return value.is_null() || listed(value) || (value.is_array() && std::ranges::all_of(value, listed));
}

// Quantisation is the one option whose value is an object with a meaning of its own.
bool is_read(const std::string& key, const json& value) {
    return key == "quantization_config" && is_read_quantisation(value);
}

}  // namespace

void refuse_unknown_options(const ConfigValues& values) {
    const Architecture& data = values.architecture();
    for (const auto& [key, accepted] : data.only) {
        const auto place = find_config(values.config(), key);
        if (!place || is_read(key, *place->value)) continue;
        // Numbers are compared as numbers: 1 and 1.0 are the same option.
        json known = json::array();
        for (const std::string& text : accepted) known.push_back(json::parse(text));
        if (!is_neutral(*place->value, known)) refuse(values, key, *place->value, accepted);
    }
    for (const auto& [key, neutral] : listed_options().items()) {
        if (std::ranges::binary_search(data.mentioned, key)) continue;
        const json* value = values.config().find(key);
        if (value == nullptr || is_neutral(*value, neutral) || is_read(key, *value)) continue;
        std::vector<std::string> understood;
        for (const json& one : neutral) understood.push_back(one.dump());
        refuse(values, key, *value, understood);
    }
}

}  // namespace deadscope
