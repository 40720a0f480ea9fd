// Architecture files: every key known or an error, extends, variants, rules, quantities.
#include "core/model/architecture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/base/assets.h"
#include "core/model/architecture_file.h"
#include "core/model/block_table.h"
#include "core/model/config_values.h"
#include "tests/fixtures/own_family.h"

namespace deadscope {
namespace {

using fixtures::error_of;
using fixtures::OwnFamily;
using fixtures::tiny_llama;
using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

struct WrongKey {
    const char* name;
    json patch;
    std::vector<std::string> words;
};
void PrintTo(const WrongKey& wrong, std::ostream* out) {
    *out << wrong.name;
}

class WrongArchitecture : public testing::TestWithParam<WrongKey> {};

TEST_P(WrongArchitecture, IsRefusedInWords) {
    OwnFamily own("llama", tiny_llama());
    ASSERT_EQ(own.refusal(), "(no error was thrown)");  // the control
    own.patch(GetParam().patch);
    const std::string message = own.refusal();
    EXPECT_THAT(message, HasSubstr("own.json"));
    for (const std::string& word : GetParam().words) EXPECT_THAT(message, HasSubstr(word));
}

json attention(const json& patch) {
    return {{"block", {{"attention", patch}}}};
}
json experts(const json& patch) {
    json all = {{"count", 4},
                {"chosen", 2},
                {"router", {{"tensor", "r"}}},
                {"up", {{"tensor", "u"}}},
                {"down", {{"tensor", "d"}}}};
    all.merge_patch(patch);
    return {{"block", {{"mlp", nullptr}, {"experts", all}}}};
}
json where(const json& rule) {
    return {{"block", {{"variants", {{{"where", rule}, {"patch", {{"parallel", true}}}}}}}}};
}
const json q = {{"tensor", "x"}};

INSTANTIATE_TEST_SUITE_P(
    Keys, WrongArchitecture,
    testing::Values(
        WrongKey{"Top", {{"finalnorm", "x"}}, {"finalnorm", "final_norm"}},
        WrongKey{"Tokens", {{"tokens", {{"tabel", "x"}}}}, {"tokens.tabel", "table"}},
        WrongKey{"Place",
                 {{"tokens", {{"projection", {{"tensor", "x"}, {"place", "behind"}}}}}},
                 {"place", "after_norm"}},
        WrongKey{"Dropout", {{"tokens", {{"dropout", {{"mask", 3}}}}}}, {"tokens.dropout.ratio", "missing"}},
        WrongKey{"TwoInputs",
                 {{"sound", {{"conv1", "a"}, {"conv2", "b"}, {"positions", "c"}}}},
                 {"one of tokens"}},
        WrongKey{"Norm", {{"norm", {{"biased", true}}}}, {"norm.biased"}},
        WrongKey{"NormEntry", {{"final_norm", {{"tensor", "norm"}, {"epsilon", 1}}}}, {"final_norm.epsilon"}},
        WrongKey{"NormNumber", {{"final_norm", 3}}, {"final_norm"}},
        WrongKey{"NoFinalNorm", {{"final_norm", nullptr}}, {"final_norm", "missing"}},
        WrongKey{"Head", {{"head", {{"tensor", "lm_head"}, {"kap", 1}}}}, {"head.kap"}},
        WrongKey{"Block", {{"block", {{"norm1", "x"}}}}, {"block.norm1"}},
        WrongKey{"NoMlp", {{"block", {{"mlp", nullptr}}}}, {"block.mlp", "either mlp or experts"}},
        WrongKey{"NoNorm", {{"block", {{"mlp_norm", nullptr}}}}, {"block.mlp_norm", "without a norm"}},
        WrongKey{"Groups", {{"block", {{"groups", 2}}}}, {"{g}"}},
        WrongKey{"Attention", attention({{"windows", 3}}), {"attention.windows"}},
        WrongKey{"Rotary", attention({{"rotary", "quarters"}}), {"attention.rotary", "interleaved"}},
        WrongKey{"Alibi", attention({{"alibi", {{"maximum", 8}}}}), {"alibi.maximum"}},
        WrongKey{"FusedOrder",
                 attention({{"qkv", {{"tensor", "x"}, {"order", "rows"}}}}),
                 {"qkv.order", "groups"}},
        WrongKey{"SplitParts",
                 attention({{"qkv", {{"tensor", "x"}, {"order", {{"split", 2}, {"parts", "qkk"}}}}}}),
                 {"order.parts"}},
        WrongKey{"SplitShares",
                 attention({{"qkv", {{"tensor", "x"}, {"order", {{"split", 0}, {"parts", "qkv"}}}}}}),
                 {"order.split"}},
        WrongKey{
            "HeadNorm", attention({{"q_norm", {{"tensor", "x"}, {"span", "both"}}}}), {"q_norm.span", "all"}},
        WrongKey{
            "HeadNormTwice", attention({{"q_norm", {{"tensor", "x{h}"}, {"each", true}}}}), {"q_norm.each"}},
        WrongKey{"RelativeBias",
                 attention({{"relative_bias", {{"table", "x"}, {"buckets", 8}}}}),
                 {"relative_bias.max_distance"}},
        WrongKey{"Disentangled", attention({{"disentangled", {{"table", "x"}}}}), {"disentangled.span"}},
        WrongKey{"Latent",
                 attention({{"latent", {{"kv_down", q}, {"kv_up", q}, {"kv_rank", 4}, {"rope", 2}}}}),
                 {"latent.kv_norm"}},
        WrongKey{"Sinusoids",
                 {{"tokens", {{"sinusoids", {{"over", 8}}}, {"positions", "p.weight"}}}},
                 {"tokens.sinusoids", "positions"}},
        WrongKey{"SinusoidsWithout", {{"tokens", {{"sinusoids", {{"zero", 1}}}}}}, {"sinusoids.over"}},
        WrongKey{"Convolution",
                 {{"block", {{"convolution", {{"tensor", "c"}, {"width", 3}}}}}},
                 {"convolution.norm"}},
        WrongKey{"Layout", attention({{"q", {{"layout", "both"}}}}), {"q.layout", "either"}},
        WrongKey{"KeysOf", attention({{"keys_of", {{"above", 2}}}}), {"keys_of.above"}},
        WrongKey{"KeysOfItself", attention({{"keys_of", 0}}), {"keys_of"}},
        WrongKey{
            "LinearInit", attention({{"q", {{"init", "uniform"}}}}), {"attention.q.init", "scaled_normal"}},
        WrongKey{"WholeBias", attention({{"q", {{"whole", true}, {"bias", true}}}}), {"q.bias_tensor"}},
        WrongKey{"GateOrder",
                 {{"block", {{"mlp", {{"gate_up", {{"tensor", "x"}, {"order", "mixed"}}}}}}}},
                 {"gate_up.order", "interleaved"}},
        WrongKey{"Experts", experts({{"kount", 4}}), {"experts.kount"}},
        WrongKey{"ExpertsWithoutCount", experts({{"count", nullptr}}), {"experts.count", "missing"}},
        WrongKey{"Scoring", experts({{"scoring", "argmax"}}), {"experts.scoring", "sigmoid"}},
        WrongKey{"SharedGate", experts({{"shared_gate", q}}), {"experts.shared"}},
        WrongKey{"Quantity", attention({{"window", "windaw"}}), {"attention.window", "windaw"}},
        WrongKey{"Expression", attention({{"window", "width *"}}), {"width *", "A op B"}},
        WrongKey{"ExpressionSymbol", attention({{"window", "width % 2"}}), {"width % 2"}},
        WrongKey{"QuantityList", attention({{"window", {1, 2}}}), {"attention.window", "a quantity"}},
        WrongKey{"QuantityCalledBlock", {{"config", {{"block", {{"default", 3}}}}}}, {"config.block"}},
        WrongKey{"Circle",
                 {{"config", {{"inner", {{"keys", json::array()}, {"default", "inner * width"}}}}}},
                 {"circle"}},
        WrongKey{"NoTiedHead", {{"config", {{"tied_head", nullptr}}}}, {"config.tied_head"}},
        WrongKey{
            "Variant", {{"variants", {{{"if", {}}, {"patch", json::object()}}}}}, {"variants.if", "when"}},
        WrongKey{"VariantWithoutCondition", {{"variants", {{{"patch", json::object()}}}}}, {"variants.when"}},
        WrongKey{"VariantValues",
                 {{"variants", {{{"when", {{"x", 3}}}, {"patch", json::object()}}}}},
                 {"x", "a list"}},
        WrongKey{"VariantWithoutPatch", {{"variants", {{{"has", "x"}}}}}, {"variants.patch"}},
        WrongKey{"Rule", where({{"modulo", 3}}), {"a rule"}},
        WrongKey{"RuleKeys", where({{"every", 2}, {"from", 3}}), {"from"}},
        WrongKey{"RuleInRule", where({{"all", {{{"below", "nothing"}}}}}), {"below", "nothing"}},
        WrongKey{"RuleList", where({{"any", json::array()}}), {"any", "a list of rules"}},
        WrongKey{"BlockPatch",
                 {{"block", {{"variants", {{{"where", {{"from", 1}}}, {"patch", {{"mpl", 1}}}}}}}}},
                 {"block.mpl"}},
        WrongKey{"Extends", {{"extends", "nothing-such"}}, {"extends"}}),
    [](const auto& test) { return test.param.name; });

TEST(Extends, InACircleIsAnError) {
    OwnFamily own("llama", tiny_llama());
    own.patch({{"extends", "own"}});
    EXPECT_THAT(own.refusal(), AllOf(HasSubstr("own.json"), HasSubstr("extends")));
}

TEST(Architectures, OptionsAreNoFamily) {
    EXPECT_THAT(known_families(), testing::Not(testing::Contains("options")));
    EXPECT_FALSE(find_architecture("options"));
}

// Every built-in file parses, and so does each of its variants alone where it makes sense of its own.
TEST(Architectures, AllBuiltInFilesParse) {
    for (const std::string& family : known_families()) {
        const auto file = find_architecture(family);
        ASSERT_TRUE(file) << family;
        if (file->json->contains("towers")) continue;
        EXPECT_NO_THROW(parse_architecture(*file->json, file->file)) << family;
    }
}

class Values : public testing::Test {
protected:
    Values() {
        json file = *find_architecture("llama")->json;
        file.merge_patch({{"config",
                           {{"clip", {{"keys", {"attn.clip"}}, {"default", 3}}},
                            {"listed", {{"keys", {"per_block"}}, {"default", 7}}},
                            {"switch", {{"keys", {"flags"}}, {"default", "mlp_bias"}}},
                            {"half", {{"default", "inner / 2"}}}}}});
        architecture_ = parse_architecture(file, "f.json");
    }
    ConfigValues values() const { return {JsonObject(config_, "config.json"), architecture_}; }
    json config_ = {{"hidden_size", 8}, {"num_attention_heads", 4}, {"intermediate_size", 12}};
    Architecture architecture_;
};

TEST_F(Values, ExpressionsGoFromLeftToRight) {
    const std::vector<std::pair<std::string, double>> cases{{"width", 8},
                                                            {"4 * width", 32},
                                                            {"width + 2 * 3", 30},
                                                            {"width - 1 / heads", 1.75},
                                                            {"head_dim ^ -0.5", std::sqrt(0.5)},
                                                            {"half", 6},
                                                            {"1 / half", 1.0 / 6.0},
                                                            {"2 ^ 3 ^ 2", 64},
                                                            {"inner + 7 // width * 3", 6}};
    for (const auto& [text, expected] : cases) EXPECT_DOUBLE_EQ(values().number(text), expected) << text;
    EXPECT_EQ(values().size("width / heads", 99), 2);
    EXPECT_EQ(values().size("inner // width", 99), 1);
    EXPECT_EQ(values().number(0.25), 0.25);
    EXPECT_EQ(values().count({}, 9), 0);
}

TEST_F(Values, ASizeMustComeOutWhole) {
    EXPECT_THAT(error_of([&] { values().size("inner / width", 99); }),
                AllOf(HasSubstr("hidden_size"), HasSubstr("a divisor of inner = 12"), HasSubstr("found 8")));
    EXPECT_THAT(error_of([&] { values().size("heads - 4", 99); }), HasSubstr("1 to 99"));
    EXPECT_THAT(error_of([&] { values().size("width // 0", 99); }), HasSubstr("found 0"));
    EXPECT_THAT(error_of([&] { values().number("clip ^ 99999"); }), HasSubstr("a finite number"));
}

TEST_F(Values, DottedKeysAndLists) {
    EXPECT_EQ(values().number("clip"), 3);
    config_["attn"] = {{"clip", 5.5}};
    EXPECT_EQ(values().number("clip"), 5.5);
    config_["attn"]["clip"] = "x";
    EXPECT_THAT(error_of([&] { values().number("clip"); }), HasSubstr("attn.clip"));
    config_["attn"] = 3;
    EXPECT_THAT(error_of([&] { values().number("clip"); }), HasSubstr("attn"));
    config_["per_block"] = {2, 4};
    EXPECT_EQ(values().in_block(1).size("listed", 9), 4);
    EXPECT_EQ(values().in_block(1).number("listed * 10 + block"), 41);
    EXPECT_THAT(error_of([&] { values().in_block(2).size("listed", 9); }), HasSubstr("block 2"));
    EXPECT_THAT(error_of([&] { values().number("listed"); }), HasSubstr("per_block"));  // not of a block
    config_["flags"] = {true, false};
    EXPECT_TRUE(values().in_block(0).flag("switch"));
    EXPECT_FALSE(values().in_block(1).flag("switch"));
    config_["flags"] = nullptr;
    EXPECT_FALSE(values().flag("switch"));  // by mlp_bias
    config_["flags"] = 1;
    EXPECT_THAT(error_of([&] { values().flag("switch"); }), HasSubstr("true or false"));
}

struct Holds {
    json rule;
    std::vector<std::size_t> blocks;  // of six
};

TEST(BlockRules, HoldWhereTheySay) {
    const std::vector<Holds> cases{{{{"list", "kinds"}, {"is", "a"}}, {0, 3}},
                                   {{{"list", "numbers"}, {"is", 0}}, {1, 4}},
                                   {{{"list", "absent"}, {"is", 0}}, {}},
                                   {{{"runs", "repeated"}, {"is", "local"}}, {1, 3, 4, 5}},
                                   {{{"runs", "absent"}, {"is", "local"}}, {}},
                                   {{{"in", "some"}}, {2, 5}},
                                   {{{"every", 3}}, {0, 3}},
                                   {{{"every", "stride"}, {"offset", 1}, {"is", 0}}, {1, 3, 5}},
                                   {{{"every", 3}, {"is", 2}}, {2, 5}},
                                   {{{"from", "layers - 2"}}, {4, 5}},
                                   {{{"below", 1}}, {0}},
                                   {{{"not", {{"every", 2}}}}, {1, 3, 5}},
                                   {{{"all", {{{"every", 2}}, {{"from", 2}}}}}, {2, 4}},
                                   {{{"any", {{{"in", "some"}}, {{"below", 1}}}}}, {0, 2, 5}}};
    json file = *find_architecture("llama")->json;
    file["config"]["stride"] = {{"default", 2}};
    const json config = {{"num_hidden_layers", 6},
                         {"hidden_size", 8},
                         {"kinds", {"a", "b", "b", "a", "b", "b"}},
                         {"numbers", {1, 0, 1, 1, 0, 1}},
                         {"repeated", json::parse(R"([[["global", "local"], 2], [["local"], 7]])")},
                         {"some", {2, 5, 77}}};
    for (const Holds& wanted : cases) {
        file["block"]["variants"] = {{{"where", wanted.rule}, {"patch", {{"branch_scale", 2}}}}};
        const Architecture architecture = parse_architecture(file, "f.json");
        const ConfigValues values(JsonObject(config, "config.json"), architecture);
        const BlockTable table(values, 6);
        std::vector<std::size_t> holding;
        for (std::size_t i = 0; i < 6; ++i) {
            if (given(table[static_cast<std::int64_t>(i)].branch_scale)) holding.push_back(i);
        }
        EXPECT_EQ(holding, wanted.blocks) << wanted.rule;
    }
}

TEST(BlockRules, RunsThatAreNoneAreRefused) {
    json file = *find_architecture("llama")->json;
    file["block"]["variants"] = {
        {{"where", {{"runs", "kinds"}, {"is", "a"}}}, {"patch", {{"branch_scale", 2}}}}};
    const Architecture architecture = parse_architecture(file, "f.json");
    for (const char* kinds : {R"([["a"], 6])", R"([[["a"], -1]])", R"([[["a"], 1e300]])", R"([[[], 6]])",
                              R"([[["a"], 5]])", R"([[["a"], 2, 3]])", R"([1, 2])", R"({"a": 6})"}) {
        const json config = {{"num_hidden_layers", 6}, {"hidden_size", 8}, {"kinds", json::parse(kinds)}};
        const ConfigValues values(JsonObject(config, "config.json"), architecture);
        EXPECT_THAT(error_of([&] { BlockTable(values, 6); }), HasSubstr("kinds")) << kinds;
    }
}

TEST(BlockRules, ListsThatAreTooShortAreErrors) {
    OwnFamily own("llama", tiny_llama());
    own.patch(where({{"list", "kinds"}, {"is", "a"}}));
    own.model().config["kinds"] = {"a"};
    EXPECT_THAT(own.refusal(), AllOf(HasSubstr("kinds"), HasSubstr("every block")));
    own.model().config["kinds"] = "a";
    EXPECT_THAT(own.refusal(), AllOf(HasSubstr("kinds"), HasSubstr("a list")));
    own.model().config["kinds"] = {"b", "a"};
    const Plan plan = own.plan();
    EXPECT_FALSE(plan.blocks[0].parallel);
    EXPECT_TRUE(plan.blocks[1].parallel);
}

TEST(Variants, HoldByKeysAndTensors) {
    const auto scale = [](const json& condition, const json& config) {
        OwnFamily own("llama", tiny_llama());
        json variant = condition;
        variant["patch"] = {{"block", {{"branch_scale", 2}}}};
        own.patch({{"variants", {variant}}});
        own.model().config.update(config);
        return own.plan().blocks[0].branch_scale == 2.0;
    };
    EXPECT_TRUE(scale({{"when", {{"mode", {"x", "y"}}}}}, {{"mode", "y"}}));
    EXPECT_FALSE(scale({{"when", {{"mode", {"x", "y"}}}}}, {{"mode", "z"}}));
    EXPECT_FALSE(scale({{"when", {{"mode", {"x"}}}}}, json::object()));
    EXPECT_TRUE(scale({{"when", {{"mode", {nullptr}}}}}, json::object()));
    EXPECT_TRUE(scale({{"when", {{"mode", {nullptr}}}}}, {{"mode", nullptr}}));
    EXPECT_TRUE(scale({{"when", {{"in.ner", {3}}}}}, {{"in", {{"ner", 3.0}}}}));
    EXPECT_FALSE(scale({{"when", {{"a", {1}}, {"b", {1}}}}}, {{"a", 1}, {"b", 2}}));
    EXPECT_TRUE(scale({{"has", {"layers.1.input_layernorm.weight", "lm_head.weight"}}}, json::object()));
    EXPECT_FALSE(scale({{"has", "layers.2.input_layernorm.weight"}}, json::object()));
    EXPECT_TRUE(scale({{"lacks", "layers.2.input_layernorm.weight"}}, json::object()));
    EXPECT_FALSE(scale({{"lacks", "lm_head.weight"}}, json::object()));
}

TEST(Variants, AreLaidOverInOrder) {
    OwnFamily own("llama", tiny_llama());
    own.patch({{"variants",
                {{{"when", {{"a", {1}}}}, {"patch", {{"block", {{"branch_scale", 2}, {"parallel", true}}}}}},
                 {{"when", {{"b", {1}}}}, {"patch", {{"block", {{"branch_scale", 3}}}}}}}}});
    own.model().config.update({{"a", 1}, {"b", 1}});
    EXPECT_EQ(own.plan().blocks[1].branch_scale, 3.0);
    EXPECT_TRUE(own.plan().blocks[1].parallel);
}

TEST(Options, ThatTheFamilyDoesNotKnowAreRefusedByName) {
    OwnFamily own("llama", tiny_llama());
    const auto with = [&](const char* key, const json& value) {
        OwnFamily one("llama", tiny_llama());
        one.model().config[key] = value;
        return one.refusal();
    };
    const json changing = {
        {"attn_logit_softcapping", 30.0}, {"alibi", true},
        {"qk_layernorm", true},           {"residual_multiplier", 0.2},
        {"num_local_experts", 8},         {"layer_types", {"full_attention", "sliding_attention"}},
        {"sliding_window", 128}};
    for (const auto& [key, value] : changing.items()) {
        EXPECT_THAT(with(key.c_str(), value), AllOf(HasSubstr(key), HasSubstr("not supported"))) << key;
    }
    EXPECT_EQ(with("layer_types", {"full_attention", "full_attention"}), "(no error was thrown)");
    EXPECT_EQ(with("residual_multiplier", 1), "(no error was thrown)");
    EXPECT_EQ(with("sliding_window", nullptr), "(no error was thrown)");
    own.model().config["sliding_window"] = 128;
    own.patch({{"config", {{"window", {{"keys", {"sliding_window"}}}}}}});  // known: the family's business
    EXPECT_EQ(own.refusal(), "(no error was thrown)");
}

}  // namespace
}  // namespace deadscope
