// TSQR: the first d + 1 rows are factored by themselves, then [R; chunk] where it lies; R's zeros are not
// touched.
#include "core/spectra/tsqr.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <utility>

#include "core/base/error.h"

namespace deadscope {

namespace {

// Rows factored at a time: enough for products of matrices, few enough for the cache.
constexpr std::size_t kLeastRows = 64, kMostRows = 512;

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

std::vector<double> transposed(std::span<const double> a, std::size_t n) {
    constexpr std::size_t tile = 32;  // that both orders fit the first cache
    std::vector<double> out(n * n);
    for (std::size_t top = 0; top < n; top += tile)
        for (std::size_t left = 0; left < n; left += tile)
            for (std::size_t i = top; i < std::min(n, top + tile); ++i)
                for (std::size_t j = left; j < std::min(n, left + tile); ++j) out[j * n + i] = a[i * n + j];
    return out;
}

}  // namespace

TsqrFactor::TsqrFactor(std::size_t d, std::size_t expected)
    : d_(d), capacity_(std::clamp(d + 1, kLeastRows, kMostRows)), keeping_(expected < d), shift_(d, 0.0) {
    if (!keeping_) r_.resize((d + 1) * (d + 1));
}

template <typename T>
void TsqrFactor::keep(std::span<const T> rows) {
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
    add_rows(rows);
}

void TsqrFactor::add(std::span<const float> rows) {
    add_rows(rows);
}

template <typename T>
void TsqrFactor::add_rows(std::span<const T> rows) {
    assert(d_ > 0 && rows.size() % d_ == 0);
    const std::size_t count = rows.size() / d_, columns = d_ + 1;
    if (count == 0) return;
    if (keeping_ && rows_ + count < d_) return keep(rows);
    if (keeping_) factor_kept();
    if (rows_ == 0) std::copy_n(rows.begin(), d_, shift_.begin());
    for (std::size_t i = 0; i < count; ++i) {
        const bool first = rows_ == raw_;  // nothing is factored yet
        if (!first && pending_.empty()) pending_.resize(capacity_ * columns);
        double* to = first ? r_.data() + raw_++ * columns : pending_.data() + waiting_++ * columns;
        const T* from = rows.data() + i * d_;
        to[0] = 1.0;
        for (std::size_t j = 0; j < d_; ++j) to[j + 1] = static_cast<double>(from[j]) - shift_[j];
        ++rows_;
        if (raw_ == columns || waiting_ == capacity_) flush();
    }
}

void TsqrFactor::flush() const {
    const std::size_t columns = d_ + 1;
    if (raw_ > 0) {
        std::fill(r_.begin() + static_cast<std::ptrdiff_t>(raw_ * columns), r_.end(), 0.0);
        qr_.factor(r_.data(), columns, raw_);
        raw_ = 0;
    }
    if (waiting_ > 0) qr_.append(r_.data(), columns, pending_.data(), waiting_, columns);
    waiting_ = 0;
}

std::vector<double> TsqrFactor::shifted(std::span<const double> shift) const {
    flush();
    std::vector<double> r = r_;
    for (std::size_t j = 0; j < d_; ++j) r[j + 1] += r[0] * (shift_[j] - shift[j]);
    return r;
}

void TsqrFactor::merge(const TsqrFactor& other) {
    assert(other.d_ == d_);
    if (other.rows_ == 0) return;
    if (other.keeping_) return add(other.kept_);
    if (keeping_) factor_kept();
    if (rows_ == 0) {
        shift_ = other.shift_;
        r_ = other.shifted(shift_);
    } else {
        flush();
        std::vector<double> theirs = other.shifted(shift_);
        qr_.append_triangle(r_.data(), d_ + 1, theirs.data());
    }
    rows_ += other.rows_;
}

TsqrFactor::Parts TsqrFactor::parts() const {
    if (!keeping_) flush();
    return {.d = d_,
            .rows = rows_,
            .shift = shift_,
            .r = keeping_ ? std::vector<double>{} : transposed(r_, d_ + 1),
            .kept = kept_};
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
    if (!kept) out.r_ = transposed(parts.r, columns);
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
        for (std::size_t j = i; j < d_; ++j) out[i * d_ + j] = r_[(i + 1) * (d_ + 1) + j + 1] * scale;
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
    absorb_row(mean(), out, d_);  // Yᵀ Y / N = Cᵀ C + μ μᵀ
    return out;
}

TsqrFactor::Pair TsqrFactor::take() {
    Pair out;
    if (keeping_ || rows_ == 0) {
        out = {.uncentred = uncentred(), .centred = centred()};
    } else {
        flush();
        pending_ = {};
        qr_ = {};
        const std::vector<double> mu = mean();
        const double scale = 1.0 / std::sqrt(static_cast<double>(rows_));
        out.centred = std::move(r_);
        for (std::size_t i = 0; i < d_; ++i) {  // each row moves up and to the left, over what is done with
            double* row = out.centred.data() + i * d_;
            const double* from = out.centred.data() + (i + 1) * (d_ + 1) + 1;
            std::fill_n(row, i, 0.0);
            for (std::size_t j = i; j < d_; ++j) row[j] = from[j] * scale;
        }
        out.centred.resize(d_ * d_);
        out.uncentred = out.centred;
        absorb_row(mu, out.uncentred, d_);
    }
    *this = TsqrFactor(d_, 0);
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
    for (std::size_t j = 0; j < d_; ++j) mu[j] = shift_[j] + r_[j + 1] / r_[0];
    return mu;
}

}  // namespace deadscope
