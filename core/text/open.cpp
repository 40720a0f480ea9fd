// Which of a checkpoint's files is its tokenizer, in the order in which they are trusted. See tokenizer.h.
#include <filesystem>

#include "core/base/error.h"
#include "core/text/embedded.h"
#include "core/text/tokenizer.h"
#include "core/text/tokenizer_json.h"

namespace deadscope {

namespace fs = std::filesystem;

std::unique_ptr<Tokenizer> open_tokenizer(const Checkpoint& checkpoint) {
    const fs::path folder = checkpoint.folder();
    std::error_code ignored;
    for (const auto& file : checkpoint.files())
        if (auto embedded = file->tokenizer())
            return make_embedded_tokenizer(*std::move(embedded), file->path());
    if (!checkpoint.folder().empty() && fs::exists(folder / "tokenizer.json", ignored))
        return open_tokenizer_json((folder / "tokenizer.json").string());
    throw Error::input("The checkpoint has no tokenizer",
                       {.file = checkpoint.source(),
                        .expected = "tokenizer.json",
                        .hint = "Give token ids by --tokens FILE.npy, or --random N."});
}

}  // namespace deadscope
