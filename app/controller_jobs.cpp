// The jobs of the controller: opening a model, a pass over it, a block's spectrum. The lambdas handed to the
// queues run on their threads and touch nothing of the controller; what they deliver runs in update().
#include <memory>
#include <utility>

#include "app/controller.h"
#include "app/durations.h"
#include "core/base/error.h"
#include "core/base/machine.h"
#include "core/base/output_file.h"
#include "core/base/thread_priority.h"
#include "core/checkpoint/checkpoint.h"
#include "core/spectra/singular.h"

namespace deadscope {
namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Runs the work; what it throws reaches the window both as the job's error and as thrown.
template <class Action>
void keeping_failure(JobContext& context, std::function<void(std::exception_ptr)> keep,
                     const Action& action) {
    try {
        action();
    } catch (...) {
        context.deliver([keep = std::move(keep), failure = std::current_exception()] { keep(failure); });
        throw;
    }
}

std::string spectrum_tag(const BlockSpectrumKey& key) {
    return "spectrum:" + std::to_string(key.model) + ":" + std::to_string(key.run) + ":" +
           std::to_string(key.block) + (key.centred ? ":centred" : ":uncentred");
}

// The kept factor of this block's stream; empty where it was not kept.
const std::vector<double>* kept_factor(const Reading& reading, const BlockSpectrumKey& key) {
    if (key.run >= reading.runs.size()) return nullptr;
    const Run& run = reading.runs[key.run];
    if (key.block >= run.stream_factors.size()) return nullptr;
    const std::shared_ptr<const Run::Factors>& factors = run.stream_factors[key.block];
    if (!factors) return nullptr;
    const std::vector<double>& factor = key.centred ? factors->centred : factors->uncentred;
    return factor.empty() ? nullptr : &factor;
}

}  // namespace

void Controller::start_opening(OpenModel& model) {
    if (model.remote) return start_remote_opening(model);
    model.stage = OpenModel::Stage::opening;
    model.error.clear();
    Work& work = work_[model.id];
    work.failure = nullptr;
    const auto keep = [this, id = model.id](std::exception_ptr failure) { failed(id, std::move(failure)); };
    work.open_job = quick_.submit(
        open_tag(model.id), "Opening " + model.label,
        [this, keep, id = model.id, name = model.model](JobContext& context) {
            keeping_failure(context, keep, [&] {
                const auto start = Clock::now();
                auto gamma = std::make_shared<const GammaReading>(read_gamma(open_checkpoint(name)));
                context.deliver([this, id, gamma = std::move(gamma), seconds = seconds_since(start)] {
                    opened(id, gamma, seconds);
                });
            });
        });
}

void Controller::opened(ModelId id, std::shared_ptr<const GammaReading> gamma, double seconds) {
    OpenModel* model = find(id);
    if (model == nullptr) return;
    model->gamma = std::move(gamma);
    model->open_s = seconds;
    model->stage = OpenModel::Stage::ready;
    model->label = unique_label(model->gamma->model.name, id);
    log(LogLine::Level::info, model->label + ": " + std::to_string(model->gamma->norms.size()) +
                                  " norms read in " + duration_text(seconds));
    for (const std::string& warning : model->gamma->warnings) {
        log(LogLine::Level::warning, model->label + ": " + warning);
    }
    if (!model->gamma->model.forward_supported) {
        model->error = model->gamma->model.forward_error;
        log(LogLine::Level::warning, model->label + ": " + model->error);
    } else if (run_when_opened_) {
        start_pass(*model);
    }
}

void Controller::start_pass(OpenModel& model) {
    if (model.remote) {
        model.error = model.gamma->model.forward_error;
        return;
    }
    if (model.activations) return start_reading(model);
    const unsigned generation = begin_pass(model);
    const auto keep = [this, id = model.id](std::exception_ptr failure) { failed(id, std::move(failure)); };
    ReadingSettings settings = state_.settings;
    if (window_) settings.threads = threads_beside_window(settings.threads, machine().cores);
    work_[model.id].run_job = passes_.submit(
        run_tag(model.id), "Reading " + model.label,
        [this, keep, generation, id = model.id, name = model.model, window = window_,
         settings = std::move(settings)](JobContext& context) {
            if (window) give_way();
            keeping_failure(context, keep, [&] {
                const auto leave = [&](std::shared_ptr<const Reading> reading, bool complete) {
                    context.deliver([this, id, generation, complete, reading = std::move(reading)] {
                        grown(id, generation, reading, complete);
                    });
                };
                auto whole = analyze(name, settings, context.progress, [&](const Reading& so_far) {
                    leave(std::make_shared<const Reading>(so_far), /*complete=*/false);
                });
                if (whole) leave(std::make_shared<const Reading>(std::move(*whole)), /*complete=*/true);
            });
        },
        WhenCancelled::leave);
}

unsigned Controller::begin_pass(OpenModel& model) {
    model.error.clear();
    model.run_cancelled = false;
    model.stage = OpenModel::Stage::queued;
    forget_spectra(model.id);
    Work& work = work_[model.id];
    work.failure = nullptr;
    return ++work.generation;
}

void Controller::grown(ModelId id, unsigned generation, std::shared_ptr<const Reading> reading,
                       bool complete) {
    OpenModel* model = find(id);
    if (model == nullptr || work_[id].generation != generation) return;
    disposal_.take(std::exchange(model->reading, std::move(reading)));
    take_gamma(*model);
    model->stage = complete ? OpenModel::Stage::done : OpenModel::Stage::running;
    if (!complete) return;
    double seconds = model->reading->load_s;
    for (const Run& run : model->reading->runs) seconds += run.forward_s + run.spectra_s;
    log(LogLine::Level::info, model->label + ": read in " + duration_text(seconds));
    for (const std::string& warning : model->reading->warnings) {
        log(LogLine::Level::warning, model->label + ": " + warning);
    }
}

// A reading of activations brings its γ with it, and one of pictures or sound may be of another tower than
// was opened.
void Controller::take_gamma(OpenModel& model) {
    if (model.gamma && model.gamma->model.source == model.reading->gamma.model.source && !model.activations)
        return;
    model.gamma = std::shared_ptr<const GammaReading>(model.reading, &model.reading->gamma);
    model.label = unique_label(model.gamma->model.name, model.id);
    if (state_.selection.model == model.id)
        state_.selection = {.model = model.id, .norm = {}, .block = {}, .channel = {}};
}

void Controller::failed(ModelId id, std::exception_ptr failure) {
    const auto work = work_.find(id);
    if (work != work_.end()) work->second.failure = std::move(failure);
}

void Controller::forget_spectra(ModelId id) {
    std::erase_if(state_.block_spectra, [&](const auto& entry) { return entry.first.model == id; });
    std::erase_if(spectra_asked_, [&](const BlockSpectrumKey& key) { return key.model == id; });
}

void Controller::carry_out(const SpectrumIntent& intent) {
    const OpenModel* model = find(intent.key.model);
    if (model == nullptr || !model->reading || spectra_asked_.contains(intent.key)) return;
    const std::vector<double>* factor = kept_factor(*model->reading, intent.key);
    if (factor == nullptr) {
        // While a pass runs the factor may still come; afterwards an empty spectrum says that it was not
        // kept.
        if (model->stage == OpenModel::Stage::done) {
            state_.block_spectra[intent.key] = std::make_shared<const std::vector<double>>();
        }
        return;
    }
    spectra_asked_.insert(intent.key);
    const auto d = static_cast<std::size_t>(model->reading->gamma.model.d_model);
    quick_.submit(
        spectrum_tag(intent.key),
        "Spectrum of block " + std::to_string(intent.key.block) + " of " + model->label,
        [this, key = intent.key, d, factor, generation = work_[intent.key.model].generation, window = window_,
         held = model->reading](JobContext& context) {
            if (window) give_way();
            auto values = std::make_shared<const std::vector<double>>(singular_values(*factor, d));
            context.deliver([this, key, generation, values = std::move(values)] {
                const auto work = work_.find(key.model);
                if (work == work_.end() || work->second.generation != generation) return;
                state_.block_spectra[key] = values;
            });
        },
        WhenCancelled::leave);
}

void Controller::carry_out(const SaveTextIntent& intent) {
    quick_.submit("save:" + intent.path, "Saving " + intent.path,
                  [this, path = intent.path, text = intent.text](JobContext& context) {
                      LogLine::Level level = LogLine::Level::info;
                      std::string words = path + " saved";
                      try {
                          OutputFile file(path);
                          file.write(text);
                          file.commit();
                      } catch (const Error& error) {
                          level = LogLine::Level::error;
                          words = error.message();
                      }
                      context.deliver([this, level, words] { log(level, words); });
                  });
}

}  // namespace deadscope
