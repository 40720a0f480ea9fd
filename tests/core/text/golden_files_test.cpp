// Every folder of older tokenizer files against the ids that transformers gave for the hard texts.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/base/mapped_file.h"
#include "core/base/text.h"
#include "core/text/tokenizer.h"

namespace deadscope {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const fs::path golden = fs::path(DEADSCOPE_GOLDEN_DIR) / "tokenizers";

json read(const fs::path& path) {
    return json::parse(read_text_file(path.string(), 64u << 20));
}

Checkpoint checkpoint_of(const fs::path& folder) {
    Checkpoint checkpoint(folder.filename().string(), folder.string(),
                          std::make_shared<const json>(read(folder / "config.json")), {});
    checkpoint.set_folder(folder.string());
    return checkpoint;
}

std::vector<std::string> names() {
    std::vector<std::string> out;
    for (const auto& entry : fs::directory_iterator(golden))
        if (entry.path().filename().string().starts_with("files_"))
            out.push_back(entry.path().filename().string());
    std::ranges::sort(out);
    return out;
}

std::string text_of(const json& row) {
    if (row.contains("text")) return row["text"];
    const std::string hex = row["hex"];
    std::string bytes;
    for (std::size_t i = 0; i < hex.size(); i += 2)
        bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    return bytes;
}

class GoldenFiles : public testing::TestWithParam<std::string> {};

TEST_P(GoldenFiles, GiveTheIdsOfTransformers) {
    const fs::path folder = golden / GetParam();
    const auto tokenizer = open_tokenizer(checkpoint_of(folder));
    EXPECT_TRUE(tokenizer->source().starts_with(folder.string()));
    const json expected = read(folder / "ids.json"), texts = read(golden / "texts.json");
    for (const bool special : {false, true}) {
        const json& rows = expected[special ? "special" : "plain"];
        ASSERT_EQ(rows.size(), texts.size());
        for (std::size_t i = 0; i < texts.size(); ++i) {
            const std::string text = text_of(texts[i]);
            EXPECT_EQ(json(tokenizer->encode(text, special)), rows[i])
                << GetParam() << " on text " << i << ": " << printable(text);
        }
    }
}

INSTANTIATE_TEST_SUITE_P(All, GoldenFiles, testing::ValuesIn(names()),
                         [](const auto& one) { return one.param; });

TEST(GoldenFilesTable, HoldsEveryKindOfFile) {
    EXPECT_GE(names().size(), 15u);
}

}  // namespace
}  // namespace deadscope
