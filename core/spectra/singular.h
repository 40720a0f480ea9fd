// Singular values and right singular vectors of a factor (tsqr.h): all of them (LAPACK), or only the extremes
// by inverse and power iterations with triangular solves (math.md §2). A factor is [m, d]: square and
// triangular, or with fewer rows than columns, and then nothing here takes d² memory or d³ time: what lies
// beyond m is zero.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace deadscope {

struct RightSvd {
    std::vector<double> values;  // [d], descending
    // [resolved, d] row-major; row i is the right singular vector of values[i]. Of a factor with m < d rows
    // the first m, and one more that the factor maps to zero: which one of those is arbitrary.
    std::vector<double> vectors;
    std::size_t resolved() const { return values.empty() ? 0 : vectors.size() / values.size(); }
    std::span<const double> vector(std::size_t i) const {  // i < resolved()
        return std::span(vectors).subspan(i * values.size(), values.size());
    }
    std::span<const double> bottom() const { return vector(resolved() - 1); }  // of the smallest value
};

// r: a factor, row-major; may be exactly singular. Errors: values that are not finite.
RightSvd right_svd(std::span<const double> r, std::size_t d);
std::vector<double> singular_values(std::span<const double> r, std::size_t d);

struct ExtremeSingular {
    double smallest = 0.0, largest = 0.0;
    std::vector<double> bottom;  // [d], right singular vector of the smallest
};
// To 1e-10 relative to the value (or 1e-15 of the largest, whichever is larger); falls back to right_svd
// where the iterations do not settle.
ExtremeSingular extreme_singular(std::span<const double> r, std::size_t d);

}  // namespace deadscope
