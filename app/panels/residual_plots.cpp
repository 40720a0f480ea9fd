// σ_min and σ_max by block on a log axis, and the ratios from block to block below them on the same axis of
// blocks.
#include <algorithm>
#include <array>
#include <cmath>

#include "app/panels/residual_views.h"
#include "app/plots/frame.h"
#include "app/plots/parts.h"
#include "app/theme.h"
#include "core/report/report.h"

namespace deadscope {
namespace {

using Sigma = double BlockReading::*;

Range block_range(const ResidualView& view) {
    return {-0.6, static_cast<double>(view.layers) + 0.6};
}

std::vector<ImVec2> sigma_line(const PlotFrame& plot, const Run& run, Sigma sigma) {
    std::vector<ImVec2> points;
    for (const BlockReading& block : run.blocks)
        points.push_back(plot.at(static_cast<double>(block.index), block.*sigma));
    return points;
}

Range sigma_range(const ResidualView& view) {
    std::vector<double> values;
    for (const OpenModel* model : drawn_models(view.state)) {
        for (const Run& run : model->reading->runs) {
            for (const BlockReading& block : run.blocks) {
                values.insert(values.end(), {block.sigma_min, block.sigma_max});
                if (view.state.view.residual.centred) values.push_back(block.sigma_min_centred);
            }
        }
    }
    const Range range = log_range(values);
    return pad_log({std::max(range.low, range.high * 1e-20), range.high}, 0.35, 0.35);
}

Table block_table(const ResidualView& view) {
    Table table{"residual-" + view.model.label,
                provenance_notes(view.model, &view.run),
                {"model", "init", "precision", "block", "sigma_min", "sigma_max", "sigma_min_centred",
                 "sigma_max_centred", "ratio", "flag"},
                {}};
    for (const OpenModel* model : drawn_models(view.state)) {
        for (const Run& run : model->reading->runs) {
            for (const BlockReading& b : run.blocks) {
                table.rows.push_back(
                    {model->label, std::string(init_name(run.init)),
                     std::string(precision_name(run.precision)), static_cast<std::int64_t>(b.index),
                     b.sigma_min, b.sigma_max, b.sigma_min_centred, b.sigma_max_centred,
                     b.ratio ? Cell(*b.ratio) : Cell(std::string()), static_cast<std::int64_t>(b.flag)});
            }
        }
    }
    return table;
}

void draw_points(const PlotFrame& plot, const Run& run, Sigma sigma, const ImVec4& colour, bool hollow) {
    const float r = theme().marker * 0.5f;
    for (const BlockReading& block : run.blocks) {
        const bool edge = plot.clipped(block.*sigma);
        ImVec2 at = plot.at(static_cast<double>(block.index), block.*sigma);
        if (edge) at.y -= r * 1.5f;
        draw_mark(plot.list(), at, Shape::circle, r, colour, hollow || edge || block.rank_deficient);
    }
}

struct LineLabel {
    std::string text;
    ImVec4 colour;
    std::vector<ImVec2> points;
    bool spare = false;  // of another model than the selected
};

// One model's lines; what to call them is placed after all lines are known.
void draw_model(const ResidualView& view, const OpenModel& model, PlotFrame& plot,
                std::vector<LineLabel>& names) {
    const Run* run = main_run(model, false);
    if (!run || run->blocks.empty()) return;
    const ViewState::Residual& options = view.state.view.residual;
    const bool selected = &model == &view.model, several = drawn_models(view.state).size() > 1;
    const LineStyle style = model_line(model, selected);
    const ImVec4 ink = readable({style.colour.x, style.colour.y, style.colour.z, 1.0f});
    // With several models the name tells more than the symbol; in a small plot only the answer is labelled.
    const std::string minimum = several ? model.label : "σ_min";
    const bool roomy = plot.high().y - plot.low().y > 150 * theme().scale;
    const auto add = [&](const Run& of, Sigma sigma, const LineStyle& line, const std::string& name) {
        const std::vector<ImVec2> points = sigma_line(plot, of, sigma);
        draw_line(plot.list(), points, line);
        plot.labels().occupy(points);
        if (!name.empty()) names.push_back({name, ink, points, !selected});
    };
    if (options.show_init && selected) {
        if (const Run* twin = twin_of(model, *run, false)) {
            const Sigma shown =
                options.uncentred ? &BlockReading::sigma_min : &BlockReading::sigma_min_centred;
            add(*twin, shown, twin_line(model), roomy ? "σ_min at init" : "");
        }
    }
    if (options.centred && selected) {
        add(*run, &BlockReading::sigma_max_centred,
            {faded(style.colour, 0.6f), style.width * 0.6f, Dash::dashes}, "");
        add(*run, &BlockReading::sigma_min_centred,
            {faded(style.colour, 0.8f), style.width * 0.7f, Dash::dashes},
            options.uncentred ? (roomy ? "σ_min centred" : "") : minimum);
        if (!options.uncentred) draw_points(plot, *run, &BlockReading::sigma_min_centred, ink, true);
    } else if (options.centred && !options.uncentred) {
        add(*run, &BlockReading::sigma_min_centred, style, minimum);
    }
    if (!options.uncentred) return;
    add(*run, &BlockReading::sigma_max, {faded(style.colour, 0.75f), style.width * 0.7f, style.dash},
        selected ? "σ_max" : "");
    add(*run, &BlockReading::sigma_min, style, minimum);
    if (selected) draw_points(plot, *run, &BlockReading::sigma_min, ink, false);
}

void draw_floor(const ResidualView& view, PlotFrame& plot) {
    double floor = 0.0;
    for (const BlockReading& block : view.run.blocks) floor = std::max(floor, block.floor);
    if (!(floor > plot.y_view().low)) return;
    // The floor moves with the block: a band that follows it.
    std::vector<ImVec2> edge;
    for (const BlockReading& block : view.run.blocks) {
        const ImVec2 from = plot.at(static_cast<double>(block.index) - 0.5, block.floor);
        const ImVec2 to = plot.at(static_cast<double>(block.index) + 0.5, block.floor);
        draw_hatched(plot.list(), from, {to.x, plot.high().y}, meaning_colour(Meaning::floor));
        edge.push_back(from);
        edge.push_back(to);
    }
    draw_line(plot.list(), edge, {faded(theme().quiet, 0.6f), 1.0f, Dash::solid});
    const std::array anchors{ImVec2{edge.front().x, edge.front().y + ImGui::GetFontSize()}};
    plot.label("rounding floor", theme().quiet, anchors);
}

// Where a direction dies, in every shown model.
void draw_flags(const ResidualView& view, const OpenModel& model, PlotFrame& plot) {
    const ImVec4 vermilion = meaning_colour(Meaning::dead);
    const bool uncentred = view.state.view.residual.uncentred;
    const Run* run = main_run(model, false);
    if (!run) return;
    for (const BlockReading& block : run->blocks) {
        if (!block.flag) continue;
        const ImVec2 at =
            plot.at(static_cast<double>(block.index), uncentred ? block.sigma_min : block.sigma_min_centred);
        const ImVec2 sign{at.x, at.y - theme().marker * 1.7f};
        draw_mark(plot.list(), sign, Shape::down_triangle, theme().marker * 0.9f, vermilion);
        plot.labels().occupy({sign.x - 8, sign.y - 8}, {sign.x + 8, sign.y + 8});
        std::string words = (&model == &view.model ? "dies" : model.label + " dies") +
                            std::string(" in block ") + std::to_string(block.index);
        if (block.ratio && block.sigma_min > block.floor)
            words += ", " + number_text(1.0 / *block.ratio) + "× down";
        else
            words += ", to rounding";
        plot.label(words, readable(vermilion), std::array{sign, at}, /*spare=*/&model != &view.model);
    }
}

// The block under the pointer, marked across both plots; hover and click are one for the panel.
void mark_blocks(const ResidualView& view, const PlotFrame& plot) {
    const auto stripe = [&](std::size_t block, float alpha) {
        const float left = plot.at(static_cast<double>(block) - 0.5, 1).x,
                    right = plot.at(static_cast<double>(block) + 0.5, 1).x;
        plot.list().AddRectFilled({left, plot.low().y}, {right, plot.high().y},
                                  packed(faded(theme().text, alpha)));
    };
    if (const auto block = view.block()) stripe(*block, 0.07f);
    if (view.state.hover.block) stripe(*view.state.hover.block, 0.05f);
}

const BlockReading* pointed_block(const ResidualView& view, const PlotFrame& plot) {
    if (!plot.pointer()) return nullptr;
    const auto index = std::lround(plot.pointer_x());
    if (index < 0 || index >= static_cast<long>(view.run.blocks.size())) return nullptr;
    const BlockReading& block = view.run.blocks[static_cast<std::size_t>(index)];
    emit_hover(view.intents, view.model, std::nullopt, block.index, std::nullopt);
    if (plot.clicked())
        emit_select(view.intents, view.state, view.model, std::nullopt, block.index, std::nullopt);
    return &block;
}

std::string block_name(const BlockReading& block) {
    return block.index == 0 ? "entering the first block" : "behind block " + std::to_string(block.index);
}

void block_tooltip(const BlockReading& block) {
    if (!ImGui::BeginTooltip()) return;
    ImGui::PushTextWrapPos(ImGui::GetFontSize() * 26.0f);
    ImGui::Text("The stream %s", block_name(block).c_str());
    push_mono();
    ImGui::Text("σ_min          %s", exact_text(block.sigma_min).c_str());
    ImGui::Text("σ_max          %s", exact_text(block.sigma_max).c_str());
    ImGui::Text("σ_min centred  %s", exact_text(block.sigma_min_centred).c_str());
    if (block.ratio) ImGui::Text("ratio          %s", exact_text(*block.ratio).c_str());
    ImGui::PopFont();
    if (!block.reason.empty()) ImGui::TextColored(theme().quiet, "%s", block.reason.c_str());
    std::string channels;
    for (const std::size_t channel : block.largest_channels)
        channels += (channels.empty() ? "" : ", ") + std::to_string(channel);
    if (!channels.empty())
        ImGui::TextColored(theme().quiet, "weakest direction, largest channels: %s", channels.c_str());
    explanation_lines(
        {"", "the stream's own", "σ: singular values of X_l/√N;  ratio = σ_min(X_l)/σ_min(X_{l−1})"});
    ImGui::PopTextWrapPos();
    ImGui::EndTooltip();
}

Range ratio_range(const ResidualView& view, double threshold) {
    std::vector<double> values{threshold * 0.7, 1.5};
    for (const OpenModel* model : drawn_models(view.state)) {
        const Run* run = main_run(*model, false);
        for (const BlockReading& block : run->blocks) {
            if (block.ratio && *block.ratio > 0) values.push_back(*block.ratio);
        }
    }
    const Range range = log_range(values);
    return pad_log({std::max(range.low, 1e-12), range.high}, 0.15, 0.2);
}

void draw_bars(const ResidualView& view, PlotFrame& plot) {
    std::vector<const OpenModel*> models;
    for (const OpenModel* model : drawn_models(view.state)) {
        const Run* run = main_run(*model, false);
        if (run && !run->blocks.empty()) models.push_back(model);
    }
    const double width = 0.72 / static_cast<double>(models.size());
    const float one = plot.at(0, 1.0).y;
    for (std::size_t k = 0; k < models.size(); ++k) {
        const bool selected = models[k] == &view.model;
        const ImVec4 colour = model_colour(models[k]->colour, selected ? 0.9f : 0.5f);
        for (const BlockReading& block : main_run(*models[k], false)->blocks) {
            if (!block.ratio) continue;
            const double centre =
                static_cast<double>(block.index) - 0.36 + width * (static_cast<double>(k) + 0.5);
            const ImVec2 tip = plot.at(centre, *block.ratio);
            const float half = std::max(1.0f, (plot.at(centre + width * 0.46, 1).x - plot.at(centre, 1).x));
            const ImVec4 fill = block.flag ? meaning_colour(Meaning::dead) : colour;
            const ImVec2 low{tip.x - half, std::min(one, tip.y)}, high{tip.x + half, std::max(one, tip.y)};
            plot.list().AddRectFilled(low, high, packed(fill));
            plot.labels().occupy(low, high);
            if (block.flag) {
                draw_mark(plot.list(),
                          {tip.x, std::min(tip.y + 7.0f * theme().scale, plot.high().y - theme().marker)},
                          Shape::down_triangle, theme().marker * 0.6f, meaning_colour(Meaning::dead));
            }
        }
    }
    plot.list().AddLine({plot.low().x, one}, {plot.high().x, one}, packed(faded(theme().quiet, 0.8f)), 1.0f);
    plot.labels().occupy(std::array{ImVec2{plot.low().x, one}, ImVec2{plot.high().x, one}});
}

}  // namespace

void draw_sigma_plot(const ResidualView& view, float height) {
    FrameSpec spec{.id = "##sigma", .size = {0, height}, .intents = &view.intents};
    spec.x = {.range = block_range(view), .counts = true, .tick_labels = false, .link = "blocks"};
    spec.y = {.label = "σ / √N, log", .range = sigma_range(view), .log = true};
    spec.table = [&view] { return block_table(view); };
    PlotFrame plot(spec);
    if (!plot) return;
    mark_blocks(view, plot);
    draw_floor(view, plot);
    std::vector<LineLabel> names;
    for (const OpenModel* model : drawn_models(view.state)) draw_model(view, *model, plot, names);
    for (const OpenModel* model : drawn_models(view.state)) {
        draw_flags(view, *model, plot);
        // Where a flag names its model, the line needs no second name.
        const Run* run = main_run(*model, false);
        if (run && model != &view.model && std::ranges::any_of(run->blocks, &BlockReading::flag))
            std::erase_if(names, [&](const LineLabel& name) { return name.text == model->label; });
    }
    for (auto name = names.rbegin(); name != names.rend(); ++name) {
        const std::vector<ImVec2>& p = name->points;
        const std::array anchors{p[p.size() / 2], p[p.size() * 3 / 4], p[p.size() / 4], p.back(), p.front()};
        plot.label(name->text, name->colour, anchors, name->spare);
    }
    if (const BlockReading* block = pointed_block(view, plot)) block_tooltip(*block);
}

void draw_ratio_plot(const ResidualView& view, float height) {
    const double threshold = 1.0 / view.state.settings.residual.tau;
    FrameSpec spec{.id = "##ratio", .size = {0, height}, .intents = &view.intents};
    spec.x = {.label = "block (0: input)", .range = block_range(view), .counts = true, .link = "blocks"};
    spec.y = {.label = "ratio, log", .range = ratio_range(view, threshold), .log = true};
    spec.table = [&view] { return block_table(view); };
    PlotFrame plot(spec);
    if (!plot) return;
    mark_blocks(view, plot);
    draw_bars(view, plot);
    plot.level(threshold, {meaning_colour(Meaning::dead), theme().line * 0.6f, Dash::dashes},
               "1/τ: flagged below");
    if (const BlockReading* block = pointed_block(view, plot)) block_tooltip(*block);
}

}  // namespace deadscope
