// Every kind of input, right and wrong: what is made, its layout, its digest, how many rows can be
// independent, and the words of each refusal.
#include "core/reading/input.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "core/base/error.h"
#include "core/reading/prose.h"
#include "core/text/tokenizer.h"
#include "tests/fixtures/safetensors_writer.h"

namespace deadscope {
namespace {

Plan token_plan() {
    Plan plan;
    plan.family = "Test";
    plan.d = 16;
    plan.vocabulary = 256;
    plan.context = 10;
    plan.byte_vocabulary = true;
    plan.token_input.emplace();
    return plan;
}

Plan picture_plan() {
    Plan plan;
    plan.d = 16;
    plan.context = 5;
    plan.patch_input.emplace();
    plan.patch_input->channels = 1;
    plan.patch_input->image_height = plan.patch_input->image_width = 4;
    plan.patch_input->patch = 2;
    plan.patch_input->class_tokens.emplace_back().name = "cls";
    return plan;
}

// An .npy file, version 1.
template <class T>
std::string npy(const std::string& type, const std::string& shape, const std::vector<T>& values) {
    std::string header = "{'descr': '" + type + "', 'fortran_order': False, 'shape': " + shape + ", }";
    header.append(63 - (header.size() + 10) % 64, ' ');
    header += '\n';
    std::string out("\x93NUMPY\x01\x00", 8);
    out += static_cast<char>(header.size() & 0xff);
    out += static_cast<char>(header.size() >> 8);
    out += header;
    out.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
    return out;
}

class InputTest : public testing::Test {
protected:
    std::string file(const std::string& bytes) {
        fixtures::write_text(folder_ / "input", bytes);
        return (folder_ / "input").string();
    }
    static InputSettings of(InputKind kind, std::string value = {}) {
        return {.kind = kind, .value = std::move(value), .tokens = {}, .seed = 0};
    }
    // The words of the refusal.
    static std::string refused(const Plan& plan, const InputSettings& settings,
                               ErrorKind kind = ErrorKind::input) {
        try {
            prepare_input(plan, settings);
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), kind) << error.message();
            return error.message();
        }
        ADD_FAILURE() << "not refused";
        return {};
    }
    fixtures::TemporaryFolder folder_;
};

TEST_F(InputTest, RandomTokensFillTheContextAndFollowTheSeed) {
    const Plan plan = token_plan();
    const PreparedInput a = prepare_input(plan, of(InputKind::random));
    EXPECT_EQ(a.input.tokens(), 32u) << "2 d by default";
    EXPECT_EQ(a.input.layout.starts, (std::vector<std::size_t>{0, 10, 20, 30, 32}));
    EXPECT_EQ(a.kind, "random tokens");
    EXPECT_EQ(a.digest.rfind("xxh3:", 0), 0u);
    EXPECT_EQ(a.digest.size(), 21u);
    for (const std::int32_t id : a.input.ids) EXPECT_TRUE(id >= 0 && id < 256);
    InputSettings other = of(InputKind::random);
    EXPECT_EQ(prepare_input(plan, other).digest, a.digest);
    other.seed = 1;
    EXPECT_NE(prepare_input(plan, other).digest, a.digest);
    other.tokens = 5;
    EXPECT_EQ(prepare_input(plan, other).input.layout.starts, (std::vector<std::size_t>{0, 5}));
    other.tokens = 0;
    refused(plan, other, ErrorKind::usage);
}

TEST_F(InputTest, RandomTokensAreUniform) {
    InputSettings many = of(InputKind::random);
    many.tokens = 256 * 400;
    std::vector<int> counts(256, 0);
    for (const std::int32_t id : prepare_input(token_plan(), many).input.ids)
        ++counts[static_cast<std::size_t>(id)];
    EXPECT_GT(*std::ranges::min_element(counts), 400 - 6 * 20);  // six standard deviations
    EXPECT_LT(*std::ranges::max_element(counts), 400 + 6 * 20);
}

TEST_F(InputTest, TokensFromFilesKeepTheirRows) {
    const Plan plan = token_plan();
    const std::string rows = file(npy<std::int64_t>("<i8", "(2, 3)", {1, 2, 3, 4, 5, 255}));
    const PreparedInput input = prepare_input(plan, of(InputKind::tokens, rows));
    EXPECT_EQ(input.input.ids, (std::vector<std::int32_t>{1, 2, 3, 4, 5, 255}));
    EXPECT_EQ(input.input.layout.starts, (std::vector<std::size_t>{0, 3, 6}));
    const std::string one = file(npy<std::int32_t>("<i4", "(6,)", {1, 2, 3, 4, 5, 255}));
    const PreparedInput flat = prepare_input(plan, of(InputKind::tokens, one));
    EXPECT_EQ(flat.input.layout.starts, (std::vector<std::size_t>{0, 6}));
    EXPECT_NE(flat.digest, input.digest) << "the same ids in other sequences are another input";
}

TEST_F(InputTest, WrongTokensAreNamed) {
    const Plan plan = token_plan();
    const auto tokens = [&](const std::string& bytes) {
        return refused(plan, of(InputKind::tokens, file(bytes)));
    };
    const std::string range = tokens(npy<std::int64_t>("<i8", "(2, 2)", {1, 2, 3, 256}));
    EXPECT_NE(range.find("row 1, column 1"), std::string::npos) << range;
    EXPECT_NE(range.find("256"), std::string::npos);
    EXPECT_NE(range.find("input"), std::string::npos) << "the file is named";
    EXPECT_NE(tokens(npy<std::int64_t>("<i8", "(1,)", {-1})).find("-1"), std::string::npos);
    const std::string length = tokens(npy<std::int64_t>("<i8", "(11,)", std::vector<std::int64_t>(11, 1)));
    EXPECT_NE(length.find("at most 10"), std::string::npos) << length;
    EXPECT_NE(tokens(npy<float>("<f4", "(2,)", {1, 2})).find("float32 [2]"), std::string::npos);
    EXPECT_NE(tokens(npy<std::int64_t>("<i8", "(1, 1, 1)", {1})).find("[1, 1, 1]"), std::string::npos);
    tokens(npy<std::int64_t>("<i8", "(0,)", {}));
    refused(plan, of(InputKind::tokens, (folder_ / "missing.npy").string()));
}

TEST_F(InputTest, TextAndPromptAreBytesSplitAtTheContext) {
    const Plan plan = token_plan();
    const PreparedInput text = prepare_input(plan, of(InputKind::text, file("Hello, world \xc3\xa9")));
    EXPECT_EQ(text.input.tokens(), 15u);
    EXPECT_EQ(text.input.ids[13], 0xc3);
    EXPECT_EQ(text.input.layout.starts, (std::vector<std::size_t>{0, 10, 15}));
    const PreparedInput prompt = prepare_input(plan, of(InputKind::prompt, "Hello, world \xc3\xa9"));
    EXPECT_EQ(prompt.input.ids, text.input.ids);
    EXPECT_EQ(prompt.kind, "prompt");
    refused(plan, of(InputKind::prompt, ""));
    refused(plan, of(InputKind::text, file("")));
    Plan other = plan;
    other.byte_vocabulary = false;
    const std::string words = refused(other, of(InputKind::prompt, "x"));
    EXPECT_NE(words.find("tokenizer"), std::string::npos) << words;
    EXPECT_NE(words.find("--tokens"), std::string::npos) << "and what to do instead";
    other = plan;
    other.vocabulary = 97;
    EXPECT_NE(refused(other, of(InputKind::prompt, "ab")).find("97"), std::string::npos);
}

TEST_F(InputTest, ProseIsAsLongAsAskedAndBeginsAnewElsewhere) {
    const Plan plan = token_plan();
    EXPECT_EQ(prepare_input(plan, of(InputKind::text)).input.tokens(), 32u) << "2d";
    EXPECT_EQ(prepare_input(plan, of(InputKind::text, "builtin")).digest,
              prepare_input(plan, of(InputKind::text)).digest);
    const std::size_t once = prose().size();
    EXPECT_GT(once, 40'000u);
    InputSettings long_one = of(InputKind::text);
    long_one.tokens = 3 * once;
    const auto ids = prepare_input(plan, long_one).input.ids;
    ASSERT_EQ(ids.size(), 3 * once);
    for (std::size_t turn = 1; turn < 3; ++turn) {
        std::size_t same = 0;
        for (std::size_t i = 0; i < once; ++i) same += ids[i] == ids[turn * once + i] ? 1 : 0;
        EXPECT_LT(same, once / 5) << "chance alone gives about a fifteenth";
        std::vector<std::int32_t> first(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(once));
        std::vector<std::int32_t> other(ids.begin() + static_cast<std::ptrdiff_t>(turn * once),
                                        ids.begin() + static_cast<std::ptrdiff_t>((turn + 1) * once));
        std::ranges::sort(first);
        std::ranges::sort(other);
        EXPECT_EQ(first, other) << "each turn is the whole prose";
    }
    long_one.tokens = 0;
    refused(plan, long_one, ErrorKind::usage);
}

TEST_F(InputTest, TextGoesThroughTheCheckpointsTokenizerWithItsSpecialTokensInEverySequence) {
    Plan plan = token_plan();
    plan.byte_vocabulary = false;
    plan.vocabulary = 420;
    const std::string folder = std::string(DEADSCOPE_GOLDEN_DIR) + "/tokenizers/bert_uncased";
    Checkpoint checkpoint("bert", folder, nullptr, {});
    checkpoint.set_folder(folder);
    const std::string words =
        "the town kept its clocks by the river and when it roared people moved their carts";
    const PreparedInput text = prepare_input(plan, of(InputKind::text, file(words)), &checkpoint);
    const auto& starts = text.input.layout.starts;
    ASSERT_GT(starts.size(), 3u);
    std::vector<std::int32_t> inner;
    for (std::size_t s = 0; s + 1 < starts.size(); ++s) {
        EXPECT_EQ(text.input.ids[starts[s]], 2) << "[CLS]";
        EXPECT_EQ(text.input.ids[starts[s + 1] - 1], 3) << "[SEP]";
        EXPECT_LE(starts[s + 1] - starts[s], 10u);
        inner.insert(inner.end(), text.input.ids.begin() + static_cast<std::ptrdiff_t>(starts[s] + 1),
                     text.input.ids.begin() + static_cast<std::ptrdiff_t>(starts[s + 1] - 1));
    }
    EXPECT_EQ(inner, open_tokenizer(checkpoint)->encode(words, false));
    EXPECT_EQ(prepare_input(plan, of(InputKind::prompt, words), &checkpoint).digest, text.digest);

    plan.context = 2;
    EXPECT_THROW(prepare_input(plan, of(InputKind::prompt, "a"), &checkpoint), Error);
    plan.context = 10;
    plan.vocabulary = 100;
    try {
        prepare_input(plan, of(InputKind::prompt, words), &checkpoint);
        FAIL() << "ids beyond the vocabulary";
    } catch (const Error& error) {
        EXPECT_NE(error.message().find("tokenizer.json"), std::string::npos) << error.message();
    }
}

TEST_F(InputTest, PicturesAreRowsOfPatchesAndAClassToken) {
    const Plan plan = picture_plan();
    InputSettings random = of(InputKind::random);
    random.tokens = 11;
    const PreparedInput pictures = prepare_input(plan, random);
    EXPECT_EQ(pictures.input.layout.starts, (std::vector<std::size_t>{0, 5, 10, 15})) << "whole pictures";
    EXPECT_EQ(pictures.input.pixels.size(), 3u * 16u);
    EXPECT_EQ(pictures.kind, "random pixels");
    const std::string path = file(npy<float>("<f4", "(2, 1, 4, 4)", std::vector<float>(32, 0.5f)));
    EXPECT_EQ(prepare_input(plan, of(InputKind::pixels, path)).input.layout.sequences(), 2u);
}

TEST_F(InputTest, WrongPicturesAreNamed) {
    const Plan plan = picture_plan();
    const auto pixels = [&](const std::string& bytes) {
        return refused(plan, of(InputKind::pixels, file(bytes)));
    };
    EXPECT_NE(pixels(npy<float>("<f4", "(1, 3, 4, 4)", std::vector<float>(48))).find("[B, 1, 4, 4]"),
              std::string::npos);
    EXPECT_NE(pixels(npy<double>("<f8", "(1, 1, 4, 4)", std::vector<double>(16))).find("float64"),
              std::string::npos);
    std::vector<float> holed(16, 0.0f);
    holed[7] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_NE(pixels(npy<float>("<f4", "(1, 1, 4, 4)", holed)).find("element 7"), std::string::npos);
    refused(plan, of(InputKind::tokens, "x"), ErrorKind::usage);
    refused(token_plan(), of(InputKind::pixels, "x"), ErrorKind::usage);
}

TEST_F(InputTest, IndependentRowsAreBounded) {
    Plan plan = token_plan();
    const InputSettings prompt = of(InputKind::prompt,
                                    "aabbaabbaa"
                                    "aabb");
    EXPECT_EQ(prepare_input(plan, prompt).independent_rows, 2u);
    plan.token_input->positions.name = "wpe";  // two tokens, ten places: a + b spans at most 2 + 10 - 1
    EXPECT_EQ(prepare_input(plan, prompt).independent_rows, 10u) << "and no more than there are pairs";
    EXPECT_EQ(prepare_input(plan, of(InputKind::prompt,
                                     "aabbaabbaa"
                                     "bbaabbaabb"))
                  .independent_rows,
              11u);
}

}  // namespace
}  // namespace deadscope
