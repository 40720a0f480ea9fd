// See gguf_rope.h. The rules are transformers' (modeling_rope_utils); what converters make of them is undone.
#include "core/checkpoint/gguf_rope.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "core/base/text.h"

namespace deadscope {
namespace {

using nlohmann::json;

// The factors of Llama 3's rule, as converters compute them into rope_freqs.weight.
double llama3_factor(double frequency, double factor, double low, double high, double original) {
    const double wavelength = 2.0 * std::numbers::pi / frequency;
    if (wavelength < original / high) return 1.0;
    if (wavelength > original / low) return factor;
    const double smooth = (original / wavelength - low) / (high - low);
    return 1.0 / ((1.0 - smooth) / factor + smooth);
}

// Published parameters of the rule that give these factors. They are tried since the factors are binary32 and
// the rule in double is what the model was made with.
json llama3_rule(const GgufModel& model, const std::vector<double>& factors) {
    const double theta = model.metadata().number(model.key("rope.freq_base")).value_or(10000.0);
    const double factor = *std::ranges::max_element(factors);
    for (const double original : {8192.0, 4096.0, 2048.0, 16384.0, 32768.0}) {
        for (const auto& [low, high] : {std::pair{1.0, 4.0}, {2.0, 4.0}, {1.0, 2.0}, {1.0, 8.0}}) {
            const auto count = static_cast<double>(factors.size());
            bool same = true;
            for (std::size_t i = 0; i < factors.size() && same; ++i) {
                const double frequency = std::pow(theta, -static_cast<double>(i) / count);
                const double expected = llama3_factor(frequency, factor, low, high, original);
                // Computed in binary32, and the blend divides by little.
                same = std::abs(expected - factors[i]) <= 1e-4 * expected;
            }
            if (!same) continue;
            return {{"rope_type", "llama3"},
                    {"factor", factor},
                    {"low_freq_factor", low},
                    {"high_freq_factor", high},
                    {"original_max_position_embeddings", original}};
        }
    }
    return nullptr;
}

json explicit_factors(const std::vector<double>& short_factors, const std::vector<double>& long_factors) {
    return {{"rope_type", "longrope"}, {"short_factor", short_factors}, {"long_factor", long_factors}};
}

void copy_number(const GgufModel& model, const char* from, json& object, const char* to) {
    if (const auto value = model.metadata().number(model.key(from))) object[to] = *value;
}

json yarn(const GgufModel& model, double factor) {
    json rule{{"rope_type", "yarn"}, {"factor", factor}};
    copy_number(model, "rope.scaling.original_context_length", rule, "original_max_position_embeddings");
    copy_number(model, "rope.scaling.yarn_beta_fast", rule, "beta_fast");
    copy_number(model, "rope.scaling.yarn_beta_slow", rule, "beta_slow");
    copy_number(model, "rope.scaling.yarn_attn_factor", rule, "attention_factor");
    // A tenth of DeepSeek's mscale_all_dim; its mscale is the same in all published models.
    if (const auto tenth = model.metadata().number(model.key("rope.scaling.yarn_log_multiplier"))) {
        const double scale = std::round(*tenth * 1e7) / 1e6;
        rule["mscale"] = scale;
        rule["mscale_all_dim"] = scale;
    }
    return rule;
}

}  // namespace

json gguf_rope_scaling(const GgufModel& model) {
    const GgufMetadata& metadata = model.metadata();
    const TensorInfo *longer = model.find("rope_factors_long.weight"),
                     *shorter = model.find("rope_factors_short.weight"),
                     *factors = model.find("rope_freqs.weight");
    if (longer != nullptr && shorter != nullptr) {
        json rule = explicit_factors(model.read(*shorter), model.read(*longer));
        copy_number(model, "rope.scaling.original_context_length", rule, "original_max_position_embeddings");
        return rule;
    }
    if (factors != nullptr && factors->elements > 0) {
        const std::vector<double> values = model.read(*factors);
        if (std::ranges::all_of(values, [](double value) { return value == 1.0; })) return nullptr;
        if (json rule = llama3_rule(model, values); !rule.is_null()) return rule;
        json rule = explicit_factors(values, values);
        rule["attention_factor"] = 1.0;
        copy_number(model, "context_length", rule, "original_max_position_embeddings");
        return rule;
    }
    const std::string type = to_utf8(metadata.text(model.key("rope.scaling.type")).value_or(""));
    auto factor = metadata.number(model.key("rope.scaling.factor"));
    if (!factor) factor = metadata.number(model.key("rope.scale_linear"));  // before there were types
    if (type == "none" || !factor || *factor == 0.0 || (*factor == 1.0 && type != "yarn")) return nullptr;
    if (type == "yarn") return yarn(model, *factor);
    if (type.empty() || type == "linear") return {{"rope_type", "linear"}, {"factor", *factor}};
    return {{"rope_type", type}, {"factor", *factor}};  // for the family to know or to refuse by name
}

}  // namespace deadscope
