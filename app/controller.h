// Intents become jobs, finished jobs become state: the only writer of ExplorerState. How state looks on the
// screen is the panels', when a frame is drawn is the explorer's.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "app/intents.h"
#include "app/state.h"
#include "core/jobs/disposal.h"
#include "core/jobs/jobs.h"

namespace deadscope {

struct ControllerOptions {
    ReadingSettings settings;
    bool run_when_opened = true;      // a pass follows the opening by itself
    std::function<void()> wake = {};  // from a worker, when there is news and nobody polls
    bool window = false;  // somebody watches: passes give way to the window's thread and leave it a core
};

// Queues with one worker each: openings and block spectra are answered while a long pass is at work, the hub
// is asked while it sends a download. Thread rule: the window's thread only; its jobs run on the queues'
// threads and come back in update().
class Controller {
public:
    explicit Controller(ControllerOptions options);
    Controller(const Controller&) = delete;
    Controller& operator=(const Controller&) = delete;

    const ExplorerState& state() const { return state_; }
    ViewState& view() { return state_.view; }  // for the remembered settings, before the first frame

    void apply(std::vector<Intent> intents);  // after the frame that emitted them
    // True: there was no job, and nothing that one had left.
    bool update();  // once a frame: takes over what the jobs left
    // A reading that was made elsewhere, beside the others; of a name that is there, it takes the place of
    // the one shown. complete: all of its runs have come.
    ModelId show_reading(const std::string& name, std::shared_ptr<const Reading> reading, bool complete);
    void note_frames(const FrameSummary& frames) { state_.frames = frames; }
    bool busy() const;  // a job is queued or running
    // For the end of the program: all jobs are cancelled. False where one that does not ask is still at work.
    bool stop();
    bool quit_asked() const { return quit_; }
    std::exception_ptr failure(ModelId id) const;  // of the last opening or pass, as thrown; null: none

private:
    using Clock = std::chrono::steady_clock;
    struct Work {
        std::uint64_t open_job = 0, run_job = 0;  // 0: none under way
        unsigned generation = 0;                  // of passes: a late delivery of an older one is ignored
        std::exception_ptr failure;
    };

    void carry_out(const OpenIntent& intent);
    void carry_out(const CloseIntent& intent);
    void carry_out(const RunIntent& intent);
    void carry_out(const CancelIntent& intent);
    void carry_out(const ShowIntent& intent);
    void carry_out(const MoveIntent& intent);
    void carry_out(const SelectIntent& intent);
    void carry_out(const HoverIntent& intent);
    void carry_out(const SpectrumIntent& intent);
    void carry_out(const SettingsIntent& intent);
    void carry_out(const ViewIntent& intent);
    void carry_out(const SaveTextIntent& intent);
    void carry_out(const HubCacheIntent& intent);
    void carry_out(const HubAskIntent& intent);
    void carry_out(const HubFetchIntent& intent);
    void carry_out(const ArraysIntent& intent);
    void carry_out(const ReadIntent& intent);
    void carry_out(const DismissErrorIntent& intent);
    void carry_out(const QuitIntent& intent);

    void start_opening(OpenModel& model);
    void start_remote_opening(OpenModel& model);
    void fetched(const std::string& model);
    void hub_failed(const std::exception_ptr& failure);
    JobQueue& opening_queue(const OpenModel& model) { return model.remote ? hub_ : quick_; }
    void start_pass(OpenModel& model);
    void start_reading(OpenModel& model);  // of activations
    unsigned begin_pass(OpenModel& model);
    void take_gamma(OpenModel& model);
    void arrays_listed(const std::string& file, std::vector<ArrayInfo> arrays, std::string error);
    void opened(ModelId id, std::shared_ptr<const GammaReading> gamma, double seconds);
    void grown(ModelId id, unsigned generation, std::shared_ptr<const Reading> reading, bool complete);
    void failed(ModelId id, std::exception_ptr failure);
    void follow_opening(OpenModel& model, Work& work, const JobStatus& job);
    void follow_pass(OpenModel& model, Work& work, const JobStatus& job);
    void follow_jobs();
    void forget_spectra(ModelId id);
    std::function<void()> woken(const ControllerOptions& options);
    OpenModel* find(ModelId id);
    OpenModel& add_model(const std::string& model);
    std::size_t free_colour() const;
    std::string unique_label(const std::string& name, ModelId id) const;
    void log(LogLine::Level level, std::string text);
    double now() const { return std::chrono::duration<double>(Clock::now() - started_).count(); }

    ExplorerState state_;
    std::map<ModelId, Work> work_;
    std::set<BlockSpectrumKey> spectra_asked_;
    bool run_when_opened_, window_;
    bool quit_ = false;
    ModelId next_id_ = 1;
    Clock::time_point started_ = Clock::now();
    double memory_read_at_ = -1.0;      // seconds since the start
    std::atomic<bool> polling_{false};  // the window draws at a steady rate anyway
    Disposal disposal_;
    JobQueue quick_, passes_, hub_, downloads_;  // last: their workers end before what they refer to
    struct Queue {
        JobQueue* queue;
        std::vector<JobStatus> jobs;  // as of this frame
    };
    // In the order of their ids' lowest digits; passes come first in lists.
    std::array<Queue, 4> queues_{{{&quick_, {}}, {&passes_, {}}, {&hub_, {}}, {&downloads_, {}}}};
};

}  // namespace deadscope
