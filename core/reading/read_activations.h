// The reading of activations that come without their model (interface.md, `read`): rows of a norm's output
// and its γ, from any network in any framework. The same measures as a forward pass's, without its blocks.
#pragma once

#include <optional>
#include <string>

#include "core/base/progress.h"
#include "core/reading/analyze.h"

namespace deadscope {

struct ActivationSettings {
    std::string tensor;  // of the file, where it holds several arrays; [N, d], or [B, T, d] taken as [B T, d]
    std::string gamma;   // FILE[:NAME], or MODEL[:NORM] as its family means it
    std::string beta;    // FILE[:NAME] or empty
    std::string
        input;  // FILE[:NAME]: the norm's input, for the floor that the rounding of its mean sets; or empty
    NormKind kind = NormKind::unknown;  // as declared; unknown: as γ's checkpoint says, else the activations
    std::optional<Precision> precision{};  // that the activations were computed in; default: the array's own
    AlignmentSettings alignment{};
};

// Reads the file once, in O(d²) memory. Nothing where progress said stop. Errors: as open_array's and
// given_norm's, rows that are no rows of floating numbers, a value that is not finite (its place named).
std::optional<Reading> read_activations(const std::string& file, const ActivationSettings& settings,
                                        const Progress& progress = {});

}  // namespace deadscope
