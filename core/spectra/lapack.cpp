// Calls of LAPACKE and CBLAS. Sizes are checked against the library's int once, here.
#include "core/spectra/lapack.h"

#include <cblas.h>
#include <lapacke.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "core/base/error.h"
#include "core/base/magnitude.h"
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

// A power of two that keeps squares of the values from over- and underflowing.
double safe_scale(const std::vector<double>& a) {
    const double most = largest_magnitude(a);
    if (most == 0.0 || (most > 1e-130 && most < 1e130)) return 1.0;
    return std::ldexp(1.0, -std::clamp(std::ilogb(most), -1000, 1000));
}

// Where divide and conquer did not converge.
bool svd_by_qr(std::vector<double>& a, std::size_t n, std::vector<double>& values,
               std::vector<double>* vectors) {
    std::vector<double> left(vectors ? n * n : 0), unconverged(n);
    const lapack_int size_n = size(n);
    if (LAPACKE_dgesvd(LAPACK_COL_MAJOR, vectors ? 'S' : 'N', 'N', size_n, size_n, a.data(), size_n,
                       values.data(), left.data(), size_n, nullptr, size_n, unconverged.data()) != 0)
        return false;
    if (vectors) *vectors = std::move(left);
    return true;
}

}  // namespace

bool svd(std::vector<double>& a, std::size_t n, std::vector<double>& values, std::vector<double>* vectors) {
    // Row-major A is column-major Aᵀ = U S Wᵀ, so the columns of U are A's right singular vectors: rows of
    // what we return. This is dgesdd without its W, and with columns that do not all begin in the same lines
    // of the cache, as they do where n is a power of two.
    const FactorThreads threads(n);
    const std::size_t stride = ((n + 7) / 8 | 1) * 8;
    const lapack_int size_n = size(n), size_stride = size(stride);
    const double by = safe_scale(a);
    std::vector<double> copy(n * stride), off(n), left_scales(n), right_scales(n), left, right;
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < n; ++j) copy[i * stride + j] = a[i * n + j] * by;
    if (vectors) {
        left.resize(n * stride);
        right.resize(n * stride);
    }
    values.assign(n, 0.0);
    double unused = 0.0;
    lapack_int unused_too = 0;
    lapack_int info = LAPACKE_dgebrd(LAPACK_COL_MAJOR, size_n, size_n, copy.data(), size_stride,
                                     values.data(), off.data(), left_scales.data(), right_scales.data());
    if (info == 0)
        info = LAPACKE_dbdsdc(LAPACK_COL_MAJOR, 'U', vectors ? 'I' : 'N', size_n, values.data(), off.data(),
                              left.data(), size_stride, right.data(), size_stride, &unused, &unused_too);
    right = {};
    if (info != 0) return svd_by_qr(a, n, values, vectors);
    for (double& value : values) value /= by;
    if (!vectors) return true;
    info = LAPACKE_dormbr(LAPACK_COL_MAJOR, 'Q', 'L', 'N', size_n, size_n, size_n, copy.data(), size_stride,
                          left_scales.data(), left.data(), size_stride);
    if (info != 0) return false;
    for (std::size_t i = 1; i < n; ++i) std::copy_n(left.data() + i * stride, n, left.data() + i * n);
    left.resize(n * n);
    *vectors = std::move(left);
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

}  // namespace deadscope::lapack
