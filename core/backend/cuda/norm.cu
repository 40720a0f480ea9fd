// LayerNorm and RMSNorm of kernels.h. A warp takes a short row, a block a long one; rows are read three times
// (mean, variance, result), the second and third time out of the caches.
#include "core/backend/cuda/device_code.h"

namespace deadscope::cuda {
namespace {

template <typename T>
struct Norm {
    Rows<const T> x, gamma, beta;  // beta.data may be null; a stride of 0 where all groups share a row
    Rows<T> y;
    std::size_t rows, groups, d;
    double eps;
};

// As cpu/row_kernels.h says: the mean is that of the exact sum, rounded, and subtracted with rounding; the
// variance is that of the subtracted values. Each thread writes only what it alone has read, so that y may
// be x.
template <typename T, int width, int lanes, NormKind kind>
__global__ void __launch_bounds__(block_threads) norm_rows(Norm<T> norm) {
    using A = Arithmetic<T>;
    constexpr std::size_t at_once = block_threads / lanes;
    const std::size_t first = threadIdx.x % lanes * width, step = std::size_t{lanes} * width;
    const std::size_t items = norm.rows * norm.groups;
    for (std::size_t item = blockIdx.x * at_once + threadIdx.x / lanes; item < items;
         item += gridDim.x * at_once) {
        const std::size_t row = item / norm.groups, group = item % norm.groups;
        const T* x = norm.x.at(row, group * norm.d);
        T* y = norm.y.at(row, group * norm.d);
        A values[width], scales[width], shifts[width] = {};
        A mean{0};
        if constexpr (kind == NormKind::layer_norm) {
            ExactSum<A> sum{A{0}, A{0}};
            for (std::size_t i = first; i < norm.d; i += step) {
                load(x + i, values);
                DEADSCOPE_UNROLL
                for (int e = 0; e < width; ++e) sum.add(values[e]);
            }
            mean = sum_over<lanes>(sum).mean(static_cast<A>(norm.d));
        }
        A squares{0};
        for (std::size_t i = first; i < norm.d; i += step) {
            load(x + i, values);
            DEADSCOPE_UNROLL
            for (int e = 0; e < width; ++e) squares += (values[e] - mean) * (values[e] - mean);
        }
        const A moment = sum_over<lanes>(squares) / static_cast<A>(norm.d);
        const A scale = A{1} / sqrt_of(moment + static_cast<A>(norm.eps));
        for (std::size_t i = first; i < norm.d; i += step) {
            load(x + i, values);
            load(norm.gamma.at(group, i), scales);
            if (norm.beta.data != nullptr) load(norm.beta.at(group, i), shifts);
            DEADSCOPE_UNROLL
            for (int e = 0; e < width; ++e) values[e] = (values[e] - mean) * scale * scales[e] + shifts[e];
            store(values, y + i);
        }
    }
}

template <typename T, int width, int lanes>
void launch_norm(const Launch& at, NormKind kind, const Norm<T>& norm) {
    constexpr std::size_t at_once = block_threads / lanes, most = 4096;
    const std::size_t blocks = (norm.rows * norm.groups + at_once - 1) / at_once;
    const dim3 grid(static_cast<unsigned>(std::min(blocks, most)));
    if (kind == NormKind::layer_norm) {
        launch(at.stream, grid, dim3(block_threads), "a norm",
               norm_rows<T, width, lanes, NormKind::layer_norm>, norm);
    } else {
        launch(at.stream, grid, dim3(block_threads), "a norm", norm_rows<T, width, lanes, NormKind::rms_norm>,
               norm);
    }
}

template <typename T, int width>
void launch_norm(const Launch& at, NormKind kind, const Norm<T>& norm) {
    constexpr std::size_t longest_of_a_warp = 1024;  // 32 elements a thread
    if (norm.d <= longest_of_a_warp) {
        launch_norm<T, width, 32>(at, kind, norm);
    } else {
        launch_norm<T, width, block_threads>(at, kind, norm);
    }
}

}  // namespace

void norm(const Launch& at, NormKind kind, double eps, View x, View gamma, View beta, View y) {
    const std::size_t d = gamma.cols, groups = d == 0 ? 0 : x.cols / d;
    if (x.rows == 0 || groups == 0) return;
    if (gamma.rows == 1) gamma.stride = beta.stride = 0;
    with_type(at.element, [&](auto* type) {
        using T = std::remove_pointer_t<decltype(type)>;
        const Norm<T> norm{
            Rows<const T>(x), Rows<const T>(gamma), Rows<const T>(beta), Rows<T>(y), x.rows, groups, d, eps};
        if (packs<T>(x) && packs<T>(y) && packs<T>(gamma) && (beta.data == nullptr || packs<T>(beta))) {
            launch_norm<T, pack_width<T>>(at, kind, norm);
        } else {
            launch_norm<T, 1>(at, kind, norm);
        }
    });
}

}  // namespace deadscope::cuda
