// Rows from the file into the measures, a few hundred at a time; then the reading as a model's would be.
#include "core/reading/read_activations.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/base/machine.h"
#include "core/base/text.h"
#include "core/checkpoint/checkpoint.h"
#include "core/reading/gamma_source.h"
#include "core/reading/output_measure.h"
#include "core/reading/rows.h"
#include "core/reading/warnings.h"

namespace deadscope {
namespace {

constexpr std::size_t rows_at_once = 256;
constexpr std::int64_t width_limit = 1 << 17;  // channels; the factor alone has their square of numbers

// [N, d] of an array of two axes or more.
struct Extent {
    std::size_t sequences = 1, rows = 0, d = 0;
};

Extent extent_of(const ArraySource& source, const std::string& place) {
    const auto& shape = source.shape();
    const std::string found = source.type_text() + " " + shape_text(shape);
    if (shape.size() < 2 || source.elements() == 0 || shape.back() > width_limit)
        throw Error::input("This array is not rows of activations",
                           {.file = place,
                            .key = source.name(),
                            .expected = "[N, d] or [B, T, d], d at most " + std::to_string(width_limit),
                            .found = found});
    if (!source.precision())
        throw Error::input(
            "Activations are floating numbers",
            {.file = place, .key = source.name(), .expected = "F64, F32, F16 or BF16", .found = found});
    Extent out;
    out.d = static_cast<std::size_t>(shape.back());
    out.rows = static_cast<std::size_t>(source.elements()) / out.d;
    for (std::size_t i = 0; i + 2 < shape.size(); ++i) out.sequences *= static_cast<std::size_t>(shape[i]);
    return out;
}

// Thread rule: one thread.
class RowReader {
public:
    RowReader(ArraySource& source, std::string place, Extent extent)
        : source_(source), place_(std::move(place)), extent_(extent) {}

    // The next rows, checked; empty at the end.
    std::span<const double> next() {
        const std::size_t count = std::min(rows_at_once, extent_.rows - done_);
        rows_.resize(count * extent_.d);
        source_.read(rows_);
        const auto bad = std::ranges::find_if(rows_, [](double value) { return !std::isfinite(value); });
        if (bad != rows_.end()) {
            const auto at = static_cast<std::size_t>(bad - rows_.begin());
            throw Error::input(
                "An activation is not a finite number",
                {.file = place_,
                 .key = source_.name(),
                 .expected = "finite numbers",
                 .found = std::to_string(*bad) + " in row " + std::to_string(done_ + at / extent_.d) +
                          ", channel " + std::to_string(at % extent_.d)});
        }
        done_ += count;
        return rows_;
    }
    std::size_t done() const { return done_; }

private:
    ArraySource& source_;
    std::string place_;
    Extent extent_;
    std::size_t done_ = 0;
    std::vector<double> rows_;  // [<= rows_at_once, d]
};

// Thread rule: one thread.
class ActivationReading {
public:
    ActivationReading(const std::string& file, const ActivationSettings& settings, const Progress& progress)
        : file_(file),
          settings_(settings),
          progress_(progress),
          source_(open_array({file, settings.tensor}, 2)),
          extent_(extent_of(*source_, file)),
          norm_(given_norm(settings.gamma, settings.beta, extent_.d)) {
        if (settings.kind != NormKind::unknown) norm_.spec.kind = settings.kind;
    }

    std::optional<Reading> read() {
        const auto start = std::chrono::steady_clock::now();
        Run& run = reading_.runs.emplace_back();
        run.init_source = "activations";
        run.precision = settings_.precision.value_or(*source_->precision());
        run.tokens = extent_.rows;
        OutputMeasure measure(norm_.spec.kind, norm_.parameters.gamma, run);
        if (!settings_.input.empty() && !add_input(measure)) return std::nullopt;
        if (!add_output(measure)) return std::nullopt;
        measure.complete(settings_.alignment);
        decide_kind(run);
        describe();
        run.spectra_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        if (extent_.rows <= extent_.d) reading_.warnings.push_back(too_few_tokens(extent_.rows, extent_.d));
        warn_about_run(reading_, run);
        warn(source_->warnings());
        warn(norm_.warnings);
        if (settings_.input.empty() && verdict(run) != Verdict::kernel && run.norm_kind != NormKind::rms_norm)
            reading_.warnings.push_back(
                "The floor counts the rounding of the output alone: what the rounding of the mean adds "
                "follows from "
                "the norm's input, which --input gives.");
        reading_.peak_rss_bytes = peak_resident_bytes();
        if (!report(1.0)) return std::nullopt;
        return std::move(reading_);
    }

private:
    bool report(double fraction) const {
        ProgressUpdate update;
        update.fraction = fraction;
        update.phase = "rows";
        update.tokens = extent_.rows;
        return proceed(progress_, update);
    }
    double share(const RowReader& rows) const {
        return 0.95 * static_cast<double>(rows.done()) / static_cast<double>(extent_.rows);
    }

    // Each once, though the rows and γ may come from one file.
    void warn(const std::vector<std::string>& warnings) {
        for (const std::string& warning : warnings)
            if (std::ranges::find(reading_.warnings, warning) == reading_.warnings.end())
                reading_.warnings.push_back(warning);
    }

    bool add_input(OutputMeasure& measure) {
        const ArrayName name = ArrayName::parse(settings_.input);
        const auto source = open_array(name, 2);
        const Extent extent = extent_of(*source, name.file);
        if (extent.d != extent_.d || extent.rows != extent_.rows)
            throw Error::input("The norm's input and its output are not of one shape",
                               {.file = name.file,
                                .key = source->name(),
                                .expected = shape_text(source_->shape()),
                                .found = shape_text(source->shape())});
        RowReader rows(*source, name.file, extent);
        while (rows.done() < extent.rows) {
            measure.add_input(rows.next());
            if (!report(0.0)) return false;
        }
        warn(source->warnings());
        return true;
    }

    bool add_output(OutputMeasure& measure) {
        Hasher digest;
        RowReader rows(*source_, file_, extent_);
        while (rows.done() < extent_.rows) {
            const std::span<const double> some = rows.next();
            digest.add(std::as_bytes(some));
            measure.add_output(some);
            if (!report(share(rows))) return false;
        }
        reading_.input = {.kind = "activations",
                          .digest = hash_text(digest.value()),
                          .tokens = extent_.rows,
                          .sequences = extent_.sequences};
        return true;
    }

    // Where nobody says what the norm is, the claim under test is a LayerNorm's, unless the activations deny
    // it.
    void decide_kind(Run& run) const {
        if (norm_.spec.kind == NormKind::unknown && norm_from_activations(run) != NormKind::rms_norm)
            run.prediction = predict_kernel(NormKind::layer_norm, norm_.parameters.gamma);
    }

    void describe() {
        ModelFacts& model = reading_.gamma.model;
        model.name = std::filesystem::path(file_).filename().string() +
                     (source_->name().empty() ? "" : ":" + source_->name());
        model.source = file_;
        model.architecture = norm_.architecture;
        model.family = "activations " + shape_text(source_->shape()) + " with γ of " + settings_.gamma;
        model.dtype = source_->type_text();
        model.norm_position = "pre";  // nothing is added behind the norm that is read
        model.d_model = static_cast<std::int64_t>(extent_.d);
        std::error_code error;
        model.bytes = std::filesystem::file_size(file_, error);
        NormReading norm{.spec = norm_.spec, .parameters = norm_.parameters, .gamma = {}, .beta = {}};
        norm.gamma = statistics(norm.parameters.gamma);
        if (!norm.parameters.beta.empty()) norm.beta = statistics(norm.parameters.beta);
        reading_.gamma.norms.push_back(std::move(norm));
        reading_.gamma.prediction = reading_.runs.front().prediction;
        reading_.alignment = settings_.alignment;
        reading_.backend = "cpu";
        reading_.device = machine().processor;
        reading_.threads = 1;
    }

    const std::string& file_;
    const ActivationSettings& settings_;
    const Progress& progress_;
    std::unique_ptr<ArraySource> source_;
    Extent extent_;
    GivenNorm norm_;
    Reading reading_;
};

}  // namespace

std::optional<Reading> read_activations(const std::string& file, const ActivationSettings& settings,
                                        const Progress& progress) {
    return ActivationReading(file, settings, progress).read();
}

}  // namespace deadscope
