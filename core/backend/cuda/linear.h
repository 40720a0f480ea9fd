// Products of matrices by cuBLASLt, in the arithmetic of the element: f64; f32 (TF32 only where asked);
// bf16 and f16 with sums in f32. Rows and shapes are the caller's to check.
#pragma once

#include <cublasLt.h>

#include <cstdint>
#include <map>
#include <memory>
#include <tuple>

#include "core/backend/cuda/context.h"

namespace deadscope::cuda {

// Thread rule: one thread at a time.
class Products {
public:
    Products(Context& context, bool tf32);
    ~Products();
    Products(const Products&) = delete;
    Products& operator=(const Products&) = delete;

    // y [m, n] = x [m, k] wᵀ + bias, w [n, k]; stored_in_out: x w + bias, w [k, n]. bias: data null or [1,
    // n].
    void multiply(const Launch& launch, View x, View w, bool stored_in_out, View bias, View y);

private:
    // What a plan depends on; alignments are those of the addresses, which the fast kernels need.
    struct Shape {
        std::size_t m, n, k, x_stride, w_stride, y_stride;
        bool stored_in_out, bias;
        std::uint32_t x_align, w_align, y_align, bias_align;
        auto operator<=>(const Shape&) const = default;
    };
    struct Plan;
    Plan& plan_for(const Shape& shape, const void* bias);
    std::unique_ptr<Plan> make_plan(const Shape& shape, const void* bias);

    Context& context_;
    bool tf32_;
    cublasLtHandle_t handle_ = nullptr;
    DeviceMemory workspace_;
    std::map<Shape, std::unique_ptr<Plan>> plans_;
};

}  // namespace deadscope::cuda
