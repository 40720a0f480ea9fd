// See triangle.h.
#include "core/backend/cuda/triangle.h"

#include "core/backend/cuda/device_code.h"

namespace deadscope::cuda {
namespace {

struct ClearBelow {
    double* a;
    std::size_t ld;
    template <int>
    __device__ void run(std::size_t col, std::size_t row) const {  // a column-major matrix's rows are columns
        if (row > col) a[col * ld + row] = 0.0;
    }
};

}  // namespace

void clear_below_diagonal(const Launch& to, double* a, std::size_t n, std::size_t ld) {
    launch_each<1>(to.stream, n, n, "a factor was cleared", ClearBelow{a, ld});
}

}  // namespace deadscope::cuda
