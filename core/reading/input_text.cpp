// See input_text.h.
#include "core/reading/input_text.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "core/base/error.h"
#include "core/base/mapped_file.h"
#include "core/reading/input_tokens.h"
#include "core/reading/prose.h"
#include "core/text/tokenizer.h"

namespace deadscope {

namespace {

constexpr std::uint64_t text_limit = std::uint64_t{1} << 30;  // bytes
constexpr std::size_t most_tokens = std::size_t{1} << 31;

// Token id = byte: the built-in models.
class ByteTokenizer final : public Tokenizer {
public:
    std::vector<std::int32_t> encode(std::string_view text, bool) const override {
        std::vector<std::int32_t> ids;
        ids.reserve(text.size());
        for (const char c : text) ids.push_back(static_cast<unsigned char>(c));
        return ids;
    }
    std::vector<std::int32_t> with_special(std::vector<std::int32_t> ids) const override { return ids; }
    std::string source() const override { return "the byte vocabulary"; }
};

std::unique_ptr<Tokenizer> tokenizer_of(const Plan& plan, const Checkpoint* checkpoint,
                                        const std::string& file) {
    if (plan.byte_vocabulary) return std::make_unique<ByteTokenizer>();
    if (checkpoint) return open_tokenizer(*checkpoint);
    throw Error::input("there is no tokenizer for this " + plan.family + " checkpoint",
                       {.file = file, .hint = "give token ids by --tokens FILE.npy, or --random N"});
}

void check_ids(const Plan& plan, const Tokenizer& tokenizer, const std::vector<std::int32_t>& ids) {
    const auto wrong =
        std::ranges::find_if(ids, [&](std::int32_t id) { return id < 0 || id >= plan.vocabulary; });
    if (wrong == ids.end()) return;
    throw Error::input("the tokenizer gives an id that is not in the model's vocabulary",
                       {.file = tokenizer.source(),
                        .key = "token " + std::to_string(wrong - ids.begin()) + " of the text",
                        .expected = "0 to " + std::to_string(plan.vocabulary - 1),
                        .found = std::to_string(*wrong),
                        .hint = "The tokenizer may belong to another checkpoint."});
}

// Sequences of the context's length, each with the special tokens of its own.
ModelInput sequences(const Plan& plan, const Tokenizer& tokenizer, const std::vector<std::int32_t>& ids) {
    const std::size_t special = tokenizer.with_special({}).size(),
                      context = static_cast<std::size_t>(plan.context);
    if (special >= context)
        throw Error::input("the model's context has no room for text between the tokenizer's special tokens",
                           {.file = tokenizer.source(),
                            .expected = "below " + std::to_string(context),
                            .found = std::to_string(special)});
    const std::size_t room = context - special;
    ModelInput input;
    input.layout.starts = {0};
    for (std::size_t first = 0; first < ids.size(); first += room) {
        const std::size_t last = std::min(ids.size(), first + room);
        const std::vector<std::int32_t> sequence =
            tokenizer.with_special({ids.begin() + static_cast<std::ptrdiff_t>(first),
                                    ids.begin() + static_cast<std::ptrdiff_t>(last)});
        if (sequence.size() > context)
            throw Error::input("the tokenizer's template makes a sequence longer than the model's context",
                               {.file = tokenizer.source()});
        input.ids.insert(input.ids.end(), sequence.begin(), sequence.end());
        input.layout.starts.push_back(input.ids.size());
    }
    return input;
}

bool is_prose(const InputSettings& settings) {
    if (settings.kind != InputKind::text) return false;
    std::error_code ignored;
    return settings.value.empty() ||
           (settings.value == kBuiltinProse && !std::filesystem::exists(settings.value, ignored));
}

std::vector<std::int32_t> ids_of(const Plan& plan, const InputSettings& settings,
                                 const Tokenizer& tokenizer) {
    const auto encode = [&](std::string_view text) { return tokenizer.encode(text, /*special=*/false); };
    if (is_prose(settings)) {
        const std::size_t count = settings.tokens.value_or(2 * static_cast<std::size_t>(plan.d));
        if (count == 0 || count > most_tokens)
            throw Error::usage("the number of tokens of prose is out of range",
                               {.expected = "1 to 2147483648", .found = std::to_string(count)});
        return prose_tokens(encode, count);
    }
    if (settings.kind == InputKind::prompt) return encode(settings.value);
    return encode(read_text_file(settings.value, text_limit));
}

}  // namespace

ModelInput tokens_from_text(const Plan& plan, const InputSettings& settings, const Checkpoint* checkpoint) {
    const std::string file = settings.kind == InputKind::text ? settings.value : std::string();
    const auto tokenizer = tokenizer_of(plan, checkpoint, file);
    const std::vector<std::int32_t> ids = ids_of(plan, settings, *tokenizer);
    if (ids.empty()) throw Error::input("there is no text to read", {.file = file});
    ModelInput input = sequences(plan, *tokenizer, ids);
    check_ids(plan, *tokenizer, input.ids);
    return input;
}

}  // namespace deadscope
