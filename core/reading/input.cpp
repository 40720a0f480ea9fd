// Files, prose, a prompt or seeded random numbers → a checked ModelInput, its digest, and how many rows of it
// can be independent. Each kind of input has its own file beside this one.
#include "core/reading/input.h"

#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/reading/input_pictures.h"
#include "core/reading/input_text.h"
#include "core/reading/input_tokens.h"

namespace deadscope {

namespace {

std::string digest(const ModelInput& input) {
    Hasher hasher;
    hasher.add(std::as_bytes(std::span(input.ids)));
    hasher.add(std::as_bytes(std::span(input.pixels)));
    std::vector<std::uint64_t> starts(input.layout.starts.begin(), input.layout.starts.end());
    hasher.add(std::as_bytes(std::span(starts)));
    return hash_text(hasher.value());
}

ModelInput make_input(const Plan& plan, const InputSettings& settings, const Checkpoint* checkpoint) {
    const bool pictures = plan.patch_input.has_value();
    switch (settings.kind) {
        case InputKind::random:
            return pictures ? random_pictures(plan, settings) : random_tokens(plan, settings);
        case InputKind::pixels:
        case InputKind::images:
            if (!pictures)
                throw Error::usage("this model takes tokens, not pictures",
                                   {.hint = "give --tokens FILE.npy or --random N"});
            return settings.kind == InputKind::pixels ? pictures_from_array(plan, settings.value)
                                                      : pictures_from_files(plan, settings, checkpoint);
        case InputKind::tokens:
        case InputKind::text:
        case InputKind::prompt:
            if (pictures)
                throw Error::usage("this model takes pictures, not tokens",
                                   {.hint = "give --images DIR, --pixels FILE.npy or --random N"});
            return settings.kind == InputKind::tokens ? tokens_from_file(plan, settings.value)
                                                      : tokens_from_text(plan, settings, checkpoint);
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
    if (settings.kind == InputKind::random) out.kind += plan.patch_input ? " pixels" : " tokens";
    out.digest = digest(out.input);
    out.independent_rows =
        plan.patch_input ? independent_patches(plan, out.input) : independent_tokens(plan, out.input);
    return out;
}

}  // namespace deadscope
