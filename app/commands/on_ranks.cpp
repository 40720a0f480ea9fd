// See on_ranks.h.
#include "app/commands/on_ranks.h"

#include <chrono>
#include <thread>

#include "app/commands/terminal.h"
#include "core/backend/backend.h"
#include "core/base/error.h"
#include "core/cluster/open_ranks.h"

namespace deadscope {

int on_ranks(const std::function<int(Ranks&)>& command) {
    const std::unique_ptr<Ranks> ranks = join_ranks();
    try {
        return command(*ranks);
    } catch (const Error& error) {
        return ranks->rank() == 0 ? report_error(error) : static_cast<int>(error.kind());
    } catch (const std::exception& error) {  // what a team does not agree on
        const Error unexpected = Error::resource("an unexpected error", {.found = error.what()});
        ranks->end_job(report_error(unexpected));
        return static_cast<int>(unexpected.kind());
    }
}

std::string device_of_rank(const std::string& device) {
    const std::optional<Launch> here = launch();
    if (!here) return device;
    const std::vector<std::string> devices = devices_of(device);
    return devices[static_cast<std::size_t>(here->local_rank) % devices.size()];
}

void refuse_ranks() {
    if (!launch()) return;
    throw Error::usage("only analyze is shared among several ranks",
                       {.hint = "start this command without mpirun or srun"});
}

bool another_rank_speaks() {
    const std::optional<Launch> here = launch();
    if (!here || here->rank == 0) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    return true;
}

}  // namespace deadscope
