// γ and β for activations that come without their model: from an array, or from a checkpoint's named norm as
// its family means it.
#pragma once

#include <string>
#include <vector>

#include "core/model/norms.h"

namespace deadscope {

struct GivenNorm {
    NormSpec spec;              // kind unknown where nothing says it
    NormParameters parameters;  // gamma [d], effective
    std::string family;         // of the checkpoint; empty where γ is a bare array
    std::string architecture;
    std::vector<std::string> warnings;  // about the files that it came from
};

// gamma: FILE[:NAME] of an array [d], or MODEL[:NORM], without NORM its final one. beta: empty, or
// FILE[:NAME]. Errors: no such file, array or norm (those that are there are listed), another width than d,
// values that are not finite.
GivenNorm given_norm(const std::string& gamma, const std::string& beta, std::size_t d);

// Errors: Error::usage where `path` names a file that `gamma` would be read from.
void refuse_output_over_norm(const std::string& path, const std::string& gamma);

}  // namespace deadscope
