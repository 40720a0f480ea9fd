// Streams into a safetensors file: the header is known before the pass, so every chunk goes to its place. See
// activations.h.
#include "core/reading/activations.h"

#include <Eigen/Core>
#include <algorithm>
#include <bit>
#include <chrono>
#include <map>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/base/machine.h"
#include "core/base/output_file.h"
#include "core/checkpoint/output_guard.h"
#include "core/reading/input_plan.h"
#include "core/reading/room.h"
#include "core/reading/run_weights.h"
#include "core/reading/tower_choice.h"
#include "core/reading/warnings.h"

namespace deadscope {
namespace {

static_assert(std::endian::native == std::endian::little);  // safetensors stores little-endian

constexpr std::size_t logit_rows = 64;  // interface.md

struct Section {
    std::string name;
    std::size_t rows = 0, cols = 0;
    std::uint64_t offset = 0;  // bytes from the start of the data
};

std::string stream_name(std::size_t index) {
    return index == 0 ? "blocks.0.hook_resid_pre"
                      : "blocks." + std::to_string(index - 1) + ".hook_resid_post";
}

std::size_t element_bytes(Precision precision) {
    return precision == Precision::f64 ? 8 : precision == Precision::f32 ? 4 : 2;
}

const char* dtype_of(Precision precision) {  // safetensors' word
    switch (precision) {
        case Precision::f64:
            return "F64";
        case Precision::f32:
            return "F32";
        case Precision::bf16:
            return "BF16";
        case Precision::f16:
            return "F16";
    }
    return "";
}

// Thread rule: as Tap, one thread.
class ActivationsWriter : public Tap {
public:
    ActivationsWriter(const Plan& plan, const ModelInput& input, Precision precision, std::string out)
        : file_(std::move(out)),
          precision_(precision),
          element_(element_bytes(precision)),
          layers_(plan.blocks.size()) {
        const auto d = static_cast<std::size_t>(plan.d);
        const std::size_t tokens = input.tokens();
        for (std::size_t i = 0; i <= layers_; ++i) sections_.push_back({stream_name(i), tokens, d});
        sections_.push_back({"ln_final.hook_normalized", tokens, d});
        if (plan.head)
            sections_.push_back(
                {"logits", std::min(tokens, logit_rows), static_cast<std::size_t>(plan.head.linear.out)});
        write_header(dtype_of(precision), input.ids.size());
        if (!input.ids.empty()) file_.write_at(start_ + ids_offset_, std::as_bytes(std::span(input.ids)));
    }

    bool wants(TapPoint point, std::size_t) const override { return point != TapPoint::norm_input; }

    void chunk(TapPoint point, std::size_t index, std::size_t first_row, const Backend& backend,
               const Matrix& x) override {
        values_.resize(x.rows * x.cols);
        backend.read(x, values_);
        const Section& section = sections_[place(point, index)];
        const std::uint64_t offset = start_ + section.offset + first_row * section.cols * element_;
        switch (precision_) {
            case Precision::f64:
                return file_.write_at(offset, std::as_bytes(std::span(values_)));
            case Precision::f32:
                narrow_.assign(values_.begin(), values_.end());
                return file_.write_at(offset, std::as_bytes(std::span(narrow_)));
            case Precision::bf16:
                return write_halves<Eigen::bfloat16>(offset);
            case Precision::f16:
                return write_halves<Eigen::half>(offset);
        }
    }

    bool finished(TapPoint, std::size_t) override { return true; }
    void commit() { file_.commit(); }

private:
    // The values are the type's already (backend.h), so nothing is rounded here.
    template <class Type>
    void write_halves(std::uint64_t offset) {
        halves_.resize(values_.size());
        std::transform(values_.begin(), values_.end(), halves_.begin(), [](double value) {
            return std::bit_cast<std::uint16_t>(static_cast<Type>(static_cast<float>(value)));
        });
        file_.write_at(offset, std::as_bytes(std::span(halves_)));
    }

    std::size_t place(TapPoint point, std::size_t index) const {
        if (point == TapPoint::stream) return index;
        return point == TapPoint::final_normalized ? layers_ + 1 : layers_ + 2;
    }

    void write_header(const char* dtype, std::size_t ids) {
        nlohmann::ordered_json header;
        std::uint64_t end = 0;
        for (Section& section : sections_) {
            section.offset = end;
            end += static_cast<std::uint64_t>(section.rows) * section.cols * element_;
            header[section.name] = {{"dtype", dtype},
                                    {"shape", {section.rows, section.cols}},
                                    {"data_offsets", {section.offset, end}}};
        }
        ids_offset_ = end;
        if (ids > 0)
            header["tokens"] = {{"dtype", "I32"},
                                {"shape", {ids}},
                                {"data_offsets", {end, end + ids * sizeof(std::int32_t)}}};
        std::string text = header.dump();
        text.append((8 - text.size() % 8) % 8, ' ');
        const std::uint64_t length = text.size();
        file_.write(std::as_bytes(std::span(&length, 1)));
        file_.write(text);
        start_ = sizeof length + length;
    }

    OutputFile file_;
    Precision precision_;
    std::size_t element_;  // bytes
    std::size_t layers_;
    std::vector<Section> sections_;
    std::uint64_t start_ = 0, ids_offset_ = 0;
    std::vector<double> values_;  // [chunk rows, cols]
    std::vector<float> narrow_;
    std::vector<std::uint16_t> halves_;
};

}  // namespace

std::optional<Reading> write_activations(const std::string& model, const ReadingSettings& settings,
                                         const std::string& out, const Progress& progress) {
    const auto since = [](std::chrono::steady_clock::time_point begin) {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    };
    const auto start = std::chrono::steady_clock::now();
    const Checkpoint checkpoint = open_for_input(model, settings.input.kind);
    refuse_output_over_checkpoint(out, checkpoint);
    const Plan plan = plan_for_input(checkpoint, settings.input);
    const PreparedInput prepared = prepare_input(plan, settings.input, &checkpoint);
    const ModelInput& input = prepared.input;
    const Init init = settings.inits.front();
    const Precision precision = settings.precisions.front();
    const RunWeights weights = run_weights(model, checkpoint, init, settings.seed);
    Reading reading;
    reading.gamma = read_gamma(checkpoint);
    reading.input = {.kind = prepared.kind,
                     .digest = prepared.digest,
                     .tokens = input.tokens(),
                     .sequences = input.layout.sequences()};
    reading.seed = settings.seed;
    reading.load_s = since(start);
    Room room;
    const auto attempt = [&](const std::string& device, std::size_t steps) {
        const auto backend =
            make_backend(device, precision, {.threads = settings.threads, .tf32 = settings.tf32});
        const BackendInfo info = backend->info();
        reading.backend = info.name;
        reading.device = info.device;
        reading.threads = info.threads;
        const auto begin = std::chrono::steady_clock::now();
        ActivationsWriter writer(plan, input, precision, out);
        const std::size_t chunk = ForwardOptions{}.chunk_tokens / steps;
        if (run_forward(plan, *weights.source, *backend, input, writer, progress, {.chunk_tokens = chunk}) !=
            Outcome::finished)
            return false;
        writer.commit();
        reading.unmeasured = {precision, since(begin), weights.source->bytes_read()};
        return true;
    };
    if (!with_room(settings.device, attempt, room)) return std::nullopt;
    reading.warnings = checkpoint.warnings();
    if (room.steps > 1) reading.warnings.push_back(smaller_steps(init, precision));
    if (!room.why_moved.empty())
        reading.warnings.push_back(moved_to_processor(init, precision, room.why_moved));
    reading.peak_rss_bytes = peak_resident_bytes();
    return reading;
}

}  // namespace deadscope
