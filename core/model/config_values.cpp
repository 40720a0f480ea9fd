// Looks quantities up under their synonyms, and evaluates the defaults that are made of others.
#include "core/model/config_values.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/base/text.h"

namespace deadscope {

const Quantity& ConfigValues::quantity(const std::string& name) const {
    const auto found = data_->config.find(name);
    if (found == data_->config.end()) {
        throw Error::input("The architecture file lacks a quantity", {.file = data_->file, .key = name});
    }
    return found->second;
}

std::string ConfigValues::find_key(const std::string& name) const {
    std::string first;
    for (const std::string& key : quantity(name).keys) {
        if (!config_.has(key)) continue;
        if (first.empty()) first = key;
        if (*config_.find(key) == *config_.find(first)) continue;
        throw Error::input("Two keys that mean the same hold different values",
                           {.file = config_.file(),
                            .key = key,
                            .expected = json_words(*config_.find(first)) + ", as " + first + " has",
                            .found = json_words(*config_.find(key))});
    }
    return first;
}

std::string ConfigValues::key_of(const std::string& name) const {
    std::string key = find_key(name);
    if (!key.empty()) return key;
    const auto& keys = quantity(name).keys;
    return keys.empty() ? name : keys.front();
}

void ConfigValues::missing(const std::string& name) const {
    const auto& keys = quantity(name).keys;
    if (keys.size() < 2) config_.missing(key_of(name), "a value");
    config_.missing(keys.front(), "one of " + join(keys, ", "));
}

double ConfigValues::operand(const std::string& text, int depth) const {
    char* end = nullptr;
    const double number = std::strtod(text.c_str(), &end);
    return end != text.c_str() && *end == '\0' ? number : numeric(text, depth + 1);
}

// "A", "A * B" or "A / B" of numbers and quantities.
double ConfigValues::evaluate(const std::string& name, const std::string& expression, int depth) const {
    const std::size_t space = expression.find(' ');
    if (space == std::string::npos) return operand(expression, depth);
    const std::size_t second = expression.find(' ', space + 1);
    const std::string symbol = expression.substr(space + 1, second - space - 1);
    if (second == std::string::npos || (symbol != "*" && symbol != "/")) {
        throw Error::input(
            "The architecture file holds a default that cannot be evaluated",
            {.file = data_->file, .key = name, .expected = "A, A * B or A / B", .found = expression});
    }
    const std::string a_name = expression.substr(0, space), b_name = expression.substr(second + 1);
    const double a = operand(a_name, depth), b = operand(b_name, depth);
    if (symbol == "*") return a * b;
    if (b == 0.0 || std::fmod(a, b) != 0.0) {
        const bool known = data_->config.contains(b_name);
        throw Error::input("Two sizes of the configuration do not fit each other",
                           {.file = config_.file(),
                            .key = known ? key_of(b_name) : b_name,
                            .expected = "a divisor of " + a_name + " = " + std::to_string(std::llround(a)),
                            .found = std::to_string(std::llround(b))});
    }
    return a / b;
}

double ConfigValues::numeric(const std::string& name, int depth) const {
    if (const std::string key = find_key(name); !key.empty()) return *config_.number(key);
    const auto& fallback = quantity(name).fallback;
    if (const double* number = std::get_if<double>(&fallback)) return *number;
    if (depth > 8) {
        throw Error::input("The architecture file's defaults go in a circle",
                           {.file = data_->file, .key = name});
    }
    if (const std::string* expression = std::get_if<std::string>(&fallback))
        return evaluate(name, *expression, depth);
    missing(name);
}

std::int64_t ConfigValues::size(const std::string& name, std::int64_t limit) const {
    const std::string key = find_key(name);
    if (!key.empty()) (void)config_.integer(key);  // a size is a whole number, where the file states it
    const double value = numeric(name);
    if (value < 1.0 || value > static_cast<double>(limit) || value != std::floor(value)) {
        throw Error::input("A size of the configuration is out of bounds",
                           {.file = config_.file(),
                            .key = key_of(name),
                            .expected = "1 to " + std::to_string(limit),
                            .found = key.empty() ? std::to_string(value) : json_words(*config_.find(key))});
    }
    return static_cast<std::int64_t>(value);
}

double ConfigValues::number(const std::string& name) const {
    return numeric(name);
}

bool ConfigValues::flag(const std::string& name) const {
    if (const std::string key = find_key(name); !key.empty()) return *config_.boolean(key);
    if (const bool* value = std::get_if<bool>(&quantity(name).fallback)) return *value;
    missing(name);
}

std::string ConfigValues::word(const std::string& name) const {
    if (const std::string key = find_key(name); !key.empty()) return *config_.text(key);
    if (const std::string* value = std::get_if<std::string>(&quantity(name).fallback)) return *value;
    missing(name);
}

std::pair<std::int64_t, std::int64_t> ConfigValues::extent(const std::string& name,
                                                           std::int64_t limit) const {
    const std::string key = find_key(name);
    if (key.empty() || !config_.find(key)->is_array()) {
        const std::int64_t side = size(name, limit);
        return {side, side};
    }
    const auto sides = config_.integers(key);
    const bool good = sides.size() == 2 &&
                      std::ranges::all_of(sides, [=](auto side) { return side >= 1 && side <= limit; });
    if (!good) config_.wrong(key, "a size or [height, width], each from 1 to " + std::to_string(limit));
    return {sides[0], sides[1]};
}

void ConfigValues::refuse_unknown_options() const {
    for (const auto& [key, accepted] : data_->only) {
        const nlohmann::json* value = config_.find(key);
        if (value == nullptr) continue;
        // Numbers are compared as numbers: 1 and 1.0 are the same option.
        const bool known = std::ranges::any_of(
            accepted, [&](const std::string& text) { return nlohmann::json::parse(text) == *value; });
        if (known) continue;
        throw Error::input("An option of the configuration changes the computation and is not supported",
                           {.file = config_.file(),
                            .key = key,
                            .expected = accepted.empty() ? "the option to be absent" : join(accepted, " or "),
                            .found = json_words(*value)});
    }
}

}  // namespace deadscope
