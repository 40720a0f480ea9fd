// See weights.h: trained weights are the checkpoint's, checked for values that are not finite; the random
// twin's are drawn when they are read.
#include "core/model/weights.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

#include "core/base/error.h"
#include "core/base/function_clones.h"
#include "core/base/philox.h"
#include "core/checkpoint/file_range.h"
#include "core/model/weight_scale.h"

namespace deadscope {
namespace {

// By the greatest magnitude's bits, which a loop finds in whole vectors.
template <typename Word, typename T>
DEADSCOPE_INLINE bool finite(const T* values, std::size_t n) {
    Word most = 0;
    for (std::size_t i = 0; i < n; ++i) {
        const Word magnitude = std::bit_cast<Word>(values[i]) & (~Word{0} >> 1);
        most = magnitude > most ? magnitude : most;
    }
    return most < std::bit_cast<Word>(std::numeric_limits<T>::infinity());
}
DEADSCOPE_CLONES bool all_finite(const float* values, std::size_t n) {
    return finite<std::uint32_t>(values, n);
}
DEADSCOPE_CLONES bool all_finite(const double* values, std::size_t n) {
    return finite<std::uint64_t>(values, n);
}

// Index of the first value that is not finite, or size.
template <typename T>
std::size_t first_not_finite(std::span<const T> values) {
    if (all_finite(values.data(), values.size())) return values.size();
    const auto bad =
        std::find_if(values.begin(), values.end(), [](T value) { return !std::isfinite(value); });
    return static_cast<std::size_t>(bad - values.begin());
}

template <typename T>
void read_one_by_one(const WeightSource& source, const WeightRef& weight, const StridedRange& range, T* out,
                     std::size_t out_stride) {
    const std::size_t width = static_cast<std::size_t>(range.width);
    for (std::uint64_t i = 0; i < range.rows; ++i)
        source.read(weight, {range.first + i * range.stride, range.width},
                    std::span(out + i * out_stride, width));
}

// Thread rule: as WeightSource.
class TrainedWeights final : public WeightSource {
public:
    explicit TrainedWeights(const Checkpoint& checkpoint) : checkpoint_(checkpoint) {}

    void read(const WeightRef& weight, ElementRange range, std::span<float> out) const override {
        read_checked(weight, range, out);
    }
    void read(const WeightRef& weight, ElementRange range, std::span<double> out) const override {
        read_checked(weight, range, out);
    }
    void read_rows(const WeightRef& weight, const StridedRange& range, float* out,
                   std::size_t out_stride) const override {
        read_rows_checked(weight, range, out, out_stride);
    }
    void read_rows(const WeightRef& weight, const StridedRange& range, double* out,
                   std::size_t out_stride) const override {
        read_rows_checked(weight, range, out, out_stride);
    }
    std::optional<DType> stored_as(const WeightRef& weight) const override {
        const TensorInfo* tensor = checkpoint_.find(weight.name);
        if (tensor == nullptr || !checkpoint_.gives_stored(*tensor) || WeightScale::of(checkpoint_, *tensor))
            return std::nullopt;
        return tensor->dtype;
    }
    void stored(const WeightRef& weight, ElementRange range, std::span<std::byte> out) const override {
        const TensorInfo& tensor = found(weight);
        checkpoint_.stored(tensor, range, out);
        bytes_.fetch_add(out.size(), std::memory_order_relaxed);
    }
    void prefetch(const WeightRef& weight, ElementRange range) const override {
        if (const TensorInfo* tensor = checkpoint_.find(weight.name)) checkpoint_.prefetch(*tensor, range);
    }
    void release(const WeightRef& weight, ElementRange range) const override {
        if (const TensorInfo* tensor = checkpoint_.find(weight.name)) checkpoint_.release(*tensor, range);
    }
    std::uint64_t bytes_read() const override { return bytes_; }
    NormParameters norm(const NormSpec& norm) const override {
        NormParameters result = read_norm(checkpoint_, norm);
        check(norm.weight, 0, std::span<const double>(result.gamma));
        check(norm.bias, 0, std::span<const double>(result.beta));
        return result;
    }

private:
    template <typename T>
    void read_checked(const WeightRef& weight, ElementRange range, std::span<T> out) const {
        const TensorInfo& tensor = found(weight);
        checkpoint_.read(tensor, range, out);
        if (const auto scale = WeightScale::of(checkpoint_, tensor)) scale->apply(range.first, out);
        bytes_.fetch_add(file_range(tensor, range).count, std::memory_order_relaxed);
        check(weight.name, range.first, std::span<const T>(out));
    }

    // In pieces that are still in the cache when they are looked through.
    template <typename T>
    void read_rows_checked(const WeightRef& weight, const StridedRange& range, T* out,
                           std::size_t out_stride) const {
        constexpr std::uint64_t piece_elements = 1u << 16;
        const TensorInfo& tensor = found(weight);
        const auto scale = WeightScale::of(checkpoint_, tensor);
        const std::size_t width = static_cast<std::size_t>(range.width);
        StridedRange piece = range;
        piece.rows = std::max<std::uint64_t>(piece_elements / std::max<std::uint64_t>(range.width, 1), 1);
        for (std::uint64_t done = 0; done < range.rows; done += piece.rows) {
            piece.rows = std::min(piece.rows, range.rows - done);
            piece.first = range.first + done * range.stride;
            T* const to = out + done * out_stride;
            checkpoint_.read_rows(tensor, piece, to, out_stride);
            for (std::uint64_t i = 0; i < piece.rows; ++i) {
                const std::span<T> row(to + i * out_stride, width);
                const std::uint64_t first = piece.first + i * piece.stride;
                if (scale) scale->apply(first, row);
                check(weight.name, first, std::span<const T>(row));
            }
        }
        bytes_.fetch_add(file_range(tensor, {range.first, range.width * range.rows}).count,
                         std::memory_order_relaxed);
    }

    const TensorInfo& found(const WeightRef& weight) const {
        if (const TensorInfo* tensor = checkpoint_.find(weight.name)) return *tensor;
        throw Error::input("a tensor is missing", {.file = checkpoint_.source(), .key = weight.name});
    }

    template <typename T>
    void check(const std::string& name, std::uint64_t first, std::span<const T> values) const {
        const std::size_t bad = first_not_finite(values);
        if (bad == values.size()) return;
        const TensorInfo* tensor = checkpoint_.find(name);
        throw Error::input(
            "a weight is not a finite number",
            {.file = tensor ? checkpoint_.file_of(*tensor) : checkpoint_.source(),
             .key = name,
             .expected =
                 sizeof(T) == sizeof(float) ? "finite numbers within the range of f32" : "finite numbers",
             .found = std::to_string(values[bad]) + " at element " + std::to_string(first + bad) +
                      (tensor ? " of " + shape_text(tensor->shape) : std::string()),
             .hint = "the file is damaged, or its training diverged"});
    }

    const Checkpoint& checkpoint_;
    mutable std::atomic<std::uint64_t> bytes_{0};
};

// Thread rule: as WeightSource.
class RandomTwin final : public WeightSource {
public:
    explicit RandomTwin(std::uint64_t seed) : seed_(seed) {}

    void read(const WeightRef& weight, ElementRange range, std::span<double> out) const override {
        assert(out.size() == range.count);
        draw(weight, range.first, out);
    }
    void read(const WeightRef& weight, ElementRange range, std::span<float> out) const override {
        assert(out.size() == range.count);
        std::array<double, 1024> buffer;  // drawn in double and rounded, so that both precisions see one twin
        for (std::size_t done = 0; done < out.size();) {
            const std::size_t count = std::min(buffer.size(), out.size() - done);
            draw(weight, range.first + done, std::span(buffer.data(), count));
            std::transform(buffer.data(), buffer.data() + count, out.data() + done,
                           [](double value) { return static_cast<float>(value); });
            done += count;
        }
    }
    NormParameters norm(const NormSpec& norm) const override {
        const std::size_t d = static_cast<std::size_t>(norm.d);
        return {std::vector<double>(d, 1.0), std::vector<double>(norm.bias.empty() ? 0 : d, 0.0)};
    }

private:
    void draw(const WeightRef& weight, std::uint64_t first, std::span<double> out) const {
        const Initialiser& init = weight.init;
        switch (init.kind) {
            case Initialiser::Kind::constant:
                std::fill(out.begin(), out.end(), init.a);
                return;
            case Initialiser::Kind::uniform:
                Philox(seed_, weight.name).fill_uniform(first, out);
                for (double& value : out) value = init.a + (init.b - init.a) * value;
                return;
            case Initialiser::Kind::normal:
            case Initialiser::Kind::truncated_normal:
                Philox(seed_, weight.name).fill_normal(first, out);
                for (double& value : out) value = init.a + init.b * value;
                if (init.kind == Initialiser::Kind::truncated_normal) truncate(weight, first, out);
                return;
        }
    }

    // torch.nn.init.trunc_normal_'s interval, which the published initialisers leave at its default: [-2, 2],
    // absolute. An element outside is drawn again from the next of its own streams.
    void truncate(const WeightRef& weight, std::uint64_t first, std::span<double> out) const {
        constexpr double bound = 2.0;
        constexpr int most = 1000;  // an interval that a thousand draws miss holds none of the distribution
        for (std::size_t i = 0; i < out.size(); ++i) {
            for (int attempt = 1; std::abs(out[i]) > bound && attempt <= most; ++attempt) {
                const Philox stream(seed_, weight.name + "#" + std::to_string(attempt));
                out[i] = weight.init.a + weight.init.b * stream.normal(first + i);
            }
            out[i] = std::clamp(out[i], -bound, bound);
        }
    }

    std::uint64_t seed_;
};

}  // namespace

void WeightSource::read_rows(const WeightRef& weight, const StridedRange& range, float* out,
                             std::size_t out_stride) const {
    read_one_by_one(*this, weight, range, out, out_stride);
}
void WeightSource::read_rows(const WeightRef& weight, const StridedRange& range, double* out,
                             std::size_t out_stride) const {
    read_one_by_one(*this, weight, range, out, out_stride);
}

std::unique_ptr<WeightSource> trained_weights(const Checkpoint& checkpoint) {
    return std::make_unique<TrainedWeights>(checkpoint);
}

// The names, shapes and initialisers come with each WeightRef; the checkpoint itself is not read.
std::unique_ptr<WeightSource> random_twin(const Checkpoint&, std::uint64_t seed) {
    return std::make_unique<RandomTwin>(seed);
}

}  // namespace deadscope
