// A linked list of symbols and a heap of possible merges: n log n also where a word is a whole text. See
// bpe.h.
#include "core/text/bpe.h"

#include <limits>
#include <queue>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/text/unicode.h"

namespace deadscope {
namespace {

constexpr std::size_t none = std::numeric_limits<std::size_t>::max();

struct Symbol {
    std::int32_t id = 0;
    std::size_t before = none, after = none;
    bool alive = true;
};

struct Merge {
    std::uint32_t rank = 0;  // smaller: earlier
    std::int32_t id = 0;     // of the result
};

struct Candidate {
    std::uint32_t rank;
    std::size_t left;  // index of the symbol
    std::int32_t id;
    bool operator>(const Candidate& other) const {
        return rank != other.rank ? rank > other.rank : left > other.left;
    }
};
using Candidates = std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>>;

std::uint64_t pair_key(std::int32_t left, std::int32_t right) {
    return static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32 |
           static_cast<std::uint32_t>(right);
}

class Bpe final : public TokenModel {
public:
    explicit Bpe(BpeSettings settings) : s_(std::move(settings)) {
        merges_.reserve(s_.merges.size());
        std::uint32_t rank = 0;
        for (const auto& [left, right] : s_.merges) {
            const std::string_view tail = std::string_view(right).substr(
                right.size() < s_.subword_prefix.size() ? right.size() : s_.subword_prefix.size());
            const std::int32_t left_id = known(left, rank), right_id = known(right, rank);
            merges_[pair_key(left_id, right_id)] = {rank, known(left + std::string(tail), rank)};
            ++rank;
        }
        s_.merges = {};
        if (s_.unknown) unknown_ = find_token(s_.vocabulary, *s_.unknown);
        if (s_.byte_fallback)
            for (unsigned byte = 0; byte < 256; ++byte)
                bytes_.push_back(find_token(s_.vocabulary, byte_token(static_cast<unsigned char>(byte))));
    }

    std::optional<std::int32_t> find(std::string_view token) const override {
        return find_token(s_.vocabulary, token);
    }
    std::size_t size() const override { return s_.vocabulary.size(); }

    void encode(std::string_view word, std::vector<std::int32_t>& out) const override {
        if (s_.ignore_merges) {
            if (const auto whole = find(word)) return out.push_back(*whole);
        }
        std::vector<Symbol> symbols = spell(word);
        merge(symbols);
        for (const Symbol& symbol : symbols)
            if (symbol.alive) out.push_back(symbol.id);
    }

private:
    std::int32_t known(const std::string& token, std::uint32_t rank) const {
        const auto id = find_token(s_.vocabulary, token);
        if (!id)
            throw Error::input("A merge of the tokenizer names a token that is not in its vocabulary",
                               {.file = s_.file,
                                .key = s_.key + "[" + std::to_string(rank) + "]",
                                .found = printable(token, 60)});
        return *id;
    }

    // Unknown characters wait in `pending` until a known one follows: that is where a run of them ends, and
    // where `tokenizers` puts them.
    std::vector<Symbol> spell(std::string_view word) const {
        std::vector<Symbol> symbols;
        symbols.reserve(word.size());
        bool pending = false;
        const auto add = [&](std::int32_t id) {
            if (!symbols.empty()) symbols.back().after = symbols.size();
            symbols.push_back({.id = id, .before = symbols.empty() ? none : symbols.size() - 1});
        };
        const auto flush = [&] {
            if (pending) add(*unknown_);
            pending = false;
        };
        std::string decorated;
        for (std::size_t i = 0; i < word.size();) {
            const std::size_t length = character_at(word, i).length;
            std::string_view character = word.substr(i, length);
            if ((i > 0 && !s_.subword_prefix.empty()) ||
                (i + length == word.size() && !s_.word_suffix.empty())) {
                decorated = i > 0 ? s_.subword_prefix : std::string();
                decorated += character;
                if (i + length == word.size()) decorated += s_.word_suffix;
                character = decorated;
            }
            i += length;
            if (const auto id = find(character)) {
                flush();
                add(*id);
            } else if (const auto bytes = spell_bytes(character)) {
                for (const std::int32_t byte : *bytes) add(byte);
            } else if (s_.unknown) {
                if (!unknown_) throw unknown_missing();
                if (!s_.fuse_unknown) flush();
                pending = true;
            }
        }
        flush();
        return symbols;
    }

    Error unknown_missing() const {
        return Error::input("The tokenizer's token for unknown characters is not in its vocabulary",
                            {.file = s_.file, .found = printable(*s_.unknown, 60)});
    }

    std::optional<std::vector<std::int32_t>> spell_bytes(std::string_view character) const {
        if (!s_.byte_fallback) return std::nullopt;
        std::vector<std::int32_t> ids;
        for (const char c : character) {
            const auto& id = bytes_[static_cast<unsigned char>(c)];
            if (!id) return std::nullopt;
            ids.push_back(*id);
        }
        return ids;
    }

    void propose(const std::vector<Symbol>& symbols, std::size_t left, Candidates& candidates) const {
        const std::size_t right = symbols[left].after;
        if (right == none) return;
        const auto found = merges_.find(pair_key(symbols[left].id, symbols[right].id));
        if (found != merges_.end()) candidates.push({found->second.rank, left, found->second.id});
    }

    void merge(std::vector<Symbol>& symbols) const {
        Candidates candidates;
        for (std::size_t i = 0; i < symbols.size(); ++i) propose(symbols, i, candidates);
        while (!candidates.empty()) {
            const Candidate best = candidates.top();
            candidates.pop();
            Symbol& left = symbols[best.left];
            if (!left.alive || left.after == none) continue;
            Symbol& right = symbols[left.after];
            // Stale where the pair has changed since it was proposed.
            const auto now = merges_.find(pair_key(left.id, right.id));
            if (now == merges_.end() || now->second.id != best.id) continue;
            left.id = best.id;
            right.alive = false;
            left.after = right.after;
            if (left.after != none) symbols[left.after].before = best.left;
            if (left.before != none) propose(symbols, left.before, candidates);
            propose(symbols, best.left, candidates);
        }
    }

    BpeSettings s_;
    std::unordered_map<std::uint64_t, Merge> merges_;
    std::optional<std::int32_t> unknown_;
    std::vector<std::optional<std::int32_t>> bytes_;  // [256] or empty
};

}  // namespace

std::optional<std::int32_t> find_token(const Vocabulary& vocabulary, std::string_view token) {
    const auto found = vocabulary.find(token);
    if (found == vocabulary.end()) return std::nullopt;
    return found->second;
}

std::string byte_token(unsigned char byte) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    return std::string("<0x") + digits[byte >> 4] + digits[byte & 15] + ">";
}

std::unique_ptr<TokenModel> make_bpe(BpeSettings settings) {
    return std::make_unique<Bpe>(std::move(settings));
}

}  // namespace deadscope
