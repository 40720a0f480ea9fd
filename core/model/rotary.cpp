// The rules default, linear, dynamic and llama3 of transformers' modeling_rope_utils, in double.
#include "core/model/rotary.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>

#include "core/base/error.h"

namespace deadscope {
namespace {

// The object that holds the rule, under either name. Two that differ are an error, whichever would win.
std::optional<JsonObject> rope_object(const JsonObject& config) {
    const nlohmann::json *now = config.find("rope_parameters"), *old = config.find("rope_scaling");
    if (now != nullptr && old != nullptr && *now != *old)
        config.wrong("rope_scaling", "the same as rope_parameters holds");
    return config.object(now != nullptr ? "rope_parameters" : "rope_scaling");
}

std::string rule_of(const JsonObject& rope) {
    const auto now = rope.text("rope_type"), old = rope.text("type");
    if (now && old && *now != *old) rope.wrong("type", "the same as rope_type, '" + *now + "'");
    return now ? *now : old.value_or("default");
}

// A value that may stand in the rope object, at the top of the configuration, or nowhere.
double setting(const ConfigValues& values, const std::optional<JsonObject>& rope, const std::string& quantity,
               const char* key, double otherwise) {
    const JsonObject& config = values.config();
    const bool listed = values.architecture().config.contains(quantity);
    const double outside = listed ? values.number(quantity) : otherwise;
    if (!rope || !rope->has(key)) return outside;
    const double inside = *rope->number(key);
    const bool stated = listed && config.has(values.key_of(quantity));
    if (stated && inside != outside)
        rope->wrong(key, "the same as " + values.key_of(quantity) + " at the top");
    if (!listed && inside != otherwise) rope->wrong(key, std::to_string(otherwise) + " for this family");
    return inside;
}

double required(const JsonObject& rope, const char* key) {
    const auto value = rope.number(key);
    if (!value) rope.missing(key, "a number");
    if (*value <= 0.0) rope.wrong(key, "a positive number");
    return *value;
}

// Llama 3.1's rule: long waves are slowed by `factor`, short ones kept, those between blended.
void apply_llama3(const JsonObject& rope, double original_context, std::vector<double>& frequencies) {
    const double factor = required(rope, "factor"), low = required(rope, "low_freq_factor"),
                 high = required(rope, "high_freq_factor");
    if (high <= low) rope.wrong("high_freq_factor", "more than low_freq_factor");
    for (double& frequency : frequencies) {
        const double wavelength = 2.0 * std::numbers::pi / frequency;
        if (wavelength > original_context / low) {
            frequency /= factor;
        } else if (wavelength >= original_context / high) {
            const double smooth = (original_context / wavelength - low) / (high - low);
            frequency = (1.0 - smooth) * frequency / factor + smooth * frequency;
        }
    }
}

}  // namespace

RotarySpec make_rotary(const ConfigValues& values, std::int64_t head_dim, std::int64_t context) {
    const JsonObject& config = values.config();
    const auto rope = rope_object(config);
    const double theta = setting(values, rope, "rope_theta", "rope_theta", 10000.0);
    const double fraction = setting(values, rope, "rotary_fraction", "partial_rotary_factor", 1.0);
    const auto dims = static_cast<std::int64_t>(static_cast<double>(head_dim) * fraction);
    if (!(theta > 1.0) || !(fraction > 0.0 && fraction <= 1.0) || dims < 2 || dims % 2 != 0) {
        throw Error::input(
            "The rotary positions of the configuration cannot be computed",
            {.file = config.file(),
             .key = rope ? "rope_parameters" : "rope_theta",
             .expected = "theta above 1 and an even number of rotated channels",
             .found = "theta " + std::to_string(theta) + ", " + std::to_string(dims) + " channels"});
    }
    RotarySpec spec;
    spec.dims = dims;
    spec.interleaved = values.architecture().block.attention.rotary_interleaved;
    for (std::int64_t i = 0; i < dims; i += 2) {
        spec.inverse_frequencies.push_back(
            std::pow(theta, -static_cast<double>(i) / static_cast<double>(dims)));
    }
    if (!rope) return spec;
    const std::string rule = rule_of(*rope);
    if (rule == "linear") {
        const double factor = required(*rope, "factor");
        for (double& frequency : spec.inverse_frequencies) frequency /= factor;
    } else if (rule == "llama3") {
        const auto top = config.number("original_max_position_embeddings"),
                   inner = rope->number("original_max_position_embeddings");
        apply_llama3(*rope, top ? *top : inner.value_or(static_cast<double>(context)),
                     spec.inverse_frequencies);
    } else if (rule != "default" &&
               rule != "dynamic") {  // dynamic stretches only beyond the context, which is an error here
        rope->wrong(rope->has("rope_type") ? "rope_type" : "type", "default, linear, dynamic or llama3");
    }
    return spec;
}

}  // namespace deadscope
