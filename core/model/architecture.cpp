// Reads and checks architecture data. Every key is known or an error: a misspelt one must not pass silently.
#include "core/model/architecture.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/model/architecture_reader.h"
#include "core/model/config_keys.h"

namespace deadscope {
namespace {

constexpr std::string_view schema = "deadscope.architecture/1";

Quantity read_quantity(const JsonObject& config, const std::string& name) {
    const JsonObject entry = required_object(config, name);
    expect_keys(entry, {"keys", "default"});
    if (name == "block") config.wrong(name, "another name: block is the block's number");
    Quantity quantity;
    quantity.keys = entry.texts("keys");
    if (const nlohmann::json* fallback = entry.find("default")) {
        const auto value = to_amount(*fallback);
        if (!value) entry.wrong("default", "a number, a string, or true or false");
        quantity.fallback = *value;
    }
    return quantity;
}

TokensData read_tokens(const ArchitectureReader& reader, const JsonObject& entry) {
    expect_keys(entry, {"table", "positions", "position_offset", "position_rows", "padding", "token_types",
                        "sinusoids", "scale", "norm", "projection", "dropout"});
    TokensData out;
    out.table = required_text(entry, "table");
    out.positions = entry.text("positions").value_or("");
    out.token_types = entry.text("token_types").value_or("");
    out.position_offset = reader.amount(entry, "position_offset", 0.0);
    out.position_rows = reader.amount(entry, "position_rows");
    out.padding = reader.amount(entry, "padding");
    if (const auto sinusoids = entry.object("sinusoids")) {
        expect_keys(*sinusoids, {"over", "zero"});
        out.sinusoids = reader.required_amount(*sinusoids, "over");
        out.sinusoid_zero = reader.amount(*sinusoids, "zero");
        if (!out.positions.empty()) entry.wrong("sinusoids", "nothing, since positions names a table");
    }
    out.scale = reader.amount(entry, "scale");
    out.norm = reader.norm(entry, "norm");
    out.projection = reader.linear(entry, "projection", {"place"});
    if (out.projection) {
        using Place = TokenInputSpec::ProjectionPlace;
        const JsonObject projection = *entry.object("projection");
        const std::string place = projection.text("place").value_or("before_positions");
        if (place != "before_positions" && place != "before_norm" && place != "after_norm")
            projection.wrong("place", "before_positions, before_norm or after_norm");
        out.place = place == "before_positions" ? Place::before_positions
                    : place == "before_norm"    ? Place::before_norm
                                                : Place::after_norm;
    }
    if (const auto dropout = entry.object("dropout")) {
        expect_keys(*dropout, {"mask", "ratio"});
        out.mask = reader.required_amount(*dropout, "mask");
        out.dropout_ratio = reader.required_amount(*dropout, "ratio");
    }
    return out;
}

PatchesData read_patches(const ArchitectureReader& reader, const JsonObject& entry) {
    expect_keys(entry, {"projection", "bias", "class_tokens", "registers", "register_count", "positions",
                        "any_size", "antialias", "norm"});
    PatchesData out;
    out.projection = required_text(entry, "projection");
    out.bias = reader.amount(entry, "bias", true);
    out.class_tokens = entry.texts("class_tokens");
    out.registers = entry.text("registers").value_or("");
    if (!out.registers.empty()) out.register_count = reader.required_amount(entry, "register_count");
    out.positions = entry.text("positions").value_or("");
    out.any_size = entry.boolean("any_size").value_or(false);
    out.antialias = entry.boolean("antialias").value_or(false);
    out.norm = reader.norm(entry, "norm");
    return out;
}

SoundData read_sound(const JsonObject& entry) {
    expect_keys(entry, {"conv1", "conv2", "positions"});
    return {required_text(entry, "conv1"), required_text(entry, "conv2"), required_text(entry, "positions")};
}

void read_norm_style(const ArchitectureReader& reader, const JsonObject& entry, Architecture& out) {
    expect_keys(entry, {"kind", "bias", "weight", "offset", "eps", "position"});
    required_text(entry, "kind");
    out.norm = reader.norm_style(entry, out.norm);
    const std::string position = entry.text("position").value_or("pre");
    if (position != "pre" && position != "post") entry.wrong("position", "pre or post");
    out.norm_position = position == "pre" ? NormPosition::pre : NormPosition::post;
}

std::optional<HeadData> read_head(const ArchitectureReader& reader, const JsonObject& object) {
    const nlohmann::json* value = object.find("head");
    if (value == nullptr) return std::nullopt;
    HeadData out;
    if (value->is_string()) {
        out.linear.tensor = required_text(object, "head");
        return out;
    }
    out.linear = reader.required_linear(object, "head", {"projection", "scale", "cap"});
    const JsonObject entry = *object.object("head");
    out.projection = reader.linear(entry, "projection");
    out.scale = reader.amount(entry, "scale");
    out.cap = reader.amount(entry, "cap");
    return out;
}

void read_inputs(const ArchitectureReader& reader, const JsonObject& object, Architecture& out) {
    if (const auto tokens = object.object("tokens")) out.tokens = read_tokens(reader, *tokens);
    if (const auto patches = object.object("patches")) out.patches = read_patches(reader, *patches);
    if (const auto sound = object.object("sound")) out.sound = read_sound(*sound);
    if (int(out.tokens.has_value()) + int(out.patches.has_value()) + int(out.sound.has_value()) != 1)
        object.missing("tokens", "one of tokens, patches and sound");
}

void read_block(const ArchitectureReader& reader, const JsonObject& object, Architecture& out) {
    const JsonObject block = required_object(object, "block");
    out.block = reader.block(block);
    out.block_json = std::make_shared<const nlohmann::json>(*object.find("block"));
    const nlohmann::json* variants = block.find("variants");
    if (variants == nullptr) return;
    if (!variants->is_array()) block.wrong("variants", "a list of {\"where\": RULE, \"patch\": {...}}");
    for (const nlohmann::json& value : *variants) {
        const JsonObject variant(value, out.file, block.key_path("variants"));
        expect_keys(variant, {"where", "patch"});
        (void)required_object(variant, "patch");
        out.block_variants.push_back({reader.rule(required_object(variant, "where")),
                                      std::make_shared<const nlohmann::json>(*variant.find("patch"))});
    }
}

// The quantities that the parts need whatever they refer to themselves.
void check_quantities(const JsonObject& object, const Architecture& data) {
    const auto check = [&](const std::string& name) {
        if (data.config.contains(name)) return;
        throw Error::input("The architecture file lacks a quantity that its parts need",
                           {.file = object.file(),
                            .key = "config." + name,
                            .expected = "an entry of config",
                            .found = "nothing"});
    };
    for (const char* name : {"width", "layers", "heads", "inner", "eps", "activation", "init_std"})
        check(name);
    if (data.head && data.tokens) check("tied_head");
    for (const char* name : {"vocabulary", "context"}) {
        if (data.tokens) check(name);
    }
    if (data.tokens && !data.tokens->token_types.empty()) check("token_types");
    if (data.tokens && data.tokens->projection) check("token_width");
    for (const char* name : {"channels", "image_size", "patch"}) {
        if (data.patches) check(name);
    }
    for (const char* name : {"mel", "frames"}) {
        if (data.sound) check(name);
    }
}

}  // namespace

Architecture parse_architecture(const nlohmann::json& json, const std::string& file) {
    const JsonObject object(json, file);
    expect_keys(object,
                {"schema", "model_type", "family", "extends", "prefixes", "config", "only", "variants",
                 "norm", "tokens", "patches", "sound", "block", "final_norm", "head", "head_norms"});
    if (required_text(object, "schema") != schema) object.wrong("schema", std::string(schema));
    Architecture out;
    out.file = file;
    out.model_type = required_text(object, "model_type");
    out.family = required_text(object, "family");
    out.prefixes = object.texts("prefixes");
    if (out.prefixes.empty()) out.prefixes = {""};
    const JsonObject config = required_object(object, "config");
    for (const std::string& name : config.keys()) out.config.emplace(name, read_quantity(config, name));
    if (const auto only = object.object("only")) {
        for (const std::string& key : only->keys()) {
            const nlohmann::json* values = only->find(key);
            if (values == nullptr) continue;
            if (!values->is_array()) only->wrong(key, "a list of values");
            auto& accepted = out.only[key];
            for (const nlohmann::json& value : *values) accepted.push_back(value.dump());
        }
    }
    out.mentioned = mentioned_config_keys(json);
    const ArchitectureReader reader(out);
    read_norm_style(reader, required_object(object, "norm"), out);
    read_inputs(reader, object, out);
    read_block(reader, object, out);
    out.final_norm = reader.norm(object, "final_norm");
    if (!out.final_norm && out.norm_position == NormPosition::pre)
        object.missing("final_norm", "a norm's name");
    out.head = read_head(reader, object);
    if (const nlohmann::json* heads = object.find("head_norms")) {
        if (!heads->is_array()) object.wrong("head_norms", "a list of norms");
        for (const nlohmann::json& head : *heads)
            out.head_norms.push_back(*reader.norm_value(head, object, "head_norms"));
    }
    check_quantities(object, out);
    return out;
}

BlockData parse_block(const nlohmann::json& block, const Architecture& architecture) {
    return ArchitectureReader(architecture).block(JsonObject(block, architecture.file, "block"));
}

}  // namespace deadscope
