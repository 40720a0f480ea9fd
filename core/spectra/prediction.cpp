// γ → the kernel it forces (math.md §1). Ratios of γ to its smallest entry are formed, never 1/γ itself.
#include <algorithm>
#include <cmath>

#include "core/spectra/kernel.h"

namespace deadscope {

namespace {

constexpr double kTiny = 1e-6;  // relative to max|γ|: a channel this small is a near-kernel of its own

// The limit of γ⁻¹/‖γ⁻¹‖ as these channels' γ go to zero together.
std::vector<double> shared_direction(const std::vector<std::vector<double>>& basis) {
    std::vector<double> v(basis.front().size(), 0.0);
    for (const auto& e : basis)
        for (std::size_t i = 0; i < v.size(); ++i)
            v[i] += e[i] / std::sqrt(static_cast<double>(basis.size()));
    return v;
}

std::vector<double> unit(std::size_t d, std::size_t i) {
    std::vector<double> e(d, 0.0);
    e[i] = 1.0;
    return e;
}

// smallest is the least |γ_i|, not zero, so every ratio lies in [-1, 1].
std::vector<double> inverse_direction(std::span<const double> gamma, double smallest) {
    std::vector<double> v(gamma.size());
    long double sum = 0.0L;
    for (std::size_t i = 0; i < gamma.size(); ++i) {
        v[i] = smallest / gamma[i];
        sum += static_cast<long double>(v[i]) * v[i];
    }
    const auto length = static_cast<double>(std::sqrt(sum));
    for (double& value : v) value /= length;
    return v;
}

}  // namespace

KernelPrediction predict_kernel(NormKind kind, std::span<const double> gamma) {
    KernelPrediction out;
    const std::size_t d = gamma.size();
    if (d == 0 || !std::ranges::all_of(gamma, [](double g) { return std::isfinite(g); })) return out;
    double largest = 0.0, smallest = std::abs(gamma[0]);
    for (const double g : gamma) {
        largest = std::max(largest, std::abs(g));
        smallest = std::min(smallest, std::abs(g));
    }
    for (std::size_t i = 0; i < d; ++i) {
        if (gamma[i] == 0.0)
            out.basis.push_back(unit(d, i));
        else if (std::abs(gamma[i]) <= kTiny * largest)
            out.tiny.push_back(i);
    }
    out.zeros = out.dimension = out.basis.size();
    out.v = smallest == 0.0 ? shared_direction(out.basis) : inverse_direction(gamma, smallest);
    if (out.dimension == 0 && kind == NormKind::layer_norm) {
        out.dimension = 1;
        out.basis.push_back(out.v);
    }
    return out;
}

}  // namespace deadscope
