// The reader of the format itself: what it reads, every way in which a header can lie, parts of a split file,
// the tokenizer, and norms of architectures that no table knows.
#include "core/checkpoint/gguf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/checkpoint/gguf_header.h"
#include "core/model/norms.h"
#include "tests/fixtures/gguf_writer.h"
#include "tests/fixtures/model_files.h"

namespace deadscope {
namespace {

using fixtures::error_of;
using fixtures::GgufWriter;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class Gguf : public testing::Test {
protected:
    std::shared_ptr<const MappedFile> put(const std::string& bytes, const std::string& name = "m.gguf") {
        fixtures::write_text(folder_ / name, bytes);
        return MappedFile::open((folder_ / name).string());
    }
    std::unique_ptr<WeightsFile> open(const std::string& bytes) { return open_gguf(put(bytes)); }
    std::string refusal(const std::string& bytes) {
        return error_of([&] { open_in_memory(bytes); });
    }
    // bytes outlive the file.
    static std::unique_ptr<WeightsFile> open_in_memory(const std::string& bytes) {
        return open_gguf(MappedFile::borrow("m.gguf", std::as_bytes(std::span(bytes))));
    }
    static std::vector<float> read(const WeightsFile& file, const TensorInfo& tensor) {
        std::vector<float> out(tensor.elements);
        file.read(tensor, {0, out.size()}, std::span<float>(out));
        return out;
    }
    // Of an architecture that has no table: names and configuration as in the file.
    static GgufWriter small() {
        GgufWriter writer;
        writer.words("general.architecture", "unheard-of");
        writer.u32("unheard-of.block_count", 1);
        writer.floats("output_norm.weight", {3}, {1, 2, 3});
        writer.floats("token_embd.weight", {3, 2}, {1, 2, 3, 4, 5, 6});
        return writer;
    }
    fixtures::TemporaryFolder folder_;
};

TEST_F(Gguf, ShapesAreRowMajorAndBothVersionsAreRead) {
    for (const std::uint32_t version : {2u, 3u}) {
        GgufWriter writer = small();
        writer.version = version;
        const auto file = open(writer.file());
        ASSERT_EQ(file->tensors().size(), 2u);
        EXPECT_EQ(file->tensors()[1].name, "token_embd.weight");
        EXPECT_THAT(file->tensors()[1].shape, ElementsAre(2, 3));
        EXPECT_THAT(read(*file, file->tensors()[1]), ElementsAre(1, 2, 3, 4, 5, 6));
    }
}

TEST_F(Gguf, EveryTypeOfValueIsReadOrSkipped) {
    GgufWriter writer;
    const auto bytes = [](auto value) { return GgufWriter::bytes(value); };
    writer.key("a", 0, bytes(std::uint8_t{200}));
    writer.key("b", 1, bytes(std::int8_t{-3}));
    writer.key("c", 2, bytes(std::uint16_t{60000}));
    writer.key("d", 3, bytes(std::int16_t{-300}));
    writer.u32("e", 4'000'000'000u);
    writer.key("f", 5, bytes(std::int32_t{-70000}));
    writer.f32("g", 1e-5f);
    writer.truth("h", true);
    writer.words("i", "text");
    writer.texts("j", {"one", "", "three"});
    writer.key("k", 10, bytes(std::uint64_t{1} << 40));
    writer.key("l", 11, bytes(std::int64_t{-5}));
    writer.key("m", 12, bytes(0.125));
    writer.key("n", 9, bytes(std::uint32_t{4}) + bytes(std::uint64_t{2}) + bytes(7u) + bytes(8u));
    const GgufMetadata metadata = read_gguf_header(put(writer.file())).metadata;
    EXPECT_EQ(metadata.integer("a"), 200);
    EXPECT_EQ(metadata.integer("b"), -3);
    EXPECT_EQ(metadata.integer("c"), 60000);
    EXPECT_EQ(metadata.integer("d"), -300);
    EXPECT_EQ(metadata.integer("e"), 4'000'000'000);
    EXPECT_EQ(metadata.integer("f"), -70000);
    EXPECT_EQ(metadata.number("g"), 1e-5);  // the decimal that was meant, not the binary32
    EXPECT_EQ(metadata.boolean("h"), true);
    EXPECT_EQ(metadata.text("i"), "text");
    EXPECT_THAT(metadata.texts("j"), ElementsAre("one", "", "three"));
    EXPECT_EQ(metadata.integer("k"), std::int64_t{1} << 40);
    EXPECT_EQ(metadata.integer("l"), -5);
    EXPECT_EQ(metadata.number("m"), 0.125);
    EXPECT_THAT(metadata.numbers("n"), ElementsAre(7, 8));
    EXPECT_EQ(metadata.integer("absent"), std::nullopt);
    EXPECT_THAT(error_of([&] { (void)metadata.integer("i"); }), HasSubstr("a number"));
    EXPECT_THAT(error_of([&] { (void)metadata.integer("m"); }), HasSubstr("whole number"));
    EXPECT_THAT(error_of([&] { (void)metadata.text("a"); }), HasSubstr("a text"));
}

TEST_F(Gguf, FilesOfOtherKindsAreNamed) {
    EXPECT_THAT(refusal(""), HasSubstr("an empty file"));
    EXPECT_THAT(refusal("version https://git-lfs.github.com/spec/v1\n"), HasSubstr("Git LFS"));
    EXPECT_THAT(refusal("<!DOCTYPE html>"), HasSubstr("HTML"));
    EXPECT_THAT(refusal("PK\x03\x04whatever"), HasSubstr("not a GGUF file"));
    GgufWriter old = small();
    old.version = 1;
    EXPECT_THAT(refusal(old.file()), AllOf(HasSubstr("version 1"), HasSubstr("llama.cpp")));
    old.version = 4;
    EXPECT_THAT(refusal(old.file()), HasSubstr("version 4"));
    old.version = 0x03000000;
    EXPECT_THAT(refusal(old.file()), AllOf(HasSubstr("big-endian"), HasSubstr("version 3")));
}

TEST_F(Gguf, EveryShorterFileIsRefused) {
    const std::string whole = small().file();
    for (std::size_t size = 0; size < whole.size(); ++size)
        EXPECT_NE(refusal(whole.substr(0, size)), error_of([] {})) << size;
    EXPECT_THAT(refusal(whole.substr(0, whole.size() - 1)), HasSubstr("cut short"));
    EXPECT_NO_THROW(open(whole));
}

TEST_F(Gguf, NoFlippedByteDoesHarm) {
    GgufWriter writer = small();
    writer.texts("tokenizer.ggml.tokens", {"a", "b"});
    writer.words("tokenizer.ggml.model", "gpt2");
    const std::string whole = writer.file();
    std::size_t refused = 0;
    for (std::size_t at = 0; at < whole.size(); ++at) {
        for (const int flip : {0x01, 0x80, 0xFF}) {
            std::string broken = whole;
            broken[at] = static_cast<char>(broken[at] ^ flip);
            const std::string message = error_of([&] {
                const auto file = open_in_memory(broken);
                for (const TensorInfo& tensor : file->tensors()) {
                    if (is_readable(tensor.dtype)) (void)read(*file, tensor);
                }
                (void)file->tokenizer();
            });
            refused += message != error_of([] {}) ? 1 : 0;
        }
    }
    EXPECT_GT(refused, whole.size());
}

TEST_F(Gguf, WhatTheTableMayNotSay) {
    const auto with = [](auto act) {
        GgufWriter writer = small();
        act(writer);
        return writer.file();
    };
    EXPECT_THAT(refusal(with([](auto& w) { w.u32("unheard-of.block_count", 2); })),
                HasSubstr("stands twice"));
    EXPECT_THAT(refusal(with([](auto& w) { w.floats("output_norm.weight", {1}, {1}); })), HasSubstr("twice"));
    EXPECT_THAT(refusal(with([](auto& w) { w.entry("t", {3}, 0, 16); })), HasSubstr("not aligned"));
    EXPECT_THAT(refusal(with([](auto& w) { w.entry("t", {3}, 0, 0); })), HasSubstr("overlap"));
    EXPECT_THAT(refusal(with([](auto& w) { w.entry("t", {3}, 0, 1u << 20); })), HasSubstr("beyond the end"));
    EXPECT_THAT(refusal(with([](auto& w) {
                    w.entry("t", {1, 1, 1, 1, 1}, 0, 64);
                })),
                HasSubstr("dimensions"));
    EXPECT_THAT(refusal(with([](auto& w) { w.entry("t", {std::uint64_t{1} << 63}, 0, 64); })),
                HasSubstr("impossible"));
    EXPECT_THAT(refusal(with([](auto& w) {
                    w.entry("t", {1u << 30, 1u << 30, 1u << 30}, 0, 64);
                })),
                HasSubstr("impossible"));
    EXPECT_THAT(refusal(with([](auto& w) { w.entry("t", {33}, 2, 64); })),
                AllOf(HasSubstr("whole blocks"), HasSubstr("32 for Q4_0")));
    EXPECT_THAT(refusal(with([](auto& w) { w.entry("", {1}, 0, 64); })), HasSubstr("no name"));
    EXPECT_THAT(refusal(with([](auto& w) { w.key("x", 13, ""); })), HasSubstr("0 to 12"));
    const std::string nested = GgufWriter::bytes(std::uint32_t{9}) + GgufWriter::bytes(std::uint64_t{1});
    EXPECT_THAT(refusal(with([&](auto& w) { w.key("x", 9, nested); })), HasSubstr("holds arrays"));
    const std::string endless = GgufWriter::bytes(std::uint32_t{8}) + GgufWriter::bytes(~std::uint64_t{0});
    EXPECT_THAT(refusal(with([&](auto& w) { w.key("x", 9, endless); })), HasSubstr("cut short"));
    const std::string numbers =
        GgufWriter::bytes(std::uint32_t{10}) + GgufWriter::bytes(std::uint64_t{1} << 61);
    EXPECT_THAT(refusal(with([&](auto& w) { w.key("x", 9, numbers); })), HasSubstr("cut short"));
    EXPECT_THAT(refusal(with([](auto& w) { w.u32("general.alignment", 24); })), HasSubstr("power of two"));
    EXPECT_THAT(refusal(with([](auto& w) { w.u32("general.alignment", 0); })), HasSubstr("power of two"));
}

TEST_F(Gguf, AnotherAlignment) {
    GgufWriter writer;
    writer.alignment = 128;
    writer.u32("general.alignment", 128);
    writer.floats("a", {1}, {1});
    writer.floats("b", {2}, {2, 3});
    const auto file = open(writer.file());
    EXPECT_THAT(read(*file, file->tensors()[1]), ElementsAre(2, 3));
}

TEST_F(Gguf, AKindThatNobodyKnowsLeavesTheOthersReadable) {
    GgufWriter writer = small();
    writer.tensor("strange", {32}, 77, std::string(40, 'x'));
    const auto file = open(writer.file());
    for (const TensorInfo& tensor : file->tensors()) {
        if (tensor.name == "strange")
            EXPECT_THAT(error_of([&] { read(*file, tensor); }), HasSubstr("not known"));
        else
            EXPECT_EQ(read(*file, tensor).front(), 1);
    }
}

TEST_F(Gguf, UnknownArchitecturesSayWhatTheirNormsAre) {
    for (const bool layer_norm : {true, false}) {
        GgufWriter writer = small();
        writer.f32(layer_norm ? "unheard-of.attention.layer_norm_epsilon"
                              : "unheard-of.attention.layer_norm_rms_epsilon",
                   1e-5f);
        writer.floats("blk.0.attn_norm.weight", {3}, {1, 1, 1});
        writer.floats("blk.0.post_attention_norm.weight", {3}, {1, 1, 1});
        writer.floats("blk.0.ffn_norm.weight", {3}, {1, 1, 1});
        writer.floats("blk.0.post_ffw_norm.weight", {3}, {1, 1, 1});
        writer.floats("token_embd_norm.weight", {3}, {1, 1, 1});
        put(writer.file());
        const Checkpoint checkpoint = open_checkpoint((folder_ / "m.gguf").string());
        EXPECT_EQ(checkpoint.config().at("model_type"), "unheard-of");
        const std::vector<NormSpec> norms = find_norms(checkpoint);
        std::vector<NormRole> roles;
        for (const NormSpec& norm : norms) {
            EXPECT_EQ(norm.kind, layer_norm ? NormKind::layer_norm : NormKind::rms_norm);
            EXPECT_EQ(norm.eps, 1e-5);
            roles.push_back(norm.role);
        }
        EXPECT_THAT(roles, ElementsAre(NormRole::embedding, NormRole::attention, NormRole::post_attention,
                                       NormRole::mlp, NormRole::post_mlp, NormRole::final));
        EXPECT_THAT(read_norm(checkpoint, norms.back()).gamma, ElementsAre(1, 2, 3));
    }
    GgufWriter both = small();
    both.f32("unheard-of.attention.layer_norm_epsilon", 1e-5f);
    both.f32("unheard-of.attention.layer_norm_rms_epsilon", 1e-5f);
    put(both.file());
    EXPECT_EQ(find_norms(open_checkpoint((folder_ / "m.gguf").string())).front().kind, NormKind::unknown);
}

TEST_F(Gguf, PartsOfASplitFile) {
    EXPECT_THAT(gguf_part_names("m-00002-of-00003.gguf"),
                ElementsAre("m-00001-of-00003.gguf", "m-00002-of-00003.gguf", "m-00003-of-00003.gguf"));
    EXPECT_THAT(gguf_part_names("m.gguf"), ElementsAre("m.gguf"));
    EXPECT_THAT(gguf_part_names("m-00002-of-0003.gguf"), ElementsAre("m-00002-of-0003.gguf"));
    const auto part = [](std::uint32_t number, std::uint32_t total, const char* tensor) {
        GgufWriter writer;
        if (number == 0) writer.words("general.architecture", "unheard-of");
        writer.key("split.no", 2, GgufWriter::bytes(static_cast<std::uint16_t>(number)));
        writer.key("split.count", 2, GgufWriter::bytes(static_cast<std::uint16_t>(total)));
        writer.key("split.tensors.count", 5, GgufWriter::bytes(std::int32_t{2}));
        writer.floats(tensor, {2}, {1.0f + static_cast<float>(number), 7});
        return writer.file();
    };
    const auto first = put(part(0, 2, "a_norm.weight"), "m-00001-of-00002.gguf"),
               second = put(part(1, 2, "b_norm.weight"), "m-00002-of-00002.gguf");
    const Checkpoint checkpoint = open_checkpoint((folder_ / "m-00002-of-00002.gguf").string());
    EXPECT_THAT(checkpoint.read_all(*checkpoint.find("a_norm.weight")), ElementsAre(1, 7));
    EXPECT_THAT(checkpoint.read_all(*checkpoint.find("b_norm.weight")), ElementsAre(2, 7));
    EXPECT_THAT(error_of([&] { open_gguf(second); }), HasSubstr("do not belong together"));
    EXPECT_THAT(error_of([&] { open_gguf_parts({second, first}); }), HasSubstr("split.no"));
    EXPECT_THAT(error_of([&] { open_gguf_parts({first, first}); }), HasSubstr("split.no"));
}

TEST_F(Gguf, TheTokenizerInTheFormatsOwnWords) {
    EXPECT_FALSE(open(small().file())->tokenizer().has_value());
    GgufWriter writer = small();
    writer.words("tokenizer.ggml.model", "llama");
    writer.words("tokenizer.ggml.pre", "default");
    writer.texts("tokenizer.ggml.tokens", {"<s>", "a", "\xff"});
    const auto floats = GgufWriter::bytes(std::uint32_t{6}) + GgufWriter::bytes(std::uint64_t{3}) +
                        GgufWriter::bytes(0.0f) + GgufWriter::bytes(-1.1f) + GgufWriter::bytes(-2.3f);
    writer.key("tokenizer.ggml.scores", 9, floats);
    writer.u32("tokenizer.ggml.bos_token_id", 0);
    writer.u32("tokenizer.ggml.eos_token_id", 0xFFFFFFFFu);
    writer.truth("tokenizer.ggml.add_bos_token", true);
    const auto tokenizer = open(writer.file())->tokenizer();
    ASSERT_TRUE(tokenizer.has_value());
    EXPECT_EQ(tokenizer->model, "llama");
    EXPECT_THAT(tokenizer->tokens, ElementsAre("<s>", "a", "\xff"));
    EXPECT_THAT(tokenizer->scores, ElementsAre(0.0f, -1.1f, -2.3f));
    EXPECT_EQ(tokenizer->bos, 0);
    EXPECT_EQ(tokenizer->eos, -1);
    EXPECT_EQ(tokenizer->add_bos, true);
    EXPECT_EQ(tokenizer->add_eos, std::nullopt);
    writer.u32("tokenizer.ggml.mask_token_id", 3);
    EXPECT_THAT(error_of([&] { (void)open(writer.file())->tokenizer(); }), HasSubstr("a token below 3"));
}

// Rows and experts that do not fit what the metadata says.
TEST_F(Gguf, HeadsThatDoNotFitAreRefused) {
    const auto llama = [](std::uint32_t heads) {
        GgufWriter writer;
        writer.words("general.architecture", "llama");
        writer.u32("llama.attention.head_count", heads);
        writer.floats("blk.0.attn_q.weight", {2, 4}, {0, 1, 2, 3, 4, 5, 6, 7});
        return writer.file();
    };
    const auto file = open(llama(1));
    EXPECT_EQ(file->tensors()[0].name, "model.layers.0.self_attn.q_proj.weight");
    EXPECT_THAT(read(*file, file->tensors()[0]), ElementsAre(0, 1, 4, 5, 2, 3, 6, 7));
    EXPECT_THAT(refusal(llama(3)), HasSubstr("rows for 3 heads"));
    EXPECT_THAT(refusal(llama(4)), HasSubstr("rows for 4 heads"));
    EXPECT_THAT(refusal(llama(0)), HasSubstr("head_count"));
}

}  // namespace
}  // namespace deadscope
