// The CPU backend: one template over float and double; bf16 and f16 are float whose results are rounded. It
// owns memory, checks shapes and shares rows out over the pool; the rows' arithmetic is row_kernels.h's, the
// products' OpenBLAS's, attention has its own file.
#include <algorithm>
#include <cassert>
#include <cstring>
#include <limits>
#include <new>
#include <type_traits>

#include "core/backend/cpu/attention.h"
#include "core/backend/cpu/gemm.h"
#include "core/backend/cpu/held_rows.h"
#include "core/backend/cpu/rotary_table.h"
#include "core/backend/cpu/row_kernels.h"
#include "core/backend/cpu/tiling.h"
#include "core/base/error.h"
#include "core/base/machine.h"
#include "core/base/thread_pool.h"

namespace deadscope {
namespace {

constexpr std::align_val_t cache_line{64};

template <typename T>
class CpuStorage final : public Storage {
public:
    explicit CpuStorage(std::size_t count)
        : data_(static_cast<T*>(::operator new(std::max<std::size_t>(count, 1) * sizeof(T), cache_line))) {}
    ~CpuStorage() override { ::operator delete(data_, cache_line); }
    CpuStorage(const CpuStorage&) = delete;
    CpuStorage& operator=(const CpuStorage&) = delete;
    T* data() const { return data_; }

private:
    T* data_;
};

// Thread rule: as Backend; the pool's threads run only inside a call.
template <typename T>
class CpuBackend final : public Backend {
public:
    CpuBackend(Precision precision, int threads) : precision_(precision), pool_(threads) {}

    BackendInfo info() const override { return {"cpu", machine().processor, pool_.threads(), precision_}; }

    ThreadPool* pool() override { return &pool_; }
    Matrix allocate(std::size_t rows, std::size_t cols) override;
    void write(Matrix& to, std::span<const float> values) override { write_any(to, values); }
    void write(Matrix& to, std::span<const double> values) override { write_any(to, values); }
    void read(const Matrix& from, std::span<double> out) const override;
    Matrix hold(std::shared_ptr<const StoredRows> rows) override;
    void copy(const Matrix& from, Matrix& to) override;
    void fill_zero(Matrix& to) override;
    void gather_add(const Matrix& table, std::span<const std::int32_t> ids, double scale,
                    Matrix& to) override;
    void scatter_add(const Matrix& from, std::span<const std::int32_t> rows, std::span<const double> weights,
                     Matrix& to) override;
    void add(const Matrix& from, Matrix& to, double scale) override;
    void add_row(const Matrix& row, Matrix& to) override;
    void multiply_row(const Matrix& row, Matrix& x) override;
    void multiply(const Matrix& by, Matrix& x) override;
    void scale(double factor, Matrix& x) override;
    void clamp(double low, double high, Matrix& x) override;
    void cap(double at, Matrix& x) override;
    void linear(const Matrix& x, const Matrix& weight, bool stored_in_out, const Matrix* bias,
                Matrix& y) override;
    void norm(NormKind kind, double eps, const Matrix& x, const Matrix& gamma, const Matrix* beta,
              Matrix& y) override;
    void rotary(const RotarySpec& spec, std::size_t head_dim, const SequenceLayout& layout,
                Matrix& x) override;
    void attention(const AttentionCall& call, const SequenceLayout& layout, const Matrix& q, const Matrix& k,
                   const Matrix& v, Matrix& out) override;
    void activate(Activation activation, Matrix& x) override;

private:
    // Row i of the matrix; a Matrix is a handle, so a const one still leads to writable memory, like a span.
    static T* row(const Matrix& m, std::size_t i = 0) {
        return static_cast<const CpuStorage<T>&>(*m.storage).data() + m.offset + i * m.stride;
    }

    static cpu::Operand<T> operand(const Matrix& m) {
        return m.empty() ? cpu::Operand<T>{nullptr, 0} : cpu::Operand<T>{row(m), m.stride};
    }

    // body(i) for every row; `work` is about how many operations one row costs. Small loops stay on this
    // thread.
    template <typename Body>
    void for_rows(std::size_t rows, std::size_t work, const Body& body) const {
        constexpr std::size_t worthwhile = 1u
                                           << 16;  // operations: some ten microseconds, a pool's round trip
        const std::size_t least = worthwhile / std::max<std::size_t>(work, 1) + 1;
        const std::size_t share = std::max(least, rows / (4 * static_cast<std::size_t>(pool_.threads())) + 1);
        pool_.parallel_for((rows + share - 1) / share, [&](std::size_t part, std::size_t) {
            const std::size_t last = std::min(rows, (part + 1) * share);
            for (std::size_t i = part * share; i < last; ++i) body(i);
        });
    }

    template <typename U>
    void write_any(Matrix& to, std::span<const U> values) {
        assert(values.size() == to.rows * to.cols);
        for_rows(to.rows, to.cols, [&](std::size_t i) {
            std::transform(values.data() + i * to.cols, values.data() + (i + 1) * to.cols, row(to, i),
                           [](U value) { return static_cast<T>(value); });
            settle(row(to, i), to.cols);
        });
    }

    bool narrow() const { return precision_ == Precision::bf16 || precision_ == Precision::f16; }

    // Onto the grid of the arithmetic asked for, where that is coarser than T's: bf16 and f16 are computed in
    // f32, and the result of every operation is rounded once.
    void settle(T* x, std::size_t n) const {
        if constexpr (std::is_same_v<T, float>) {
            if (narrow()) cpu::round_row(precision_, x, n);
        }
    }

    cpu::Operand<T> panel(const cpu::HeldRows& held, const Matrix& part, std::vector<T>& to);

    Precision precision_;
    mutable ThreadPool pool_;
    cpu::RotaryTables<T> rotary_;
    std::vector<cpu::AttentionScratch<T>> scratch_;  // [threads]
    std::vector<std::vector<T>> panels_;             // [threads], of weights that are held
};

template <typename T>
Matrix CpuBackend<T>::allocate(std::size_t rows, std::size_t cols) {
    std::size_t count = 0, bytes = 0;
    const bool overflow =
        __builtin_mul_overflow(rows, cols, &count) || __builtin_mul_overflow(count, sizeof(T), &bytes);
    try {
        if (overflow) throw std::bad_alloc();
        return {std::make_shared<CpuStorage<T>>(count), rows, cols, cols, 0};
    } catch (const std::bad_alloc&) {
        throw Error::resource("not enough memory for the forward pass",
                              {.expected = overflow ? "a matrix that fits the address space"
                                                    : std::to_string(bytes >> 20) + " MiB in one piece",
                               .found = "a matrix of " + std::to_string(rows) + " × " + std::to_string(cols),
                               .hint = "use fewer tokens, or a lower precision (--precision f32)"});
    }
}

template <typename T>
void CpuBackend<T>::read(const Matrix& from, std::span<double> out) const {
    assert(out.size() == from.rows * from.cols);
    for_rows(from.rows, from.cols,
             [&](std::size_t i) { std::copy_n(row(from, i), from.cols, out.data() + i * from.cols); });
}

template <typename T>
Matrix CpuBackend<T>::hold(std::shared_ptr<const StoredRows> rows) {
    const std::size_t count = rows->rows(), width = rows->cols();
    return {std::make_shared<cpu::HeldRows>(std::move(rows)), count, width, width, 0};
}

template <typename T>
void CpuBackend<T>::copy(const Matrix& from, Matrix& to) {
    assert(from.rows == to.rows && from.cols == to.cols);
    for_rows(to.rows, to.cols,
             [&](std::size_t i) { std::memmove(row(to, i), row(from, i), to.cols * sizeof(T)); });
}

template <typename T>
void CpuBackend<T>::fill_zero(Matrix& to) {
    for_rows(to.rows, to.cols, [&](std::size_t i) { std::fill_n(row(to, i), to.cols, T{0}); });
}

template <typename T>
void CpuBackend<T>::gather_add(const Matrix& table, std::span<const std::int32_t> ids, double scale,
                               Matrix& to) {
    assert(ids.size() == to.rows && table.cols == to.cols);
    const T factor = static_cast<T>(scale);
    for_rows(to.rows, to.cols, [&](std::size_t i) {
        assert(ids[i] >= 0 && static_cast<std::size_t>(ids[i]) < table.rows);
        const T* from = row(table, static_cast<std::size_t>(ids[i]));
        T* x = row(to, i);
        for (std::size_t j = 0; j < to.cols; ++j) x[j] += factor * from[j];
        settle(x, to.cols);
    });
}

template <typename T>
void CpuBackend<T>::scatter_add(const Matrix& from, std::span<const std::int32_t> rows,
                                std::span<const double> weights, Matrix& to) {
    assert(rows.size() == from.rows && weights.size() == from.rows && from.cols == to.cols);
    for_rows(from.rows, from.cols, [&](std::size_t i) {
        assert(rows[i] >= 0 && static_cast<std::size_t>(rows[i]) < to.rows);
        const T weight = static_cast<T>(weights[i]);
        const T* a = row(from, i);
        T* x = row(to, static_cast<std::size_t>(rows[i]));
        for (std::size_t j = 0; j < from.cols; ++j) x[j] += weight * a[j];
        settle(x, from.cols);
    });
}

template <typename T>
void CpuBackend<T>::add(const Matrix& from, Matrix& to, double scale) {
    assert(from.rows == to.rows && from.cols == to.cols);
    const T factor = static_cast<T>(scale);
    for_rows(to.rows, to.cols, [&](std::size_t i) {
        const T* a = row(from, i);
        T* x = row(to, i);
        for (std::size_t j = 0; j < to.cols; ++j) x[j] += factor * a[j];
        settle(x, to.cols);
    });
}

template <typename T>
void CpuBackend<T>::add_row(const Matrix& from, Matrix& to) {
    assert(from.rows == 1 && from.cols == to.cols);
    const T* a = row(from);
    for_rows(to.rows, to.cols, [&](std::size_t i) {
        T* x = row(to, i);
        for (std::size_t j = 0; j < to.cols; ++j) x[j] += a[j];
        settle(x, to.cols);
    });
}

template <typename T>
void CpuBackend<T>::multiply_row(const Matrix& by, Matrix& x) {
    assert(by.rows == 1 && by.cols == x.cols);
    const T* a = row(by);
    for_rows(x.rows, x.cols, [&](std::size_t i) {
        T* b = row(x, i);
        for (std::size_t j = 0; j < x.cols; ++j) b[j] *= a[j];
        settle(b, x.cols);
    });
}

template <typename T>
void CpuBackend<T>::scale(double factor, Matrix& x) {
    const T by = static_cast<T>(factor);
    for_rows(x.rows, x.cols, [&](std::size_t i) {
        T* b = row(x, i);
        for (std::size_t j = 0; j < x.cols; ++j) b[j] *= by;
        settle(b, x.cols);
    });
}

template <typename T>
void CpuBackend<T>::clamp(double low, double high, Matrix& x) {
    const T least = static_cast<T>(low), most = static_cast<T>(high);
    for_rows(x.rows, x.cols, [&](std::size_t i) {
        T* b = row(x, i);  // NaN stays
        for (std::size_t j = 0; j < x.cols; ++j) b[j] = std::min(std::max(b[j], least), most);
        settle(b, x.cols);
    });
}

template <typename T>
void CpuBackend<T>::cap(double at, Matrix& x) {
    assert(at > 0.0);
    for_rows(x.rows, 16 * x.cols, [&](std::size_t i) {
        cpu::cap_row(static_cast<T>(at), row(x, i), x.cols);
        settle(row(x, i), x.cols);
    });
}

template <typename T>
void CpuBackend<T>::linear(const Matrix& x, const Matrix& weight, bool stored_in_out, const Matrix* bias,
                           Matrix& y) {
    const std::size_t in = stored_in_out ? weight.rows : weight.cols;
    const std::size_t out = stored_in_out ? weight.cols : weight.rows;
    assert(x.cols == in && y.cols == out && x.rows == y.rows &&
           (!bias || (bias->rows == 1 && bias->cols == out)));
    assert(std::max({in, out, x.rows, x.stride, y.stride, weight.stride}) <=
           std::numeric_limits<blasint>::max());
    const cpu::Tiling tiling = cpu::tiles_of(x.rows, out, in, static_cast<std::size_t>(pool_.threads()));
    panels_.resize(static_cast<std::size_t>(pool_.threads()));
    const auto* held = dynamic_cast<const cpu::HeldRows*>(weight.storage.get());
    const SingleThreadedBlas single;
    pool_.parallel_for(tiling.tiles(), [&](std::size_t tile, std::size_t worker) {
        const std::size_t top = tile % tiling.down * tiling.height, left = tiling.panels[tile / tiling.down];
        if (top >= x.rows) return;
        const std::size_t m = std::min(tiling.height, x.rows - top);
        const std::size_t n = tiling.panels[tile / tiling.down + 1] - left;
        const Matrix outputs = stored_in_out ? weight.columns(left, n) : weight.row_range(left, n);
        for (std::size_t i = 0; bias && i < m; ++i) std::copy_n(row(*bias) + left, n, row(y, top + i) + left);
        for (std::size_t from = 0; from == 0 || from < in; from += tiling.depth) {
            const std::size_t depth = std::min(tiling.depth, in - from);
            const Matrix part = stored_in_out ? outputs.row_range(from, depth) : outputs.columns(from, depth);
            const cpu::Operand<T> w = held ? panel(*held, part, panels_[worker]) : operand(part);
            cpu::gemm<T>(m, n, depth, T{1}, {row(x, top) + from, x.stride},
                         {w.data, w.stride, !stored_in_out}, bias || from > 0 ? T{1} : T{0},
                         row(y, top) + left, y.stride);
        }
        for (std::size_t i = 0; i < m; ++i) settle(row(y, top + i) + left, n);
    });
    // Of a large weight the file's pages would count as this process's memory until its block is done.
    constexpr std::size_t large = 1u << 24;  // elements
    if (held && weight.rows * weight.cols > large) held->rows->release();
}

// The part of a held weight, brought in.
template <typename T>
cpu::Operand<T> CpuBackend<T>::panel(const cpu::HeldRows& held, const Matrix& part, std::vector<T>& to) {
    if (to.size() < part.rows * part.cols) to.resize(part.rows * part.cols);
    held.rows->read_panel(part.offset / part.stride, part.rows, part.offset % part.stride, part.cols,
                          to.data(), part.cols);
    settle(to.data(), part.rows * part.cols);
    return {to.data(), part.cols};
}

template <typename T>
void CpuBackend<T>::norm(NormKind kind, double eps, const Matrix& x, const Matrix& gamma, const Matrix* beta,
                         Matrix& y) {
    const std::size_t d = gamma.cols, groups = d == 0 ? 0 : x.cols / d;
    assert(x.rows == y.rows && x.cols == y.cols && groups * d == x.cols);
    assert(gamma.rows == 1 || gamma.rows == groups);
    assert(!beta || (beta->rows == gamma.rows && beta->cols == d));
    assert(kind != NormKind::unknown);
    for_rows(x.rows, 8 * x.cols, [&](std::size_t i) {
        for (std::size_t g = 0; g < groups; ++g) {
            const std::size_t own = gamma.rows == 1 ? 0 : g;
            cpu::norm_row(kind, eps, row(x, i) + g * d, row(gamma, own), beta ? row(*beta, own) : nullptr, d,
                          row(y, i) + g * d);
        }
        settle(row(y, i), y.cols);
    });
}

template <typename T>
void CpuBackend<T>::rotary(const RotarySpec& spec, std::size_t head_dim, const SequenceLayout& layout,
                           Matrix& x) {
    assert(layout.tokens() == x.rows && static_cast<std::size_t>(spec.first + spec.dims) <= head_dim);
    if (spec.dims == 0) return;
    assert(spec.inverse_frequencies.size() == static_cast<std::size_t>(spec.dims) / 2);
    const std::size_t first_channel = static_cast<std::size_t>(spec.first);
    const std::size_t half = static_cast<std::size_t>(spec.dims) / 2, heads = x.cols / head_dim;
    for (std::size_t s = 0; s < layout.sequences(); ++s) {
        const std::size_t first = layout.starts[s], length = layout.starts[s + 1] - first;
        const cpu::RotaryTable<T>& table = rotary_.prepare(spec, length);
        for_rows(length, 4 * x.cols, [&](std::size_t t) {
            for (std::size_t h = 0; h < heads; ++h) {
                cpu::rotate_head(table.cosine(t), table.sine(t), half, spec.interleaved,
                                 row(x, first + t) + h * head_dim + first_channel);
            }
            settle(row(x, first + t), x.cols);
        });
    }
}

template <typename T>
void CpuBackend<T>::attention(const AttentionCall& call, const SequenceLayout& layout, const Matrix& q,
                              const Matrix& k, const Matrix& v, Matrix& out) {
    assert(layout.tokens() == q.rows && q.rows == k.rows && k.rows == v.rows && out.rows == q.rows);
    assert(q.cols == call.heads * call.head_dim && out.cols == call.heads * call.value_dim);
    assert(k.cols == call.kv_heads * call.head_dim && v.cols == call.kv_heads * call.value_dim);
    assert(call.by_distance.empty() || call.by_distance.rows == call.heads);
    assert(call.by_key.empty() || call.by_key.rows == call.heads);
    assert(call.sinks.empty() || call.sinks.size() == call.heads);
    const SingleThreadedBlas single;
    cpu::attend<T>(call, layout,
                   {operand(q), operand(k), operand(v), operand(call.by_distance), operand(call.by_key),
                    operand(call.key_places), operand(call.query_places), row(out), out.stride},
                   scratch_, pool_);
    if (!narrow()) return;
    for (std::size_t s = 0; s < layout.sequences(); ++s) {
        const std::size_t last = std::min(layout.starts[s + 1] - layout.starts[s], call.last_query);
        const std::size_t first = std::min(call.first_query, last);
        for_rows(last - first, 2 * out.cols,
                 [&](std::size_t i) { settle(row(out, layout.starts[s] + first + i), out.cols); });
    }
}

template <typename T>
void CpuBackend<T>::activate(Activation activation, Matrix& x) {
    for_rows(x.rows, 16 * x.cols, [&](std::size_t i) {
        cpu::activate_row(activation, row(x, i), x.cols);
        settle(row(x, i), x.cols);
    });
}

template <typename T>
void CpuBackend<T>::multiply(const Matrix& by, Matrix& x) {
    assert(by.rows == x.rows && by.cols == x.cols);
    for_rows(x.rows, x.cols, [&](std::size_t i) {
        const T* a = row(by, i);
        T* b = row(x, i);
        for (std::size_t j = 0; j < x.cols; ++j) b[j] *= a[j];
        settle(b, x.cols);
    });
}

}  // namespace

std::unique_ptr<Backend> make_cpu_backend(Precision precision, int threads) {
    constexpr int most = 256;  // OpenBLAS keeps one buffer a caller, from a table of bounded size
    const int count = std::clamp(threads > 0 ? threads : machine().cores, 1, most);
    switch (precision) {
        case Precision::f64:
            return std::make_unique<CpuBackend<double>>(precision, count);
        case Precision::f32:
        case Precision::bf16:
        case Precision::f16:
            break;
    }
    return std::make_unique<CpuBackend<float>>(precision, count);
}

}  // namespace deadscope
