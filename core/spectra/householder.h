// Householder QR in blocks, at nearly the rate of a product of matrices: rows that come under a triangle, two
// triangles, and rows alone. Only R is wanted, so the reflectors are forgotten. What the rows are is left to
// tsqr.h.
#pragma once

#include <cstddef>
#include <vector>

namespace deadscope {

// Everything is row-major. What is 1e80 times smaller than the largest of its column may count as zero.
// Thread rule: one thread at a time; BLAS runs on it alone.
class HouseholderQr {
public:
    // r [n, n] upper triangular becomes the factor of [r; rows]; rows [count, n], `stride` apart, is
    // destroyed.
    void append(double* r, std::size_t n, double* rows, std::size_t count, std::size_t stride);
    // The same where `other` [n, n] is upper triangular too: a third of the work.
    void append_triangle(double* r, std::size_t n, double* other);
    // a [n, n], of which only the first `count` rows are anything but zero, becomes its own factor.
    void factor(double* a, std::size_t n, std::size_t count);

private:
    struct Panel;
    double* make_room(std::size_t n, std::size_t count);  // for a panel's rows
    void append(double* r, std::size_t n, double* rows, std::size_t count, std::size_t stride,
                bool triangular);
    void factor_columns(const Panel& panel, std::size_t first, std::size_t columns);
    void factor_leaf(const Panel& panel, std::size_t first, std::size_t columns);
    void join(const Panel& panel, std::size_t first, std::size_t left, std::size_t right);

    std::vector<double> v_;      // of a panel, its reflectors, at a cache line
    std::vector<double> t_;      // [width, width] upper triangular: Q = I - V T Vᵀ
    std::vector<double> w_;      // [width, n]
    std::vector<double> inner_;  // [width, width]
};

}  // namespace deadscope
