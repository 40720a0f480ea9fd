// Applies a family's norm names to a checkpoint.
#include "core/model/family.h"

#include <nlohmann/json.hpp>

#include "core/base/error.h"

namespace deadscope {

std::string model_type_of(const Checkpoint& checkpoint) {
    if (checkpoint.config().is_null()) {
        throw Error::input(
            "There is no config.json beside the weights, so the model's architecture is not known",
            {.file = checkpoint.config_path(),
             .expected = "config.json",
             .found = "nothing",
             .hint = "Its norms can be read all the same: deadscope gamma."});
    }
    const JsonObject config(checkpoint.config(), checkpoint.config_path());
    const auto type = config.text("model_type");
    if (!type) config.missing("model_type", "the family's name, for example \"gpt2\"");
    return *type;
}

bool is_parallel(const ConfigValues& values) {
    const std::string& name = values.architecture().block.parallel;
    return !name.empty() && values.flag(name);
}

std::vector<NormSpec> FamilyNorms::in_order(bool with_heads) const {
    std::vector<NormSpec> out;
    if (input) out.push_back(*input);
    for (std::size_t block = 0; block < attention.size(); ++block) {
        out.push_back(attention[block]);
        if (mlp[block]) out.push_back(*mlp[block]);
    }
    if (final) out.push_back(*final);
    if (with_heads) out.insert(out.end(), heads.begin(), heads.end());
    return out;
}

FamilyNorms family_norms(const ConfigValues& values, const RequiredTensors& tensors) {
    const Architecture& data = values.architecture();
    const std::int64_t d = values.size("width", width_limit), layers = values.size("layers", layers_limit);
    const double eps = values.number("eps");
    if (!(eps >= 0.0 && eps < 1.0)) values.config().wrong(values.key_of("eps"), "a number from 0 to 1");
    const auto norm = [&](const std::string& name, NormRole role, std::optional<std::size_t> block) {
        return tensors.norm(name, role, block, d, eps);
    };
    FamilyNorms out;
    const std::string& input = data.tokens ? data.tokens->norm : data.patches->norm;
    if (!input.empty()) out.input = norm(tensors.with_prefix(input), NormRole::embedding, std::nullopt);
    const bool shared = is_parallel(values);
    for (std::int64_t i = 0; i < layers; ++i) {
        const auto block = static_cast<std::size_t>(i);
        out.attention.push_back(
            norm(tensors.in_block(i, data.block.attention_norm), NormRole::attention, block));
        out.mlp.emplace_back();
        if (!shared) out.mlp.back() = norm(tensors.in_block(i, data.block.mlp_norm), NormRole::mlp, block);
    }
    const std::string beyond = tensors.in_block(layers, data.block.attention_norm) + ".weight";
    if (tensors.has(beyond)) tensors.refuse(beyond, values.key_of("layers") + " = " + std::to_string(layers));
    if (!data.final_norm.empty())
        out.final = norm(tensors.with_prefix(data.final_norm), NormRole::final, std::nullopt);
    for (const std::string& head : data.head_norms) {
        if (tensors.has(head + ".weight") || tensors.has(head + ".gamma")) {
            out.heads.push_back(norm(head, NormRole::head, std::nullopt));
        }
    }
    return out;
}

}  // namespace deadscope
