// Finds and checks tensors by the family's names.
#include "core/model/required_tensors.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/base/text.h"

namespace deadscope {
namespace {

// The shape without leading ones, of which at least `dims` dimensions are left.
std::vector<std::int64_t> without_ones(std::vector<std::int64_t> shape, std::size_t dims) {
    while (shape.size() > dims && shape.front() == 1) shape.erase(shape.begin());
    return shape;
}

}  // namespace

std::string weights_place(const Checkpoint& checkpoint) {
    return checkpoint.files().size() == 1 ? checkpoint.files().front()->path() : checkpoint.source();
}

// Tensors that tell the prefix, without it: what enters, and the norms, for a file that holds little else.
std::vector<std::string> RequiredTensors::probes() const {
    std::vector<std::string> out;
    if (data_.tokens) out.push_back(data_.tokens->table);
    if (data_.patches) out.push_back(data_.patches->projection + ".weight");
    if (data_.sound) out.push_back(data_.sound->conv1 + ".weight");
    if (data_.final_norm) out.push_back(data_.final_norm->tensor + ".weight");
    const BlockData& first = blocks_[0];
    for (const auto* norm : {&first.attention_norm, &first.mlp_norm, &first.attention_out_norm}) {
        if (!*norm) continue;
        out.push_back(blocks_.tensors(0) + (*norm)->tensor + ".weight");
        out.push_back(blocks_.tensors(0) + (*norm)->tensor + ".gamma");
    }
    return out;
}

RequiredTensors::RequiredTensors(const Checkpoint& checkpoint, const Architecture& architecture,
                                 const BlockTable& blocks)
    : checkpoint_(checkpoint), data_(architecture), blocks_(blocks) {
    const auto probed = probes();
    std::vector<std::string> present;
    for (const std::string& probe : probed) {
        for (const std::string& prefix : data_.prefixes) {
            if (has(prefix + probe)) present.push_back(prefix);
        }
        if (!present.empty()) break;
    }
    if (present.size() == 1) {
        prefix_ = present.front();
        return;
    }
    std::vector<std::string> tried;
    for (const std::string& prefix : data_.prefixes) tried.push_back(prefix + probed.front());
    throw Error::input(present.empty()
                           ? "The checkpoint lacks the tensor that a model of this family begins with"
                           : "The checkpoint holds two models, one with and one without a name prefix",
                       {.file = weights_place(checkpoint),
                        .key = tried.front(),
                        .expected = "one of " + join(tried, ", "),
                        .found = present.empty() ? "none of them" : "several of them",
                        .hint = "Family by config.json: " + data_.family + "."});
}

void RequiredTensors::missing(const std::string& name, const std::vector<std::int64_t>& shape) const {
    const std::string place = weights_place(checkpoint_);
    for (std::int64_t block = 0; block < blocks_.size(); ++block) {
        const std::string prefix = in_block(block, "");
        if (!name.starts_with(prefix)) continue;
        const bool some = std::ranges::any_of(
            checkpoint_.tensors(), [&](const TensorInfo& t) { return t.name.starts_with(prefix); });
        if (some) break;
        throw Error::input("Block " + std::to_string(block) + " is missing from the checkpoint",
                           {.file = place,
                            .key = name,
                            .expected = std::to_string(blocks_.size()) + " blocks, as the configuration says",
                            .found = "no tensor '" + prefix + "...'"});
    }
    throw Error::input(
        "A tensor is missing from the checkpoint",
        {.file = place, .key = name, .expected = "shape " + shape_text(shape), .found = "nothing"});
}

const TensorInfo& RequiredTensors::check(const std::string& name, const std::vector<std::int64_t>& shape,
                                         bool ones_in_front) const {
    const TensorInfo* tensor = checkpoint_.find(name);
    if (tensor == nullptr) missing(name, shape);
    const bool fits =
        tensor->shape == shape || (ones_in_front && without_ones(tensor->shape, shape.size()) == shape);
    if (!fits) {
        throw Error::input("A tensor has another shape than the configuration asks for",
                           {.file = checkpoint_.file_of(*tensor),
                            .key = name,
                            .expected = shape_text(shape),
                            .found = shape_text(tensor->shape)});
    }
    if (!is_computable(tensor->dtype)) {
        throw Error::input("A tensor has a dtype that cannot be computed with",
                           {.file = checkpoint_.file_of(*tensor),
                            .key = name,
                            .expected = "F64, F32, F16, BF16, F8 or a quantised kind that is decoded",
                            .found = std::string(dtype_name(tensor->dtype))});
    }
    return *tensor;
}

WeightRef RequiredTensors::weight(const std::string& name, std::vector<std::int64_t> shape,
                                  const Initialiser& init) const {
    (void)check(name, shape);
    return {name, std::move(shape), init};
}

WeightRef RequiredTensors::weight_behind_ones(const std::string& name, std::vector<std::int64_t> shape,
                                              const Initialiser& init) const {
    return {name, check(name, shape, /*ones_in_front=*/true).shape, init};
}

NormSpec RequiredTensors::norm(const NormData& data, const std::string& name, NormRole role,
                               std::optional<std::size_t> block, std::int64_t d, const ConfigValues& values,
                               std::int64_t rows) const {
    NormSpec spec{
        .name = name, .weight = {}, .bias = {}, .kind = data.kind, .role = role, .block = block, .d = d};
    spec.eps = values.number(data.eps);
    spec.offset = values.number(data.offset);
    if (!(spec.eps >= 0.0 && spec.eps < 1.0)) values.wrong(data.eps, "a number from 0 to 1");
    const bool old_names = !data.whole && !has(name + ".weight") && has(name + ".gamma");
    const std::string weight = data.whole ? name : name + (old_names ? ".gamma" : ".weight"),
                      bias = name + (old_names ? ".beta" : ".bias");
    const auto take = [&](const std::string& tensor) {
        const TensorInfo* found = checkpoint_.find(tensor);
        const bool many = found != nullptr && found->shape.size() == 2;
        (void)check(tensor, many ? std::vector{rows, d / rows} : std::vector{d});
        return tensor;
    };
    const bool weighted = values.flag(data.weight), biased = values.flag(data.bias);
    if (weighted)
        spec.weight = take(weight);
    else
        refuse(weight, values.key_of(data.weight));
    if (!weighted) spec.offset = 0.0;  // γ = 1
    if (weighted && biased) {
        spec.bias = take(bias);
    } else if (const TensorInfo* extra = checkpoint_.find(bias)) {
        throw Error::input("A norm has a bias, and the family or its configuration says that it has none",
                           {.file = checkpoint_.file_of(*extra),
                            .key = bias,
                            .expected = "no such tensor",
                            .found = shape_text(extra->shape)});
    }
    return spec;
}

void RequiredTensors::refuse(const std::string& name, const std::string& config_key) const {
    const TensorInfo* tensor = checkpoint_.find(name);
    if (tensor == nullptr) return;
    throw Error::input("The configuration and the tensors disagree on what the model computes",
                       {.file = checkpoint_.file_of(*tensor),
                        .key = name,
                        .expected = config_key.empty() || config_key == "false"
                                        ? "no such tensor in this family"
                                        : "no such tensor, by config.json's " + config_key,
                        .found = shape_text(tensor->shape)});
}

}  // namespace deadscope
