// See tokenizer_json.h.
#include "core/text/tokenizer_json.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/base/error.h"
#include "core/base/json.h"
#include "core/base/mapped_file.h"
#include "core/text/bpe.h"
#include "core/text/component.h"
#include "core/text/pipeline.h"
#include "core/text/unigram.h"
#include "core/text/word_piece.h"

namespace deadscope {
namespace {

using nlohmann::json;

constexpr std::uint64_t file_limit = 256u << 20;  // bytes; the largest published are about 35 MB
constexpr std::size_t most_tokens = 1u << 24;

std::int32_t token_id(const json& id, const JsonObject& object, std::string_view key) {
    if (!id.is_number_integer() || id.get<std::int64_t>() < 0 ||
        id.get<std::int64_t>() > std::numeric_limits<std::int32_t>::max())
        object.wrong(key, "token ids from 0 to 2147483647");
    return id.get<std::int32_t>();
}

Vocabulary vocabulary(const JsonObject& model) {
    const json* list = model.find("vocab");
    if (!list) model.missing("vocab", "an object of tokens and ids");
    if (!list->is_object() || list->size() > most_tokens) model.wrong("vocab", "an object of tokens and ids");
    Vocabulary out;
    out.reserve(list->size());
    for (const auto& [token, id] : list->get_ref<const json::object_t&>())
        out.emplace(token, token_id(id, model, "vocab"));
    return out;
}

// "left right", or ["left", "right"], which also holds tokens with spaces in them.
std::vector<std::pair<std::string, std::string>> merges(const JsonObject& model) {
    constexpr std::string_view expected = "a list of pairs of tokens";
    const json* list = model.find("merges");
    if (!list) model.missing("merges", expected);
    if (!list->is_array() || list->size() > most_tokens) model.wrong("merges", expected);
    std::vector<std::pair<std::string, std::string>> out;
    out.reserve(list->size());
    for (const json& merge : *list) {
        if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
            out.emplace_back(merge[0].get<std::string>(), merge[1].get<std::string>());
            continue;
        }
        if (!merge.is_string()) model.wrong("merges", expected);
        const auto& words = merge.get_ref<const std::string&>();
        if (words.starts_with("#version")) continue;
        const std::size_t space = words.find(' ');
        if (space == std::string::npos || words.find(' ', space + 1) != std::string::npos)
            model.wrong("merges", expected);
        out.emplace_back(words.substr(0, space), words.substr(space + 1));
    }
    return out;
}

std::unique_ptr<TokenModel> bpe(const JsonObject& model) {
    if (model.number("dropout").value_or(0.0) != 0.0)
        model.wrong("dropout", "none: ids would not be the same twice");
    return make_bpe({.vocabulary = vocabulary(model),
                     .merges = merges(model),
                     .unknown = model.text("unk_token"),
                     .subword_prefix = model.text("continuing_subword_prefix").value_or(""),
                     .word_suffix = model.text("end_of_word_suffix").value_or(""),
                     .fuse_unknown = model.boolean("fuse_unk").value_or(false),
                     .byte_fallback = model.boolean("byte_fallback").value_or(false),
                     .ignore_merges = model.boolean("ignore_merges").value_or(false),
                     .file = model.file(),
                     .key = model.key_path("merges")});
}

std::unique_ptr<TokenModel> unigram(const JsonObject& model) {
    constexpr std::string_view expected = "a list of [token, score]";
    const json* list = model.find("vocab");
    if (!list) model.missing("vocab", expected);
    if (!list->is_array() || list->size() > most_tokens) model.wrong("vocab", expected);
    UnigramSettings settings;
    settings.pieces.reserve(list->size());
    for (const json& piece : *list) {
        if (!piece.is_array() || piece.size() != 2 || !piece[0].is_string() || !piece[1].is_number() ||
            !std::isfinite(piece[1].get<double>()))
            model.wrong("vocab", expected);
        settings.pieces.emplace_back(piece[0].get<std::string>(), piece[1].get<double>());
    }
    if (const auto unknown = model.integer("unk_id")) {
        if (*unknown < 0) model.wrong("unk_id", "an index into vocab");
        settings.unknown = static_cast<std::size_t>(*unknown);
    }
    settings.byte_fallback = model.boolean("byte_fallback").value_or(false);
    settings.file = model.file();
    return make_unigram(std::move(settings));
}

WordPieceSettings words(const JsonObject& model) {
    WordPieceSettings settings{.vocabulary = vocabulary(model), .file = model.file()};
    settings.unknown = model.text("unk_token").value_or(settings.unknown);
    settings.subword_prefix = model.text("continuing_subword_prefix").value_or(settings.subword_prefix);
    if (const auto longest = model.integer("max_input_chars_per_word")) {
        if (*longest < 0) model.wrong("max_input_chars_per_word", "0 or more");
        settings.longest_word = static_cast<std::size_t>(*longest);
    }
    return settings;
}

// Files older than the key "type" tell their model by what it holds.
std::string type_of(const JsonObject& model) {
    if (const auto type = model.text("type")) return *type;
    if (model.has("merges")) return "BPE";
    if (model.has("unk_id")) return "Unigram";
    return model.has("max_input_chars_per_word") ? "WordPiece" : "WordLevel";
}

std::unique_ptr<TokenModel> read_model(const JsonObject& model) {
    const std::string type = type_of(model);
    if (type == "BPE") return bpe(model);
    if (type == "Unigram") return unigram(model);
    if (type == "WordPiece") return make_word_piece(words(model));
    if (type == "WordLevel") return make_word_level(words(model));
    model.wrong("type", "BPE, WordPiece, WordLevel or Unigram");
}

AddedTokens added_tokens(const JsonObject& file, const TokenModel& model, const Normalizer& normalizer) {
    AddedTokens out;
    const json* list = file.find("added_tokens");
    if (list && (!list->is_array() || list->size() > most_tokens))
        file.wrong("added_tokens", "a list of objects");
    for (std::size_t i = 0; list && i < list->size(); ++i) {
        const JsonObject token((*list)[i], file.file(), "added_tokens[" + std::to_string(i) + "]");
        const bool special = token.boolean("special").value_or(false);
        out.add({.content = needed_text(token, "content"),
                 .single_word = token.boolean("single_word").value_or(false),
                 .lstrip = token.boolean("lstrip").value_or(false),
                 .rstrip = token.boolean("rstrip").value_or(false),
                 .normalized = token.boolean("normalized").value_or(!special),
                 .special = special},
                model);
    }
    out.build(normalizer);
    return out;
}

}  // namespace

std::unique_ptr<Tokenizer> read_tokenizer_json(std::string_view text, const std::string& name) {
    const json value = parse_json(text, {.file = name});
    const JsonObject file(value, name);
    if (const auto version = file.text("version"); version && *version != "1.0") file.wrong("version", "1.0");
    Pipeline::Parts parts;
    parts.source = name;
    const auto model = file.object("model");
    if (!model) file.missing("model", "an object");
    parts.model = read_model(*model);
    if (const auto part = file.object("normalizer")) parts.normalizer = read_normalizer(*part);
    if (const auto part = file.object("pre_tokenizer")) parts.pre_tokenizer = read_pre_tokenizer(*part);
    if (const auto part = file.object("post_processor")) parts.templates = read_post_processor(*part);
    parts.added = added_tokens(file, *parts.model, parts.normalizer);
    return std::make_unique<Pipeline>(std::move(parts));
}

std::unique_ptr<Tokenizer> open_tokenizer_json(const std::string& path) {
    return read_tokenizer_json(read_text_file(path, file_limit), path);
}

}  // namespace deadscope
