// See word_piece.h.
#include "core/text/word_piece.h"

#include <algorithm>
#include <utility>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/text/unicode.h"

namespace deadscope {
namespace {

class WordModel : public TokenModel {
public:
    explicit WordModel(WordPieceSettings settings) : s_(std::move(settings)) {}
    std::optional<std::int32_t> find(std::string_view token) const override {
        return find_token(s_.vocabulary, token);
    }
    std::size_t size() const override { return s_.vocabulary.size(); }

protected:
    std::int32_t unknown() const {
        const auto id = find(s_.unknown);
        if (!id)
            throw Error::input("The tokenizer's token for unknown words is not in its vocabulary",
                               {.file = s_.file, .found = printable(s_.unknown, 60)});
        return *id;
    }
    WordPieceSettings s_;
};

class WordLevel final : public WordModel {
public:
    using WordModel::WordModel;
    void encode(std::string_view word, std::vector<std::int32_t>& out) const override {
        const auto id = find(word);
        out.push_back(id ? *id : unknown());
    }
};

class WordPiece final : public WordModel {
public:
    explicit WordPiece(WordPieceSettings settings) : WordModel(std::move(settings)) {
        for (const auto& [token, id] : s_.vocabulary) longest_token_ = std::max(longest_token_, token.size());
    }

    void encode(std::string_view word, std::vector<std::int32_t>& out) const override {
        const std::size_t before = out.size();
        bool known = count_characters(word) <= s_.longest_word;
        for (std::size_t first = 0; known && first < word.size();) {
            const auto [id, length] = longest_at(word, first);
            known = length > 0;
            if (known) out.push_back(id);
            first += length;
        }
        if (known) return;
        out.resize(before);
        out.push_back(unknown());
    }

private:
    std::pair<std::int32_t, std::size_t> longest_at(std::string_view word, std::size_t first) const {
        std::string candidate = first > 0 ? s_.subword_prefix : std::string();
        const std::size_t prefix = candidate.size();
        std::size_t length = std::min(word.size() - first, longest_token_);
        candidate += word.substr(first, length);
        for (; length > 0; --length) {
            // A token ends where a character ends.
            const std::size_t end = first + length;
            if (end < word.size() && (static_cast<unsigned char>(word[end]) & 0xC0) == 0x80) continue;
            candidate.resize(prefix + length);
            if (const auto id = find(candidate)) return {*id, length};
        }
        return {0, 0};
    }

    std::size_t longest_token_ = 0;  // bytes
};

}  // namespace

std::unique_ptr<TokenModel> make_word_piece(WordPieceSettings settings) {
    return std::make_unique<WordPiece>(std::move(settings));
}

std::unique_ptr<TokenModel> make_word_level(WordPieceSettings settings) {
    return std::make_unique<WordLevel>(std::move(settings));
}

}  // namespace deadscope
