// From a checkpoint's pickle to the tensors of its state dict: which dictionary that is, and what each tensor
// is a view of. Where the storages' bytes lie is torch.cpp's concern.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/checkpoint/checkpoint.h"
#include "core/checkpoint/pickle.h"

namespace deadscope {

// As a pickle names it: persistent id ('storage', type, key, location, elements[, view]).
struct StorageRef {
    std::string key;
    bool typed = true;           // else bytes, whose dtype the tensor tells
    DType dtype = DType::u8;     // of one element
    std::uint64_t elements = 0;  // of the storage, as the pickle says
    std::uint64_t first = 0;  // element of the root storage that it begins with (views of the older format)
    std::uint64_t root_size = 0;  // elements of the root storage
};

// Strides and offset are in elements of dtype; every element lies inside the storage.
struct TorchTensor {
    std::string name;
    DType dtype = DType::f32;
    std::vector<std::int64_t> shape, strides;
    std::uint64_t elements = 0, offset = 0;
    std::uint64_t needed = 0;  // bytes of the storage up to the tensor's last element
    StorageRef storage;
};

// The tensors of the state dict, in its order, with "module." and "_orig_mod." taken off where all have it.
// Values that are no tensors are left out. Errors: no state dict, a tensor that is not inside its storage.
std::vector<TorchTensor> torch_tensors(const Pickle& pickle, const std::string& file);

// Nothing where the id is not a storage's.
std::optional<StorageRef> storage_ref(const Pickle& pickle, PickleId persistent);

}  // namespace deadscope
