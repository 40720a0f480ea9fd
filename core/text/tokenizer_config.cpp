// See tokenizer_config.h.
#include "core/text/tokenizer_config.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>

#include "core/base/error.h"
#include "core/base/json.h"
#include "core/base/mapped_file.h"
#include "core/checkpoint/folder.h"

namespace deadscope {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t file_limit = 64u << 20;  // bytes
constexpr std::size_t most_tokens = 1u << 20;
constexpr std::array special_keys{"bos_token", "eos_token", "unk_token", "sep_token",
                                  "pad_token", "cls_token", "mask_token"};

nlohmann::json read_beside(const Checkpoint& checkpoint, const std::string& name, std::string& path) {
    path = file_beside(checkpoint, name);
    if (path.empty()) return nlohmann::json::object();
    nlohmann::json value = parse_json(read_text_file(path, file_limit), {.file = path});
    (void)JsonObject(value, path);
    return value;
}

// "<s>", or {"content": "<s>", "lstrip": false, ...}.
std::optional<AddedToken> token_of(const nlohmann::json& value, const std::string& file,
                                   const std::string& key) {
    if (value.is_string()) return AddedToken{.content = value, .normalized = false, .special = true};
    if (!value.is_object()) return std::nullopt;
    const JsonObject object(value, file, key);
    const auto content = object.text("content");
    if (!content) return std::nullopt;
    return AddedToken{.content = *content,
                      .single_word = object.boolean("single_word").value_or(false),
                      .lstrip = object.boolean("lstrip").value_or(false),
                      .rstrip = object.boolean("rstrip").value_or(false),
                      .normalized = object.boolean("normalized").value_or(false),
                      .special = object.boolean("special").value_or(true)};
}

std::string family_of(const JsonObject& config, const Checkpoint& checkpoint) {
    std::string name = config.text("tokenizer_class").value_or("");
    for (const std::string_view ending : {"Fast", "Tokenizer"})
        if (name.ends_with(ending)) name.resize(name.size() - ending.size());
    if ((name.empty() || name == "PreTrained") && checkpoint.config().is_object()) {
        const auto type = checkpoint.config().find("model_type");
        if (type != checkpoint.config().end() && type->is_string()) name = type->get<std::string>();
    }
    std::string out;
    for (const char c : name)
        if (std::isalnum(static_cast<unsigned char>(c)))
            out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return out;
}

std::optional<std::int32_t> id_of(std::string_view digits) {
    std::int32_t id = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), id);
    if (error != std::errc() || end != digits.data() + digits.size() || id < 0) return std::nullopt;
    return id;
}

}  // namespace

TokenizerConfig::TokenizerConfig(const Checkpoint& checkpoint)
    : config_(read_beside(checkpoint, "tokenizer_config.json", config_file_)),
      map_(read_beside(checkpoint, "special_tokens_map.json", map_file_)),
      added_(read_beside(checkpoint, "added_tokens.json", added_file_)),
      family_(family_of(JsonObject(config_, config_file_), checkpoint)) {}

std::optional<bool> TokenizerConfig::flag(std::string_view key) const {
    return JsonObject(config_, config_file_).boolean(key);
}

std::optional<AddedToken> TokenizerConfig::special(std::string_view key) const {
    const std::string name(key);
    for (const auto& [json, file] : {std::pair{&config_, &config_file_}, std::pair{&map_, &map_file_}}) {
        const auto value = json->find(name);
        if (value == json->end()) continue;
        if (auto token = token_of(*value, *file, name)) return token;
        if (value->is_null()) return std::nullopt;
    }
    return std::nullopt;
}

std::string TokenizerConfig::special_or(std::string_view key, std::string_view absent) const {
    const auto token = special(key);
    return token ? token->content : std::string(absent);
}

std::map<std::int32_t, AddedToken> TokenizerConfig::added() const {
    std::map<std::int32_t, AddedToken> out;
    if (added_.size() > most_tokens) JsonObject(added_, added_file_).wrong("", "fewer tokens");
    for (const auto& [content, id] : added_.items()) {
        if (!id.is_number_integer() || id.get<std::int64_t>() < 0 || id.get<std::int64_t>() > (1 << 30))
            throw Error::input("A token's id is out of range", {.file = added_file_, .key = content});
        out.insert_or_assign(id.get<std::int32_t>(),
                             AddedToken{.content = content, .normalized = false, .special = false});
    }
    const auto decoder = JsonObject(config_, config_file_).object("added_tokens_decoder");
    if (!decoder) return out;
    for (const std::string& key : decoder->keys()) {
        const auto id = id_of(key);
        if (!id) decoder->wrong(key, "a token id as key");
        if (auto token = token_of(*decoder->find(key), config_file_, key)) out.insert_or_assign(*id, *token);
    }
    return out;
}

std::vector<AddedToken> TokenizerConfig::all_special() const {
    std::vector<AddedToken> out;
    for (const char* key : special_keys)
        if (auto token = special(key)) out.push_back(*std::move(token));
    const auto list = config_.find("additional_special_tokens");
    if (list != config_.end() && list->is_array() && list->size() <= most_tokens)
        for (const auto& value : *list)
            if (auto token = token_of(value, config_file_, "additional_special_tokens"))
                out.push_back(*std::move(token));
    return out;
}

}  // namespace deadscope
