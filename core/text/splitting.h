// A text as pieces: what a pattern or a property of characters cuts out of it, and what becomes of the cuts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace deadscope {

// Bytes [first, last) of a text; `match`: what was looked for, else what lies between.
struct Cut {
    std::size_t first = 0, last = 0;
    bool match = false;
};
using Cuts = std::vector<Cut>;

// Every character for which `matches` holds is a cut of its own.
Cuts cuts_where(std::string_view text, const std::function<bool(char32_t)>& matches);

// What becomes of the matches; the words are tokenizer.json's.
enum class SplitBehaviour { removed, isolated, merged_with_previous, merged_with_next, contiguous };
std::optional<SplitBehaviour> split_behaviour(std::string_view name);

// The parts that stay, in order.
Cuts apply(SplitBehaviour behaviour, Cuts cuts);
Cuts inverted(Cuts cuts);

// A stretch of text on its way to tokens; one with an id is a token already, and stays as it is.
struct Piece {
    std::string text;
    bool at_start = false;  // its first character is the first of what the person gave
    std::optional<std::int32_t> id{};
};
using Pieces = std::vector<Piece>;

// Puts what `split` makes of each piece without id in its place; empty ones go.
void replace_pieces(Pieces& pieces, const std::function<void(Piece, Pieces&)>& split);
// The parts of a piece, added to `out`.
void add_parts(const Piece& piece, const Cuts& parts, Pieces& out);

}  // namespace deadscope
