// Options that change what the golden families compute and that no part computes: refused by name, where the
// golden itself opens.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/checkpoint/checkpoint.h"
#include "core/model/plan.h"
#include "tests/fixtures/model_files.h"

namespace deadscope {
namespace {

using nlohmann::json;

struct Option {
    const char* golden;
    const char* key;
    const char* value;  // JSON
};
void PrintTo(const Option& option, std::ostream* out) {
    *out << option.golden << " " << option.key << " " << option.value;
}

class RefusedOption : public testing::TestWithParam<Option> {};

TEST_P(RefusedOption, IsNamed) {
    const Option& option = GetParam();
    const std::string good = std::string(DEADSCOPE_GOLDEN_DIR) + "/" + option.golden + "/model";
    ASSERT_EQ(fixtures::error_of([&] { make_plan(open_checkpoint(good)); }), "(no error was thrown)");
    const fixtures::TemporaryFolder folder;
    const std::filesystem::path wrong = folder / "model";
    std::filesystem::copy(good, wrong);
    json config = json::parse(std::ifstream(wrong / "config.json"));
    config[option.key] = json::parse(option.value);
    std::filesystem::remove(wrong / "config.json");  // the copy may be read-only
    std::ofstream(wrong / "config.json") << config;
    EXPECT_THAT(fixtures::error_of([&] { make_plan(open_checkpoint(wrong)); }),
                testing::HasSubstr(option.key));
}

INSTANTIATE_TEST_SUITE_P(
    Goldens, RefusedOption,
    testing::Values(Option{"qwen3", "layer_types", R"(["chunked_attention", "full_attention"])"},
                    Option{"qwen3", "is_causal", "false"}, Option{"mistral", "is_causal", "false"},
                    Option{"gemma", "use_bidirectional_attention", "true"},
                    Option{"gemma4_text", "use_bidirectional_attention", R"("all")"},
                    Option{"opt", "_remove_final_layer_norm", "true"},
                    Option{"gemma4_moe", "use_double_wide_mlp", "true"},
                    Option{"gemma4_moe", "num_kv_shared_layers", "1"},
                    Option{"llama", "per_layer_config", R"({"1": {"head_dim": 8}})"},
                    Option{"olmo2", "clip_qkv", "1.0"}, Option{"t5", "feed_forward_proj", R"("gated-mish")"},
                    Option{"t5", "is_decoder", "true"}, Option{"deepseek_v3", "moe_layer_freq", "2"},
                    Option{"deepseek_v3", "scoring_func", R"("softmax")"},
                    Option{"granite", "quantization_config", R"({"quant_method": "gptq"})"}));

}  // namespace
}  // namespace deadscope
