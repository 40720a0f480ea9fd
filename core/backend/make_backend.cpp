// The readable list of backends by device name.
#include "core/backend/backend.h"
#include "core/base/error.h"

namespace deadscope {

std::unique_ptr<Backend> make_backend(const std::string& device, Precision precision, int threads) {
    if (device == "auto" || device == "cpu") return make_cpu_backend(precision, threads);
    throw Error::usage("this version does not compute on that device",
                       {.key = "--device", .expected = "auto or cpu", .found = device});
}

}  // namespace deadscope
