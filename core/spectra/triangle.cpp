// See triangle.h. A tile's row is one cache line and one vector; rows of tiles are read in order.
#include "core/spectra/triangle.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include "core/base/function_clones.h"

namespace deadscope {

namespace {

constexpr std::size_t kSide = 8, kTile = kSide * kSide;

using Lanes [[gnu::vector_size(kSide * sizeof(double)), gnu::aligned(sizeof(double)), gnu::may_alias]] =
    double;

// Tiles before row i of `blocks` rows of tiles.
constexpr std::size_t tiles_before(std::size_t i, std::size_t blocks) {
    return i * (2 * blocks - i + 1) / 2;
}

DEADSCOPE_INLINE Lanes& lanes(double* x) {
    return *reinterpret_cast<Lanes*>(x);
}
DEADSCOPE_INLINE const Lanes& lanes(const double* x) {
    return *reinterpret_cast<const Lanes*>(x);
}

// out [8]: the rows of `count` tiles times x.
DEADSCOPE_INLINE void row_products(const double* tiles, std::size_t count, const double* x, double* out) {
    Lanes sums[kSide] = {};
    for (std::size_t j = 0; j < count; ++j) {
        const Lanes part = lanes(x + j * kSide);
        for (std::size_t r = 0; r < kSide; ++r) sums[r] += lanes(tiles + j * kTile + r * kSide) * part;
    }
    for (std::size_t r = 0; r < kSide; ++r) {
        const Lanes& s = sums[r];
        out[r] = ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
    }
}

// y += the rows of `count` tiles, each times its weight.
DEADSCOPE_INLINE void add_rows(const double* tiles, std::size_t count, const double* weights, double* y) {
    for (std::size_t j = 0; j < count; ++j) {
        Lanes even = lanes(y + j * kSide), odd = {};
        for (std::size_t r = 0; r < kSide; r += 2) {
            even += weights[r] * lanes(tiles + j * kTile + r * kSide);
            odd += weights[r + 1] * lanes(tiles + j * kTile + (r + 1) * kSide);
        }
        lanes(y + j * kSide) = even + odd;
    }
}

// y += RᵀR x
DEADSCOPE_CLONES void multiply_tiles(const double* tiles, std::size_t blocks, const double* x, double* y) {
    for (std::size_t i = 0; i < blocks; ++i) {
        double along[kSide];
        row_products(tiles, blocks - i, x + i * kSide, along);
        add_rows(tiles, blocks - i, along, y + i * kSide);
        tiles += (blocks - i) * kTile;
    }
}

// x becomes R⁻¹R⁻ᵀ x: down the rows of tiles, and up again.
DEADSCOPE_CLONES void solve_tiles(const double* tiles, std::size_t blocks, const double* inverse_pivots,
                                  double* x) {
    for (std::size_t i = 0; i < blocks; ++i) {
        double* here = x + i * kSide;
        double weights[kSide];
        for (std::size_t r = 0; r < kSide; ++r) {
            const double solved = here[r] * inverse_pivots[i * kSide + r];
            for (std::size_t c = r + 1; c < kSide; ++c) here[c] -= solved * tiles[r * kSide + c];
            here[r] = solved;
            weights[r] = -solved;
        }
        add_rows(tiles + kTile, blocks - i - 1, weights, here + kSide);
        tiles += (blocks - i) * kTile;
    }
    for (std::size_t i = blocks; i-- > 0;) {
        double* here = x + i * kSide;
        double along[kSide];
        tiles -= (blocks - i) * kTile;
        row_products(tiles + kTile, blocks - i - 1, here + kSide, along);
        for (std::size_t r = kSide; r-- > 0;) {
            double rest = here[r] - along[r];
            for (std::size_t c = r + 1; c < kSide; ++c) rest -= here[c] * tiles[r * kSide + c];
            here[r] = rest * inverse_pivots[i * kSide + r];
        }
    }
}

}  // namespace

Triangle::Triangle(std::span<const double> r, std::size_t d, double scale)
    : d_(d),
      blocks_((d + kSide - 1) / kSide),
      storage_(tiles_before(blocks_, blocks_) * kTile + kSide),
      inverse_pivots_(blocks_ * kSide, 1.0) {
    const std::size_t beyond = std::bit_cast<std::uintptr_t>(storage_.data()) / sizeof(double) % kSide;
    tiles_ = storage_.data() + (kSide - beyond) % kSide;
    for (std::size_t i = 0; i < blocks_ * kSide; ++i) {
        const std::size_t block = i / kSide;
        double* row = tiles_ + tiles_before(block, blocks_) * kTile + i % kSide * kSide;
        if (i >= d) row[i % kSide] = 1.0;
        for (std::size_t tile = block; i < d && tile < blocks_; ++tile, row += kTile) {
            const std::size_t first = tile * kSide;
            for (std::size_t j = std::max(i, first); j < std::min(d, first + kSide); ++j)
                row[j - first] = scale * r[i * d + j];
        }
    }
}

double Triangle::raise_pivots(double least) {
    double smallest = least;
    for (std::size_t i = 0; i < d_; ++i) {
        double& pivot = tiles_[tiles_before(i / kSide, blocks_) * kTile + i % kSide * (kSide + 1)];
        if (std::abs(pivot) < least) pivot = std::copysign(least, pivot);
        smallest = i == 0 ? std::abs(pivot) : std::min(smallest, std::abs(pivot));
        inverse_pivots_[i] = 1.0 / pivot;
    }
    return smallest;
}

void Triangle::multiply(std::vector<double>& x) const {
    std::vector<double> padded(blocks_ * kSide), y(blocks_ * kSide);
    std::copy(x.begin(), x.end(), padded.begin());
    multiply_tiles(tiles_, blocks_, padded.data(), y.data());
    std::copy_n(y.begin(), d_, x.begin());
}

void Triangle::solve(std::vector<double>& x) const {
    x.resize(blocks_ * kSide);
    solve_tiles(tiles_, blocks_, inverse_pivots_.data(), x.data());
    x.resize(d_);
}

}  // namespace deadscope
