// The QR is blocked in panels of columns; a panel is halved and halved again (Elmroth and Gustavson 2000,
// here for a triangle with rows below it too) down to leaves of eight columns, which one sweep over the rows
// per column factors in registers. All else are products of matrices.
#include "core/spectra/householder.h"

#include <cblas.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "core/base/error.h"
#include "core/base/function_clones.h"
#include "core/base/single_threaded_blas.h"

namespace deadscope {

namespace {

constexpr std::size_t kLeaf = 8;                 // columns: one cache line of a row
constexpr std::size_t kPanel = 48;               // columns per block reflector
constexpr std::size_t kStride = kPanel + kLeaf;  // of a panel's rows: their lines spread over the whole cache

using Lanes [[gnu::vector_size(kLeaf * sizeof(double)), gnu::aligned(sizeof(double)), gnu::may_alias]] =
    double;
using Block = std::array<std::array<double, kLeaf>, kLeaf>;

int size(std::size_t n) {
    if (n > static_cast<std::size_t>(std::numeric_limits<int>::max()))
        throw Error::resource("a matrix is too large for the linear algebra library");
    return static_cast<int>(n);
}

// c += alpha op(a) b
void multiply(CBLAS_TRANSPOSE op, std::size_t m, std::size_t n, std::size_t k, double alpha, const double* a,
              std::size_t lda, const double* b, std::size_t ldb, double beta, double* c, std::size_t ldc) {
    cblas_dgemm(CblasRowMajor, op, CblasNoTrans, size(m), size(n), size(k), alpha, a, size(lda), b, size(ldb),
                beta, c, size(ldc));
}

// b = alpha op(t) b, or b op(t); t upper triangular
void multiply_triangle(CBLAS_SIDE side, CBLAS_TRANSPOSE op, std::size_t m, std::size_t n, double alpha,
                       const double* t, std::size_t ldt, double* b, std::size_t ldb) {
    cblas_dtrmm(CblasRowMajor, side, CblasUpper, op, CblasNonUnit, size(m), size(n), alpha, t, size(ldt), b,
                size(ldb));
}

void copy(const double* from, std::size_t from_stride, std::size_t rows, std::size_t columns, double* to,
          std::size_t to_stride) {
    for (std::size_t i = 0; i < rows; ++i) std::copy_n(from + i * from_stride, columns, to + i * to_stride);
}

// Columns of rows into a panel, which has zeros beyond them up to a whole leaf.
void gather(const double* rows, std::size_t stride, std::size_t count, std::size_t width, double* v) {
    const std::size_t whole = (width + kLeaf - 1) / kLeaf * kLeaf;
    for (std::size_t i = 0; i < count; ++i)
        std::fill(std::copy_n(rows + i * stride, width, v + i * kStride), v + i * kStride + whole, 0.0);
}

// to -= from
void take_off(const double* from, std::size_t from_stride, std::size_t rows, std::size_t columns, double* to,
              std::size_t to_stride) {
    for (std::size_t i = 0; i < rows; ++i)
        for (std::size_t j = 0; j < columns; ++j) to[i * to_stride + j] -= from[i * from_stride + j];
}

// Every row x becomes keep * x - x[column] * take; returns the sums of x[next] * x over them.
DEADSCOPE_INLINE void sweep(double* rows, std::size_t count, std::size_t stride, std::size_t column,
                            std::size_t next, const double* keep_at, const double* take_at, double* sums) {
    constexpr std::size_t together = 4;  // rows: each has a sum of its own, so that none waits for another
    const Lanes keep = *reinterpret_cast<const Lanes*>(keep_at),
                take = *reinterpret_cast<const Lanes*>(take_at);
    Lanes partial[together] = {};
    const auto one = [&](double* row, Lanes& sum) __attribute__((always_inline)) {
        Lanes& x = *reinterpret_cast<Lanes*>(row);
        const Lanes changed = x * keep - row[column] * take;
        x = changed;
        sum += row[next] * changed;
    };
    std::size_t i = 0;
    for (; i + together <= count; i += together)
        for (std::size_t k = 0; k < together; ++k) one(rows + (i + k) * stride, partial[k]);
    for (; i < count; ++i) one(rows + i * stride, partial[0]);
    const Lanes sum = (partial[0] + partial[1]) + (partial[2] + partial[3]);
    for (std::size_t j = 0; j < kLeaf; ++j) sums[j] = sum[j];
}

// The largest magnitude in each column of a leaf.
DEADSCOPE_INLINE void column_maxima(const double* rows, std::size_t count, std::size_t stride, double* most) {
    for (std::size_t i = 0; i < count; ++i)
#pragma omp simd
        for (std::size_t j = 0; j < kLeaf; ++j) {
            const double value = std::abs(rows[i * stride + j]);
            most[j] = most[j] > value ? most[j] : value;
        }
}

// Powers of two that bring columns whose squares might over- or underflow near 1; the reflectors do not
// depend on them. False where all is well as it is.
bool column_scales(const double* most, double* scales) {
    bool any = false;
    for (std::size_t j = 0; j < kLeaf; ++j) {
        scales[j] = 1.0;
        if (most[j] == 0.0 || !std::isfinite(most[j]) || (most[j] > 1e-75 && most[j] < 1e140)) continue;
        scales[j] = std::ldexp(1.0, -std::clamp(std::ilogb(most[j]), -1000, 1000));
        any = true;
    }
    return any;
}

// [top; rows] of kLeaf columns, of which `columns` are factored: reflectors V in the rows and below top's
// diagonal, R on it and above, and T.
DEADSCOPE_INLINE void factor_leaf_body(Block& top, double* rows, std::size_t count, std::size_t stride,
                                       std::size_t columns, Block& t) {
    double keep[kLeaf], take[kLeaf] = {}, sums[kLeaf];
    std::fill_n(keep, kLeaf, 1.0);
    sweep(rows, count, stride, 0, 0, keep, take, sums);
    for (std::size_t c = 0; c < columns; ++c) {
        double square = sums[c];
        for (std::size_t i = c + 1; i < columns; ++i) square += top[i][c] * top[i][c];
        const double alpha = top[c][c];
        const bool reflects = square != 0.0;
        const double beta = reflects ? -std::copysign(std::sqrt(alpha * alpha + square), alpha) : alpha;
        const double tau = reflects ? (beta - alpha) / beta : 0.0;
        const double scale = reflects ? 1.0 / (alpha - beta) : 0.0;
        for (std::size_t i = c + 1; i < columns; ++i) top[i][c] *= scale;
        std::fill_n(keep, kLeaf, 1.0);
        std::fill_n(take, kLeaf, 0.0);
        keep[c] = scale;
        for (std::size_t j = 0; j < columns; ++j) {
            if (j == c) continue;
            double along = top[c][j] + scale * sums[j];  // of v with column j, or with the reflector there
            for (std::size_t i = c + 1; i < columns; ++i) along += top[i][c] * top[i][j];
            if (j < c) {
                t[j][c] = along;
                continue;
            }
            top[c][j] -= tau * along;
            for (std::size_t i = c + 1; i < columns; ++i) top[i][j] -= tau * along * top[i][c];
            take[j] = tau * along * scale;
        }
        top[c][c] = beta;
        for (std::size_t i = 0; i < c; ++i) {  // T's column: -tau T (Vᵀ v)
            double sum = 0.0;
            for (std::size_t j = i; j < c; ++j) sum += t[i][j] * t[j][c];
            t[i][c] = -tau * sum;
        }
        t[c][c] = tau;
        sweep(rows, count, stride, c, std::min(c + 1, columns - 1), keep, take, sums);
    }
}

DEADSCOPE_CLONES void factor_leaf_block(Block& top, double* rows, std::size_t count, std::size_t stride,
                                        std::size_t columns, Block& t) {
    double most[kLeaf] = {}, scales[kLeaf];
    column_maxima(rows, count, stride, most);
    column_maxima(top[0].data(), kLeaf, kLeaf, most);
    if (!column_scales(most, scales)) return factor_leaf_body(top, rows, count, stride, columns, t);
    for (std::size_t j = 0; j < kLeaf; ++j) {
        for (std::size_t i = 0; i < kLeaf; ++i) top[i][j] *= scales[j];
        for (std::size_t i = 0; i < count; ++i) rows[i * stride + j] *= scales[j];
    }
    factor_leaf_body(top, rows, count, stride, columns, t);
    for (std::size_t i = 0; i < kLeaf; ++i)
        for (std::size_t j = i; j < kLeaf; ++j) top[i][j] /= scales[j];
}

}  // namespace

// Columns of the matrix that is factored, copied out of it with all rows that they reach.
struct HouseholderQr::Panel {
    double* v;  // [count, kStride]
    std::size_t count;
    double* r;  // its corner on R's diagonal
    std::size_t r_stride;
    bool alone;  // no triangle above: R comes out of the rows
};

void HouseholderQr::factor_leaf(const Panel& panel, std::size_t first, std::size_t columns) {
    Block top{}, t{};
    double* r = panel.r + first * panel.r_stride + first;
    double* rows = panel.v + first;
    std::size_t count = panel.count;
    if (panel.alone) {
        rows += first * kStride;
        count -= first;
        copy(rows, kStride, columns, columns, top[0].data(), kLeaf);
        factor_leaf_block(top, rows + columns * kStride, count - columns, kStride, columns, t);
        for (std::size_t i = 0; i < columns; ++i)
            for (std::size_t j = 0; j < columns; ++j)
                rows[i * kStride + j] = i > j ? top[i][j] : i == j ? 1.0 : 0.0;
    } else {
        for (std::size_t i = 0; i < columns; ++i)
            std::copy_n(r + i * panel.r_stride + i, columns - i,
                        top[i].begin() + static_cast<std::ptrdiff_t>(i));
        factor_leaf_block(top, rows, count, kStride, columns, t);
    }
    for (std::size_t i = 0; i < columns; ++i)
        std::copy_n(top[i].begin() + static_cast<std::ptrdiff_t>(i), columns - i, r + i * panel.r_stride + i);
    copy(t[0].data(), kLeaf, columns, columns, t_.data() + first * kPanel + first, kPanel);
}

// The left columns' reflectors applied to the right ones.
void HouseholderQr::join(const Panel& panel, std::size_t first, std::size_t left, std::size_t right) {
    const std::size_t skipped = panel.alone ? first : 0, count = panel.count - skipped;
    const double* v = panel.v + skipped * kStride + first;
    double* b = panel.v + skipped * kStride + first + left;
    double* r = panel.r + first * panel.r_stride + first + left;
    double* w = inner_.data();
    const double* t = t_.data() + first * kPanel + first;
    if (!panel.alone) copy(r, panel.r_stride, left, right, w, right);
    multiply(CblasTrans, left, right, count, 1.0, v, kStride, b, kStride, panel.alone ? 0.0 : 1.0, w, right);
    multiply_triangle(CblasLeft, CblasTrans, left, right, 1.0, t, kPanel, w, right);
    multiply(CblasNoTrans, count, right, left, -1.0, v, kStride, w, right, 1.0, b, kStride);
    if (!panel.alone) return take_off(w, right, left, right, r, panel.r_stride);
    copy(b, kStride, left, right, r, panel.r_stride);
    for (std::size_t i = 0; i < left; ++i) std::fill_n(b + i * kStride, right, 0.0);
}

void HouseholderQr::factor_columns(const Panel& panel, std::size_t first, std::size_t columns) {
    if (columns <= kLeaf) return factor_leaf(panel, first, columns);
    const std::size_t left = (columns / 2 + kLeaf - 1) / kLeaf * kLeaf, right = columns - left;
    factor_columns(panel, first, left);
    join(panel, first, left, right);
    factor_columns(panel, first + left, right);
    // T's corner: -T_left (V_leftᵀ V_right) T_right
    const std::size_t skipped = panel.alone ? first : 0;
    const double* v = panel.v + skipped * kStride + first;
    double* t = t_.data() + first * kPanel + first;
    double* corner = t + left;
    multiply(CblasTrans, left, right, panel.count - skipped, 1.0, v, kStride, v + left, kStride, 0.0, corner,
             kPanel);
    multiply_triangle(CblasLeft, CblasNoTrans, left, right, -1.0, t, kPanel, corner, kPanel);
    multiply_triangle(CblasRight, CblasNoTrans, left, right, 1.0, t + left * kPanel + left, kPanel, corner,
                      kPanel);
}

double* HouseholderQr::make_room(std::size_t n, std::size_t count) {
    v_.resize(count * kStride + kLeaf);
    t_.resize(kPanel * kPanel);
    inner_.resize(kPanel * kPanel);
    w_.resize(kPanel * n);
    const std::size_t beyond = std::bit_cast<std::uintptr_t>(v_.data()) / sizeof(double) % kLeaf;
    return v_.data() + (kLeaf - beyond) % kLeaf;  // a leaf's row in one cache line
}

void HouseholderQr::append(double* r, std::size_t n, double* rows, std::size_t count, std::size_t stride,
                           bool triangular) {
    const SingleThreadedBlas single;
    double* v = make_room(n, count);
    for (std::size_t j = 0; j < n; j += kPanel) {
        const std::size_t width = std::min(kPanel, n - j), rest = n - j - width;
        const std::size_t used = triangular ? std::min(count, j + width) : count;
        double* corner = r + j * n + j;
        gather(rows + j, stride, used, width, v);
        factor_columns({v, used, corner, n, false}, 0, width);
        if (rest == 0) break;
        double *b = rows + j + width, *w = w_.data();
        copy(corner + width, n, width, rest, w, rest);
        multiply(CblasTrans, width, rest, used, 1.0, v, kStride, b, stride, 1.0, w, rest);
        multiply_triangle(CblasLeft, CblasTrans, width, rest, 1.0, t_.data(), kPanel, w, rest);
        take_off(w, rest, width, rest, corner + width, n);
        multiply(CblasNoTrans, used, rest, width, -1.0, v, kStride, w, rest, 1.0, b, stride);
    }
}

void HouseholderQr::append(double* r, std::size_t n, double* rows, std::size_t count, std::size_t stride) {
    append(r, n, rows, count, stride, false);
}

void HouseholderQr::append_triangle(double* r, std::size_t n, double* other) {
    append(r, n, other, n, n, true);
}

void HouseholderQr::factor(double* a, std::size_t n, std::size_t count) {
    const SingleThreadedBlas single;
    double* v = make_room(n, std::max(count, kPanel));
    for (std::size_t j = 0; j < count; j += kPanel) {
        const std::size_t width = std::min(kPanel, n - j), rest = n - j - width;
        const std::size_t used = std::max(count - j, width);  // a panel has no fewer rows than columns
        double* corner = a + j * n + j;
        gather(corner, n, used, width, v);
        for (std::size_t i = 1; i < used; ++i) std::fill_n(corner + i * n, std::min(i, width), 0.0);
        factor_columns({v, used, corner, n, true}, 0, width);
        if (rest == 0) break;
        double *b = corner + width, *w = w_.data();
        multiply(CblasTrans, width, rest, used, 1.0, v, kStride, b, n, 0.0, w, rest);
        multiply_triangle(CblasLeft, CblasTrans, width, rest, 1.0, t_.data(), kPanel, w, rest);
        multiply(CblasNoTrans, used, rest, width, -1.0, v, kStride, w, rest, 1.0, b, n);
    }
}

}  // namespace deadscope
