// What enters by architecture files, heads, shared and spare blocks, and the towers of one checkpoint.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/base/error.h"
#include "tests/fixtures/own_family.h"
#include "tests/fixtures/two_towers.h"

namespace deadscope {
namespace {

using fixtures::error_of;
using fixtures::OwnFamily;
using fixtures::ramp;
using fixtures::tiny_bert;
using fixtures::tiny_gpt2;
using fixtures::tiny_llama;
using fixtures::tiny_vit;
using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(Tokens, PositionsBehindAnOffsetOrThePadding) {
    OwnFamily own("gpt2", tiny_gpt2());
    own.patch({{"tokens", {{"position_offset", 2}, {"scale", "width ^ 0.5"}}}});
    EXPECT_THAT(own.refusal(), AllOf(HasSubstr("[14, 8]"), HasSubstr("[12, 8]")));
    own.model().tensors["transformer.wpe.weight"] = ramp({14, 8});
    EXPECT_EQ(own.plan().token_input->position_offset, 2);
    EXPECT_EQ(own.plan().token_input->padding_token, -1);
    EXPECT_DOUBLE_EQ(own.plan().token_input->scale, std::sqrt(8.0));
    // RoBERTa's: the rows are stated, and the context is what the padding leaves.
    own.patch({{"config",
                {{"rows", {{"keys", {"rows"}}}},
                 {"pad", {{"keys", {"pad_token_id"}}}},
                 {"context", {{"keys", json::array()}, {"default", "rows - pad - 1"}}}}},
               {"tokens", {{"position_rows", "rows"}, {"position_offset", "pad"}, {"padding", "pad"}}}});
    own.model().config.update({{"rows", 14}, {"pad_token_id", 1}});
    EXPECT_EQ(own.plan().context, 12);
    EXPECT_EQ(own.plan().token_input->padding_token, 1);
    own.model().config["pad_token_id"] = 13;
    EXPECT_THAT(own.refusal(), HasSubstr("1 to"));
}

TEST(Tokens, ProjectionsAndDropout) {
    const auto with = [](const char* place) {
        OwnFamily own("bert", tiny_bert());
        own.patch(
            {{"config", {{"token_width", {{"keys", {"embedding_size"}}}}, {"mask", {{"keys", {"mask"}}}}}},
             {"tokens",
              {{"projection", {{"tensor", "up"}, {"bias", true}, {"place", place}}},
               {"dropout", {{"mask", "mask"}, {"ratio", 0.12}}}}}});
        own.model().config.update({{"embedding_size", 6}, {"mask", 4}});
        auto& t = own.model().tensors;
        t["embeddings.word_embeddings.weight"] = ramp({16, 6});
        t["up.weight"] = ramp({8, 6});
        t["up.bias"] = ramp({8});
        const std::int64_t width = place == std::string("before_positions") ? 8 : 6;
        t["embeddings.position_embeddings.weight"] = ramp({20, width});
        t["embeddings.token_type_embeddings.weight"] = ramp({2, width});
        const std::int64_t normed = place == std::string("after_norm") ? 6 : 8;
        t["embeddings.LayerNorm.weight"] = t["embeddings.LayerNorm.bias"] = ramp({normed});
        return *own.plan().token_input;
    };
    using Place = TokenInputSpec::ProjectionPlace;
    EXPECT_EQ(with("before_positions").projection_place, Place::before_positions);
    EXPECT_EQ(with("before_norm").norm->d, 8);
    EXPECT_EQ(with("after_norm").norm->d, 6);
    EXPECT_EQ(with("after_norm").projection.in, 6);
    EXPECT_EQ(with("after_norm").projection.out, 8);
    EXPECT_EQ(with("after_norm").dropout->mask_token, 4);
    EXPECT_EQ(with("after_norm").dropout->train_ratio, 0.12);
}

TEST(Patches, ClassTokensAndRegisters) {
    OwnFamily own("vit", tiny_vit());
    own.patch({{"patches",
                {{"bias", false},
                 {"class_tokens", {"embeddings.cls_token", "embeddings.other"}},
                 {"registers", "embeddings.registers"},
                 {"register_count", 3},
                 {"norm", "embeddings.norm"}}}});
    auto& t = own.model().tensors;
    t["vit.embeddings.other"] = ramp({8});
    t["vit.embeddings.registers"] = ramp({1, 3, 8});
    t["vit.embeddings.position_embeddings"] = ramp({6, 8});
    t["vit.embeddings.norm.weight"] = t["vit.embeddings.norm.bias"] = ramp({8});
    EXPECT_THAT(own.refusal(), HasSubstr("'vit.embeddings.patch_embeddings.projection.bias'"));
    t.erase("vit.embeddings.patch_embeddings.projection.bias");
    const Plan plan = own.plan();
    EXPECT_EQ(plan.context, 9);
    EXPECT_EQ(plan.patch_input->class_tokens.size(), 2u);
    EXPECT_EQ(plan.patch_input->register_count, 3);
    EXPECT_FALSE(plan.patch_input->bias);
    EXPECT_EQ(plan.norms[0].role, NormRole::embedding);
}

TEST(Sound, TwoConvolutionsAndPositions) {
    OwnFamily own("vit", tiny_vit());
    own.patch(
        {{"patches", nullptr},
         {"config",
          {{"mel", {{"default", 5}}}, {"frames", {{"default", "2 * half"}}}, {"half", {{"keys", {"half"}}}}}},
         {"sound", {{"conv1", "conv1"}, {"conv2", "conv2"}, {"positions", "positions.weight"}}}});
    own.model().config["half"] = 7;
    auto& t = own.model().tensors;
    t["vit.conv1.weight"] = ramp({8, 5, 3});
    t["vit.conv2.weight"] = ramp({8, 8, 3});
    t["vit.conv1.bias"] = t["vit.conv2.bias"] = ramp({8});
    t["vit.positions.weight"] = ramp({7, 8});
    const Plan plan = own.plan();
    EXPECT_EQ(plan.context, 7);
    EXPECT_EQ(plan.sound_input->mel, 5);
    EXPECT_EQ(plan.sound_input->frames, 14);
    EXPECT_FALSE(plan.patch_input);
}

TEST(Heads, BiasProjectionScaleAndCap) {
    OwnFamily own("llama", tiny_llama());
    own.patch({{"head",
                {{"tensor", "lm_head"},
                 {"bias", true},
                 {"scale", "1 / heads"},
                 {"cap", 30},
                 {"projection", {{"tensor", "down"}}}}}});
    own.model().tensors["lm_head.bias"] = ramp({16});
    own.model().tensors["down.weight"] = ramp({8, 8});
    const HeadSpec head = own.plan().head;
    EXPECT_EQ(head.linear.bias.name, "lm_head.bias");
    EXPECT_EQ(head.projection.weight.name, "down.weight");
    EXPECT_EQ(head.scale, 0.25);
    EXPECT_EQ(head.cap, 30.0);
    own.model().config["tie_word_embeddings"] = true;
    own.model().tensors.erase("lm_head.weight");
    EXPECT_EQ(own.plan().head.linear.weight.name, "model.embed_tokens.weight");
    EXPECT_EQ(own.plan().head.linear.bias.name, "lm_head.bias");
}

TEST(Blocks, ThatShareTheirTensors) {
    OwnFamily own("bert", tiny_bert());
    own.patch({{"block", {{"tensors", "encoder.layer.{g}."}, {"groups", "groups"}}},
               {"config", {{"groups", {{"keys", {"groups"}}}}}}});
    own.model().config.update({{"groups", 1}, {"num_hidden_layers", 3}});
    const Plan plan = own.plan();
    EXPECT_EQ(plan.blocks.size(), 3u);
    EXPECT_EQ(plan.blocks[2].attention.q.weight.name, "encoder.layer.0.attention.self.query.weight");
    EXPECT_EQ(plan.blocks[2].mlp_norm->block, 2u);
    own.model().config["groups"] = 4;
    EXPECT_THAT(own.refusal(), AllOf(HasSubstr("groups"), HasSubstr("1 to 3")));
}

// Groups of two: blocks 0, 2 are the first of theirs and 1, 3 the second.
TEST(Blocks, ThatStandInAGroup) {
    OwnFamily own("bert", tiny_bert());
    own.patch({{"block", {{"tensors", "encoder.layer.{s}."}, {"groups", 1}, {"in_group", 2}}}});
    EXPECT_THAT(own.refusal(), HasSubstr("{g}"));
    own.patch({{"block", {{"tensors", "{g}.{s}."}}}});
    own.model().config["num_hidden_layers"] = 4;
    const auto tensors = own.model().tensors;
    for (const auto& [name, tensor] : tensors) {
        const std::string from = "encoder.layer.0.";
        if (!name.starts_with(from)) continue;
        for (const char* prefix : {"0.0.", "0.1."})
            own.model().tensors.emplace(prefix + name.substr(from.size()), tensor);
        own.model().tensors.erase(name);
    }
    const Plan plan = own.plan();
    EXPECT_EQ(plan.blocks[2].attention.q.weight.name, "0.0.attention.self.query.weight");
    EXPECT_EQ(plan.blocks[3].attention.q.weight.name, "0.1.attention.self.query.weight");
}

TEST(Blocks, ThatAreSpareAreNotRefused) {
    OwnFamily own("llama", tiny_llama());
    own.model().config["num_hidden_layers"] = 1;
    EXPECT_THAT(own.refusal(), HasSubstr("num_hidden_layers = 1"));
    own.patch({{"block", {{"spare", 1}}}});
    EXPECT_EQ(own.plan().blocks.size(), 1u);
}

class Towers : public testing::Test {
protected:
    OwnFamily own_ = fixtures::two_towers();
};

TEST_F(Towers, TheFirstIsTheDefault) {
    const Checkpoint checkpoint = own_.open();
    EXPECT_THAT(towers(checkpoint), ElementsAre("text", "vision"));
    const Plan plan = make_plan(checkpoint);
    EXPECT_EQ(plan.tower, "text");
    EXPECT_EQ(plan.model_type, "llama");
    EXPECT_EQ(plan.d, 8);                      // the inner key before the outer one
    EXPECT_EQ(plan.reading_norm().eps, 1e-3);  // which stands only outside
    EXPECT_EQ(plan.head.linear.weight.name, "out.lm_head.weight");
    EXPECT_EQ(plan.reading_norm().name, "t.norm");
    EXPECT_EQ(find_norms(checkpoint).size(), 5u);
}

TEST_F(Towers, OthersAreChosenByName) {
    const Checkpoint checkpoint = own_.open("vision");
    EXPECT_EQ(checkpoint.tower(), "vision");
    EXPECT_THAT(checkpoint.source(), testing::EndsWith("m#vision"));
    EXPECT_THAT(checkpoint.name(), testing::EndsWith("#vision"));
    EXPECT_EQ(make_plan(checkpoint).tower, "vision");
    EXPECT_TRUE(make_plan(checkpoint).patch_input);
    EXPECT_EQ(find_norms(checkpoint).back().name, "v.layernorm");
}

TEST_F(Towers, UnknownOnesAreErrors) {
    EXPECT_THAT(error_of([&] { make_plan(own_.open("sound")); }),
                AllOf(HasSubstr("#sound"), HasSubstr("one of text, vision")));
    EXPECT_THAT(error_of([&] {
                    OwnFamily plain("llama", tiny_llama());
                    make_plan(plain.open("text"));
                }),
                AllOf(HasSubstr("#text"), HasSubstr("one model")));
    own_.model().config["text_config"]["model_type"] = "nothing-such";
    EXPECT_THAT(error_of([&] { make_plan(own_.open()); }),
                AllOf(HasSubstr("text_config.model_type"), HasSubstr("nothing-such")));
    own_.model().config["text_config"] = tiny_llama().config;
    own_.model().config["text_config"]["hidden_size"] = "8";
    EXPECT_THAT(error_of([&] { make_plan(own_.open()); }), HasSubstr("text_config.hidden_size"));
    own_.patch({{"towers", json::array()}});
    EXPECT_THAT(error_of([&] { make_plan(own_.open()); }), HasSubstr("towers"));
}

TEST_F(Towers, OnePlainModelHasNone) {
    OwnFamily plain("llama", tiny_llama());
    EXPECT_TRUE(towers(plain.open()).empty());
    EXPECT_EQ(plain.plan().tower, "");
}

}  // namespace
}  // namespace deadscope
