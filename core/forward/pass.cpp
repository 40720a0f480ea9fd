// See pass.h.
#include "core/forward/pass.h"

#include <algorithm>
#include <cmath>

#include "core/forward/linear_rows.h"

namespace deadscope {
namespace {

std::size_t size(std::int64_t value) {
    return static_cast<std::size_t>(value);
}

// Outputs [first, first + count) of a linear map that lie one after another in its tensor, from `row` on.
struct Run {
    std::size_t first, count, row;
};

std::vector<Run> runs_of(const LinearSpec& spec, std::size_t first_out, std::size_t count) {
    const std::size_t start = size(spec.first_row), group = size(spec.group_rows);
    if (group == 0) return {{0, count, start + first_out}};
    std::vector<Run> runs;
    for (std::size_t done = 0; done < count;) {
        const std::size_t out = first_out + done, within = out % group;
        const std::size_t length = std::min(group - within, count - done);
        runs.push_back({done, length, start + out / group * size(spec.group_stride) + within});
        done += length;
    }
    return runs;
}

}  // namespace

Pass::Pass(const Plan& the_plan, const WeightSource& the_weights, Backend& the_backend,
           const ModelInput& the_input, Tap& the_tap, const Progress& progress, const ForwardOptions& options)
    : plan(the_plan),
      weights(the_weights),
      backend(the_backend),
      input(the_input),
      tap(the_tap),
      meter(progress, the_plan.blocks.size(), the_input.tokens()),
      readers_(the_backend.pool() ? *the_backend.pool() : own_readers_.emplace(the_backend.info().threads)),
      // 30 Gflop/s a core in f32 is less than any processor of the last ten years does: a step stays below
      // 150 ms there, and is a few tens on today's.
      step_budget_((the_backend.info().precision == Precision::f64 ? 2.25e9 : 4.5e9) *
                   the_backend.info().threads),
      chunk_tokens_(std::max<std::size_t>(options.chunk_tokens, 1)) {
    for (std::size_t s = 0; s < input.layout.sequences(); ++s)
        longest_sequence_ = std::max(longest_sequence_, input.layout.starts[s + 1] - input.layout.starts[s]);
}

Matrix Pass::reserve(Matrix& slot, std::size_t rows, std::size_t cols) {
    if (slot.cols != cols || slot.rows < rows) {
        slot = {};  // let go before the larger one is taken
        slot = backend.allocate(rows, cols);
    }
    return slot.row_range(0, rows);
}

bool Pass::load(const WeightRef& weight, const FirstOfRow& first_of_row, Matrix& to, double local) {
    return backend.info().precision == Precision::f64 ? load_as<double>(weight, first_of_row, to, local)
                                                      : load_as<float>(weight, first_of_row, to, local);
}

template <typename T>
bool Pass::load_as(const WeightRef& weight, const FirstOfRow& first_of_row, Matrix& to, double local) {
    if (to.empty()) return true;
    constexpr std::size_t step_elements = 1u << 20,
                          part_elements = 1u << 15;  // of one step, of one thread's turn
    const std::size_t step_rows = std::clamp<std::size_t>(step_elements / to.cols, 1, to.rows);
    const std::size_t part_rows = std::max<std::size_t>(part_elements / to.cols, 1);
    std::vector<T> host(step_rows * to.cols);  // [step rows, cols]
    for (std::size_t first = 0; first < to.rows; first += step_rows) {
        const std::size_t rows = std::min(step_rows, to.rows - first);
        readers_.parallel_for((rows + part_rows - 1) / part_rows, [&](std::size_t part, std::size_t) {
            const std::size_t last = std::min(rows, (part + 1) * part_rows);
            for (std::size_t i = part * part_rows; i < last; ++i) {
                weights.read(weight, {first_of_row(first + i), to.cols},
                             std::span(host.data() + i * to.cols, to.cols));
            }
        });
        Matrix piece = to.row_range(first, rows);
        backend.write(piece, std::span<const T>(host.data(), rows * to.cols));
        // The file's pages would otherwise count as this process's memory until the system wants them back.
        const std::size_t begin = first_of_row(first), end = first_of_row(first + rows - 1) + to.cols;
        if (end > begin) weights.release(weight, {begin, end - begin});
        if (!meter.step("weights", local)) return false;
    }
    return true;
}

bool Pass::load(const WeightRef& weight, std::size_t rows, std::size_t cols, Matrix& slot, double local) {
    Matrix to = reserve(slot, rows, cols);
    slot = to;
    return load(
        weight, [cols](std::size_t i) { return i * cols; }, to, local);
}

bool Pass::load(const LinearSpec& spec, std::size_t first_out, std::size_t count, LoadedLinear& to,
                double local) {
    const std::size_t matrix = size(spec.matrix);
    const std::vector<Run> runs = runs_of(spec, first_out, count);
    to.stored_in_out = spec.stored_in_out;
    to.bias = spec.bias ? reserve(to.bias, 1, count) : Matrix{};
    const std::size_t bias_start = spec.bias ? matrix * size(spec.bias.shape.back()) : 0;
    if (spec.bias && spec.own_bias) {
        if (!load(
                spec.bias, [first_out](std::size_t) { return first_out; }, to.bias, local))
            return false;
    }
    for (std::size_t i = 0; spec.bias && !spec.own_bias && i < runs.size(); ++i) {
        Matrix part = to.bias.columns(runs[i].first, runs[i].count);
        const std::size_t first = bias_start + runs[i].row;
        if (!load(
                spec.bias, [first](std::size_t) { return first; }, part, local))
            return false;
    }
    to.weight = {};  // let go before the next is taken
    to.weight = backend.hold(std::make_shared<LinearRows>(weights, spec, first_out, count));
    return meter.step("weights", local);
}

bool Pass::load(const LinearSpec& spec, LoadedLinear& to, double local) {
    if (!spec) {
        to = {};
        return true;
    }
    return load(spec, 0, size(spec.out), to, local);
}

void Pass::load(const NormSpec& spec, LoadedNorm& to) {
    const NormParameters parameters = weights.norm(spec);
    to.kind = spec.kind;
    to.eps = spec.eps;
    to.gamma = reserve(to.gamma, 1, size(spec.d));
    backend.write(to.gamma, std::span<const double>(parameters.gamma));
    to.beta = parameters.beta.empty() ? Matrix{} : reserve(to.beta, 1, size(spec.d));
    if (!parameters.beta.empty()) backend.write(to.beta, std::span<const double>(parameters.beta));
}

void Pass::load(const std::optional<NormSpec>& spec, LoadedNorm& to) {
    if (spec) {
        load(*spec, to);
    } else {
        to = {};
    }
}

void Pass::load(const HeadNormSpec& spec, LoadedNorm& to) {
    to = {};
    if (!spec) return;
    std::vector<double> gamma, beta;  // all parts, one after another
    for (const NormSpec& part : spec.parts) {
        const NormParameters parameters = weights.norm(part);
        gamma.insert(gamma.end(), parameters.gamma.begin(), parameters.gamma.end());
        beta.insert(beta.end(), parameters.beta.begin(), parameters.beta.end());
    }
    const std::size_t span = size(spec.span);
    to.kind = spec.parts.front().kind;
    to.eps = spec.parts.front().eps;
    to.gamma = backend.allocate(gamma.size() / span, span);
    backend.write(to.gamma, std::span<const double>(gamma));
    if (beta.empty()) return;
    to.beta = backend.allocate(beta.size() / span, span);
    backend.write(to.beta, std::span<const double>(beta));
}

std::vector<double> Pass::host(const WeightRef& weight, std::size_t count) const {
    std::vector<double> values(count);
    weights.read(weight, {0, count}, std::span<double>(values));
    return values;
}

// Outputs are shared out first, since a backend may bring a weight in anew for each product; rows only where
// a few hundred outputs of all rows are too much.
bool Pass::linear(const Matrix& x, const LoadedLinear& w, Matrix y, double local) {
    constexpr std::size_t fewest_outputs = 512, fewest_rows = 512;  // below, a product runs below its speed
    const std::size_t threads = static_cast<std::size_t>(std::max(backend.info().threads, 1));
    const auto part = [](std::size_t all, double most, std::size_t fewest) {
        const double parts = static_cast<double>(all) / std::max(most, static_cast<double>(fewest));
        const std::size_t count = std::max<std::size_t>(1, static_cast<std::size_t>(std::ceil(parts)));
        return std::max<std::size_t>(1, (all + count - 1) / count);
    };
    const double cost = 2.0 * static_cast<double>(x.cols);
    const std::size_t outputs =
        part(y.cols, step_budget_ / (cost * static_cast<double>(x.rows)), fewest_outputs * threads);
    const std::size_t rows = part(x.rows, step_budget_ / (cost * static_cast<double>(outputs)), fewest_rows);
    for (std::size_t out = 0; out < y.cols; out += outputs) {
        const std::size_t width = std::min(outputs, y.cols - out);
        const Matrix weight = w.stored_in_out ? w.weight.columns(out, width) : w.weight.row_range(out, width);
        const Matrix bias = w.bias.empty() ? Matrix{} : w.bias.columns(out, width);
        for (std::size_t first = 0; first < x.rows; first += rows) {
            const std::size_t count = std::min(rows, x.rows - first);
            Matrix to = y.row_range(first, count).columns(out, width);
            backend.linear(x.row_range(first, count), weight, w.stored_in_out, bias.empty() ? nullptr : &bias,
                           to);
            if (!meter.step("forward", local)) return false;
        }
    }
    return true;
}

void Pass::norm(const Matrix& x, const LoadedNorm& w, Matrix y) {
    backend.norm(w.kind, w.eps, x, w.gamma, w.beta.empty() ? nullptr : &w.beta, y);
}

Matrix Pass::normed(const Matrix& x, const LoadedNorm& w, Matrix& slot) {
    if (!w) return x;
    Matrix y = reserve(slot, x.rows, x.cols);
    norm(x, w, y);
    return y;
}

bool Pass::show(TapPoint point, std::size_t index, const Matrix& x, double local, const Make& make) {
    if (!tap.wants(point, index)) return true;
    for (std::size_t first = 0; first < x.rows; first += chunk_tokens_) {
        const Matrix piece = x.row_range(first, std::min(chunk_tokens_, x.rows - first));
        tap.chunk(point, index, first, backend, make ? make(piece) : piece);
        if (!meter.step("forward", local)) return false;
    }
    return tap.finished(point, index);
}

}  // namespace deadscope
