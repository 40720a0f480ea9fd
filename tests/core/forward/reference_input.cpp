// What enters the first block, element by element.
#include <algorithm>
#include <cmath>

#include "tests/core/forward/reference_parts.h"

namespace deadscope::testing {
namespace {

using Place = TokenInputSpec::ProjectionPlace;

std::size_t position_of(const TokenInputSpec& spec, const ModelInput& input, std::size_t start,
                        std::size_t t) {
    if (spec.padding_token < 0) return size(spec.position_offset) + t - start;
    if (input.ids[t] == spec.padding_token) return size(spec.position_offset);
    std::size_t before = 0;
    for (std::size_t u = start; u < t; ++u) before += input.ids[u] == spec.padding_token ? 0 : 1;
    return size(spec.position_offset) + 1 + before;
}

Table embed_tokens(const WeightSource& weights, const Plan& plan, const ModelInput& input) {
    const TokenInputSpec& spec = *plan.token_input;
    const std::size_t e = size(spec.tokens.shape.back());
    Table x(input.tokens(), e);
    const std::vector<double> table = all(weights, spec.tokens);
    const auto project = [&](Place place) {
        if (spec.projection && spec.projection_place == place) x = linear(weights, spec.projection, x);
    };
    for (std::size_t s = 0; s < input.layout.sequences(); ++s) {
        const std::size_t start = input.layout.starts[s], end = input.layout.starts[s + 1];
        double factor = spec.scale;
        if (spec.dropout) {
            double masks = 0;
            for (std::size_t t = start; t < end; ++t)
                masks += input.ids[t] == spec.dropout->mask_token ? 1.0 : 0.0;
            factor *= (1.0 - spec.dropout->train_ratio) / (1.0 - masks / static_cast<double>(end - start));
        }
        for (std::size_t t = start; t < end; ++t) {
            const bool masked = spec.dropout && input.ids[t] == spec.dropout->mask_token;
            for (std::size_t j = 0; j < e && !masked; ++j)
                x(t, j) = factor * static_cast<long double>(table[size(input.ids[t]) * e + j]);
        }
    }
    if (spec.token_types) {
        const std::vector<double> types = all(weights, spec.token_types);
        for (std::size_t i = 0; i < x.values.size(); ++i) x.values[i] += types[i % e];
    }
    project(Place::before_positions);
    if (spec.positions) {
        const std::vector<double> positions = all(weights, spec.positions);
        for (std::size_t s = 0; s < input.layout.sequences(); ++s) {
            for (std::size_t t = input.layout.starts[s]; t < input.layout.starts[s + 1]; ++t) {
                const std::size_t row = position_of(spec, input, input.layout.starts[s], t);
                for (std::size_t j = 0; j < x.cols; ++j) x(t, j) += positions[row * x.cols + j];
            }
        }
    }
    project(Place::before_norm);
    x = norm(weights, spec.norm, x);
    project(Place::after_norm);
    return x;
}

// As a convolution with stride = kernel: every output is a sum over channel, row and column of its patch.
Table embed_pictures(const WeightSource& weights, const Plan& plan, const ModelInput& input) {
    const PatchInputSpec& spec = *plan.patch_input;
    const std::size_t d = size(plan.d), p = size(spec.patch), across = size(spec.image_width) / p;
    const std::size_t classes = spec.class_tokens.size(), before = classes + size(spec.register_count);
    const std::size_t per_image = size(spec.tokens_per_image());
    const std::vector<double> kernel = all(weights, spec.kernel);
    const std::vector<double> bias = spec.bias ? all(weights, spec.bias) : std::vector<double>(d);
    const std::vector<double> registers =
        spec.registers ? all(weights, spec.registers) : std::vector<double>{};
    std::vector<std::vector<double>> tokens;
    for (const WeightRef& token : spec.class_tokens) tokens.push_back(all(weights, token));
    const std::vector<double> positions =
        spec.positions ? all(weights, spec.positions) : std::vector<double>{};
    Table x(input.tokens(), d);
    for (std::size_t t = 0; t < x.rows; ++t) {
        const std::size_t image = t / per_image, place = t % per_image;
        for (std::size_t j = 0; j < d; ++j) {
            long double sum = 0;
            if (place < classes) {
                sum = tokens[place][j];
            } else if (place < before) {
                sum = registers[(place - classes) * d + j];
            } else {
                sum = bias[j];
            }
            for (std::size_t e = 0; place >= before && e < size(spec.channels) * p * p; ++e) {
                const std::size_t patch = place - before, channel = e / (p * p);
                const std::size_t row = patch / across * p + e / p % p, column = patch % across * p + e % p;
                const std::size_t plane = (image * size(spec.channels) + channel) * size(spec.image_height);
                sum += kernel[j * size(spec.channels) * p * p + e] *
                       input.pixels[(plane + row) * size(spec.image_width) + column];
            }
            if (!positions.empty() && place < classes) sum += positions[place * d + j];
            if (!positions.empty() && place >= before) sum += positions[(classes + place - before) * d + j];
            x(t, j) = sum;
        }
    }
    return norm(weights, spec.norm, x);
}

// x [channels, length] convolved with the kernel [out, channels, 3], one zero on either side.
Table convolved(const std::vector<double>& kernel, const std::vector<double>& bias, const Table& x,
                std::size_t stride) {
    const std::size_t out = bias.size();
    Table y(out, (x.cols - 1) / stride + 1);
    for (std::size_t o = 0; o < out; ++o) {
        for (std::size_t t = 0; t < y.cols; ++t) {
            long double sum = bias[o];
            for (std::size_t c = 0; c < x.rows; ++c) {
                for (std::size_t k = 0; k < 3; ++k) {
                    const std::size_t at = t * stride + k;  // one more than the column
                    if (at > 0 && at <= x.cols) sum += kernel[(o * x.rows + c) * 3 + k] * x(c, at - 1);
                }
            }
            y(o, t) = activate(Activation::gelu, sum);
        }
    }
    return y;
}

Table embed_sounds(const WeightSource& weights, const Plan& plan, const ModelInput& input) {
    const SoundInputSpec& spec = *plan.sound_input;
    const std::size_t mel = size(spec.mel), frames = size(spec.frames), tokens = frames / 2;
    const std::vector<double> positions = all(weights, spec.positions);
    Table x(input.tokens(), size(plan.d));
    for (std::size_t sound = 0; sound * tokens < x.rows; ++sound) {
        Table heard(mel, frames);
        for (std::size_t i = 0; i < heard.values.size(); ++i)
            heard.values[i] = input.features[sound * mel * frames + i];
        const Table first = convolved(all(weights, spec.conv1), all(weights, spec.conv1_bias), heard, 1);
        const Table second = convolved(all(weights, spec.conv2), all(weights, spec.conv2_bias), first, 2);
        for (std::size_t t = 0; t < tokens; ++t) {
            for (std::size_t j = 0; j < x.cols; ++j)
                x(sound * tokens + t, j) = second(j, t) + positions[t * x.cols + j];
        }
    }
    return x;
}

}  // namespace

Table embed(const WeightSource& weights, const Plan& plan, const ModelInput& input) {
    if (plan.patch_input) return embed_pictures(weights, plan, input);
    if (plan.sound_input) return embed_sounds(weights, plan, input);
    return embed_tokens(weights, plan, input);
}

}  // namespace deadscope::testing
