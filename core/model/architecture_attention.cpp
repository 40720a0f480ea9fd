// Reads `attention` of architecture data.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/model/architecture_reader.h"

namespace deadscope {
namespace {

FusedOrder read_order(const JsonObject& qkv) {
    FusedOrder order;
    const nlohmann::json* value = qkv.find("order");
    if (value == nullptr) return order;
    if (value->is_object()) {
        const JsonObject split = *qkv.object("order");
        expect_keys(split, {"split", "parts"});
        order.kind = FusedOrder::Kind::split;
        order.shares = split.integer("split").value_or(0);
        order.parts = required_text(split, "parts");
        if (order.shares < 1 || order.shares > 1024)
            split.wrong("split", "a number of shares from 1 to 1024");
        std::string sorted = order.parts;
        std::ranges::sort(sorted);
        if (sorted != "kqv") split.wrong("parts", "the letters q, k and v in their order");
        return order;
    }
    const std::string word = *qkv.text("order");
    if (word == "heads")
        order.kind = FusedOrder::Kind::heads;
    else if (word == "groups")
        order.kind = FusedOrder::Kind::groups;
    else if (word != "parts")
        qkv.wrong("order", "parts, heads, groups, or {\"split\": n, \"parts\": \"qvk\"}");
    return order;
}

}  // namespace

RotaryData ArchitectureReader::rotary(const JsonObject& entry) const {
    RotaryData out;
    const std::string word = *entry.text("rotary");
    if (word != "halves" && word != "interleaved") entry.wrong("rotary", "halves or interleaved");
    out.interleaved = word == "interleaved";
    out.parameters = entry.texts("rotary_parameters");
    if (entry.object("rotary_rule"))
        out.rule = std::make_shared<const nlohmann::json>(*entry.find("rotary_rule"));
    const auto or_family = [&](const char* key) {
        const Amount named = amount(entry, key);
        if (given(named) || !data_.config.contains(key)) return named;
        return Amount(std::string(key));
    };
    out.theta = or_family("rope_theta");
    out.fraction = or_family("rotary_fraction");
    out.dims = or_family("rotary_dims");
    out.frequencies = entry.texts("frequencies");
    out.divided = entry.boolean("divided").value_or(true);
    out.by_patch = entry.boolean("rotary_by_patch").value_or(false);
    return out;
}

AlibiData ArchitectureReader::alibi(const JsonObject& entry) const {
    AlibiData out;
    const nlohmann::json* value = entry.find("alibi");
    if (value == nullptr) return out;
    if (!value->is_object()) {
        out.on = amount(entry, "alibi");
        return out;
    }
    const JsonObject alibi = *entry.object("alibi");
    expect_keys(alibi, {"on", "max", "scaled", "bf16"});
    out.on = amount(alibi, "on", true);
    out.max = amount(alibi, "max", out.max);
    out.scaled = amount(alibi, "scaled", out.scaled);
    out.bf16 = amount(alibi, "bf16", out.bf16);
    return out;
}

std::optional<HeadNormData> ArchitectureReader::head_norm(const JsonObject& part,
                                                          std::string_view key) const {
    const auto entry = part.object(key);
    if (!entry) return std::nullopt;
    expect_keys(*entry, {"tensor", "span", "each", "kind", "bias", "offset", "weight", "eps"});
    HeadNormData out;
    out.norm = norm_style(*entry, data_.norm);
    out.norm.tensor = required_text(*entry, "tensor");
    const std::string span = entry->text("span").value_or("head");
    if (span != "head" && span != "all") entry->wrong("span", "head or all");
    out.all = span == "all";
    out.each = entry->boolean("each").value_or(false);
    const bool many = out.norm.tensor.find("{h}") != std::string::npos;
    if ((out.all || many) && out.each) entry->wrong("each", "false for a norm over all heads, or one a head");
    if (out.all && many) entry->wrong("tensor", "one name, since the norm spans all heads");
    return out;
}

std::optional<LatentData> ArchitectureReader::latent(const JsonObject& part) const {
    const auto entry = part.object("latent");
    if (!entry) return std::nullopt;
    expect_keys(*entry, {"q_down", "q_norm", "q_rank", "kv_down", "kv_norm", "kv_rank", "rope", "kv_up"});
    LatentData out;
    out.q_down = linear(*entry, "q_down");
    out.q_norm = norm(*entry, "q_norm");
    if (out.q_down) out.q_rank = required_amount(*entry, "q_rank");
    if (out.q_norm && !out.q_down) entry->missing("q_down", "the map to the latent that q_norm norms");
    out.kv_down = required_linear(*entry, "kv_down");
    out.kv_up = required_linear(*entry, "kv_up");
    const auto kv_norm = norm(*entry, "kv_norm");
    if (!kv_norm) entry->missing("kv_norm", "a norm's name");
    out.kv_norm = *kv_norm;
    out.kv_rank = required_amount(*entry, "kv_rank");
    out.rope = required_amount(*entry, "rope");
    return out;
}

std::optional<DisentangledData> ArchitectureReader::disentangled(const JsonObject& part) const {
    const auto entry = part.object("disentangled");
    if (!entry) return std::nullopt;
    expect_keys(*entry, {"table", "norm", "query", "key", "span", "buckets", "max_distance"});
    DisentangledData out;
    out.table = required_text(*entry, "table");
    out.norm = norm(*entry, "norm");
    out.query = linear(*entry, "query");
    out.key = linear(*entry, "key");
    out.span = required_amount(*entry, "span");
    out.buckets = amount(*entry, "buckets", 0.0);
    out.max_distance = required_amount(*entry, "max_distance");
    return out;
}

std::optional<RelativeBiasData> ArchitectureReader::relative_bias(const JsonObject& part) const {
    const auto entry = part.object("relative_bias");
    if (!entry) return std::nullopt;
    expect_keys(*entry, {"table", "buckets", "max_distance", "bidirectional"});
    return RelativeBiasData{required_text(*entry, "table"), required_amount(*entry, "buckets"),
                            required_amount(*entry, "max_distance"), amount(*entry, "bidirectional", true)};
}

std::optional<KeysOfData> ArchitectureReader::keys_of(const JsonObject& part) const {
    const nlohmann::json* value = part.find("keys_of");
    if (value == nullptr) return std::nullopt;
    KeysOfData out;
    if (!value->is_object()) {
        out.block = amount(part, "keys_of");
        return out;
    }
    const JsonObject entry = *part.object("keys_of");
    expect_keys(entry, {"below", "like"});
    out.below = required_amount(entry, "below");
    out.like = entry.text("like").value_or("");
    return out;
}

AttentionData ArchitectureReader::attention(const JsonObject& entry) const {
    expect_keys(entry, {"causal",
                        "heads",
                        "kv_heads",
                        "head_dim",
                        "value_dim",
                        "rotary",
                        "rotary_parameters",
                        "rotary_rule",
                        "rope_theta",
                        "rotary_fraction",
                        "rotary_dims",
                        "frequencies",
                        "divided",
                        "rotary_by_patch",
                        "window",
                        "scale",
                        "scale_by_yarn",
                        "score_cap",
                        "clip",
                        "clip_after_norm",
                        "alibi",
                        "sinks",
                        "q",
                        "k",
                        "v",
                        "qkv",
                        "q_bias",
                        "k_bias",
                        "v_bias",
                        "out",
                        "q_norm",
                        "k_norm",
                        "v_norm",
                        "norm_after_rotary",
                        "inner_norm",
                        "relative_bias",
                        "disentangled",
                        "latent",
                        "keys_of"});
    AttentionData out;
    out.heads = amount(entry, "heads");
    out.kv_heads = amount(entry, "kv_heads");
    out.head_dim = amount(entry, "head_dim");
    out.value_dim = amount(entry, "value_dim");
    out.causal = amount(entry, "causal", true);
    out.window = amount(entry, "window");
    out.scale = amount(entry, "scale");
    out.scale_by_yarn = entry.boolean("scale_by_yarn").value_or(false);
    out.score_cap = amount(entry, "score_cap");
    out.clip = amount(entry, "clip");
    out.clip_after_norm = entry.boolean("clip_after_norm").value_or(false);
    if (entry.has("rotary")) out.rotary = rotary(entry);
    out.norm_after_rotary = amount(entry, "norm_after_rotary", false);
    out.alibi = alibi(entry);
    out.sinks = entry.text("sinks").value_or("");
    out.latent = latent(entry);
    out.fused = entry.has("qkv");
    if (out.fused) {
        out.q = required_linear(entry, "qkv", {"order"});
        out.order = read_order(*entry.object("qkv"));
        out.q_bias = entry.text("q_bias").value_or("");
        out.k_bias = entry.text("k_bias").value_or("");
        out.v_bias = entry.text("v_bias").value_or("");
    } else {
        out.q = required_linear(entry, "q");
    }
    if (!out.fused && !out.latent) {
        out.k = required_linear(entry, "k");
        out.v = required_linear(entry, "v");
    }
    out.out = required_linear(entry, "out");
    out.q_norm = head_norm(entry, "q_norm");
    out.k_norm = head_norm(entry, "k_norm");
    out.v_norm = head_norm(entry, "v_norm");
    out.inner_norm = norm(entry, "inner_norm");
    out.relative_bias = relative_bias(entry);
    out.disentangled = disentangled(entry);
    out.keys_of = keys_of(entry);
    return out;
}

}  // namespace deadscope
