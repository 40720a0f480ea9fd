// The whole SVD goes to LAPACK; of a square factor the two extremes to Lanczos on (RᵀR)⁻¹ and RᵀR with full
// reorthogonalisation.
#include "core/spectra/singular.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "core/base/error.h"
#include "core/base/magnitude.h"
#include "core/spectra/lapack.h"
#include "core/spectra/triangle.h"

namespace deadscope {

namespace {

using Vector = std::vector<double>;

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
constexpr std::size_t kDirect = 48;      // up to this width the whole SVD is the quicker way
constexpr std::size_t kMostSteps = 240;  // Lanczos steps before the whole SVD is done instead

double norm(const Vector& x) {
    double sum = 0.0;
    for (const double value : x) sum += value * value;
    return std::sqrt(sum);
}

double dot(std::span<const double> a, std::span<const double> b) {
    double sum = 0.0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
    return sum;
}

void scale(Vector& x, double by) {
    for (double& value : x) value *= by;
}

Vector random_unit(std::size_t d) {
    std::mt19937_64 bits(0x5eed);  // any start that is not orthogonal to the answer
    Vector x(d);
    for (double& value : x) value = static_cast<double>(bits() >> 11) * 0x1p-53 - 0.5;
    scale(x, 1.0 / norm(x));
    return x;
}

// The largest eigenpair of the symmetric operator `apply`, residual at most tolerance · eigenvalue.
// Returns an empty vector where it did not settle.
template <class Apply>
Vector lanczos(std::size_t d, double tolerance, Apply&& apply) {
    Vector basis = random_unit(d), next = basis;  // [steps, d]
    Vector alpha, beta, s;
    for (std::size_t k = 0; k < std::min(kMostSteps, d); ++k) {
        const auto newest = std::span<const double>(basis).subspan(k * d, d);
        apply(next);
        alpha.push_back(dot(newest, next));
        for (int pass = 0; pass < 2; ++pass)
            lapack::take_off(basis, k + 1, d, next);  // twice is enough (Kahan)
        beta.push_back(norm(next));
        if (!std::isfinite(alpha.back()) || !std::isfinite(beta.back())) return {};
        const bool last = k + 1 == std::min(kMostSteps, d);
        if (k % 4 == 3 || last || beta.back() <= kEpsilon * std::abs(alpha.back())) {
            double value = 0.0;
            if (!lapack::largest_tridiagonal(alpha, beta, value, s)) return {};
            if (beta.back() * std::abs(s.back()) <= tolerance * std::abs(value)) {
                Vector x(d, 0.0);
                for (std::size_t j = 0; j <= k; ++j)
                    for (std::size_t i = 0; i < d; ++i) x[i] += s[j] * basis[j * d + i];
                scale(x, 1.0 / norm(x));
                return x;
            }
        }
        if (last) return {};
        scale(next, 1.0 / beta.back());
        basis.insert(basis.end(), next.begin(), next.end());
    }
    return {};
}

// scale · ‖R x‖ for a unit x, in extended precision: no error beyond that of x itself.
double image_norm(std::span<const double> r, std::size_t d, double by, const Vector& x) {
    long double sum = 0.0L;
    for (std::size_t i = 0; i < d; ++i) {
        long double row[4] = {};  // beside each other: an addition takes its time
        std::size_t j = i;
        const auto add = [&](std::size_t k) {
            row[k] += static_cast<long double>(r[i * d + j + k]) * static_cast<long double>(x[j + k]);
        };
        for (; j + 4 <= d; j += 4)
            for (std::size_t k = 0; k < 4; ++k) add(k);
        for (std::size_t k = 0; j + k < d; ++k) add(k);
        const long double along = static_cast<long double>(by) * ((row[0] + row[1]) + (row[2] + row[3]));
        sum += along * along;
    }
    return static_cast<double>(std::sqrt(sum));
}

// Pivots that are zero or rounding are moved to the rounding of R: a backward error, and never a
// division by zero (math.md §2).
Vector bottom_vector(Triangle& triangle, std::size_t d, double largest) {
    const double least_pivot = triangle.raise_pivots(0.5 * kEpsilon * largest);
    const auto inverse = [&](Vector& x) { triangle.solve(x); };
    // The solves are good to u·κ of the eigenvalue; asking for more would never end.
    const double tolerance = std::clamp(8.0 * kEpsilon * largest / least_pivot, 1e-10, 1e-3);
    Vector x = lanczos(d, tolerance, inverse);
    for (int step = 0; step < 2 && !x.empty(); ++step) {
        inverse(x);
        const double length = norm(x);
        if (!std::isfinite(length) || length == 0.0) return {};
        scale(x, 1.0 / length);
    }
    return x;
}

double finite_magnitude(std::span<const double> r) {
    const double most = largest_magnitude(r);
    if (!std::isfinite(most))
        throw Error::input("the activations hold values that are not finite, so they have no spectrum");
    return most;
}

// A unit vector that the factor behind `qr` maps to zero.
Vector silent_vector(const lapack::WideQr& qr) {
    Vector x = random_unit(qr.d);
    std::fill_n(x.begin(), qr.m, 0.0);
    scale(x, 1.0 / norm(x));
    qr.apply(x);
    return x;
}

bool is_wide(std::span<const double> r, std::size_t d) {
    return r.size() < d * d;
}

RightSvd wide_svd(std::span<const double> r, std::size_t d) {
    const std::size_t m = r.size() / d;
    RightSvd out;
    Vector copy(r.begin(), r.end());
    if (!lapack::svd_wide(copy, m, d, out.values, &out.vectors))
        throw Error::resource("the singular value decomposition did not converge");
    out.values.resize(d, 0.0);
    // Against the vectors found, not the rows: those of rounding's size need not lie in the rows' span.
    const Vector silent = silent_vector(lapack::wide_qr(out.vectors, m, d));
    out.vectors.insert(out.vectors.end(), silent.begin(), silent.end());
    return out;
}

ExtremeSingular wide_extremes(std::span<const double> r, std::size_t d) {
    const std::size_t m = r.size() / d;
    const lapack::WideQr qr = lapack::wide_qr({r.begin(), r.end()}, m, d);
    ExtremeSingular out{.smallest = 0.0, .largest = 0.0, .bottom = silent_vector(qr)};
    if (m > 0) out.largest = extreme_singular(qr.triangle(), m).largest;
    return out;
}

ExtremeSingular from_whole(std::span<const double> r, std::size_t d) {
    RightSvd whole = right_svd(r, d);
    const std::span<const double> last = whole.vector(d - 1);
    return {.smallest = whole.values.back(),
            .largest = whole.values.front(),
            .bottom = {last.begin(), last.end()}};
}

}  // namespace

RightSvd right_svd(std::span<const double> r, std::size_t d) {
    finite_magnitude(r);
    if (is_wide(r, d)) return wide_svd(r, d);
    RightSvd out;
    Vector copy(r.begin(), r.end());
    if (!lapack::svd(copy, d, out.values, &out.vectors))
        throw Error::resource("the singular value decomposition did not converge");
    return out;
}

std::vector<double> singular_values(std::span<const double> r, std::size_t d) {
    finite_magnitude(r);
    Vector values, copy(r.begin(), r.end());
    if (!(is_wide(r, d) ? lapack::svd_wide(copy, r.size() / d, d, values, nullptr)
                        : lapack::svd(copy, d, values, nullptr)))
        throw Error::resource("the singular value decomposition did not converge");
    values.resize(d, 0.0);
    return values;
}

ExtremeSingular extreme_singular(std::span<const double> r, std::size_t d) {
    const double most = finite_magnitude(r);
    if (is_wide(r, d)) return wide_extremes(r, d);
    if (d <= kDirect || most == 0.0) return from_whole(r, d);
    const double by = 1.0 / most;  // so that no square over- or underflows
    Triangle triangle(r, d, by);
    const Vector top = lanczos(d, 1e-9, [&](Vector& x) { triangle.multiply(x); });
    if (top.empty()) return from_whole(r, d);
    const double largest = image_norm(r, d, by, top);
    Vector bottom = bottom_vector(triangle, d, largest);
    if (bottom.empty()) return from_whole(r, d);
    const double smallest = image_norm(r, d, by, bottom);
    return {.smallest = smallest * most, .largest = largest * most, .bottom = std::move(bottom)};
}

}  // namespace deadscope
