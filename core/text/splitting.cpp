// See splitting.h.
#include "core/text/splitting.h"

#include <algorithm>
#include <utility>

#include "core/text/unicode.h"

namespace deadscope {
namespace {

// A match joins the part before it, unless that is a match too.
Cuts merged_with_previous(const Cuts& cuts) {
    Cuts out;
    bool after_match = false;
    for (const Cut& cut : cuts) {
        if (cut.match && !after_match && !out.empty()) {
            out.back().last = cut.last;
        } else {
            out.push_back(cut);
        }
        after_match = cut.match;
    }
    return out;
}

Cuts merged_with_next(const Cuts& cuts) {
    Cuts out;
    bool before_match = false;
    for (auto cut = cuts.rbegin(); cut != cuts.rend(); ++cut) {
        if (cut->match && !before_match && !out.empty()) {
            out.back().first = cut->first;
        } else {
            out.push_back(*cut);
        }
        before_match = cut->match;
    }
    std::ranges::reverse(out);
    return out;
}

Cuts contiguous(const Cuts& cuts) {
    Cuts out;
    for (const Cut& cut : cuts) {
        if (!out.empty() && out.back().match == cut.match) {
            out.back().last = cut.last;
        } else {
            out.push_back(cut);
        }
    }
    return out;
}

}  // namespace

Cuts cuts_where(std::string_view text, const std::function<bool(char32_t)>& matches) {
    Cuts cuts;
    std::size_t covered = 0;
    for (std::size_t i = 0; i < text.size();) {
        const Character c = character_at(text, i);
        if (matches(c.code)) {
            if (covered < i) cuts.push_back({covered, i, false});
            covered = i + c.length;
            cuts.push_back({i, covered, true});
        }
        i += c.length;
    }
    if (covered < text.size()) cuts.push_back({covered, text.size(), false});
    return cuts;
}

std::optional<SplitBehaviour> split_behaviour(std::string_view name) {
    if (name == "Removed") return SplitBehaviour::removed;
    if (name == "Isolated") return SplitBehaviour::isolated;
    if (name == "MergedWithPrevious") return SplitBehaviour::merged_with_previous;
    if (name == "MergedWithNext") return SplitBehaviour::merged_with_next;
    if (name == "Contiguous") return SplitBehaviour::contiguous;
    return std::nullopt;
}

Cuts apply(SplitBehaviour behaviour, Cuts cuts) {
    switch (behaviour) {
        case SplitBehaviour::removed:
            std::erase_if(cuts, [](const Cut& cut) { return cut.match; });
            return cuts;
        case SplitBehaviour::isolated:
            return cuts;
        case SplitBehaviour::merged_with_previous:
            return merged_with_previous(cuts);
        case SplitBehaviour::merged_with_next:
            return merged_with_next(cuts);
        case SplitBehaviour::contiguous:
            return contiguous(cuts);
    }
    return cuts;
}

Cuts inverted(Cuts cuts) {
    for (Cut& cut : cuts) cut.match = !cut.match;
    return cuts;
}

void replace_pieces(Pieces& pieces, const std::function<void(Piece, Pieces&)>& split) {
    Pieces out;
    out.reserve(pieces.size());
    for (Piece& piece : pieces) {
        if (piece.id) {
            out.push_back(std::move(piece));
        } else {
            split(std::move(piece), out);
        }
    }
    std::erase_if(out, [](const Piece& piece) { return !piece.id && piece.text.empty(); });
    pieces = std::move(out);
}

void add_parts(const Piece& piece, const Cuts& parts, Pieces& out) {
    for (const Cut& part : parts) {
        if (part.first == part.last) continue;
        out.push_back({.text = piece.text.substr(part.first, part.last - part.first),
                       .at_start = piece.at_start && part.first == 0});
    }
}

}  // namespace deadscope
