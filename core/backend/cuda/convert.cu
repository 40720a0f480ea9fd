// Values into the device's elements and out of them, and the rows that a factorisation takes.
#include "core/backend/cuda/device_code.h"

namespace deadscope::cuda {
namespace {

// Between rows of two types; A is what the first is computed in, the rounding is Narrow's.
template <typename From, typename To>
struct Convert {
    Rows<const From> from;
    Rows<To> to;
    template <int width>
    __device__ void run(std::size_t row, std::size_t col) const {
        Arithmetic<From> values[width];
        load(from.at(row, col), values);
        store(values, to.at(row, col));
    }
};

// A pack is that of the narrower type; the wider one is then read or written in several steps.
template <typename From, typename To>
void convert(const Launch& at, const char* what, const void* from, std::size_t from_stride, void* to,
             std::size_t to_stride, std::size_t rows, std::size_t cols) {
    constexpr int width = std::max(pack_width<From>, pack_width<To>);
    constexpr auto wide = static_cast<std::size_t>(width);
    const Convert<From, To> all{{static_cast<const From*>(from), from_stride},
                                {static_cast<To*>(to), to_stride}};
    if (cols % wide == 0 && packs(from, from_stride, sizeof(From), wide) &&
        packs(to, to_stride, sizeof(To), wide)) {
        launch_each<width>(at.stream, rows, cols, what, all);
    } else {
        launch_each<1>(at.stream, rows, cols, what, all);
    }
}

template <typename From>
void convert_in(const Launch& at, const From* values, const View& to) {
    with_type(at.element, [&](auto* type) {
        using T = std::remove_pointer_t<decltype(type)>;
        convert<From, T>(at, "converting values", values, to.cols, to.data, to.stride, to.rows, to.cols);
    });
}

constexpr int tile = 32, tile_rows = block_threads / tile;

// A transposition through shared memory, so that both sides are read and written along their rows. Column 0
// is the ones; column j + 1 holds channel j.
template <typename T>
__global__ void __launch_bounds__(block_threads)
    factor_rows(Rows<const T> from, std::size_t rows, std::size_t cols, const double* shift, double* to,
                std::size_t ld) {
    __shared__ double values[tile][tile + 1];  // [rows, channels]
    const std::size_t channel = std::size_t{blockIdx.y} * tile, lane = threadIdx.x % tile;
    for (std::size_t top = std::size_t{blockIdx.x} * tile; top < rows; top += std::size_t{gridDim.x} * tile) {
        for (std::size_t i = threadIdx.x / tile; i < tile; i += tile_rows) {
            if (top + i < rows && channel + lane < cols) {
                values[i][lane] =
                    static_cast<double>(widen(*from.at(top + i, channel + lane))) - shift[channel + lane];
            }
        }
        __syncthreads();
        for (std::size_t j = threadIdx.x / tile; j < tile; j += tile_rows) {
            if (top + lane >= rows) continue;
            if (channel + j < cols) to[(channel + j + 1) * ld + top + lane] = values[lane][j];
            if (channel + j == 0) to[top + lane] = 1.0;
        }
        __syncthreads();
    }
}

}  // namespace

std::size_t element_bytes(Element element) {
    std::size_t bytes = 0;
    with_type(element, [&](auto* type) { bytes = sizeof(*type); });
    return bytes;
}

void from_float(const Launch& at, const float* values, View to) {
    convert_in(at, values, to);
}
void from_double(const Launch& at, const double* values, View to) {
    convert_in(at, values, to);
}

void to_double(const Launch& at, View from, double* values) {
    with_type(at.element, [&](auto* type) {
        using T = std::remove_pointer_t<decltype(type)>;
        convert<T, double>(at, "converting values", from.data, from.stride, values, from.cols, from.rows,
                           from.cols);
    });
}

void to_factor_rows(const Launch& at, View rows, const double* shift, double* to, std::size_t ld) {
    if (rows.rows == 0) return;
    constexpr std::size_t most = 256;
    const std::size_t down = (rows.rows + tile - 1) / tile;
    const std::size_t across = std::max<std::size_t>(1, (rows.cols + tile - 1) / tile);
    const dim3 grid(static_cast<unsigned>(std::min(down, most)), static_cast<unsigned>(across));
    with_type(at.element, [&](auto* type) {
        using T = std::remove_pointer_t<decltype(type)>;
        launch(at.stream, grid, dim3(block_threads), "rows of a factorisation", factor_rows<T>,
               Rows<const T>(rows), rows.rows, rows.cols, shift, to, ld);
    });
}

}  // namespace deadscope::cuda
