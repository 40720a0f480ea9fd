// Values into the device's elements and out of them, and the rows of a factorisation.
#include <limits>

#include "tests/core/backend/cuda/device.h"

namespace deadscope::testing {
namespace {

class CudaConvert : public Kernels {};
INSTANTIATE_TEST_SUITE_P(Elements, CudaConvert, all_elements(), element_name);

TEST(CudaElement, HasItsSize) {
    EXPECT_EQ(cuda::element_bytes(Element::f64), 8u);
    EXPECT_EQ(cuda::element_bytes(Element::f32), 4u);
    EXPECT_EQ(cuda::element_bytes(Element::bf16), 2u);
    EXPECT_EQ(cuda::element_bytes(Element::f16), 2u);
}

TEST_P(CudaConvert, TakesValuesInAndOutRoundedOnce) {
    for (const std::size_t cols : {1, 31, 64, 257}) {
        for (const Inset inset : {Inset{}, Inset{8, 16}, Inset{1, 2}}) {
            const Table wanted = random_table(6, cols, "values");
            const DeviceMatrix reference(element(), wanted);  // rounded by the host
            const std::vector<double> doubles(wanted.values.begin(), wanted.values.end());
            const std::vector<float> floats(wanted.values.begin(), wanted.values.end());
            const DeviceMatrix from_float(element(), Table(6, cols), inset);
            const DeviceMatrix from_double(element(), Table(6, cols), inset);
            const DeviceArray<float> floats_at(floats);
            const DeviceArray<double> doubles_at(doubles), out(std::vector<double>(6 * cols, -7.0));
            cuda::from_float(at(), floats_at.data(), from_float.view());
            cuda::from_double(at(), doubles_at.data(), from_double.view());
            cuda::to_double(at(), from_double.view(), out.data());
            EXPECT_EQ(from_float.download(), reference.download());
            EXPECT_EQ(from_double.download(), reference.download());
            EXPECT_EQ(out.download(), reference.download());
        }
    }
}

// A little above the middle between two neighbours: a float of it lies on the middle, and would go to the
// even one below.
TEST_P(CudaConvert, DoesNotRoundADoubleTwice) {
    const double above = 1.0 + rounding(element()) + 0x1p-45;
    const DeviceArray<double> value({above});
    const DeviceMatrix to(element(), Table(1, 1));
    cuda::from_double(at(), value.data(), to.view());
    const double expected = element() == Element::f64 ? above : 1.0 + 2 * rounding(element());
    EXPECT_EQ(to.download(), std::vector<double>{expected});
}

TEST_P(CudaConvert, ColumnsOfAFactorisation) {
    for (const std::size_t rows : {1, 31, 33, 130, 8230}) {  // the last are more than its blocks
        for (const std::size_t cols : {1, 31, 32, 65}) {
            const DeviceMatrix x(element(), random_table(rows, cols, "x"), {1, 3});
            const Table shift_table = random_table(1, cols, "shift");
            const std::vector<double> shift(shift_table.values.begin(), shift_table.values.end());
            const std::size_t ld = rows + 5;
            const DeviceArray<double> shift_at(shift), to(std::vector<double>(ld * (cols + 1), -7.0));
            cuda::to_factor_rows(at(), x.view(), shift_at.data(), to.data(), ld);
            const std::vector<double> out = to.download();
            for (std::size_t j = 0; j <= cols; ++j) {
                for (std::size_t i = 0; i < ld; ++i) {
                    const double value = j == 0     ? 1.0
                                         : i < rows ? static_cast<double>(x.values()(i, j - 1)) - shift[j - 1]
                                                    : 0;
                    if (out[j * ld + i] != (i < rows ? value : -7.0)) FAIL() << i << ", " << j;
                }
            }
        }
    }
}

}  // namespace
}  // namespace deadscope::testing
