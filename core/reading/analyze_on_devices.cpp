// See analyze_on_devices.h. Each device is a rank on a thread of its own.
#include "core/reading/analyze_on_devices.h"

#include <algorithm>
#include <atomic>

#include "core/backend/device_error.h"
#include "core/base/machine.h"
#include "core/cluster/thread_ranks.h"
#include "core/reading/warnings.h"

namespace deadscope {
namespace {

// Only the first rank asks whether to go on; the others hear it.
class SharedProgress {
public:
    explicit SharedProgress(const Progress& first) : first_(first) {}
    Progress of(int rank) {
        if (rank != 0) return [this](const ProgressUpdate&) { return !stopped_; };
        return [this](const ProgressUpdate& update) {
            if (!proceed(first_, update)) stopped_ = true;
            return !stopped_;
        };
    }

private:
    const Progress& first_;
    std::atomic<bool> stopped_{false};
};

}  // namespace

std::optional<Reading> analyze_on_devices(const std::vector<std::string>& devices, const std::string& model,
                                          const ReadingSettings& settings, const Progress& progress,
                                          const PartialReading& partial) {
    const int cores = settings.threads > 0 ? settings.threads : machine().cores;
    SharedProgress shared(progress);
    std::optional<Reading> reading;
    std::atomic<bool> no_room{false};
    try {
        run_on_threads(devices, [&](Ranks& ranks) {
            ReadingSettings own = settings;
            own.device = devices[static_cast<std::size_t>(ranks.rank())];
            own.threads = std::max(1, cores / ranks.size());
            try {
                std::optional<Reading> mine = analyze(model, own, ranks, shared.of(ranks.rank()), partial);
                if (ranks.rank() == 0) reading = std::move(mine);
            } catch (const OutOfDeviceMemory&) {
                no_room = true;
                throw;
            }
        });
    } catch (const Error&) {
        if (!no_room) throw;
        ReadingSettings alone = settings;
        alone.device = devices.front();
        reading = analyze(model, alone, progress, partial);
        if (reading) reading->warnings.push_back(moved_to_one_device());
    }
    if (reading && reading->ranks > 1)
        reading->device += " and " + std::to_string(reading->ranks - 1) + " more";
    return reading;
}

}  // namespace deadscope
