// What each intent does, and how jobs are followed; see controller.h. The jobs themselves are in
// controller_jobs.cpp.
#include "app/controller.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "core/base/machine.h"

namespace deadscope {
namespace {

constexpr std::size_t log_lines = 500;
constexpr double memory_period_s = 0.5;

const JobStatus* find_job(const std::vector<JobStatus>& jobs, std::uint64_t id) {
    const auto found = std::ranges::find(jobs, id, &JobStatus::id);
    return found == jobs.end() ? nullptr : &*found;
}

int rank(JobState state) {
    return state == JobState::running ? 0 : state == JobState::queued ? 1 : 2;
}

std::string short_name(const std::string& model) {
    const std::string name = std::filesystem::path(model).lexically_normal().filename().string();
    return name.empty() ? model : name;
}

std::string machine_words() {
    // OpenBLAS describes itself in one line of switches; its name and version are enough here, the log has
    // all.
    const Machine& here = machine();
    const std::size_t name_end = here.blas.find(' ');
    const std::size_t version_end =
        name_end == std::string::npos ? name_end : here.blas.find(' ', name_end + 1);
    return here.processor + " · " + std::to_string(here.cores) + (here.cores == 1 ? " core" : " cores") +
           " · " + here.blas.substr(0, version_end);
}

}  // namespace

Controller::Controller(ControllerOptions options)
    : run_when_opened_(options.run_when_opened),
      window_(options.window),
      quick_(woken(options)),
      passes_(woken(options)),
      hub_(woken(options)),
      downloads_(woken(options)) {
    state_.settings = std::move(options.settings);
    state_.machine = machine_words();
    log(LogLine::Level::info, machine().blas);
}

std::function<void()> Controller::woken(const ControllerOptions& options) {
    return [this, wake = options.wake] {
        if (wake && !polling_) wake();
    };
}

void Controller::apply(std::vector<Intent> intents) {
    state_.hover = {};  // replaced every frame
    for (Intent& intent : intents) std::visit([this](const auto& one) { carry_out(one); }, intent);
}

bool Controller::busy() const {
    return std::ranges::any_of(queues_, [](const Queue& one) { return !one.queue->idle(); });
}

bool Controller::stop() {
    for (Queue& one : queues_) one.queue->cancel_all();
    for (Queue& one : queues_) one.queue->wait_idle();
    return std::ranges::none_of(queues_, [](const Queue& one) { return one.queue->has_left(); });
}

std::exception_ptr Controller::failure(ModelId id) const {
    const auto found = work_.find(id);
    return found == work_.end() ? nullptr : found->second.failure;
}

bool Controller::update() {
    const bool idle = !busy();
    // The status is taken before the deliveries: a job that it calls done has left all of them.
    for (Queue& one : queues_) one.jobs = one.queue->status();
    std::size_t delivered = 0;
    for (Queue& one : queues_) delivered += one.queue->drain();
    follow_jobs();
    state_.jobs.clear();
    for (const std::size_t place : {1u, 0u, 2u, 3u}) {  // passes before the others
        for (JobStatus job : queues_[place].jobs) {
            job.id = job.id * queues_.size() + place;
            state_.jobs.push_back(std::move(job));
        }
    }
    std::ranges::stable_sort(state_.jobs, {}, [](const JobStatus& job) { return rank(job.state); });
    if (memory_read_at_ < 0 || now() - memory_read_at_ > memory_period_s) {
        state_.rss_bytes = resident_bytes();
        memory_read_at_ = now();
    }
    polling_ = busy();
    return idle && delivered == 0;
}

OpenModel* Controller::find(ModelId id) {
    const auto found = std::ranges::find(state_.models, id, &OpenModel::id);
    return found == state_.models.end() ? nullptr : &*found;
}

std::size_t Controller::free_colour() const {
    const auto taken = [this](std::size_t place) {
        return std::ranges::any_of(state_.models,
                                   [&](const OpenModel& model) { return model.colour == place; });
    };
    std::size_t place = 0;
    while (taken(place)) ++place;
    return place;
}

std::string Controller::unique_label(const std::string& name, ModelId id) const {
    const auto taken = [&](const std::string& label) {
        return std::ranges::any_of(
            state_.models, [&](const OpenModel& model) { return model.id != id && model.label == label; });
    };
    if (!taken(name)) return name;
    std::size_t number = 2;
    while (taken(name + " (" + std::to_string(number) + ")")) ++number;
    return name + " (" + std::to_string(number) + ")";
}

void Controller::log(LogLine::Level level, std::string text) {
    state_.log.push_back({level, now(), std::move(text)});
    if (state_.log.size() > log_lines) state_.log.pop_front();
}

// ---- Intents

void Controller::carry_out(const OpenIntent& intent) {
    // A second opening of the same model shows the first; one that failed is tried again.
    const auto same = std::ranges::find_if(state_.models, [&](const OpenModel& model) {
        return !model.activations && model.model == intent.model;
    });
    if (same != state_.models.end()) {
        same->shown = true;
        state_.selection = {.model = same->id, .norm = {}, .block = {}, .channel = {}};
        if (same->stage == OpenModel::Stage::failed) start_opening(*same);
        return;
    }
    OpenModel& model = add_model(intent.model);
    model.remote = intent.remote;
    start_opening(model);
}

OpenModel& Controller::add_model(const std::string& name) {
    OpenModel model;
    model.id = next_id_++;
    model.model = name;
    model.label = unique_label(short_name(name), model.id);
    model.colour = free_colour();
    state_.models.push_back(std::move(model));
    return state_.models.back();
}

ModelId Controller::show_reading(const std::string& name, std::shared_ptr<const Reading> reading,
                                 bool complete) {
    const auto same = std::ranges::find(state_.models, name, &OpenModel::model);
    OpenModel& model = same == state_.models.end() ? add_model(name) : *same;
    disposal_.take(std::exchange(model.reading, std::move(reading)));
    take_gamma(model);
    model.stage = complete ? OpenModel::Stage::done : OpenModel::Stage::running;
    return model.id;
}

void Controller::carry_out(const CloseIntent& intent) {
    OpenModel* model = find(intent.model);
    if (model == nullptr) return;
    opening_queue(*model).cancel_tag(open_tag(model->id));
    passes_.cancel_tag(run_tag(model->id));
    forget_spectra(model->id);
    work_.erase(model->id);
    log(LogLine::Level::info, model->label + " closed");
    disposal_.take(std::move(model->reading));
    disposal_.take(std::move(model->gamma));
    std::erase_if(state_.models, [&](const OpenModel& one) { return one.id == intent.model; });
    if (state_.selection.model == intent.model) state_.selection = {};
}

void Controller::carry_out(const RunIntent& intent) {
    for (OpenModel& model : state_.models) {
        const bool asked = intent.model ? *intent.model == model.id : model.shown;
        if (asked && (model.gamma || model.activations)) start_pass(model);
    }
}

void Controller::carry_out(const CancelIntent& intent) {
    if (intent.job) {
        queues_[*intent.job % queues_.size()].queue->cancel(*intent.job / queues_.size());
    } else {
        for (const Queue& one : queues_) one.queue->cancel_all();
    }
}

void Controller::carry_out(const ShowIntent& intent) {
    if (OpenModel* model = find(intent.model)) model->shown = intent.shown;
}

void Controller::carry_out(const MoveIntent& intent) {
    const auto from = std::ranges::find(state_.models, intent.model, &OpenModel::id);
    if (from == state_.models.end()) return;
    const auto place = from - state_.models.begin();
    const auto last = static_cast<std::ptrdiff_t>(state_.models.size()) - 1;
    const auto target = std::clamp<std::ptrdiff_t>(place + intent.by, 0, last);
    const auto to = state_.models.begin() + target;
    if (target > place) std::rotate(from, from + 1, to + 1);
    if (target < place) std::rotate(to, from, from + 1);
}

void Controller::carry_out(const SelectIntent& intent) {
    if (find(intent.selection.model) != nullptr) state_.selection = intent.selection;
}

void Controller::carry_out(const HoverIntent& intent) {
    state_.hover = intent.selection;
}

void Controller::carry_out(const SettingsIntent& intent) {
    state_.settings = intent.settings;
}

void Controller::carry_out(const ViewIntent& intent) {
    intent.change(state_.view);
}

void Controller::carry_out(const DismissErrorIntent& intent) {
    OpenModel* model = find(intent.model);
    if (model == nullptr) return;
    if (model->gamma) {
        model->error.clear();
    } else {
        carry_out(CloseIntent{intent.model});  // nothing of it is there
    }
}

void Controller::carry_out(const QuitIntent&) {
    quit_ = true;
}

// ---- Jobs under way

void Controller::follow_jobs() {
    const std::vector<JobStatus>&quick = queues_[0].jobs, &passes = queues_[1].jobs, &hub = queues_[2].jobs;
    for (OpenModel& model : state_.models) {
        Work& work = work_[model.id];
        const std::vector<JobStatus>& openings = model.remote ? hub : quick;
        if (const JobStatus* job = work.open_job == 0 ? nullptr : find_job(openings, work.open_job)) {
            follow_opening(model, work, *job);
        }
        if (const JobStatus* job = work.run_job == 0 ? nullptr : find_job(passes, work.run_job)) {
            follow_pass(model, work, *job);
        }
    }
}

void Controller::follow_opening(OpenModel& model, Work& work, const JobStatus& job) {
    if (job.state == JobState::queued || job.state == JobState::running) return;
    work.open_job = 0;
    if (job.state == JobState::done) return;  // opened() has been here
    model.stage = OpenModel::Stage::failed;
    model.error = job.state == JobState::cancelled ? "The opening was cancelled." : job.error;
    log(job.state == JobState::cancelled ? LogLine::Level::warning : LogLine::Level::error,
        model.label + ": " + model.error);
}

void Controller::follow_pass(OpenModel& model, Work& work, const JobStatus& job) {
    if (job.state == JobState::queued) return;  // begin_pass() has said so
    if (job.state == JobState::running) {
        // Its last delivery may already be here: the status is the older of the two.
        if (model.stage == OpenModel::Stage::queued) model.stage = OpenModel::Stage::running;
        return;
    }
    work.run_job = 0;
    if (job.state == JobState::done) return;  // grown() has been here
    model.stage = model.gamma ? OpenModel::Stage::ready : OpenModel::Stage::failed;
    if (job.state == JobState::cancelled) {
        model.run_cancelled = true;
        if (!model.gamma) model.error = "The reading was cancelled.";
        log(LogLine::Level::warning, model.label + ": the pass was cancelled");
    } else {
        model.error = job.error;
        log(LogLine::Level::error, model.label + ": " + job.error);
    }
}

}  // namespace deadscope
