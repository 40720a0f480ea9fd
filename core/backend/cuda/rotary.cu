// Rotary positions: pairs of channels of each head turned by the angles of a table that the host code made.
#include "core/backend/cuda/device_code.h"

namespace deadscope::cuda {
namespace {

// Column `col` of the call is pair col % half of head col / half.
template <typename T>
struct Rotate {
    using A = Arithmetic<T>;
    const A *cosine, *sine;        // [positions, half]
    const std::int32_t* position;  // [rows]
    unsigned half;
    std::size_t first, head_dim, step, other;
    Rows<T> x;
    template <int>
    __device__ void run(std::size_t row, std::size_t col) const {
        // A division of 64 bits would take longer than all the rest.
        const unsigned head = static_cast<unsigned>(col) / half, pair = static_cast<unsigned>(col) % half;
        const std::size_t angle = static_cast<std::size_t>(position[row]) * half + pair;
        T* at = x.at(row, head * head_dim + first + pair * step);
        const A a = widen(at[0]), b = widen(at[other]);
        at[0] = Narrow<T>::of(a * cosine[angle] - b * sine[angle]);
        at[other] = Narrow<T>::of(b * cosine[angle] + a * sine[angle]);
    }
};

}  // namespace

void rotary(const Launch& at, const void* cosine, const void* sine, std::size_t first, std::size_t dims,
            bool interleaved, std::size_t head_dim, const std::int32_t* position, View x) {
    const std::size_t half = dims / 2;
    if (half == 0) return;
    with_type(at.element, [&](auto* type) {
        using T = std::remove_pointer_t<decltype(type)>;
        using A = Arithmetic<T>;
        const std::size_t step = interleaved ? 2 : 1, other = interleaved ? 1 : half;
        launch_each<1>(at.stream, x.rows, x.cols / head_dim * half, "rotary positions",
                       Rotate<T>{static_cast<const A*>(cosine), static_cast<const A*>(sine), position,
                                 static_cast<unsigned>(half), first, head_dim, step, other, Rows<T>(x)});
    });
}

}  // namespace deadscope::cuda
