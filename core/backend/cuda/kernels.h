// The kernels of the CUDA backend, one launch function each: what they read and write is device memory, and
// they return when the work is queued on the stream. Elements are told by a tag, so that callers need no
// templates and no CUDA compiler. Memory, streams, products of matrices and errors are the host code's.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

#include "core/checkpoint/checkpoint.h"
#include "core/model/plan.h"

namespace deadscope::cuda {

// What a backend's matrices hold. Arithmetic is in double for f64 and in float for the others, whose results
// are rounded once, to nearest even, when they are written.
enum class Element { f64, f32, bf16, f16 };
std::size_t element_bytes(Element element);

// rows × cols elements on the device, row-major with `stride` elements between rows; null data: absent.
struct View {
    void* data = nullptr;
    std::size_t rows = 0, cols = 0, stride = 0;  // elements
};

// All matrices of one call have the same Element. Every function is of the CPU backend's meaning (backend.h).
struct Launch {
    cudaStream_t stream = nullptr;
    Element element = Element::f32;
};

// ---- values in and out (convert.cu)
void from_float(const Launch&, const float* values, View to);  // values [rows, cols] packed, on the device
void from_double(const Launch&, const double* values, View to);
void to_double(const Launch&, View from, double* values);
// Stored bytes [to.rows, row_bytes] → elements. not_finite: one int on the device; set to 1 + the first row
// (of those seen, any of them where several) that holds a value that is not finite, left alone otherwise.
// can_decode says which kinds: f64 f32 f16 bf16, and every kind of quantised.h that is decoded.
bool can_decode(DType dtype);
void decode(const Launch&, DType dtype, const std::byte* stored, std::size_t row_bytes, std::size_t first_row,
            View to, int* not_finite);
// [count, width + 1] column-major f64 with leading dimension `ld`: 1 | rows - shift (math.md §2).
void to_factor_rows(const Launch&, View rows, const double* shift, double* to, std::size_t ld);

// ---- rows (rows.cu)
void gather_add(const Launch&, View table, const std::int32_t* ids, double scale, View to);
void scatter_add(const Launch&, View from, const std::int32_t* rows, const double* weights, View to);
void add(const Launch&, View from, View to, double scale);
void add_row(const Launch&, View row, View to);
void multiply_row(const Launch&, View row, View x);
void multiply(const Launch&, View by, View x);
void scale(const Launch&, double factor, View x);
void clamp(const Launch&, double low, double high, View x);
void cap(const Launch&, double at, View x);
void activate(const Launch&, Activation activation, View x);
void set_rows(const Launch&, View row, View to);  // to[i, :] = row[0, :], the bias before a product

// ---- norms (norm.cu): statistics in double for f64, else in float by two passes over the row
void norm(const Launch&, NormKind kind, double eps, View x, View gamma, View beta, View y);

// ---- attention (rotary.cu, attention.cu)
// cosine, sine [positions, dims / 2] in the arithmetic's type (double for f64, else float), attention_factor
// in them; position[row] on the device.
void rotary(const Launch&, const void* cosine, const void* sine, std::size_t first, std::size_t dims,
            bool interleaved, std::size_t head_dim, const std::int32_t* position, View x);

// AttentionCall with its spans on the device. starts [sequences + 1].
struct Attention {
    std::size_t heads = 0, kv_heads = 0, head_dim = 0, value_dim = 0;
    bool causal = true;
    std::size_t window = 0;
    double scale = 1.0, cap = 0.0;
    std::size_t first_query = 0, last_query = 0;
    View by_distance, by_key, key_places, query_places;
    const std::int32_t* place_of = nullptr;
    std::size_t places = 0;         // entries of place_of
    const double* sinks = nullptr;  // [heads]
    const std::int32_t* starts = nullptr;
    std::size_t sequences = 0, longest = 0;  // rows of the longest sequence
};
// Tiles of queries against tiles of keys with a running softmax: memory does not grow with the sequence.
void attention(const Launch&, const Attention& call, View q, View k, View v, View out);

}  // namespace deadscope::cuda
