// The rules of transformers' modeling_rope_utils, in double.
#include "core/model/rotary.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>

#include "core/base/error.h"

namespace deadscope {
namespace {

constexpr std::int64_t channel_limit = 1 << 16;

// What a rule works on. Frequencies are 1 / theta^(2i / whole).
struct Rule {
    const ConfigValues& values;
    const JsonObject& rope;
    double theta = 0.0, whole = 0.0;
    double context = 0.0;
    const RotaryInput& input;
};

double frequency(double theta, std::int64_t i, double whole) {
    return std::pow(theta, -2.0 * static_cast<double>(i) / whole);
}

std::vector<double> plain(double theta, std::int64_t count, double whole) {
    std::vector<double> out;
    for (std::int64_t i = 0; i < count; ++i) out.push_back(frequency(theta, i, whole));
    return out;
}

// The object that holds the rule: the first of the places that the family names, or under either of the usual
// names, of which two that differ are an error, whichever would win.
std::optional<JsonObject> rope_object(const ConfigValues& values, const RotaryData& data) {
    const JsonObject& config = values.config();
    for (const std::string& key : data.parameters) {
        const auto place = find_config(config, key);
        if (place) return place->object.object(place->leaf);
    }
    const auto own_rule = [&]() -> std::optional<JsonObject> {
        if (!data.rule) return std::nullopt;
        return JsonObject(*data.rule, values.architecture().file, "rotary_rule");
    };
    if (!data.parameters.empty()) return own_rule();
    const nlohmann::json *now = config.find("rope_parameters"), *old = config.find("rope_scaling");
    if (now != nullptr && old != nullptr && *now != *old)
        config.wrong("rope_scaling", "the same as rope_parameters holds");
    if (now == nullptr && old == nullptr) return own_rule();
    return config.object(now != nullptr ? "rope_parameters" : "rope_scaling");
}

std::string rule_of(const JsonObject& rope) {
    const auto now = rope.text("rope_type"), old = rope.text("type");
    // transformers writes Qwen2-VL's mrope, which turns text as default does, beside the word default.
    if (now == "default" && old == "mrope") return *now;
    if (now && old && *now != *old) rope.wrong("type", "the same as rope_type, '" + *now + "'");
    return now ? *now : old.value_or("default");
}

// A value that may stand in the rope object, at the top of the configuration, or nowhere.
double setting(const ConfigValues& values, const std::optional<JsonObject>& rope, const Amount& amount,
               const char* key, double otherwise) {
    const double outside = values.number(amount, otherwise);
    if (!rope || !rope->has(key)) return outside;
    const double inside = *rope->number(key);
    const std::string* name = std::get_if<std::string>(&amount);
    const bool stated = name != nullptr && values.states(*name);
    if (stated && inside != outside) rope->wrong(key, "the same as " + values.key_of(amount) + " at the top");
    if (!given(amount) && inside != otherwise)
        rope->wrong(key, std::to_string(otherwise) + " for this family");
    return inside;
}

double required(const JsonObject& rope, const char* key) {
    const auto value = rope.number(key);
    if (!value) rope.missing(key, "a number");
    if (*value <= 0.0) rope.wrong(key, "a positive number");
    return *value;
}

// Length of the sequences before the context was stretched: at the top, in the object, or the context.
double original_context(const Rule& rule) {
    const char* key = "original_max_position_embeddings";
    const auto top = rule.values.config().number(key), inner = rule.rope.number(key);
    const double value = top ? *top : inner.value_or(rule.context);
    if (!(value > 1.0)) rule.rope.wrong(key, "a length above 1");
    return value;
}

double factor_or_stretch(const Rule& rule, double original) {
    return rule.rope.has("factor") ? required(rule.rope, "factor") : rule.context / original;
}

// Llama 3.1's rule: long waves are slowed by `factor`, short ones kept, those between blended.
void apply_llama3(const Rule& rule, RotarySpec& spec) {
    const double factor = required(rule.rope, "factor"), low = required(rule.rope, "low_freq_factor"),
                 high = required(rule.rope, "high_freq_factor"), original = original_context(rule);
    if (high <= low) rule.rope.wrong("high_freq_factor", "more than low_freq_factor");
    for (double& frequency : spec.inverse_frequencies) {
        const double wavelength = 2.0 * std::numbers::pi / frequency;
        if (wavelength > original / low) {
            frequency /= factor;
        } else if (wavelength >= original / high) {
            const double smooth = (original / wavelength - low) / (high - low);
            frequency = (1.0 - smooth) * frequency / factor + smooth * frequency;
        }
    }
}

// yarn (arXiv 2309.00071): slowed by `factor` where fewer than beta_slow turns fit into the original context,
// kept where more than beta_fast do, blended between.
void apply_yarn(const Rule& rule, Rotary& out) {
    const JsonObject& rope = rule.rope;
    const double original = original_context(rule), factor = factor_or_stretch(rule, original);
    const auto or_default = [&](const char* key, double otherwise) {
        const double value = rope.number(key).value_or(otherwise);
        return value == 0.0 ? otherwise : value;
    };
    const double fast = or_default("beta_fast", 32.0), slow = or_default("beta_slow", 1.0);
    const auto channel_of = [&](double turns) {
        return rule.whole * std::log(original / (turns * 2.0 * std::numbers::pi)) /
               (2.0 * std::log(rule.theta));
    };
    double low = channel_of(fast), high = channel_of(slow);
    if (rope.boolean("truncate").value_or(true)) {
        low = std::floor(low);
        high = std::ceil(high);
    }
    low = std::max(low, 0.0);
    high = std::min(high, rule.whole - 1.0);
    if (low == high) high += 0.001;  // as transformers does, against a division by zero
    auto& frequencies = out.spec.inverse_frequencies;
    for (std::size_t i = 0; i < frequencies.size(); ++i) {
        const double slowed = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
        frequencies[i] *= slowed / factor + (1.0 - slowed);
    }
    const auto mscale = [&](double scale) {
        return factor <= 1.0 ? 1.0 : 0.1 * scale * std::log(factor) + 1.0;
    };
    const double one = rope.number("mscale").value_or(0.0), all = rope.number("mscale_all_dim").value_or(0.0);
    const bool both = one != 0.0 && all != 0.0;
    out.spec.attention_factor = rope.has("attention_factor") ? *rope.number("attention_factor")
                                : both                       ? mscale(one) / mscale(all)
                                                             : mscale(1.0);
    if (all != 0.0) out.score_scale = mscale(all) * mscale(all);
}

std::vector<double> factor_list(const Rule& rule, const std::vector<double>& in_file, const char* key,
                                std::size_t count) {
    std::vector<double> factors = in_file;
    const nlohmann::json* list = rule.rope.find(key);
    if (factors.empty() && list != nullptr && list->is_array() && list->size() <= count) {
        for (const nlohmann::json& value : *list)
            factors.push_back(value.is_number() ? value.get<double>() : 0.0);
    }
    const bool good = factors.size() == count && std::ranges::all_of(factors, [](double factor) {
                          return factor > 0.0 && std::isfinite(factor);
                      });
    if (!good) rule.rope.wrong(key, "a list of " + std::to_string(count) + " positive numbers");
    return factors;
}

// longrope (arXiv 2402.13753): a divisor for every frequency, of two lists by the length of the input.
void apply_longrope(const Rule& rule, RotarySpec& spec) {
    const std::size_t count = spec.inverse_frequencies.size();
    const auto short_factors = factor_list(rule, rule.input.short_factors, "short_factor", count),
               long_factors = factor_list(rule, rule.input.long_factors, "long_factor", count);
    const double original = original_context(rule), factor = factor_or_stretch(rule, original);
    spec.attention_factor = factor <= 1.0 ? 1.0 : std::sqrt(1.0 + std::log(factor) / std::log(original));
    if (const auto stated = rule.rope.number("attention_factor")) spec.attention_factor = *stated;
    spec.long_beyond = static_cast<std::int64_t>(std::min(original, 1e15));
    spec.long_inverse_frequencies = spec.inverse_frequencies;
    for (std::size_t i = 0; i < count; ++i) {
        spec.inverse_frequencies[i] /= short_factors[i];
        spec.long_inverse_frequencies[i] /= long_factors[i];
    }
}

void apply_rule(const Rule& rule, const std::string& name, Rotary& out) {
    RotarySpec& spec = out.spec;
    if (name == "linear") {
        const double factor = required(rule.rope, "factor");
        for (double& frequency : spec.inverse_frequencies) frequency /= factor;
    } else if (name == "llama3") {
        apply_llama3(rule, spec);
    } else if (name == "yarn") {
        apply_yarn(rule, out);
    } else if (name == "longrope" || name == "su") {
        apply_longrope(rule, spec);
    } else if (name != "default" && name != "mrope" && name != "dynamic" && name != "proportional") {
        // mrope turns as default does where all tokens are text; dynamic stretches only beyond the context,
        // which is an error here.
        rule.rope.wrong(rule.rope.has("rope_type") ? "rope_type" : "type",
                        "default, linear, dynamic, yarn, longrope, llama3 or proportional");
    }
}

// Gemma 4's rule: a fraction of the frequencies of the whole head, and zeros for the rest of it.
void apply_proportional(const Rule& rule, double fraction, RotarySpec& spec) {
    const std::int64_t head = rule.input.head_dim;
    const auto turned = static_cast<std::int64_t>(std::floor(fraction * static_cast<double>(head) / 2.0));
    const double factor = rule.rope.has("factor") ? required(rule.rope, "factor") : 1.0;
    spec.dims = head;
    spec.inverse_frequencies = plain(rule.theta, std::min(turned, head / 2), static_cast<double>(head));
    spec.inverse_frequencies.resize(static_cast<std::size_t>(head / 2), 0.0);
    for (double& frequency : spec.inverse_frequencies) frequency /= factor;
}

void divide(const ConfigValues& values, const std::vector<double>& divisors,
            std::vector<double>& frequencies) {
    if (divisors.empty() || frequencies.empty()) return;
    const bool good =
        divisors.size() == frequencies.size() &&
        std::ranges::all_of(divisors, [](double divisor) { return divisor > 0.0 && std::isfinite(divisor); });
    if (!good) {
        throw Error::input("The file's divisors of the rotary frequencies do not fit the configuration",
                           {.file = values.config().file(),
                            .key = "rope_freqs.weight",
                            .expected = std::to_string(frequencies.size()) + " positive numbers",
                            .found = std::to_string(divisors.size()) + " numbers"});
    }
    for (std::size_t i = 0; i < frequencies.size(); ++i) frequencies[i] /= divisors[i];
}

// Those that a checkpoint stores are the ones it was trained with, whatever they were rounded to.
void replace(const ConfigValues& values, const std::vector<double>& stored,
             std::vector<double>& frequencies) {
    if (stored.empty()) return;
    const bool good = stored.size() == frequencies.size() && std::ranges::all_of(stored, [](double value) {
                          return value >= 0.0 && std::isfinite(value);
                      });
    if (!good) {
        throw Error::input("The file's rotary frequencies do not fit the configuration",
                           {.file = values.config().file(),
                            .key = "inv_freq",
                            .expected = std::to_string(frequencies.size()) + " numbers from 0 up",
                            .found = std::to_string(stored.size()) + " numbers"});
    }
    frequencies = stored;
}

}  // namespace

Rotary make_rotary(const ConfigValues& values, const RotaryData& data, const RotaryInput& input) {
    const JsonObject& config = values.config();
    const auto rope = rope_object(values, data);
    const double theta = setting(values, rope, data.theta, "rope_theta", 10000.0);
    const double fraction = setting(values, rope, data.fraction, "partial_rotary_factor", 1.0);
    const bool by_number = given(data.dims);
    // The fraction's channels, cut to a whole number; an odd one is rounded up to turn in pairs.
    const auto whole = by_number ? values.count(data.dims, channel_limit)
                                 : static_cast<std::int64_t>(static_cast<double>(input.head_dim) * fraction);
    const std::int64_t dims = whole + whole % 2;
    if (!(theta > 1.0) || !(fraction > 0.0 && fraction <= 1.0) || dims < 2 || dims > input.head_dim) {
        throw Error::input(
            "The rotary positions of the configuration cannot be computed",
            {.file = config.file(),
             .key = rope ? "rope_parameters" : "rope_theta",
             .expected =
                 "theta above 1 and from 2 to " + std::to_string(input.head_dim) + " rotated channels",
             .found = "theta " + std::to_string(theta) + ", " + std::to_string(dims) + " channels"});
    }
    Rotary out;
    out.spec.first = input.first;
    out.spec.dims = dims;
    out.spec.interleaved = data.interleaved;
    out.spec.inverse_frequencies = plain(theta, dims / 2, static_cast<double>(whole));
    if (data.by_patch) {  // channels turn together in pairs, of which half go by the height
        if (whole % 4 != 0 || dims != input.head_dim)
            values.wrong(Amount(std::string("head_dim")), "a multiple of four, all of it rotated");
        out.spec.by_patch = true;
        out.spec.inverse_frequencies = plain(theta, dims / 4, static_cast<double>(whole) / 2.0);
    }
    if (rope) {
        const std::string name = rule_of(*rope);
        const Rule rule{values, *rope, theta, static_cast<double>(whole), static_cast<double>(input.context),
                        input};
        if (name == "proportional") apply_proportional(rule, fraction, out.spec);
        apply_rule(rule, name, out);
    }
    divide(values, input.divisors, out.spec.inverse_frequencies);
    replace(values, input.frequencies, out.spec.inverse_frequencies);
    return out;
}

}  // namespace deadscope
