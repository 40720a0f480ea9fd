// The span λ_min … λ_max of the stream behind each block, growing with the pass; see eigenvalues_so_far.h.
#include "app/panels/eigenvalues_so_far.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "app/plots/frame.h"
#include "app/plots/parts.h"
#include "app/theme.h"
#include "core/report/report.h"

namespace deadscope {
namespace {

double lambda_min(const BlockReading& block) {
    return block.sigma_min_centred * block.sigma_min_centred;
}
double lambda_max(const BlockReading& block) {
    return block.sigma_max_centred * block.sigma_max_centred;
}

Table span_table(const OpenModel& model, const Run& run) {
    Table table{"eigenvalue-spans-" + model.label,
                provenance_notes(model, &run),
                {"block", "lambda_min", "lambda_max"},
                {}};
    for (const BlockReading& block : run.blocks) {
        table.rows.push_back({static_cast<std::int64_t>(block.index), lambda_min(block), lambda_max(block)});
    }
    return table;
}

void draw_spans(const OpenModel& model, const Run& run, Intents& intents, float height) {
    std::vector<double> values;
    for (const BlockReading& block : run.blocks)
        values.insert(values.end(), {lambda_min(block), lambda_max(block)});
    const auto layers = static_cast<double>(std::max<std::int64_t>(model.gamma->model.layers, 1));
    FrameSpec spec{.id = "##spans", .size = {0, height}, .intents = &intents};
    spec.x = {.label = "block (0: input)", .range = {-0.6, layers + 0.6}, .counts = true};
    Range range = log_range(values);
    range.low = std::max(range.low, range.high * 1e-36);
    spec.y = {.label = "eigenvalues λ of the stream, log",
              .short_label = "λ, log",
              .range = pad_log(range, 0.5, 0.6),
              .log = true};
    spec.table = [&] { return span_table(model, run); };
    PlotFrame plot(spec);
    if (!plot) return;
    const LineStyle style = model_line(model, true);
    std::vector<ImVec2> top, bottom;
    for (const BlockReading& block : run.blocks) {
        const auto x = static_cast<double>(block.index);
        top.push_back(plot.at(x, lambda_max(block)));
        bottom.push_back(plot.at(x, lambda_min(block)));
        plot.list().AddLine(top.back(), bottom.back(), packed(faded(style.colour, 0.4f)),
                            theme().line * 2.0f);
        draw_mark(plot.list(), top.back(), Shape::circle, theme().marker * 0.5f, readable(style.colour));
        draw_mark(plot.list(), bottom.back(), Shape::circle, theme().marker * 0.5f, readable(style.colour),
                  plot.clipped(lambda_min(block)));
        plot.labels().occupy(std::array{top.back(), bottom.back()});
    }
    const std::array ends{top.back(), top.front()}, feet{bottom.back(), bottom.front()};
    plot.label("λ_max", readable(style.colour), ends);
    plot.label("λ_min", readable(style.colour), feet);
}

}  // namespace

void draw_eigenvalues_so_far(const ExplorerState& state, const OpenModel& model, Intents& intents) {
    const Run* run = main_run(model, false);
    const bool some = run && !run->blocks.empty();
    draw_finding(
        model.run_cancelled
            ? "The pass was cancelled before the spectrum of the final norm was known."
            : "The spectrum of the final norm comes after the last block; this is how far the blocks are.");
    draw_unfinished(state, model, intents);
    if (!some) return;
    const std::string print = provenance(*model.reading, *run);
    draw_spans(model, *run, intents,
               std::max(90.0f * theme().scale, ImGui::GetContentRegionAvail().y - small_print_height(print)));
    draw_small_print(print);
}

}  // namespace deadscope
