// See input_tokens.h.
#include "core/reading/input_tokens.h"

#include <algorithm>
#include <set>
#include <utility>

#include "core/base/error.h"
#include "core/base/npy.h"
#include "core/base/philox.h"

namespace deadscope {

namespace {

constexpr std::size_t kMostTokens = std::size_t{1} << 31;

}  // namespace

SequenceLayout split_at_context(std::size_t tokens, std::size_t context) {
    SequenceLayout layout{.starts = {0}};
    while (layout.tokens() < tokens) layout.starts.push_back(std::min(tokens, layout.tokens() + context));
    return layout;
}

std::size_t random_count(const Plan& plan, const InputSettings& settings) {
    const std::size_t count = settings.tokens.value_or(2 * static_cast<std::size_t>(plan.d));
    if (count == 0 || count > kMostTokens)
        throw Error::usage("the number of random tokens is out of range",
                           {.expected = "1 to 2147483648", .found = std::to_string(count)});
    return count;
}

ModelInput random_tokens(const Plan& plan, const InputSettings& settings) {
    const std::size_t count = random_count(plan, settings);
    ModelInput input;
    input.ids.resize(count);
    const Philox draw(settings.seed, "input tokens");
    const auto vocabulary = static_cast<std::uint64_t>(plan.vocabulary);
    for (std::size_t i = 0; i < count; ++i)
        input.ids[i] = static_cast<std::int32_t>(draw.below(i, vocabulary));
    input.layout = split_at_context(count, static_cast<std::size_t>(plan.context));
    return input;
}

ModelInput tokens_from_file(const Plan& plan, const std::string& path) {
    const NpyArray array = NpyArray::open(path);
    const auto& shape = array.shape();
    if (!array.is_integer() || shape.empty() || shape.size() > 2)
        throw Error::input("this array is not token ids",
                           {.file = path,
                            .expected = "int32 or int64, [T] or [B, T]",
                            .found = array.type_text() + " " + shape_text(shape)});
    if (array.elements() == 0) throw Error::input("there are no tokens in this file", {.file = path});
    const auto length = static_cast<std::size_t>(shape.back());
    if (length > static_cast<std::size_t>(plan.context))
        throw Error::input("a sequence is longer than the model's context",
                           {.file = path,
                            .key = "row 0",
                            .expected = "at most " + std::to_string(plan.context) + " tokens",
                            .found = std::to_string(length),
                            .hint = "reshape the array to [B, T] with shorter rows"});
    const std::vector<std::int64_t> ids = array.integers();
    ModelInput input;
    input.ids.reserve(ids.size());
    for (std::size_t i = 0; i < ids.size(); ++i) {
        if (ids[i] < 0 || ids[i] >= plan.vocabulary)
            throw Error::input(
                "a token id is out of range",
                {.file = path,
                 .key = "row " + std::to_string(i / length) + ", column " + std::to_string(i % length),
                 .expected = "0 to " + std::to_string(plan.vocabulary - 1),
                 .found = std::to_string(ids[i])});
        input.ids.push_back(static_cast<std::int32_t>(ids[i]));
    }
    input.layout = split_at_context(ids.size(), length);
    return input;
}

// With positions added, x = a_token + b_position spans at most tokens + positions - 1 dimensions; a norm
// behind the sum scales each row, which keeps the span, and adds its β.
std::size_t independent_tokens(const Plan& plan, const ModelInput& input) {
    const TokenInputSpec& spec = *plan.token_input;
    std::set<std::int32_t> tokens(input.ids.begin(), input.ids.end());
    const std::size_t shift = spec.norm && !spec.norm->bias.empty() ? 1 : 0;
    if (!spec.positions) return std::min(input.tokens(), tokens.size() + shift);
    std::set<std::pair<std::int32_t, std::size_t>> pairs;
    std::size_t longest = 0;
    for (std::size_t s = 0; s < input.layout.sequences(); ++s) {
        const std::size_t first = input.layout.starts[s], last = input.layout.starts[s + 1];
        longest = std::max(longest, last - first);
        for (std::size_t i = first; i < last; ++i) pairs.emplace(input.ids[i], i - first);
    }
    return std::min(pairs.size(), tokens.size() + longest - 1 + shift);
}

}  // namespace deadscope
