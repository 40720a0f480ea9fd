// See weight_scale.h.
#include "core/model/weight_scale.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/base/json.h"

namespace deadscope {
namespace {

constexpr std::int64_t default_block = 128;  // DeepSeek-V3's, where the configuration says nothing
constexpr std::uint64_t mx_block = 32;       // numbers of a row (OCP Microscaling 1.0, 5.2)

std::uint64_t blocks_of(std::uint64_t extent, std::uint64_t block) {
    return extent / block + (extent % block != 0 ? 1 : 0);
}

// [rows, columns] of one block.
std::vector<std::int64_t> block_size(const Checkpoint& checkpoint) {
    const nlohmann::json& json = checkpoint.config();
    if (!json.is_object()) return {default_block, default_block};
    const JsonObject config(json, checkpoint.config_path());
    const auto quantisation = config.object("quantization_config");
    if (!quantisation || !quantisation->has("weight_block_size")) return {default_block, default_block};
    std::vector<std::int64_t> size = quantisation->integers("weight_block_size");
    if (size.size() != 2 || size[0] <= 0 || size[1] <= 0)
        quantisation->wrong("weight_block_size", "two positive numbers");
    return size;
}

const TensorInfo* scales_of(const Checkpoint& checkpoint, const TensorInfo& tensor) {
    if (is_floating(tensor.dtype) || !is_computable(tensor.dtype) || is_quantised(tensor.dtype))
        return nullptr;
    if (const TensorInfo* second = checkpoint.find(tensor.name + "_scale_2"))
        throw Error::input("A weight has two scales, which are not read in this version",
                           {.file = checkpoint.file_of(*second), .key = second->name});
    const TensorInfo* inverse = checkpoint.find(tensor.name + "_scale_inv");
    return inverse != nullptr ? inverse : checkpoint.find(tensor.name + "_scale");
}

}  // namespace

std::optional<WeightScale> WeightScale::of(const Checkpoint& checkpoint, const TensorInfo& tensor) {
    const TensorInfo* scales = scales_of(checkpoint, tensor);
    if (scales == nullptr) return std::nullopt;
    WeightScale out;
    const std::size_t rank = tensor.shape.size();
    const auto extent = [&](std::size_t back) {
        return rank < back ? 1 : static_cast<std::uint64_t>(tensor.shape[rank - back]);
    };
    out.columns_ = std::max<std::uint64_t>(extent(1), 1);
    out.rows_ = std::max<std::uint64_t>(extent(2), 1);
    const std::uint64_t matrices = tensor.elements / out.columns_ / out.rows_;
    const std::vector<std::int64_t> block = block_size(checkpoint);
    struct Layout {
        std::uint64_t block_rows, block_columns;
    };
    // One for each matrix, for each row, for each block: told apart by their number.
    const bool four_bits = tensor.dtype == DType::f4;
    const Layout layouts[] = {
        {out.rows_, out.columns_},
        {1, out.columns_},
        four_bits ? Layout{1, mx_block}
                  : Layout{static_cast<std::uint64_t>(block[0]), static_cast<std::uint64_t>(block[1])}};
    const bool single = scales->elements == 1;
    const auto fits = [&](const Layout& layout) {
        return scales->elements == matrices * blocks_of(out.rows_, layout.block_rows) *
                                       blocks_of(out.columns_, layout.block_columns);
    };
    const auto found = std::ranges::find_if(layouts, fits);
    if (!is_computable(scales->dtype) || (!single && found == std::end(layouts)))
        throw Error::input(
            "The scales of a weight of few bits do not fit it",
            {.file = checkpoint.file_of(*scales),
             .key = scales->name,
             .expected = "one number, one for each row of " + shape_text(tensor.shape) +
                         ", or one for each block of " + (four_bits ? "[1, 32]" : shape_text(block)),
             .found = std::string(dtype_name(scales->dtype)) + " " + shape_text(scales->shape)});
    if (!single) {
        out.block_rows_ = found->block_rows;
        out.block_columns_ = found->block_columns;
        out.scale_rows_ = blocks_of(out.rows_, out.block_rows_);
        out.scale_columns_ = blocks_of(out.columns_, out.block_columns_);
    }
    out.scales_ = checkpoint.read_all(*scales);
    return out;
}

template <class T>
void WeightScale::multiply(std::uint64_t first, std::span<T> values) const {
    if (scales_.size() == 1) {
        for (T& value : values) value *= static_cast<T>(scales_[0]);
        return;
    }
    for (std::uint64_t done = 0; done < values.size();) {
        const std::uint64_t at = first + done, column = at % columns_, row = at / columns_ % rows_;
        const std::uint64_t matrix = at / columns_ / rows_;
        // To the end of the block in this row.
        const std::uint64_t to_border = std::min(block_columns_ - column % block_columns_, columns_ - column);
        const std::uint64_t run = std::min<std::uint64_t>(to_border, values.size() - done);
        const std::uint64_t place =
            (matrix * scale_rows_ + row / block_rows_) * scale_columns_ + column / block_columns_;
        const T scale = static_cast<T>(scales_[place]);
        for (T& value : values.subspan(done, run)) value *= scale;
        done += run;
    }
}

template void WeightScale::multiply(std::uint64_t, std::span<float>) const;
template void WeightScale::multiply(std::uint64_t, std::span<double>) const;

bool is_read_quantisation(const nlohmann::json& value) {
    if (!value.is_object()) return false;
    const auto text = [&](const char* key) {
        const auto found = value.find(key);
        return found != value.end() && found->is_string() ? found->get<std::string>() : std::string();
    };
    const std::string method = text("quant_method");
    if (method == "compressed-tensors") return text("format") == "float-quantized";
    return method == "fp8" || method == "fbgemm_fp8" || method == "mxfp4";
}

}  // namespace deadscope
