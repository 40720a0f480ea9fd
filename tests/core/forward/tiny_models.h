// Plans made by hand, small and with nothing at its default, and weights for them without a checkpoint: what
// the forward pass is tested on before any file is read.
#pragma once

#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "core/forward/forward.h"

namespace deadscope::testing {

// Every tensor reproducible from its name; `added` adds to single elements.
// Thread rule: as WeightSource.
class NamedWeights final : public WeightSource {
public:
    void read(const WeightRef& weight, ElementRange range, std::span<float> out) const override;
    void read(const WeightRef& weight, ElementRange range, std::span<double> out) const override;
    NormParameters norm(const NormSpec& norm) const override;

    std::map<std::string, std::map<std::uint64_t, double>> added;
};

struct TinyModel {
    std::string name;
    Plan plan;
    ModelInput input;
};
inline void PrintTo(const TinyModel& model, std::ostream* out) {
    *out << model.name;
}

// gpt: pre-norm, learned positions, a fused [in, out] query/key/value; encoder: post-norm, token types, a
// norm behind the embeddings, fused [out, in]; gated: RMSNorm, rotary, grouped heads, an embedding scale;
// parallel: both branches from one stream; pictures: patches, a class token, a norm before the blocks.
std::vector<TinyModel> tiny_models();
// The parts that came later, several to a model; what each holds is said where it is made.
std::vector<TinyModel> more_tiny_models();

}  // namespace deadscope::testing
