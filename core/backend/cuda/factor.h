// Factors on the device in f64: the triangular factor of rows that stay there, panel by panel (math.md §2),
// and the whole SVD of such a factor, by cuSOLVER.
#pragma once

#include <cusolverDn.h>

#include <memory>
#include <vector>

#include "core/backend/cuda/context.h"

namespace deadscope::cuda {

// cuSOLVER's handle with its workspace. Thread rule: one thread at a time.
class Solver {
public:
    explicit Solver(Context& context);
    ~Solver();
    Solver(const Solver&) = delete;
    Solver& operator=(const Solver&) = delete;

    cusolverDnHandle_t handle() const { return handle_; }
    double* workspace(int doubles);
    int* info() const { return info_.as<int>(); }  // one int on the device

private:
    Context& context_;
    cusolverDnHandle_t handle_ = nullptr;
    DeviceMemory workspace_, info_;
};

std::unique_ptr<RowFactor> make_row_factor(Context& context, Solver& solver, std::size_t width);

// Singular values (descending) and right singular vectors as rows of r [d, d] row-major; vectors may be null.
// False where it did not converge.
bool whole_svd(Context& context, Solver& solver, const std::vector<double>& r, std::size_t d,
               std::vector<double>& values, std::vector<double>* vectors);

}  // namespace deadscope::cuda
