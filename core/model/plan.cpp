// Applies a family's data to a checkpoint's configuration and tensors: the plan, with every tensor checked.
#include "core/model/plan.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/checkpoint/zoo.h"
#include "core/model/options.h"
#include "core/model/plan_builder.h"
#include "core/model/towers.h"

namespace deadscope {
namespace {

// Edits that turn one word into the other (Levenshtein); model types are at most 64 characters here.
std::size_t distance(const std::string& a, const std::string& b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t corner = std::exchange(row[0], i);
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = corner + (a[i - 1] == b[j - 1] ? 0 : 1);
            corner = row[j];
            row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
        }
    }
    return row[b.size()];
}

// All where they fit a message's line, else those of the nearest names.
std::string families_for(const std::string& type) {
    std::vector<std::string> names = known_families();
    const std::string all = "one of " + join(names, ", ");
    if (all.size() <= 130) return all;
    const std::size_t count = names.size();
    const std::string word = type.substr(0, 64);
    std::ranges::stable_sort(names, {}, [&](const std::string& name) { return distance(word, name); });
    std::string nearest = names[0];
    for (std::size_t i = 1; i < names.size() && nearest.size() + names[i].size() < 80; ++i)
        nearest += ", " + names[i];
    return "one of the " + std::to_string(count) + " known ones, such as " + nearest;
}

// Whether a tensor's last two extents are in and out, and not the other way round too.
bool in_by_out(const std::vector<std::int64_t>& shape, std::int64_t in, std::int64_t out) {
    const std::size_t rank = shape.size();
    return rank >= 2 && in != out && shape[rank - 2] == in && shape[rank - 1] == out;
}

}  // namespace

PlanBuilder::PlanBuilder(const Family& family)
    : family_(family),
      values_(family.values()),
      data_(family.data()),
      tensors_(family.tensors()),
      d_(values_.size("width", width_limit)),
      layers_(family.blocks().size()) {
    const double std = values_.number("init_std");
    if (!(std >= 0.0 && std < 1e3)) values_.wrong("init_std", "a small positive number");
    init_ = {Initialiser::Kind::normal, 0.0, std};
}

Plan PlanBuilder::build() const {
    refuse_unknown_options(values_);
    const FamilyNorms norms = family_norms(family_);
    Plan plan;
    plan.model_type = data_.model_type;
    plan.family = data_.family;
    plan.tower = family_.tower();
    plan.d = d_;
    plan.norm_position = data_.norm_position;
    if (data_.tokens) plan.token_input = token_input(plan, norms);
    if (data_.patches) plan.patch_input = patch_input(plan, norms);
    if (data_.sound) plan.sound_input = sound_input(plan);
    for (std::int64_t i = 0; i < layers_; ++i) plan.blocks.push_back(block(i, norms));
    plan.final_norm = norms.final;
    if (plan.token_input && data_.head) plan.head = head(*plan.token_input);
    plan.byte_vocabulary = has_byte_vocabulary(tensors_.checkpoint().source());
    plan.norms = norms.in_order(/*with_heads=*/false);
    plan.final_norm_index = final_norm_index(plan.norms);
    return plan;
}

BlockSpec PlanBuilder::block(std::int64_t number, const FamilyNorms& all) const {
    const BlockNorms& norms = all.blocks[static_cast<std::size_t>(number)];
    const ConfigValues values = values_.in_block(number);
    const BlockData& data = family_.blocks()[number];
    const Block block{number, values, data, norms, all.layer_inputs};
    BlockSpec out;
    out.attention_norm = norms.attention;
    out.mlp_norm = norms.mlp;
    out.attention_out_norm = norms.attention_out;
    out.mlp_out_norm = norms.mlp_out;
    out.parallel = values.flag(data.parallel);
    const bool mlp_reads_a_norm = norms.mlp || norms.mlp_out || out.parallel;
    if (!mlp_reads_a_norm || (data_.norm_position == NormPosition::post && !norms.attention)) {
        throw Error::input("The architecture file leaves a branch of the block without a norm",
                           {.file = data_.file,
                            .key = norms.attention ? "block.mlp_norm" : "block.attention_norm",
                            .expected = "a norm's name",
                            .found = "nothing"});
    }
    out.attention = attention(block);
    if (data.mlp) out.mlp = mlp(*data.mlp, block);
    if (data.experts) out.experts = experts(*data.experts, block);
    if (data.layer_input) out.layer_input = layer_input(*data.layer_input, block);
    if (data.convolution) out.convolution = convolution(*data.convolution, block);
    out.branch_scale = values.number(data.branch_scale, 1.0);
    out.attention_scale = vector(data.attention_scale, block, d_, one_init);
    out.mlp_scale = vector(data.mlp_scale, block, d_, one_init);
    out.output_scale = vector(data.output_scale, block, 1, one_init);
    return out;
}

LinearSpec PlanBuilder::linear(const LinearData& data, const std::string& name, const ConfigValues& values,
                               std::int64_t in, std::int64_t rows, Slice slice) const {
    const std::int64_t all = slice.rows == 0 ? rows : slice.rows;
    Initialiser init = init_;
    if (given(data.init_std)) init.b = values.number(data.init_std);
    if (data.scaled_init) init.b /= std::sqrt(2.0 * static_cast<double>(layers_));
    LinearSpec out;
    out.in = in;
    out.out = rows;
    out.first_row = slice.first;
    out.group_rows = slice.group_rows;
    out.group_stride = slice.group_stride;
    out.matrix = slice.matrix;
    const std::string weight = data.whole ? name : name + ".weight";
    const TensorInfo* stored = tensors_.checkpoint().find(weight);
    out.stored_in_out =
        data.stored_either ? stored != nullptr && in_by_out(stored->shape, in, all) : data.stored_in_out;
    std::vector<std::int64_t> shape{all, in}, bias_shape{all};
    if (out.stored_in_out) std::swap(shape[0], shape[1]);
    if (slice.matrices > 0) {
        shape.insert(shape.begin(), slice.matrices);
        bias_shape.insert(bias_shape.begin(), slice.matrices);
    }
    // Several matrices may lie in one, row under row.
    const bool laid = slice.matrices > 0 && stored != nullptr && stored->shape.size() == 2;
    const std::vector<std::int64_t> rows_of_all{slice.matrices * shape[shape.size() - 2], shape.back()};
    out.weight = tensors_.weight(weight, laid ? rows_of_all : shape, init);
    out.weight.shape = std::move(shape);
    // A bias with a whole name stands where the weight does, behind the same prefixes.
    const std::string bias = data.bias_tensor.empty()
                                 ? (data.whole ? std::string() : name + ".bias")
                                 : name.substr(0, name.size() - data.tensor.size()) + data.bias_tensor;
    if (values.flag(data.bias))
        out.bias = tensors_.weight(bias, std::move(bias_shape), zero_init);
    else if (!bias.empty())
        tensors_.refuse(bias, values.key_of(data.bias));
    return out;
}

LinearSpec PlanBuilder::linear(const LinearData& data, const Block& block, std::int64_t in,
                               std::int64_t out) const {
    return linear(data, block, in, out, {});
}

LinearSpec PlanBuilder::linear(const LinearData& data, const Block& block, std::int64_t in, std::int64_t out,
                               Slice slice) const {
    return linear(data, tensors_.in_block(block.number, data.tensor), block.values, in, out, slice);
}

WeightRef PlanBuilder::vector(const std::string& name, const Block& block, std::int64_t size,
                              const Initialiser& init) const {
    if (name.empty()) return {};
    return tensors_.weight_behind_ones(tensors_.in_block(block.number, name), {size}, init);
}

Plan make_plan(const Checkpoint& checkpoint) {
    const auto family = Family::of(checkpoint);
    if (family) return PlanBuilder(*family).build();
    const ChosenModel model = choose_model(checkpoint);
    throw Error::input(
        "The model's family is not known to this version",
        {.file = checkpoint.config_path(),
         .key = model.config_path.empty() ? "model_type" : model.config_path + ".model_type",
         .expected = families_for(model.model_type),
         .found = "\"" + model.model_type + "\"",
         .hint = "deadscope gamma reads its norms all the same; a family can be added as a file in " +
                 user_architecture_folder() + "."});
}

}  // namespace deadscope
