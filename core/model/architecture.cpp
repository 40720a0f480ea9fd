// Reads and checks architecture data. Every key is known or an error: a misspelt one must not pass silently.
#include "core/model/architecture.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <set>

#include "core/base/assets.h"
#include "core/base/error.h"
#include "core/base/json.h"
#include "core/base/mapped_file.h"
#include "core/base/text.h"

namespace deadscope {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view schema = "deadscope.architecture/1";
constexpr std::string_view folder = "assets/architectures/";
constexpr std::uint64_t file_limit = 1u << 20;  // bytes

void expect_keys(const JsonObject& object, std::initializer_list<std::string_view> known) {
    for (const std::string& key : object.keys()) {
        if (std::ranges::find(known, key) == known.end() && key != "comment") {
            std::vector<std::string> names(known.begin(), known.end());
            object.wrong(key, "one of the keys " + join(names, ", "));
        }
    }
}

std::string required_text(const JsonObject& object, std::string_view key) {
    const auto text = object.text(key);
    if (!text || text->empty()) object.missing(key, "a string");
    return *text;
}

JsonObject required_object(const JsonObject& object, std::string_view key) {
    const auto inner = object.object(key);
    if (!inner) object.missing(key, "an object");
    return *inner;
}

Quantity read_quantity(const JsonObject& config, const std::string& name) {
    const JsonObject entry = required_object(config, name);
    expect_keys(entry, {"keys", "default"});
    Quantity quantity;
    quantity.keys = entry.texts("keys");
    if (const nlohmann::json* fallback = entry.find("default")) {
        if (fallback->is_boolean())
            quantity.fallback = fallback->get<bool>();
        else if (fallback->is_number())
            quantity.fallback = *entry.number("default");
        else if (fallback->is_string())
            quantity.fallback = fallback->get<std::string>();
        else
            entry.wrong("default", "a number, a string, or true or false");
    }
    return quantity;
}

LinearData read_linear(const JsonObject& part, std::string_view key) {
    const JsonObject entry = required_object(part, key);
    expect_keys(entry, {"tensor", "bias", "layout", "init"});
    LinearData linear;
    linear.tensor = required_text(entry, "tensor");
    if (const nlohmann::json* bias = entry.find("bias")) {
        if (bias->is_string())
            linear.bias = bias->get<std::string>();
        else
            linear.bias = *entry.boolean("bias");
    }
    const std::string layout = entry.text("layout").value_or("out_in"),
                      init = entry.text("init").value_or("normal");
    if (layout != "out_in" && layout != "in_out") entry.wrong("layout", "out_in or in_out");
    if (init != "normal" && init != "scaled_normal") entry.wrong("init", "normal or scaled_normal");
    linear.stored_in_out = layout == "in_out";
    linear.scaled_init = init == "scaled_normal";
    return linear;
}

AttentionData read_attention(const JsonObject& entry) {
    expect_keys(entry, {"causal", "rotary", "qkv", "q", "k", "v", "out"});
    AttentionData attention;
    attention.causal = entry.boolean("causal").value_or(true);
    attention.fused = entry.has("qkv");
    attention.q = read_linear(entry, attention.fused ? "qkv" : "q");
    attention.k = attention.fused ? attention.q : read_linear(entry, "k");
    attention.v = attention.fused ? attention.q : read_linear(entry, "v");
    attention.out = read_linear(entry, "out");
    if (const auto rotary = entry.text("rotary")) {
        if (*rotary != "halves" && *rotary != "interleaved") entry.wrong("rotary", "halves or interleaved");
        attention.rotary = true;
        attention.rotary_interleaved = *rotary == "interleaved";
    }
    return attention;
}

BlockData read_block(const JsonObject& entry) {
    expect_keys(entry, {"tensors", "parallel", "attention_norm", "mlp_norm", "attention", "mlp"});
    BlockData block;
    block.tensors = required_text(entry, "tensors");
    if (block.tensors.find("{i}") == std::string::npos)
        entry.wrong("tensors", "a prefix with {i} for the block's number");
    block.parallel = entry.text("parallel").value_or("");
    block.attention_norm = required_text(entry, "attention_norm");
    block.mlp_norm = entry.text("mlp_norm").value_or("");
    block.attention = read_attention(required_object(entry, "attention"));
    const JsonObject mlp = required_object(entry, "mlp");
    expect_keys(mlp, {"gate", "up", "down"});
    if (mlp.has("gate")) block.mlp.gate = read_linear(mlp, "gate");
    block.mlp.up = read_linear(mlp, "up");
    block.mlp.down = read_linear(mlp, "down");
    if (block.mlp_norm.empty() && block.parallel.empty())
        entry.missing("mlp_norm", "a norm's name, or the key parallel");
    return block;
}

TokensData read_tokens(const JsonObject& entry) {
    expect_keys(entry, {"table", "positions", "token_types", "norm"});
    return {required_text(entry, "table"), entry.text("positions").value_or(""),
            entry.text("token_types").value_or(""), entry.text("norm").value_or("")};
}

PatchesData read_patches(const JsonObject& entry) {
    expect_keys(entry, {"projection", "class_token", "positions", "norm"});
    return {required_text(entry, "projection"), entry.text("class_token").value_or(""),
            entry.text("positions").value_or(""), entry.text("norm").value_or("")};
}

void read_norm_data(const JsonObject& entry, Architecture& out) {
    expect_keys(entry, {"kind", "bias", "offset", "position"});
    const std::string kind = required_text(entry, "kind"), position = entry.text("position").value_or("pre");
    if (kind != "layer_norm" && kind != "rms_norm") entry.wrong("kind", "layer_norm or rms_norm");
    if (position != "pre" && position != "post") entry.wrong("position", "pre or post");
    out.norm_kind = kind == "layer_norm" ? NormKind::layer_norm : NormKind::rms_norm;
    out.norm_bias = entry.boolean("bias").value_or(out.norm_kind == NormKind::layer_norm);
    out.norm_offset = entry.number("offset").value_or(0.0);
    out.norm_position = position == "pre" ? NormPosition::pre : NormPosition::post;
}

// Every name that a bias or the parallel residual refers to must be a quantity of the file.
void check_names(const JsonObject& object, const Architecture& data) {
    const auto check = [&](const std::string& name) {
        if (data.config.contains(name)) return;
        throw Error::input(
            "The architecture file names a quantity that its config does not list",
            {.file = object.file(), .key = name, .expected = "an entry of config", .found = "nothing"});
    };
    for (const char* name : {"width", "layers", "heads", "inner", "eps", "activation", "init_std"})
        check(name);
    if (!data.block.parallel.empty()) check(data.block.parallel);
    if (data.block.attention.rotary) check("rope_theta");
    if (!data.head.empty()) check("tied_head");
    const BlockData& block = data.block;
    std::vector<const LinearData*> linears{&block.attention.q,   &block.attention.k, &block.attention.v,
                                           &block.attention.out, &block.mlp.up,      &block.mlp.down};
    if (block.mlp.gate) linears.push_back(&*block.mlp.gate);
    for (const LinearData* linear : linears) {
        if (const auto* name = std::get_if<std::string>(&linear->bias)) check(*name);
    }
    for (const char* name : {"vocabulary", "context"}) {
        if (data.tokens) check(name);
    }
    for (const char* name : {"channels", "image_size", "patch"}) {
        if (data.patches) check(name);
    }
}

bool is_plain_type(const std::string& model_type) {
    const auto plain = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
               c == '_';
    };
    return !model_type.empty() && model_type.size() <= 64 && std::ranges::all_of(model_type, plain);
}

}  // namespace

Architecture parse_architecture(std::string_view text, const std::string& file) {
    const nlohmann::json json = parse_json(text, {.file = file, .max_depth = 16});
    const JsonObject object(json, file);
    expect_keys(object, {"schema", "model_type", "family", "prefixes", "config", "only", "norm", "tokens",
                         "patches", "block", "final_norm", "head", "head_norms"});
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
            if (values == nullptr || !values->is_array()) only->wrong(key, "a list of values");
            auto& accepted = out.only[key];
            for (const nlohmann::json& value : *values) accepted.push_back(value.dump());
        }
    }
    read_norm_data(required_object(object, "norm"), out);
    if (const auto tokens = object.object("tokens")) out.tokens = read_tokens(*tokens);
    if (const auto patches = object.object("patches")) out.patches = read_patches(*patches);
    if (out.tokens.has_value() == out.patches.has_value())
        object.missing("tokens", "either tokens or patches");
    out.block = read_block(required_object(object, "block"));
    out.final_norm = object.text("final_norm").value_or("");
    if (out.final_norm.empty() && out.norm_position == NormPosition::pre)
        object.missing("final_norm", "a norm's name");
    out.head = object.text("head").value_or("");
    out.head_norms = object.texts("head_norms");
    check_names(object, out);
    return out;
}

std::string user_architecture_folder() {
    const auto variable = [](const char* name) {
        const char* value = std::getenv(name);
        return value == nullptr ? std::string() : std::string(value);
    };
    std::string base = variable("XDG_CONFIG_HOME");
    if (base.empty()) base = variable("HOME") + "/.config";
    return base + "/deadscope/architectures";
}

std::optional<Architecture> find_architecture(const std::string& model_type) {
    if (!is_plain_type(model_type)) return std::nullopt;
    const std::string name = model_type + ".json", own = user_architecture_folder() + "/" + name;
    std::error_code error;
    std::optional<Architecture> out;
    if (fs::exists(fs::symlink_status(own, error))) {
        out = parse_architecture(read_text_file(own, file_limit), own);
    } else if (const Asset* asset = find_asset(std::string(folder) + name)) {
        out = parse_architecture(asset_text(*asset), std::string(asset->path));
    }
    if (out && out->model_type != model_type) {
        throw Error::input(
            "The architecture file is named for another family than it describes",
            {.file = out->file, .key = "model_type", .expected = model_type, .found = out->model_type});
    }
    return out;
}

std::vector<std::string> known_families() {
    std::set<std::string> names;
    for (const Asset& asset : assets()) {
        const fs::path path(asset.path);
        if (asset.path.starts_with(folder) && path.extension() == ".json") names.insert(path.stem().string());
    }
    std::error_code error;
    for (fs::directory_iterator entry(user_architecture_folder(), error), end; !error && entry != end;
         entry.increment(error)) {
        const std::string stem = entry->path().stem().string();
        if (entry->path().extension() == ".json" && is_plain_type(stem)) names.insert(stem);
    }
    return {names.begin(), names.end()};
}

}  // namespace deadscope
