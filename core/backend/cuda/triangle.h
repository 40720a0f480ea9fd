// The one kernel of the factorisation (factor.cpp).
#pragma once

#include <cstddef>

#include "core/backend/cuda/kernels.h"

namespace deadscope::cuda {

// a [n, n] column-major with leading dimension ld: zero below the diagonal.
void clear_below_diagonal(const Launch&, double* a, std::size_t n, std::size_t ld);

}  // namespace deadscope::cuda
