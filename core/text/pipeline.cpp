// See pipeline.h.
#include "core/text/pipeline.h"

#include <unordered_map>
#include <utility>

#include "core/text/unicode.h"

namespace deadscope {
namespace {

// A text has the same words over and over; a cache of its own for every text, so that nothing is shared.
constexpr std::size_t most_words = 1 << 16, longest_word = 256;  // bytes

class Words {
public:
    explicit Words(const TokenModel& model) : model_(model) {}

    void encode(const std::string& word, std::vector<std::int32_t>& out) {
        if (word.size() > longest_word) return model_.encode(word, out);
        const auto known = cache_.find(word);
        if (known != cache_.end()) {
            out.insert(out.end(), known->second.begin(), known->second.end());
            return;
        }
        const std::size_t before = out.size();
        model_.encode(word, out);
        if (cache_.size() < most_words)
            cache_.emplace(word, std::vector(out.begin() + static_cast<std::ptrdiff_t>(before), out.end()));
    }

private:
    const TokenModel& model_;
    std::unordered_map<std::string, std::vector<std::int32_t>> cache_;
};

}  // namespace

std::vector<std::int32_t> Pipeline::encode(std::string_view text, bool special) const {
    Pieces pieces = parts_.added.cut(decode_replacing(text), parts_.normalizer);
    if (parts_.pre_tokenizer) parts_.pre_tokenizer(pieces);
    std::vector<std::int32_t> ids;
    Words words(*parts_.model);
    for (const Piece& piece : pieces) {
        if (piece.id) {
            ids.push_back(*piece.id);
        } else if (!piece.text.empty()) {
            words.encode(piece.text, ids);
        }
    }
    return special ? with_special(std::move(ids)) : ids;
}

std::vector<std::int32_t> Pipeline::with_special(std::vector<std::int32_t> ids) const {
    for (const SequenceTemplate& one : parts_.templates) ids = one.around(ids);
    return ids;
}

}  // namespace deadscope
