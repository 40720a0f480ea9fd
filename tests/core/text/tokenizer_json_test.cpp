// What a tokenizer.json may not hold, and how the refusal is worded; and that a long word costs no long time.
#include "core/text/tokenizer_json.h"

#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "core/text/charsmap.h"
#include "tests/fixtures/model_files.h"

namespace deadscope {
namespace {

using nlohmann::json;

json tiny() {
    return {{"version", "1.0"},
            {"added_tokens", json::array()},
            {"model",
             {{"type", "BPE"},
              {"unk_token", "?"},
              {"vocab", {{"?", 0}, {"a", 1}, {"b", 2}, {"ab", 3}, {"abab", 4}}},
              {"merges", {"a b", "ab ab"}}}}};
}

std::string refusal(const json& value) {
    return fixtures::error_of([&] { (void)read_tokenizer_json(value.dump(), "tokenizer.json"); });
}

TEST(TokenizerJson, ReadsTheSmallestOne) {
    const auto tokenizer = read_tokenizer_json(tiny().dump(), "tokenizer.json");
    EXPECT_EQ(tokenizer->encode("abababxab", false), (std::vector<std::int32_t>{4, 3, 0, 3}));
    EXPECT_TRUE(tokenizer->encode("", true).empty());
    EXPECT_EQ(tokenizer->source(), "tokenizer.json");
}

TEST(TokenizerJson, NamesTheComponentThatItDoesNotKnow) {
    for (const char* part : {"normalizer", "pre_tokenizer", "post_processor"}) {
        json value = tiny();
        value[part] = {{"type", "Surprise"}};
        const std::string message = refusal(value);
        EXPECT_NE(message.find("Surprise"), std::string::npos) << message;
        EXPECT_NE(message.find(std::string(part) + ".type"), std::string::npos) << message;
    }
    json value = tiny();
    value["model"]["type"] = "Surprise";
    EXPECT_NE(refusal(value).find("Surprise"), std::string::npos);
    value = tiny();
    value["version"] = "2.0";
    EXPECT_NE(refusal(value).find("version"), std::string::npos);
}

TEST(TokenizerJson, RefusesWhatDoesNotFitTogether) {
    const auto with = [](const char* pointer, const json& part) {
        json value = tiny();
        value[json::json_pointer(pointer)] = part;
        return refusal(value);
    };
    EXPECT_NE(with("/model/vocab/a", -1).find("model.vocab"), std::string::npos);
    EXPECT_NE(with("/model/vocab/a", 4294967296).find("model.vocab"), std::string::npos);
    EXPECT_NE(with("/model/vocab", json::array()).find("model.vocab"), std::string::npos);
    EXPECT_NE(with("/model/merges", {"a c"}).find("found c"), std::string::npos);
    EXPECT_NE(with("/model/merges", {"ab"}).find("model.merges"), std::string::npos);
    EXPECT_NE(with("/model/dropout", 0.1).find("model.dropout"), std::string::npos);
    EXPECT_NE(with("/post_processor", {{"type", "BertProcessing"}, {"cls", {"a", 1}}}).find("sep"),
              std::string::npos);
    EXPECT_NE(with("/post_processor", {{"type", "TemplateProcessing"},
                                       {"single", {{{"SpecialToken", {{"id", "<s>"}}}}}},
                                       {"special_tokens", json::object()}})
                  .find("<s>"),
              std::string::npos);
    json unigram = tiny();
    unigram["model"] = {
        {"type", "Unigram"}, {"unk_id", 7}, {"vocab", json::array({json::array({"a", -1.0})})}};
    EXPECT_NE(refusal(unigram).find("unk_id"), std::string::npos);
}

TEST(TokenizerJson, BoundsDepthAndGrowth) {
    json value = tiny();
    json nested = {{"type", "NFC"}};
    for (int i = 0; i < 100; ++i) nested = {{"type", "Sequence"}, {"normalizers", {nested}}};
    value["normalizer"] = nested;
    EXPECT_NE(refusal(value).find("nested"), std::string::npos);

    json steps = json::array();
    for (int i = 0; i < 60; ++i)
        steps.push_back({{"type", "Replace"}, {"pattern", {{"String", "a"}}}, {"content", "aa"}});
    value["normalizer"] = {{"type", "Sequence"}, {"normalizers", steps}};
    const auto tokenizer = read_tokenizer_json(value.dump(), "tokenizer.json");
    const std::string message = fixtures::error_of([&] { (void)tokenizer->encode("aaaa", false); });
    EXPECT_NE(message.find("far too much"), std::string::npos) << message;
}

TEST(TokenizerJson, ALongWordTakesNoQuadraticTime) {
    const auto tokenizer = read_tokenizer_json(tiny().dump(), "tokenizer.json");
    std::string word;
    for (int i = 0; i < 500'000; ++i) word += "ab";
    const auto start = std::chrono::steady_clock::now();
    EXPECT_EQ(tokenizer->encode(word, false).size(), 250'000u);
    // A tenth of a second; a quadratic one would take hours.
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30));
}

TEST(Charsmap, RefusesATrieThatLeadsOutOfItself) {
    const PatternSource source{.file = "tokenizer.json", .key = "normalizer.precompiled_charsmap"};
    const auto blob = [](std::uint32_t trie_bytes, std::vector<std::uint32_t> units,
                         const std::string& rest) {
        std::string out(reinterpret_cast<const char*>(&trie_bytes), 4);
        out.append(reinterpret_cast<const char*>(units.data()), units.size() * 4);
        return out + rest;
    };
    std::vector<std::uint32_t> units(256, 0);
    EXPECT_NO_THROW(Charsmap(blob(1024, units, std::string("x\0", 2)), source));
    EXPECT_EQ(Charsmap(blob(1024, units, std::string("x\0", 2)), source).normalize_longest("abc"), "abc");
    units[7] = 0x1FFFFFu << 10;  // an offset far outside
    for (const std::string& damaged :
         {std::string("ab"), blob(1 << 30, {}, ""), blob(1023, std::vector<std::uint32_t>(256), ""),
          blob(1024, units, "x"), blob(64, std::vector<std::uint32_t>(16), "x")})
        EXPECT_NE(fixtures::error_of([&] { (void)Charsmap(damaged, source); }).find("damaged"),
                  std::string::npos);
    EXPECT_NE(fixtures::error_of([&] { (void)Charsmap::from_base64("!!", source); }).find("base64"),
              std::string::npos);
}

}  // namespace
}  // namespace deadscope
