// DeepSeek's kv_b_proj, which converters take apart: for each head the rows of its keys, which they store
// transposed, and the rows of its values.
#pragma once

#include <span>

#include "core/base/mapped_file.h"
#include "core/checkpoint/checkpoint.h"

namespace deadscope {

// keys: [heads, rank, nope], values: [heads, value_dim, rank]; the whole: [heads · (nope + value_dim), rank].
// Errors: shapes that do not fit each other (tensor named).
TensorInfo joined_latent(const MappedFile& file, const TensorInfo& keys, const TensorInfo& values);
void read_latent(const MappedFile& file, const TensorInfo& keys, const TensorInfo& values, ElementRange range,
                 std::span<float> out);
void read_latent(const MappedFile& file, const TensorInfo& keys, const TensorInfo& values, ElementRange range,
                 std::span<double> out);

}  // namespace deadscope
