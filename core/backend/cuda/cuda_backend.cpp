// The operations of the CUDA backend: shapes are checked and work is queued here; kernels.h computes,
// linear.h multiplies, factor.h factors, weights_in.h brings weights.
#include "core/backend/cuda/cuda_backend.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "core/backend/cuda/context.h"
#include "core/backend/cuda/factor.h"
#include "core/backend/cuda/inputs.h"
#include "core/backend/cuda/linear.h"
#include "core/backend/cuda/module.h"
#include "core/backend/cuda/weights_in.h"

namespace deadscope::cuda {
namespace {

constexpr std::size_t kReadBytes = 4u << 20;  // read back at a time

// Thread rule: as Backend.
class CudaBackend final : public Backend {
public:
    CudaBackend(int device, Precision precision, const BackendOptions& options)
        : precision_(precision),
          context_(device, precision),
          weights_(context_, std::max(1, options.threads)),
          products_(context_, options.tf32),
          inputs_(context_),
          name_(device_name(device) + " (cuda:" + std::to_string(device) + ")" +
                (options.tf32 && precision == Precision::f32 ? ", TF32 products" : "")) {}

    BackendInfo info() const override { return {"cuda", name_, weights_.threads(), precision_}; }

    ThreadPool* pool() override { return &weights_.readers(); }
    Matrix allocate(std::size_t rows, std::size_t cols) override {
        return context_.allocate(rows, cols, context_.compute());
    }
    void write(Matrix& to, std::span<const float> values) override { write_any(to, values); }
    void write(Matrix& to, std::span<const double> values) override { write_any(to, values); }
    void read(const Matrix& from, std::span<double> out) const override;
    Matrix hold(std::shared_ptr<const StoredRows> rows) override { return weights_.hold(std::move(rows)); }
    std::unique_ptr<RowFactor> row_factor(std::size_t width) override {
        return make_row_factor(context_, solver(), width);
    }
    bool svd(const std::vector<double>& r, std::size_t d, std::vector<double>& values,
             std::vector<double>* vectors) override {
        return whole_svd(context_, solver(), r, d, values, vectors);
    }

    void copy(const Matrix& from, Matrix& to) override;
    void fill_zero(Matrix& to) override;
    void gather_add(const Matrix& table, std::span<const std::int32_t> ids, double scale,
                    Matrix& to) override;
    void scatter_add(const Matrix& from, std::span<const std::int32_t> rows, std::span<const double> weights,
                     Matrix& to) override;
    void add(const Matrix& from, Matrix& to, double scale) override {
        assert(from.rows == to.rows && from.cols == to.cols);
        if (!to.empty()) cuda::add(context_.begin(to), at(from), at(to), scale);
    }
    void add_row(const Matrix& row, Matrix& to) override {
        assert(row.rows == 1 && row.cols == to.cols);
        if (!to.empty()) cuda::add_row(context_.begin(to), at(row), at(to));
    }
    void multiply_row(const Matrix& row, Matrix& x) override {
        assert(row.rows == 1 && row.cols == x.cols);
        if (!x.empty()) cuda::multiply_row(context_.begin(x), at(row), at(x));
    }
    void multiply(const Matrix& by, Matrix& x) override {
        assert(by.rows == x.rows && by.cols == x.cols);
        if (!x.empty()) cuda::multiply(context_.begin(x), at(by), at(x));
    }
    void scale(double factor, Matrix& x) override {
        if (!x.empty()) cuda::scale(context_.begin(x), factor, at(x));
    }
    void clamp(double low, double high, Matrix& x) override {
        if (!x.empty()) cuda::clamp(context_.begin(x), low, high, at(x));
    }
    void cap(double value, Matrix& x) override {
        assert(value > 0.0);
        if (!x.empty()) cuda::cap(context_.begin(x), value, at(x));
    }
    void activate(Activation activation, Matrix& x) override {
        if (!x.empty()) cuda::activate(context_.begin(x), activation, at(x));
    }
    void linear(const Matrix& x, const Matrix& weight, bool stored_in_out, const Matrix* bias,
                Matrix& y) override;
    void norm(NormKind kind, double eps, const Matrix& x, const Matrix& gamma, const Matrix* beta,
              Matrix& y) override;
    void rotary(const RotarySpec& spec, std::size_t head_dim, const SequenceLayout& layout,
                Matrix& x) override;
    void attention(const AttentionCall& call, const SequenceLayout& layout, const Matrix& q, const Matrix& k,
                   const Matrix& v, Matrix& out) override;

private:
    // A weight that hold() brought lies in memory of another kind, and is waited for here.
    View at(const Matrix& m) const {
        if (m.empty()) return {};
        if (auto* weight = dynamic_cast<WeightStorage*>(m.storage.get())) {
            weight->join();
            return {weight->data() + m.offset * context_.element_bytes(), m.rows, m.cols, m.stride};
        }
        return context_.view(m);
    }
    Solver& solver() {
        context_.use();
        if (!solver_) solver_ = std::make_unique<Solver>(context_);
        return *solver_;
    }
    template <typename T>
    void write_any(Matrix& to, std::span<const T> values);

    Precision precision_;
    mutable Context context_;  // with what follows: reading back waits, and uses its memory
    mutable WeightsIn weights_;
    Products products_;
    InputsOnDevice inputs_;
    std::unique_ptr<Solver> solver_;              // made at first use: cuSOLVER is slow to start
    mutable std::unique_ptr<PinnedMemory> down_;  // [kReadBytes]
    std::string name_;
};

template <typename T>
void CudaBackend::write_any(Matrix& to, std::span<const T> values) {
    assert(values.size() == to.rows * to.cols);
    if (to.empty()) return;
    Staging& staging = context_.staging();
    const std::size_t most = staging.most() / sizeof(T), width = std::min(to.cols, most);
    const std::size_t step = std::max<std::size_t>(1, most / width);
    for (std::size_t first = 0; first < to.rows; first += step) {
        const std::size_t count = std::min(step, to.rows - first);
        for (std::size_t left = 0; left < to.cols; left += width) {
            const std::size_t wide = std::min(width, to.cols - left);
            const Matrix piece = to.row_range(first, count).columns(left, wide);
            const Launch launch = context_.begin(piece);
            const Staging::Room room = staging.take(count * wide * sizeof(T));
            for (std::size_t i = 0; i < count; ++i)
                std::memcpy(room.host + i * wide * sizeof(T), values.data() + (first + i) * to.cols + left,
                            wide * sizeof(T));
            staging.send(room, count * wide * sizeof(T));
            if constexpr (sizeof(T) == sizeof(double))
                from_double(launch, reinterpret_cast<const double*>(room.device), at(piece));
            else
                from_float(launch, reinterpret_cast<const float*>(room.device), at(piece));
        }
    }
}

void CudaBackend::read(const Matrix& from, std::span<double> out) const {
    assert(out.size() == from.rows * from.cols);
    context_.use();
    constexpr std::size_t most = kReadBytes / sizeof(double);
    if (!down_) down_ = std::make_unique<PinnedMemory>(kReadBytes);
    const std::size_t width = std::min(from.cols, most),
                      step = from.empty() ? 1 : std::max<std::size_t>(1, most / width);
    const DeviceMemory packed = context_.scratch(kReadBytes);
    for (std::size_t first = 0; !from.empty() && first < from.rows; first += step) {
        const std::size_t count = std::min(step, from.rows - first);
        for (std::size_t left = 0; left < from.cols; left += width) {
            const std::size_t wide = std::min(width, from.cols - left);
            const Matrix piece = from.row_range(first, count).columns(left, wide);
            const Launch launch = context_.begin(piece);
            to_double(launch, at(piece), packed.as<double>());
            check(cudaMemcpyAsync(down_->data(), packed.as<double>(), count * wide * sizeof(double),
                                  cudaMemcpyDeviceToHost, launch.stream),
                  "values were fetched");
            context_.wait();
            for (std::size_t i = 0; i < count; ++i)
                std::memcpy(out.data() + (first + i) * from.cols + left,
                            down_->data() + i * wide * sizeof(double), wide * sizeof(double));
        }
    }
    context_.wait();
    weights_.check_arrived();
}

void CudaBackend::copy(const Matrix& from, Matrix& to) {
    assert(from.rows == to.rows && from.cols == to.cols);
    if (to.empty()) return;
    const Launch launch = context_.begin(to);
    const std::size_t size = context_.element_bytes();
    const View source = at(from), target = at(to);
    check(cudaMemcpy2DAsync(target.data, target.stride * size, source.data, source.stride * size,
                            to.cols * size, to.rows, cudaMemcpyDeviceToDevice, launch.stream),
          "a matrix was copied");
}

void CudaBackend::fill_zero(Matrix& to) {
    if (to.empty()) return;
    const Launch launch = context_.begin(to);
    const std::size_t size = context_.element_bytes();
    const View target = at(to);
    check(cudaMemset2DAsync(target.data, target.stride * size, 0, to.cols * size, to.rows, launch.stream),
          "a matrix was cleared");
}

void CudaBackend::gather_add(const Matrix& table, std::span<const std::int32_t> ids, double scale,
                             Matrix& to) {
    assert(ids.size() == to.rows && table.cols == to.cols);
    assert(std::ranges::all_of(
        ids, [&](std::int32_t id) { return id >= 0 && static_cast<std::size_t>(id) < table.rows; }));
    if (to.empty()) return;
    const Launch launch = context_.begin(to);
    const DeviceMemory there = context_.upload(ids);
    cuda::gather_add(launch, at(table), there.as<std::int32_t>(), scale, at(to));
}

void CudaBackend::scatter_add(const Matrix& from, std::span<const std::int32_t> rows,
                              std::span<const double> weights, Matrix& to) {
    assert(rows.size() == from.rows && weights.size() == from.rows && from.cols == to.cols);
    assert(std::ranges::all_of(
        rows, [&](std::int32_t row) { return row >= 0 && static_cast<std::size_t>(row) < to.rows; }));
    if (from.empty()) return;
    const Launch launch = context_.begin(from);
    const DeviceMemory rows_there = context_.upload(rows), weights_there = context_.upload(weights);
    cuda::scatter_add(launch, at(from), rows_there.as<std::int32_t>(), weights_there.as<double>(), at(to));
}

void CudaBackend::linear(const Matrix& x, const Matrix& weight, bool stored_in_out, const Matrix* bias,
                         Matrix& y) {
    const std::size_t in = stored_in_out ? weight.rows : weight.cols;
    const std::size_t out = stored_in_out ? weight.cols : weight.rows;
    assert(x.cols == in && y.cols == out && x.rows == y.rows);
    assert(!bias || (bias->rows == 1 && bias->cols == out));
    if (y.empty()) return;
    const double products = static_cast<double>(x.rows) * static_cast<double>(in) * static_cast<double>(out);
    const Launch launch =
        context_.begin({.operations = 2.0 * products,
                        .bytes = context_.bytes_of(x) + context_.bytes_of(weight) + context_.bytes_of(y)});
    products_.multiply(launch, at(x), at(weight), stored_in_out, bias ? at(*bias) : View{}, at(y));
}

void CudaBackend::norm(NormKind kind, double eps, const Matrix& x, const Matrix& gamma, const Matrix* beta,
                       Matrix& y) {
    assert(x.rows == y.rows && x.cols == y.cols && gamma.cols > 0 && x.cols % gamma.cols == 0);
    assert(gamma.rows == 1 || gamma.rows * gamma.cols == x.cols);
    assert(!beta || (beta->rows == gamma.rows && beta->cols == gamma.cols));
    assert(kind != NormKind::unknown);
    if (!y.empty())
        cuda::norm(context_.begin(y), kind, eps, at(x), at(gamma), beta ? at(*beta) : View{}, at(y));
}

void CudaBackend::rotary(const RotarySpec& spec, std::size_t head_dim, const SequenceLayout& layout,
                         Matrix& x) {
    const auto first = static_cast<std::size_t>(spec.first), dims = static_cast<std::size_t>(spec.dims);
    assert(layout.tokens() == x.rows && first + dims <= head_dim);
    assert(spec.inverse_frequencies.size() == dims / 2);
    if (dims == 0 || x.empty()) return;
    const Launch launch = context_.begin(x);
    const LayoutOnDevice& rows = inputs_.layout(layout);
    const AnglesOnDevice& angles = inputs_.angles(spec, rows.longest);
    cuda::rotary(launch, angles.cosine.as<void>(), angles.sine.as<void>(), first, dims, spec.interleaved,
                 head_dim, rows.position_there.as<std::int32_t>(), at(x));
}

void CudaBackend::attention(const AttentionCall& call, const SequenceLayout& layout, const Matrix& q,
                            const Matrix& k, const Matrix& v, Matrix& out) {
    assert(layout.tokens() == q.rows && q.rows == k.rows && k.rows == v.rows && out.rows == q.rows);
    assert(q.cols == call.heads * call.head_dim && out.cols == call.heads * call.value_dim);
    assert(k.cols == call.kv_heads * call.head_dim && v.cols == call.kv_heads * call.value_dim);
    assert(call.by_distance.empty() || call.by_distance.rows == call.heads);
    assert(call.by_key.empty() || call.by_key.rows == call.heads);
    assert(call.sinks.empty() || call.sinks.size() == call.heads);
    if (out.empty()) return;
    double pairs = 0.0;  // of a query and a key
    for (std::size_t s = 0; s < layout.sequences(); ++s) {
        const std::size_t length = layout.starts[s + 1] - layout.starts[s];
        const std::size_t queries = std::min(length, call.last_query) - std::min(length, call.first_query);
        pairs += static_cast<double>(queries) * static_cast<double>(length) * (call.causal ? 0.5 : 1.0);
    }
    const double width = static_cast<double>(call.heads * (call.head_dim + call.value_dim));
    const Launch launch =
        context_.begin({.operations = 2.0 * pairs * width, .bytes = 4.0 * context_.bytes_of(q)});
    const LayoutOnDevice& rows = inputs_.layout(layout);
    const auto sent = [&](auto span) { return span.empty() ? DeviceMemory{} : context_.upload(span); };
    const DeviceMemory place_of = sent(call.place_of), sinks = sent(call.sinks);
    const Attention there{.heads = call.heads,
                          .kv_heads = call.kv_heads,
                          .head_dim = call.head_dim,
                          .value_dim = call.value_dim,
                          .causal = call.causal,
                          .window = call.window,
                          .scale = call.scale,
                          .cap = call.cap,
                          .first_query = call.first_query,
                          .last_query = std::min(call.last_query, rows.longest),
                          .by_distance = at(call.by_distance),
                          .by_key = at(call.by_key),
                          .key_places = at(call.key_places),
                          .query_places = at(call.query_places),
                          .place_of = place_of.as<std::int32_t>(),
                          .places = call.place_of.size(),
                          .sinks = sinks.as<double>(),
                          .starts = rows.starts_there.as<std::int32_t>(),
                          .sequences = layout.sequences(),
                          .longest = rows.longest};
    if (there.first_query < there.last_query) cuda::attention(launch, there, at(q), at(k), at(v), at(out));
}

}  // namespace

std::unique_ptr<Backend> make_cuda_backend(int device, Precision precision, const BackendOptions& options) {
    return std::make_unique<CudaBackend>(device, precision, options);
}

}  // namespace deadscope::cuda
