// Scales of weights that are stored in 8-bit floating types: one for the tensor, for each row, or for each
// block (DeepSeek's and fbgemm's and compressed-tensors' layouts), in a tensor beside the weight.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <vector>

#include "core/checkpoint/checkpoint.h"

namespace deadscope {

// Thread rule: a value; const members may be called from any thread.
class WeightScale {
public:
    // Nothing where the tensor is not of an 8-bit type, or has no scales beside it: NAME_scale_inv or
    // NAME_scale, which both are what the stored value is multiplied by. Errors: scales of another shape than
    // the weight and config.json's quantization_config.weight_block_size ask for.
    static std::optional<WeightScale> of(const Checkpoint& checkpoint, const TensorInfo& tensor);

    // values: elements [first, first + size) of the tensor, row-major.
    void apply(std::uint64_t first, std::span<float> values) const { multiply(first, values); }
    void apply(std::uint64_t first, std::span<double> values) const { multiply(first, values); }

private:
    WeightScale() = default;
    template <class T>
    void multiply(std::uint64_t first, std::span<T> values) const;

    // The tensor as [matrices, rows, columns], cut into blocks [block_rows, block_columns].
    std::uint64_t rows_ = 1, columns_ = 1, block_rows_ = 1, block_columns_ = 1;
    std::uint64_t scale_rows_ = 1, scale_columns_ = 1;
    std::vector<double> scales_;  // [matrices, scale_rows, scale_columns], or one
};

// Whether a checkpoint that is quantised so can be computed with: its weights are 8-bit floats with scales,
// or MXFP4 blocks (core/checkpoint/mxfp4.h). value: config.json's quantization_config.
bool is_read_quantisation(const nlohmann::json& value);

}  // namespace deadscope
