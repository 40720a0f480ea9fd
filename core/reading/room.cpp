// See room.h.
#include "core/reading/room.h"

#include "core/backend/device_error.h"

namespace deadscope {

bool with_room(const std::string& device, const std::function<bool(const std::string&, std::size_t)>& attempt,
               Room& room) {
    for (const std::size_t steps : {1, 4, 16}) {
        try {
            room = {.steps = steps, .why_moved = {}};
            return attempt(device, steps);
        } catch (const OutOfDeviceMemory& error) {
            room.why_moved = error.summary();
        }
    }
    room.steps = 1;
    return attempt("cpu", 1);
}

}  // namespace deadscope
