// Streaming QR of [1 | Y] (math.md §2): centred and uncentred factors of any number of rows in O(d²) memory,
// and of fewer rows than columns in O(rows · d), by keeping them. What the factors mean is left to singular.h
// and kernel.h.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "core/spectra/householder.h"

namespace deadscope {

// The upper triangular factor of [1 | Y], always in double: its error must stay below that of an f32 pass.
// The first row of Y is taken off every row before factoring and put back at the end, so that a mean which
// is large beside the spread costs no digits, and a constant channel is exactly zero.
// Thread rule: one thread at a time; factors of different threads are merged.
class TsqrFactor {
public:
    // expected: how many rows will come, where that is known. Below d they are kept as they are.
    explicit TsqrFactor(std::size_t d, std::size_t expected = static_cast<std::size_t>(-1));

    void add(std::span<const double> rows);  // [n, d] row-major, n >= 0
    void add(std::span<const float> rows);
    void merge(const TsqrFactor& other);  // as if other's rows had been added here
    std::size_t rows() const { return rows_; }
    std::size_t width() const { return d_; }

    // Of (Y - 1μᵀ)/√N and Y/√N, row-major: [d, d] upper triangular, or where rows were kept [rows, d]. Empty
    // when no row was added.
    std::vector<double> centred() const;
    std::vector<double> uncentred() const;
    std::vector<double> mean() const;  // [d], μ

    // Both in this factor's own memory, as far as that goes; it has no rows then.
    struct Pair {
        std::vector<double> uncentred, centred;
    };
    Pair take();

    // All that a factor is, as plain numbers: what a device or another process hands over (packed.h).
    struct Parts {
        std::size_t d = 0, rows = 0;
        std::vector<double> shift;  // [d], taken off every row that r stands for
        std::vector<double> r;      // [d + 1, d + 1] upper triangular, column-major, of [1 | Y - 1·shift]
        std::vector<double> kept;   // [rows, d] in r's place, where so few rows are expected
    };
    Parts parts() const;
    static TsqrFactor from(Parts parts);  // errors: Error::input where the sizes do not fit

private:
    template <typename T>
    void add_rows(std::span<const T> rows);
    void flush() const;  // factor the pending rows
    template <typename T>
    void keep(std::span<const T> rows);
    void factor_kept();  // from then on as if no number of rows had been expected
    std::vector<double> kept_centred() const;
    std::vector<double> shifted(std::span<const double> shift) const;  // r_ as if shift had been taken off

    std::size_t d_;
    std::size_t capacity_;  // rows factored at a time
    std::size_t rows_ = 0;
    bool keeping_;
    std::vector<double> kept_;   // [rows, d] row-major, while keeping_
    std::vector<double> shift_;  // [d], the first row seen
    // [d + 1, d + 1] row-major, of [1 | Y - 1·shift]: the first d + 1 rows as they are, then upper triangular
    mutable std::vector<double> r_;
    mutable std::size_t raw_ = 0;          // rows that lie in r_ as they are
    mutable std::vector<double> pending_;  // [capacity, d + 1] row-major, rows not yet factored
    mutable std::size_t waiting_ = 0;      // rows in pending_
    mutable HouseholderQr qr_;
};

}  // namespace deadscope
