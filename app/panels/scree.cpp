// See scree.h.
#include "app/panels/scree.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "app/plots/kept.h"
#include "app/plots/parts.h"
#include "app/theme.h"
#include "core/reading/analyze.h"
#include "core/report/report.h"

namespace deadscope {
namespace {

Spectrum make_spectrum(std::span<const double> sigma) {
    Spectrum spectrum{.lambda = {sigma.begin(), sigma.end()}, .range = {}};
    for (double& value : spectrum.lambda) value *= value;
    spectrum.range = log_range(spectrum.lambda);
    spectrum.zeros = static_cast<std::size_t>(std::ranges::count(spectrum.lambda, 0.0));
    return spectrum;
}

std::shared_ptr<const Spectrum> spectrum_of(const std::shared_ptr<const void>& source, std::size_t place,
                                            std::span<const double> sigma) {
    static Kept<std::size_t, Spectrum> kept;
    return kept.of(source, place, [sigma] { return make_spectrum(sigma); });
}

Curve curve_of(const OpenModel& model, const Run& run) {
    const std::size_t place = run_index(*model.reading, run);
    return {.model = &model,
            .run = &run,
            .source = model.reading,
            .place = place,
            .spectrum = spectrum_of(model.reading, place, run.singular_values),
            .style = {},
            .name = {}};
}

std::string run_name(const OpenModel& model, const Run& run, bool with_precision) {
    return joined({run.init == Init::random ? model.label + " at init" : model.label,
                   with_precision ? std::string(precision_name(run.precision)) : ""});
}

// The dash tells the precision apart: longer for more bits.
Dash ladder_dash(Precision precision) {
    switch (precision) {
        case Precision::f64:
            return Dash::long_dashes;
        case Precision::f32:
            return Dash::dashes;
        case Precision::bf16:
        case Precision::f16:
            break;
    }
    return Dash::dash_dot;
}

}  // namespace

bool has_ladder(const Reading& reading) {
    return std::ranges::any_of(
        reading.runs, [&](const Run& run) { return run.precision != reading.runs.front().precision; });
}

void add_runs(Scree& scree, const ExplorerState& state, const OpenModel& model, bool selected) {
    const ViewState::Eigenvalues& view = state.view.eigenvalues;
    const Run* main = main_run(model, true);
    if (!main) return;
    const bool ladder = has_ladder(*model.reading) && view.show_ladder;
    for (const Run& run : model.reading->runs) {
        if (&run == main || !run.complete || run.singular_values.empty()) continue;
        const bool twin = run.init != main->init, other = run.precision != main->precision;
        // One twin, the selected model's in the same precision: more would bury the answer.
        if (twin ? !view.show_init || !selected || other : !(ladder && selected)) continue;
        LineStyle style = twin ? twin_line(model) : model_line(model, false);
        if (other) style = {faded(style.colour, 0.8f), style.width, ladder_dash(run.precision)};
        Curve& curve = scree.curves.emplace_back(curve_of(model, run));
        curve.style = style;
        curve.name = run_name(model, run, other);
        curve.rung = other;
    }
    Curve& curve = scree.curves.emplace_back(curve_of(model, *main));
    curve.style = model_line(model, selected);
    curve.name = run_name(model, *main, ladder && selected);
    curve.main = selected;
    if (selected) scree.floor = main->floor.total();
}

void add_block(Scree& scree, const ExplorerState& state, const OpenModel& model, bool selected,
               std::size_t block, Intents& intents) {
    const Run* main = main_run(model, false);
    if (!main || block >= main->blocks.size()) return;
    const BlockSpectrumKey key{model.id, run_index(*model.reading, *main), block, true};
    const auto found = state.block_spectra.find(key);
    if (found == state.block_spectra.end()) {
        intents.emit(SpectrumIntent{key});
        return;
    }
    if (!found->second || found->second->empty()) return;
    scree.curves.push_back({.model = &model,
                            .run = main,
                            .source = found->second,
                            .place = 0,
                            .spectrum = spectrum_of(found->second, 0, *found->second),
                            .style = model_line(model, selected),
                            .name = model.label,
                            .main = selected});
    if (selected) scree.floor = main->blocks[block].floor * main->blocks[block].floor;
}

void set_ranges(Scree& scree, bool log_rank) {
    double widest = 2.0;
    Range lambdas{std::numeric_limits<double>::infinity(), 0.0};
    for (const Curve& curve : scree.curves) {
        widest = std::max(widest, curve.last_rank());
        lambdas = join(lambdas, curve.spectrum->range);
        if (!scree.block && curve.run->lambda_v > 0) lambdas.low = std::min(lambdas.low, curve.run->lambda_v);
    }
    if (scree.floor > 0 && scree.floor < lambdas.high) lambdas.low = std::min(lambdas.low, scree.floor);
    // A value far below the floor says no more than that: 16 decades under it the axis ends.
    if (scree.floor > 0) lambdas.low = std::max(lambdas.low, scree.floor * 1e-16);
    lambdas.low = std::max(lambdas.low, lambdas.high * 1e-40);
    const double decades = std::log10(lambdas.high / lambdas.low);
    scree.lambdas = pad_log(lambdas, std::max(0.3, decades * 0.14), std::max(0.3, decades * 0.1));
    scree.ranks = log_rank ? Range{0.8, widest * 1.35} : pad_linear({1.0, widest}, 0.02, 0.06);
}

}  // namespace deadscope
