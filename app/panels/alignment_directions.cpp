// |⟨v, u_i⟩| over all measured directions beside the baselines without which an alignment means nothing
// (math.md §2).
#include <algorithm>
#include <array>
#include <cmath>

#include "app/panels/alignment_views.h"
#include "app/plots/frame.h"
#include "app/plots/kept.h"
#include "app/plots/parts.h"
#include "app/theme.h"
#include "core/reading/analyze.h"
#include "core/report/report.h"

namespace deadscope {
namespace {

Table overlap_table(const OpenModel& model, const std::vector<const OpenModel*>& models) {
    Table table{"overlaps-" + model.label,
                provenance_notes(model, main_run(model, true)),
                {"model", "index", "overlap"},
                {}};
    for (const OpenModel* shown : models) {
        const Run* run = main_run(*shown, true);
        for (std::size_t i = 0; run && i < run->alignment.components.size(); ++i) {
            table.rows.push_back(
                {shown->label, static_cast<std::int64_t>(i + 1), run->alignment.components[i]});
        }
    }
    return table;
}

// What an alignment reaches without any kernel: only above these it means something.
void draw_baselines(PlotFrame& plot, const Alignment& alignment, std::vector<SideLabel>& side) {
    struct Baseline {
        const char* name;
        double value;
    };
    const std::array<Baseline, 3> baselines{{{"1/√d", alignment.uniform_baseline},
                                             {"permuted γ", alignment.permuted_baseline},
                                             {"random", alignment.random_baseline}}};
    for (const Baseline& baseline : baselines) {
        plot.level(baseline.value, {faded(theme().quiet, 0.9f), theme().line * 0.5f, Dash::long_dashes}, "");
        side.push_back({plot.at(1, baseline.value).y,
                        std::string(baseline.name) + " " + number_text(baseline.value), theme().quiet});
    }
}

void draw_overlap_lines(const OpenModel& model, const std::vector<const OpenModel*>& models, PlotFrame& plot,
                        std::vector<SideLabel>& side) {
    for (const OpenModel* shown : models) {
        const Run* run = main_run(*shown, true);
        if (!run || run->alignment.components.empty()) continue;
        const std::vector<double>& values = run->alignment.components;
        const Points points = plot.series({shown->reading, run_index(*shown->reading, *run), values, 1.0});
        const auto place = [&](std::size_t i) { return plot.at(static_cast<double>(i + 1), values[i]); };
        const ImVec2 end = place(values.size() - 1);
        LineStyle style = model_line(*shown, shown == &model);
        style.width *= 0.6f;  // a jagged line: thin, so that its bottom stays readable
        draw_line(plot.list(), *points, style);
        plot.labels().occupy(*points);
        const bool edge = plot.clipped(values.back());
        draw_mark(plot.list(), end, Shape::circle, theme().marker * 0.6f,
                  shown == &model ? meaning_colour(Meaning::measured) : readable(style.colour), edge);
        if (shown == &model && run->alignment.value) {
            side.push_back({end.y, "u_d " + alignment_text(*run->alignment.value),
                            readable(meaning_colour(Meaning::measured))});
        }
        const std::array anchors{place(values.size() / 2), place(values.size() / 5),
                                 place(values.size() * 4 / 5), place(0)};
        if (models.size() > 1 && values.size() > 1)
            plot.label(shown->label, readable(model_colour(shown->colour)), anchors,
                       /*spare=*/shown != &model);
    }
    draw_baselines(plot, main_run(model, true)->alignment, side);
}

void point_at_overlaps(const Run& run, const PlotFrame& plot) {
    const double x = plot.pointer() ? std::round(plot.pointer_x()) : 0.0;
    if (x < 1 || x > static_cast<double>(run.alignment.components.size()) || !ImGui::BeginTooltip()) return;
    const auto i = static_cast<std::size_t>(x) - 1;
    push_mono();
    ImGui::Text("|⟨v, u_%zu⟩| = %s", i + 1, exact_text(run.alignment.components[i]).c_str());
    ImGui::PopFont();
    if (i < run.singular_values.size()) {
        ImGui::TextColored(theme().quiet, "σ_%zu = %s", i + 1, number_text(run.singular_values[i]).c_str());
    }
    explanation_lines({"Overlap of the predicted direction with a measured one; the squares sum to 1.",
                       "none: 0 to 1", "u_i: right singular vector of the i-th singular value"});
    ImGui::EndTooltip();
}

Range overlap_range(const OpenModel& model, const Run& run) {
    static Kept<std::size_t, Range> kept;
    return *kept.of(model.reading, run_index(*model.reading, run),
                    [&] { return log_range(run.alignment.components); });
}

}  // namespace

void draw_all_directions(const ExplorerState& state, const OpenModel& model, Intents& intents, float height) {
    const std::vector<const OpenModel*> models = drawn_models(state);
    double widest = 2.0;
    Range range{1.0, 1.0};
    for (const OpenModel* shown : models) {
        const Run* run = main_run(*shown, true);
        if (!run || run->alignment.components.empty()) continue;
        widest = std::max(widest, static_cast<double>(run->alignment.components.size()));
        range = join(range, overlap_range(*shown, *run));
    }
    range.low = std::max(range.low, 1e-18);  // the double's own rounding: nothing is to be told apart below
    std::vector<SideLabel> side;
    push_type(Type::small_print);
    const float gutter = ImGui::CalcTextSize("permuted γ 0.0000").x + 20 * theme().scale;
    ImGui::PopFont();
    FrameSpec spec{
        .id = "##overlaps", .size = {ImGui::GetContentRegionAvail().x - gutter, height}, .intents = &intents};
    spec.x = {.label = "measured direction i, largest σ first",
              .range = pad_linear({1.0, widest}, 0.02, 0.05),
              .counts = true};
    spec.y = {.label = "|⟨v, u_i⟩|, log", .range = pad_log(range, 0.4, 0.25), .log = true};
    spec.table = [&] { return overlap_table(model, models); };
    ImVec2 low{}, high{};
    {
        PlotFrame plot(spec);
        if (!plot) return;
        low = plot.low();
        high = plot.high();
        draw_overlap_lines(model, models, plot, side);
        point_at_overlaps(*main_run(model, true), plot);
    }
    // After the plot: its clip does not reach the column beside it.
    push_type(Type::small_print);
    draw_side_labels(*ImGui::GetWindowDrawList(), high.x + 2, low.y, high.y, side);
    ImGui::PopFont();
}

}  // namespace deadscope
