// Files, prose, a prompt or seeded random numbers → a checked ModelInput, its digest, and how many rows of it
// can be independent. Tokens and pixels each have their half.
#include "core/reading/input.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <utility>

#include "core/base/assets.h"
#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/base/mapped_file.h"
#include "core/base/npy.h"
#include "core/base/philox.h"
#include "core/checkpoint/checkpoint.h"

namespace deadscope {

namespace {

constexpr std::string_view kProse = "assets/text/prose.txt";
constexpr std::size_t kMostTokens = std::size_t{1} << 31;

// Sequences of `context` tokens, the last one shorter.
SequenceLayout split(std::size_t tokens, std::size_t context) {
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
    input.layout = split(count, static_cast<std::size_t>(plan.context));
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
    input.layout = split(ids.size(), length);
    return input;
}

ModelInput tokens_from_bytes(const Plan& plan, std::string_view bytes, const std::string& file) {
    if (bytes.empty()) throw Error::input("there is no text to read", {.file = file});
    ModelInput input;
    input.ids.reserve(bytes.size());
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        const auto id = static_cast<std::int32_t>(static_cast<unsigned char>(bytes[i]));
        if (id >= plan.vocabulary)
            throw Error::input("a byte of the text is not in the model's vocabulary",
                               {.file = file,
                                .offset = i,
                                .expected = "0 to " + std::to_string(plan.vocabulary - 1),
                                .found = std::to_string(id)});
        input.ids.push_back(id);
    }
    input.layout = split(input.ids.size(), static_cast<std::size_t>(plan.context));
    return input;
}

ModelInput tokens_from_text(const Plan& plan, const InputSettings& settings) {
    const std::string file = settings.kind == InputKind::text ? settings.value : std::string();
    if (!plan.byte_vocabulary)
        throw Error::input("this version has no tokenizer for " + plan.family + " checkpoints",
                           {.file = file, .hint = "give token ids by --tokens FILE.npy, or --random N"});
    if (settings.kind == InputKind::prompt) return tokens_from_bytes(plan, settings.value, {});
    if (!file.empty()) {
        const auto mapped = MappedFile::open(file);
        return tokens_from_bytes(plan, mapped->text(0, mapped->size()), file);
    }
    const Asset* prose = find_asset(kProse);
    if (!prose) throw Error::resource("the built-in prose is missing from this build");
    return tokens_from_bytes(plan, asset_text(*prose), std::string(kProse));
}

SequenceLayout picture_layout(const PatchInputSpec& patch, std::size_t images) {
    const auto each = static_cast<std::size_t>(patch.tokens_per_image());
    SequenceLayout layout{.starts = {0}};
    for (std::size_t i = 1; i <= images; ++i) layout.starts.push_back(i * each);
    return layout;
}

std::size_t picture_elements(const PatchInputSpec& patch) {
    return static_cast<std::size_t>(patch.channels * patch.image_height * patch.image_width);
}

ModelInput random_pictures(const Plan& plan, const InputSettings& settings) {
    const PatchInputSpec& patch = *plan.patch_input;
    const auto each = static_cast<std::size_t>(patch.tokens_per_image());
    const std::size_t images = (random_count(plan, settings) + each - 1) / each;
    ModelInput input;
    std::vector<double> row(picture_elements(patch));
    const Philox draw(settings.seed, "input pixels");
    for (std::size_t i = 0; i < images; ++i) {
        draw.fill_normal(i * row.size(), row);
        for (const double value : row) input.pixels.push_back(static_cast<float>(value));
    }
    input.layout = picture_layout(patch, images);
    return input;
}

ModelInput pictures_from_file(const Plan& plan, const std::string& path) {
    const PatchInputSpec& patch = *plan.patch_input;
    const NpyArray array = NpyArray::open(path);
    const auto& shape = array.shape();
    const std::vector<std::int64_t> picture{patch.channels, patch.image_height, patch.image_width};
    if (array.type() != NpyType::f4 || shape.size() != 4 || shape[0] <= 0 ||
        !std::equal(picture.begin(), picture.end(), shape.begin() + 1))
        throw Error::input("this array is not pictures for this model",
                           {.file = path,
                            .expected = "float32 [B, " + shape_text(picture).substr(1),
                            .found = array.type_text() + " " + shape_text(shape)});
    ModelInput input;
    input.pixels = array.floats();
    for (std::size_t i = 0; i < input.pixels.size(); ++i)
        if (!std::isfinite(input.pixels[i]))
            throw Error::input("a pixel is not a finite number",
                               {.file = path, .key = "element " + std::to_string(i)});
    input.layout = picture_layout(patch, static_cast<std::size_t>(shape[0]));
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

// A patch's row is linear in its pixels, plus what its place adds.
std::size_t independent_patches(const Plan& plan, const ModelInput& input) {
    const PatchInputSpec& spec = *plan.patch_input;
    const auto pixels = static_cast<std::size_t>(spec.channels * spec.patch * spec.patch);
    const std::size_t places = spec.positions ? static_cast<std::size_t>(spec.tokens_per_image()) : 2;
    return std::min(input.tokens(), pixels + places + (spec.norm ? 1 : 0));
}

std::string digest(const ModelInput& input) {
    Hasher hasher;
    hasher.add(std::as_bytes(std::span(input.ids)));
    hasher.add(std::as_bytes(std::span(input.pixels)));
    std::vector<std::uint64_t> starts(input.layout.starts.begin(), input.layout.starts.end());
    hasher.add(std::as_bytes(std::span(starts)));
    return hash_text(hasher.value());
}

ModelInput make_input(const Plan& plan, const InputSettings& settings) {
    const bool pictures = plan.patch_input.has_value();
    switch (settings.kind) {
        case InputKind::random:
            return pictures ? random_pictures(plan, settings) : random_tokens(plan, settings);
        case InputKind::pixels:
            if (!pictures)
                throw Error::usage("this model takes tokens, not pictures",
                                   {.hint = "give --tokens FILE.npy or --random N"});
            return pictures_from_file(plan, settings.value);
        case InputKind::tokens:
        case InputKind::text:
        case InputKind::prompt:
            if (pictures)
                throw Error::usage("this model takes pictures, not tokens",
                                   {.hint = "give --pixels FILE.npy or --random N"});
            return settings.kind == InputKind::tokens ? tokens_from_file(plan, settings.value)
                                                      : tokens_from_text(plan, settings);
    }
    throw Error::usage("an unknown kind of input");
}

}  // namespace

std::string_view input_kind_name(InputKind kind) {
    switch (kind) {
        case InputKind::random:
            return "random";
        case InputKind::tokens:
            return "tokens";
        case InputKind::text:
            return "text";
        case InputKind::prompt:
            return "prompt";
        case InputKind::pixels:
            return "pixels";
    }
    return "unknown";
}

PreparedInput prepare_input(const Plan& plan, const InputSettings& settings) {
    PreparedInput out;
    out.input = make_input(plan, settings);
    out.kind = std::string(input_kind_name(settings.kind));
    if (settings.kind == InputKind::random) out.kind += plan.patch_input ? " pixels" : " tokens";
    out.digest = digest(out.input);
    out.independent_rows =
        plan.patch_input ? independent_patches(plan, out.input) : independent_tokens(plan, out.input);
    return out;
}

}  // namespace deadscope
