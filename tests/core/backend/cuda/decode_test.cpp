// Decoding on the device beside core/checkpoint/quantised.cpp: random blocks of every kind, bit by bit.
#include <bit>
#include <cstring>

#include "core/base/half.h"
#include "core/checkpoint/quantised.h"
#include "tests/core/backend/cuda/device.h"

namespace deadscope::testing {
namespace {

constexpr DType quantised[] = {DType::q4_0,  DType::q4_1,  DType::q5_0,   DType::q5_1,
                               DType::q8_0,  DType::q2_k,  DType::q3_k,   DType::q4_k,
                               DType::q5_k,  DType::q6_k,  DType::iq4_nl, DType::iq4_xs,
                               DType::mxfp4, DType::nvfp4, DType::tq1_0,  DType::tq2_0};

std::vector<std::byte> random_bytes(std::size_t count) {
    const Philox stream(7, "stored");
    std::vector<std::byte> bytes(count);
    for (std::size_t i = 0; i < count; ++i) {
        bytes[i] = static_cast<std::byte>(std::bit_cast<std::uint64_t>(stream.normal(i)) >> 8 & 255);
    }
    return bytes;
}

class CudaDecode : public Kernels {
protected:
    // What the element holds of a float; NaN for every NaN.
    double rounded(float value) const {
        std::byte bytes[8];
        encode(element(), static_cast<double>(value), bytes);
        return decode(element(), bytes);
    }
    static ::testing::AssertionResult same(double a, double b) {
        if (std::isnan(a) && std::isnan(b)) return ::testing::AssertionSuccess();
        if (std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b))
            return ::testing::AssertionSuccess();
        return ::testing::AssertionFailure() << a << " for " << b;
    }
};
INSTANTIATE_TEST_SUITE_P(Elements, CudaDecode, all_elements(), element_name);

TEST(CudaCanDecode, WhatTheHostDecodes) {
    for (int i = 0; i <= static_cast<int>(DType::ggml_other); ++i) {
        const auto dtype = static_cast<DType>(i);
        const bool plain =
            dtype == DType::f64 || dtype == DType::f32 || dtype == DType::f16 || dtype == DType::bf16;
        EXPECT_EQ(cuda::can_decode(dtype), plain || (is_quantised(dtype) && quantised_kind(dtype).decoded))
            << i;
    }
}

TEST_P(CudaDecode, QuantisedKindsBitByBit) {
    constexpr std::size_t rows = 6;
    for (const DType dtype : quantised) {
        const QuantisedKind& kind = quantised_kind(dtype);
        SCOPED_TRACE(kind.name);
        const std::size_t blocks = 512 / kind.elements, cols = blocks * kind.elements;
        const std::size_t row_bytes = blocks * kind.bytes + 3;  // rows need not be aligned
        const std::vector<std::byte> stored = random_bytes(rows * row_bytes);
        const DeviceArray<std::byte> stored_at(stored);
        const DeviceArray<int> flag({0});
        const DeviceMatrix to(element(), Table(rows, cols), {0, 4});
        cuda::decode(at(), dtype, stored_at.data(), row_bytes, 100, to.view(), flag.data());
        const std::vector<double> out = to.download();
        std::vector<float> expected(cols);
        bool seen[rows] = {};
        bool any = false;
        for (std::size_t i = 0; i < rows; ++i) {
            dequantise(dtype, stored.data() + i * row_bytes, blocks, expected.data());
            for (std::size_t j = 0; j < cols; ++j) {
                ASSERT_TRUE(same(out[i * cols + j], rounded(expected[j]))) << i << ", " << j;
                if (!std::isfinite(rounded(expected[j]))) any = seen[i] = true;
            }
        }
        const int found = flag.download()[0];
        EXPECT_EQ(found != 0, any);
        if (found != 0) {
            EXPECT_TRUE(seen[found - 101]) << found;
        }
    }
}

TEST_P(CudaDecode, PlainKinds) {
    constexpr std::size_t rows = 5;
    for (const std::size_t cols : {1, 31, 64, 257}) {  // of 64 alone every row begins at its size's multiple
        const Table values = random_table(rows, cols, "weights");
        for (const Element stored_as : {Element::f64, Element::f32, Element::bf16, Element::f16}) {
            const DType dtype = stored_as == Element::f64    ? DType::f64
                                : stored_as == Element::f32  ? DType::f32
                                : stored_as == Element::bf16 ? DType::bf16
                                                             : DType::f16;
            const std::size_t size = cuda::element_bytes(stored_as);
            std::vector<std::byte> stored(rows * cols * size);
            std::vector<double> expected(rows * cols);
            for (std::size_t i = 0; i < expected.size(); ++i) {
                encode(stored_as, static_cast<double>(values.values[i]), stored.data() + i * size);
                std::byte bytes[8];
                encode(element(), decode(stored_as, stored.data() + i * size), bytes);
                expected[i] = decode(element(), bytes);
            }
            const DeviceArray<std::byte> stored_at(stored);
            const DeviceArray<int> flag({0});
            const DeviceMatrix to(element(), Table(rows, cols));
            cuda::decode(at(), dtype, stored_at.data(), cols * size, 0, to.view(), flag.data());
            EXPECT_EQ(to.download(), expected) << cols << " of " << static_cast<int>(stored_as);
            EXPECT_EQ(flag.download()[0], 0);
        }
    }
}

TEST_P(CudaDecode, NamesARowThatIsNotFinite) {
    std::vector<float> values(4 * 40, 1.0f);
    values[2 * 40 + 39] = std::numeric_limits<float>::infinity();
    std::vector<std::byte> stored(values.size() * sizeof(float));
    std::memcpy(stored.data(), values.data(), stored.size());
    const DeviceArray<std::byte> stored_at(stored);
    const DeviceArray<int> flag({0});
    const DeviceMatrix to(element(), Table(4, 40));
    cuda::decode(at(), DType::f32, stored_at.data(), 160, 1000, to.view(), flag.data());
    EXPECT_EQ(flag.download()[0], 1003);
}

// What the element has no room for counts, though it is finite in the file.
TEST_P(CudaDecode, WhatIsFiniteIsForTheElementToSay) {
    const double most = element() == Element::f64 ? 1e308 : element() == Element::f16 ? 65504.0 : 3.3e38;
    for (const double value : {1e4, 1e5, 1e300}) {
        std::vector<std::byte> stored(8);
        encode(Element::f64, value, stored.data());
        const DeviceArray<std::byte> stored_at(stored);
        const DeviceArray<int> flag({0});
        const DeviceMatrix to(element(), Table(1, 1));
        cuda::decode(at(), DType::f64, stored_at.data(), 8, 0, to.view(), flag.data());
        EXPECT_EQ(flag.download()[0], value > most ? 1 : 0) << value;
    }
}

}  // namespace
}  // namespace deadscope::testing
