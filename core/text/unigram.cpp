// Viterbi over the text, tokens found by a prefix index. See unigram.h.
#include "core/text/unigram.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "core/base/error.h"
#include "core/text/prefix_index.h"
#include "core/text/unicode.h"

namespace deadscope {
namespace {

constexpr double unknown_penalty = 10.0;  // below the lowest score, as SentencePiece has it
constexpr std::size_t none = std::numeric_limits<std::size_t>::max();

class Unigram final : public TokenModel {
public:
    explicit Unigram(UnigramSettings settings) : s_(std::move(settings)) {
        if (s_.unknown && *s_.unknown >= s_.pieces.size())
            throw Error::input("The tokenizer's unknown token is not in its vocabulary",
                               {.file = s_.file,
                                .key = "model.unk_id",
                                .expected = "below " + std::to_string(s_.pieces.size()),
                                .found = std::to_string(*s_.unknown)});
        double lowest = std::numeric_limits<double>::infinity();
        ids_.reserve(s_.pieces.size());
        for (std::size_t i = 0; i < s_.pieces.size(); ++i) {
            ids_.insert_or_assign(s_.pieces[i].first, static_cast<std::int32_t>(i));
            lowest = std::min(lowest, s_.pieces[i].second);
        }
        unknown_score_ = lowest - unknown_penalty;
        index_.build({ids_.begin(), ids_.end()});
        if (s_.byte_fallback)
            for (unsigned byte = 0; byte < 256; ++byte)
                bytes_.push_back(find(byte_token(static_cast<unsigned char>(byte))));
    }

    std::optional<std::int32_t> find(std::string_view token) const override {
        return find_token(ids_, token);
    }
    std::size_t size() const override { return s_.pieces.size(); }

    void encode(std::string_view word, std::vector<std::int32_t>& out) const override {
        const std::vector<Node> best = best_paths(word);
        std::vector<Cut> path;  // backwards
        for (std::size_t end = word.size(); end > 0; end = best[end].start) {
            const bool unknown = best[end].id == unknown_id();
            // A run of unknown characters is one.
            if (unknown && !path.empty() && path.back().unknown && path.back().first == end) {
                path.back().first = best[end].start;
            } else {
                path.push_back({best[end].start, end, best[end].id, unknown});
            }
        }
        for (auto part = path.rbegin(); part != path.rend(); ++part) spell(word, *part, out);
    }

private:
    struct Node {  // of a place in the text: the best path that ends there
        double score = 0.0;
        std::size_t start = none;  // of its last token
        std::int32_t id = -1;
    };
    struct Cut {
        std::size_t first, last;
        std::int32_t id;
        bool unknown;
    };

    std::int32_t unknown_id() const { return s_.unknown ? static_cast<std::int32_t>(*s_.unknown) : -1; }

    [[noreturn]] void no_unknown() const {
        throw Error::input(
            "The text holds a character that the tokenizer does not know, and it has no token for that",
            {.file = s_.file});
    }

    std::vector<Node> best_paths(std::string_view word) const {
        std::vector<Node> best(word.size() + 1);
        for (std::size_t start = 0; start < word.size();) {
            const std::size_t length = character_at(word, start).length;
            const double here = best[start].score;
            const auto offer = [&](std::size_t end, double score, std::int32_t id) {
                Node& node = best[end];
                if (node.start != none && !(score > node.score)) return;
                node = {score, start, id};
            };
            bool single = false;
            index_.for_each_at(word, start, [&](std::size_t size, std::int32_t id) {
                single |= size == length;
                offer(start + size, here + s_.pieces[static_cast<std::size_t>(id)].second, id);
            });
            if (!single) {
                const Node& node = best[start + length];
                if (node.start == none || here + unknown_score_ > node.score) {
                    if (!s_.unknown) no_unknown();
                    offer(start + length, here + unknown_score_, unknown_id());
                }
            }
            start += length;
        }
        return best;
    }

    void spell(std::string_view word, const Cut& part, std::vector<std::int32_t>& out) const {
        const std::string_view text = word.substr(part.first, part.last - part.first);
        if (const auto id = find(text)) return out.push_back(*id);
        const std::size_t before = out.size();
        for (std::size_t i = 0; !bytes_.empty() && i < text.size(); ++i) {
            const auto& byte = bytes_[static_cast<unsigned char>(text[i])];
            if (!byte) {
                out.resize(before);
                break;
            }
            out.push_back(*byte);
        }
        if (out.size() > before) return;
        if (!s_.unknown) no_unknown();
        out.push_back(unknown_id());
    }

    UnigramSettings s_;
    Vocabulary ids_;
    PrefixIndex index_;
    double unknown_score_ = 0.0;
    std::vector<std::optional<std::int32_t>> bytes_;  // [256] or empty
};

}  // namespace

std::unique_ptr<TokenModel> make_unigram(UnigramSettings settings) {
    return std::make_unique<Unigram>(std::move(settings));
}

}  // namespace deadscope
