// Look-ups in the explorer's state; what it holds is described in state.h.
#include "app/state.h"

#include <algorithm>

namespace deadscope {

const OpenModel* ExplorerState::find(ModelId id) const {
    const auto found = std::ranges::find(models, id, &OpenModel::id);
    return found == models.end() ? nullptr : &*found;
}

const OpenModel* ExplorerState::selected() const {
    if (const OpenModel* chosen = find(selection.model)) return chosen;
    const auto shown = std::ranges::find(models, true, &OpenModel::shown);
    return shown == models.end() ? nullptr : &*shown;
}

std::string open_tag(ModelId id) {
    return "open:" + std::to_string(id);
}

std::string run_tag(ModelId id) {
    return "run:" + std::to_string(id);
}

std::string fetch_tag(const std::string& model) {
    return "fetch:" + model;
}

const JobStatus* ExplorerState::job_of(ModelId id) const {
    for (const std::string& tag : {run_tag(id), open_tag(id)}) {
        const auto found = std::ranges::find_if(jobs, [&](const JobStatus& job) {
            return job.tag == tag && (job.state == JobState::queued || job.state == JobState::running);
        });
        if (found != jobs.end()) return &*found;
    }
    return nullptr;
}

}  // namespace deadscope
