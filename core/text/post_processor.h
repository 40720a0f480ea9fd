// The post-processors of a tokenizer.json: which special tokens stand round a sequence. Only single
// sequences: pairs are not read here.
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/json.h"

namespace deadscope {

// The template of one sequence: tokens before and after it. A template may name the sequence more than once.
struct SequenceTemplate {
    struct Part {
        bool sequence = false;
        std::vector<std::int32_t> ids{};
    };
    std::vector<Part> parts{{.sequence = true}};

    std::vector<std::int32_t> around(const std::vector<std::int32_t>& ids) const;
};

// In order; each applies to what the one before gave. Errors: a kind that is not known (named), a token that
// is not declared.
std::vector<SequenceTemplate> read_post_processor(const JsonObject& object);

}  // namespace deadscope
