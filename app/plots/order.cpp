// Radix sort by 11 bits at a time; see order.h.
#include "app/plots/order.h"

#include <array>
#include <bit>
#include <cmath>
#include <numeric>
#include <utility>

namespace deadscope {
namespace {

constexpr unsigned digit_bits = 11, digits = 6;  // 66 bits: a double's 64
constexpr std::size_t digit_values = std::size_t{1} << digit_bits;

// Ascending keys are descending values; NaN before all.
std::uint64_t key_of(double value) {
    if (std::isnan(value)) return 0;
    const auto bits = std::bit_cast<std::uint64_t>(value == 0.0 ? 0.0 : value);  // -0 equals 0
    constexpr std::uint64_t sign = std::uint64_t{1} << 63;
    const std::uint64_t ascending = bits & sign ? ~bits : bits | sign;
    return ~ascending;
}

}  // namespace

std::vector<std::uint32_t> plain_order(std::size_t size) {
    std::vector<std::uint32_t> order(size);
    std::iota(order.begin(), order.end(), 0u);
    return order;
}

std::vector<std::uint32_t> descending_order(std::span<const double> values) {
    struct Item {
        std::uint64_t key;
        std::uint32_t place;
    };
    std::vector<Item> items(values.size()), other(values.size());
    for (std::size_t i = 0; i < values.size(); ++i)
        items[i] = {key_of(values[i]), static_cast<std::uint32_t>(i)};
    const auto digit_of = [](const Item& item, unsigned digit) {
        return static_cast<std::size_t>(item.key >> (digit * digit_bits)) & (digit_values - 1);
    };
    std::vector<std::array<std::uint32_t, digit_values>> begins(digits);  // counts at first
    for (const Item& item : items)
        for (unsigned digit = 0; digit < digits; ++digit) ++begins[digit][digit_of(item, digit)];
    for (unsigned digit = 0; digit < digits && !items.empty(); ++digit) {
        // Weights stored in 16 bits leave most digits the same in all: nothing to do then.
        if (begins[digit][digit_of(items.front(), digit)] == items.size()) continue;
        std::uint32_t sum = 0;
        for (std::uint32_t& begin : begins[digit]) sum += std::exchange(begin, sum);
        for (const Item& item : items) other[begins[digit][digit_of(item, digit)]++] = item;
        items.swap(other);
    }
    std::vector<std::uint32_t> order(items.size());
    for (std::size_t i = 0; i < items.size(); ++i) order[i] = items[i].place;
    return order;
}

std::vector<double> in_order(std::span<const double> values, std::span<const std::uint32_t> order) {
    std::vector<double> sorted(order.size());
    for (std::size_t i = 0; i < order.size(); ++i) sorted[i] = values[order[i]];
    return sorted;
}

}  // namespace deadscope
