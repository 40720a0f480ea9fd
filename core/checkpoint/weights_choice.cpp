// The hub's conventions for names (transformers' modeling_utils, llama.cpp's gguf-split).
#include "core/checkpoint/weights_choice.h"

#include <algorithm>
#include <set>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/checkpoint/gguf.h"

namespace deadscope {
namespace {

constexpr std::string_view index_endings[] = {".safetensors.index.json", ".bin.index.json"};

bool ends_with_any(std::string_view name, auto&& endings) {
    return std::ranges::any_of(endings, [&](std::string_view ending) { return name.ends_with(ending); });
}

// Beside a model, and no model: what trainers and adapters leave.
bool is_companion(std::string_view name) {
    constexpr std::string_view starts[] = {"adapter_",
                                           "optimizer",
                                           "scheduler",
                                           "training_args",
                                           "rng_state",
                                           "scaler",
                                           "random_states",
                                           "trainer_state",
                                           "lora_weights",
                                           "ip-adapter",
                                           "pytorch_lora_weights",
                                           "global_step"};
    return std::ranges::any_of(starts, [&](std::string_view start) { return name.starts_with(start); });
}

[[noreturn]] void several(const std::vector<std::string>& candidates, const std::string& place,
                          std::string expected) {
    throw Error::input("The folder holds several weights files and no index",
                       {.file = place,
                        .expected = std::move(expected),
                        .found = join(candidates, ", "),
                        .hint = "Open one of the files."});
}

}  // namespace

const char* const unread_format_hint =
    "Convert it to safetensors, for example with transformers' save_pretrained().";

bool is_shard_index(std::string_view name) {
    return ends_with_any(name, index_endings);
}

bool is_torch_name(std::string_view name) {
    constexpr std::string_view endings[] = {".bin", ".pt", ".pth", ".ckpt"};
    return ends_with_any(name, endings);
}

bool is_unread_format(std::string_view name) {
    constexpr std::string_view endings[] = {".h5", ".msgpack", ".onnx", ".npz", ".tflite", ".mlmodel", ".ot"};
    return ends_with_any(name, endings);
}

std::string choose_weights(const std::vector<std::string>& names, const std::string& place) {
    for (const char* usual : {"model.safetensors", "model.safetensors.index.json", "pytorch_model.bin",
                              "pytorch_model.bin.index.json"})
        if (std::ranges::find(names, usual) != names.end()) return usual;
    std::vector<std::string> safetensors, torch, unread;
    std::set<std::string> gguf;  // one entry for all parts of a split one
    for (const std::string& name : names) {
        if (is_companion(name)) continue;
        if (name.ends_with(".safetensors") || name.ends_with(index_endings[0])) safetensors.push_back(name);
        if (is_torch_name(name) || name.ends_with(index_endings[1])) torch.push_back(name);
        if (name.ends_with(".gguf")) gguf.insert(gguf_part_names(name).front());
        if (is_unread_format(name)) unread.push_back(name);
    }
    std::vector<std::string> quantised(gguf.begin(), gguf.end());
    for (std::vector<std::string>* candidates : {&safetensors, &torch, &quantised}) {
        if (candidates->size() == 1) return candidates->front();
        if (candidates->size() > 1)
            several(*candidates, place,
                    candidates == &quantised ? "one GGUF file"
                                             : "model.safetensors or model.safetensors.index.json");
    }
    if (!unread.empty())
        throw Error::input("The folder's weights are in a format that is not read in this version",
                           {.file = place,
                            .expected = "safetensors, PyTorch's .bin or GGUF",
                            .found = join(unread, ", "),
                            .hint = unread_format_hint});
    throw Error::input(
        "The folder holds no weights",
        {.file = place,
         .expected = "model.safetensors, pytorch_model.bin, an index of shards, or a .gguf file",
         .found = "none of them"});
}

}  // namespace deadscope
