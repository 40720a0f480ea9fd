// The readers that all parts share: amounts, norms, linear maps.
#include "core/model/architecture_reader.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <string_view>

#include "core/base/error.h"
#include "core/base/text.h"

namespace deadscope {

void expect_keys(const JsonObject& object, std::initializer_list<std::string_view> known,
                 std::initializer_list<std::string_view> more) {
    for (const std::string& key : object.keys()) {
        if (std::ranges::find(known, key) != known.end() || std::ranges::find(more, key) != more.end() ||
            key == "comment")
            continue;
        std::vector<std::string> names(known.begin(), known.end());
        names.insert(names.end(), more.begin(), more.end());
        throw Error::input("The architecture file holds a key that is not known",
                           {.file = object.file(),
                            .key = object.key_path(key),
                            .expected = "one of " + join(names, ", "),
                            .found = "\"" + key + "\""});
    }
}

std::string required_text(const JsonObject& object, std::string_view key) {
    const auto text = object.text(key);
    if (!text || text->empty()) object.missing(key, "a string");
    return *text;
}

JsonObject required_object(const JsonObject& object, std::string_view key) {
    const auto inner = object.object(key);
    if (!inner) object.missing(key, "an object");
    return *inner;
}

std::optional<Amount> to_amount(const nlohmann::json& value) {
    if (value.is_boolean()) return value.get<bool>();
    if (value.is_number()) return value.get<double>();
    if (value.is_string()) return value.get<std::string>();
    return std::nullopt;
}

std::vector<std::string> expression_words(const std::string& text) {
    constexpr std::string_view blank = " \t\n\v\f\r";
    std::vector<std::string> words;
    for (std::size_t end = 0, begin = 0; (begin = text.find_first_not_of(blank, end)) != std::string::npos;) {
        end = std::min(text.find_first_of(blank, begin), text.size());
        words.push_back(text.substr(begin, end - begin));
    }
    return words;
}

bool is_operator(const std::string& word) {
    return word == "//" ||
           (word.size() == 1 && std::string_view("+-*/^").find(word[0]) != std::string_view::npos);
}

std::optional<double> as_number(const std::string& word) {
    double number = 0.0;
    const char* end = word.data() + word.size();
    const auto [at, error] = std::from_chars(word.data(), end, number);
    return error == std::errc() && at == end ? std::optional(number) : std::nullopt;
}

void ArchitectureReader::check_names(const Amount& amount, const JsonObject& part,
                                     std::string_view key) const {
    const std::string* text = std::get_if<std::string>(&amount);
    if (text == nullptr) return;
    const auto words = expression_words(*text);
    const auto bad = [&](const std::string& found, const std::string& expected) {
        throw Error::input(
            "The architecture file holds a quantity that cannot be evaluated",
            {.file = data_.file, .key = part.key_path(key), .expected = expected, .found = found});
    };
    if (words.size() % 2 == 0)
        bad("\"" + *text + "\"", "a name, a number, or A op B with one of + - * / // ^");
    for (std::size_t i = 0; i < words.size(); ++i) {
        const bool place_of_operator = i % 2 == 1;
        if (place_of_operator != is_operator(words[i]))
            bad("\"" + *text + "\"", "a name, a number, or A op B with one of + - * / // ^");
        if (place_of_operator || as_number(words[i]) || words[i] == "block") continue;
        if (!data_.config.contains(words[i])) bad("\"" + words[i] + "\"", "a quantity that config lists");
    }
}

Amount ArchitectureReader::amount(const JsonObject& part, std::string_view key, Amount otherwise) const {
    const nlohmann::json* value = part.find(key);
    if (value == nullptr) return otherwise;
    const auto found = to_amount(*value);
    if (!found) part.wrong(key, "a quantity: a name, a number, true or false, or an expression");
    check_names(*found, part, key);
    return *found;
}

Amount ArchitectureReader::required_amount(const JsonObject& part, std::string_view key) const {
    if (!part.has(key)) part.missing(key, "a quantity: a name, a number or an expression");
    return amount(part, key);
}

NormData ArchitectureReader::norm_style(const JsonObject& entry, NormData style) const {
    if (const auto kind = entry.text("kind")) {
        if (*kind != "layer_norm" && *kind != "rms_norm") entry.wrong("kind", "layer_norm or rms_norm");
        style.kind = *kind == "layer_norm" ? NormKind::layer_norm : NormKind::rms_norm;
        // What the word alone says, unless the entry says otherwise.
        style.bias = style.kind == NormKind::layer_norm;
    }
    style.bias = amount(entry, "bias", style.bias);
    style.weight = amount(entry, "weight", style.weight);
    style.offset = amount(entry, "offset", style.offset);
    style.eps = amount(entry, "eps", style.eps);
    return style;
}

std::optional<NormData> ArchitectureReader::norm_value(const nlohmann::json& value, const JsonObject& part,
                                                       std::string_view key) const {
    NormData norm = data_.norm;
    if (value.is_string()) {
        norm.tensor = value.get<std::string>();
    } else {
        const JsonObject entry(value, part.file(), part.key_path(key));
        expect_keys(entry, {"tensor", "kind", "bias", "weight", "offset", "eps", "whole"});
        norm = norm_style(entry, norm);
        norm.whole = entry.boolean("whole").value_or(false);
        norm.tensor = required_text(entry, "tensor");
    }
    if (norm.tensor.empty()) part.wrong(key, "a norm's name");
    return norm;
}

std::optional<NormData> ArchitectureReader::norm(const JsonObject& part, std::string_view key) const {
    const nlohmann::json* value = part.find(key);
    if (value == nullptr) return std::nullopt;
    return norm_value(*value, part, key);
}

std::optional<LinearData> ArchitectureReader::linear(
    const JsonObject& part, std::string_view key, std::initializer_list<std::string_view> more_keys) const {
    const auto entry = part.object(key);
    if (!entry) return std::nullopt;
    expect_keys(*entry, {"tensor", "bias", "layout", "init", "whole", "bias_tensor"}, more_keys);
    LinearData linear;
    linear.tensor = required_text(*entry, "tensor");
    linear.bias = amount(*entry, "bias", false);
    linear.whole = entry->boolean("whole").value_or(false);
    linear.bias_tensor = entry->text("bias_tensor").value_or("");
    const std::string layout = entry->text("layout").value_or("out_in");
    if (layout != "out_in" && layout != "in_out" && layout != "either")
        entry->wrong("layout", "out_in, in_out or either");
    linear.stored_in_out = layout == "in_out";
    linear.stored_either = layout == "either";
    const bool biased = linear.bias != Amount(false);
    if (linear.whole && biased && linear.bias_tensor.empty())
        entry->missing("bias_tensor", "the bias's name, since the weight's is whole");
    if (const nlohmann::json* init = entry->find("init"); init != nullptr && init->is_object()) {
        const JsonObject inner = *entry->object("init");
        expect_keys(inner, {"std"});
        linear.init_std = required_amount(inner, "std");
    } else if (init != nullptr) {
        const std::string word = *entry->text("init");
        if (word != "normal" && word != "scaled_normal")
            entry->wrong("init", "normal, scaled_normal, or {\"std\": a quantity}");
        linear.scaled_init = word == "scaled_normal";
    }
    return linear;
}

LinearData ArchitectureReader::required_linear(const JsonObject& part, std::string_view key,
                                               std::initializer_list<std::string_view> more_keys) const {
    const auto found = linear(part, key, more_keys);
    if (!found) part.missing(key, "a linear map: an object with tensor");
    return *found;
}

}  // namespace deadscope
