// Comparison of what a backend computed with a scalar reference in long double; tolerances are eps · norm ·
// n.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "core/backend/backend.h"
#include "core/base/philox.h"

namespace deadscope::testing {

// Row-major [rows, cols].
struct Table {
    std::size_t rows = 0, cols = 0;
    std::vector<long double> values;

    Table() = default;
    Table(std::size_t r, std::size_t c) : rows(r), cols(c), values(r * c) {}
    long double& operator()(std::size_t i, std::size_t j) { return values[i * cols + j]; }
    long double operator()(std::size_t i, std::size_t j) const { return values[i * cols + j]; }
};

// Standard normal entries that are exact in float, so that both precisions and the reference see the same
// numbers.
inline Table random_table(std::size_t rows, std::size_t cols, const std::string& name, double mean = 0.0) {
    Table t(rows, cols);
    const Philox stream(1, name);
    for (std::size_t i = 0; i < t.values.size(); ++i) {
        t.values[i] = static_cast<long double>(static_cast<float>(mean + stream.normal(i)));
    }
    return t;
}

inline Matrix upload(Backend& backend, const Table& t) {
    Matrix m = backend.allocate(t.rows, t.cols);
    const std::vector<double> values(t.values.begin(), t.values.end());
    backend.write(m, std::span<const double>(values));
    return m;
}

inline std::vector<double> download(const Backend& backend, const Matrix& m) {
    std::vector<double> out(m.rows * m.cols);
    backend.read(m, out);
    return out;
}

inline double epsilon(Precision precision) {
    return precision == Precision::f64 ? std::numeric_limits<double>::epsilon()
                                       : static_cast<double>(std::numeric_limits<float>::epsilon());
}

// |actual - expected| <= tolerance everywhere; the worst place is named. NaN never passes.
inline ::testing::AssertionResult close(const std::vector<double>& actual,
                                        const std::vector<long double>& expected, double tolerance) {
    if (actual.size() != expected.size()) return ::testing::AssertionFailure() << actual.size() << " values";
    std::size_t worst = 0;
    double worst_error = -1.0;
    for (std::size_t i = 0; i < actual.size(); ++i) {
        const double error = std::abs(static_cast<double>(actual[i] - expected[i]));
        if (!(error <= worst_error)) {
            worst = i;
            worst_error = error;
            if (std::isnan(error)) break;
        }
    }
    if (actual.empty() || worst_error <= tolerance) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure()
           << "worst at " << worst << ": " << actual[worst] << " for " << static_cast<double>(expected[worst])
           << ", error " << worst_error << ", tolerance " << tolerance;
}

}  // namespace deadscope::testing
