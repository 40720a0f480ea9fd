// One function a kind; the names are tokenizer.json's. See pre_tokenizer.h.
#include "core/text/pre_tokenizer.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "core/base/error.h"
#include "core/text/component.h"
#include "core/text/normalizer.h"
#include "core/text/unicode.h"

namespace deadscope {

const char* const gpt2_pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

namespace {

PreTokenizer split_where(std::function<bool(char32_t)> matches, SplitBehaviour behaviour) {
    return [matches = std::move(matches), behaviour](Pieces& pieces) {
        replace_pieces(pieces, [&](const Piece& piece, Pieces& out) {
            add_parts(piece, apply(behaviour, cuts_where(piece.text, matches)), out);
        });
    };
}

PreTokenizer split_by(std::shared_ptr<const Regex> pattern, SplitBehaviour behaviour, bool invert) {
    return [pattern = std::move(pattern), behaviour, invert](Pieces& pieces) {
        replace_pieces(pieces, [&](const Piece& piece, Pieces& out) {
            Cuts cuts = pattern->cuts(piece.text);
            if (invert) cuts = inverted(std::move(cuts));
            add_parts(piece, apply(behaviour, std::move(cuts)), out);
        });
    };
}

PreTokenizer in_turn(std::vector<PreTokenizer> steps) {
    return [steps = std::move(steps)](Pieces& pieces) {
        for (const PreTokenizer& step : steps) step(pieces);
    };
}

void to_byte_characters(Pieces& pieces) {
    for (Piece& piece : pieces)
        if (!piece.id) piece.text = byte_characters(piece.text);
}

void prepend_where_absent(Pieces& pieces, const std::string& words) {
    for (Piece& piece : pieces)
        if (!piece.id && !piece.text.empty() && !piece.text.starts_with(words)) piece.text.insert(0, words);
}

SplitBehaviour behaviour_of(const JsonObject& object, SplitBehaviour absent) {
    const auto name = object.text("behavior");
    if (!name) return absent;
    const auto behaviour = split_behaviour(*name);
    if (!behaviour)
        object.wrong("behavior", "Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous");
    return *behaviour;
}

PreTokenizer byte_level(const JsonObject& object) {
    std::vector<PreTokenizer> steps;
    if (object.boolean("add_prefix_space").value_or(true))
        steps.emplace_back([](Pieces& pieces) { prepend_where_absent(pieces, " "); });
    if (object.boolean("use_regex").value_or(true)) {
        const PatternSource source{.file = object.file(), .key = object.key_path("use_regex")};
        steps.push_back(split_by(std::make_shared<const Regex>(gpt2_pattern, Regex::Kind::oniguruma, source),
                                 SplitBehaviour::isolated, false));
    }
    steps.emplace_back(to_byte_characters);
    return in_turn(std::move(steps));
}

// Runs of word characters and runs of what is neither word nor space.
PreTokenizer words_and_symbols() {
    return [](Pieces& pieces) {
        replace_pieces(pieces, [](const Piece& piece, Pieces& out) {
            enum class Kind { space, word, symbol } before = Kind::space;
            Cuts runs;
            for (std::size_t i = 0; i < piece.text.size();) {
                const Character c = character_at(piece.text, i);
                const Kind kind = is_word(c.code)          ? Kind::word
                                  : is_white_space(c.code) ? Kind::space
                                                           : Kind::symbol;
                if (kind != Kind::space) {
                    if (kind != before) runs.push_back({i, i, true});
                    runs.back().last = i + c.length;
                }
                before = kind;
                i += c.length;
            }
            add_parts(piece, runs, out);
        });
    };
}

PreTokenizer metaspace(const JsonObject& object) {
    const std::string mark = needed_text(object, "replacement");
    if (mark.empty() || character_at(mark, 0).length != mark.size())
        object.wrong("replacement", "one character");
    std::string scheme = object.text("prepend_scheme").value_or("always");
    if (scheme != "always" && scheme != "first" && scheme != "never")
        object.wrong("prepend_scheme", "always, first or never");
    // The older word for it.
    if (!object.boolean("add_prefix_space").value_or(true)) scheme = "never";
    const bool splits = object.boolean("split").value_or(true);
    const char32_t mark_code = character_at(mark, 0).code;
    return [mark, mark_code, scheme, splits](Pieces& pieces) {
        replace_pieces(pieces, [&](Piece piece, Pieces& out) {
            std::string marked;
            for (const char c : piece.text) {
                if (c == ' ') {
                    marked += mark;
                } else {
                    marked += c;
                }
            }
            piece.text = std::move(marked);
            const bool prepends = scheme == "always" || (scheme == "first" && piece.at_start);
            if (prepends && !piece.text.empty() && !piece.text.starts_with(mark)) piece.text.insert(0, mark);
            if (!splits) return out.push_back(std::move(piece));
            add_parts(piece,
                      apply(SplitBehaviour::merged_with_next,
                            cuts_where(piece.text, [&](char32_t c) { return c == mark_code; })),
                      out);
        });
    };
}

PreTokenizer fixed_length(const JsonObject& object) {
    const auto length = object.integer("length").value_or(5);
    if (length < 1) object.wrong("length", "at least 1");
    return [length](Pieces& pieces) {
        replace_pieces(pieces, [&](const Piece& piece, Pieces& out) {
            Cuts parts;
            std::int64_t held = 0;
            for (std::size_t i = 0; i < piece.text.size();) {
                if (held % length == 0) parts.push_back({i, i, true});
                ++held;
                i += character_at(piece.text, i).length;
                parts.back().last = i;
            }
            add_parts(piece, parts, out);
        });
    };
}

PreTokenizer split(const JsonObject& object) {
    if (!object.has("behavior")) object.missing("behavior", "Removed, Isolated, ...");
    return split_by(std::make_shared<const Regex>(read_pattern(object, "pattern")),
                    behaviour_of(object, SplitBehaviour::isolated), object.boolean("invert").value_or(false));
}

PreTokenizer delimiter(const JsonObject& object) {
    const std::string text = needed_text(object, "delimiter");
    if (text.empty() || character_at(text, 0).length != text.size())
        object.wrong("delimiter", "one character");
    const char32_t wanted = character_at(text, 0).code;
    return split_where([wanted](char32_t c) { return c == wanted; }, SplitBehaviour::removed);
}

PreTokenizer digits(const JsonObject& object) {
    return split_where(is_number, object.boolean("individual_digits").value_or(false)
                                      ? SplitBehaviour::isolated
                                      : SplitBehaviour::contiguous);
}

PreTokenizer sequence(const JsonObject& object) {
    std::vector<PreTokenizer> steps;
    for (const JsonObject& part : parts_of(object, "pretokenizers"))
        steps.push_back(read_pre_tokenizer(part));
    return in_turn(std::move(steps));
}

using Reader = PreTokenizer (*)(const JsonObject&);
const std::map<std::string, Reader>& readers() {
    static const std::map<std::string, Reader> all{
        {"ByteLevel", byte_level},
        {"Whitespace", [](const JsonObject&) { return words_and_symbols(); }},
        {"WhitespaceSplit",
         [](const JsonObject&) { return split_where(is_white_space, SplitBehaviour::removed); }},
        {"BertPreTokenizer", [](const JsonObject&) { return bert_words(); }},
        {"Metaspace", metaspace},
        {"Split", split},
        {"Punctuation",
         [](const JsonObject& object) {
             return split_where(is_punctuation, behaviour_of(object, SplitBehaviour::isolated));
         }},
        {"Digits", digits},
        {"CharDelimiterSplit", delimiter},
        {"FixedLength", fixed_length},
        {"Sequence", sequence},
    };
    return all;
}

}  // namespace

PreTokenizer bert_words() {
    return in_turn({split_where(is_white_space, SplitBehaviour::removed),
                    split_where(is_punctuation, SplitBehaviour::isolated)});
}

PreTokenizer words_by(std::vector<Regex> patterns) {
    std::vector<PreTokenizer> steps;
    for (Regex& pattern : patterns)
        steps.push_back(
            split_by(std::make_shared<const Regex>(std::move(pattern)), SplitBehaviour::isolated, false));
    return in_turn(std::move(steps));
}

PreTokenizer byte_level_words(std::vector<Regex> patterns) {
    return in_turn({words_by(std::move(patterns)), to_byte_characters});
}

PreTokenizer read_pre_tokenizer(const JsonObject& object) {
    const auto reader = readers().find(needed_text(object, "type"));
    if (reader == readers().end()) object.wrong("type", "a pre-tokenizer that is known");
    return reader->second(object);
}

}  // namespace deadscope
