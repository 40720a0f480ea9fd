// See hub_dialog.h.
#include "app/dialogs/hub_dialog.h"

#include <imgui.h>
#include <imgui_stdlib.h>

#include <algorithm>

#include "app/panels/hub_cache_rows.h"
#include "app/theme.h"
#include "app/widgets.h"
#include "core/reading/words.h"

namespace deadscope {
namespace {

constexpr std::size_t most_revisions = 400;  // listed to choose from; any other can be typed

void draw_files(const HubOffer& offer) {
    if (!ImGui::BeginTable("files", 2, ImGuiTableFlags_RowBg | ImGuiTableFlags_ScrollY,
                           {0.f, ImGui::GetTextLineHeightWithSpacing() * 7.f}))
        return;
    ImGui::TableSetupColumn("file", ImGuiTableColumnFlags_WidthStretch);
    ImGui::TableSetupColumn("size", ImGuiTableColumnFlags_WidthFixed);
    for (const std::vector<HubFile>* files : {&offer.needed.shards, &offer.needed.beside}) {
        for (const HubFile& file : *files) {
            ImGui::TableNextRow();
            ImGui::TableNextColumn();
            ImGui::TextUnformatted(file.path.c_str());
            ImGui::TableNextColumn();
            ImGui::TextUnformatted(bytes_text(file.size).c_str());
        }
    }
    ImGui::EndTable();
}

// A download of this model that is queued or at work, with its Cancel. False: there is none.
bool draw_download(const ExplorerState& state, const std::string& model, Intents& intents) {
    const auto job = std::ranges::find_if(state.jobs, [&](const JobStatus& one) {
        return one.tag == fetch_tag(model) &&
               (one.state == JobState::queued || one.state == JobState::running);
    });
    if (job == state.jobs.end()) return false;
    const float cancel = ImGui::CalcTextSize("Cancel").x + 2.f * ImGui::GetStyle().FramePadding.x;
    progress_bar(job->fraction, ImGui::GetContentRegionAvail().x - cancel - ImGui::GetStyle().ItemSpacing.x,
                 job->phase.empty() ? "waiting" : job->phase);
    ImGui::SameLine();
    if (ImGui::Button("Cancel")) intents.emit(CancelIntent{job->id});
    explain("Stop the download. What came stays, and the next one goes on with it.");
    return true;
}

void draw_offer(const ExplorerState& state, Intents& intents) {
    const HubOffer& offer = *state.hub.offer;
    draw_small_print("commit " + offer.listing.commit.substr(0, 8) + " · " +
                     counted(offer.listing.files.size(), "file") + " in all, of which are needed:");
    draw_files(offer);
    const std::string& model = state.hub.asked;
    if (ImGui::Button("Read γ only")) {
        intents.emit(OpenIntent{.model = model, .remote = true});
        intents.view([](ViewState& view) { view.show_hub_dialog = false; });
    }
    explain("Reads headers and norms where they are, by range requests. Nothing is downloaded or kept.");
    ImGui::SameLine();
    if (draw_download(state, model, intents)) return;
    if (ImGui::Button(("Download " + bytes_text(offer.needed.bytes()) + "###download").c_str()))
        intents.emit(HubFetchIntent{model});
    explain("Into the hub cache that Python programs share: " + state.hub.folder);
}

}  // namespace

std::string HubDialog::model() const {
    return revision_.empty() || revision_ == "main" ? repository_ : repository_ + "@" + revision_;
}

void HubDialog::draw_question(const ExplorerState& state, Intents& intents) {
    const float em = ImGui::GetFontSize();
    ImGui::SetNextItemWidth(-em * 15.f);
    bool entered = ImGui::InputTextWithHint("##id", "ORGANISATION/NAME", &repository_,
                                            ImGuiInputTextFlags_EnterReturnsTrue);
    ImGui::SameLine();
    ImGui::SetNextItemWidth(em * 9.f);
    entered |=
        ImGui::InputTextWithHint("##revision", "main", &revision_, ImGuiInputTextFlags_EnterReturnsTrue);
    explain("A branch, a tag or a commit, as Pythia's step1000.");
    ImGui::SameLine();
    ImGui::BeginDisabled(repository_.empty() || state.hub.asking);
    const bool pressed = ImGui::Button("Look", {-1.f, 0.f});
    ImGui::EndDisabled();
    if ((entered || pressed) && !repository_.empty()) intents.emit(HubAskIntent{model()});
    if (!state.hub.offer || state.hub.offer->revisions.size() < 2) return;
    ImGui::SetNextItemWidth(em * 15.f);
    if (!ImGui::BeginCombo("##revisions", (counted(state.hub.offer->revisions.size(), "revision")).c_str()))
        return;
    const auto& revisions = state.hub.offer->revisions;
    for (std::size_t i = 0; i < std::min(revisions.size(), most_revisions); ++i) {
        if (!ImGui::Selectable(revisions[i].name.c_str())) continue;
        revision_ = revisions[i].name;
        intents.emit(HubAskIntent{model()});
    }
    ImGui::EndCombo();
}

void HubDialog::draw(const ExplorerState& state, Intents& intents) {
    const float em = ImGui::GetFontSize();
    bool open = true;
    if (begin_dialog("Open from the hub", em * 36.f, &open)) {
        body_text("A model's name on the Hugging Face hub. Nothing is fetched until a button below says so.");
        draw_question(state, intents);
        if (state.hub.asking) draw_small_print("Asking the hub for " + state.hub.asked + " …");
        if (!state.hub.error.empty()) error_text(state.hub.error);
        if (state.hub.offer) draw_offer(state, intents);
        ImGui::Spacing();
        draw_hub_cache(state, intents);
    }
    ImGui::End();
    if (!open) intents.view([](ViewState& view) { view.show_hub_dialog = false; });
}

}  // namespace deadscope
