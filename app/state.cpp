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

std::string tower_model(const OpenModel& model, const std::string& tower) {
    const ModelFacts& facts = model.gamma->model;
    const std::string mark = "#" + facts.tower;
    const bool marked = model.model.ends_with(mark);
    const std::string base = marked ? model.model.substr(0, model.model.size() - mark.size()) : model.model;
    // Beside a tower that was asked for by its name the default one needs none.
    return marked && tower == facts.towers.front() ? base : base + "#" + tower;
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
