// The norm kernels beside the CPU backend: widths of a part of a warp up to many blocks' worth, groups, in
// place, and rows that stand far from zero.
#include "tests/core/backend/cuda/device.h"

namespace deadscope::testing {
namespace {

class CudaNorm : public Kernels {};
INSTANTIATE_TEST_SUITE_P(Elements, CudaNorm, all_elements(), element_name);

TEST_P(CudaNorm, EqualsTheCpu) {
    struct Shape {
        std::size_t rows, groups, d;
        bool own;  // parameters of each group
        Inset inset;
    };
    for (const Shape& shape :
         {Shape{3, 1, 1, false, {}}, Shape{5, 1, 31, false, {}}, Shape{5, 1, 33, false, {1, 2}},
          Shape{9, 1, 256, false, {0, 8}}, Shape{9, 4, 64, false, {}}, Shape{9, 4, 64, true, {}},
          Shape{2, 3, 257, true, {3, 0}}, Shape{3, 1, 1024, false, {}}, Shape{3, 1, 1027, false, {}},
          Shape{3, 2, 4096, true, {}}}) {
        for (const NormKind kind : {NormKind::layer_norm, NormKind::rms_norm}) {
            for (const bool shifted : {false, true}) {
                for (const bool in_place : {false, true}) {
                    const std::size_t cols = shape.groups * shape.d, own = shape.own ? shape.groups : 1;
                    const DeviceMatrix x(element(), random_table(shape.rows, cols, "x", 0.5), shape.inset);
                    const DeviceMatrix gamma(element(), random_table(own, shape.d, "gamma"));
                    const DeviceMatrix beta(element(), random_table(own, shape.d, "beta"));
                    const DeviceMatrix y(element(), random_table(shape.rows, cols, "y"), shape.inset);
                    const Matrix x_host = upload(*cpu_, x.values()), scale = upload(*cpu_, gamma.values());
                    const Matrix shift = upload(*cpu_, beta.values());
                    Matrix expected = cpu_->allocate(shape.rows, cols);
                    cpu_->norm(kind, 1e-5, x_host, scale, shifted ? &shift : nullptr, expected);
                    const DeviceMatrix& to = in_place ? x : y;
                    cuda::norm(at(), kind, 1e-5, x.view(), gamma.view(), shifted ? beta.view() : cuda::View{},
                               to.view());
                    // The scale is good to some units: each thread adds d / lanes squares, then log lanes. A
                    // row of one element has no deviation: only eps keeps the scale from 1/0.
                    const double noise = shape.d == 1 ? 400 : 60;
                    EXPECT_TRUE(near(element(), to.download(), download(*cpu_, expected), noise))
                        << shape.rows << " × " << shape.groups << " × " << shape.d << " "
                        << norm_kind_name(kind) << " " << shifted << " " << in_place;
                }
            }
        }
    }
}

// More rows than one launch has warps for.
TEST_P(CudaNorm, GoesOverMoreThanItsBlocks) {
    const DeviceMatrix x(element(), random_table(8200, 24, "x")),
        gamma(element(), random_table(1, 6, "gamma"));
    Matrix expected = upload(*cpu_, x.values());
    cpu_->norm(NormKind::rms_norm, 1e-5, expected, upload(*cpu_, gamma.values()), nullptr, expected);
    cuda::norm(at(), NormKind::rms_norm, 1e-5, x.view(), gamma.view(), {}, x.view());
    EXPECT_TRUE(near(element(), x.download(), download(*cpu_, expected), 60));
}

// The mean is rounded from the exact sum, so that the differences are those of the CPU bit by bit, though
// they have only some ten bits left.
TEST(CudaNormMean, IsTheOneThatTheCpuSubtracts) {
    const cuda::Launch at{nullptr, Element::f32};
    const auto cpu = make_cpu_backend(Precision::f32, 1);
    for (const std::size_t d : {96, 768, 4096}) {
        const DeviceMatrix x(at.element, random_table(20, d, "far", 5000.0));
        Table ones(1, d);
        for (long double& value : ones.values) value = 1.0L;
        const DeviceMatrix gamma(at.element, ones), y(at.element, random_table(20, d, "y"));
        Matrix expected = cpu->allocate(20, d);
        cpu->norm(NormKind::layer_norm, 1e-5, upload(*cpu, x.values()), upload(*cpu, ones), nullptr,
                  expected);
        cuda::norm(at, NormKind::layer_norm, 1e-5, x.view(), gamma.view(), {}, y.view());
        // Another rounding of the mean would move everything by 2^-12.
        EXPECT_TRUE(near(at.element, y.download(), download(*cpu, expected), 60)) << d;
    }
}

}  // namespace
}  // namespace deadscope::testing
