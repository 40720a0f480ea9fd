// A SentencePiece model of a family without a conversion of its own: the library's module, loaded beside this
// program. The ids are those of the Python package sentencepiece 0.2 on the same file.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/text/tokenizer.h"
#include "tests/fixtures/safetensors_writer.h"

namespace deadscope {
namespace {

namespace fs = std::filesystem;

TEST(SentencePieceLibrary, GivesItsOwnIds) {
    const fixtures::TemporaryFolder folder;
    fs::copy_file(fs::path(DEADSCOPE_GOLDEN_DIR) / "tokenizers/files_t5/spiece.model",
                  folder / "spiece.model");
    Checkpoint checkpoint("own", folder.path().string(),
                          std::make_shared<const nlohmann::json>(nlohmann::json{{"model_type", "own"}}), {});
    checkpoint.set_folder(folder.path().string());
    const auto tokenizer = open_tokenizer(checkpoint);
    using Ids = std::vector<std::int32_t>;
    EXPECT_EQ(tokenizer->encode("the kernel that a norm leaves", false),
              (Ids{7, 203, 15, 14, 9, 16, 25, 20, 4, 3, 14, 67, 19, 3, 39, 13, 53, 6}));
    EXPECT_EQ(tokenizer->encode("a  b", false), (Ids{4, 63}));
    EXPECT_EQ(tokenizer->encode("Übung 12", false), (Ids{3, 2, 50, 22, 140, 101, 299}));
    EXPECT_TRUE(tokenizer->encode("", false).empty());
}

}  // namespace
}  // namespace deadscope
