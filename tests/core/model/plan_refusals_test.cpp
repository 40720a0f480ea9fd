// Every way in which a known family's configuration and tensors can be wrong, and the words that say so:
// the file, the tensor or key, what was expected and what was found.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "core/checkpoint/checkpoint.h"
#include "core/model/plan.h"
#include "tests/fixtures/model_files.h"

namespace deadscope {
namespace {

using fixtures::error_of;
using fixtures::ModelFiles;
using fixtures::ramp;
using testing::HasSubstr;

struct Wrong {
    const char* name;
    std::function<ModelFiles()> base;
    std::function<void(ModelFiles&)> damage;
    std::vector<std::string> words;
};
void PrintTo(const Wrong& wrong, std::ostream* out) {
    *out << wrong.name;
}

class WrongModel : public testing::TestWithParam<Wrong> {};

TEST_P(WrongModel, IsRefusedInWords) {
    const fixtures::TemporaryFolder folder;
    ModelFiles model = GetParam().base();
    const std::string path = model.write(folder / "good");
    ASSERT_EQ(error_of([&] { make_plan(open_checkpoint(path)); }), "(no error was thrown)");  // the control
    GetParam().damage(model);
    const std::string wrong = model.write(folder / "wrong");
    const std::string message = error_of([&] { make_plan(open_checkpoint(wrong)); });
    for (const std::string& word : GetParam().words) EXPECT_THAT(message, HasSubstr(word));
}

const char* const weights = "model.safetensors";
const char* const config = "config.json";

INSTANTIATE_TEST_SUITE_P(
    Tensors, WrongModel,
    testing::Values(
        Wrong{"MissingNorm",
              fixtures::tiny_gpt2,
              [](ModelFiles& m) { m.tensors.erase("transformer.h.1.ln_2.weight"); },
              {weights, "'transformer.h.1.ln_2.weight'", "missing", "[8]"}},
        Wrong{"MissingFinalNorm",
              fixtures::tiny_llama,
              [](ModelFiles& m) { m.tensors.erase("model.norm.weight"); },
              {weights, "'model.norm.weight'"}},
        Wrong{"MissingNormBias",
              fixtures::tiny_gpt2,
              [](ModelFiles& m) { m.tensors.erase("transformer.ln_f.bias"); },
              {weights, "'transformer.ln_f.bias'"}},
        Wrong{"MissingBlock",
              fixtures::tiny_gpt2,
              [](ModelFiles& m) {
                  std::erase_if(m.tensors, [](const auto& tensor) {
                      return tensor.first.find("h.1.") != std::string::npos;
                  });
              },
              {weights, "Block 1 is missing", "2 blocks"}},
        Wrong{"BlockBeyondTheConfiguration",
              fixtures::tiny_gpt2,
              [](ModelFiles& m) { m.config["n_layer"] = 1; },
              {weights, "transformer.h.1.ln_1.weight", "n_layer = 1"}},
        Wrong{"WrongShape",
              fixtures::tiny_gpt2,
              [](ModelFiles& m) {
                  m.tensors["transformer.h.0.mlp.c_fc.weight"] = ramp({8, 31});
              },
              {weights, "'transformer.h.0.mlp.c_fc.weight'", "expected [8, 32]", "found [8, 31]"}},
        Wrong{"Transposed",
              fixtures::tiny_llama,
              [](ModelFiles& m) {
                  m.tensors["model.layers.1.mlp.down_proj.weight"] = ramp({12, 8});
              },
              {"'model.layers.1.mlp.down_proj.weight'", "[8, 12]", "[12, 8]"}},
        Wrong{"WrongVocabulary",
              fixtures::tiny_llama,
              [](ModelFiles& m) { m.config["vocab_size"] = 17; },
              {"embed_tokens", "[17, 8]", "[16, 8]"}},
        Wrong{"IntegerWeights",
              fixtures::tiny_bert,
              [](ModelFiles& m) { m.tensors["encoder.layer.0.output.dense.weight"].dtype = "I32"; },
              {weights, "'encoder.layer.0.output.dense.weight'", "I32"}},
        Wrong{"IntegerNorm",
              fixtures::tiny_gpt2,
              [](ModelFiles& m) { m.tensors["transformer.ln_f.weight"].dtype = "U8"; },
              {"'transformer.ln_f.weight'", "U8"}},
        Wrong{"NothingOfTheFamily",
              fixtures::tiny_gpt2,
              [](ModelFiles& m) { m.tensors = fixtures::tiny_llama().tensors; },
              {weights, "transformer.wte.weight", "none of them"}},
        Wrong{"TwoPrefixes",
              fixtures::tiny_gpt2,
              [](ModelFiles& m) { m.tensors["wte.weight"] = m.tensors["transformer.wte.weight"]; },
              {"two models", "wte.weight"}},
        Wrong{"BiasAgainstConfiguration",
              fixtures::tiny_llama,
              [](ModelFiles& m) { m.tensors["model.layers.0.self_attn.q_proj.bias"] = ramp({8}); },
              {"disagree", "q_proj.bias", "attention_bias"}},
        Wrong{"NoBiasAgainstConfiguration",
              fixtures::tiny_llama,
              [](ModelFiles& m) { m.config["attention_bias"] = true; },
              {"'model.layers.0.self_attn.q_proj.bias'", "missing"}},
        Wrong{"RmsNormWithBias",
              fixtures::tiny_llama,
              [](ModelFiles& m) { m.tensors["model.norm.bias"] = ramp({8}); },
              {"'model.norm.bias'", "no such tensor"}},
        Wrong{"TiedHeadThatDiffers",
              fixtures::tiny_llama,
              [](ModelFiles& m) { m.config["tie_word_embeddings"] = true; },
              {"'lm_head.weight'", "tie_word_embeddings", "row 0"}},
        Wrong{"VitQkvBias",
              fixtures::tiny_vit,
              [](ModelFiles& m) { m.config["qkv_bias"] = false; },
              {"query.bias", "qkv_bias"}},
        Wrong{"VitPositions",
              fixtures::tiny_vit,
              [](ModelFiles& m) { m.config["image_size"] = 12; },
              {"position_embeddings", "[10, 8]", "[1, 5, 8]"}}),
    [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Configuration, WrongModel,
    testing::Values(Wrong{"UnknownFamily",
                          fixtures::tiny_gpt2,
                          [](ModelFiles& m) { m.config["model_type"] = "mamba9"; },
                          {config, "model_type", "mamba9", "known ones, such as", "llama", "gamma"}},
                    Wrong{"FamilyLikeAPath",
                          fixtures::tiny_gpt2,
                          [](ModelFiles& m) { m.config["model_type"] = "../gpt2"; },
                          {config, "not known"}},
                    Wrong{"NoFamily",
                          fixtures::tiny_gpt2,
                          [](ModelFiles& m) { m.config.erase("model_type"); },
                          {config, "model_type", "missing"}},
                    Wrong{"FamilyNoString",
                          fixtures::tiny_gpt2,
                          [](ModelFiles& m) { m.config["model_type"] = 3; },
                          {config, "model_type", "a string"}},
                    Wrong{"NoWidth",
                          fixtures::tiny_gpt2,
                          [](ModelFiles& m) { m.config.erase("n_embd"); },
                          {config, "n_embd", "missing", "hidden_size"}},
                    Wrong{"NoLayers",
                          fixtures::tiny_llama,
                          [](ModelFiles& m) { m.config.erase("num_hidden_layers"); },
                          {config, "num_hidden_layers"}},
                    Wrong{"NoVocabulary",
                          fixtures::tiny_bert,
                          [](ModelFiles& m) { m.config["vocab_size"] = nullptr; },
                          {config, "vocab_size"}},
                    Wrong{"WidthAsText",
                          fixtures::tiny_gpt2,
                          [](ModelFiles& m) { m.config["n_embd"] = "8"; },
                          {config, "n_embd", "whole number"}},
                    Wrong{"FractionalHeads",
                          fixtures::tiny_gpt2,
                          [](ModelFiles& m) { m.config["n_head"] = 2.5; },
                          {config, "n_head", "whole number"}},
                    Wrong{"NoHeads",
                          fixtures::tiny_gpt2,
                          [](ModelFiles& m) { m.config["n_head"] = 0; },
                          {config, "n_head", "1 to"}},
                    Wrong{"NegativeLayers",
                          fixtures::tiny_gpt2,
                          [](ModelFiles& m) { m.config["n_layer"] = -1; },
                          {config, "n_layer", "found -1"}},
                    Wrong{"HugeLayers",
                          fixtures::tiny_gpt2,
                          [](ModelFiles& m) { m.config["n_layer"] = 4000000000000; },
                          {config, "n_layer"}},
                    Wrong{"HeadsThatDoNotDivide",
                          fixtures::tiny_gpt2,
                          [](ModelFiles& m) { m.config["n_head"] = 3; },
                          {config, "n_head", "divisor"}},
                    Wrong{"KeyHeadsThatDoNotDivide",
                          fixtures::tiny_llama,
                          [](ModelFiles& m) { m.config["num_key_value_heads"] = 3; },
                          {config, "num_key_value_heads", "divisor"}},
                    Wrong{"SynonymsThatDiffer",
                          fixtures::tiny_gpt2,
                          [](ModelFiles& m) { m.config["hidden_size"] = 16; },
                          {config, "hidden_size", "n_embd"}},
                    Wrong{"UnknownActivation",
                          fixtures::tiny_llama,
                          [](ModelFiles& m) { m.config["hidden_act"] = "prelu"; },
                          {config, "hidden_act", "prelu", "gelu_new"}},
                    Wrong{"NegativeEps",
                          fixtures::tiny_llama,
                          [](ModelFiles& m) { m.config["rms_norm_eps"] = -1; },
                          {config, "rms_norm_eps"}},
                    Wrong{"Quantised",
                          fixtures::tiny_llama,
                          [](ModelFiles& m) {
                              m.config["quantization_config"] = {{"bits", 4}};
                          },
                          {config, "quantization_config"}},
                    Wrong{"BertDecoder",
                          fixtures::tiny_bert,
                          [](ModelFiles& m) { m.config["is_decoder"] = true; },
                          {config, "is_decoder", "expected false"}},
                    Wrong{"BertRelativePositions",
                          fixtures::tiny_bert,
                          [](ModelFiles& m) { m.config["position_embedding_type"] = "relative_key"; },
                          {config, "position_embedding_type", "relative_key"}},
                    Wrong{"CrossAttention",
                          fixtures::tiny_gpt2,
                          [](ModelFiles& m) { m.config["add_cross_attention"] = true; },
                          {config, "add_cross_attention"}},
                    Wrong{"RopeRule",
                          fixtures::tiny_llama,
                          [](ModelFiles& m) {
                              m.config["rope_scaling"] = {{"type", "ntk"}, {"factor", 4.0}};
                          },
                          {config, "rope_scaling.type", "ntk", "llama3"}},
                    Wrong{"RopeWithoutFactor",
                          fixtures::tiny_llama,
                          [](ModelFiles& m) {
                              m.config["rope_scaling"] = {{"type", "linear"}};
                          },
                          {config, "rope_scaling.factor"}},
                    Wrong{"RopeThetaTwice",
                          fixtures::tiny_llama,
                          [](ModelFiles& m) {
                              m.config["rope_parameters"] = {{"rope_type", "default"}, {"rope_theta", 5e5}};
                          },
                          {config, "rope_parameters.rope_theta"}},
                    Wrong{"RopeTheta",
                          fixtures::tiny_llama,
                          [](ModelFiles& m) { m.config["rope_theta"] = 0; },
                          {config, "rope_theta"}},
                    Wrong{"LlamaPartialRotary",
                          fixtures::tiny_llama,
                          [](ModelFiles& m) { m.config["partial_rotary_factor"] = 0.5; },
                          {config, "partial_rotary_factor"}},
                    Wrong{"PatchThatDoesNotFit",
                          fixtures::tiny_vit,
                          [](ModelFiles& m) { m.config["patch_size"] = 64; },
                          {config, "image_size", "at least"}},
                    Wrong{"PatchNotSquare",
                          fixtures::tiny_vit,
                          [](ModelFiles& m) {
                              m.config["patch_size"] = {4, 2};
                          },
                          {config, "patch_size", "square"}}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace deadscope
