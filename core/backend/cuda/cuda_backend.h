// The CUDA backend, as the module and the tests make it.
#pragma once

#include <memory>

#include "core/backend/backend.h"

namespace deadscope::cuda {

// options.threads: at least 1 is used. device: its number, which is known to be usable (module.h). Errors:
// Error::resource.
std::unique_ptr<Backend> make_cuda_backend(int device, Precision precision,
                                           const BackendOptions& options = {});

}  // namespace deadscope::cuda
