// Calls of LAPACKE and CBLAS. Sizes are checked against the library's int once, here.
#include "core/spectra/lapack.h"

#include <cblas.h>
#include <lapacke.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "core/base/error.h"
#include "core/base/single_threaded_blas.h"

// LAPACK's Fortran joins the letters of options (SIDE // TRANS) by this function, the only one of GNU
// Fortran's library that the program needs. It is here so that libgfortran and libquadmath are not loaded at
// every start; a LAPACK that needs more of that library gets it from there. By the compiler's convention
// lengths stand before the texts, and what is left of `to` is filled with blanks.
extern "C" void _gfortran_concat_string(std::size_t to_length, char* to, std::size_t first_length,
                                        const char* first, std::size_t second_length, const char* second) {
    char* const end = to + to_length;
    to = std::copy_n(first, std::min(first_length, to_length), to);
    to = std::copy_n(second, std::min(second_length, static_cast<std::size_t>(end - to)), to);
    std::fill(to, end, ' ');
}

namespace deadscope::lapack {

namespace {

// From this width on, the products inside an SVD are large enough for several threads to win.
constexpr std::size_t kThreadedSvd = 1024;

struct FactorThreads {
    explicit FactorThreads(std::size_t n) {
        if (n < kThreadedSvd)
            one.emplace();
        else
            several.emplace();
    }
    std::optional<SingleThreadedBlas> one;
    std::optional<ThreadedBlas> several;
};

lapack_int size(std::size_t n) {
    if (n > static_cast<std::size_t>(std::numeric_limits<lapack_int>::max()))
        throw Error::resource("a matrix is too large for the linear algebra library");
    return static_cast<lapack_int>(n);
}

}  // namespace

void qr_append(std::vector<double>& r, std::size_t n, std::vector<double>& rows, std::size_t count,
               std::size_t stride, std::size_t block) {
    const SingleThreadedBlas single;
    std::vector<double> reflectors(block * n);
    std::vector<double> work(block * n);
    const lapack_int info =
        LAPACKE_dtpqrt_work(LAPACK_COL_MAJOR, size(count), size(n), 0, size(block), r.data(), size(n),
                            rows.data(), size(stride), reflectors.data(), size(block), work.data());
    if (info != 0) throw Error::resource("the QR factorisation was refused by the linear algebra library");
}

bool svd(std::vector<double>& a, std::size_t n, std::vector<double>& values, std::vector<double>* vectors) {
    // Row-major A is column-major Aᵀ = U S Wᵀ, so the columns of U are A's right singular vectors: rows of
    // what we return.
    const FactorThreads threads(n);
    values.assign(n, 0.0);
    const lapack_int size_n = size(n);
    std::vector<double> copy = a, left, right;
    if (vectors) {
        left.resize(n * n);
        right.resize(n * n);
    }
    const char job = vectors ? 'S' : 'N';
    lapack_int info = LAPACKE_dgesdd(LAPACK_COL_MAJOR, job, size_n, size_n, copy.data(), size_n,
                                     values.data(), left.data(), size_n, right.data(), size_n);
    if (info != 0) {
        std::vector<double> unconverged(n);
        info = LAPACKE_dgesvd(LAPACK_COL_MAJOR, job, 'N', size_n, size_n, a.data(), size_n, values.data(),
                              left.data(), size_n, right.data(), size_n, unconverged.data());
    }
    if (info != 0) return false;
    if (vectors) *vectors = std::move(left);
    return true;
}

bool svd_wide(std::vector<double>& a, std::size_t m, std::size_t d, std::vector<double>& values,
              std::vector<double>* vectors) {
    // Row-major [m, d] is column-major [d, m] = Aᵀ = U S Wᵀ: as in svd(), the columns of U are what we
    // return.
    const FactorThreads threads(m);
    values.assign(m, 0.0);
    const lapack_int rows = size(d), columns = size(m);
    std::vector<double> copy = a, left, right;
    if (vectors) {
        left.resize(d * m);
        right.resize(m * m);
    }
    const char job = vectors ? 'S' : 'N';
    lapack_int info = LAPACKE_dgesdd(LAPACK_COL_MAJOR, job, rows, columns, copy.data(), rows, values.data(),
                                     left.data(), rows, right.data(), columns);
    if (info != 0) {
        std::vector<double> unconverged(m);
        info = LAPACKE_dgesvd(LAPACK_COL_MAJOR, job, 'N', rows, columns, a.data(), rows, values.data(),
                              left.data(), rows, right.data(), columns, unconverged.data());
    }
    if (info != 0) return false;
    if (vectors) *vectors = std::move(left);
    return true;
}

WideQr wide_qr(std::vector<double> a, std::size_t m, std::size_t d) {
    const FactorThreads threads(m);
    WideQr out{.m = m, .d = d, .packed = std::move(a), .scales = std::vector<double>(m)};
    const lapack_int info =
        LAPACKE_dgeqrf(LAPACK_COL_MAJOR, size(d), size(m), out.packed.data(), size(d), out.scales.data());
    if (info != 0) throw Error::resource("the QR factorisation was refused by the linear algebra library");
    return out;
}

std::vector<double> WideQr::triangle() const {
    std::vector<double> r(m * m, 0.0);  // column j of R lies in row j of `packed`
    for (std::size_t i = 0; i < m; ++i)
        for (std::size_t j = i; j < m; ++j) r[i * m + j] = packed[j * d + i];
    return r;
}

void WideQr::apply(std::vector<double>& x) const {
    const SingleThreadedBlas single;
    const lapack_int info = LAPACKE_dormqr(LAPACK_COL_MAJOR, 'L', 'N', size(d), 1, size(m), packed.data(),
                                           size(d), scales.data(), x.data(), size(d));
    if (info != 0) throw Error::resource("the QR factorisation was refused by the linear algebra library");
}

bool largest_tridiagonal(std::vector<double> diagonal, std::vector<double> off, double& value,
                         std::vector<double>& vector) {
    const lapack_int n = size(diagonal.size());
    off.resize(diagonal.size());
    vector.assign(diagonal.size(), 0.0);
    lapack_int found = 0;
    std::vector<double> values(diagonal.size());
    std::vector<lapack_int> support(2);
    const lapack_int info =
        LAPACKE_dstevr(LAPACK_COL_MAJOR, 'V', 'I', n, diagonal.data(), off.data(), 0.0, 0.0, n, n, 0.0,
                       &found, values.data(), vector.data(), n, support.data());
    if (info != 0 || found != 1) return false;
    value = values[0];
    return true;
}

void take_off(const std::vector<double>& basis, std::size_t count, std::size_t n, std::vector<double>& x) {
    const SingleThreadedBlas single;
    std::vector<double> along(count);
    cblas_dgemv(CblasRowMajor, CblasNoTrans, size(count), size(n), 1.0, basis.data(), size(n), x.data(), 1,
                0.0, along.data(), 1);
    cblas_dgemv(CblasRowMajor, CblasTrans, size(count), size(n), -1.0, basis.data(), size(n), along.data(), 1,
                1.0, x.data(), 1);
}

void apply(Triangular what, const std::vector<double>& r, std::size_t n, std::vector<double>& x) {
    const bool transposed = what == Triangular::solve_transposed || what == Triangular::multiply_transposed;
    const bool solve = what == Triangular::solve || what == Triangular::solve_transposed;
    const auto call = solve ? cblas_dtrsv : cblas_dtrmv;
    const SingleThreadedBlas single;
    call(CblasRowMajor, CblasUpper, transposed ? CblasTrans : CblasNoTrans, CblasNonUnit, size(n), r.data(),
         size(n), x.data(), 1);
}

}  // namespace deadscope::lapack
