// Files, prose, a prompt or seeded random numbers → a checked ModelInput, its digest, and how many rows of it
// can be independent. Each kind of input has its own file beside this one.
#include "core/reading/input.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/reading/input_pictures.h"
#include "core/reading/input_sound.h"
#include "core/reading/input_text.h"
#include "core/reading/input_tokens.h"

namespace deadscope {

namespace {

std::string digest(const ModelInput& input) {
    Hasher hasher;
    hasher.add(std::as_bytes(std::span(input.ids)));
    hasher.add(std::as_bytes(std::span(input.pixels)));
    hasher.add(std::as_bytes(std::span(input.features)));
    std::vector<std::uint64_t> starts(input.layout.starts.begin(), input.layout.starts.end());
    hasher.add(std::as_bytes(std::span(starts)));
    return hash_text(hasher.value());
}

// What a model takes, and how it is given.
struct Takes {
    const char* what;
    const char* hint;
    std::vector<InputKind> kinds;
};
Takes takes(const Plan& plan) {
    if (plan.patch_input)
        return {"this model takes pictures",
                "give --images DIR, --pixels FILE.npy or --random N",
                {InputKind::pixels, InputKind::images}};
    if (plan.sound_input)
        return {"this model takes sound",
                "give --audio FILE.wav, --features FILE.npy or --random N",
                {InputKind::features, InputKind::audio}};
    return {"this model takes tokens",
            "give --tokens FILE.npy, --text FILE or --random N",
            {InputKind::tokens, InputKind::text, InputKind::prompt}};
}

ModelInput random_input(const Plan& plan, const InputSettings& settings) {
    if (plan.patch_input) return random_pictures(plan, settings);
    return plan.sound_input ? random_sounds(plan, settings) : random_tokens(plan, settings);
}

ModelInput make_input(const Plan& plan, const InputSettings& settings, const Checkpoint* checkpoint) {
    const Takes fitting = takes(plan);
    if (settings.kind != InputKind::random && std::ranges::count(fitting.kinds, settings.kind) == 0)
        throw Error::usage(std::string(fitting.what) + ", not " + std::string(input_kind_name(settings.kind)),
                           {.hint = fitting.hint});
    switch (settings.kind) {
        case InputKind::random:
            return random_input(plan, settings);
        case InputKind::tokens:
            return tokens_from_file(plan, settings.value);
        case InputKind::text:
        case InputKind::prompt:
            return tokens_from_text(plan, settings, checkpoint);
        case InputKind::pixels:
            return pictures_from_array(plan, settings.value);
        case InputKind::images:
            return pictures_from_files(plan, settings, checkpoint);
        case InputKind::features:
            return sounds_from_array(plan, settings.value);
        case InputKind::audio:
            return sounds_from_wave(plan, settings.value, checkpoint);
    }
    throw Error::usage("an unknown kind of input");
}

// A sound's first layers are not linear, so every row of theirs may be independent.
std::size_t independent_rows(const Plan& plan, const ModelInput& input) {
    if (plan.patch_input) return independent_patches(plan, input);
    return plan.token_input ? independent_tokens(plan, input) : input.tokens();
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
        case InputKind::images:
            return "images";
        case InputKind::features:
            return "features";
        case InputKind::audio:
            return "audio";
    }
    return "unknown";
}

PreparedInput prepare_input(const Plan& plan, const InputSettings& settings, const Checkpoint* checkpoint) {
    PreparedInput out;
    out.input = make_input(plan, settings, checkpoint);
    out.kind = std::string(input_kind_name(settings.kind));
    if (settings.kind == InputKind::random)
        out.kind += plan.patch_input ? " pixels" : plan.sound_input ? " features" : " tokens";
    out.digest = digest(out.input);
    out.independent_rows = independent_rows(plan, out.input);
    return out;
}

}  // namespace deadscope
