// A matrix product as cuBLASLt's descriptors tell it: matmul.cpp takes it, product.cpp computes it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "tests/emulation/matmul.h"

struct cublasLtContext {
    int device = 0;
};
struct cublasLtMatrixLayoutOpaque_t {
    cudaDataType type = CUDA_R_32F;
    std::uint64_t rows = 0, cols = 0;
    std::int64_t ld = 0, batch_stride = 0;
    std::int32_t order = CUBLASLT_ORDER_COL, batches = 1;
};
struct cublasLtMatmulDescOpaque_t {
    cublasComputeType_t compute = CUBLAS_COMPUTE_32F;
    cudaDataType scale = CUDA_R_32F;
    std::int32_t transpose_a = CUBLAS_OP_N, transpose_b = CUBLAS_OP_N;
    std::uint32_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
    const void* bias = nullptr;
};
struct cublasLtMatmulPreferenceOpaque_t {
    std::uint64_t workspace_bytes = 0;
    std::uint32_t reductions = ~0u;
    std::array<std::uint32_t, 4> alignments{256, 256, 256, 256};
};

namespace deadscope_emulation {

using Layout = cublasLtMatrixLayoutOpaque_t;
using Desc = cublasLtMatmulDescOpaque_t;

inline std::size_t size_of(cudaDataType type) {
    return type == CUDA_R_64F ? 8 : type == CUDA_R_32F ? 4 : 2;
}

// A matrix in memory, counted as what it is stored as: `columns` runs of `rows` elements, `ld` apart.
struct Stored {
    std::uint64_t rows, columns;
};
inline Stored stored(const Layout& l) {
    return l.order == CUBLASLT_ORDER_ROW ? Stored{l.cols, l.rows} : Stored{l.rows, l.cols};
}
inline std::size_t extent(const Layout& l) {
    const Stored s = stored(l);
    return ((s.columns - 1) * static_cast<std::uint64_t>(l.ld) + s.rows) * size_of(l.type);
}
inline std::size_t whole_extent(const Layout& l) {
    return static_cast<std::size_t>(l.batches - 1) * static_cast<std::size_t>(l.batch_stride) *
               size_of(l.type) +
           extent(l);
}

// One product of the batch, with all that the stream's thread needs.
struct Product {
    Desc desc;
    Layout a, b, c, d;
    const void *a_data, *b_data, *c_data;
    void* d_data;
    double alpha, beta;
    void* workspace;
    std::uint64_t workspace_bytes;
    std::uint64_t m() const { return d.rows; }
    std::uint64_t n() const { return d.cols; }
    std::uint64_t k() const { return desc.transpose_a == CUBLAS_OP_N ? a.cols : a.rows; }
};
// On the stream's thread.
void compute(const Product& p, int device);

}  // namespace deadscope_emulation
