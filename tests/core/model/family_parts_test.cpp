// What architecture files make of a checkpoint: rows of fused maps, experts, latents, norms, inputs, towers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/fixtures/own_family.h"

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
using testing::IsEmpty;

// The rows of the tensor that the map's outputs are, by plan.h's rule.
std::vector<std::int64_t> rows_of(const LinearSpec& map) {
    std::vector<std::int64_t> rows;
    for (std::int64_t r = 0; r < map.out; ++r) {
        rows.push_back(map.group_rows == 0
                           ? map.first_row + r
                           : map.first_row + r / map.group_rows * map.group_stride + r % map.group_rows);
    }
    return rows;
}

// A llama of 4 heads of 2 channels and `kv_heads` key heads with one fused map.
OwnFamily fused(const json& order, std::int64_t kv_heads) {
    OwnFamily own("llama", tiny_llama());
    own.model().config["num_key_value_heads"] = kv_heads;
    json map = {{"tensor", "self_attn.qkv"}};
    if (!order.is_null()) map["order"] = order;
    own.patch({{"block", {{"attention", {{"q", nullptr}, {"k", nullptr}, {"v", nullptr}, {"qkv", map}}}}}});
    for (int i = 0; i < 2; ++i)
        own.model().tensors["model.layers." + std::to_string(i) + ".self_attn.qkv.weight"] =
            ramp({8 + 4 * kv_heads, 8});
    return own;
}

TEST(Fused, PartsOneAfterAnother) {
    const AttentionSpec a = fused(nullptr, 2).plan().blocks[1].attention;
    EXPECT_THAT(rows_of(a.q), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
    EXPECT_THAT(rows_of(a.k), ElementsAre(8, 9, 10, 11));
    EXPECT_THAT(rows_of(a.v), ElementsAre(12, 13, 14, 15));
    EXPECT_THAT(a.v.weight.shape, ElementsAre(16, 8));
}

TEST(Fused, HeadByHead) {
    const AttentionSpec a = fused("heads", 4).plan().blocks[0].attention;
    EXPECT_THAT(rows_of(a.q), ElementsAre(0, 1, 6, 7, 12, 13, 18, 19));
    EXPECT_THAT(rows_of(a.k), ElementsAre(2, 3, 8, 9, 14, 15, 20, 21));
    EXPECT_THAT(rows_of(a.v), ElementsAre(4, 5, 10, 11, 16, 17, 22, 23));
    EXPECT_THAT(fused("heads", 2).refusal(), HasSubstr("num_key_value_heads"));
}

TEST(Fused, ByGroupsOfHeads) {
    const AttentionSpec a = fused("groups", 2).plan().blocks[0].attention;
    EXPECT_THAT(rows_of(a.q), ElementsAre(0, 1, 2, 3, 8, 9, 10, 11));
    EXPECT_THAT(rows_of(a.k), ElementsAre(4, 5, 12, 13));
    EXPECT_THAT(rows_of(a.v), ElementsAre(6, 7, 14, 15));
}

TEST(Fused, InSharesOfTheirOwnOrder) {
    const AttentionSpec a = fused({{"split", 2}, {"parts", "qvk"}}, 4).plan().blocks[0].attention;
    EXPECT_THAT(rows_of(a.q), ElementsAre(0, 1, 2, 3, 12, 13, 14, 15));
    EXPECT_THAT(rows_of(a.v), ElementsAre(4, 5, 6, 7, 16, 17, 18, 19));
    EXPECT_THAT(rows_of(a.k), ElementsAre(8, 9, 10, 11, 20, 21, 22, 23));
    EXPECT_THAT(fused({{"split", 3}, {"parts", "qvk"}}, 4).refusal(), HasSubstr("3 shares"));
}

TEST(Fused, GateAndUpInEveryOrder) {
    const auto mlp = [](const char* order) {
        OwnFamily own("llama", tiny_llama());
        own.patch({{"block",
                    {{"mlp",
                      {{"gate", nullptr},
                       {"up", nullptr},
                       {"gate_up", {{"tensor", "mlp.both"}, {"order", order}}}}}}}});
        own.model().config["intermediate_size"] = 3;
        for (int i = 0; i < 2; ++i) {
            const std::string block = "model.layers." + std::to_string(i) + ".mlp.";
            own.model().tensors[block + "both.weight"] = ramp({6, 8});
            own.model().tensors[block + "down_proj.weight"] = ramp({8, 3});
        }
        return own.plan().blocks[0].mlp;
    };
    EXPECT_THAT(rows_of(mlp("gate_up").gate), ElementsAre(0, 1, 2));
    EXPECT_THAT(rows_of(mlp("gate_up").up), ElementsAre(3, 4, 5));
    EXPECT_THAT(rows_of(mlp("up_gate").up), ElementsAre(0, 1, 2));
    EXPECT_THAT(rows_of(mlp("up_gate").gate), ElementsAre(3, 4, 5));
    EXPECT_THAT(rows_of(mlp("interleaved").gate), ElementsAre(0, 2, 4));
    EXPECT_THAT(rows_of(mlp("interleaved").up), ElementsAre(1, 3, 5));
}

OwnFamily with_experts(const json& patch) {
    OwnFamily own("llama", tiny_llama());
    json experts = {{"count", 3}, {"chosen", 2}, {"inner", 5}, {"router", {{"tensor", "moe.router"}}}};
    experts.update(patch);
    own.patch({{"block", {{"mlp", nullptr}, {"experts", experts}}}});
    for (int i = 0; i < 2; ++i)
        own.model().tensors["model.layers." + std::to_string(i) + ".moe.router.weight"] = ramp({3, 8});
    return own;
}

TEST(Experts, OneTensorEach) {
    OwnFamily own = with_experts({{"gate", {{"tensor", "moe.{e}.gate"}}},
                                  {"up", {{"tensor", "moe.{e}.up"}}},
                                  {"down", {{"tensor", "moe.{e}.down"}}},
                                  {"scoring", "sigmoid"},
                                  {"renormalise", true},
                                  {"scale", 2.5},
                                  {"correction", "moe.correction"},
                                  {"groups", 3},
                                  {"groups_chosen", 2},
                                  {"shared",
                                   {{"gate", {{"tensor", "moe.shared.gate"}}},
                                    {"up", {{"tensor", "moe.shared.up"}}},
                                    {"down", {{"tensor", "moe.shared.down"}}},
                                    {"inner", 7}}},
                                  {"shared_gate", {{"tensor", "moe.shared_gate"}}}});
    for (int i = 0; i < 2; ++i) {
        const std::string block = "model.layers." + std::to_string(i) + ".moe.";
        auto& t = own.model().tensors;
        for (const char* expert : {"0", "1", "2", "shared"}) {
            const std::int64_t inner = expert == std::string("shared") ? 7 : 5;
            t[block + expert + ".gate.weight"] = t[block + expert + ".up.weight"] = ramp({inner, 8});
            t[block + expert + ".down.weight"] = ramp({8, inner});
        }
        t[block + "correction"] = ramp({3});
        t[block + "shared_gate.weight"] = ramp({1, 8});
    }
    const ExpertsSpec e = own.plan().blocks[1].experts;
    EXPECT_FALSE(own.plan().blocks[1].mlp);
    ASSERT_EQ(e.experts.size(), 3u);
    EXPECT_EQ(e.experts[2].down.weight.name, "model.layers.1.moe.2.down.weight");
    EXPECT_EQ(e.experts[2].down.in, 5);
    EXPECT_EQ(e.chosen, 2);
    EXPECT_EQ(e.scoring, ExpertsSpec::Scoring::sigmoid);
    EXPECT_TRUE(e.renormalise);
    EXPECT_EQ(e.scale, 2.5);
    EXPECT_EQ(e.correction.name, "model.layers.1.moe.correction");
    EXPECT_EQ(e.groups, 3);
    EXPECT_EQ(e.groups_chosen, 2);
    EXPECT_EQ(e.shared.up.out, 7);
    EXPECT_EQ(e.shared_gate.out, 1);
    own.patch({{"block", {{"experts", {{"groups", 2}}}}}});
    EXPECT_THAT(own.refusal(), HasSubstr("a divisor of the 3 experts"));
}

TEST(Experts, AllInOneTensorInOut) {
    OwnFamily own = with_experts({{"gate_up",
                                   {{"tensor", "moe.gate_up"},
                                    {"whole", true},
                                    {"bias", true},
                                    {"bias_tensor", "moe.gate_up_bias"},
                                    {"layout", "in_out"},
                                    {"order", "interleaved"}}},
                                  {"down", {{"tensor", "moe.down"}, {"whole", true}, {"layout", "in_out"}}},
                                  {"scoring", "softmax_chosen"},
                                  {"limit", 7},
                                  {"alpha", 1.702}});
    for (int i = 0; i < 2; ++i) {
        const std::string block = "model.layers." + std::to_string(i) + ".moe.";
        own.model().tensors[block + "gate_up"] = ramp({3, 8, 10});
        own.model().tensors[block + "gate_up_bias"] = ramp({3, 10});
        own.model().tensors[block + "down"] = ramp({3, 5, 8});
    }
    const ExpertsSpec e = own.plan().blocks[0].experts;
    EXPECT_EQ(e.experts[2].gate.matrix, 2);
    EXPECT_THAT(e.experts[2].gate.weight.shape, ElementsAre(3, 8, 10));
    EXPECT_THAT(e.experts[2].up.bias.shape, ElementsAre(3, 10));
    EXPECT_THAT(rows_of(e.experts[2].up), ElementsAre(1, 3, 5, 7, 9));
    EXPECT_TRUE(e.experts[2].down.stored_in_out);
    EXPECT_FALSE(e.experts[2].down.bias);
    EXPECT_EQ(e.experts[0].limit, 7.0);
    EXPECT_EQ(e.experts[0].alpha, 1.702);
    own.model().tensors["model.layers.0.moe.down"] = ramp({3, 8, 5});
    EXPECT_THAT(own.refusal(), AllOf(HasSubstr("[3, 5, 8]"), HasSubstr("[3, 8, 5]")));
}

TEST(Attention, LatentQueriesAndKeys) {
    OwnFamily own("llama", tiny_llama());
    own.patch({{"block",
                {{"attention",
                  {{"k", nullptr},
                   {"v", nullptr},
                   {"kv_heads", "heads"},
                   {"head_dim", 5},
                   {"value_dim", 4},
                   {"q", {{"tensor", "a.q_up"}, {"bias", false}}},
                   {"scale_by_yarn", true},
                   {"latent",
                    {{"q_down", {{"tensor", "a.q_down"}}},
                     {"q_norm", "a.q_norm"},
                     {"q_rank", 6},
                     {"kv_down", {{"tensor", "a.kv_down"}}},
                     {"kv_norm", "a.kv_norm"},
                     {"kv_rank", 7},
                     {"rope", 2},
                     {"kv_up", {{"tensor", "a.kv_up"}}}}}}}}}});
    own.model().config["rope_scaling"] = {
        {"type", "yarn"}, {"factor", 4.0}, {"mscale_all_dim", 1.0}, {"original_max_position_embeddings", 16}};
    for (int i = 0; i < 2; ++i) {
        auto& t = own.model().tensors;
        const std::string block = "model.layers." + std::to_string(i) + ".";
        t[block + "a.q_down.weight"] = ramp({6, 8});
        t[block + "a.q_norm.weight"] = ramp({6});
        t[block + "a.q_up.weight"] = ramp({20, 6});
        t[block + "a.kv_down.weight"] = ramp({9, 8});
        t[block + "a.kv_norm.weight"] = ramp({7});
        t[block + "a.kv_up.weight"] = ramp({28, 7});
        t[block + "self_attn.o_proj.weight"] = ramp({8, 16});
    }
    const Plan plan = own.plan();
    const AttentionSpec& a = plan.blocks[1].attention;
    ASSERT_TRUE(a.latent);
    EXPECT_EQ(a.q.in, 6);
    EXPECT_EQ(a.value_dim, 4);
    EXPECT_EQ(a.o.in, 16);
    EXPECT_THAT(rows_of(a.latent->k_rope), ElementsAre(7, 8));
    EXPECT_EQ(a.latent->kv_down.out, 7);
    EXPECT_THAT(rows_of(a.k), ElementsAre(0, 1, 2, 7, 8, 9, 14, 15, 16, 21, 22, 23));
    EXPECT_EQ(rows_of(a.v)[0], 3);
    EXPECT_EQ(rows_of(a.v)[4], 10);
    EXPECT_EQ(a.rotary.first, 3);
    EXPECT_EQ(a.rotary.dims, 2);
    const double mscale = 0.1 * std::log(4.0) + 1.0;
    EXPECT_DOUBLE_EQ(a.scale, mscale * mscale / std::sqrt(5.0));
    EXPECT_EQ(plan.norms[1].role, NormRole::latent);
    EXPECT_EQ(plan.norms[1].d, 6);
    EXPECT_EQ(plan.reading_norm().name, "model.norm");
}

TEST(Attention, WindowsCapsSlopesAndSinks) {
    OwnFamily own("llama", tiny_llama());
    own.patch(
        {{"config", {{"span", {{"keys", {"my_span"}}, {"default", 0}}}}},
         {"block",
          {{"branch_scale", 0.5},
           {"output_scale", "scalar"},
           {"attention_scale", "gamma_1"},
           {"attention",
            {{"rotary", nullptr},
             {"window", "span / 2"},
             {"scale", "heads ^ -1"},
             {"score_cap", 30},
             {"clip", 8},
             {"alibi", {{"scaled", true}}},
             {"sinks", "self_attn.sinks"}}},
           {"variants", {{{"where", {{"from", 1}}}, {"patch", {{"attention", {{"window", nullptr}}}}}}}}}}});
    own.model().config["my_span"] = 6;
    for (int i = 0; i < 2; ++i) {
        const std::string block = "model.layers." + std::to_string(i) + ".";
        own.model().tensors[block + "self_attn.sinks"] = ramp({4});
        own.model().tensors[block + "scalar"] = ramp({1});
        own.model().tensors[block + "gamma_1"] = ramp({1, 8});
    }
    const Plan plan = own.plan();
    const AttentionSpec& a = plan.blocks[0].attention;
    EXPECT_EQ(a.window, 3);
    EXPECT_EQ(plan.blocks[1].attention.window, 0);
    EXPECT_EQ(a.scale, 0.25);
    EXPECT_EQ(a.score_cap, 30.0);
    EXPECT_EQ(a.clip, 8.0);
    EXPECT_THAT(a.slopes, ElementsAre(0.25 / 4, 0.25 / 16, 0.25 / 64, 0.25 / 256));
    EXPECT_EQ(a.sinks.name, "model.layers.0.self_attn.sinks");
    EXPECT_EQ(a.rotary.dims, 0);
    EXPECT_EQ(plan.blocks[0].branch_scale, 0.5);
    EXPECT_EQ(plan.blocks[0].output_scale.name, "model.layers.0.scalar");
    EXPECT_THAT(plan.blocks[0].attention_scale.shape, ElementsAre(1, 8));
    EXPECT_EQ(plan.blocks[0].attention_scale.init.a, 1.0);
}

// Of three heads: every second slope of four first, then those between (bloom's and mpt's rule).
TEST(Attention, SlopesOfAnOddNumberOfHeads) {
    OwnFamily own("gpt2", tiny_gpt2());
    own.patch({{"block", {{"attention", {{"alibi", true}, {"head_dim", 2}, {"heads", 3}}}}}});
    for (int i = 0; i < 2; ++i) {
        const std::string block = "transformer.h." + std::to_string(i) + ".attn.";
        own.model().tensors[block + "c_attn.weight"] = ramp({8, 18});
        own.model().tensors[block + "c_attn.bias"] = ramp({18});
        own.model().tensors[block + "c_proj.weight"] = ramp({6, 8});
    }
    EXPECT_THAT(own.plan().blocks[0].attention.slopes, ElementsAre(1.0 / 16, 1.0 / 256, 1.0 / 4));
    EXPECT_FALSE(own.plan().blocks[0].attention.slopes_in_bf16);
    // Rounded to bfloat16 they are scaled by the pass, behind the rounding.
    own.patch({{"block", {{"attention", {{"alibi", {{"bf16", true}, {"scaled", true}}}}}}}});
    EXPECT_TRUE(own.plan().blocks[0].attention.slopes_in_bf16);
    EXPECT_THAT(own.plan().blocks[0].attention.slopes, ElementsAre(1.0 / 16, 1.0 / 256, 1.0 / 4));
}

TEST(Attention, ReadsTheKeysOfAnEarlierBlock) {
    OwnFamily own("llama", tiny_llama());
    own.patch({{"block",
                {{"variants",
                  {{{"where", {{"from", 1}}},
                    {"patch", {{"attention", {{"keys_of", {{"below", 1}, {"like", "kinds"}}}}}}}}}}}}});
    own.model().config["kinds"] = {"a", "a"};
    std::erase_if(own.model().tensors,
                  [](const auto& t) { return t.first.find("1.self_attn.k_proj") != std::string::npos; });
    const Plan plan = own.plan();
    EXPECT_EQ(plan.blocks[1].attention.keys_of, 0u);
    EXPECT_FALSE(plan.blocks[1].attention.k);
    EXPECT_TRUE(plan.blocks[0].attention.k);
    own.model().config["kinds"] = {"b", "a"};
    EXPECT_THAT(own.refusal(), HasSubstr("keys_of"));
}

TEST(Attention, RelativeTables) {
    OwnFamily own("bert", tiny_bert());
    own.patch({{"block",
                {{"attention",
                  {{"relative_bias", {{"table", "bias.weight"}, {"buckets", 6}, {"max_distance", 20}}},
                   {"disentangled",
                    {{"table", "rel.weight"},
                     {"norm", "rel_norm"},
                     {"query", {{"tensor", "attention.self.query"}, {"bias", true}}},
                     {"span", 5},
                     {"max_distance", "context"}}}}}}}});
    auto& t = own.model().tensors;
    t["bias.weight"] = ramp({6, 2});
    t["rel.weight"] = ramp({10, 8});
    t["rel_norm.weight"] = t["rel_norm.bias"] = ramp({8});
    const Plan plan = own.plan();
    const AttentionSpec& a = plan.blocks[0].attention;
    EXPECT_THAT(a.relative_bias.table.shape, ElementsAre(6, 2));
    EXPECT_TRUE(a.relative_bias.bidirectional);
    EXPECT_TRUE(a.disentangled.norm);
    EXPECT_TRUE(a.disentangled.query);
    EXPECT_FALSE(a.disentangled.key);
    EXPECT_EQ(a.disentangled.max_distance, 20);
    EXPECT_EQ(plan.norms[1].name, "rel_norm");
    EXPECT_EQ(plan.reading_norm().name, "encoder.layer.0.output.LayerNorm");
}

TEST(HeadNorms, SharedEachAndAll) {
    OwnFamily own("llama", tiny_llama());
    own.patch({{"block",
                {{"attention_out_norm", {{"tensor", "out_norm"}, {"kind", "layer_norm"}, {"bias", false}}},
                 {"attention",
                  {{"q_norm", {{"tensor", "q_norm.{h}"}, {"eps", 1e-3}}},
                   {"k_norm", {{"tensor", "k_norm"}, {"each", true}, {"offset", 1}}},
                   {"v_norm", {{"tensor", "v_norm"}, {"span", "all"}, {"weight", false}}}}}}}});
    for (int i = 0; i < 2; ++i) {
        auto& t = own.model().tensors;
        const std::string block = "model.layers." + std::to_string(i) + ".";
        for (int h = 0; h < 4; ++h) t[block + "q_norm." + std::to_string(h) + ".weight"] = ramp({2});
        t[block + "k_norm.weight"] = ramp({2, 2});
        t[block + "out_norm.weight"] = ramp({8});
    }
    const Plan plan = own.plan();
    const AttentionSpec& a = plan.blocks[0].attention;
    ASSERT_EQ(a.q_norm.parts.size(), 4u);
    EXPECT_EQ(a.q_norm.span, 2);
    EXPECT_EQ(a.q_norm.parts[3].weight, "model.layers.0.q_norm.3.weight");
    EXPECT_EQ(a.q_norm.parts[3].eps, 1e-3);
    EXPECT_EQ(a.q_norm.parts[3].role, NormRole::query);
    EXPECT_EQ(a.k_norm.span, 2);
    EXPECT_EQ(a.k_norm.parts.at(0).d, 4);
    EXPECT_EQ(a.k_norm.parts.at(0).offset, 1.0);
    EXPECT_EQ(a.v_norm.span, 4);
    EXPECT_EQ(a.v_norm.parts.at(0).weight, "");
    EXPECT_EQ(plan.blocks[0].attention_out_norm->kind, NormKind::layer_norm);
    EXPECT_EQ(plan.blocks[0].attention_out_norm->role, NormRole::post_attention);
    std::vector<NormRole> roles;
    for (std::size_t i = 0; i < 9; ++i) roles.push_back(plan.norms[i].role);
    EXPECT_THAT(roles, ElementsAre(NormRole::attention, NormRole::query, NormRole::query, NormRole::query,
                                   NormRole::query, NormRole::key, NormRole::value, NormRole::post_attention,
                                   NormRole::mlp));
    EXPECT_EQ(plan.reading_norm().role, NormRole::final);
    EXPECT_EQ(read_norm(own.open(), a.v_norm.parts[0]).gamma, std::vector<double>(4, 1.0));
    EXPECT_THAT(read_norm(own.open(), a.k_norm.parts[0]).gamma.size(), 4u);
}

TEST(NormStyles, WithoutParametersAndWhereBlocksDiffer) {
    OwnFamily own("llama", tiny_llama());
    own.patch(
        {{"norm", {{"kind", "layer_norm"}, {"bias", false}, {"weight", false}}},
         {"block", {{"variants", {{{"where", {{"below", 1}}}, {"patch", {{"attention_norm", nullptr}}}}}}}}});
    EXPECT_THAT(own.refusal(), AllOf(HasSubstr("layernorm.weight"), HasSubstr("no such tensor")));
    std::erase_if(own.model().tensors,
                  [](const auto& t) { return t.first.find("norm") != std::string::npos; });
    const Plan plan = own.plan();
    EXPECT_FALSE(plan.blocks[0].attention_norm);
    EXPECT_EQ(plan.blocks[1].attention_norm->weight, "");
    EXPECT_EQ(plan.blocks[1].attention_norm->bias, "");
    EXPECT_EQ(plan.norms.size(), 4u);
    EXPECT_EQ(plan.reading_norm().name, "model.norm");
    EXPECT_EQ(find_norms(own.open()).size(), 4u);
}

TEST(NormStyles, AreReadFromAFileThatHoldsNothingElse) {
    OwnFamily own("llama", tiny_llama());
    std::erase_if(own.model().tensors,
                  [](const auto& t) { return t.first.find("norm") == std::string::npos; });
    EXPECT_EQ(find_norms(own.open()).size(), 5u);
}

}  // namespace
}  // namespace deadscope
