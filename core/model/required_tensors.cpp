// Finds and checks tensors by the family's names.
#include "core/model/required_tensors.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/base/text.h"

namespace deadscope {
namespace {

std::string probe_of(const Architecture& data) {
    return data.tokens ? data.tokens->table : data.patches->projection + ".weight";
}

}  // namespace

std::string weights_place(const Checkpoint& checkpoint) {
    return checkpoint.files().size() == 1 ? checkpoint.files().front()->path() : checkpoint.source();
}

RequiredTensors::RequiredTensors(const Checkpoint& checkpoint, const Architecture& architecture,
                                 std::int64_t blocks)
    : checkpoint_(&checkpoint), data_(&architecture), blocks_(blocks) {
    std::vector<std::string> present, tried;
    for (const std::string& prefix : data_->prefixes) {
        tried.push_back(prefix + probe_of(*data_));
        if (has(tried.back())) present.push_back(prefix);
    }
    if (present.size() == 1) {
        prefix_ = present.front();
        return;
    }
    throw Error::input(present.empty()
                           ? "The checkpoint lacks the tensor that a model of this family begins with"
                           : "The checkpoint holds two models, one with and one without a name prefix",
                       {.file = weights_place(checkpoint),
                        .key = tried.front(),
                        .expected = "one of " + join(tried, ", "),
                        .found = present.empty() ? "none of them" : "several of them",
                        .hint = "Family by config.json: " + data_->family + "."});
}

std::string RequiredTensors::block_prefix(std::int64_t block) const {
    std::string name = data_->block.tensors;
    name.replace(name.find("{i}"), 3, std::to_string(block));
    return prefix_ + name;
}

std::string RequiredTensors::in_block(std::int64_t block, const std::string& name) const {
    return block_prefix(block) + name;
}

void RequiredTensors::missing(const std::string& name, const std::vector<std::int64_t>& shape) const {
    const std::string place = weights_place(*checkpoint_);
    for (std::int64_t block = 0; block < blocks_; ++block) {
        const std::string prefix = block_prefix(block);
        if (!name.starts_with(prefix)) continue;
        const bool some = std::ranges::any_of(
            checkpoint_->tensors(), [&](const TensorInfo& t) { return t.name.starts_with(prefix); });
        if (some) break;
        throw Error::input("Block " + std::to_string(block) + " is missing from the checkpoint",
                           {.file = place,
                            .key = name,
                            .expected = std::to_string(blocks_) + " blocks, as the configuration says",
                            .found = "no tensor '" + prefix + "...'"});
    }
    throw Error::input(
        "A tensor is missing from the checkpoint",
        {.file = place, .key = name, .expected = "shape " + shape_text(shape), .found = "nothing"});
}

const TensorInfo& RequiredTensors::check(const std::string& name,
                                         const std::vector<std::int64_t>& shape) const {
    const TensorInfo* tensor = checkpoint_->find(name);
    if (tensor == nullptr) missing(name, shape);
    if (tensor->shape != shape) {
        throw Error::input("A tensor has another shape than the configuration asks for",
                           {.file = checkpoint_->file_of(*tensor),
                            .key = name,
                            .expected = shape_text(shape),
                            .found = shape_text(tensor->shape)});
    }
    if (!is_computable(tensor->dtype)) {
        throw Error::input("A tensor has a dtype that cannot be computed with",
                           {.file = checkpoint_->file_of(*tensor),
                            .key = name,
                            .expected = "F64, F32, F16, BF16 or a quantised kind that is decoded",
                            .found = std::string(dtype_name(tensor->dtype))});
    }
    return *tensor;
}

WeightRef RequiredTensors::weight(const std::string& name, std::vector<std::int64_t> shape,
                                  const Initialiser& init) const {
    (void)check(name, shape);
    return {name, std::move(shape), init};
}

NormSpec RequiredTensors::norm(const std::string& name, NormRole role, std::optional<std::size_t> block,
                               std::int64_t d, double eps) const {
    NormSpec spec{.name = name,
                  .weight = {},
                  .bias = {},
                  .kind = data_->norm_kind,
                  .role = role,
                  .block = block,
                  .eps = eps,
                  .offset = data_->norm_offset,
                  .d = d};
    const bool old_names = !has(name + ".weight") && has(name + ".gamma");
    spec.weight = name + (old_names ? ".gamma" : ".weight");
    (void)check(spec.weight, {d});
    const std::string bias = name + (old_names ? ".beta" : ".bias");
    if (data_->norm_bias) {
        (void)check(bias, {d});
        spec.bias = bias;
    } else if (const TensorInfo* extra = checkpoint_->find(bias)) {
        throw Error::input("A norm has a bias, and norms of this family have none",
                           {.file = checkpoint_->file_of(*extra),
                            .key = bias,
                            .expected = "no such tensor",
                            .found = shape_text(extra->shape)});
    }
    return spec;
}

void RequiredTensors::refuse(const std::string& name, const std::string& config_key) const {
    const TensorInfo* tensor = checkpoint_->find(name);
    if (tensor == nullptr) return;
    throw Error::input("The configuration and the tensors disagree on what the model computes",
                       {.file = checkpoint_->file_of(*tensor),
                        .key = name,
                        .expected = config_key.empty() ? "no such tensor in this family"
                                                       : "no such tensor, by config.json's " + config_key,
                        .found = shape_text(tensor->shape)});
}

}  // namespace deadscope
