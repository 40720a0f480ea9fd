// Pictures: patches are cut on the host and multiplied by the kernel like any other linear map; before them
// stand class tokens and registers.
#include <algorithm>
#include <cmath>
#include <string>

#include "core/base/error.h"
#include "core/forward/embedding_parts.h"
#include "core/forward/position_grid.h"

namespace deadscope {
namespace {

std::size_t size(std::int64_t value) {
    return static_cast<std::size_t>(value);
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
    Matrix before;        // [class tokens + registers, d]: the rows that stand before the patches
    Matrix positions;     // [patches, d] or empty; those of the class tokens are in `before`
};

// Rows that are the same for every picture: class tokens with their positions, and registers without.
bool load_before(Pass& pass, const PatchInputSpec& spec, std::size_t d, Matrix& before) {
    const std::size_t classes = spec.class_tokens.size(), registers = size(spec.register_count);
    if (classes + registers == 0) return true;
    before = pass.backend.allocate(classes + registers, d);
    for (std::size_t i = 0; i < classes; ++i) {
        Matrix row = before.row_range(i, 1);
        if (!pass.load(
                spec.class_tokens[i], [](std::size_t) { return std::size_t{0}; }, row, 0.1))
            return false;
    }
    Matrix behind = before.row_range(classes, registers);
    if (!pass.load(
            spec.registers, [d](std::size_t i) { return i * d; }, behind, 0.1))
        return false;
    if (!spec.positions || classes == 0) return true;
    Matrix positions, of_classes = before.row_range(0, classes);
    if (!pass.load(spec.positions, classes, d, positions, 0.1)) return false;
    pass.backend.add(positions, of_classes);
    return true;
}

// Rows of a position table behind those of the class tokens.
std::size_t stored_places(const PatchInputSpec& spec, std::size_t d) {
    std::size_t elements = 1;
    for (const std::int64_t extent : spec.positions.shape) elements *= size(extent);
    return elements / d - spec.class_tokens.size();
}

// A table for pictures of another size, where the plan allows it, is a square grid.
bool load_resized_positions(Pass& pass, const PatchInputSpec& spec, std::size_t d, Matrix& positions) {
    const std::size_t stored = stored_places(spec, d);
    const auto side = static_cast<std::size_t>(std::llround(std::sqrt(static_cast<double>(stored))));
    std::vector<double> grid(stored * d);
    pass.weights.read(spec.positions, {spec.class_tokens.size() * d, grid.size()}, std::span<double>(grid));
    const auto resized = resized_grid(grid, side, d, size(spec.image_height / spec.patch),
                                      size(spec.image_width / spec.patch), spec.antialias);
    pass.backend.write(positions, std::span<const double>(resized));
    return pass.meter.step("weights", 0.1);
}

bool load_patch_weights(Pass& pass, const PatchInputSpec& spec, std::size_t d, PatchWeights& weights) {
    const std::size_t taken = size(spec.channels * spec.patch * spec.patch);
    const std::size_t classes = spec.class_tokens.size();
    if (!pass.load(spec.kernel, d, taken, weights.kernel.weight, 0.1)) return false;
    if (spec.bias && !pass.load(spec.bias, 1, d, weights.kernel.bias, 0.1)) return false;
    if (!load_before(pass, spec, d, weights.before)) return false;
    if (!spec.positions) return true;
    weights.positions = pass.backend.allocate(size(spec.patches()), d);
    if (stored_places(spec, d) != weights.positions.rows)
        return load_resized_positions(pass, spec, d, weights.positions);
    return pass.load(
        spec.positions, [=](std::size_t i) { return (classes + i) * d; }, weights.positions, 0.1);
}

}  // namespace

bool embed_pictures(Pass& pass, const PatchInputSpec& spec, Matrix& x) {
    PatchWeights weights;
    if (!load_patch_weights(pass, spec, x.cols, weights)) return false;
    const std::size_t per_image = size(spec.tokens_per_image()), before = weights.before.rows;
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
        const Matrix rows = x.row_range(i * per_image, per_image);
        Matrix first = rows.row_range(0, before), others = rows.row_range(before, patches);
        if (before > 0) pass.backend.copy(weights.before, first);
        const double local = 0.2 + 0.7 * static_cast<double>(i) / static_cast<double>(images);
        if (!pass.linear(cut, weights.kernel, others, local)) return false;
        if (spec.positions) pass.backend.add(weights.positions, others);
    }
    return true;
}

}  // namespace deadscope
