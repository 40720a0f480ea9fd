// Looks quantities up under their synonyms, and evaluates expressions made of them.
#include "core/model/config_values.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/model/architecture_reader.h"

namespace deadscope {
namespace {

std::string number_words(double value) {
    if (value == std::floor(value) && std::abs(value) < 1e15) return std::to_string(std::llround(value));
    std::ostringstream out;
    out << value;
    return out.str();
}

}  // namespace

const Quantity& ConfigValues::quantity(const std::string& name) const {
    const auto found = data_->config.find(name);
    if (found == data_->config.end()) {
        throw Error::input("The architecture file names a quantity that its config does not list",
                           {.file = data_->file, .key = name});
    }
    return found->second;
}

std::optional<ConfigPlace> ConfigValues::find_key(const std::string& name) const {
    std::optional<ConfigPlace> first;
    for (std::string key : quantity(name).keys) {
        const std::size_t number = key.find("{i}");
        if (number != std::string::npos && !block_) continue;  // a block's own key
        if (number != std::string::npos) key.replace(number, 3, std::to_string(*block_));
        auto place = find_config(config_, key);
        if (!place) continue;
        if (!first) {
            first = std::move(place);
            continue;
        }
        if (*place->value == *first->value) continue;
        throw Error::input(
            "Two keys that mean the same hold different values",
            {.file = config_.file(),
             .key = place->object.key_path(place->leaf),
             .expected = json_words(*first->value) + ", as " + first->object.key_path(first->leaf) + " has",
             .found = json_words(*place->value)});
    }
    return first;
}

// A list under a key that a block reads holds one value a block.
const nlohmann::json& ConfigValues::element(const ConfigPlace& place) const {
    if (!block_ || !place.value->is_array()) return *place.value;
    const auto index = static_cast<std::size_t>(*block_);
    if (index >= place.value->size())
        place.object.wrong(place.leaf, "a list with an element for block " + std::to_string(*block_));
    return (*place.value)[index];
}

std::string ConfigValues::key_of(const Amount& amount) const {
    if (const bool* flag = std::get_if<bool>(&amount)) return *flag ? "true" : "false";
    if (const double* number = std::get_if<double>(&amount)) return number_words(*number);
    const std::string* name = std::get_if<std::string>(&amount);
    if (name == nullptr) return "";
    if (!lists(*name)) return *name;
    if (const auto place = find_key(*name)) return place->object.key_path(place->leaf);
    const Quantity& found = quantity(*name);
    return found.keys.empty() ? *name : found.keys.front();
}

void ConfigValues::missing(const std::string& name) const {
    const auto& keys = quantity(name).keys;
    if (keys.size() < 2) config_.missing(key_of(name), "a value");
    config_.missing(keys.front(), "one of " + join(keys, ", "));
}

void ConfigValues::wrong(const Amount& amount, const std::string& expected) const {
    const std::string* name = std::get_if<std::string>(&amount);
    const auto place = name != nullptr && lists(*name) ? find_key(*name) : std::nullopt;
    if (place) place->object.wrong(place->leaf, expected);
    throw Error::input("The configuration does not fit what the family computes",
                       {.file = config_.file(), .key = key_of(amount), .expected = expected});
}

// Operands and operators in turn, taken from left to right.
double ConfigValues::evaluate(const std::string& expression, bool whole, int depth) const {
    const auto words = expression_words(expression);
    const auto operand = [&](std::size_t i) {
        const auto number = as_number(words[i]);
        return number ? *number : numeric(words[i], whole, depth + 1);
    };
    const bool odd = words.size() % 2 == 1;
    if (!odd || is_operator(words[0])) {
        throw Error::input("The architecture file holds a quantity that cannot be evaluated",
                           {.file = data_->file,
                            .key = expression,
                            .expected = "a name, a number, or A op B with one of + - * / // ^",
                            .found = "\"" + expression + "\""});
    }
    double result = operand(0);
    for (std::size_t i = 1; i + 1 < words.size(); i += 2) {
        const double right = operand(i + 1);
        const bool cut = words[i] == "//";
        const char symbol = is_operator(words[i]) ? words[i][0] : '?';
        if (symbol == '/' && (right == 0.0 || (whole && !cut && std::fmod(result, right) != 0.0))) {
            throw Error::input("Two sizes of the configuration do not fit each other",
                               {.file = config_.file(),
                                .key = as_number(words[i + 1]) ? key_of(words[i - 1]) : key_of(words[i + 1]),
                                .expected = "a divisor of " + words[i - 1] + " = " + number_words(result),
                                .found = number_words(right)});
        }
        switch (symbol) {
            case '+':
                result += right;
                break;
            case '-':
                result -= right;
                break;
            case '*':
                result *= right;
                break;
            case '/':
                result = cut ? std::floor(result / right) : result / right;
                break;
            case '^':
                result = std::pow(result, right);
                break;
            default:
                throw Error::input("The architecture file holds a quantity that cannot be evaluated",
                                   {.file = data_->file,
                                    .key = expression,
                                    .expected = "one of + - * / // ^ between two values",
                                    .found = "\"" + words[i] + "\""});
        }
    }
    return result;
}

double ConfigValues::numeric(const std::string& name, bool whole, int depth) const {
    if (name == "block" && block_) return static_cast<double>(*block_);
    if (const auto place = find_key(name)) {
        const nlohmann::json& found = element(*place);
        if (&found == place->value) {
            if (whole) (void)place->object.integer(place->leaf);  // a size is whole where the file states it
            return *place->object.number(place->leaf);
        }
        if (!found.is_number() || !std::isfinite(found.get<double>()))
            place->object.wrong(place->leaf, "a list of finite numbers, one a block");
        return found.get<double>();
    }
    if (depth > 8) {
        throw Error::input("The architecture file's defaults go in a circle",
                           {.file = data_->file, .key = name});
    }
    const Amount& fallback = quantity(name).fallback;
    if (const double* number = std::get_if<double>(&fallback)) return *number;
    if (const std::string* text = std::get_if<std::string>(&fallback)) return evaluate(*text, whole, depth);
    missing(name);
}

double ConfigValues::value(const Amount& amount, bool whole) const {
    if (const double* number = std::get_if<double>(&amount)) return *number;
    if (const std::string* text = std::get_if<std::string>(&amount)) {
        const double result = evaluate(*text, whole, 0);
        if (std::isfinite(result)) return result;
        throw Error::input(
            "A quantity of the family comes to no number for this configuration",
            {.file = config_.file(), .key = key_of(amount), .expected = "a finite number", .found = *text});
    }
    throw Error::input("The architecture file holds no number where one is needed",
                       {.file = data_->file, .expected = "a number", .found = key_of(amount)});
}

std::int64_t ConfigValues::bounded(const Amount& amount, std::int64_t least, std::int64_t limit) const {
    const double result = value(amount, /*whole=*/true);
    if (result >= static_cast<double>(least) && result <= static_cast<double>(limit) &&
        result == std::floor(result))
        return static_cast<std::int64_t>(result);
    throw Error::input("A size of the configuration is out of bounds",
                       {.file = config_.file(),
                        .key = key_of(amount),
                        .expected = std::to_string(least) + " to " + std::to_string(limit),
                        .found = number_words(result)});
}

std::int64_t ConfigValues::size(const Amount& amount, std::int64_t limit) const {
    return bounded(amount, 1, limit);
}

std::int64_t ConfigValues::count(const Amount& amount, std::int64_t limit) const {
    return given(amount) ? bounded(amount, 0, limit) : 0;
}

double ConfigValues::number(const Amount& amount) const {
    return value(amount, /*whole=*/false);
}

double ConfigValues::number(const Amount& amount, double otherwise) const {
    return given(amount) ? number(amount) : otherwise;
}

bool ConfigValues::flag(const Amount& amount) const {
    Amount current = amount;
    for (int depth = 0; depth < 8; ++depth) {  // a default may name another flag
        if (const bool* value = std::get_if<bool>(&current)) return *value;
        const std::string* name = std::get_if<std::string>(&current);
        if (name == nullptr) break;
        if (const auto place = find_key(*name)) {
            const nlohmann::json& found = element(*place);
            if (!found.is_boolean()) place->object.wrong(place->leaf, "true or false");
            return found.get<bool>();
        }
        if (!given(quantity(*name).fallback)) missing(*name);
        current = quantity(*name).fallback;
    }
    throw Error::input("The architecture file holds no true or false where one is needed",
                       {.file = data_->file, .key = key_of(amount), .expected = "true or false"});
}

std::string ConfigValues::word(const Amount& amount) const {
    const std::string* name = std::get_if<std::string>(&amount);
    if (name != nullptr && !lists(*name)) return *name;
    if (name != nullptr) {
        if (const auto place = find_key(*name)) {
            const nlohmann::json& found = element(*place);
            if (!found.is_string()) place->object.wrong(place->leaf, "a string");
            return found.get<std::string>();
        }
        if (const std::string* word = std::get_if<std::string>(&quantity(*name).fallback)) return *word;
        missing(*name);
    }
    throw Error::input("The architecture file holds no word where one is needed",
                       {.file = data_->file, .expected = "a word", .found = key_of(amount)});
}

std::pair<std::int64_t, std::int64_t> ConfigValues::extent(const std::string& name,
                                                           std::int64_t limit) const {
    const auto place = find_key(name);
    if (!place || !place->value->is_array()) {
        const std::int64_t side = size(name, limit);
        return {side, side};
    }
    const auto sides = place->object.integers(place->leaf);
    const bool good = sides.size() == 2 &&
                      std::ranges::all_of(sides, [=](auto side) { return side >= 1 && side <= limit; });
    if (!good)
        place->object.wrong(place->leaf,
                            "a size or [height, width], each from 1 to " + std::to_string(limit));
    return {sides[0], sides[1]};
}

}  // namespace deadscope
