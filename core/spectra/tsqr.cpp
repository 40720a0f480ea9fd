// TSQR by LAPACK's dtpqrt: [R; chunk] is factored where it lies, and R's zeros are not touched.
#include "core/spectra/tsqr.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <utility>

#include "core/base/error.h"
#include "core/spectra/lapack.h"

namespace deadscope {

namespace {

// Rows factored at a time: enough for products of matrices, few enough for the cache.
constexpr std::size_t kLeastRows = 64, kMostRows = 512;
constexpr std::size_t kBlock = 32;  // columns per block reflector

// The square upper triangle of the (d + 1) × d matrix below, by Givens rotations (3d² flops a row, d³ in
// all). top: [d]; trailing: [d, d] row-major upper triangular; the result replaces trailing.
void absorb_row(std::vector<double> top, std::vector<double>& trailing, std::size_t d) {
    for (std::size_t i = 0; i < d; ++i) {
        double* row = trailing.data() + i * d;
        const double length = std::hypot(row[i], top[i]);
        if (top[i] == 0.0 || length == 0.0) continue;
        const double c = row[i] / length, s = top[i] / length;
        for (std::size_t j = i; j < d; ++j) {
            const double upper = row[j], lower = top[j];
            row[j] = c * upper + s * lower;
            top[j] = c * lower - s * upper;
        }
    }
}

}  // namespace

TsqrFactor::TsqrFactor(std::size_t d, std::size_t expected)
    : d_(d), capacity_(std::clamp(d + 1, kLeastRows, kMostRows)), keeping_(expected < d), shift_(d, 0.0) {
    if (keeping_) return;
    pending_.resize(capacity_ * (d + 1));
    r_.assign((d + 1) * (d + 1), 0.0);
}

void TsqrFactor::keep(std::span<const double> rows) {
    if (rows_ == 0) std::copy_n(rows.begin(), d_, shift_.begin());
    kept_.insert(kept_.end(), rows.begin(), rows.end());
    rows_ += rows.size() / d_;
}

void TsqrFactor::factor_kept() {
    const std::vector<double> rows = std::exchange(kept_, {});
    *this = TsqrFactor(d_);
    add(rows);
}

void TsqrFactor::add(std::span<const double> rows) {
    assert(d_ > 0 && rows.size() % d_ == 0);
    const std::size_t count = rows.size() / d_;
    if (count == 0) return;
    if (keeping_ && rows_ + count < d_) return keep(rows);
    if (keeping_) factor_kept();
    if (rows_ == 0) std::copy_n(rows.begin(), d_, shift_.begin());
    constexpr std::size_t tile = 32;  // transposition in tiles that fit the first cache
    for (std::size_t done = 0; done < count;) {
        const std::size_t take = std::min(count - done, capacity_ - waiting_);
        std::fill_n(pending_.begin() + static_cast<std::ptrdiff_t>(waiting_), take, 1.0);
        for (std::size_t first = 0; first < take; first += tile) {
            const std::size_t last = std::min(take, first + tile);
            for (std::size_t j = 0; j < d_; ++j) {
                double* column = pending_.data() + (j + 1) * capacity_ + waiting_;
                for (std::size_t i = first; i < last; ++i) column[i] = rows[(done + i) * d_ + j] - shift_[j];
            }
        }
        waiting_ += take;
        done += take;
        rows_ += take;
        if (waiting_ == capacity_) flush();
    }
}

void TsqrFactor::flush() const {
    if (waiting_ == 0) return;
    lapack::qr_append(r_, d_ + 1, pending_, waiting_, capacity_, std::min(kBlock, d_ + 1));
    waiting_ = 0;
}

std::vector<double> TsqrFactor::shifted(std::span<const double> shift) const {
    flush();
    std::vector<double> r = r_;
    const std::size_t ld = d_ + 1;
    for (std::size_t j = 0; j < d_; ++j) r[(j + 1) * ld] += r[0] * (shift_[j] - shift[j]);
    return r;
}

void TsqrFactor::merge(const TsqrFactor& other) {
    assert(other.d_ == d_);
    if (other.rows_ == 0) return;
    if (other.keeping_) return add(other.kept_);
    if (keeping_) factor_kept();
    if (rows_ == 0) shift_ = other.shift_;
    flush();
    std::vector<double> theirs = other.shifted(shift_);
    lapack::qr_append(r_, d_ + 1, theirs, d_ + 1, d_ + 1, std::min(kBlock, d_ + 1));
    rows_ += other.rows_;
}

TsqrFactor::Parts TsqrFactor::parts() const {
    if (!keeping_) flush();
    return {.d = d_, .rows = rows_, .shift = shift_, .r = r_, .kept = kept_};
}

TsqrFactor TsqrFactor::from(Parts parts) {
    const bool kept = parts.r.empty();
    const std::size_t columns = parts.d + 1;
    if (parts.d == 0 || parts.shift.size() != parts.d || (kept && parts.rows >= parts.d) ||
        parts.kept.size() != (kept ? parts.rows * parts.d : 0) ||
        (!kept && parts.r.size() != columns * columns))
        throw Error::input(
            "These are not the parts of a triangular factor",
            {.expected = "the sizes that belong to a width of " + std::to_string(parts.d),
             .found = std::to_string(parts.r.size()) + " and " + std::to_string(parts.kept.size()) +
                      " numbers for " + std::to_string(parts.rows) + " rows"});
    TsqrFactor out(parts.d, kept ? 0 : static_cast<std::size_t>(-1));
    out.rows_ = parts.rows;
    out.shift_ = std::move(parts.shift);
    out.kept_ = std::move(parts.kept);
    out.r_ = std::move(parts.r);
    return out;
}

// The first row is taken off before the mean is, as in the factor.
std::vector<double> TsqrFactor::kept_centred() const {
    const double count = static_cast<double>(rows_), scale = 1.0 / std::sqrt(count);
    std::vector<double> out(kept_.size());
    for (std::size_t j = 0; j < d_; ++j) {
        double sum = 0.0;
        for (std::size_t i = 0; i < rows_; ++i) sum += kept_[i * d_ + j] - shift_[j];
        for (std::size_t i = 0; i < rows_; ++i)
            out[i * d_ + j] = (kept_[i * d_ + j] - shift_[j] - sum / count) * scale;
    }
    return out;
}

std::vector<double> TsqrFactor::centred() const {
    if (rows_ == 0) return {};
    if (keeping_) return kept_centred();
    flush();
    const double scale = 1.0 / std::sqrt(static_cast<double>(rows_));
    std::vector<double> out(d_ * d_, 0.0);
    for (std::size_t i = 0; i < d_; ++i)
        for (std::size_t j = i; j < d_; ++j) out[i * d_ + j] = r_[(j + 1) * (d_ + 1) + i + 1] * scale;
    return out;
}

std::vector<double> TsqrFactor::uncentred() const {
    if (rows_ == 0) return {};
    if (keeping_) {
        std::vector<double> out = kept_;
        for (double& value : out) value /= std::sqrt(static_cast<double>(rows_));
        return out;
    }
    std::vector<double> out = centred();
    const std::vector<double> mu = mean();
    absorb_row(mu, out, d_);  // Yᵀ Y / N = Cᵀ C + μ μᵀ
    return out;
}

std::vector<double> TsqrFactor::mean() const {
    if (rows_ == 0) return {};
    std::vector<double> mu(d_);
    if (keeping_) {
        for (std::size_t i = 0; i < kept_.size(); ++i) mu[i % d_] += kept_[i] - shift_[i % d_];
        for (std::size_t j = 0; j < d_; ++j) mu[j] = shift_[j] + mu[j] / static_cast<double>(rows_);
        return mu;
    }
    flush();
    for (std::size_t j = 0; j < d_; ++j) mu[j] = shift_[j] + r_[(j + 1) * (d_ + 1)] / r_[0];
    return mu;
}

}  // namespace deadscope
