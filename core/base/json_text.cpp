// A walk over the value that fills one buffer; see json_text.h. Strings that need escapes go through
// nlohmann.
#include "core/base/json_text.h"

#include <dragonbox/dragonbox.h>
#include <algorithm>
#include <array>
#include <bit>
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
constexpr std::size_t longest_number = 32;         // 24 characters, and what is written behind them

bool is_plain(char c) {
    return c >= ' ' && c <= '~' && c != '"' && c != '\\';
}

constexpr int all_digits = 17;  // no double's shortest text has more

constexpr auto powers_of_ten = [] {
    std::array<std::uint64_t, all_digits + 1> out{1};
    for (std::size_t i = 1; i < out.size(); ++i) out[i] = out[i - 1] * 10;
    return out;
}();

int digits_of(std::uint64_t value) {  // at least 1
    const auto guess = static_cast<std::size_t>(std::bit_width(value) * 1233 >> 12);
    return static_cast<int>(guess) + (value >= powers_of_ten[guess]);
}

// Eight digits, the first in the lowest byte: halves, their halves and theirs side by side in one word.
void write_eight(std::uint64_t value, char* to) {
    value = value / 10000 | value % 10000 << 32;
    const std::uint64_t hundreds = (value * 10486 >> 20) & 0x0000007f0000007f;
    value = hundreds | (value - hundreds * 100) << 16;
    const std::uint64_t tens = (value * 103 >> 10) & 0x000f000f000f000f;
    value = (tens | (value - tens * 10) << 8) + 0x3030303030303030;
    static_assert(std::endian::native == std::endian::little);
    std::memcpy(to, &value, sizeof value);
}

// `digits` has all_digits of them.
void write_digits(std::uint64_t digits, char* to) {
    const std::uint64_t upper = digits / 100'000'000;
    *to = static_cast<char>('0' + upper / 100'000'000);
    write_eight(upper % 100'000'000, to + 1);
    write_eight(digits % 100'000'000, to + 9);
}

// The first `count` of `digits`, the decimal point before the one at `point`, which may lie beside them.
char* place_digits(std::uint64_t digits, int count, int point, char* to) {
    std::array<char, all_digits> text;
    write_digits(digits, text.data());
    const bool plain = point > 1 && point <= 16;
    const int before = plain ? std::min(count, point) : 1;
    to = std::copy_n(text.data(), before, to);
    if (plain) to = std::fill_n(to, point - before, '0');
    if (plain || count > 1) *to++ = '.';
    if (plain && count <= point) *to++ = '0';
    to = std::copy_n(text.data() + before, count - before, to);
    if (plain) return to;
    *to++ = 'e';
    return std::to_chars(to, to + 5, point - 1).ptr;
}

// From `to` on, which has room for longest_number; returns the end. A third of the time of a command is this:
// Dragonbox finds the digits in half the time of the standard library, and most are written where they stay.
char* write_number(double number, char* to) {
    if (!std::isfinite(number)) return std::copy_n("null", 4, to);
    *to = '-';
    to += std::signbit(number) ? 1 : 0;
    if (number == 0.0) return std::copy_n("0.0", 3, to);
    const auto decimal = jkj::dragonbox::to_decimal(number, jkj::dragonbox::policy::sign::ignore);
    const int count = digits_of(decimal.significand), point = count + decimal.exponent;
    const std::uint64_t digits =
        decimal.significand * powers_of_ten[static_cast<std::size_t>(all_digits - count)];
    if (point > 1 || point <= -4) return place_digits(digits, count, point, to);
    // "0.00123" or "1.23": the digits behind the point, but the first where that belongs before it.
    std::memcpy(to, "0.0000", 6);
    char* const behind = to + 2 - point;
    write_digits(digits, behind);
    const std::uint64_t first = digits / powers_of_ten[all_digits - 1];
    to[0] = static_cast<char>('0' + first * (point == 1 ? 1 : 0));
    to[1] = '.';
    return std::max(behind + count, to + 3);
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
        put("[");
        for (std::size_t i = 0; i < values.size(); ++i) {
            char* const begin = room(1 + longest_number);
            *begin = ',';
            used_ += static_cast<std::size_t>(write_number(values[i], begin + (i > 0)) - begin);
        }
        put("]");
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
