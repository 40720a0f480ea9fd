// One function a kind; the names are tokenizer.json's. See normalizer.h.
#include "core/text/normalizer.h"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <utility>

#include "core/base/error.h"
#include "core/text/charsmap.h"
#include "core/text/component.h"
#include "core/text/regex.h"
#include "core/text/unicode.h"

namespace deadscope {
namespace {

constexpr std::size_t most_growth = 64, least_bound = 1 << 16;  // of a text under one tokenizer, bytes

// A chain of replacements can double a text at every step.
void check_growth(const Piece& piece, std::size_t before, const std::string& file, const std::string& key) {
    if (piece.text.size() <= std::max(before * most_growth, least_bound)) return;
    throw Error::input(
        "The tokenizer's normalizer makes far too much of a text",
        {.file = file, .key = key, .expected = "at most " + std::to_string(most_growth) + " times as much"});
}

void drop_unless(Piece& piece, const std::function<bool(char32_t)>& keep) {
    if (piece.text.empty()) return;
    if (!keep(character_at(piece.text, 0).code)) piece.at_start = false;
    piece.text = keep_characters(piece.text, keep);
}

void strip(Piece& piece, bool left, bool right) {
    std::size_t first = 0, last = piece.text.size();
    for (std::size_t i = 0; left && i < last;) {
        const Character c = character_at(piece.text, i);
        if (!is_white_space(c.code)) break;
        first = i += c.length;
    }
    while (right && last > first) {
        std::size_t i = last - 1;
        while ((static_cast<unsigned char>(piece.text[i]) & 0xC0) == 0x80) --i;
        if (!is_white_space(character_at(piece.text, i).code)) break;
        last = i;
    }
    if (first > 0) piece.at_start = false;
    piece.text = piece.text.substr(first, last - first);
}

void clean(Piece& piece) {
    const auto stays = [](char32_t c) { return c == '\t' || c == '\n' || c == '\r'; };
    drop_unless(piece, [&](char32_t c) { return stays(c) || !(c == 0 || c == 0xFFFD || is_other(c)); });
    piece.text = map_characters(piece.text, [](char32_t c) { return is_white_space(c) ? U' ' : c; });
}

std::string set_chinese_apart(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size();) {
        const Character c = character_at(text, i);
        const bool apart = is_chinese(c.code);
        if (apart) out += ' ';
        out += text.substr(i, c.length);
        if (apart) out += ' ';
        i += c.length;
    }
    return out;
}

bool dropped_by_nmt(char32_t c) {
    return (c >= 1 && c <= 8) || c == 0xB || (c >= 0xE && c <= 0x1F) || c == 0x7F || c == 0x8F || c == 0x9F;
}

char32_t spaced_by_nmt(char32_t c) {
    constexpr std::array<char32_t, 10> spaces{0x9,    0xA,    0xC,    0xD,    0x1680,
                                              0x2028, 0x2029, 0x2581, 0xFEFF, 0xFFFD};
    return (c >= 0x200B && c <= 0x200F) || std::ranges::find(spaces, c) != spaces.end() ? U' ' : c;
}

Normalizer form(NormalForm which) {
    return [which](Piece& piece) { piece.text = normal_form(piece.text, which); };
}

Normalizer replace(const JsonObject& object) {
    const auto pattern = std::make_shared<const Regex>(read_pattern(object, "pattern"));
    const std::string content = needed_text(object, "content");
    return [pattern, content](Piece& piece) {
        const Cuts cuts = pattern->cuts(piece.text);
        std::string out;
        for (const Cut& cut : cuts) {
            // What stands for several characters counts as being where the last of them was.
            if (cut.match && cut.first == 0 && cut.last > 0 &&
                (content.empty() || cut.last > character_at(piece.text, 0).length))
                piece.at_start = false;
            out += cut.match ? content : piece.text.substr(cut.first, cut.last - cut.first);
        }
        piece.text = std::move(out);
    };
}

Normalizer prepend(const JsonObject& object) {
    const std::string words = needed_text(object, "prepend");
    return [words](Piece& piece) {
        if (!piece.text.empty()) piece.text.insert(0, words);
    };
}

Normalizer sequence(const JsonObject& object) {
    std::vector<Normalizer> steps;
    for (const JsonObject& part : parts_of(object, "normalizers")) steps.push_back(read_normalizer(part));
    return
        [steps = std::move(steps), file = object.file(), key = object.key_path("normalizers")](Piece& piece) {
            const std::size_t before = piece.text.size();
            for (const Normalizer& step : steps) {
                step(piece);
                check_growth(piece, before, file, key);
            }
        };
}

Normalizer bert(const JsonObject& object) {
    BertNormalizing how;
    how.clean_text = object.boolean("clean_text").value_or(true);
    how.handle_chinese_chars = object.boolean("handle_chinese_chars").value_or(true);
    how.lowercase = object.boolean("lowercase").value_or(true);
    how.strip_accents = object.boolean("strip_accents").value_or(how.lowercase);
    return bert_normalizer(how);
}

Normalizer stripping(const JsonObject& object) {
    const bool left = object.boolean("strip_left").value_or(true);
    const bool right = object.boolean("strip_right").value_or(true);
    return [left, right](Piece& piece) { strip(piece, left, right); };
}

Normalizer precompiled(const JsonObject& object) {
    const auto map = std::make_shared<const Charsmap>(
        Charsmap::from_base64(object.text("precompiled_charsmap").value_or(""),
                              {.file = object.file(), .key = object.key_path("precompiled_charsmap")}));
    return [map](Piece& piece) { piece.text = map->normalize_graphemes(piece.text); };
}

using Reader = Normalizer (*)(const JsonObject&);
const std::map<std::string, Reader>& readers() {
    static const std::map<std::string, Reader> all{
        {"NFC", [](const JsonObject&) { return form(NormalForm::nfc); }},
        {"NFD", [](const JsonObject&) { return form(NormalForm::nfd); }},
        {"NFKC", [](const JsonObject&) { return form(NormalForm::nfkc); }},
        {"NFKD", [](const JsonObject&) { return form(NormalForm::nfkd); }},
        {"Lowercase",
         [](const JsonObject&) -> Normalizer {
             return [](Piece& piece) { piece.text = lower_case(piece.text); };
         }},
        {"StripAccents",
         [](const JsonObject&) -> Normalizer {
             return [](Piece& piece) { drop_unless(piece, [](char32_t c) { return !is_mark(c); }); };
         }},
        {"Nmt",
         [](const JsonObject&) -> Normalizer {
             return [](Piece& piece) {
                 drop_unless(piece, [](char32_t c) { return !dropped_by_nmt(c); });
                 piece.text = map_characters(piece.text, spaced_by_nmt);
             };
         }},
        {"ByteLevel",
         [](const JsonObject&) -> Normalizer {
             return [](Piece& piece) { piece.text = byte_characters(piece.text); };
         }},
        {"Strip", stripping},
        {"Replace", replace},
        {"Prepend", prepend},
        {"Precompiled", precompiled},
        {"BertNormalizer", bert},
        {"Sequence", sequence},
    };
    return all;
}

}  // namespace

Normalizer bert_normalizer(const BertNormalizing& how) {
    return [how](Piece& piece) {
        if (how.clean_text) clean(piece);
        if (how.handle_chinese_chars) piece.text = set_chinese_apart(piece.text);
        if (how.strip_accents) {
            piece.text = normal_form(piece.text, NormalForm::nfd);
            drop_unless(piece, [](char32_t c) { return !is_nonspacing_mark(c); });
        }
        if (how.lowercase) piece.text = lower_case(piece.text);
    };
}

std::string byte_characters(std::string_view text) {
    static const std::array<std::string, 256> characters = [] {
        std::array<std::string, 256> all;
        char32_t next = 256;
        for (char32_t byte = 0; byte < 256; ++byte) {
            const bool printable =
                (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
            append_character(all[byte], printable ? byte : next++);
        }
        return all;
    }();
    std::string out;
    out.reserve(text.size() + text.size() / 4);
    for (const char c : text) out += characters[static_cast<unsigned char>(c)];
    return out;
}

Normalizer read_normalizer(const JsonObject& object) {
    const std::string type = needed_text(object, "type");
    const auto reader = readers().find(type);
    if (reader == readers().end()) object.wrong("type", "a normalizer that is known");
    return [normalizer = reader->second(object), file = object.file(),
            key = object.key_path("type")](Piece& piece) {
        const std::size_t before = piece.text.size();
        normalizer(piece);
        check_growth(piece, before, file, key);
    };
}

}  // namespace deadscope
