// See bigrams.h.
#include "core/text/bigrams.h"

#include <array>
#include <limits>
#include <queue>

#include "core/base/error.h"
#include "core/text/unicode.h"

namespace deadscope {
namespace {

constexpr std::size_t none = std::numeric_limits<std::size_t>::max();
constexpr std::int32_t unused_type = 5;

struct Symbol {
    std::size_t first = 0, length = 0;  // in the word; length 0: joined to the one before
    std::size_t before = none, after = none;
};

struct Candidate {
    float score;
    std::size_t left, right, length;
    bool operator<(const Candidate& other) const {
        return score != other.score ? score < other.score : left > other.left;
    }
};

class Bigrams final : public TokenModel {
public:
    explicit Bigrams(BigramSettings settings) : s_(std::move(settings)) {
        ids_.reserve(s_.tokens.size());
        for (std::size_t i = 0; i < s_.tokens.size(); ++i) {
            ids_.insert_or_assign(s_.tokens[i], static_cast<std::int32_t>(i));
            longest_ = std::max(longest_, s_.tokens[i].size());
        }
        for (unsigned byte = 0; byte < 256; ++byte)
            bytes_[byte] = find(byte_token(static_cast<unsigned char>(byte)));
    }

    std::optional<std::int32_t> find(std::string_view token) const override {
        return find_token(ids_, token);
    }
    std::size_t size() const override { return s_.tokens.size(); }

    void encode(std::string_view word, std::vector<std::int32_t>& out) const override {
        std::vector<Symbol> symbols;
        for (std::size_t i = 0; i < word.size();) {
            const std::size_t length = character_at(word, i).length;
            const std::size_t index = symbols.size();
            symbols.push_back({.first = i, .length = length, .before = index == 0 ? none : index - 1});
            if (index > 0) symbols[index - 1].after = index;
            i += length;
        }
        Splits splits;
        join(word, symbols, splits);
        for (const Symbol& symbol : symbols)
            if (symbol.length > 0) spell(word.substr(symbol.first, symbol.length), splits, out);
    }

private:
    // What a joined text was made of, for tokens that may stand on the way but not at the end.
    using Splits =
        std::unordered_map<std::string, std::size_t, TextHash, std::equal_to<>>;  // → length of the left part

    void propose(std::string_view word, const std::vector<Symbol>& symbols, std::size_t left,
                 std::priority_queue<Candidate>& candidates, Splits& splits) const {
        const std::size_t right = left == none ? none : symbols[left].after;
        if (right == none) return;
        const std::size_t length = symbols[left].length + symbols[right].length;
        if (length > longest_) return;
        const std::string_view text = word.substr(symbols[left].first, length);
        const auto id = find(text);
        if (!id) return;
        candidates.push({s_.scores[static_cast<std::size_t>(*id)], left, right, length});
        if (is_unused(*id)) splits.insert_or_assign(std::string(text), symbols[left].length);
    }

    void join(std::string_view word, std::vector<Symbol>& symbols, Splits& splits) const {
        std::priority_queue<Candidate> candidates;
        for (std::size_t i = 0; i + 1 < symbols.size(); ++i) propose(word, symbols, i, candidates, splits);
        while (!candidates.empty()) {
            const Candidate best = candidates.top();
            candidates.pop();
            Symbol& left = symbols[best.left];
            Symbol& right = symbols[best.right];
            if (left.length == 0 || right.length == 0 || left.length + right.length != best.length) continue;
            left.length = best.length;
            right.length = 0;
            left.after = right.after;
            if (left.after != none) symbols[left.after].before = best.left;
            propose(word, symbols, left.before, candidates, splits);
            propose(word, symbols, best.left, candidates, splits);
        }
    }

    bool is_unused(std::int32_t id) const {
        return !s_.types.empty() && s_.types[static_cast<std::size_t>(id)] == unused_type;
    }

    // Each split is shorter than what it splits, so this ends.
    void spell(std::string_view text, const Splits& splits, std::vector<std::int32_t>& out) const {
        std::vector<std::string_view> todo{text};
        while (!todo.empty()) {
            const std::string_view part = todo.back();
            todo.pop_back();
            const auto id = find(part);
            if (id && !is_unused(*id)) {
                out.push_back(*id);
                continue;
            }
            const auto split = splits.find(part);
            if (split != splits.end()) {
                todo.push_back(part.substr(split->second));
                todo.push_back(part.substr(0, split->second));
                continue;
            }
            spell_bytes(part, out);
        }
    }

    void spell_bytes(std::string_view part, std::vector<std::int32_t>& out) const {
        const std::size_t before = out.size();
        for (const char c : part) {
            const auto& byte = bytes_[static_cast<unsigned char>(c)];
            if (!byte) {
                out.resize(before);
                break;
            }
            out.push_back(*byte);
        }
        if (out.size() > before) return;
        if (!s_.unknown)
            throw Error::input(
                "The text holds a character that the tokenizer does not know, and it has no token for that",
                {.file = s_.file});
        out.push_back(*s_.unknown);
    }

    BigramSettings s_;
    Vocabulary ids_;
    std::array<std::optional<std::int32_t>, 256> bytes_;
    std::size_t longest_ = 0;  // bytes
};

}  // namespace

std::unique_ptr<TokenModel> make_bigrams(BigramSettings settings) {
    return std::make_unique<Bigrams>(std::move(settings));
}

}  // namespace deadscope
