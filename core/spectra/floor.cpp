// λ_v of the rounded Y, and the floor that rounding alone explains (math.md §3).
#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstdint>
#include <numeric>

#include "core/spectra/kernel.h"

namespace deadscope {

namespace {

// Exponent of the binade that |x| lies in, biased; 0 for zero and subnormals.
int binade(double x) {
    return static_cast<int>((std::bit_cast<std::uint64_t>(x) >> 52) & 0x7ff);
}

double power(int biased) {
    return biased == 0 ? 0x1p-1023 : std::bit_cast<double>(static_cast<std::uint64_t>(biased) << 52);
}

// A long double as two doubles, which hold at least its 64 bits.
void split(long double value, double& high, double& low) {
    high = static_cast<double>(value);
    low = std::isfinite(high) ? static_cast<double>(value - high) : 0.0;
}

// (d δm)² of one row in units of u²/3: what rounding does to Σ(x_i - m), as far as the channels share it.
// Rounding m itself shifts all of them. Where x_i lies on a grid at least as coarse as the difference's, and
// m on a finer one, rounding the difference leaves out the same piece of m in every channel of that binade. A
// grid's spacing is 2u·2^e, its variance u² 4^e / 3.
double coherent_rounding(std::span<const double> row, double mean) {
    const int of_mean = binade(mean);
    std::array<double, 64> sums{};  // of 2^e over the channels of a binade, by distance below the first
    int first = 0;
    for (const double x : row) first = std::max(first, binade(x - mean));
    for (const double x : row) {
        const int e = binade(x - mean), below = first - e;
        if (binade(x) >= e && e > of_mean && below < 64) sums[static_cast<std::size_t>(below)] += power(e);
    }
    const double shift = mean == 0.0 ? 0.0 : static_cast<double>(row.size()) * power(of_mean);
    double total = shift * shift;
    for (const double sum : sums) total += sum * sum;
    return total;
}

}  // namespace

FloorAccumulator::FloorAccumulator(std::span<const double> v, std::span<const double> gamma)
    : d_(v.size()), v_(v.begin(), v.end()), gamma_(gamma.begin(), gamma.end()), y2_(v.size(), 0.0) {
    assert(gamma.size() == d_);
    double smallest = gamma.empty() ? 0.0 : std::abs(gamma[0]);
    for (const double g : gamma) smallest = std::min(smallest, std::abs(g));
    if (!(smallest > 0.0)) return;  // γ holds zeros: v lies on those channels alone, as given
    long double sum = 0.0L;         // ‖γ_min γ⁻¹‖², at least 1
    for (std::size_t i = 0; i < d_; ++i) {
        v_[i] = static_cast<long double>(smallest) / gamma[i];
        sum += v_[i] * v_[i];
    }
    for (long double& value : v_) value /= std::sqrt(sum);
    inverse_gamma_norm2_ = static_cast<double>(sum / smallest / smallest);
}

void FloorAccumulator::add_output(std::span<const double> rows) {
    for (std::size_t first = 0; first + d_ <= rows.size(); first += d_) {
        long double along = 0.0L;
        for (std::size_t i = 0; i < d_; ++i) along += v_[i] * rows[first + i];
        for (std::size_t i = 0; i < d_; ++i) y2_[i] += rows[first + i] * rows[first + i];
        if (rows_ == 0) first_ = along;
        const long double moved = along - first_;
        sum_ += moved;
        sum2_ += moved * moved;
        ++rows_;
    }
}

void FloorAccumulator::add_input(std::span<const double> rows) {
    for (std::size_t first = 0; first + d_ <= rows.size(); first += d_) {
        double sum = 0.0, square = 0.0;
        for (std::size_t i = 0; i < d_; ++i) sum += rows[first + i];
        const double mean = sum / static_cast<double>(d_);
        for (std::size_t i = 0; i < d_; ++i) square += (rows[first + i] - mean) * (rows[first + i] - mean);
        const double variance = square / static_cast<double>(d_);
        ++input_rows_;
        if (!(variance > 0.0)) continue;  // a constant row has no direction to lose
        ratio2_ += mean * mean / variance;
        coherent_ += coherent_rounding(rows.subspan(first, d_), mean) / variance;
    }
}

void FloorAccumulator::merge(const FloorAccumulator& other) {
    assert(other.d_ == d_);
    input_rows_ += other.input_rows_;
    ratio2_ += other.ratio2_;
    coherent_ += other.coherent_;
    if (other.rows_ == 0) return;
    if (rows_ == 0) first_ = other.first_;
    const auto count = static_cast<long double>(other.rows_);
    const long double moved = other.first_ - first_;  // their vᵀy were counted from another row's
    sum2_ += other.sum2_ + 2.0L * moved * other.sum_ + count * moved * moved;
    sum_ += other.sum_ + count * moved;
    for (std::size_t i = 0; i < d_; ++i) y2_[i] += other.y2_[i];
    rows_ += other.rows_;
}

void FloorAccumulator::pack(std::span<double> to) const {
    assert(to.size() == packed_size());
    to[0] = static_cast<double>(rows_);
    to[1] = static_cast<double>(input_rows_);
    split(first_, to[2], to[3]);
    split(sum_, to[4], to[5]);
    split(sum2_, to[6], to[7]);
    to[8] = ratio2_;
    to[9] = coherent_;
    std::copy(y2_.begin(), y2_.end(), to.begin() + 10);
}

void FloorAccumulator::unpack(std::span<const double> from) {
    assert(from.size() == packed_size());
    rows_ = static_cast<std::size_t>(from[0]);
    input_rows_ = static_cast<std::size_t>(from[1]);
    first_ = static_cast<long double>(from[2]) + from[3];
    sum_ = static_cast<long double>(from[4]) + from[5];
    sum2_ = static_cast<long double>(from[6]) + from[7];
    ratio2_ = from[8];
    coherent_ = from[9];
    std::copy(from.begin() + 10, from.end(), y2_.begin());
}

double FloorAccumulator::lambda_v() const {
    if (rows_ == 0) return 0.0;
    const auto n = static_cast<long double>(rows_);
    const long double mean = sum_ / n, value = sum2_ / n - mean * mean;
    return value > 0.0L ? static_cast<double>(value) : 0.0;
}

FloorAccumulator::Roundoff FloorAccumulator::Roundoff::of(Precision precision) {
    return {unit_roundoff(precision),
            unit_roundoff(precision == Precision::f64 ? Precision::f64 : Precision::f32)};
}

FloorAccumulator::Floor FloorAccumulator::floor(const Roundoff& roundoff, NormKind kind) const {
    Floor out;
    if (rows_ == 0) return out;
    const auto variance = [](double u) { return u * u / 3.0; };  // of a uniform error in ±u
    double weighted = 0.0;
    for (std::size_t i = 0; i < d_; ++i) weighted += static_cast<double>(v_[i] * v_[i]) * y2_[i];
    out.output_rounding = variance(roundoff.output) * weighted / static_cast<double>(rows_);
    if (kind != NormKind::rms_norm && input_rows_ > 0 && inverse_gamma_norm2_ > 0.0)
        out.mean_rounding =
            variance(roundoff.inside) * (coherent_ / static_cast<double>(input_rows_)) / inverse_gamma_norm2_;
    return out;
}

double FloorAccumulator::mean_rounding_along(std::span<const double> w, double roundoff) const {
    assert(w.size() == d_);
    if (input_rows_ == 0) return 0.0;
    const double share =
        std::inner_product(w.begin(), w.end(), gamma_.begin(), 0.0) / static_cast<double>(d_);
    return std::abs(share) * roundoff * std::sqrt(coherent_ / static_cast<double>(input_rows_) / 3.0);
}

double FloorAccumulator::mean_over_spread() const {
    return input_rows_ == 0 ? 0.0 : std::sqrt(ratio2_ / static_cast<double>(input_rows_));
}

}  // namespace deadscope
