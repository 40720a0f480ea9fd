// Work on a device that may turn out to have too little memory: it starts again in smaller steps, and at last
// on the processor.
#pragma once

#include <functional>
#include <string>

namespace deadscope {

struct Room {
    std::size_t steps = 1;  // the usual chunk of tokens was divided by this
    std::string why_moved;  // what the device said, where the processor did the work
};

// attempt(device, steps) once or again while it throws OutOfDeviceMemory, which undoes what it left behind;
// the last time on "cpu". What it returns is returned. Errors: attempt's own.
bool with_room(const std::string& device, const std::function<bool(const std::string&, std::size_t)>& attempt,
               Room& room);

}  // namespace deadscope
