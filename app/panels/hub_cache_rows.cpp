// See hub_cache_rows.h.
#include "app/panels/hub_cache_rows.h"

#include <imgui.h>
#include <imgui_stdlib.h>

#include <algorithm>
#include <cctype>
#include <string>

#include "app/theme.h"
#include "app/widgets.h"
#include "core/reading/words.h"

namespace deadscope {
namespace {

constexpr std::size_t filter_from = 6;  // repositories; fewer are seen at a glance

bool contains(const std::string& text, const std::string& part) {
    const auto same = [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); };
    return std::ranges::search(text, part, same).begin() != text.end() || part.empty();
}

std::string revision_words(const CachedRevision& revision) {
    return state_words(revision) + " · " + bytes_text(revision.bytes);
}

void draw_revision(const CachedRevision& revision, const std::string& label, Intents& intents) {
    ImGui::PushID(revision.commit.c_str());
    const bool usable = revision.state == CachedRevision::State::complete;
    ImGui::BeginDisabled(!usable);
    if (ImGui::Selectable(label.c_str())) intents.emit(OpenIntent{revision.model});
    ImGui::EndDisabled();
    explain("Open " + revision.model + ", commit " + revision.commit.substr(0, 8) + ".");
    ImGui::Indent();
    draw_small_print(revision_words(revision));
    if (!usable) {
        ImGui::SameLine();
        if (ImGui::SmallButton("Fetch the rest")) intents.emit(HubFetchIntent{revision.model});
    }
    ImGui::Unindent();
    ImGui::PopID();
}

void draw_repository(const CachedRepository& repository, Intents& intents) {
    if (repository.revisions.size() == 1) {
        const CachedRevision& only = repository.revisions.front();
        ImGui::Indent(
            ImGui::GetTreeNodeToLabelSpacing());  // below each other, whether or not they open further
        draw_revision(only, only.model, intents);
        ImGui::Unindent(ImGui::GetTreeNodeToLabelSpacing());
        return;
    }
    if (!ImGui::TreeNode(repository.repository.c_str())) return;
    draw_small_print(counted(repository.revisions.size(), "revision") +
                     (repository.is_trajectory() ? " of one training run · " : " · ") +
                     bytes_text(repository.bytes));
    for (const CachedRevision& revision : repository.revisions)
        draw_revision(revision, revision.label(), intents);
    ImGui::TreePop();
}

}  // namespace

void draw_hub_cache(const ExplorerState& state, Intents& intents) {
    const HubState& hub = state.hub;
    if (!hub.cache_read) intents.emit(HubCacheIntent{});
    if (hub.cached.empty()) return;
    const std::string title = "In the hub cache (" + std::to_string(hub.cached.size()) + ")###hub cache";
    if (!ImGui::CollapsingHeader(title.c_str())) return;
    explain("Models that were downloaded before: " + hub.folder);
    ImGui::PushID("hub cache");
    if (hub.cached.size() >= filter_from) {
        std::string filter = state.view.hub_filter;
        ImGui::SetNextItemWidth(-1.f);
        if (ImGui::InputTextWithHint("##filter", "part of a name", &filter))
            intents.view([filter](ViewState& view) { view.hub_filter = filter; });
    }
    for (const CachedRepository& repository : hub.cached)
        if (contains(repository.repository, state.view.hub_filter)) draw_repository(repository, intents);
    ImGui::PopID();
}

}  // namespace deadscope
