// [d, rows, 0 or 1, shift, triangle or rows]: see packed.h. Counts are doubles, exact up to 2^53.
#include "core/spectra/packed.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <string>

#include "core/base/error.h"

namespace deadscope {
namespace {

constexpr std::size_t header = 3;

[[noreturn]] void wrong(std::size_t d, const char* what, double found) {
    throw Error::input("These numbers are not a triangular factor's",
                       {.key = what,
                        .expected = "what belongs to a width of " + std::to_string(d),
                        .found = std::to_string(found)});
}

// The rows that a sender counted, as far as they can be a count.
std::size_t row_count(double value, std::size_t d, std::size_t expected) {
    if (!(value >= 0.0) || value != std::floor(value) || value > static_cast<double>(expected))
        wrong(d, "rows", value);
    return static_cast<std::size_t>(value);
}

}  // namespace

std::size_t packed_size(std::size_t d, std::size_t expected) {
    return header + d + (expected < d ? expected * d : (d + 1) * (d + 2) / 2);
}

void pack(const TsqrFactor& factor, std::size_t expected, std::span<double> to) {
    const TsqrFactor::Parts parts = factor.parts();
    const std::size_t d = parts.d, columns = d + 1;
    assert(to.size() == packed_size(d, expected) && parts.r.empty() == (expected < d));
    to[0] = static_cast<double>(d);
    to[1] = static_cast<double>(parts.rows);
    to[2] = parts.r.empty() ? 1.0 : 0.0;
    double* next = std::copy(parts.shift.begin(), parts.shift.end(), to.data() + header);
    next = std::copy(parts.kept.begin(), parts.kept.end(), next);
    for (std::size_t j = 0; j < columns && !parts.r.empty(); ++j)
        next = std::copy_n(parts.r.data() + j * columns, j + 1, next);
    std::fill(next, to.data() + to.size(), 0.0);
}

TsqrFactor unpack(std::span<const double> from, std::size_t d, std::size_t expected) {
    const bool keeping = expected < d;
    if (from.size() != packed_size(d, expected)) wrong(d, "length", static_cast<double>(from.size()));
    if (from[0] != static_cast<double>(d)) wrong(d, "width", from[0]);
    if (from[2] != (keeping ? 1.0 : 0.0)) wrong(d, "kind", from[2]);
    const std::size_t columns = d + 1;
    const double* next = from.data() + header;
    TsqrFactor::Parts parts{
        .d = d, .rows = row_count(from[1], d, expected), .shift = {next, next + d}, .r = {}, .kept = {}};
    next += d;
    if (keeping) {
        parts.kept.assign(next, next + parts.rows * d);
    } else {
        parts.r.assign(columns * columns, 0.0);
        for (std::size_t j = 0; j < columns; next += ++j)
            std::copy_n(next, j + 1, parts.r.data() + j * columns);
    }
    return TsqrFactor::from(std::move(parts));
}

}  // namespace deadscope
