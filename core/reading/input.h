// From what a person asks for (tokens file, text, pictures, sound, random) to a ModelInput checked against
// the plan.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/forward/forward.h"

namespace deadscope {

enum class InputKind { random, tokens, text, prompt, pixels, images, features, audio };
std::string_view input_kind_name(InputKind kind);
inline constexpr std::string_view kDrawnScenes = "builtin";   // --images builtin
inline constexpr std::string_view kBuiltinProse = "builtin";  // --text builtin, where no file is named so

struct InputSettings {
    InputKind kind = InputKind::random;
    // File (tokens, text, pixels, images, features, audio), folder (images) or the prompt; text, empty:
    // or kBuiltinProse: built-in prose; images, kDrawnScenes: drawn ones.
    std::string value;
    std::optional<std::size_t> tokens;  // random, prose and drawn: how many; default about 2d, at least d + 1
    std::uint64_t seed = 0;
};

struct PreparedInput {
    ModelInput input;
    std::string kind;    // "random tokens", "random pixels", "tokens", "text", "prompt", "pixels", ...
    std::string digest;  // of ids or pixels and the sequence lengths: "xxh3:16 hex digits"
    std::size_t independent_rows = 0;  // of the stream entering block 0, at most (math.md §4)
};

// Random tokens are uniform over the vocabulary, random pixels standard normal, both by Philox from the seed.
// Text longer than the context is split into sequences. Errors: id out of range, sequence longer than the
// context (naming the file and the place), wrong dtype or rank of an array, a kind that does not fit the
// model (Error::usage), text for a checkpoint whose tokenizer is not supported. checkpoint: beside whose
// weights the tokenizer and the preprocessing are looked for; null: nowhere.
PreparedInput prepare_input(const Plan& plan, const InputSettings& settings,
                            const Checkpoint* checkpoint = nullptr);

}  // namespace deadscope
