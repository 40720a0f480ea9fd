// See factor.h. Rows gather in a work matrix whose top rows are kept free. When it is full, each panel of R's
// rows is laid on top of them in turn: a QR of the tall panel, its reflectors on the columns behind it, and
// the top rows go back as R's. R's zeros are not touched, and no step is long.
#include "core/backend/cuda/factor.h"

#include <algorithm>
#include <cassert>
#include <limits>

#include "core/backend/cuda/triangle.h"

namespace deadscope::cuda {
namespace {

constexpr std::size_t kPanel = 128;                        // columns
constexpr std::size_t kLeastRows = 256, kMostRows = 2048;  // factored at a time

int size(std::size_t value) {
    assert(value <= static_cast<std::size_t>(std::numeric_limits<int>::max()));
    return static_cast<int>(value);
}

class CudaRowFactor final : public RowFactor {
public:
    CudaRowFactor(Context& context, Solver& solver, std::size_t width)
        : context_(context),
          solver_(solver),
          d_(width),
          n_(width + 1),
          panel_(std::min(kPanel, n_)),
          capacity_(std::clamp(2 * n_, kLeastRows, kMostRows)),
          ld_(panel_ + capacity_),
          r_(context.scratch(n_ * n_ * sizeof(double))),
          work_(context.scratch(ld_ * n_ * sizeof(double))),
          tau_(context.scratch(panel_ * sizeof(double))),
          shift_(context.scratch(std::max<std::size_t>(d_, 1) * sizeof(double))) {
        check(cudaMemsetAsync(r_.as<void>(), 0, n_ * n_ * sizeof(double), context_.compute()),
              "a factor was begun");
    }

    void add(const Matrix& rows) override {
        assert(rows.cols == d_);
        if (rows.rows == 0) return;
        if (rows_ == 0)
            to_double(context_.begin(Cost{}), context_.view(rows.row_range(0, 1)), shift_.as<double>());
        for (std::size_t first = 0; first < rows.rows;) {
            const std::size_t count = std::min(rows.rows - first, capacity_ - waiting_);
            const Matrix some = rows.row_range(first, count);
            to_factor_rows(context_.begin({.bytes = context_.bytes_of(some) + 8.0 * double_of(count * n_)}),
                           context_.view(some), shift_.as<double>(), work_.as<double>() + panel_ + waiting_,
                           ld_);
            waiting_ += count;
            first += count;
            rows_ += count;
            if (waiting_ == capacity_) flush();
        }
    }

    Parts parts() override {
        context_.use();
        flush();
        Parts parts{.rows = rows_, .shift = std::vector<double>(d_), .r = std::vector<double>(n_ * n_)};
        if (rows_ == 0) return parts;
        const auto fetch = [&](const DeviceMemory& from, std::vector<double>& to) {
            check(cudaMemcpyAsync(to.data(), from.as<double>(), to.size() * sizeof(double),
                                  cudaMemcpyDeviceToHost, context_.compute()),
                  "a factor was fetched");
        };
        fetch(r_, parts.r);
        fetch(shift_, parts.shift);
        context_.wait();
        return parts;
    }

private:
    static double double_of(std::size_t value) { return static_cast<double>(value); }

    void flush() {
        for (std::size_t first = 0; waiting_ > 0 && first < n_; first += panel_) absorb(first);
        waiting_ = 0;
    }

    // The panel of columns and rows of R from `first` on.
    void absorb(std::size_t first) {
        const std::size_t width = std::min(panel_, n_ - first), behind = n_ - first - width;
        // The panel's rows stand directly above the rows that wait.
        double* top = work_.as<double>() + first * ld_ + panel_ - width;
        double* ours = r_.as<double>() + first * n_ + first;
        const std::size_t height = width + waiting_;
        const Launch launch = context_.begin(
            {.operations = 2.0 * double_of(height) * double_of(width) * double_of(width + 2 * behind),
             .doubles = true});
        const auto move = [&](double* to, std::size_t to_ld, const double* from, std::size_t from_ld) {
            check(cudaMemcpy2DAsync(to, to_ld * sizeof(double), from, from_ld * sizeof(double),
                                    width * sizeof(double), width + behind, cudaMemcpyDeviceToDevice,
                                    launch.stream),
                  "a factor was moved");
        };
        move(top, ld_, ours, n_);
        const cusolverDnHandle_t handle = solver_.handle();
        int needed = 0;
        check(cusolverDnDgeqrf_bufferSize(handle, size(height), size(width), top, size(ld_), &needed),
              "rows were factored");
        check(cusolverDnDgeqrf(handle, size(height), size(width), top, size(ld_), tau_.as<double>(),
                               solver_.workspace(needed), needed, solver_.info()),
              "rows were factored");
        if (behind > 0) {
            double* rest = top + width * ld_;
            check(cusolverDnDormqr_bufferSize(handle, CUBLAS_SIDE_LEFT, CUBLAS_OP_T, size(height),
                                              size(behind), size(width), top, size(ld_), tau_.as<double>(),
                                              rest, size(ld_), &needed),
                  "rows were factored");
            check(cusolverDnDormqr(handle, CUBLAS_SIDE_LEFT, CUBLAS_OP_T, size(height), size(behind),
                                   size(width), top, size(ld_), tau_.as<double>(), rest, size(ld_),
                                   solver_.workspace(needed), needed, solver_.info()),
                  "rows were factored");
        }
        move(ours, n_, top, ld_);
        clear_below_diagonal(launch, ours, width, n_);  // where the reflectors were
    }

    Context& context_;
    Solver& solver_;
    std::size_t d_, n_;             // n_ = d_ + 1: the ones, then the channels
    std::size_t panel_, capacity_;  // columns of a panel; rows factored at a time
    std::size_t ld_;
    DeviceMemory r_;      // [n_, n_] upper triangular, column-major
    DeviceMemory work_;   // [panel_ + capacity_, n_] column-major: room for a panel of R, then rows
    DeviceMemory tau_;    // [panel_]
    DeviceMemory shift_;  // [d_]
    std::size_t waiting_ = 0, rows_ = 0;
};

}  // namespace

Solver::Solver(Context& context) : context_(context), info_(context.scratch(sizeof(int))) {
    check(cusolverDnCreate(&handle_), "cuSOLVER was started");
    check(cusolverDnSetStream(handle_, context.compute()), "cuSOLVER was started");
}

Solver::~Solver() {
    if (handle_ != nullptr) (void)cusolverDnDestroy(handle_);
}

double* Solver::workspace(int doubles) {
    const std::size_t bytes = static_cast<std::size_t>(std::max(doubles, 1)) * sizeof(double);
    if (workspace_.bytes() < bytes) {
        workspace_.reset();
        workspace_ = context_.scratch(bytes);
    }
    return workspace_.as<double>();
}

std::unique_ptr<RowFactor> make_row_factor(Context& context, Solver& solver, std::size_t width) {
    context.use();
    return std::make_unique<CudaRowFactor>(context, solver, width);
}

// Column-major, what is given is rᵀ, whose left singular vectors are r's right ones; they come as columns,
// which are the rows asked for.
bool whole_svd(Context& context, Solver& solver, const std::vector<double>& r, std::size_t d,
               std::vector<double>& values, std::vector<double>* vectors) {
    assert(d > 0 && r.size() == d * d);
    const double n = static_cast<double>(d);
    (void)context.begin({.operations = 20.0 * n * n * n, .doubles = true});
    const DeviceMemory a = context.upload(std::span<const double>(r)),
                       s = context.scratch(d * sizeof(double));
    const DeviceMemory u = context.scratch((vectors != nullptr ? d * d : 1) * sizeof(double));
    int needed = 0;
    check(cusolverDnDgesvd_bufferSize(solver.handle(), size(d), size(d), &needed), "a spectrum was computed");
    check(cusolverDnDgesvd(solver.handle(), vectors != nullptr ? 'A' : 'N', 'N', size(d), size(d),
                           a.as<double>(), size(d), s.as<double>(), u.as<double>(), size(d), nullptr, size(d),
                           solver.workspace(needed), needed, nullptr, solver.info()),
          "a spectrum was computed");
    int info = 0;
    values.resize(d);
    const auto fetch = [&](void* to, const void* from, std::size_t bytes) {
        check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, context.compute()),
              "a spectrum was fetched");
    };
    fetch(&info, solver.info(), sizeof info);
    fetch(values.data(), s.as<void>(), d * sizeof(double));
    if (vectors != nullptr) {
        vectors->resize(d * d);
        fetch(vectors->data(), u.as<void>(), d * d * sizeof(double));
    }
    context.wait();
    return info == 0;
}

}  // namespace deadscope::cuda
