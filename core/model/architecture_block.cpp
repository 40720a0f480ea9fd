// Reads `block` of architecture data: the MLP, the experts, the block around them, and the rules that say for
// which blocks a variant holds. Attention is architecture_attention.cpp's.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/model/architecture_reader.h"

namespace deadscope {

// `up` and `gate`, or both in `gate_up`; and `down`.
void ArchitectureReader::mlp_maps(const JsonObject& entry, MlpData& out) const {
    out.inner = amount(entry, "inner");
    out.activation = amount(entry, "activation");
    out.limit = amount(entry, "limit");
    out.alpha = amount(entry, "alpha");
    out.down = required_linear(entry, "down");
    out.fused = entry.has("gate_up");
    if (!out.fused) {
        out.gate = linear(entry, "gate");
        out.up = required_linear(entry, "up");
        return;
    }
    out.gate = out.up = required_linear(entry, "gate_up", {"order"});
    const JsonObject fused = *entry.object("gate_up");
    const std::string order = fused.text("order").value_or("gate_up");
    if (order == "up_gate")
        out.order = GateOrder::up_gate;
    else if (order == "interleaved")
        out.order = GateOrder::interleaved;
    else if (order != "gate_up")
        fused.wrong("order", "gate_up, up_gate or interleaved");
}

MlpData ArchitectureReader::mlp(const JsonObject& entry) const {
    expect_keys(entry, {"gate", "up", "gate_up", "down", "inner", "activation", "limit", "alpha",
                        "inner_norm", "xielu"});
    MlpData out;
    mlp_maps(entry, out);
    out.inner_norm = norm(entry, "inner_norm");
    out.xielu = entry.text("xielu").value_or("");
    return out;
}

ExpertsData ArchitectureReader::experts(const JsonObject& entry) const {
    expect_keys(entry, {"count",
                        "chosen",
                        "inner",
                        "activation",
                        "router",
                        "scoring",
                        "renormalise",
                        "scale",
                        "correction",
                        "groups",
                        "groups_chosen",
                        "group_by_top_two",
                        "gate",
                        "up",
                        "gate_up",
                        "down",
                        "limit",
                        "alpha",
                        "shared",
                        "shared_gate",
                        "norm",
                        "out_norm",
                        "router_norm",
                        "router_scale",
                        "shared_out_norm",
                        "expert_scale"});
    ExpertsData out;
    out.count = required_amount(entry, "count");
    out.chosen = required_amount(entry, "chosen");
    out.router = required_linear(entry, "router");
    const std::string scoring = entry.text("scoring").value_or("softmax");
    if (scoring == "softmax_chosen")
        out.scoring = ExpertsSpec::Scoring::softmax_chosen;
    else if (scoring == "sigmoid")
        out.scoring = ExpertsSpec::Scoring::sigmoid;
    else if (scoring != "softmax")
        entry.wrong("scoring", "softmax, softmax_chosen or sigmoid");
    out.renormalise = amount(entry, "renormalise", false);
    out.scale = amount(entry, "scale");
    out.groups = amount(entry, "groups");
    out.groups_chosen = amount(entry, "groups_chosen");
    out.group_by_top_two = amount(entry, "group_by_top_two", false);
    out.correction = entry.text("correction").value_or("");
    mlp_maps(entry, out.expert);
    if (const auto shared = entry.object("shared")) out.shared = mlp(*shared);
    out.shared_gate = linear(entry, "shared_gate");
    out.norm = norm(entry, "norm");
    out.out_norm = norm(entry, "out_norm");
    out.router_norm = norm(entry, "router_norm");
    out.shared_out_norm = norm(entry, "shared_out_norm");
    out.router_scale = amount(entry, "router_scale");
    out.expert_scale = entry.text("expert_scale").value_or("");
    if (out.shared_gate && !out.shared) entry.missing("shared", "the expert that shared_gate weighs");
    return out;
}

std::optional<LayerInputData> ArchitectureReader::layer_input(const JsonObject& part) const {
    const auto entry = part.object("layer_input");
    if (!entry) return std::nullopt;
    expect_keys(*entry, {"table", "vocabulary", "width", "projection", "norm", "gate", "out", "out_norm"});
    LayerInputData out;
    out.table = required_text(*entry, "table");
    out.vocabulary = required_amount(*entry, "vocabulary");
    out.width = required_amount(*entry, "width");
    out.projection = required_linear(*entry, "projection");
    out.gate = required_linear(*entry, "gate");
    out.out = required_linear(*entry, "out");
    const auto projection_norm = norm(*entry, "norm");
    if (!projection_norm) entry->missing("norm", "a norm's name");
    out.norm = *projection_norm;
    out.out_norm = norm(*entry, "out_norm");
    return out;
}

std::optional<ConvolutionData> ArchitectureReader::convolution(const JsonObject& part) const {
    const auto entry = part.object("convolution");
    if (!entry) return std::nullopt;
    expect_keys(*entry, {"tensor", "norm", "width", "activation"});
    const auto behind = norm(*entry, "norm");
    if (!behind) entry->missing("norm", "a norm's name");
    return ConvolutionData{required_text(*entry, "tensor"), *behind, required_amount(*entry, "width"),
                           amount(*entry, "activation")};
}

BlockData ArchitectureReader::block(const JsonObject& entry) const {
    expect_keys(entry,
                {"tensors", "groups", "in_group", "spare", "parallel", "attention_norm", "mlp_norm",
                 "attention_out_norm", "mlp_out_norm", "branch_scale", "attention_scale", "mlp_scale",
                 "output_scale", "layer_input", "convolution", "attention", "mlp", "experts", "variants"});
    BlockData out;
    out.tensors = required_text(entry, "tensors");
    out.groups = amount(entry, "groups");
    out.in_group = amount(entry, "in_group");
    out.spare = amount(entry, "spare");
    const char* number = given(out.groups) ? "{g}" : "{i}";
    if (out.tensors.find(number) == std::string::npos) {
        entry.wrong("tensors",
                    std::string("a prefix with ") + number + " for the number of the block or its group");
    }
    out.attention_norm = norm(entry, "attention_norm");
    out.mlp_norm = norm(entry, "mlp_norm");
    out.attention_out_norm = norm(entry, "attention_out_norm");
    out.mlp_out_norm = norm(entry, "mlp_out_norm");
    out.parallel = amount(entry, "parallel", false);
    out.branch_scale = amount(entry, "branch_scale");
    out.attention_scale = entry.text("attention_scale").value_or("");
    out.mlp_scale = entry.text("mlp_scale").value_or("");
    out.output_scale = entry.text("output_scale").value_or("");
    out.layer_input = layer_input(entry);
    out.convolution = convolution(entry);
    out.attention = attention(required_object(entry, "attention"));
    if (const auto mlp_entry = entry.object("mlp")) out.mlp = mlp(*mlp_entry);
    if (const auto experts_entry = entry.object("experts")) out.experts = experts(*experts_entry);
    if (out.mlp.has_value() == out.experts.has_value()) entry.missing("mlp", "either mlp or experts");
    return out;
}

BlockRule ArchitectureReader::rule(const JsonObject& entry) const {
    BlockRule out;
    const auto several = [&](const char* key) {
        const nlohmann::json* parts = entry.find(key);
        if (parts == nullptr || !parts->is_array() || parts->empty()) entry.wrong(key, "a list of rules");
        for (const nlohmann::json& part : *parts)
            out.parts.push_back(rule(JsonObject(part, entry.file(), entry.key_path(key))));
    };
    if (entry.has("list") || entry.has("runs")) {
        const char* key = entry.has("list") ? "list" : "runs";
        expect_keys(entry, {key, "is"});
        out.kind = entry.has("list") ? BlockRule::Kind::list : BlockRule::Kind::runs;
        out.key = required_text(entry, key);
        const nlohmann::json* value = entry.find("is");
        if (value == nullptr || value->is_structured())
            entry.missing("is", "the value of the list's element");
        out.value = value->dump();
    } else if (entry.has("in")) {
        expect_keys(entry, {"in"});
        out.kind = BlockRule::Kind::in;
        out.key = required_text(entry, "in");
    } else if (entry.has("every")) {
        expect_keys(entry, {"every", "offset", "is"});
        out.kind = BlockRule::Kind::every;
        out.a = amount(entry, "every");
        out.b = amount(entry, "offset", 0.0);
        out.c = amount(entry, "is", 0.0);
    } else if (entry.has("from") || entry.has("below")) {
        const char* key = entry.has("from") ? "from" : "below";
        expect_keys(entry, {key});
        out.kind = entry.has("from") ? BlockRule::Kind::from : BlockRule::Kind::below;
        out.a = amount(entry, key);
    } else if (entry.has("not")) {
        expect_keys(entry, {"not"});
        out.kind = BlockRule::Kind::none_of;
        out.parts.push_back(rule(*entry.object("not")));
    } else if (entry.has("all") || entry.has("any")) {
        const char* key = entry.has("all") ? "all" : "any";
        expect_keys(entry, {key});
        out.kind = entry.has("all") ? BlockRule::Kind::all : BlockRule::Kind::any;
        several(key);
    } else {
        entry.missing("where", "a rule: one of list, runs, in, every, from, below, not, all, any");
    }
    return out;
}

}  // namespace deadscope
