// A tokenizer of five steps, as tokenizer.json describes it: added tokens are found, the rest is normalised,
// cut into words, each word becomes tokens, and special tokens go round them. Any step but the model may be
// absent.
#pragma once

#include <memory>

#include "core/text/added_tokens.h"
#include "core/text/normalizer.h"
#include "core/text/post_processor.h"
#include "core/text/pre_tokenizer.h"
#include "core/text/token_model.h"
#include "core/text/tokenizer.h"

namespace deadscope {

// Thread rule: as Tokenizer.
class Pipeline final : public Tokenizer {
public:
    struct Parts {
        std::string source;
        AddedTokens added;  // built
        Normalizer normalizer;
        PreTokenizer pre_tokenizer;
        std::unique_ptr<TokenModel> model;
        std::vector<SequenceTemplate> templates;
    };
    explicit Pipeline(Parts parts) : parts_(std::move(parts)) {}

    std::vector<std::int32_t> encode(std::string_view text, bool special) const override;
    std::vector<std::int32_t> with_special(std::vector<std::int32_t> ids) const override;
    std::string source() const override { return parts_.source; }

private:
    Parts parts_;
};

}  // namespace deadscope
