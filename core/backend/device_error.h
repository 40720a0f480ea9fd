// Errors of a device that a reading can do something about: it starts again in smaller steps, or elsewhere.
#pragma once

#include <string_view>
#include <utility>

#include "core/base/error.h"

namespace deadscope {

// The device has no room for what was asked, even with nothing kept back. It works on: nothing was lost but
// the operation. Thread rule: as Error.
class OutOfDeviceMemory : public Error {
public:
    explicit OutOfDeviceMemory(std::string_view summary, ErrorDetails details = {})
        : Error(ErrorKind::resource, summary, std::move(details)) {}
};

}  // namespace deadscope
