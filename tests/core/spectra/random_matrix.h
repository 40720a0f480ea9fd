// Seeded matrices for the tests of the spectra: normal rows, given singular values, norms written out
// plainly. Everything is row-major and small.
#pragma once

#include <cmath>
#include <cstddef>
#include <random>
#include <span>
#include <vector>

#include "core/model/norms.h"

namespace deadscope::test {

using Vector = std::vector<double>;

inline Vector normals(std::size_t count, unsigned seed, double mean = 0.0, double spread = 1.0) {
    std::mt19937_64 bits(seed);
    std::normal_distribution<double> draw(mean, spread);
    Vector out(count);
    for (double& value : out) value = draw(bits);
    return out;
}

inline Vector log_normals(std::size_t count, unsigned seed, double spread) {
    Vector out = normals(count, seed, 0.0, spread);
    for (double& value : out) value = std::exp(value);
    return out;
}

// a [n, k] times b [k, m]
inline Vector product(const Vector& a, const Vector& b, std::size_t n, std::size_t k, std::size_t m) {
    Vector out(n * m, 0.0);
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t l = 0; l < k; ++l)
            for (std::size_t j = 0; j < m; ++j) out[i * m + j] += a[i * k + l] * b[l * m + j];
    return out;
}

// γ ⊙ z + β in the arithmetic of T, as a forward pass does it: the mean exact to T, taken off in T.
template <class T>
Vector plain_norm(NormKind kind, const Vector& x, const Vector& gamma, const Vector& beta, double eps) {
    const std::size_t d = gamma.size();
    Vector out(x.size());
    std::vector<T> row(d);
    for (std::size_t first = 0; first < x.size(); first += d) {
        long double sum = 0.0L;
        double square = 0.0;
        for (std::size_t i = 0; i < d; ++i) row[i] = static_cast<T>(x[first + i]);
        for (const T value : row) sum += static_cast<long double>(value);
        const T mean =
            kind == NormKind::layer_norm ? static_cast<T>(sum / static_cast<long double>(d)) : T{0};
        for (T& value : row) value -= mean;
        for (const T value : row) square += static_cast<double>(value) * static_cast<double>(value);
        const T scale = static_cast<T>(1.0 / std::sqrt(square / static_cast<double>(d) + eps));
        for (std::size_t i = 0; i < d; ++i)
            out[first + i] =
                static_cast<double>(row[i] * scale * static_cast<T>(gamma[i]) + static_cast<T>(beta[i]));
    }
    return out;
}

}  // namespace deadscope::test
