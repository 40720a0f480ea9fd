// See row_kernels.h. Each loop is compiled for three levels of x86-64 (core/base/function_clones.h).
#include "core/backend/cpu/row_kernels.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>

#include "core/backend/cpu/elementary.h"
#include "core/base/function_clones.h"

namespace deadscope::cpu {
namespace {

template <typename T>
DEADSCOPE_INLINE double sum(const T* x, std::size_t n) {
    double total = 0.0;
#pragma omp simd reduction(+ : total)
    for (std::size_t i = 0; i < n; ++i) total += static_cast<double>(x[i]);
    return total;
}

template <typename T>
DEADSCOPE_INLINE double sum_of_squares(const T* x, std::size_t n) {
    double total = 0.0;
#pragma omp simd reduction(+ : total)
    for (std::size_t i = 0; i < n; ++i) total += static_cast<double>(x[i]) * static_cast<double>(x[i]);
    return total;
}

// The sum to the last bit or nearly: what each addition loses (Knuth's TwoSum) is added up beside it.
DEADSCOPE_INLINE double compensated_sum(const double* x, std::size_t n) {
    constexpr std::size_t lanes = 8;
    double total[lanes] = {}, lost[lanes] = {};
    const auto add = [&](std::size_t lane, double value) {
        const double t = total[lane] + value, z = t - total[lane];
        lost[lane] += (total[lane] - (t - z)) + (value - z);
        total[lane] = t;
    };
    std::size_t i = 0;
    for (; i + lanes <= n; i += lanes) {
#pragma omp simd
        for (std::size_t lane = 0; lane < lanes; ++lane) add(lane, x[i + lane]);
    }
    for (; i < n; ++i) add(0, x[i]);
    for (std::size_t lane = 1; lane < lanes; ++lane) {
        add(0, total[lane]);
        lost[0] += lost[lane];
    }
    return total[0] + lost[0];
}

// Of floats a sum in double is as good as exact.
DEADSCOPE_INLINE float rounded_mean(const float* x, std::size_t d) {
    return static_cast<float>(sum(x, d) / static_cast<double>(d));
}
DEADSCOPE_INLINE double rounded_mean(const double* x, std::size_t d) {
    return compensated_sum(x, d) / static_cast<double>(d);
}

template <typename T>
DEADSCOPE_INLINE void norm(NormKind kind, double eps, const T* x, const T* gamma, const T* beta,
                           std::size_t d, T* y) {
    const T mean = kind == NormKind::layer_norm ? rounded_mean(x, d) : T{0};
#pragma omp simd
    for (std::size_t i = 0; i < d; ++i) y[i] = x[i] - mean;
    const double moment = sum_of_squares(y, d) / static_cast<double>(d);
    const T scale = static_cast<T>(1.0 / std::sqrt(moment + eps));
    if (beta == nullptr) {
#pragma omp simd
        for (std::size_t i = 0; i < d; ++i) y[i] = y[i] * scale * gamma[i];
    } else {
#pragma omp simd
        for (std::size_t i = 0; i < d; ++i) y[i] = y[i] * scale * gamma[i] + beta[i];
    }
}

template <typename T>
DEADSCOPE_INLINE T sigmoid(T x) {
    return T{1} / (T{1} + fast_exp(-x));
}

template <typename T, typename Function>
DEADSCOPE_INLINE void map(T* x, std::size_t n, Function function) {
#pragma omp simd
    for (std::size_t i = 0; i < n; ++i) x[i] = function(x[i]);
}

// x Φ(x): in double x/2 (1 + erf(x/√2)); in float max(x, 0) - |x| Φ(-|x|), which the exponential gives at
// once.
DEADSCOPE_INLINE double gelu(double x) {
    return 0.5 * x * (1.0 + fast_erf(x * (std::numbers::sqrt2 / 2)));
}
DEADSCOPE_INLINE float gelu(float x) {
    const float a = std::min(std::abs(x), 12.875f);
    return (x < 0.0f ? 0.0f : x) - a * normal_tail(a);
}

template <typename T>
DEADSCOPE_INLINE void activate(Activation activation, T* x, std::size_t n) {
    switch (activation) {
        case Activation::identity:
            return;
        case Activation::gelu:
            return map(x, n, [](T v) { return gelu(v); });
        case Activation::gelu_tanh:  // x/2 (1 + tanh u) = x sigmoid(2u), u = √(2/π) (x + 0.044715 x³)
            return map(x, n, [](T v) {
                const T u = v * (T{1} + static_cast<T>(0.044715) * v * v);
                return v * sigmoid(static_cast<T>(2 * std::numbers::sqrt2 * std::numbers::inv_sqrtpi) * u);
            });
        case Activation::gelu_bloom:  // the same with the constant that BLOOM was trained with
            return map(x, n, [](T v) {
                const T u = v * (T{1} + static_cast<T>(0.044715) * v * v);
                return v * sigmoid(static_cast<T>(2 * 0.79788456) * u);
            });
        case Activation::quick_gelu:
            return map(x, n, [](T v) { return v * sigmoid(static_cast<T>(1.702) * v); });
        case Activation::relu:
            return map(x, n, [](T v) { return v < T{0} ? T{0} : v; });
        case Activation::silu:
            return map(x, n, [](T v) { return v * sigmoid(v); });
        case Activation::tanh:  // rare, so libm's
            for (std::size_t i = 0; i < n; ++i) x[i] = std::tanh(x[i]);
            return;
        case Activation::relu_squared:
            return map(x, n, [](T v) { return v < T{0} ? T{0} : v * v; });
        case Activation::sigmoid:
            return map(x, n, [](T v) { return sigmoid(v); });
        case Activation::mish:  // x tanh(log(1 + e^x)), with t = e^x: x (t² + 2t) / (t² + 2t + 2); 1 beyond
                                // 20
            return map(x, n, [](T v) {
                const T t = fast_exp(v < T{20} ? v : T{20}), u = t * (t + T{2});
                return v * (u / (u + T{2}));
            });
        case Activation::elu:  // of α = 1; rare, so libm's
            for (std::size_t i = 0; i < n; ++i) x[i] = x[i] > T{0} ? x[i] : std::expm1(x[i]);
            return;
        case Activation::leaky_relu:
            return map(x, n, [](T v) { return v < T{0} ? static_cast<T>(0.01) * v : v; });
    }
}

template <typename T>
DEADSCOPE_INLINE void cap(T at, T* x, std::size_t n) {
    const T scale = T{1} / at;
    map(x, n, [=](T v) { return at * fast_tanh(v * scale); });
}

template <typename T>
DEADSCOPE_INLINE void rotate(const T* cosine, const T* sine, std::size_t half, bool interleaved, T* x) {
    const std::size_t step = interleaved ? 2 : 1, other = interleaved ? 1 : half;
    for (std::size_t i = 0; i < half; ++i) {
        T& a = x[i * step];
        T& b = x[i * step + other];
        const T turned = a * cosine[i] - b * sine[i];
        b = b * cosine[i] + a * sine[i];
        a = turned;
    }
}

// Half of the last place that stays is added, less one where that place is even, and what is below is cut
// off: the carry goes into the exponent, and past the largest into infinity.
DEADSCOPE_INLINE std::uint32_t cut(std::uint32_t magnitude, unsigned bits) {
    const std::uint32_t below = (1u << bits) - 1u;
    return (magnitude + (below >> 1) + ((magnitude >> bits) & 1u)) & ~below;
}

DEADSCOPE_INLINE float to_bf16(float x) {
    const std::uint32_t word = std::bit_cast<std::uint32_t>(x), sign = word & 0x80000000u;
    const std::uint32_t magnitude = word & 0x7FFFFFFFu;
    const std::uint32_t out = magnitude > 0x7F800000u ? 0x7FC00000u : cut(magnitude, 16);
    return std::bit_cast<float>(out | sign);
}

// Below 2^-14 the places are 2^-24, which is that of numbers beside 1/2.
DEADSCOPE_INLINE float to_f16(float x) {
    const std::uint32_t word = std::bit_cast<std::uint32_t>(x), sign = word & 0x80000000u;
    const std::uint32_t magnitude = word & 0x7FFFFFFFu;
    const float small = (std::bit_cast<float>(magnitude) + 0.5f) - 0.5f;
    const std::uint32_t normal = cut(magnitude, 13);
    std::uint32_t out = normal >= 0x47800000u ? 0x7F800000u : normal;  // 65536 and more
    out = magnitude > 0x7F800000u ? 0x7FC00000u : out;
    out = magnitude < 0x38800000u ? std::bit_cast<std::uint32_t>(small) : out;
    return std::bit_cast<float>(out | sign);
}

}  // namespace

DEADSCOPE_CLONES void round_row(Precision precision, float* x, std::size_t n) {
    if (precision == Precision::bf16) map(x, n, [](float v) { return to_bf16(v); });
    if (precision == Precision::f16) map(x, n, [](float v) { return to_f16(v); });
}

#define DEADSCOPE_ROW_KERNELS(T)                                                                          \
    DEADSCOPE_CLONES void norm_row(NormKind kind, double eps, const T* x, const T* gamma, const T* beta,  \
                                   std::size_t d, T* y) {                                                 \
        norm(kind, eps, x, gamma, beta, d, y);                                                            \
    }                                                                                                     \
    DEADSCOPE_CLONES void cap_row(T at, T* x, std::size_t n) {                                            \
        cap(at, x, n);                                                                                    \
    }                                                                                                     \
    DEADSCOPE_CLONES void activate_row(Activation activation, T* x, std::size_t n) {                      \
        activate(activation, x, n);                                                                       \
    }                                                                                                     \
    DEADSCOPE_CLONES void rotate_head(const T* cosine, const T* sine, std::size_t half, bool interleaved, \
                                      T* x) {                                                             \
        rotate(cosine, sine, half, interleaved, x);                                                       \
    }

DEADSCOPE_ROW_KERNELS(float)
DEADSCOPE_ROW_KERNELS(double)

}  // namespace deadscope::cpu
