// See embedded.h. Control tokens are found in the text, as transformers finds special tokens.
#include "core/text/embedded.h"

#include <algorithm>
#include <utility>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/text/bigrams.h"
#include "core/text/bpe.h"
#include "core/text/charsmap.h"
#include "core/text/gguf_pre.h"
#include "core/text/pipeline.h"
#include "core/text/unicode.h"
#include "core/text/unigram.h"
#include "core/text/word_piece.h"

namespace deadscope {
namespace {

constexpr std::int32_t unknown_type = 2, control_type = 3, user_type = 4;
const std::string space_mark = "\xE2\x96\x81";  // U+2581

std::int32_t type_of(const EmbeddedTokenizer& e, std::size_t i) {
    return e.types.empty() ? 1 : e.types[i];
}

std::string spaces_as_marks(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == ' ') {
            out += space_mark;
        } else {
            out += c;
        }
    }
    return out;
}

AddedTokens added_tokens(const EmbeddedTokenizer& e) {
    AddedTokens added;
    for (std::size_t i = 0; i < e.tokens.size(); ++i) {
        const std::int32_t type = type_of(e, i);
        if (type != control_type && type != user_type && type != unknown_type) continue;
        added.add({.content = e.tokens[i], .normalized = false, .special = type != user_type},
                  static_cast<std::int32_t>(i));
    }
    added.build({});
    return added;
}

std::vector<SequenceTemplate> around(std::int32_t first, std::int32_t last) {
    SequenceTemplate one;
    if (first >= 0) one.parts.insert(one.parts.begin(), {.sequence = false, .ids = {first}});
    if (last >= 0) one.parts.push_back({.sequence = false, .ids = {last}});
    return {one};
}

Vocabulary vocabulary(const EmbeddedTokenizer& e) {
    Vocabulary out;
    out.reserve(e.tokens.size());
    for (std::size_t i = 0; i < e.tokens.size(); ++i) out.emplace(e.tokens[i], static_cast<std::int32_t>(i));
    return out;
}

std::vector<std::pair<std::string, std::string>> merges(const EmbeddedTokenizer& e) {
    std::vector<std::pair<std::string, std::string>> out;
    out.reserve(e.merges.size());
    for (const std::string& merge : e.merges) {
        const std::size_t space = merge.find(' ', 1);  // the left part may be a space
        if (space != std::string::npos) out.emplace_back(merge.substr(0, space), merge.substr(space + 1));
    }
    return out;
}

void gpt2(EmbeddedTokenizer& e, Pipeline::Parts& parts) {
    const GgufWords words = gguf_words(e.model == "gemma4" ? "gemma4" : e.pre, parts.source);
    std::vector<Regex> patterns;
    for (const std::string& pattern : words.patterns)
        patterns.emplace_back(pattern, Regex::Kind::oniguruma,
                              PatternSource{.file = parts.source, .key = "tokenizer.ggml.pre"});
    if (words.nfc) parts.normalizer = [](Piece& p) { p.text = normal_form(p.text, NormalForm::nfc); };
    if (words.bytes) {
        parts.pre_tokenizer = byte_level_words(std::move(patterns));
    } else {
        parts.normalizer = [](Piece& p) { p.text = spaces_as_marks(p.text); };
        parts.pre_tokenizer = words_by(std::move(patterns));
    }
    parts.model =
        make_bpe({.vocabulary = vocabulary(e),
                  .merges = merges(e),
                  .unknown = e.unknown >= 0 ? std::optional(e.tokens[static_cast<std::size_t>(e.unknown)])
                                            : std::nullopt,
                  .byte_fallback = !words.bytes,
                  .ignore_merges = words.ignore_merges,
                  .file = parts.source,
                  .key = "tokenizer.ggml.merges"});
    parts.templates =
        around(e.add_bos.value_or(words.add_bos) ? e.bos : -1, e.add_eos.value_or(false) ? e.eos : -1);
}

void llama(EmbeddedTokenizer& e, Pipeline::Parts& parts) {
    const bool prefix = e.add_space_prefix.value_or(true);
    parts.normalizer = [prefix](Piece& p) {
        if (!p.text.empty()) p.text = (prefix ? space_mark : "") + spaces_as_marks(p.text);
    };
    parts.templates = around(e.add_bos.value_or(true) ? e.bos : -1, e.add_eos.value_or(false) ? e.eos : -1);
    e.scores.resize(e.tokens.size(), 0.0f);
    parts.model = make_bigrams({.tokens = std::move(e.tokens),
                                .scores = std::move(e.scores),
                                .types = std::move(e.types),
                                .unknown = e.unknown >= 0 ? std::optional(e.unknown) : std::nullopt,
                                .file = parts.source});
}

bool is_bracketed(const std::string& token) {
    return token.size() > 2 && token.starts_with('[') && token.ends_with(']');
}

// The converters write "##ing" as "ing" and "in" with a mark before it.
void bert(EmbeddedTokenizer& e, Pipeline::Parts& parts) {
    WordPieceSettings words{.vocabulary = {}, .file = parts.source};
    bool cased = false;
    for (std::size_t i = 0; i < e.tokens.size(); ++i) {
        const std::string& token = e.tokens[i];
        std::string word = token;
        if (token.starts_with(space_mark)) {
            word = token.substr(space_mark.size());
        } else if (!is_bracketed(token)) {
            word = "##" + token;
        }
        if (!is_bracketed(token))
            cased |= std::ranges::any_of(token, [](char c) { return c >= 'A' && c <= 'Z'; });
        words.vocabulary.emplace(std::move(word), static_cast<std::int32_t>(i));
    }
    if (e.unknown >= 0) words.unknown = e.tokens[static_cast<std::size_t>(e.unknown)];
    parts.normalizer = bert_normalizer({.strip_accents = !cased, .lowercase = !cased});
    parts.pre_tokenizer = bert_words();
    const std::int32_t first = e.classify >= 0 ? e.classify : e.bos;
    const auto named = [&](const char* token) { return find_token(words.vocabulary, token).value_or(-1); };
    parts.templates =
        around(first >= 0 ? first : named("[CLS]"), e.separator >= 0 ? e.separator : named("[SEP]"));
    parts.model = make_word_piece(std::move(words));
}

void t5(EmbeddedTokenizer& e, Pipeline::Parts& parts) {
    const std::string blob(reinterpret_cast<const char*>(e.precompiled_charsmap.data()),
                           e.precompiled_charsmap.size());
    const auto map = std::make_shared<const Charsmap>(
        blob, PatternSource{.file = parts.source, .key = "tokenizer.ggml.precompiled_charsmap"});
    const bool prefix = e.add_space_prefix.value_or(true),
               merged = e.remove_extra_whitespaces.value_or(false);
    parts.normalizer = [map, prefix, merged](Piece& p) {
        std::string text = map->normalize_longest(p.text);
        if (merged) text = single_spaces(text);
        p.text = text.empty() ? text : (prefix ? space_mark : "") + spaces_as_marks(text);
    };
    UnigramSettings settings{.pieces = {}, .unknown = std::nullopt, .file = parts.source};
    if (e.unknown >= 0) settings.unknown = static_cast<std::size_t>(e.unknown);
    for (std::size_t i = 0; i < e.tokens.size(); ++i)
        settings.pieces.emplace_back(e.tokens[i], type_of(e, i) == user_type || e.scores.empty()
                                                      ? 0.0
                                                      : static_cast<double>(e.scores[i]));
    parts.model = make_unigram(std::move(settings));
    parts.templates = around(e.add_bos.value_or(false) ? e.bos : -1, e.add_eos.value_or(true) ? e.eos : -1);
}

void check(const EmbeddedTokenizer& e, const std::string& file) {
    const std::size_t count = e.tokens.size();
    const auto refuse = [&](const char* key, const std::string& found) {
        throw Error::input("The file's tokenizer does not fit together",
                           {.file = file, .key = key, .found = found});
    };
    if (!e.scores.empty() && e.scores.size() != count)
        refuse("tokenizer.ggml.scores", std::to_string(e.scores.size()));
    if (!e.types.empty() && e.types.size() != count)
        refuse("tokenizer.ggml.token_type", std::to_string(e.types.size()));
    for (const std::int32_t id : {e.bos, e.eos, e.unknown, e.separator, e.padding, e.classify, e.mask})
        if (id < -1 || (id >= 0 && static_cast<std::size_t>(id) >= count))
            refuse("tokenizer.ggml", "the token " + std::to_string(id));
    for (const float score : e.scores)
        if (!(score > -1e30f && score < 1e30f))
            refuse("tokenizer.ggml.scores", "a number that is not finite");
}

}  // namespace

std::unique_ptr<Tokenizer> make_embedded_tokenizer(EmbeddedTokenizer embedded, const std::string& file) {
    check(embedded, file);
    Pipeline::Parts parts;
    parts.source = file;
    parts.added = added_tokens(embedded);
    if (embedded.model == "gpt2" || embedded.model == "gemma4") {
        gpt2(embedded, parts);
    } else if (embedded.model == "llama") {
        llama(embedded, parts);
    } else if (embedded.model == "bert") {
        bert(embedded, parts);
    } else if (embedded.model == "t5") {
        t5(embedded, parts);
    } else {
        throw Error::input("The file's kind of tokenizer is not known",
                           {.file = file,
                            .key = "tokenizer.ggml.model",
                            .expected = "gpt2, llama, bert or t5",
                            .found = printable(embedded.model, 60)});
    }
    return std::make_unique<Pipeline>(std::move(parts));
}

}  // namespace deadscope
