// The registry of formats.
#include "core/checkpoint/open_format.h"

#include "core/checkpoint/file_kind.h"
#include "core/checkpoint/gguf.h"
#include "core/checkpoint/safetensors.h"
#include "core/checkpoint/torch.h"
#include "core/checkpoint/weights_choice.h"

namespace deadscope {

std::unique_ptr<WeightsFile> open_format(std::shared_ptr<const MappedFile> file, bool check_entries) {
    const std::string& name = file->path();
    if (name.ends_with(".safetensors")) return open_safetensors(std::move(file));
    if (name.ends_with(".gguf")) return open_gguf(std::move(file));
    switch (file_kind(*file)) {
        case FileKind::safetensors:
            return open_safetensors(std::move(file));
        case FileKind::gguf:
            return open_gguf(std::move(file));
        case FileKind::zip:
        case FileKind::pickle:
        case FileKind::tar:
            return open_torch(std::move(file), check_entries);
        default:
            break;
    }
    if (is_torch_name(name)) return open_torch(std::move(file), check_entries);
    return open_safetensors(std::move(file));  // says what it is instead
}

}  // namespace deadscope
