// A triangular factor R laid out for iterations: half the memory of the square, and every product or solve
// reads it in one run. Which iterations those are is left to singular.cpp.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace deadscope {

// Thread rule: const calls from any thread at once.
class Triangle {
public:
    // scale · R; r [d, d] row-major upper triangular.
    Triangle(std::span<const double> r, std::size_t d, double scale);

    // Pivots that are smaller than this are moved to it, with their sign; returns the smallest there is then.
    double raise_pivots(double least);

    // x [d] becomes RᵀR x, or (RᵀR)⁻¹ x.
    void multiply(std::vector<double>& x) const;
    void solve(std::vector<double>& x) const;

private:
    std::size_t d_, blocks_;
    std::vector<double> storage_;
    // Tiles [8, 8] row-major, by rows of tiles from the diagonal on; beyond d the identity.
    double* tiles_;
    std::vector<double> inverse_pivots_;  // [8 · blocks]
};

}  // namespace deadscope
