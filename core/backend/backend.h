// What a device can do: a small set of operations on opaque matrices, in one precision. The forward pass
// is written once over this interface; a backend is one folder beside it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/base/precision.h"
#include "core/model/plan.h"

namespace deadscope {

// Memory owned by a backend; only the backend that made it looks inside.
class Storage {
public:
    virtual ~Storage() = default;
};

// A view of rows × cols elements, row-major with `stride` elements between rows. Copying shares the storage.
struct Matrix {
    std::shared_ptr<Storage> storage;
    std::size_t rows = 0, cols = 0, stride = 0, offset = 0;  // elements

    Matrix columns(std::size_t first, std::size_t count) const;
    Matrix row_range(std::size_t first, std::size_t count) const;
    bool empty() const { return rows == 0 || cols == 0; }
};

struct BackendInfo {
    std::string name;    // "cpu"
    std::string device;  // processor's name
    int threads = 1;
    Precision precision = Precision::f32;
};

// Rows of several sequences one after another: sequence s is rows [starts[s], starts[s + 1]).
struct SequenceLayout {
    std::vector<std::size_t> starts;  // [sequences + 1], starts[0] = 0
    std::size_t tokens() const { return starts.empty() ? 0 : starts.back(); }
    std::size_t sequences() const { return starts.empty() ? 0 : starts.size() - 1; }
};

// Thread rule: one thread at a time calls a backend; it threads inside.
class Backend {
public:
    virtual ~Backend() = default;
    virtual BackendInfo info() const = 0;

    // Errors: Error::resource when the device has no room.
    virtual Matrix allocate(std::size_t rows, std::size_t cols) = 0;    // uninitialised
    virtual void write(Matrix& to, std::span<const float> values) = 0;  // [rows, cols] packed
    virtual void write(Matrix& to, std::span<const double> values) = 0;
    virtual void read(const Matrix& from, std::span<double> out) const = 0;  // [rows, cols] packed

    virtual void copy(const Matrix& from, Matrix& to) = 0;
    virtual void fill_zero(Matrix& to) = 0;
    // to[i, :] += scale * table[ids[i], :]
    virtual void gather_add(const Matrix& table, std::span<const std::int32_t> ids, double scale,
                            Matrix& to) = 0;
    virtual void add(const Matrix& from, Matrix& to) = 0;     // to += from
    virtual void add_row(const Matrix& row, Matrix& to) = 0;  // to[i, :] += row[0, :]
    // y = x Wᵀ + bias (weight [out, in]); stored_in_out: y = x W + bias (weight [in, out]). bias [1, out] or
    // nullptr.
    virtual void linear(const Matrix& x, const Matrix& weight, bool stored_in_out, const Matrix* bias,
                        Matrix& y) = 0;
    // math.md §1. gamma [1, d]; beta [1, d] or nullptr. In-place (x aliases y) is allowed.
    virtual void norm(NormKind kind, double eps, const Matrix& x, const Matrix& gamma, const Matrix* beta,
                      Matrix& y) = 0;
    // x [tokens, heads * head_dim] in place; position of a row is its place in its sequence.
    virtual void rotary(const RotarySpec& spec, std::size_t head_dim, const SequenceLayout& layout,
                        Matrix& x) = 0;
    // q [tokens, heads * head_dim], k and v [tokens, kv_heads * head_dim], out like q. Memory O(tile *
    // longest sequence).
    virtual void attention(const AttentionSpec& spec, const SequenceLayout& layout, const Matrix& q,
                           const Matrix& k, const Matrix& v, Matrix& out) = 0;
    virtual void activate(Activation activation, Matrix& x) = 0;
    virtual void multiply(const Matrix& by, Matrix& x) = 0;  // x ⊙= by
};

// Errors: Error::usage for a precision that this backend does not compute in.
std::unique_ptr<Backend> make_cpu_backend(Precision precision, int threads = 0);  // 0: all cores

// device: "auto" or "cpu". Errors: Error::usage for a device that this version does not compute on.
std::unique_ptr<Backend> make_backend(const std::string& device, Precision precision, int threads = 0);

}  // namespace deadscope
