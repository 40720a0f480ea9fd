// The element-wise work of the CPU backend, on one row at a time, vectorised for the processor at hand.
// Threads, shapes and matrix products are cpu_backend.cpp's.
#pragma once

#include <cstddef>

#include "core/base/precision.h"
#include "core/model/norms.h"
#include "core/model/plan.h"

namespace deadscope::cpu {

// y = (x - mean) / sqrt(var + eps) ⊙ gamma + beta (RMSNorm: no mean, second moment); beta may be null; y may
// be x. The mean is that of the exact sum rounded to T and subtracted in T, so that x - mean is rounded on
// the grid of x: that rounding is the second part of the noise floor (math.md §3). The variance is that of
// the subtracted values.
void norm_row(NormKind kind, double eps, const float* x, const float* gamma, const float* beta, std::size_t d,
              float* y);
void norm_row(NormKind kind, double eps, const double* x, const double* gamma, const double* beta,
              std::size_t d, double* y);

// x = at · tanh(x / at), at > 0.
void cap_row(float at, float* x, std::size_t n);
void cap_row(double at, double* x, std::size_t n);

void activate_row(Activation activation, float* x, std::size_t n);
void activate_row(Activation activation, double* x, std::size_t n);

// The first 2 · half channels of one head turned by the angles whose cosines and sines are given [half];
// pairs (2i, 2i + 1) where interleaved, else (i, i + half).
void rotate_head(const float* cosine, const float* sine, std::size_t half, bool interleaved, float* x);
void rotate_head(const double* cosine, const double* sine, std::size_t half, bool interleaved, double* x);

// Each value to the nearest bf16 or f16, ties to even; beyond the largest, infinity. f32 and f64: as it is.
void round_row(Precision precision, float* x, std::size_t n);

}  // namespace deadscope::cpu
