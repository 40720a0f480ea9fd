// Prediction against measurement (math.md §2): the number, its subspace version, its doubt and its baselines.
#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <random>

#include "core/spectra/kernel.h"

namespace deadscope {

namespace {

constexpr double kClear = 100.0;  // u_d turns by at most noise/gap (Wedin): 1/100 rad
constexpr int kPermutations = 16;

double dot(std::span<const double> a, std::span<const double> b) {
    return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

double permuted_baseline(std::span<const double> v) {
    std::mt19937_64 bits(1);  // the same permutations in every report
    std::vector<double> other(v.begin(), v.end());
    double sum = 0.0;
    for (int trial = 0; trial < kPermutations; ++trial) {
        for (std::size_t i = other.size(); i > 1; --i) std::swap(other[i - 1], other[bits() % i]);
        sum += std::abs(dot(v, other));
    }
    return sum / kPermutations;
}

}  // namespace

Alignment measure_alignment(const KernelPrediction& prediction, const RightSvd& svd, std::size_t rows,
                            double floor, const AlignmentSettings& settings) {
    Alignment out;
    const std::span<const double> v = prediction.v;
    const std::vector<double>& sigma = svd.values;
    const std::size_t d = sigma.size();
    if (d == 0 || v.size() != d) return out;

    out.random_baseline = std::sqrt(2.0 / (std::numbers::pi * static_cast<double>(d)));
    out.uniform_baseline = std::abs(std::reduce(v.begin(), v.end())) / std::sqrt(static_cast<double>(d));
    out.permuted_baseline = permuted_baseline(v);

    const double noise = std::max(std::sqrt(kFloorMargin * floor), kFactorisationError * sigma.front());
    const double dead = std::max(settings.dead_relative * sigma.front(), noise);
    // Directions beyond the rows of a wide factor have no vectors of their own: what is left of v falls to
    // all of them alike, which keeps every sum of squares.
    const std::size_t resolved = svd.resolved() == d ? d : svd.resolved() - 1;
    out.components.resize(d);
    double within = 0.0, left = 1.0;
    for (std::size_t i = 0; i < d; ++i) {
        out.components[i] = i < resolved ? std::abs(dot(v, svd.vector(i)))
                                         : std::sqrt(std::max(left, 0.0) / static_cast<double>(d - resolved));
        if (i < resolved) left -= out.components[i] * out.components[i];
        if (sigma[i] <= noise) ++out.at_noise_floor;
        if (sigma[i] > dead) continue;
        ++out.dead_directions;
        within += out.components[i] * out.components[i];
    }
    out.gap = d > 1 ? sigma[d - 2] - sigma[d - 1] : sigma[0];
    if (rows <= d) return out;  // the null space is then an artefact (math.md §2)
    out.value = std::min(1.0, out.components.back());
    if (out.dead_directions > 0) out.subspace = std::min(1.0, std::sqrt(within));
    out.well_determined = out.gap > kClear * noise || d == 1;
    return out;
}

}  // namespace deadscope
