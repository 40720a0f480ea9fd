// See added_tokens.h. Matches are the leftmost, and of those the longest.
#include "core/text/added_tokens.h"

#include <algorithm>
#include <utility>

#include "core/text/unicode.h"

namespace deadscope {
namespace {

std::size_t start_of_last(std::string_view text) {
    std::size_t i = text.size() - 1;
    while (i > 0 && (static_cast<unsigned char>(text[i]) & 0xC0) == 0x80) --i;
    return i;
}

bool ends_in_word(std::string_view text) {
    return !text.empty() && is_word(character_at(text, start_of_last(text)).code);
}

bool starts_with_word(std::string_view text) {
    return !text.empty() && is_word(character_at(text, 0).code);
}

// Where the white space at the end of text[0, end) begins.
std::size_t before_space(std::string_view text, std::size_t end) {
    while (end > 0) {
        const std::size_t last = start_of_last(text.substr(0, end));
        if (!is_white_space(character_at(text, last).code)) break;
        end = last;
    }
    return end;
}

std::size_t behind_space(std::string_view text, std::size_t start) {
    while (start < text.size()) {
        const Character c = character_at(text, start);
        if (!is_white_space(c.code)) break;
        start += c.length;
    }
    return start;
}

bool is_boundary(std::string_view text, std::size_t place) {
    return place == text.size() || (static_cast<unsigned char>(text[place]) & 0xC0) != 0x80;
}

}  // namespace

std::int32_t AddedTokens::add(const AddedToken& token, const TokenModel& model) {
    std::int32_t id = static_cast<std::int32_t>(model.size());
    if (!tokens_.empty()) id = std::max(id, tokens_.rbegin()->first + 1);
    if (const auto known = find(token.content)) {
        id = *known;
    } else if (const auto own = model.find(token.content)) {
        id = *own;
    }
    add(token, id);
    return id;
}

void AddedTokens::add(const AddedToken& token, std::int32_t id) {
    if (token.content.empty()) return;
    tokens_.insert_or_assign(id, token);
    ids_.insert_or_assign(token.content, id);
}

std::optional<std::int32_t> AddedTokens::find(std::string_view content) const {
    const auto found = ids_.find(content);
    if (found == ids_.end()) return std::nullopt;
    return found->second;
}

void AddedTokens::build(const Normalizer& normalizer) {
    std::map<std::string, std::int32_t> given, normalised;
    for (const auto& [id, token] : tokens_) {
        if (!token.normalized) {
            given.emplace(token.content, id);
            continue;
        }
        Piece piece{.text = token.content, .at_start = true};
        if (normalizer) normalizer(piece);
        normalised.emplace(std::move(piece.text), id);
    }
    as_given_.build({given.begin(), given.end()});
    normalised_.build({normalised.begin(), normalised.end()});
}

void AddedTokens::cut_by(const PrefixIndex& index, const Piece& piece, Pieces& out) const {
    const std::string_view text = piece.text;
    std::size_t covered = 0;
    const auto put = [&](std::size_t first, std::size_t last, std::optional<std::int32_t> id) {
        out.push_back({.text = std::string(text.substr(first, last - first)),
                       .at_start = piece.at_start && first == 0,
                       .id = id});
    };
    for (std::size_t i = 0; i < text.size();) {
        std::size_t length = 0;
        std::int32_t id = 0;
        index.for_each_at(text, i, [&](std::size_t size, std::int32_t value) {
            length = size;
            id = value;
        });
        if (length == 0) {
            ++i;
            continue;
        }
        const AddedToken& token = tokens_.at(id);
        std::size_t first = i, last = i + length;
        i = last;
        if (token.single_word && (ends_in_word(text.substr(0, first)) || starts_with_word(text.substr(last))))
            continue;
        if (token.lstrip) first = std::max(before_space(text, first), covered);
        if (token.rstrip && is_boundary(text, last)) last = behind_space(text, last);
        if (covered < first) put(covered, first, std::nullopt);
        // A match within the space that the one before took may be left with nothing.
        if (first < last) put(first, last, id);
        covered = last;
    }
    if (covered < text.size()) put(covered, text.size(), std::nullopt);
}

Pieces AddedTokens::cut(std::string text, const Normalizer& normalizer) const {
    Pieces pieces{{.text = std::move(text), .at_start = true}};
    if (!as_given_.empty())
        replace_pieces(pieces, [&](const Piece& piece, Pieces& out) { cut_by(as_given_, piece, out); });
    replace_pieces(pieces, [&](Piece piece, Pieces& out) {
        if (normalizer) normalizer(piece);
        if (normalised_.empty()) return out.push_back(std::move(piece));
        cut_by(normalised_, piece, out);
    });
    return pieces;
}

}  // namespace deadscope
