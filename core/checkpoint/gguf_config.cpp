// See gguf_config.h. The sources that a table may name are listed in assets/gguf/README.md.
#include "core/checkpoint/gguf_config.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/base/text.h"
#include "core/checkpoint/gguf_rope.h"

namespace deadscope {
namespace {

using nlohmann::json;

json as_json(double value) {
    constexpr double exact = 0x1p53;
    if (value == std::floor(value) && std::abs(value) < exact) return static_cast<std::int64_t>(value);
    return value;
}

// A key's value; of a list whose elements are all the same, that one.
json plain_value(const GgufModel& model, const std::string& name) {
    const GgufMetadata& metadata = model.metadata();
    const std::string key = model.key(name);
    const auto found = metadata.values().find(key);
    if (found == metadata.values().end()) return nullptr;
    const GgufValue& value = found->second;
    if (value.type == GgufType::text) return to_utf8(*metadata.text(key));
    if (value.type == GgufType::boolean) return *metadata.boolean(key);
    if (value.type != GgufType::array) {
        const double number = *metadata.number(key);
        return value.type == GgufType::f32 || value.type == GgufType::f64 ? json(number) : as_json(number);
    }
    const std::vector<double> list = metadata.numbers(key);
    for (const double element : list) {
        if (!std::isfinite(element)) metadata.wrong(key, "finite numbers", std::to_string(element));
    }
    if (list.empty()) return nullptr;
    const bool even = std::ranges::all_of(list, [&](double element) { return element == list.front(); });
    if (even && value.element != GgufType::boolean) return as_json(list.front());
    json out = json::array();
    for (const double element : list)
        out.push_back(value.element == GgufType::boolean ? json(element != 0.0) : as_json(element));
    return out;
}

std::optional<double> number_of(const GgufModel& model, const std::string& name) {
    if (name == "head_dim") {
        if (const auto stated = number_of(model, "attention.key_length")) return stated;
        const auto width = number_of(model, "embedding_length");
        return width ? std::optional(*width / static_cast<double>(model.heads("attention.head_count")))
                     : std::nullopt;
    }
    const json value = plain_value(model, name);
    return value.is_number() ? std::optional(value.get<double>()) : std::nullopt;
}

// Which blocks look through a window: as the file says, or by the architecture's habit. Empty: none does.
std::vector<bool> sliding_blocks(const GgufModel& model, const json& rule) {
    const GgufMetadata& metadata = model.metadata();
    if (metadata.number(model.key("attention.sliding_window")).value_or(0.0) <= 0.0) return {};
    const auto blocks = metadata.integer(model.key("block_count")).value_or(0);
    constexpr std::int64_t most = 1 << 14;
    if (blocks < 0 || blocks > most)
        metadata.wrong(model.key("block_count"), "0 to 16384", std::to_string(blocks));
    const json stated = plain_value(model, "attention.sliding_window_pattern");
    const std::int64_t period = stated.is_number() ? stated.get<std::int64_t>() : rule.value("period", 1);
    const std::int64_t full = rule.value("first_is_full", false) ? 0 : period - 1;
    std::vector<bool> out(static_cast<std::size_t>(blocks), false);
    for (std::size_t i = 0; i < out.size(); ++i) {
        const auto block = static_cast<std::int64_t>(i);
        out[i] = period > 0 && block % period != full;
        if (stated.is_array() && i < stated.size()) out[i] = stated[i] == true || stated[i] == 1;
    }
    return out;
}

json layer_types(const GgufModel& model, const json& rule) {
    const std::vector<bool> sliding = sliding_blocks(model, rule);
    if (sliding.empty()) return nullptr;
    json out = json::array();
    for (const bool window : sliding) out.push_back(window ? "sliding_attention" : "full_attention");
    return out;
}

// The element of a per-block list at the first block with, or without, a window.
json element_of_kind(const GgufModel& model, const std::string& name, bool wanted) {
    const json value = plain_value(model, name);
    if (!value.is_array()) return value;
    const std::vector<bool> sliding = sliding_blocks(model, json::object());
    const auto at = std::ranges::find(sliding, wanted);
    const auto index = static_cast<std::size_t>(at - sliding.begin());
    return at == sliding.end() || index >= value.size() ? json(nullptr) : value[index];
}

json from_shape(const GgufModel& model, const json& source) {
    const TensorInfo* tensor = model.find(source[0].get<std::string>());
    const auto axis = source[1].get<std::size_t>();
    return tensor == nullptr || axis >= tensor->shape.size() ? json(nullptr) : json(tensor->shape[axis]);
}

// Share of rotary channels that turn, where the others have a factor that stops them (Gemma 4).
json turning_share(const GgufModel& model, const std::string& name) {
    const TensorInfo* tensor = model.find(name);
    if (tensor == nullptr || tensor->elements == 0) return nullptr;
    const std::vector<double> factors = model.read(*tensor);
    const auto turning = std::ranges::count_if(factors, [](double factor) { return factor < 1e15; });
    return static_cast<double>(turning) / static_cast<double>(factors.size());
}

json value_of(const GgufModel& model, const json& source) {
    if (source.is_string()) return plain_value(model, source.get<std::string>());
    if (source.contains("value")) return source["value"];
    if (source.contains("has")) return model.find(source["has"].get<std::string>()) != nullptr;
    if (source.contains("lacks")) return model.find(source["lacks"].get<std::string>()) == nullptr;
    if (source.contains("shape")) return from_shape(model, source["shape"]);
    if (source.contains("layer_types")) return layer_types(model, source["layer_types"]);
    if (source.contains("turning")) return turning_share(model, source["turning"].get<std::string>());
    if (source.contains("varies")) return plain_value(model, source["varies"].get<std::string>()).is_array();
    if (source.contains("ratio")) {
        const auto above = number_of(model, source["ratio"][0].get<std::string>()),
                   below = number_of(model, source["ratio"][1].get<std::string>());
        return above && below && *below != 0.0 ? as_json(*above / *below) : json(nullptr);
    }
    if (source.contains("difference")) {
        const auto whole = number_of(model, source["difference"][0].get<std::string>()),
                   part = number_of(model, source["difference"][1].get<std::string>());
        return whole && part ? as_json(*whole - *part) : json(nullptr);
    }
    const std::string name = source.at("key").get<std::string>();
    json value = plain_value(model, name);
    if (source.contains("of")) value = element_of_kind(model, name, source["of"] == "sliding");
    if (source.contains("least") && value.is_array()) value = *std::ranges::min_element(value);
    if (source.contains("words") && value.is_number()) {
        const std::string word = std::to_string(value.get<std::int64_t>());
        value = source["words"].value(word, word);
    }
    if (source.contains("times") && value.is_number())
        value = value.get<double>() * source["times"].get<double>();
    if (value.is_null() && source.contains("default")) value = source["default"];
    return value;
}

// Sets "a.b" inside an object a.
void put(json& config, const std::string& path, json value) {
    const std::size_t dot = path.find('.');
    if (dot == std::string::npos) {
        config[path] = std::move(value);
        return;
    }
    json& inner = config[path.substr(0, dot)];
    if (!inner.is_object()) inner = json::object();
    put(inner, path.substr(dot + 1), std::move(value));
}

// The one key or the other says what the norms are; a file with both says nothing.
json stated_norm(const GgufModel& model) {
    const auto layer = model.metadata().number(model.key("attention.layer_norm_epsilon")),
               rms = model.metadata().number(model.key("attention.layer_norm_rms_epsilon"));
    if (layer.has_value() == rms.has_value()) return nullptr;
    return {{"kind", layer ? "layer_norm" : "rms_norm"}, {"eps", layer ? *layer : *rms}};
}

}  // namespace

json gguf_config(const GgufModel& model) {
    json config = json::object();
    const json& table = model.table();
    if (table.is_object()) {
        const json keys = table.value("config", json::object());
        for (const auto& [key, source] : keys.items()) {
            if (json value = value_of(model, source); !value.is_null()) put(config, key, std::move(value));
        }
        if (table.value("rope", false)) {
            // Converters of the older families leave the base out, and mean the one that all of them have.
            config["rope_theta"] = model.metadata().number(model.key("rope.freq_base")).value_or(10000.0);
            if (json scaling = gguf_rope_scaling(model); !scaling.is_null()) {
                scaling.update(table.value("rope_scaling", json::object()));
                config["rope_scaling"] = std::move(scaling);
            }
        }
    }
    if (const json norm = stated_norm(model); !norm.is_null()) config["gguf_norm"] = norm;
    const bool known = table.is_object() && table.contains("model_type");
    config["model_type"] = known ? table["model_type"] : json(to_utf8(model.architecture()));
    config["gguf"] = true;
    return config;
}

}  // namespace deadscope
