// The four models of a GGUF file on vocabularies written here, and the table of ways to cut words. The
// vocabularies that llama.cpp ships are compared by tests/peers/gguf_vocabularies.py.
#include "core/text/embedded.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/base/assets.h"
#include "core/text/gguf_pre.h"
#include "core/text/regex.h"
#include "tests/fixtures/model_files.h"

namespace deadscope {
namespace {

using Ids = std::vector<std::int32_t>;

EmbeddedTokenizer with_tokens(std::string model, std::vector<std::string> tokens) {
    EmbeddedTokenizer e;
    e.model = std::move(model);
    e.tokens = std::move(tokens);
    return e;
}

TEST(Embedded, Gpt2MergesBytesAndFindsControlTokens) {
    EmbeddedTokenizer e = with_tokens("gpt2", {"<|end|>", "a", "b", "Ġ", "ab", "Ġab", "Ã", "©"});
    e.pre = "gpt-2";
    e.types = {3, 1, 1, 1, 1, 1, 1, 1};
    e.merges = {"a b", "Ġ ab"};
    e.bos = e.eos = 0;
    e.add_bos = true;
    const auto tokenizer = make_embedded_tokenizer(e, "m.gguf");
    EXPECT_EQ(tokenizer->encode("ab ab<|end|>bé", false), (Ids{4, 5, 0, 2, 6, 7}));
    EXPECT_EQ(tokenizer->encode("ab", true), (Ids{0, 4}));
    e.pre = "no-such";
    EXPECT_NE(fixtures::error_of([&] { (void)make_embedded_tokenizer(e, "m.gguf"); }).find("no-such"),
              std::string::npos);
}

TEST(Embedded, LlamaJoinsByScoreAndFallsBackToBytes) {
    EmbeddedTokenizer e =
        with_tokens("llama", {"<unk>", "<s>", "</s>", "▁", "a", "b", "ab", "▁a", "ba", "<0xC3>", "<0xA9>"});
    e.scores = {0, 0, 0, -9, -8, -7, -2, -3, -1, 0, 0};
    e.types = {2, 3, 3, 1, 1, 1, 1, 1, 1, 6, 6};
    e.bos = 1;
    e.unknown = 0;
    const auto tokenizer = make_embedded_tokenizer(e, "m.gguf");
    EXPECT_EQ(tokenizer->encode("aba", true), (Ids{1, 7, 8})) << "▁a ba: the better score first";
    EXPECT_EQ(tokenizer->encode("é b", false), (Ids{3, 9, 10, 3, 5}));
    e.types[8] = 5;  // unused: may be joined on the way, not at the end
    EXPECT_EQ(make_embedded_tokenizer(e, "m.gguf")->encode("aba", false), (Ids{7, 5, 4}));
    e.add_space_prefix = false;
    EXPECT_EQ(make_embedded_tokenizer(e, "m.gguf")->encode("b", false), (Ids{5}));
}

TEST(Embedded, BertAndT5) {
    EmbeddedTokenizer bert = with_tokens("bert", {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "▁play", "ing", "▁,"});
    bert.types = {3, 3, 3, 3, 1, 1, 1};
    bert.unknown = 1;
    EXPECT_EQ(make_embedded_tokenizer(bert, "m.gguf")->encode("Playing, x", true), (Ids{2, 4, 5, 6, 1, 3}));

    EmbeddedTokenizer t5 = with_tokens("t5", {"<pad>", "</s>", "<unk>", "▁", "▁a", "b", "ab"});
    t5.scores = {0, 0, 0, -5, -2, -3, -2};
    t5.types = {3, 3, 2, 1, 1, 1, 1};
    t5.eos = 1;
    t5.unknown = 2;
    t5.remove_extra_whitespaces = true;
    EXPECT_EQ(make_embedded_tokenizer(t5, "m.gguf")->encode("  a   ab!? ", true), (Ids{4, 4, 5, 2, 1}));
}

TEST(Embedded, RefusesListsThatDoNotFit) {
    const EmbeddedTokenizer good = with_tokens("llama", {"a", "b"});
    EXPECT_NO_THROW((void)make_embedded_tokenizer(good, "m.gguf"));
    const auto refusal = [&](auto change) {
        EmbeddedTokenizer e = good;
        change(e);
        return fixtures::error_of([&] { (void)make_embedded_tokenizer(e, "m.gguf"); });
    };
    EXPECT_NE(refusal([](auto& e) { e.scores = {1.0f}; }).find("scores"), std::string::npos);
    EXPECT_NE(refusal([](auto& e) { e.types = {1, 1, 1}; }).find("token_type"), std::string::npos);
    EXPECT_NE(refusal([](auto& e) { e.bos = 2; }).find("the token 2"), std::string::npos);
    EXPECT_NE(refusal([](auto& e) { e.model = "rwkv"; }).find("rwkv"), std::string::npos);
}

TEST(GgufPre, EveryWayOfTheTableHasPatternsThatCompile) {
    const Asset* asset = find_asset("assets/tokenizers/gguf.json");
    ASSERT_TRUE(asset);
    const auto table = nlohmann::json::parse(asset_text(*asset));
    EXPECT_GT(table["pre"].size(), 50u);
    for (const auto& [pre, kind] : table["pre"].items()) {
        ASSERT_TRUE(table["kinds"].contains(kind)) << pre;
        for (const std::string& pattern : gguf_words(pre, "m.gguf").patterns)
            EXPECT_NO_THROW((void)Regex(pattern, Regex::Kind::oniguruma, {})) << pre;
    }
}

}  // namespace
}  // namespace deadscope
