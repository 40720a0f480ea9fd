// nlohmann's lexer behind our own handler, which knows duplicates, depth and numbers that are not finite.
#include "core/base/json.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/base/error.h"
#include "core/base/text.h"

namespace deadscope {
namespace {

using nlohmann::json;

// Text made fit for the lexer. Each edit remembers how far it moved what follows, so that an error can
// name the byte of the file.
struct Prepared {
    struct Edit {
        std::size_t position;  // in text, behind the edit
        std::ptrdiff_t shift;  // text position - file position from there on
    };
    std::string_view text;  // the file's own where nothing needs an edit
    std::string edited;
    std::vector<Edit> edits;

    std::uint64_t original(std::size_t position) const {
        std::ptrdiff_t shift = 0;
        for (const Edit& edit : edits) {
            if (edit.position > position) break;
            shift = edit.shift;
        }
        return static_cast<std::uint64_t>(
            std::max<std::ptrdiff_t>(0, static_cast<std::ptrdiff_t>(position) - shift));
    }
};

// Python's literals travel through the lexer as strings with this mark in front.
constexpr std::string_view mark = "\\u0000deadscope:";
constexpr std::string_view decoded_mark{"\0deadscope:", 11};

std::string_view literal_at(std::string_view text) {
    for (const std::string_view literal : {"NaN", "Infinity", "-Infinity"}) {
        if (text.starts_with(literal)) return literal;
    }
    return {};
}

[[noreturn]] void fail(const JsonSource& source, std::uint64_t position, std::string_view what,
                       std::string key = {}) {
    throw Error::input("The file is not the JSON it should be: " + std::string(what),
                       {.file = source.file, .key = std::move(key), .offset = source.offset + position});
}

// ASCII without the words: most files. (The words inside strings are left as they are by prepare() too.)
bool needs_no_edit(std::string_view input) {
    const bool ascii = std::ranges::none_of(input, [](char c) { return (c & 0x80) != 0; });
    return ascii && input.find("NaN") == std::string_view::npos &&
           input.find("Infinity") == std::string_view::npos;
}

Prepared prepare(std::string_view input, const JsonSource& source) {
    Prepared out;
    if (needs_no_edit(input)) {
        out.text = input;
        return out;
    }
    std::string& edited = out.edited;
    edited.reserve(input.size());
    bool in_string = false;
    const auto put = [&](std::string_view text, std::size_t consumed) {
        edited += text;
        if (text.size() == consumed) return;
        const std::ptrdiff_t before = out.edits.empty() ? 0 : out.edits.back().shift;
        out.edits.push_back({edited.size(), before + static_cast<std::ptrdiff_t>(text.size()) -
                                                static_cast<std::ptrdiff_t>(consumed)});
    };
    for (std::size_t i = 0; i < input.size();) {
        const std::string_view rest = input.substr(i);
        std::size_t consumed = 1;
        if (in_string && rest[0] == '\\' && rest.size() > 1 && utf8_length(rest.substr(1)) == 1) {
            consumed = 2;
            put(rest.substr(0, 2), 2);
        } else if (const std::string_view literal = in_string ? "" : literal_at(rest); !literal.empty()) {
            consumed = literal.size();
            put("\"" + std::string(mark) + std::string(literal) + "\"", consumed);
        } else if (const std::size_t length = utf8_length(rest); length > 0) {
            if (rest[0] == '"') in_string = !in_string;
            consumed = length;
            put(rest.substr(0, length), length);
        } else {
            if (source.require_utf8) fail(source, i, "it is not valid UTF-8");
            put("\xEF\xBF\xBD", 1);
        }
        i += consumed;
    }
    out.text = edited;
    return out;
}

// Builds the value as nlohmann's own handler would, and refuses what that one accepts: a key twice, and
// depth.
class Builder final : public nlohmann::json_sax<json> {
public:
    Builder(const JsonSource& source, const Prepared& prepared) : source_(source), prepared_(prepared) {}
    json take() { return std::move(root_); }

    bool null() override { return place(json()); }
    bool boolean(bool value) override { return place(json(value)); }
    bool number_integer(number_integer_t value) override { return place(json(value)); }
    bool number_unsigned(number_unsigned_t value) override { return place(json(value)); }
    bool number_float(number_float_t value, const string_t&) override { return place(json(value)); }
    bool binary(binary_t&) override { return false; }
    bool start_object(std::size_t) override { return open(json::object()); }
    bool start_array(std::size_t) override { return open(json::array()); }
    bool end_object() override { return close(); }
    bool end_array() override { return close(); }

    bool string(string_t& value) override {
        if (!value.starts_with(decoded_mark)) return place(json(std::move(value)));
        const std::string_view literal = std::string_view(value).substr(decoded_mark.size());
        constexpr double infinity = std::numeric_limits<double>::infinity();
        return place(json(literal == "NaN" ? std::numeric_limits<double>::quiet_NaN()
                                           : (literal[0] == '-' ? -infinity : infinity)));
    }

    bool key(string_t& name) override {
        if (name.starts_with(decoded_mark)) fail(source_, 0, "a key is not a string");
        const auto [entry, inserted] =
            stack_.back()->get_ref<json::object_t&>().emplace(std::move(name), nullptr);
        if (!inserted) {
            throw Error::input(
                "A key stands twice in one object, so its value is not certain",
                {.file = source_.file, .key = entry->first, .hint = "Remove one of the two entries."});
        }
        slot_ = &entry->second;
        return true;
    }

    bool parse_error(std::size_t position, const std::string& token, const json::exception&) override {
        std::string near = token.starts_with("<") ? "" : token;
        if (const std::size_t at = near.find(decoded_mark); at != std::string::npos)
            near.erase(at, decoded_mark.size());
        const bool ended = prepared_.text.size() < position || position == 0;
        const std::uint64_t place = prepared_.original(position == 0 ? 0 : position - 1);
        fail(source_, place,
             ended ? "it ends too early" : "unexpected text near '" + printable(near, 60) + "'");
    }

private:
    bool place(json value) { return put(std::move(value)) != nullptr; }

    json* put(json value) {
        if (stack_.empty()) {
            root_ = std::move(value);
            return &root_;
        }
        if (stack_.back()->is_array()) {
            auto& array = stack_.back()->get_ref<json::array_t&>();
            array.push_back(std::move(value));
            return &array.back();
        }
        *slot_ = std::move(value);
        return slot_;
    }

    bool open(json value) {
        if (stack_.size() >= source_.max_depth) fail(source_, 0, "it is nested too deeply");
        stack_.push_back(put(std::move(value)));
        return true;
    }

    bool close() {
        stack_.pop_back();
        return true;
    }

    const JsonSource& source_;
    const Prepared& prepared_;
    json root_;
    std::vector<json*> stack_;  // open containers; stable: a container grows only while it is on top
    json* slot_ = nullptr;      // the value of the key read last
};

}  // namespace

json parse_json(std::string_view text, const JsonSource& source) {
    const Prepared prepared = prepare(text, source);
    Builder builder(source, prepared);
    if (!json::sax_parse(prepared.text, &builder)) fail(source, 0, "it cannot be read");
    return builder.take();
}

std::string json_words(const json& value) {
    if (value.is_object()) return "an object";
    if (value.is_array() && value.size() > 8) return "a list of " + std::to_string(value.size());
    if (value.is_number_float() && !std::isfinite(value.get<double>())) return "a number that is not finite";
    return printable(value.dump(-1, ' ', false, json::error_handler_t::replace), 100);
}

JsonObject::JsonObject(const json& value, std::string file, std::string path)
    : value_(&value), file_(std::move(file)), path_(std::move(path)) {
    if (!value.is_object()) {
        throw Error::input(
            "A JSON object was expected",
            {.file = file_, .key = path_, .expected = "an object", .found = json_words(value)});
    }
}

const json* JsonObject::find(std::string_view key) const {
    const auto found = value_->find(key);
    return found == value_->end() || found->is_null() ? nullptr : &*found;
}

std::vector<std::string> JsonObject::keys() const {
    std::vector<std::string> out;
    for (const auto& [key, value] : value_->items()) out.push_back(key);
    return out;
}

std::string JsonObject::key_path(std::string_view key) const {
    return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

void JsonObject::wrong(std::string_view key, std::string_view expected) const {
    const json* value = find(key);
    throw Error::input("A key holds a value that cannot be used",
                       {.file = file_,
                        .key = key_path(key),
                        .expected = std::string(expected),
                        .found = value == nullptr ? "nothing" : json_words(*value)});
}

void JsonObject::missing(std::string_view key, std::string_view expected) const {
    throw Error::input(
        "A key is missing",
        {.file = file_, .key = key_path(key), .expected = std::string(expected), .found = "nothing"});
}

std::optional<std::int64_t> JsonObject::integer(std::string_view key) const {
    const json* value = find(key);
    if (value == nullptr) return std::nullopt;
    const bool too_large =
        value->is_number_unsigned() &&
        value->get<std::uint64_t>() > std::uint64_t{std::numeric_limits<std::int64_t>::max()};
    if (!value->is_number_integer() || too_large) wrong(key, "a whole number");
    return value->get<std::int64_t>();
}

std::optional<double> JsonObject::number(std::string_view key) const {
    const json* value = find(key);
    if (value == nullptr) return std::nullopt;
    if (!value->is_number() || !std::isfinite(value->get<double>())) wrong(key, "a finite number");
    return value->get<double>();
}

std::optional<std::string> JsonObject::text(std::string_view key) const {
    const json* value = find(key);
    if (value == nullptr) return std::nullopt;
    if (!value->is_string()) wrong(key, "a string");
    return value->get<std::string>();
}

std::optional<bool> JsonObject::boolean(std::string_view key) const {
    const json* value = find(key);
    if (value == nullptr) return std::nullopt;
    if (!value->is_boolean()) wrong(key, "true or false");
    return value->get<bool>();
}

std::optional<JsonObject> JsonObject::object(std::string_view key) const {
    const json* value = find(key);
    if (value == nullptr) return std::nullopt;
    return JsonObject(*value, file_, key_path(key));
}

std::vector<std::string> JsonObject::texts(std::string_view key) const {
    const json* value = find(key);
    if (value == nullptr) return {};
    if (value->is_string()) return {value->get<std::string>()};
    const bool all =
        value->is_array() && std::ranges::all_of(*value, [](const json& v) { return v.is_string(); });
    if (!all) wrong(key, "a string or a list of strings");
    return value->get<std::vector<std::string>>();
}

std::vector<std::int64_t> JsonObject::integers(std::string_view key) const {
    const json* value = find(key);
    if (value == nullptr) return {};
    const bool all =
        value->is_array() && std::ranges::all_of(*value, [](const json& v) {
            return v.is_number_integer() &&
                   (!v.is_number_unsigned() ||
                    v.get<std::uint64_t>() <= std::uint64_t{std::numeric_limits<std::int64_t>::max()});
        });
    if (!all) wrong(key, "a list of whole numbers");
    return value->get<std::vector<std::int64_t>>();
}

}  // namespace deadscope
