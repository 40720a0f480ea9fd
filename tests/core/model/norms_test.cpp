// Norms of known and unknown families, their effective γ, and the person's own architecture files.
#include "core/model/norms.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "core/base/assets.h"
#include "core/checkpoint/checkpoint.h"
#include "core/model/architecture.h"
#include "tests/fixtures/model_files.h"

namespace deadscope {
namespace {

using fixtures::constant;
using fixtures::error_of;
using fixtures::ModelFiles;
using fixtures::ramp;
using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> names_of(const std::vector<NormSpec>& norms) {
    std::vector<std::string> out;
    for (const NormSpec& norm : norms) out.push_back(norm.name);
    return out;
}

class Norms : public testing::Test {
protected:
    Checkpoint open(const ModelFiles& model) { return open_checkpoint(model.write(folder_ / "m")); }
    fixtures::TemporaryFolder folder_;
};

TEST_F(Norms, OfAKnownFamilyStandInOrderOfUse) {
    ModelFiles model = fixtures::tiny_bert();
    model.tensors["cls.predictions.transform.LayerNorm.weight"] = ramp({8});
    model.tensors["cls.predictions.transform.LayerNorm.bias"] = ramp({8});
    const auto norms = find_norms(open(model));
    EXPECT_THAT(names_of(norms),
                ElementsAre("embeddings.LayerNorm", "encoder.layer.0.attention.output.LayerNorm",
                            "encoder.layer.0.output.LayerNorm", "cls.predictions.transform.LayerNorm"));
    EXPECT_EQ(norms[0].role, NormRole::embedding);
    EXPECT_EQ(norms[1].block, 0u);
    EXPECT_EQ(norms[2].kind, NormKind::layer_norm);
    EXPECT_EQ(norms[3].role, NormRole::head);
    EXPECT_EQ(final_norm_index(norms), 2u);
}

TEST_F(Norms, OfAKnownFamilyNeedNoOtherTensor) {
    ModelFiles model = fixtures::tiny_llama();
    std::erase_if(model.tensors, [](const auto& t) {
        return t.first.find("norm") == std::string::npos && t.first != "model.embed_tokens.weight";
    });
    model.config["rope_scaling"] = {{"type", "yarn"}};
    EXPECT_EQ(find_norms(open(model)).size(), 5u);
}

TEST_F(Norms, ReadGivesGammaAndBeta) {
    ModelFiles model = fixtures::tiny_gpt2();
    model.tensors["transformer.ln_f.weight"] = {{8}, {1, -2, 0, 4, 5, 6, 7, 8}, "BF16"};
    model.tensors["transformer.ln_f.bias"] = constant({8}, 0.5);
    const Checkpoint checkpoint = open(model);
    const auto norms = find_norms(checkpoint);
    const NormParameters read = read_norm(checkpoint, norms[final_norm_index(norms)]);
    EXPECT_THAT(read.gamma, ElementsAre(1, -2, 0, 4, 5, 6, 7, 8));
    EXPECT_THAT(read.beta, Each(0.5));
    NormSpec offset = norms.back();
    offset.offset = 1.0;
    offset.bias = "";
    EXPECT_THAT(read_norm(checkpoint, offset).gamma, ElementsAre(2, -1, 1, 5, 6, 7, 8, 9));
    EXPECT_TRUE(read_norm(checkpoint, offset).beta.empty());
    offset.weight = "";
    EXPECT_THAT(read_norm(checkpoint, offset).gamma, Each(1.0));
}

TEST_F(Norms, OfAnUnknownFamilyAreFoundByName) {
    ModelFiles model;
    model.config = {{"model_type", "gpt_unknown"}};
    for (int i : {0, 1, 10}) {
        const std::string block = "gpt_neox.layers." + std::to_string(i) + ".";
        for (const char* norm : {"input_layernorm", "post_attention_layernorm"}) {
            model.tensors[block + norm + ".weight"] = ramp({6});
            model.tensors[block + norm + ".bias"] = ramp({6});
        }
        model.tensors[block + "attention.dense.bias"] = ramp({6});
    }
    model.tensors["gpt_neox.final_layer_norm.weight"] = ramp({6});
    model.tensors["gpt_neox.embed_in.weight"] = ramp({4, 6});
    model.tensors["gpt_neox.layers.0.normalizer.weight"] = ramp({6, 6});
    const auto norms = find_norms(open(model));
    EXPECT_THAT(names_of(norms),
                ElementsAre("gpt_neox.layers.0.input_layernorm", "gpt_neox.layers.0.post_attention_layernorm",
                            "gpt_neox.layers.1.input_layernorm", "gpt_neox.layers.1.post_attention_layernorm",
                            "gpt_neox.layers.10.input_layernorm",
                            "gpt_neox.layers.10.post_attention_layernorm", "gpt_neox.final_layer_norm"));
    EXPECT_EQ(norms[0].kind, NormKind::unknown);
    EXPECT_EQ(norms[0].role, NormRole::attention);
    EXPECT_EQ(norms[0].bias, "gpt_neox.layers.0.input_layernorm.bias");
    EXPECT_EQ(norms[4].block, 10u);
    EXPECT_EQ(final_norm_index(norms), 6u);
    EXPECT_EQ(norms[6].role, NormRole::final);
    EXPECT_EQ(norms[6].bias, "");
}

TEST_F(Norms, TheFinalNormIsAsWideAsTheStream) {
    ModelFiles model;
    model.config = {{"model_type", "whatever"}};
    for (int i = 0; i < 3; ++i) {
        model.tensors["model.layers." + std::to_string(i) + ".input_layernorm.weight"] = ramp({6});
        model.tensors["model.layers." + std::to_string(i) + ".self_attn.q_norm.weight"] = ramp({2});
    }
    model.tensors["model.norm.weight"] = ramp({6});
    model.tensors["model.vision.norm.weight"] = ramp({4});
    const auto norms = find_norms(open(model));
    EXPECT_EQ(norms[final_norm_index(norms)].name, "model.norm");
    EXPECT_EQ(norms[1].role, NormRole::other);  // q_norm
}

TEST_F(Norms, NoneIsAnError) {
    ModelFiles model;
    model.config = {{"model_type", "whatever"}};
    model.tensors["a.weight"] = ramp({6});
    EXPECT_THAT(error_of([&] { find_norms(open(model)); }), HasSubstr("looks like a norm"));
}

class OwnArchitecture : public testing::Test {
protected:
    void write(const std::string& model_type, const std::string& text) {
        fixtures::write_text(folder_ / ("deadscope/architectures/" + model_type + ".json"), text);
    }
    std::string gpt2_text() { return std::string(asset_text(*find_asset("assets/architectures/gpt2.json"))); }
    static std::string replaced(std::string text, const std::string& from, const std::string& to) {
        EXPECT_NE(text.find(from), std::string::npos) << from;
        return text.replace(text.find(from), from.size(), to);
    }
    fixtures::TemporaryFolder folder_;
    fixtures::ScopedVariable variable_{"XDG_CONFIG_HOME", folder_.path().c_str()};
};

TEST_F(OwnArchitecture, AddsAFamily) {
    ModelFiles model = fixtures::tiny_gpt2();
    model.config["model_type"] = "my-gpt";
    const std::string path = model.write(folder_ / "m");
    EXPECT_THAT(error_of([&] { make_plan(open_checkpoint(path)); }), HasSubstr("not known"));
    std::string text = replaced(gpt2_text(), "\"model_type\": \"gpt2\"", "\"model_type\": \"my-gpt\"");
    write("my-gpt", replaced(text, "\"kind\": \"layer_norm\"", "\"kind\": \"layer_norm\", \"offset\": 1"));
    const Plan plan = make_plan(open_checkpoint(path));
    EXPECT_EQ(plan.model_type, "my-gpt");
    EXPECT_EQ(plan.reading_norm().offset, 1.0);
    EXPECT_THAT(known_families(), testing::Contains("my-gpt"));
}

TEST_F(OwnArchitecture, OverridesABuiltInFamily) {
    write("gpt2", replaced(gpt2_text(), "\"family\": \"GPT-2\"", "\"family\": \"My GPT-2\""));
    EXPECT_EQ(make_plan(open_checkpoint(fixtures::tiny_gpt2().write(folder_ / "m"))).family, "My GPT-2");
}

TEST_F(OwnArchitecture, AMalformedFileIsNamed) {
    const std::string path = fixtures::tiny_gpt2().write(folder_ / "m");
    const auto refusal = [&](const std::string& text) {
        write("gpt2", text);
        return error_of([&] { make_plan(open_checkpoint(path)); });
    };
    EXPECT_THAT(refusal("{"), AllOf(HasSubstr("architectures/gpt2.json"), HasSubstr("ends too early")));
    EXPECT_THAT(refusal(replaced(gpt2_text(), "deadscope.architecture/1", "other/1")),
                AllOf(HasSubstr("gpt2.json"), HasSubstr("schema")));
    EXPECT_THAT(refusal(replaced(gpt2_text(), "\"final_norm\"", "\"finalnorm\"")),
                AllOf(HasSubstr("gpt2.json"), HasSubstr("finalnorm")));
    EXPECT_THAT(refusal(replaced(gpt2_text(), "\"model_type\": \"gpt2\"", "\"model_type\": \"gpt3\"")),
                AllOf(HasSubstr("gpt2.json"), HasSubstr("gpt3")));
    EXPECT_THAT(refusal(replaced(gpt2_text(), "\"bias\": true}", "\"bias\": \"my_bias\"}")),
                AllOf(HasSubstr("gpt2.json"), HasSubstr("my_bias")));
    EXPECT_THAT(refusal(replaced(gpt2_text(), "h.{i}.", "h.")),
                AllOf(HasSubstr("gpt2.json"), HasSubstr("{i}")));
    EXPECT_THAT(refusal(replaced(gpt2_text(), "\"in_out\"", "\"in-out\"")), HasSubstr("layout"));
    EXPECT_THAT(refusal(replaced(gpt2_text(), "\"4 * width\"", "\"inner * width\"")), HasSubstr("circle"));
    EXPECT_THAT(refusal(replaced(gpt2_text(), "\"4 * width\"", "\"4 % width\"")), HasSubstr("4 % width"));
}

}  // namespace
}  // namespace deadscope
