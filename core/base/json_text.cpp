// A walk over the value that fills one buffer; see json_text.h. Strings that need escapes go through
// nlohmann.
#include "core/base/json_text.h"

#include <dragonbox/dragonbox.h>
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>
#include <span>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace deadscope {
namespace {

using Json = nlohmann::ordered_json;

using Numbers = std::span<const double>;           // a leaf's bytes
constexpr std::uint64_t number_leaf = 0x64656164;  // its subtype as a binary value
constexpr std::size_t longest_number = 48;         // 24 characters, and what is copied behind them

bool is_plain(char c) {
    return c >= ' ' && c <= '~' && c != '"' && c != '\\';
}

// The digits of a number, and what lies behind them: copied by fixed lengths, which is quicker than by
// theirs.
using Digits = std::array<char, 40>;

// `count` digits, the decimal point before the one at `point`, which may lie beside them.
char* place_digits(const Digits& digits, int count, int point, char* to) {
    if (point > 0 && point < count) {
        std::memcpy(to, digits.data(), 16);
        to[point] = '.';
        std::memcpy(to + point + 1, digits.data() + point, 17);
        return to + count + 1;
    }
    if (point <= 0 && point > -4) {
        std::memcpy(to, "0.000", 5);
        std::memcpy(to + 2 - point, digits.data(), 17);
        return to + 2 - point + count;
    }
    to = std::copy_n(digits.data(), point > 16 || point <= -4 ? 1 : count, to);
    if (point > 0 && point <= 16) return std::copy_n(".0", 2, std::fill_n(to, point - count, '0'));
    if (count > 1) *to++ = '.';
    to = std::copy_n(digits.data() + 1, count - 1, to);
    *to++ = 'e';
    return std::to_chars(to, to + 5, point - 1).ptr;
}

// From `to` on, which has room for longest_number; returns the end. Dragonbox takes a third less time than
// the standard library's to_chars(), which was a third of the time of a command.
char* write_number(double number, char* to) {
    if (!std::isfinite(number)) return std::copy_n("null", 4, to);
    if (std::signbit(number)) *to++ = '-';
    if (number == 0.0) return std::copy_n("0.0", 3, to);
    const auto decimal = jkj::dragonbox::to_decimal(number, jkj::dragonbox::policy::sign::ignore);
    Digits digits{};
    const char* const end = std::to_chars(digits.begin(), digits.end(), decimal.significand).ptr;
    const int count = static_cast<int>(end - digits.data());
    return place_digits(digits, count, count + decimal.exponent, to);
}

class Writer {
public:
    explicit Writer(const TextSink& sink) : sink_(sink) {}

    void value(const Json& value, std::size_t indent) {
        switch (value.type()) {
            case Json::value_t::object:
                return list('{', '}', value.get_ref<const Json::object_t&>(), indent,
                            [&](const auto& member) {
                                string(member.first);
                                put(": ");
                                this->value(member.second, indent + 2);
                            });
            case Json::value_t::array:
                return list('[', ']', value.get_ref<const Json::array_t&>(), indent,
                            [&](const Json& element) { this->value(element, indent + 2); });
            case Json::value_t::binary:
                return numbers(value.get_binary());
            case Json::value_t::string:
                return string(value.get_ref<const std::string&>());
            case Json::value_t::boolean:
                return put(value.get<bool>() ? "true" : "false");
            case Json::value_t::number_integer:
                return integer(value.get<std::int64_t>());
            case Json::value_t::number_unsigned:
                return integer(value.get<std::uint64_t>());
            case Json::value_t::number_float:
                return real(value.get<double>());
            case Json::value_t::null:
            case Json::value_t::discarded:
                break;
        }
        put("null");
    }

    void end() {
        put("\n");
        flush();
    }

private:
    template <class List, class Each>
    void list(char opening, char closing, const List& elements, std::size_t indent, const Each& each) {
        put({&opening, 1});
        const char* before = "";
        for (const auto& element : elements) {
            put(before);
            line(indent + 2);
            each(element);
            before = ",";
        }
        if (!elements.empty()) line(indent);
        put({&closing, 1});
    }

    void numbers(const Json::binary_t& leaf) {
        if (!leaf.has_subtype() || leaf.subtype() != number_leaf || leaf.size() != sizeof(Numbers))
            throw std::logic_error("JSON holds no binary values");
        Numbers values;
        std::memcpy(&values, leaf.data(), sizeof values);
        const char* before = "[";
        for (const double value : values) {
            put(before);
            real(value);
            before = ",";
        }
        put(values.empty() ? "[]" : "]");
    }

    void real(double number) {
        char* const begin = room(longest_number);
        used_ += static_cast<std::size_t>(write_number(number, begin) - begin);
    }

    template <class Integer>
    void integer(Integer number) {
        char* const begin = room(longest_number);
        used_ += static_cast<std::size_t>(std::to_chars(begin, begin + longest_number, number).ptr - begin);
    }

    void string(const std::string& text) {
        if (!std::all_of(text.begin(), text.end(), is_plain))
            return put(Json(text).dump(-1, ' ', false, Json::error_handler_t::replace));
        put("\"");
        put(text);
        put("\"");
    }

    void line(std::size_t indent) {
        put("\n");
        constexpr std::string_view spaces = "                                ";
        for (; indent > spaces.size(); indent -= spaces.size()) put(spaces);
        put(spaces.substr(0, indent));
    }

    void put(std::string_view text) {
        if (text.size() > buffer_.size() - used_) flush();
        if (text.size() > buffer_.size()) return sink_(text);
        std::copy(text.begin(), text.end(), buffer_.data() + used_);
        used_ += text.size();
    }

    char* room(std::size_t bytes) {  // at most the buffer's
        if (bytes > buffer_.size() - used_) flush();
        return buffer_.data() + used_;
    }

    void flush() {
        sink_({buffer_.data(), used_});
        used_ = 0;
    }

    const TextSink& sink_;
    std::size_t used_ = 0;
    std::array<char, 64 * 1024> buffer_;
};

}  // namespace

nlohmann::ordered_json json_numbers(const std::vector<double>& values) {
    static_assert(std::is_trivially_copyable_v<Numbers>);
    const Numbers view(values);
    Json::binary_t::container_type leaf(sizeof view);
    std::memcpy(leaf.data(), &view, sizeof view);
    return Json::binary(std::move(leaf), number_leaf);
}

void write_json(const nlohmann::ordered_json& value, const TextSink& sink) {
    Writer writer(sink);
    writer.value(value, 0);
    writer.end();
}

std::string dump_json(const nlohmann::ordered_json& value) {
    std::string text;
    write_json(value, [&](std::string_view piece) { text += piece; });
    return text;
}

}  // namespace deadscope
