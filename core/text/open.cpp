// Which of a checkpoint's files is its tokenizer, in the order in which they are trusted. See tokenizer.h.
#include "core/base/error.h"
#include "core/checkpoint/folder.h"
#include "core/text/embedded.h"
#include "core/text/sentencepiece_file.h"
#include "core/text/tokenizer.h"
#include "core/text/tokenizer_config.h"
#include "core/text/tokenizer_json.h"
#include "core/text/vocabulary_files.h"

namespace deadscope {

std::unique_ptr<Tokenizer> open_tokenizer(const Checkpoint& checkpoint) {
    for (const auto& file : checkpoint.files())
        if (auto embedded = file->tokenizer())
            return make_embedded_tokenizer(*std::move(embedded), file->path());
    const auto beside = [&](const char* name) { return file_beside(checkpoint, name); };
    if (const auto path = beside("tokenizer.json"); !path.empty()) return open_tokenizer_json(path);
    for (const char* name : {"tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "spm.model"})
        if (const auto path = beside(name); !path.empty()) return open_sentencepiece(checkpoint, path);
    const auto vocabulary = beside("vocab.json"), merges = beside("merges.txt");
    if (!vocabulary.empty() && !merges.empty()) return open_vocab_and_merges(checkpoint, vocabulary, merges);
    if (const auto path = beside("vocab.txt"); !path.empty()) return open_vocab_txt(checkpoint, path);
    throw Error::input("The checkpoint has no tokenizer",
                       {.file = checkpoint.folder().empty() ? checkpoint.source() : checkpoint.folder(),
                        .expected = "tokenizer.json, tokenizer.model, spiece.model, sentencepiece.bpe.model, "
                                    "spm.model, vocab.json with merges.txt, or vocab.txt",
                        .found = vocabulary.empty() ? "none of them" : "vocab.json without merges.txt",
                        .hint = "Give token ids by --tokens FILE.npy, or --random N."});
}

}  // namespace deadscope
