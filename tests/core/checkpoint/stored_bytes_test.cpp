// The bytes that a file gives of a tensor are what its numbers are made of, row by row: every tensor of every
// small checkpoint in the tests, moved rows of GGUF among them.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/checkpoint/checkpoint.h"
#include "core/checkpoint/dtype.h"
#include "core/checkpoint/quantised.h"

namespace deadscope {
namespace {

std::vector<float> decoded(DType dtype, const std::vector<std::byte>& bytes, std::size_t count) {
    std::vector<float> out(count);
    if (is_quantised(dtype)) {
        dequantise(dtype, bytes.data(), count / quantised_kind(dtype).elements, out.data());
    } else {
        convert_elements(dtype, bytes.data(), count, out.data());
    }
    return out;
}

std::vector<std::uint32_t> bits(const std::vector<float>& values) {
    std::vector<std::uint32_t> out(values.size());
    std::transform(values.begin(), values.end(), out.begin(),
                   [](float value) { return std::bit_cast<std::uint32_t>(value); });
    return out;
}

std::size_t bytes_of(DType dtype, std::size_t count) {
    if (!is_quantised(dtype)) return count * (dtype_bits(dtype) / 8);
    return count / quantised_kind(dtype).elements * quantised_kind(dtype).bytes;
}

TEST(StoredBytes, AreWhatTheNumbersAreMadeOf) {
    std::size_t seen = 0, quantised = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(DEADSCOPE_GOLDEN_DIR)) {
        const std::filesystem::path model = entry.path();
        if (model.filename() != "model" && model.extension() != ".gguf") continue;
        SCOPED_TRACE(model.string());
        std::optional<Checkpoint> opened;
        try {
            opened.emplace(open_checkpoint(model.string()));
        } catch (const Error&) {
            continue;  // some are there to be refused
        }
        const Checkpoint& checkpoint = *opened;
        for (const TensorInfo& tensor : checkpoint.tensors()) {
            if (tensor.shape.size() < 2 || !is_computable(tensor.dtype) || !checkpoint.gives_stored(tensor))
                continue;
            const auto width = static_cast<std::size_t>(tensor.shape.back());
            const std::size_t rows = tensor.elements / width, first = rows / 3,
                              count = (rows - first) * width;
            std::vector<std::byte> bytes(bytes_of(tensor.dtype, count));
            checkpoint.stored(tensor, {first * width, count}, bytes);
            std::vector<float> expected(count);
            checkpoint.read(tensor, {first * width, count}, expected);
            // Bit by bit: random blocks hold scales that are not numbers.
            ASSERT_EQ(bits(decoded(tensor.dtype, bytes, count)), bits(expected)) << tensor.name;
            // And pieces of rows are the same numbers again.
            const std::size_t part = (width + 1) / 2;
            std::vector<float> pieces((rows - first) * part);
            checkpoint.read_rows(tensor, {first * width, part, width, rows - first}, pieces.data(), part);
            std::vector<float> whole;
            for (std::size_t i = 0; i < rows - first; ++i)
                whole.insert(whole.end(), expected.begin() + static_cast<std::ptrdiff_t>(i * width),
                             expected.begin() + static_cast<std::ptrdiff_t>(i * width + part));
            ASSERT_EQ(bits(pieces), bits(whole)) << tensor.name;
            ++seen;
            quantised += is_quantised(tensor.dtype) ? 1 : 0;
        }
    }
    EXPECT_GT(seen, 500u);
    EXPECT_GT(quantised, 0u);
}

}  // namespace
}  // namespace deadscope
