// All that the person chose and all that was read, as plain data. Panels read it and emit intents
// (intents.h); the controller is its only writer, once a frame, on the window's thread.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/frame_times.h"
#include "core/checkpoint/checkpoint.h"
#include "core/checkpoint/hub_cache_list.h"
#include "core/hub/needed_files.h"
#include "core/jobs/jobs.h"
#include "core/reading/analyze.h"
#include "core/reading/read_activations.h"
#include "core/reading/reading.h"
#include "core/reading/rows.h"

namespace deadscope {

using ModelId = std::uint64_t;

struct OpenModel {
    enum class Stage {
        opening,  // header and γ are being read
        ready,    // γ is here; no pass was run
        queued,   // a pass is waiting
        running,  // a pass is at work; reading grows
        done,     // reading is complete
        failed    // did not open: error says why; gamma is null
    };
    ModelId id = 0;
    std::string model;  // the MODEL string as asked for, or the file of activations
    std::string label;  // short, unique among open models
    Stage stage = Stage::opening;
    std::size_t colour = 0;  // place in the model palette (theme.h)
    bool shown = true;
    std::shared_ptr<const GammaReading> gamma;  // null until read
    std::shared_ptr<const Reading> reading;     // null until the first block; partial while running
    std::string error;                          // of opening or of the last run, in words
    bool remote = false;                        // on the hub: γ alone is read, by range requests
    bool run_cancelled = false;                 // the last run was cancelled; reading may be partial
    double open_s = 0.0;                        // time it took to have γ on screen
    // Of activations that came without their model: how they are read. γ is there when the reading is.
    std::optional<ActivationSettings> activations;
};
// The MODEL string of another tower of the same checkpoint.
std::string tower_model(const OpenModel& model, const std::string& tower);

// The one selection all panels share; hover is replaced every frame.
struct Selection {
    ModelId model = 0;  // 0: none
    std::optional<std::size_t> norm, block, channel;
};

// Spectrum of one block's stream, computed on demand from the kept factors.
struct BlockSpectrumKey {
    ModelId model;
    std::size_t run, block;
    bool centred;
    auto operator<=>(const BlockSpectrumKey&) const = default;
};

enum class ThemeKind { dark, light, projector };

// What is typed in the dialog that reads activations without their model.
struct ReadForm {
    std::string file;
    ActivationSettings settings;
};

struct ViewState {
    ThemeKind theme = ThemeKind::dark;
    float text_scale = 1.0f;  // the person's factor on top of the display's
    bool motion = true;
    std::map<std::string, bool> panel_open;  // by panel name; absent: open
    bool show_settings = false, show_about = false, show_help = false, show_open_dialog = false,
         show_hub_dialog = false, show_read_dialog = false;
    bool help_on_activations = false;  // the help's page: how they are written
    ReadForm read_form;
    std::string hub_filter;  // of the cached models' names
    struct Gamma {
        int tab = 0;  // 0 heatmap, 1 lines, 2 histogram
        bool sorted = false, log_scale = true;
        int colour_map = 0;  // 0 viridis, 1 cividis
        bool auto_range = true;
        float range_low = 0.f, range_high = 1.f;  // of |γ|, where not automatic
    } gamma;
    struct Eigenvalues {
        bool show_init = true, show_ladder = true, log_rank = false;
        int source = 0;  // 0 final norm, 1 the selected block
    } eigenvalues;
    struct Alignment {
        int tab = 0;
        bool sorted = false;
    } alignment;  // tab 0 components, 1 |⟨v, u_i⟩|
    struct Residual {
        bool centred = true, uncentred = true, show_init = true;
    } residual;
};

struct LogLine {
    enum class Level { info, warning, error } level = Level::info;
    double at_s = 0.0;  // since the program started
    std::string text;
};

// What the hub has of one model, as it answered.
struct HubOffer {
    HubListing listing;
    NeededFiles needed;
    std::vector<HubRevision> revisions;
};

struct HubState {
    std::string folder;                    // of the cache
    std::vector<CachedRepository> cached;  // as it was last looked through
    bool cache_read = false;
    std::string asked;                      // MODEL string of the last question; empty: none
    bool asking = false;                    // the answer is under way
    std::shared_ptr<const HubOffer> offer;  // the answer to the last question
    std::string error;                      // of the last question or download, in words
};

// The arrays of the file named in the read dialog.
struct ArrayListing {
    std::string file;
    bool reading = false;
    std::vector<ArrayInfo> arrays;
    std::string error;  // in words
};

struct ExplorerState {
    std::vector<OpenModel> models;  // in the order shown
    Selection selection, hover;
    ReadingSettings settings;  // run settings, for every model
    ViewState view;
    std::vector<JobStatus> jobs;
    std::deque<LogLine> log;  // newest last, bounded
    std::map<BlockSpectrumKey, std::shared_ptr<const std::vector<double>>>
        block_spectra;  // singular values, descending
    HubState hub;
    ArrayListing arrays;
    std::string machine;  // "CPU … · 2 threads · OpenBLAS", for Jobs
    std::uint64_t rss_bytes = 0;
    FrameSummary frames;  // the window's own work on its last frames

    const OpenModel* find(ModelId id) const;
    const OpenModel* selected() const;  // the selected model, or the first shown
    const JobStatus* job_of(
        ModelId id) const;  // its queued or running job, the pass before the opening; nullptr: none
};

// Tags of a model's jobs: a newer job of the same tag replaces the older.
std::string open_tag(ModelId id);
std::string run_tag(ModelId id);
std::string fetch_tag(const std::string& model);

}  // namespace deadscope
