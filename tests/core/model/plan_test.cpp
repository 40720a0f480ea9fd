// Plans of the known families: right on right input, and an error with file and name on every wrong one.
#include "core/model/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "core/checkpoint/checkpoint.h"
#include "tests/fixtures/model_files.h"

namespace deadscope {
namespace {

namespace fs = std::filesystem;
using fixtures::constant;
using fixtures::error_of;
using fixtures::ModelFiles;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class PlanOf : public testing::Test {
protected:
    Plan plan(const ModelFiles& model) { return make_plan(open_checkpoint(model.write(folder_ / "m"))); }
    std::string refusal(const ModelFiles& model) {
        return error_of([&] { plan(model); });
    }
    fixtures::TemporaryFolder folder_;
};

TEST_F(PlanOf, Gpt2) {
    const Plan p = plan(fixtures::tiny_gpt2());
    EXPECT_EQ(p.family, "GPT-2");
    EXPECT_EQ(p.d, 8);
    EXPECT_EQ(p.vocabulary, 16);
    EXPECT_EQ(p.context, 12);
    EXPECT_FALSE(p.byte_vocabulary);
    ASSERT_EQ(p.blocks.size(), 2u);
    const BlockSpec& block = p.blocks[1];
    EXPECT_EQ(block.attention.k.weight.name, "transformer.h.1.attn.c_attn.weight");
    EXPECT_THAT(block.attention.k.weight.shape, ElementsAre(8, 24));
    EXPECT_TRUE(block.attention.k.stored_in_out);
    EXPECT_EQ(block.attention.k.first_row, 8);
    EXPECT_EQ(block.attention.v.first_row, 16);
    EXPECT_EQ(block.attention.v.out, 8);
    EXPECT_DOUBLE_EQ(block.attention.scale, 0.5);
    EXPECT_TRUE(block.attention.causal);
    EXPECT_EQ(block.mlp.activation, Activation::gelu_tanh);
    EXPECT_FALSE(block.mlp.gate);
    EXPECT_EQ(block.mlp.up.out, 32);
    EXPECT_DOUBLE_EQ(block.mlp.down.weight.init.b,
                     0.02 / std::sqrt(4.0));  // residual writers, GPT-2's published rule
    EXPECT_DOUBLE_EQ(block.mlp.up.weight.init.b, 0.02);
    EXPECT_EQ(p.head.linear.weight.name, "transformer.wte.weight");
    EXPECT_EQ(p.reading_norm().name, "transformer.ln_f");
    EXPECT_EQ(p.norms.size(), 5u);
}

TEST_F(PlanOf, Gpt2WithoutPrefixAndWithBuffersAndScaledByBlock) {
    ModelFiles model = fixtures::tiny_gpt2();
    fixtures::TensorMap bare;
    for (const auto& [name, tensor] : model.tensors) bare[name.substr(12)] = tensor;
    bare["h.0.attn.bias"] = constant({1, 1, 12, 12}, 1);
    bare["h.0.attn.masked_bias"] = constant({}, -1e4);
    model.tensors = bare;
    model.config["scale_attn_by_inverse_layer_idx"] = true;
    model.config["scale_attn_weights"] = false;
    const Plan p = plan(model);
    EXPECT_EQ(p.blocks[0].attention.q.weight.name, "h.0.attn.c_attn.weight");
    EXPECT_DOUBLE_EQ(p.blocks[1].attention.scale, 0.5);
    EXPECT_DOUBLE_EQ(p.blocks[0].attention.scale, 1.0);
}

TEST_F(PlanOf, Llama) {
    const Plan p = plan(fixtures::tiny_llama());
    const BlockSpec& block = p.blocks[0];
    EXPECT_EQ(block.attention.kv_heads, 2);
    EXPECT_EQ(block.attention.head_dim, 2);
    EXPECT_EQ(block.attention.k.out, 4);
    EXPECT_FALSE(block.attention.k.bias);
    EXPECT_TRUE(block.mlp.gate);
    EXPECT_EQ(block.attention_norm->kind, NormKind::rms_norm);
    EXPECT_EQ(block.attention_norm->bias, "");
    EXPECT_DOUBLE_EQ(block.attention_norm->eps, 1e-6);
    EXPECT_EQ(p.head.linear.weight.name, "lm_head.weight");
    EXPECT_THAT(block.attention.rotary.inverse_frequencies, ElementsAre(1.0));
}

TEST_F(PlanOf, LlamaWithoutItsHeadIsABaseModelOrAnError) {
    ModelFiles model = fixtures::tiny_llama();
    model.tensors.erase("lm_head.weight");
    EXPECT_THAT(refusal(model), AllOf(HasSubstr("'lm_head.weight'"), HasSubstr("[16, 8]")));
    model.config["architectures"] = {"LlamaModel"};
    EXPECT_FALSE(plan(model).head);
    model.config["tie_word_embeddings"] = true;
    EXPECT_EQ(plan(model).head.linear.weight.name, "model.embed_tokens.weight");
}

TEST_F(PlanOf, BertReadsItsLastBlocksNorm) {
    ModelFiles model = fixtures::tiny_bert();
    const Plan p = plan(model);
    EXPECT_EQ(p.norm_position, NormPosition::post);
    EXPECT_FALSE(p.final_norm);
    EXPECT_FALSE(p.head);
    EXPECT_FALSE(p.blocks[0].attention.causal);
    EXPECT_EQ(p.token_input->norm->name, "embeddings.LayerNorm");
    EXPECT_EQ(p.reading_norm().name, "encoder.layer.0.output.LayerNorm");
    EXPECT_EQ(p.blocks[0].attention_norm->name, "encoder.layer.0.attention.output.LayerNorm");
    EXPECT_THAT(p.token_input->token_types.shape, ElementsAre(2, 8));
}

TEST_F(PlanOf, BertsOldNormNames) {
    ModelFiles model = fixtures::tiny_bert();
    fixtures::TensorMap old;
    for (const auto& [published, tensor] : model.tensors) {
        std::string name = published;
        const std::size_t at = name.find("LayerNorm.");
        if (at != std::string::npos)
            name = name.substr(0, at + 10) + (name.ends_with("weight") ? "gamma" : "beta");
        old[name] = tensor;
    }
    model.tensors = old;
    EXPECT_EQ(plan(model).reading_norm().weight, "encoder.layer.0.output.LayerNorm.gamma");
    EXPECT_EQ(plan(model).reading_norm().bias, "encoder.layer.0.output.LayerNorm.beta");
}

TEST_F(PlanOf, Vit) {
    const Plan p = plan(fixtures::tiny_vit());
    ASSERT_TRUE(p.patch_input);
    EXPECT_EQ(p.patch_input->tokens_per_image(), 5);
    EXPECT_EQ(p.context, 5);
    EXPECT_EQ(p.vocabulary, 0);
    EXPECT_EQ(p.reading_norm().name, "vit.layernorm");
    EXPECT_FALSE(p.head);
}

TEST_F(PlanOf, ANumberThatIsNotFiniteMattersOnlyWhereItIsUsed) {
    const std::string path = fixtures::tiny_gpt2().write(folder_ / "m");
    const auto with = [&](const std::string& entry) {
        std::string text = fixtures::tiny_gpt2().config.dump();
        text.insert(text.size() - 1, ", " + entry);
        if (entry.find("initializer_range") != std::string::npos)
            text.erase(text.find("\"initializer_range\":0.02,"), 25);
        fixtures::write_text(folder_ / "m/config.json", text);
        return error_of([&] { make_plan(open_checkpoint(path)); });
    };
    EXPECT_EQ(with("\"summary_first_dropout\": NaN"), "(no error was thrown)");
    EXPECT_THAT(with("\"initializer_range\": Infinity"),
                AllOf(HasSubstr("initializer_range"), HasSubstr("finite"), HasSubstr("config.json")));
}

TEST_F(PlanOf, WithoutAConfigurationIsAnErrorThatPointsToGamma) {
    fixtures::write_safetensors(folder_ / "w.safetensors", fixtures::tiny_gpt2().tensors);
    EXPECT_THAT(error_of([&] { make_plan(open_checkpoint((folder_ / "w.safetensors").string())); }),
                AllOf(HasSubstr("config.json"), HasSubstr("gamma")));
}

TEST(GoldenPlans, EveryGoldenModelHasOne) {
    std::size_t plans = 0;
    for (const auto& entry : fs::directory_iterator(DEADSCOPE_GOLDEN_DIR)) {
        if (!fs::exists(entry.path() / "model/config.json")) continue;
        const Checkpoint checkpoint = open_checkpoint((entry.path() / "model").string());
        const Plan plan = make_plan(checkpoint);
        EXPECT_GT(plan.blocks.size(), 0u) << entry.path();
        const auto norms = find_norms(checkpoint);
        EXPECT_EQ(norms[final_norm_index(norms)].name, plan.reading_norm().name) << entry.path();
        EXPECT_EQ(read_norm(checkpoint, plan.reading_norm()).gamma.size(), static_cast<std::size_t>(plan.d));
        ++plans;
    }
    EXPECT_GE(plans, 11u);
}

TEST(ZooPlans, AreByteModelsOrPictures) {
    for (const ZooModel& model : zoo_models()) {
        const Plan plan = make_plan(open_checkpoint("zoo:" + model.name));
        EXPECT_EQ(plan.byte_vocabulary, model.input == "bytes") << model.name;
        EXPECT_EQ(plan.patch_input.has_value(), model.input == "pixels") << model.name;
    }
}

}  // namespace
}  // namespace deadscope
