// Every tokenizer of tests/golden/tokenizers against the ids that the package `tokenizers` gave for the hard
// texts.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "core/base/error.h"
#include "core/base/mapped_file.h"
#include "core/base/text.h"
#include "core/text/tokenizer_json.h"

namespace deadscope {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const fs::path golden = fs::path(DEADSCOPE_GOLDEN_DIR) / "tokenizers";

json read(const fs::path& path) {
    return json::parse(read_text_file(path.string(), 64u << 20));
}

std::vector<std::string> texts() {
    std::vector<std::string> out;
    for (const json& row : read(golden / "texts.json")) {
        if (row.contains("text")) {
            out.push_back(row["text"]);
            continue;
        }
        const std::string hex = row["hex"];
        std::string bytes;
        for (std::size_t i = 0; i < hex.size(); i += 2)
            bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
        out.push_back(bytes);
    }
    return out;
}

std::vector<std::string> names() {
    std::vector<std::string> out;
    for (const auto& entry : fs::directory_iterator(golden))
        if (fs::exists(entry.path() / "tokenizer.json")) out.push_back(entry.path().filename().string());
    std::ranges::sort(out);
    return out;
}

// The ids, or null where the tokenizer refuses the text.
json ids_of(const Tokenizer& tokenizer, const std::string& text, bool special) {
    try {
        return tokenizer.encode(text, special);
    } catch (const Error&) {
        return nullptr;
    }
}

class GoldenTokenizer : public testing::TestWithParam<std::string> {};

TEST_P(GoldenTokenizer, GivesTheIdsOfThePackage) {
    const fs::path folder = golden / GetParam();
    const auto tokenizer = open_tokenizer_json((folder / "tokenizer.json").string());
    const json expected = read(folder / "ids.json");
    const std::vector<std::string> all = texts();
    for (const bool special : {false, true}) {
        const json& rows = special && expected.contains("special") ? expected["special"] : expected["plain"];
        ASSERT_EQ(rows.size(), all.size());
        for (std::size_t i = 0; i < all.size(); ++i)
            EXPECT_EQ(ids_of(*tokenizer, all[i], special), rows[i])
                << GetParam() << " on text " << i << ": " << printable(all[i]);
    }
}

INSTANTIATE_TEST_SUITE_P(All, GoldenTokenizer, testing::ValuesIn(names()),
                         [](const auto& one) { return one.param; });

TEST(GoldenTokenizers, AreManyAndDiffer) {
    std::set<json> answers;
    for (const std::string& name : names()) answers.insert(read(golden / name / "ids.json")["plain"]);
    EXPECT_GE(answers.size(), 30u)
        << "the comparison above would not notice a tokenizer that ignores its file";
}

}  // namespace
}  // namespace deadscope
