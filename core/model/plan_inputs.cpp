// What enters a model (tokens, pictures, sound), and the head that reads its last state.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/checkpoint/remote_source.h"
#include "core/model/plan_builder.h"

namespace deadscope {

TokenInputSpec PlanBuilder::token_input(Plan& plan, const FamilyNorms& norms) const {
    const TokensData& data = *data_.tokens;
    using Place = TokenInputSpec::ProjectionPlace;
    plan.vocabulary = values_.size("vocabulary", token_limit);
    plan.context = values_.size("context", token_limit);
    const std::int64_t table_width = data.projection ? values_.size("token_width", width_limit) : d_;
    // Where the projection comes first, what is added to its output is as wide as the stream.
    const std::int64_t width = data.place == Place::before_positions ? d_ : table_width;
    const auto table = [&](const std::string& name, std::int64_t rows, std::int64_t columns) {
        return tensors_.weight(tensors_.with_prefix(name), {rows, columns}, init_);
    };
    TokenInputSpec out;
    out.tokens = table(data.table, plan.vocabulary, table_width);
    out.position_offset = values_.count(data.position_offset, token_limit);
    if (given(data.padding)) out.padding_token = values_.count(data.padding, token_limit);
    if (!data.positions.empty()) {
        // A padding token's own position stands before the others.
        const std::int64_t before = out.position_offset + (given(data.padding) ? 1 : 0);
        const std::int64_t rows =
            given(data.position_rows) ? values_.size(data.position_rows, token_limit) : plan.context + before;
        if (rows < plan.context + before) {
            values_.wrong(data.position_rows, "a position for each of the " + std::to_string(plan.context) +
                                                  " tokens of the context");
        }
        out.positions = table(data.positions, rows, width);
    }
    out.sinusoids = values_.number(data.sinusoids, 0.0);
    if (given(data.sinusoids) && !(out.sinusoids > 0.0))
        values_.wrong(data.sinusoids, "a width of at least four");
    if (given(data.sinusoid_zero)) out.sinusoid_zero = values_.count(data.sinusoid_zero, token_limit);
    if (!data.token_types.empty())
        out.token_types = table(data.token_types, values_.size("token_types", token_limit), width);
    out.scale = values_.number(data.scale, 1.0);
    if (given(data.mask)) {
        out.dropout =
            TokenDropoutSpec{values_.count(data.mask, token_limit), values_.number(data.dropout_ratio)};
        if (!(out.dropout->train_ratio >= 0.0 && out.dropout->train_ratio < 1.0))
            values_.wrong(data.dropout_ratio, "a share from 0 to 1");
    }
    out.norm = norms.input;
    out.projection_place = data.place;
    if (data.projection) {
        out.projection = linear(*data.projection, tensors_.with_prefix(data.projection->tensor), values_,
                                table_width, d_, {});
    }
    return out;
}

PatchInputSpec PlanBuilder::patch_input(Plan& plan, const FamilyNorms& norms) const {
    const PatchesData& data = *data_.patches;
    PatchInputSpec out;
    const auto [height, width] = values_.extent("image_size", 1 << 16);
    const auto [patch, patch_width] = values_.extent("patch", 1 << 12);
    out.channels = values_.size("channels", 1 << 10);
    out.image_height = height;
    out.image_width = width;
    out.patch = patch;
    if (patch != patch_width) values_.wrong("patch", "square patches");
    // Pixels that fill no patch, at the bottom and on the right, are not read.
    if (height < patch || width < patch)
        values_.wrong("image_size", "at least the patch size " + std::to_string(patch));
    const std::string projection = tensors_.with_prefix(data.projection);
    out.kernel = tensors_.weight(projection + ".weight", {d_, out.channels, patch, patch}, init_);
    if (values_.flag(data.bias))
        out.bias = tensors_.weight(projection + ".bias", {d_}, zero_init);
    else
        tensors_.refuse(projection + ".bias", values_.key_of(data.bias));
    // transformers draws class tokens and positions by trunc_normal_, which cuts at ±2 absolute: 100 standard
    // deviations of 0.02.
    const auto rows = [&](const std::string& name, std::vector<std::int64_t> shape) {
        return tensors_.weight_behind_ones(tensors_.with_prefix(name), std::move(shape), init_);
    };
    for (const std::string& name : data.class_tokens) out.class_tokens.push_back(rows(name, {d_}));
    out.register_count = data.registers.empty() ? 0 : values_.count(data.register_count, 1 << 16);
    if (out.register_count > 0) out.registers = rows(data.registers, {out.register_count, d_});
    plan.context = out.tokens_per_image();
    if (!data.positions.empty())
        out.positions = rows(data.positions, {plan.context - out.register_count, d_});
    if (out.positions && (data.any_size || out.register_count > 0) && height != width)
        values_.wrong("image_size", "a square, since positions stand on a square grid");
    out.antialias = data.antialias;
    out.norm = norms.input;
    return out;
}

SoundInputSpec PlanBuilder::sound_input(Plan& plan) const {
    const SoundData& data = *data_.sound;
    SoundInputSpec out;
    out.mel = values_.size("mel", 1 << 12);
    out.frames = values_.size("frames", token_limit);
    if (out.frames % 2 != 0) values_.wrong("frames", "an even number of frames");
    const auto take = [&](const std::string& name, std::vector<std::int64_t> shape, const Initialiser& init) {
        return tensors_.weight(tensors_.with_prefix(name), std::move(shape), init);
    };
    out.conv1 = take(data.conv1 + ".weight", {d_, out.mel, 3}, init_);
    out.conv1_bias = take(data.conv1 + ".bias", {d_}, zero_init);
    out.conv2 = take(data.conv2 + ".weight", {d_, d_, 3}, init_);
    out.conv2_bias = take(data.conv2 + ".bias", {d_}, zero_init);
    plan.context = out.tokens_per_sound();
    out.positions = take(data.positions, {plan.context, d_}, init_);
    return out;
}

// Tied: the token table. Untied: its own tensor; a model saved without its head (GPT2Model, LlamaModel)
// has none.
HeadSpec PlanBuilder::head(const TokenInputSpec& input) const {
    const HeadData& data = *data_.head;
    const LinearData& map = data.linear;
    const std::string name = map.whole ? map.tensor : map.tensor + ".weight";
    const std::int64_t vocabulary = input.tokens.shape[0], in = data.projection ? input.tokens.shape[1] : d_;
    const bool tied = values_.flag("tied_head"), there = tensors_.has(name);
    HeadSpec out;
    if (!tied && !there && !expects_head()) return out;
    if (tied && input.tokens.shape[1] != in)
        values_.wrong("tied_head", "a token table as wide as the stream, where the head is the table");
    if (there || !tied) {
        out.linear = linear(map, map.tensor, values_, in, vocabulary, {});
    } else {
        out.linear.in = in;
        out.linear.out = vocabulary;
        if (values_.flag(map.bias)) {
            const std::string bias = map.bias_tensor.empty() ? map.tensor + ".bias" : map.bias_tensor;
            if (tensors_.has(bias) || expects_head())
                out.linear.bias = tensors_.weight(bias, {vocabulary}, zero_init);
        }
    }
    if (tied) {
        if (there) check_tied(out.linear.weight, input.tokens);
        out.linear.weight = input.tokens;
        out.linear.stored_in_out = false;
    }
    if (data.projection)
        out.projection = linear(*data.projection, data.projection->tensor, values_, d_, in, {});
    out.scale = values_.number(data.scale, 1.0);
    out.cap = values_.number(data.cap, 0.0);
    return out;
}

bool PlanBuilder::expects_head() const {
    const auto classes = values_.config().texts("architectures");
    return std::ranges::any_of(classes, [](const std::string& name) {
        return name.ends_with("ForCausalLM") || name.ends_with("LMHeadModel");
    });
}

// A head that is said to be the token table but stands in the file with other values contradicts the
// configuration. Some rows all over the table are compared: the whole may be gigabytes.
void PlanBuilder::check_tied(const WeightRef& head, const WeightRef& table) const {
    const Checkpoint& checkpoint = tensors_.checkpoint();
    if (is_remote(checkpoint)) return;
    const TensorInfo &a = *checkpoint.find(head.name), &b = *checkpoint.find(table.name);
    const auto d = static_cast<std::uint64_t>(table.shape[1]),
               rows = static_cast<std::uint64_t>(table.shape[0]);
    const std::uint64_t compared = std::min<std::uint64_t>(rows, 64);
    std::vector<float> row_a(d), row_b(d);
    for (std::uint64_t k = 0; k < compared; ++k) {
        const ElementRange range{k * rows / compared * d, d};
        checkpoint.read(a, range, row_a);
        checkpoint.read(b, range, row_b);
        if (row_a == row_b) continue;
        throw Error::input("The head differs from the token table that the configuration ties it to",
                           {.file = checkpoint.file_of(a),
                            .key = head.name,
                            .expected = "the values of " + table.name + ", by " + values_.key_of("tied_head"),
                            .found = "others in row " + std::to_string(range.first / d)});
    }
}

}  // namespace deadscope
