// The names that a PyTorch checkpoint's pickle may hold, and what each means for its tensors. This list is
// the whole of it: what is not here refuses the file.
#pragma once

#include <span>

#include "core/checkpoint/checkpoint.h"
#include "core/checkpoint/pickle.h"

namespace deadscope {

enum class TorchRole {
    ordered_dict,
    size,              // torch.Size: a tuple
    tensor,            // _rebuild_tensor, _rebuild_tensor_v2 (storage, offset, size, stride, ...)
    tensor_of_dtype,   // _rebuild_tensor_v3 (storage, offset, size, stride, requires_grad, hooks, dtype)
    parameter,         // _rebuild_parameter, _rebuild_parameter_with_state (tensor, ...)
    tensor_subclass,   // _rebuild_from_type_v2 (function, type, arguments, state)
    storage,           // a typed storage; dtype below
    untyped_storage,   // bytes
    dtype,             // torch.float32 and the like
    of_no_consequence  // named beside tensors, never needed
};

struct TorchName {
    PickleGlobal global;
    TorchRole role;
    DType dtype = DType::u8;  // of storage, untyped_storage and dtype
};

std::span<const PickleGlobal> torch_globals();                // for read_pickle
const TorchName& torch_name(const Pickle& pickle, PickleId);  // of a value of kind global

}  // namespace deadscope
