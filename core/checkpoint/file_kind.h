// What a file is, as far as its first bytes tell: for choosing its reader, and for words where there is none.
#pragma once

#include <string>

#include "core/base/mapped_file.h"

namespace deadscope {

enum class FileKind {
    unknown,
    empty,
    safetensors,
    gguf,
    zip,     // PyTorch's .bin and .pt, NumPy's .npz
    pickle,  // PyTorch's before 1.6
    tar,     // PyTorch's before 0.1.10
    numpy,
    hdf5,
    git_lfs,
    html,
    json
};
FileKind file_kind(const MappedFile& file);
std::string file_kind_words(FileKind kind);  // "a GGUF file"; empty: unknown
std::string file_kind_hint(FileKind kind);   // what to do about it; mostly empty

}  // namespace deadscope
