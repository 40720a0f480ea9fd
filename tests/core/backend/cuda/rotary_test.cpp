// Rotary positions beside the CPU backend in f64.
#include "tests/core/backend/cuda/device.h"

namespace deadscope::testing {
namespace {

class CudaRotary : public Kernels {
protected:
    // The table as the host code makes it.
    template <typename A>
    void rotate(const RotarySpec& spec, std::size_t head_dim, const std::vector<std::int32_t>& positions,
                std::size_t longest, const cuda::View& x) {
        const std::size_t half = spec.inverse_frequencies.size();
        std::vector<A> cosine(longest * half), sine(longest * half);
        for (std::size_t i = 0; i < cosine.size(); ++i) {
            const double angle = static_cast<double>(i / half) * spec.inverse_frequencies[i % half];
            cosine[i] = static_cast<A>(std::cos(angle) * spec.attention_factor);
            sine[i] = static_cast<A>(std::sin(angle) * spec.attention_factor);
        }
        const DeviceArray<A> cosine_at(cosine), sine_at(sine);
        const DeviceArray<std::int32_t> positions_at(positions);
        cuda::rotary(at(), cosine_at.data(), sine_at.data(), static_cast<std::size_t>(spec.first),
                     static_cast<std::size_t>(spec.dims), spec.interleaved, head_dim, positions_at.data(), x);
        must(cudaDeviceSynchronize());
    }
};
INSTANTIATE_TEST_SUITE_P(Elements, CudaRotary, all_elements(), element_name);

TEST_P(CudaRotary, TurnsAsTheCpuDoes) {
    const SequenceLayout layout{{0, 1, 1, 40, 73}};
    std::vector<std::int32_t> positions;
    for (std::size_t s = 0; s < layout.sequences(); ++s) {
        for (std::size_t i = layout.starts[s]; i < layout.starts[s + 1]; ++i)
            positions.push_back(static_cast<std::int32_t>(i - layout.starts[s]));
    }
    for (const bool interleaved : {false, true}) {
        for (const std::int64_t dims : {0, 2, 6, 20}) {
            RotarySpec spec;
            spec.first = dims == 20 ? 0 : 3;
            spec.dims = dims;
            spec.interleaved = interleaved;
            spec.attention_factor = 1.25;
            for (std::int64_t i = 0; i < dims / 2; ++i)
                spec.inverse_frequencies.push_back(std::pow(100.0, -static_cast<double>(i) / 5));
            const DeviceMatrix x(element(), random_table(73, 60, "x"), {1, 3});
            Matrix expected = upload(*cpu_, x.values());
            cpu_->rotary(spec, 20, layout, expected);
            if (element() == Element::f64) {
                rotate<double>(spec, 20, positions, 39, x.view());
            } else {
                rotate<float>(spec, 20, positions, 39, x.view());
            }
            EXPECT_TRUE(near(element(), x.download(), download(*cpu_, expected), 40))
                << dims << " " << interleaved;
        }
    }
}

}  // namespace
}  // namespace deadscope::testing
