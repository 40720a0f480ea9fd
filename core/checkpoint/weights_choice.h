// Which of a folder's files are the checkpoint, by their names alone, so that a folder that is not there yet
// can be asked too. Opening them is folder.cpp's.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace deadscope {

// The file to begin with: one file of weights, an index of shards, or the first part of a split GGUF. In
// order: model.safetensors, its index, pytorch_model.bin, its index, the only .safetensors, the only PyTorch
// file, the only GGUF. Adapters' and trainers' own files are none. Errors: no such file, or several and
// nothing to choose by (named; `place` is the folder, for messages).
std::string choose_weights(const std::vector<std::string>& names, const std::string& place);

bool is_shard_index(std::string_view name);    // "….safetensors.index.json", "….bin.index.json"
bool is_torch_name(std::string_view name);     // .bin, .pt, .pth, .ckpt
bool is_unread_format(std::string_view name);  // holds weights of a format that is not read: .h5, .onnx, ...
extern const char* const unread_format_hint;

}  // namespace deadscope
