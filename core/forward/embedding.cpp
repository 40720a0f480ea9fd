// See embedding.h. Of an embedding table only the rows that occur are read; pictures are cut into patches on
// the host and multiplied by the kernel like any other linear map.
#include "core/forward/embedding.h"

#include <algorithm>
#include <string>

#include "core/base/error.h"

namespace deadscope {
namespace {

std::size_t size(std::int64_t value) {
    return static_cast<std::size_t>(value);
}

// Sequence lengths against the positions that the model has; rotary models have no table, and no such bound
// here.
void check_lengths(const Pass& pass, std::size_t most) {
    const std::vector<std::size_t>& starts = pass.input.layout.starts;
    for (std::size_t s = 0; s < pass.input.layout.sequences(); ++s) {
        const std::size_t length = starts[s + 1] - starts[s];
        if (length <= most) continue;
        throw Error::input("a sequence is longer than the model's positions",
                           {.key = "sequence " + std::to_string(s),
                            .expected = "at most " + std::to_string(most) + " tokens",
                            .found = std::to_string(length)});
    }
}

// The distinct ids, ascending, and for each token its place among them.
struct DistinctIds {
    std::vector<std::int32_t> ids, place;
};

DistinctIds distinct_ids(const Pass& pass, std::size_t vocabulary) {
    const std::vector<std::int32_t>& all = pass.input.ids;
    DistinctIds result;
    std::vector<std::int32_t> place(vocabulary, -1);
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (all[i] < 0 || size(all[i]) >= vocabulary) {
            throw Error::input("a token id is outside the vocabulary",
                               {.key = "token " + std::to_string(i),
                                .expected = "0 to " + std::to_string(vocabulary - 1),
                                .found = std::to_string(all[i])});
        }
        place[size(all[i])] = 0;
    }
    for (std::size_t id = 0; id < vocabulary; ++id) {
        if (place[id] < 0) continue;
        place[id] = static_cast<std::int32_t>(result.ids.size());
        result.ids.push_back(static_cast<std::int32_t>(id));
    }
    result.place.reserve(all.size());
    for (const std::int32_t id : all) result.place.push_back(place[size(id)]);
    return result;
}

// Position of every token in its sequence, [tokens].
std::vector<std::int32_t> positions_of(const SequenceLayout& layout) {
    std::vector<std::int32_t> result;
    result.reserve(layout.tokens());
    for (std::size_t s = 0; s < layout.sequences(); ++s) {
        const std::size_t length = layout.starts[s + 1] - layout.starts[s];
        for (std::size_t t = 0; t < length; ++t) result.push_back(static_cast<std::int32_t>(t));
    }
    return result;
}

struct TokenTables {
    DistinctIds distinct;
    std::vector<std::int32_t> positions;  // [tokens], rows of `position`
    Matrix token;                         // [distinct ids, d]
    Matrix type;                          // [1, d] or empty
    Matrix position;                      // [longest sequence, d] or empty
};

bool load_tables(Pass& pass, const TokenInputSpec& spec, std::size_t d, TokenTables& tables) {
    tables.distinct = distinct_ids(pass, size(spec.tokens.shape[0]));
    tables.token = pass.backend.allocate(tables.distinct.ids.size(), d);
    const auto first = [&](std::size_t i) { return size(tables.distinct.ids[i]) * d; };
    if (!pass.load(spec.tokens, first, tables.token, 0.1)) return false;
    if (spec.token_types && !pass.load(spec.token_types, 1, d, tables.type, 0.2)) return false;
    if (!spec.positions) return true;
    const std::size_t offset = size(spec.position_offset), rows = size(spec.positions.shape[0]);
    check_lengths(pass, rows - std::min(rows, offset));
    tables.positions = positions_of(pass.input.layout);
    const auto longest = std::max_element(tables.positions.begin(), tables.positions.end());
    tables.position = pass.backend.allocate(size(*longest) + 1, d);
    return pass.load(
        spec.positions, [=](std::size_t i) { return (offset + i) * d; }, tables.position, 0.3);
}

bool embed_tokens(Pass& pass, const TokenInputSpec& spec, Matrix& x) {
    TokenTables tables;
    if (!load_tables(pass, spec, x.cols, tables)) return false;
    for (std::size_t first = 0; first < x.rows; first += pass.chunk_tokens()) {
        const std::size_t count = std::min(pass.chunk_tokens(), x.rows - first);
        Matrix piece = x.row_range(first, count);
        pass.backend.fill_zero(piece);
        pass.backend.gather_add(tables.token, std::span(tables.distinct.place).subspan(first, count),
                                spec.scale, piece);
        if (spec.token_types) pass.backend.add_row(tables.type, piece);
        if (spec.positions) {
            pass.backend.gather_add(tables.position, std::span(tables.positions).subspan(first, count), 1.0,
                                    piece);
        }
        if (!pass.meter.step("forward", 0.8)) return false;
    }
    return true;
}

// One picture [channels, height, width] as rows of patches [patches, channels · patch · patch], in the
// kernel's order.
void cut_patches(const PatchInputSpec& spec, std::span<const float> picture, std::vector<float>& rows) {
    const std::size_t p = size(spec.patch), width = size(spec.image_width), height = size(spec.image_height);
    auto out = rows.begin();
    for (std::size_t top = 0; top + p <= height; top += p) {
        for (std::size_t left = 0; left + p <= width; left += p) {
            for (std::size_t c = 0; c < size(spec.channels); ++c) {
                for (std::size_t i = 0; i < p; ++i) {
                    const float* from = picture.data() + (c * height + top + i) * width + left;
                    out = std::copy_n(from, p, out);
                }
            }
        }
    }
}

struct PatchWeights {
    LoadedLinear kernel;  // [d, channels · patch · patch]
    Matrix class_token;   // [1, d] or empty
    Matrix positions;     // [tokens per image, d] or empty
};

bool load_patch_weights(Pass& pass, const PatchInputSpec& spec, std::size_t d, PatchWeights& weights) {
    const std::size_t taken = size(spec.channels * spec.patch * spec.patch);
    if (!pass.load(spec.kernel, d, taken, weights.kernel.weight, 0.1)) return false;
    if (spec.bias && !pass.load(spec.bias, 1, d, weights.kernel.bias, 0.1)) return false;
    if (!spec.class_tokens.empty() && !pass.load(spec.class_tokens[0], 1, d, weights.class_token, 0.1)) return false;
    return !spec.positions ||
           pass.load(spec.positions, size(spec.tokens_per_image()), d, weights.positions, 0.1);
}

bool embed_pictures(Pass& pass, const PatchInputSpec& spec, Matrix& x) {
    PatchWeights weights;
    if (!load_patch_weights(pass, spec, x.cols, weights)) return false;
    const std::size_t per_image = size(spec.tokens_per_image()), class_rows = spec.class_tokens.size();
    const std::size_t patches = size(spec.patches()), taken = weights.kernel.weight.cols;
    const std::size_t picture = size(spec.channels * spec.image_height * spec.image_width);
    const std::size_t images = x.rows / per_image;
    if (images * picture != pass.input.pixels.size() || images * per_image != x.rows) {
        throw Error::input(
            "the pictures do not fit the model",
            {.expected = std::to_string(picture) + " values a picture",
             .found = std::to_string(pass.input.pixels.size()) + " values for " + std::to_string(images)});
    }
    std::vector<float> host(patches * taken);
    Matrix cut = pass.backend.allocate(patches, taken);
    for (std::size_t i = 0; i < images; ++i) {
        cut_patches(spec, std::span(pass.input.pixels).subspan(i * picture, picture), host);
        pass.backend.write(cut, std::span<const float>(host));
        Matrix rows = x.row_range(i * per_image, per_image);
        if (!spec.class_tokens.empty()) {
            Matrix token = rows.row_range(0, 1);
            pass.backend.copy(weights.class_token, token);
        }
        const double local = 0.2 + 0.7 * static_cast<double>(i) / static_cast<double>(images);
        if (!pass.linear(cut, weights.kernel, rows.row_range(class_rows, patches), local)) return false;
        if (spec.positions) pass.backend.add(weights.positions, rows);
    }
    return true;
}

}  // namespace

bool embed(Pass& pass, Matrix& x) {
    const Plan& plan = pass.plan;
    const bool done = plan.patch_input ? embed_pictures(pass, *plan.patch_input, x)
                                       : embed_tokens(pass, *plan.token_input, x);
    if (!done) return false;
    const std::optional<NormSpec>& spec = plan.patch_input ? plan.patch_input->norm : plan.token_input->norm;
    LoadedNorm norm;
    if (spec) pass.load(*spec, norm);
    if (spec && !pass.show(TapPoint::norm_input, 0, x, 0.85)) return false;
    for (std::size_t first = 0; spec && first < x.rows; first += pass.chunk_tokens()) {
        const Matrix piece = x.row_range(first, std::min(pass.chunk_tokens(), x.rows - first));
        pass.norm(piece, norm, piece);
        if (!pass.meter.step("forward", 0.9)) return false;
    }
    return pass.meter.step("forward", 1.0);
}

}  // namespace deadscope
