// What a device can do: a small set of operations on opaque matrices, in one precision. The forward pass
// is written once over this interface; a backend is one folder beside it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/precision.h"
#include "core/base/thread_pool.h"
#include "core/checkpoint/checkpoint.h"
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

// Rows of a weight where its file keeps them, so that a backend may bring them in panel by panel, or take
// the stored bytes to its device and convert them there. Thread rule: immutable; any thread.
class StoredRows {
public:
    virtual ~StoredRows() = default;
    virtual std::size_t rows() const = 0;
    virtual std::size_t cols() const = 0;
    // Elements [first, first + out.size()) of a row, converted. Errors: as WeightSource::read.
    virtual void read(std::size_t row, std::size_t first, std::span<float> out) const = 0;
    virtual void read(std::size_t row, std::size_t first, std::span<double> out) const = 0;
    // Elements [from, from + width) of the rows [first, first + count), to out, out + stride, ...
    virtual void read_panel(std::size_t first, std::size_t count, std::size_t from, std::size_t width,
                            float* out, std::size_t stride) const {
        for (std::size_t i = 0; i < count; ++i) read(first + i, from, std::span(out + i * stride, width));
    }
    virtual void read_panel(std::size_t first, std::size_t count, std::size_t from, std::size_t width,
                            double* out, std::size_t stride) const {
        for (std::size_t i = 0; i < count; ++i) read(first + i, from, std::span(out + i * stride, width));
    }
    // What the bytes of stored() are; empty where the values are not stored as they are used (drawn anew,
    // scaled, rearranged inside a row).
    virtual std::optional<DType> stored_as() const { return std::nullopt; }
    virtual std::size_t row_bytes() const { return 0; }
    // The bytes of rows [first, first + count), [count, row_bytes()]; only where stored_as() has a value.
    // They are not checked: a backend that converts them looks for values that are not finite itself, and
    // where it finds one, read() of that row throws the error that names it.
    virtual void stored(std::size_t, std::size_t, std::span<std::byte>) const {}
    // A hint: no row of these will be asked for again soon.
    virtual void release() const {}
};

// The triangular factor of [1 | X - 1·shift] in f64 over rows that stay on the device (math.md §2).
// Thread rule: as its backend's, which outlives it.
class RowFactor {
public:
    struct Parts {
        std::size_t rows = 0;
        std::vector<double> shift;  // [d], the first row seen
        std::vector<double> r;      // [d + 1, d + 1] upper triangular, column-major
    };
    virtual ~RowFactor() = default;
    virtual void add(const Matrix& rows) = 0;  // [n, d]
    virtual Parts parts() = 0;                 // waits for the device
};

struct BackendInfo {
    std::string name;    // "cpu", "cuda"
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

// What one attention computes. Head h of q reads key/value head h / (heads / kv_heads). The score of query i
// and key j of a sequence is
//     scale · q_i · k_j + by_distance(h, reach - 1 + j - i) + by_key(h, j)
//         + scale · (q_i · key_places(p) + k_j · query_places(p)),  p = place_of[reach - 1 + i - j],
// where what is empty is absent, `reach` is at least the longest sequence and a table of distances has
// 2 · reach - 1 entries; then capped, masked, and made into weights by softmax.
struct AttentionCall {
    std::size_t heads = 0, kv_heads = 0, head_dim = 0, value_dim = 0;
    bool causal = true;
    std::size_t window = 0;  // 0: none; causal: i - window < j; else |i - j| <= window
    double scale = 1.0;
    double cap = 0.0;  // 0: none; else cap · tanh(score / cap)
    // Only these queries of each sequence are computed; of a shorter one as many as there are.
    std::size_t first_query = 0, last_query = std::numeric_limits<std::size_t>::max();
    Matrix by_distance;                      // [heads, 2 · reach - 1]
    Matrix by_key;                           // [heads, longest sequence]
    Matrix key_places, query_places;         // [places, heads · head_dim]
    std::span<const std::int32_t> place_of;  // [2 · reach - 1]
    std::span<const double> sinks;           // [heads]: one more logit, which writes nothing
};

// Thread rule: one thread at a time calls a backend; it threads inside. Operations may return before they
// are done; read() and RowFactor::parts() wait. A backend lets no more than some 50 ms of work wait.
// Errors of every operation: Error::resource where a device failed or has no room.
class Backend {
public:
    virtual ~Backend() = default;
    virtual BackendInfo info() const = 0;

    // Errors: Error::resource when the device has no room.
    virtual Matrix allocate(std::size_t rows, std::size_t cols) = 0;    // uninitialised
    virtual void write(Matrix& to, std::span<const float> values) = 0;  // [rows, cols] packed
    virtual void write(Matrix& to, std::span<const double> values) = 0;
    virtual void read(const Matrix& from, std::span<double> out) const = 0;  // [rows, cols] packed; waits

    // A matrix of these values that linear() takes as its weight, and nothing else does. What it costs in
    // memory is the backend's choice; the values may be asked for as long as any copy of the matrix lives.
    virtual Matrix hold(std::shared_ptr<const StoredRows> rows) = 0;

    // The threads of this machine that compute, for work beside the operations (ThreadPool::background); null
    // where there are none. As long-lived as the backend.
    virtual ThreadPool* pool() { return nullptr; }

    // Null where rows are better read back and factored by the host.
    virtual std::unique_ptr<RowFactor> row_factor(std::size_t) { return nullptr; }
    // Singular values (descending) of r [d, d] row-major, and where `vectors` is given its right singular
    // vectors as rows, on the device, in f64. False: left to the host.
    virtual bool svd(const std::vector<double>&, std::size_t, std::vector<double>&, std::vector<double>*) {
        return false;
    }

    virtual void copy(const Matrix& from, Matrix& to) = 0;
    virtual void fill_zero(Matrix& to) = 0;
    // to[i, :] += scale * table[ids[i], :]
    virtual void gather_add(const Matrix& table, std::span<const std::int32_t> ids, double scale,
                            Matrix& to) = 0;
    // to[rows[i], :] += weights[i] * from[i, :]; the rows are distinct.
    virtual void scatter_add(const Matrix& from, std::span<const std::int32_t> rows,
                             std::span<const double> weights, Matrix& to) = 0;
    virtual void add(const Matrix& from, Matrix& to, double scale = 1.0) = 0;  // to += scale * from
    virtual void add_row(const Matrix& row, Matrix& to) = 0;                   // to[i, :] += row[0, :]
    virtual void multiply_row(const Matrix& row, Matrix& x) = 0;               // x[i, :] ⊙= row[0, :]
    virtual void multiply(const Matrix& by, Matrix& x) = 0;                    // x ⊙= by
    virtual void scale(double factor, Matrix& x) = 0;                          // x *= factor
    virtual void clamp(double low, double high, Matrix& x) = 0;                // into [low, high]
    virtual void cap(double at, Matrix& x) = 0;                                // x = at · tanh(x / at)
    // y = x Wᵀ + bias (weight [out, in]); stored_in_out: y = x W + bias (weight [in, out]). bias [1, out] or
    // nullptr.
    virtual void linear(const Matrix& x, const Matrix& weight, bool stored_in_out, const Matrix* bias,
                        Matrix& y) = 0;
    // math.md §1, over each gamma.cols columns of x on their own: gamma [1, d] for all groups of d columns,
    // or [groups, d]; beta like it, or nullptr. In-place (x aliases y) is allowed.
    virtual void norm(NormKind kind, double eps, const Matrix& x, const Matrix& gamma, const Matrix* beta,
                      Matrix& y) = 0;
    // x [tokens, heads * head_dim] in place, from channel spec.first of each head; position of a row is its
    // place in its sequence. Of spec only first, dims, interleaved, inverse_frequencies and attention_factor
    // are looked at.
    virtual void rotary(const RotarySpec& spec, std::size_t head_dim, const SequenceLayout& layout,
                        Matrix& x) = 0;
    // q [tokens, heads * head_dim], k [tokens, kv_heads * head_dim], v [tokens, kv_heads * value_dim], out
    // [tokens, heads * value_dim]. Memory does not grow with the length.
    virtual void attention(const AttentionCall& call, const SequenceLayout& layout, const Matrix& q,
                           const Matrix& k, const Matrix& v, Matrix& out) = 0;
    virtual void activate(Activation activation, Matrix& x) = 0;
};

// Errors: Error::usage for a precision that this backend does not compute in.
std::unique_ptr<Backend> make_cpu_backend(Precision precision, int threads = 0);  // 0: all cores

struct BackendOptions {
    int threads = 0;    // of the host; 0: all cores
    bool tf32 = false;  // a GPU may round the factors of f32 products to 10 bits, for speed
};

// device: "auto" (the first GPU that can be used, else the processor), "cpu" or "cuda:K". Errors:
// Error::usage for a name that is none of these, Error::resource for a GPU that is absent or cannot be used.
std::unique_ptr<Backend> make_backend(const std::string& device, Precision precision,
                                      const BackendOptions& options = {});

// What may be chosen on this machine: "auto", "cpu" and each GPU that can be used. Asks the GPUs' driver.
std::vector<std::string> device_choices();

// The devices that share the work under a name: "auto" every GPU that can be used, else the processor;
// "cuda:0,cuda:1" those. Errors: Error::usage for an empty or repeated name in a list, or the processor in
// one.
std::vector<std::string> devices_of(const std::string& device);

}  // namespace deadscope
