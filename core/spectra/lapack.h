// The few LAPACK and BLAS routines that the spectra need, with the library's header kept in one .cpp.
// Matrices are dense doubles; each function says which order it means.
#pragma once

#include <cstddef>
#include <vector>

namespace deadscope::lapack {

// Singular values (descending) of a [n, n] row-major, and where `vectors` is given its right singular vectors
// as rows. Returns false where neither routine converged; a is destroyed.
bool svd(std::vector<double>& a, std::size_t n, std::vector<double>& values, std::vector<double>* vectors);

// The same of a [m, d] row-major with m < d: values [m], vectors [m, d].
bool svd_wide(std::vector<double>& a, std::size_t m, std::size_t d, std::vector<double>& values,
              std::vector<double>* vectors);

// aᵀ = Q R for a [m, d] row-major with m < d, in LAPACK's packed form.
struct WideQr {
    std::size_t m = 0, d = 0;
    std::vector<double> packed;            // [m, d] row-major
    std::vector<double> scales;            // [m]
    std::vector<double> triangle() const;  // R, [m, m] row-major upper triangular: the singular values of a
    void apply(
        std::vector<double>& x) const;  // x [d] becomes Q x; with x_1..x_m = 0, a vector that a maps to 0
};
WideQr wide_qr(std::vector<double> a, std::size_t m, std::size_t d);

// Largest eigenvalue of the symmetric tridiagonal matrix, with its eigenvector. Returns false where it did
// not converge.
bool largest_tridiagonal(std::vector<double> diagonal, std::vector<double> off, double& value,
                         std::vector<double>& vector);

// x -= Bᵀ (B x), B [count, n] row-major with orthonormal rows.
void take_off(const std::vector<double>& basis, std::size_t count, std::size_t n, std::vector<double>& x);

}  // namespace deadscope::lapack
