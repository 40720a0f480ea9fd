// One stream's extremes and its verdict beside the stream before (math.md §4).
#include "core/spectra/residual.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstdio>
#include <numeric>

#include "core/spectra/kernel.h"
#include "core/spectra/singular.h"

namespace deadscope {

namespace {

constexpr std::size_t kChannels = 8;

std::string times(double factor) {
    char text[32];
    std::snprintf(text, sizeof text, factor < 100.0 ? "%.1f" : "%.3g", factor);
    return text;
}

// σ below which a value along w is rounding: sqrt((u²/3) Σ w_i² E[x_i²]), or the factorisation's own error.
double stream_floor(std::span<const double> uncentred, std::size_t d, const std::vector<double>& w,
                    double roundoff, double largest) {
    std::vector<double> square(d, 0.0);  // E[x_i²]: squared column norms of the factor
    const bool triangular = uncentred.size() == d * d;
    for (std::size_t i = 0; i * d < uncentred.size(); ++i)
        for (std::size_t j = triangular ? i : 0; j < d; ++j)
            square[j] += uncentred[i * d + j] * uncentred[i * d + j];
    double weighted = 0.0;
    for (std::size_t j = 0; j < d; ++j) weighted += w[j] * w[j] * square[j];
    return std::max(roundoff * std::sqrt(weighted / 3.0), kFactorisationError * largest);
}

bool is_rounding(const BlockReading& block) {
    return block.sigma_min <= std::sqrt(kFloorMargin) * block.floor;
}

}  // namespace

BlockReading measure_block(std::size_t index, std::span<const double> uncentred,
                           std::span<const double> centred, std::size_t d, double roundoff,
                           const BlockReading* previous) {
    BlockReading out;
    out.index = index;
    ExtremeSingular plain = extreme_singular(uncentred, d);
    const ExtremeSingular middle = extreme_singular(centred, d);
    out.sigma_min = plain.smallest;
    out.sigma_max = plain.largest;
    out.sigma_min_centred = middle.smallest;
    out.sigma_max_centred = middle.largest;
    out.bottom = std::move(plain.bottom);
    out.floor = stream_floor(uncentred, d, out.bottom, roundoff, out.sigma_max);
    out.overlap_uniform = std::abs(std::accumulate(out.bottom.begin(), out.bottom.end(), 0.0)) /
                          std::sqrt(static_cast<double>(d));
    if (previous) compare_with_previous(out, *previous);
    std::vector<std::size_t> order(d);
    std::iota(order.begin(), order.end(), std::size_t{0});
    const auto kept = static_cast<std::ptrdiff_t>(std::min(kChannels, d));
    std::partial_sort(order.begin(), order.begin() + kept, order.end(), [&](std::size_t a, std::size_t b) {
        return std::abs(out.bottom[a]) > std::abs(out.bottom[b]);
    });
    out.largest_channels.assign(order.begin(), order.begin() + kept);
    return out;
}

void compare_with_previous(BlockReading& block, const BlockReading& previous) {
    if (previous.bottom.size() != block.bottom.size()) return;
    block.overlap_previous =
        std::abs(std::inner_product(block.bottom.begin(), block.bottom.end(), previous.bottom.begin(), 0.0));
}

void judge_block(std::span<BlockReading> blocks, std::size_t i, const ResidualSettings& settings) {
    assert(i < blocks.size());
    BlockReading& here = blocks[i];
    here.ratio.reset();
    here.flag = false;
    here.reason.clear();
    if (i == 0) {
        if (here.rank_deficient)
            here.reason =
                "what enters the first block has too few independent rows for its channels: its "
                "σ_min is zero by construction";
        return;
    }
    const BlockReading& before = blocks[i - 1];
    if (here.rank_deficient) {
        here.reason =
            "too few tokens: with no more rows than channels the smallest σ is zero by construction";
    } else if (before.rank_deficient) {
        here.reason = "no ratio: the stream before has too few independent rows by construction";
    } else if (is_rounding(before)) {
        here.reason = is_rounding(here)
                          ? "no ratio: this direction was dead before, and both values are rounding"
                          : "no ratio: σ_min before this block was rounding";
    } else {
        here.ratio = here.sigma_min / before.sigma_min;
        here.flag = *here.ratio < 1.0 / settings.tau;
        if (here.flag)
            here.reason = is_rounding(here)
                              ? "a direction died here: σ_min fell to the rounding of the stream"
                              : "σ_min fell " + times(1.0 / *here.ratio) + " times in this block";
    }
}

}  // namespace deadscope
