// The Jobs panel: what is at work and what waits, machine and memory, and the log.
#include <imgui.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>

#include "app/durations.h"
#include "app/panels/panels.h"
#include "app/theme.h"
#include "app/widgets.h"
#include "core/reading/words.h"

namespace deadscope {
namespace {

bool active(const JobStatus& job) {
    return job.state == JobState::queued || job.state == JobState::running;
}

std::string detail_words(const JobStatus& job) {
    if (job.state == JobState::queued) return "waiting";
    std::string words = job.phase.empty() ? "starting" : job.phase;
    if (job.blocks > 0 && job.block < job.blocks) {
        words += " · block " + std::to_string(job.block + 1) + "/" + std::to_string(job.blocks);
    }
    // Tokens through the whole of the work so far: a rate that a person can plan with.
    if (job.tokens > 0 && job.elapsed_s > 0.05) {
        const double rate = job.fraction * static_cast<double>(job.tokens) / job.elapsed_s;
        words += " · " + number_text(rate) + " tokens/s";
    }
    if (job.remaining_s) words += " · " + duration_text(*job.remaining_s) + " left";
    return words;
}

void draw_job(const JobStatus& job, Intents& intents) {
    ImGui::PushID(static_cast<int>(job.id));
    push_type(Type::small_print);
    const ImGuiStyle& style = ImGui::GetStyle();
    const float button = ImGui::CalcTextSize("Cancel").x + 2.f * style.FramePadding.x;
    const float width = ImGui::GetContentRegionAvail().x - button - style.ItemSpacing.x;
    progress_bar(job.fraction, width, job.title);
    explain(job.title + ": " + detail_words(job));
    ImGui::SameLine();
    if (ImGui::Button("Cancel")) intents.emit(CancelIntent{job.id});
    explain("Stop this job; what was read so far stays.");
    ImGui::PopFont();
    if (job.state == JobState::running) {
        draw_small_print(detail_words(job));
        explain("Phase, block, tokens a second through the whole pass, time left at this rate.");
    }
    ImGui::PopID();
}

std::string milliseconds_text(double seconds) {
    std::array<char, 24> text{};
    std::snprintf(text.data(), text.size(), "%.1f ms", seconds * 1e3);
    return text.data();
}

void draw_machine(const ExplorerState& state) {
    draw_small_print("memory " + bytes_text(state.rss_bytes));
    explain({.what = "Memory that this program holds now (resident set).", .unit = "bytes"});
    if (state.frames.frames > 0) {
        draw_small_print("window " + milliseconds_text(state.frames.median_s) + " a frame, worst " +
                         milliseconds_text(state.frames.worst_s));
        explain({.what = "Processor time that the window's own thread spent on each of its last frames: "
                         "the median and the longest. What the graphics driver draws is not in it.",
                 .unit = "milliseconds"});
    }
    draw_small_print(state.machine);
    explain("The device that the passes run on: processor, cores this program may use, BLAS and its kernel.");
}

void draw_log(const ExplorerState& state) {
    if (!ImGui::BeginChild("log", {0.f, 0.f})) {
        ImGui::EndChild();
        return;
    }
    for (auto line = state.log.rbegin(); line != state.log.rend(); ++line) {
        std::array<char, 24> stamp{};
        std::snprintf(stamp.data(), stamp.size(), "%.1f s · ", line->at_s);
        const char* word = line->level == LogLine::Level::error     ? "error: "
                           : line->level == LogLine::Level::warning ? "warning: "
                                                                    : "";
        const std::string first_line = line->text.substr(0, line->text.find('\n'));
        draw_small_print(std::string(stamp.data()).append(word).append(first_line));
        if (first_line.size() < line->text.size()) explain(line->text);
    }
    ImGui::EndChild();
}

}  // namespace

void draw_jobs_panel(const ExplorerState& state, Intents& intents) {
    const auto at_work = std::ranges::count_if(state.jobs, active);
    if (at_work == 0) {
        body_text(state.models.empty() ? "Nothing to do: no model is open." : "Idle: every job is done.");
    } else {
        body_text(at_work == 1 ? "1 job is at work."
                               : std::to_string(at_work) + " jobs, one at work at a time.");
    }
    for (const JobStatus& job : state.jobs) {
        if (active(job)) draw_job(job, intents);
    }
    draw_machine(state);
    ImGui::Separator();
    draw_log(state);
}

}  // namespace deadscope
