// The few LAPACK and BLAS routines that the spectra need, with the library's header kept in one .cpp.
// Matrices are dense doubles; each function says which order it means.
#pragma once

#include <cstddef>
#include <vector>

namespace deadscope::lapack {

// r [n, n] upper triangular, column-major, becomes the factor of [r; rows]. rows [count, n] column-major with
// leading dimension `stride` is destroyed. block: columns per block reflector, at most n.
void qr_append(std::vector<double>& r, std::size_t n, std::vector<double>& rows, std::size_t count,
               std::size_t stride, std::size_t block);

// Singular values (descending) of a [n, n] row-major, and where `vectors` is given its right singular vectors
// as rows. Returns false where neither routine converged; a is destroyed.
bool svd(std::vector<double>& a, std::size_t n, std::vector<double>& values, std::vector<double>* vectors);

// Largest eigenvalue of the symmetric tridiagonal matrix, with its eigenvector. Returns false where it did
// not converge.
bool largest_tridiagonal(std::vector<double> diagonal, std::vector<double> off, double& value,
                         std::vector<double>& vector);

// x becomes R⁻¹x, R⁻ᵀx, Rx or Rᵀx. r [n, n] row-major upper triangular.
enum class Triangular { solve, solve_transposed, multiply, multiply_transposed };
void apply(Triangular what, const std::vector<double>& r, std::size_t n, std::vector<double>& x);

}  // namespace deadscope::lapack
