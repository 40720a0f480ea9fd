// cuBLASLt's product and cuSOLVER's factors under emulation, beside their definitions.
#include <cublasLt.h>
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>
#include <cusolverDn.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "core/base/philox.h"
#include "tests/emulation/emulation.h"

namespace deadscope::testing {
namespace {

namespace emu = deadscope_emulation;

std::size_t bytes_of(cudaDataType type) {
    return type == CUDA_R_64F ? 8 : type == CUDA_R_32F ? 4 : 2;
}

// Numbers of one type on the device.
class Array {
public:
    Array(cudaDataType type, const std::vector<double>& values) : type_(type), count_(values.size()) {
        std::vector<std::byte> bytes(count_ * bytes_of(type));
        for (std::size_t i = 0; i < count_; ++i) put(bytes.data() + i * bytes_of(type), values[i]);
        EXPECT_EQ(cudaMalloc(&data_, bytes.size()), cudaSuccess);
        EXPECT_EQ(cudaMemcpy(data_, bytes.data(), bytes.size(), cudaMemcpyHostToDevice), cudaSuccess);
    }
    ~Array() { cudaFree(data_); }
    Array(const Array&) = delete;
    Array& operator=(const Array&) = delete;
    void* data() const { return data_; }
    double* doubles() const { return static_cast<double*>(data_); }
    std::vector<double> values() const {
        std::vector<std::byte> bytes(count_ * bytes_of(type_));
        EXPECT_EQ(cudaMemcpy(bytes.data(), data_, bytes.size(), cudaMemcpyDeviceToHost), cudaSuccess);
        std::vector<double> result(count_);
        for (std::size_t i = 0; i < count_; ++i) result[i] = get(bytes.data() + i * bytes_of(type_));
        return result;
    }

private:
    void put(std::byte* at, double value) const {
        const auto store = [&](auto x) { std::memcpy(at, &x, sizeof x); };
        if (type_ == CUDA_R_64F) store(value);
        if (type_ == CUDA_R_32F) store(static_cast<float>(value));
        if (type_ == CUDA_R_16F) store(__double2half(value));
        if (type_ == CUDA_R_16BF) store(__double2bfloat16(value));
    }
    double get(const std::byte* at) const {
        const auto load = [&](auto x) {
            std::memcpy(&x, at, sizeof x);
            return static_cast<double>(static_cast<float>(x));
        };
        if (type_ == CUDA_R_64F) {
            double x = 0;
            std::memcpy(&x, at, sizeof x);
            return x;
        }
        return type_ == CUDA_R_32F   ? load(float{})
               : type_ == CUDA_R_16F ? load(__half{})
                                     : load(__nv_bfloat16{});
    }

    cudaDataType type_;
    std::size_t count_;
    void* data_ = nullptr;
};

// Small integers: exact in every type and order of summation.
std::vector<double> integers(std::size_t count, const char* name) {
    const Philox stream(3, name);
    std::vector<double> result(count);
    for (std::size_t i = 0; i < count; ++i) result[i] = std::round(stream.normal(i));
    return result;
}

class Libraries : public ::testing::Test {
protected:
    void SetUp() override {
        emu::reset();
        ASSERT_EQ(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), cudaSuccess);
        ASSERT_EQ(cublasLtCreate(&lt_), CUBLAS_STATUS_SUCCESS);
        ASSERT_EQ(cusolverDnCreate(&solver_), CUSOLVER_STATUS_SUCCESS);
        ASSERT_EQ(cusolverDnSetStream(solver_, stream_), CUSOLVER_STATUS_SUCCESS);
    }
    void TearDown() override {
        cublasLtDestroy(lt_);
        cusolverDnDestroy(solver_);
        cudaStreamDestroy(stream_);
        emu::reset();
        EXPECT_EQ(emu::counters().allocations, 0u);
    }
    cudaStream_t stream_ = nullptr;
    cublasLtHandle_t lt_ = nullptr;
    cusolverDnHandle_t solver_ = nullptr;
};

// d = alpha op(a) op(b) + beta c + bias: one case of the product below.
struct Case {
    cudaDataType in, out;
    cublasComputeType_t compute;
    cublasOperation_t ta, tb;
    cublasLtOrder_t order_a, order_d;
    bool bias;
    double beta;
};

struct Layouts {
    cublasLtMatrixLayout_t a = nullptr, b = nullptr, d = nullptr;
    ~Layouts() {
        for (cublasLtMatrixLayout_t layout : {a, b, d}) cublasLtMatrixLayoutDestroy(layout);
    }
};

class Product : public Libraries, public ::testing::WithParamInterface<Case> {};

constexpr std::size_t m = 7, n = 5, k = 11, pad = 3;

TEST_P(Product, IsItsDefinition) {
    const Case& p = GetParam();
    const bool ta = p.ta == CUBLAS_OP_T, tb = p.tb == CUBLAS_OP_T;
    const std::size_t a_rows = ta ? k : m, a_cols = ta ? m : k, b_rows = tb ? n : k, b_cols = tb ? k : n;
    const std::size_t lda = (p.order_a == CUBLASLT_ORDER_ROW ? a_cols : a_rows) + pad, ldb = b_rows + pad;
    const std::size_t ldd = (p.order_d == CUBLASLT_ORDER_ROW ? n : m) + pad;
    const std::vector<double> av = integers(lda * 20, "a"), bv = integers(ldb * 20, "b"),
                              dv = integers(ldd * 20, "d"), biasv = integers(m, "bias");
    const Array a(p.in, av), b(p.in, bv), d(p.out, dv), bias(p.out, biasv);

    cublasLtMatmulDesc_t desc = nullptr;
    const bool doubles = p.in == CUDA_R_64F;
    ASSERT_EQ(cublasLtMatmulDescCreate(&desc, p.compute, doubles ? CUDA_R_64F : CUDA_R_32F),
              CUBLAS_STATUS_SUCCESS);
    cublasLtMatmulDescSetAttribute(desc, CUBLASLT_MATMUL_DESC_TRANSA, &p.ta, sizeof p.ta);
    cublasLtMatmulDescSetAttribute(desc, CUBLASLT_MATMUL_DESC_TRANSB, &p.tb, sizeof p.tb);
    const cublasLtEpilogue_t epilogue = p.bias ? CUBLASLT_EPILOGUE_BIAS : CUBLASLT_EPILOGUE_DEFAULT;
    const void* bias_data = bias.data();
    cublasLtMatmulDescSetAttribute(desc, CUBLASLT_MATMUL_DESC_EPILOGUE, &epilogue, sizeof epilogue);
    cublasLtMatmulDescSetAttribute(desc, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias_data, sizeof bias_data);
    Layouts layouts;
    cublasLtMatrixLayoutCreate(&layouts.a, p.in, a_rows, a_cols, static_cast<std::int64_t>(lda));
    cublasLtMatrixLayoutCreate(&layouts.b, p.in, b_rows, b_cols, static_cast<std::int64_t>(ldb));
    cublasLtMatrixLayoutCreate(&layouts.d, p.out, m, n, static_cast<std::int64_t>(ldd));
    cublasLtMatrixLayoutSetAttribute(layouts.a, CUBLASLT_MATRIX_LAYOUT_ORDER, &p.order_a, sizeof p.order_a);
    cublasLtMatrixLayoutSetAttribute(layouts.d, CUBLASLT_MATRIX_LAYOUT_ORDER, &p.order_d, sizeof p.order_d);

    const double alpha = 2.0, beta = p.beta;
    const float alpha_f = 2.0f, beta_f = static_cast<float>(p.beta);
    ASSERT_EQ(
        cublasLtMatmul(lt_, desc, doubles ? static_cast<const void*>(&alpha) : &alpha_f, a.data(), layouts.a,
                       b.data(), layouts.b, doubles ? static_cast<const void*>(&beta) : &beta_f, d.data(),
                       layouts.d, d.data(), layouts.d, nullptr, nullptr, 0, stream_),
        CUBLAS_STATUS_SUCCESS);
    ASSERT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
    cublasLtMatmulDescDestroy(desc);

    std::vector<double> expected = dv;
    const auto at = [](cublasLtOrder_t order, std::size_t ld, std::size_t row, std::size_t col) {
        return order == CUBLASLT_ORDER_ROW ? row * ld + col : col * ld + row;
    };
    for (std::size_t i = 0; i < m; ++i) {
        for (std::size_t j = 0; j < n; ++j) {
            double sum = 0;
            for (std::size_t l = 0; l < k; ++l) {
                sum += av[ta ? at(p.order_a, lda, l, i) : at(p.order_a, lda, i, l)] *
                       bv[tb ? l * ldb + j : j * ldb + l];
            }
            double& out = expected[at(p.order_d, ldd, i, j)];
            out = alpha * sum + beta * out + (p.bias ? biasv[i] : 0.0);
        }
    }
    EXPECT_EQ(d.values(), expected);  // what lies between the columns too
}

INSTANTIATE_TEST_SUITE_P(
    Types, Product,
    ::testing::Values(Case{CUDA_R_32F, CUDA_R_32F, CUBLAS_COMPUTE_32F, CUBLAS_OP_N, CUBLAS_OP_N,
                           CUBLASLT_ORDER_COL, CUBLASLT_ORDER_COL, false, 0},
                      Case{CUDA_R_32F, CUDA_R_32F, CUBLAS_COMPUTE_32F, CUBLAS_OP_T, CUBLAS_OP_N,
                           CUBLASLT_ORDER_COL, CUBLASLT_ORDER_COL, true, 1},
                      Case{CUDA_R_32F, CUDA_R_32F, CUBLAS_COMPUTE_32F_FAST_TF32, CUBLAS_OP_T, CUBLAS_OP_T,
                           CUBLASLT_ORDER_ROW, CUBLASLT_ORDER_COL, true, 0},
                      Case{CUDA_R_64F, CUDA_R_64F, CUBLAS_COMPUTE_64F, CUBLAS_OP_N, CUBLAS_OP_T,
                           CUBLASLT_ORDER_ROW, CUBLASLT_ORDER_ROW, true, 0.5},
                      Case{CUDA_R_64F, CUDA_R_64F, CUBLAS_COMPUTE_64F, CUBLAS_OP_T, CUBLAS_OP_N,
                           CUBLASLT_ORDER_ROW, CUBLASLT_ORDER_COL, false, 0},
                      Case{CUDA_R_16BF, CUDA_R_16BF, CUBLAS_COMPUTE_32F, CUBLAS_OP_T, CUBLAS_OP_N,
                           CUBLASLT_ORDER_COL, CUBLASLT_ORDER_COL, true, 0},
                      Case{CUDA_R_16BF, CUDA_R_32F, CUBLAS_COMPUTE_32F, CUBLAS_OP_N, CUBLAS_OP_N,
                           CUBLASLT_ORDER_COL, CUBLASLT_ORDER_ROW, false, 1},
                      Case{CUDA_R_16F, CUDA_R_16F, CUBLAS_COMPUTE_32F, CUBLAS_OP_T, CUBLAS_OP_N,
                           CUBLASLT_ORDER_COL, CUBLASLT_ORDER_COL, true, 0}));

// A small f32 product with what a test changes about it.
struct Plan {
    cublasLtMatmulDesc_t desc = nullptr;
    cublasLtMatmulPreference_t preference = nullptr;
    Layouts layouts;
    Array a{CUDA_R_32F, integers(64, "a")}, b{CUDA_R_32F, integers(64, "b")},
        d{CUDA_R_32F, integers(64, "d")};
    Plan() {
        cublasLtMatmulDescCreate(&desc, CUBLAS_COMPUTE_32F, CUDA_R_32F);
        cublasLtMatmulPreferenceCreate(&preference);
        for (cublasLtMatrixLayout_t* layout : {&layouts.a, &layouts.b, &layouts.d}) {
            cublasLtMatrixLayoutCreate(layout, CUDA_R_32F, 4, 4, 4);
        }
    }
    ~Plan() {
        cublasLtMatmulDescDestroy(desc);
        cublasLtMatmulPreferenceDestroy(preference);
    }
    cublasStatus_t choose(cublasLtHandle_t lt, cublasLtMatmulHeuristicResult_t& result) {
        int found = 0;
        return cublasLtMatmulAlgoGetHeuristic(lt, desc, layouts.a, layouts.b, layouts.d, layouts.d,
                                              preference, 1, &result, &found);
    }
    cublasStatus_t multiply(cublasLtHandle_t lt, cudaStream_t stream, const void* from,
                            const cublasLtMatmulAlgo_t* algo, void* workspace, std::size_t bytes) {
        const float one = 1, zero = 0;
        return cublasLtMatmul(lt, desc, &one, from, layouts.a, b.data(), layouts.b, &zero, d.data(),
                              layouts.d, d.data(), layouts.d, algo, workspace, bytes, stream);
    }
};

TEST_F(Libraries, AProductThatBreaksItsPlansPromisesIsRefused) {
    Plan plan;
    cublasLtMatmulHeuristicResult_t chosen{};
    const std::uint64_t offered = 1 << 20;
    ASSERT_EQ(cublasLtMatmulPreferenceSetAttribute(plan.preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                                                   &offered, sizeof offered),
              CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(cublasLtMatmulPreferenceSetAttribute(plan.preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                                                   &offered, 4),
              CUBLAS_STATUS_INVALID_VALUE);
    ASSERT_EQ(plan.choose(lt_, chosen), CUBLAS_STATUS_SUCCESS);
    ASSERT_GT(chosen.workspaceSize, 0u);
    const Array workspace(CUDA_R_64F, std::vector<double>(chosen.workspaceSize / 8));
    auto* const floats = static_cast<float*>(plan.a.data());
    const auto multiply = [&](const float* from, std::size_t bytes) {
        return plan.multiply(lt_, stream_, from, &chosen.algo, workspace.data(), bytes);
    };
    EXPECT_EQ(multiply(floats, chosen.workspaceSize), CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(multiply(floats + 1, chosen.workspaceSize), CUBLAS_STATUS_INVALID_VALUE);  // not aligned to 256
    EXPECT_EQ(multiply(floats, chosen.workspaceSize - 1), CUBLAS_STATUS_INVALID_VALUE);
    EXPECT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
    EXPECT_EQ(emu::counters().calls_of_libraries, 1u);

    cublasLtMatrixLayoutDestroy(plan.layouts.b);
    cublasLtMatrixLayoutCreate(&plan.layouts.b, CUDA_R_32F, 5, 4, 5);
    EXPECT_EQ(plan.choose(lt_, chosen), CUBLAS_STATUS_INVALID_VALUE);
    cublasLtMatrixLayoutDestroy(plan.layouts.b);
    cublasLtMatrixLayoutCreate(&plan.layouts.b, CUDA_R_16F, 4, 4, 4);
    EXPECT_EQ(plan.choose(lt_, chosen), CUBLAS_STATUS_NOT_SUPPORTED);
}

TEST_F(Libraries, MemoryThatIsNotTheDevicesLosesTheContext) {
    Plan plan;
    const std::vector<float> host(64);
    EXPECT_EQ(plan.multiply(lt_, stream_, host.data(), nullptr, nullptr, 0), CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(cudaStreamSynchronize(stream_), cudaErrorIllegalAddress);
    EXPECT_EQ(plan.multiply(lt_, stream_, plan.a.data(), nullptr, nullptr, 0),
              CUBLAS_STATUS_EXECUTION_FAILED);
    EXPECT_EQ(cudaDeviceReset(), cudaSuccess);
    // Past the end of what was allocated: 64 floats, of which 16 are read.
    EXPECT_EQ(plan.multiply(lt_, stream_, static_cast<float*>(plan.a.data()) + 49, nullptr, nullptr, 0),
              CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(cudaStreamSynchronize(stream_), cudaErrorIllegalAddress);
    EXPECT_EQ(cudaDeviceReset(), cudaSuccess);
    emu::fail_next(emu::Call::library, cudaErrorMemoryAllocation);
    EXPECT_EQ(plan.multiply(lt_, stream_, plan.a.data(), nullptr, nullptr, 0), CUBLAS_STATUS_ALLOC_FAILED);
    EXPECT_EQ(plan.multiply(lt_, stream_, plan.a.data(), nullptr, nullptr, 0), CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
}

// QᵀA = R and QᵀB by the same reflectors: the norms of A's columns and the products of A's with B's stay.
TEST_F(Libraries, ReflectorsKeepProducts) {
    constexpr int rows = 40, cols = 6, others = 3, ld = 43;
    const std::vector<double> av = integers(ld * cols, "a"), bv = integers(ld * others, "b");
    const Array a(CUDA_R_64F, av), b(CUDA_R_64F, bv), tau(CUDA_R_64F, std::vector<double>(cols));
    const Array work(CUDA_R_64F, std::vector<double>(4096)), info(CUDA_R_64F, {1.0});
    int lwork = 0;
    ASSERT_EQ(cusolverDnDgeqrf_bufferSize(solver_, rows, cols, a.doubles(), ld, &lwork),
              CUSOLVER_STATUS_SUCCESS);
    ASSERT_EQ(cusolverDnDgeqrf(solver_, rows, cols, a.doubles(), ld, tau.doubles(), work.doubles(), lwork - 1,
                               static_cast<int*>(info.data())),
              CUSOLVER_STATUS_INVALID_VALUE);
    ASSERT_EQ(cusolverDnDgeqrf(solver_, rows, cols, a.doubles(), ld, tau.doubles(), work.doubles(), lwork,
                               static_cast<int*>(info.data())),
              CUSOLVER_STATUS_SUCCESS);
    ASSERT_EQ(cusolverDnDormqr_bufferSize(solver_, CUBLAS_SIDE_LEFT, CUBLAS_OP_T, rows, others, cols,
                                          a.doubles(), ld, tau.doubles(), b.doubles(), ld, &lwork),
              CUSOLVER_STATUS_SUCCESS);
    ASSERT_EQ(cusolverDnDormqr(solver_, CUBLAS_SIDE_LEFT, CUBLAS_OP_T, rows, others, cols, a.doubles(), ld,
                               tau.doubles(), b.doubles(), ld, work.doubles(), lwork,
                               static_cast<int*>(info.data())),
              CUSOLVER_STATUS_SUCCESS);
    ASSERT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
    const std::vector<double> r = a.values(), qb = b.values();
    for (std::size_t i = 0; i < cols; ++i) {
        for (std::size_t j = 0; j < others; ++j) {
            double before = 0, after = 0;
            for (std::size_t l = 0; l < rows; ++l) before += av[i * ld + l] * bv[j * ld + l];
            for (std::size_t l = 0; l <= i; ++l) after += r[i * ld + l] * qb[j * ld + l];
            EXPECT_NEAR(after, before, 1e-16 * rows * rows * 10);  // eps · n · |a| |b|, entries of about 1
        }
    }
}

TEST_F(Libraries, SingularValuesOfADiagonal) {
    constexpr int d = 5;
    std::vector<double> values(d * d);
    for (std::size_t i = 0; i < d; ++i) values[i * d + (i + 2) % d] = static_cast<double>(i + 1);
    const Array a(CUDA_R_64F, values), s(CUDA_R_64F, std::vector<double>(d)),
        u(CUDA_R_64F, std::vector<double>(d * d));
    const Array work(CUDA_R_64F, std::vector<double>(4096)), info(CUDA_R_64F, {1.0});
    int lwork = 0;
    EXPECT_EQ(cusolverDnDgesvd_bufferSize(solver_, 4, 5, &lwork), CUSOLVER_STATUS_INVALID_VALUE);
    ASSERT_EQ(cusolverDnDgesvd_bufferSize(solver_, d, d, &lwork), CUSOLVER_STATUS_SUCCESS);
    ASSERT_EQ(cusolverDnDgesvd(solver_, 'A', 'N', d, d, a.doubles(), d, s.doubles(), u.doubles(), d, nullptr,
                               d, work.doubles(), lwork, nullptr, static_cast<int*>(info.data())),
              CUSOLVER_STATUS_SUCCESS);
    ASSERT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
    const std::vector<double> got = s.values(), left = u.values();
    for (std::size_t i = 0; i < d; ++i) {
        EXPECT_NEAR(got[i], static_cast<double>(d - i), 1e-14);              // a few eps · 5
        EXPECT_NEAR(std::abs(left[i * d + (d - 1 - i + 2) % d]), 1, 1e-14);  // column i of the values
    }
}

}  // namespace
}  // namespace deadscope::testing
