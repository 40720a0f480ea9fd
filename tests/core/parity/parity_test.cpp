// Every golden model of tests/golden beside transformers in float64: each block's stream, the final norm's
// output and the logits, within 1e-9 relative in f64 and 2e-4 in f32; by norm, and by the worst element
// against the RMS.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/base/npy.h"
#include "core/checkpoint/checkpoint.h"
#include "core/forward/forward.h"
#include "core/model/plan.h"
#include "core/model/weights.h"
#include "core/reading/input_plan.h"
#include "core/reading/tower_choice.h"
#include "tests/core/backend/backends.h"

namespace deadscope {
namespace {

namespace fs = std::filesystem;

struct Difference {
    double relative = 0.0;  // ‖A - B‖_F / ‖B‖_F
    double worst = 0.0;     // max |A - B| / RMS(B)
    std::size_t at = 0;
};

Difference difference(const std::vector<double>& a, const std::vector<double>& b) {
    Difference result;
    double error = 0.0, size = 0.0;
    for (std::size_t i = 0; i < b.size(); ++i) {
        const double e = std::abs(a[i] - b[i]);
        error += e * e;
        size += b[i] * b[i];
        if (!(e <= result.worst)) {
            result.worst = e;
            result.at = i;
        }
    }
    result.relative = std::sqrt(error / size);
    result.worst /= std::sqrt(size / static_cast<double>(b.size()));
    return result;
}

::testing::AssertionResult within(const std::vector<double>& a, const std::vector<double>& b,
                                  double tolerance) {
    if (a.size() != b.size() || b.empty())
        return ::testing::AssertionFailure() << a.size() << " values for " << b.size();
    const Difference d = difference(a, b);
    if (d.relative <= tolerance && d.worst <= 10 * tolerance) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure()
           << "relative " << d.relative << ", worst " << d.worst << " of the RMS at " << d.at << ": "
           << a[d.at] << " for " << b[d.at] << ", tolerance " << tolerance;
}

// Streams by the names of `activations` (interface.md).
class NamingTap final : public Tap {
public:
    bool wants(TapPoint point, std::size_t) const override { return point != TapPoint::norm_input; }
    void chunk(TapPoint point, std::size_t index, std::size_t, const Backend& backend,
               const Matrix& x) override {
        std::vector<double>& rows = values[name(point, index)];
        const std::size_t before = rows.size();
        rows.resize(before + x.rows * x.cols);
        backend.read(x, std::span(rows).subspan(before));
    }
    bool finished(TapPoint, std::size_t) override { return true; }

    std::map<std::string, std::vector<double>> values;

private:
    static std::string name(TapPoint point, std::size_t index) {
        if (point == TapPoint::logits) return "logits";
        if (point == TapPoint::final_normalized) return "ln_final.hook_normalized";
        return index == 0 ? "blocks.0.hook_resid_pre"
                          : "blocks." + std::to_string(index - 1) + ".hook_resid_post";
    }
};

std::string input_file(const fs::path& folder) {
    for (const char* name : {"pixels.npy", "features.npy"})
        if (fs::exists(folder / name)) return name;
    return "tokens.npy";
}

// The tower is chosen by the input where no file names it.
InputSettings golden_settings(const fs::path& folder) {
    const std::string file = input_file(folder);
    return {.kind = file == "pixels.npy"     ? InputKind::pixels
                    : file == "features.npy" ? InputKind::features
                                             : InputKind::tokens,
            .value = (folder / file).string(),
            .tokens = {}};
}

ModelInput golden_input(const fs::path& folder, const Plan& plan) {
    ModelInput input;
    const NpyArray array = NpyArray::open((folder / input_file(folder)).string());
    std::size_t length = 0;
    if (plan.patch_input) {
        input.pixels = array.floats();
        length = static_cast<std::size_t>(plan.patch_input->tokens_per_image());
    } else if (plan.sound_input) {
        input.features = array.floats();
        length = static_cast<std::size_t>(plan.sound_input->tokens_per_sound());
    } else {
        for (const std::int64_t id : array.integers()) input.ids.push_back(static_cast<std::int32_t>(id));
        length = static_cast<std::size_t>(array.shape()[1]);
    }
    for (std::int64_t s = 0; s <= array.shape()[0]; ++s)
        input.layout.starts.push_back(static_cast<std::size_t>(s) * length);
    return input;
}

// Trained weights with one element moved.
class Perturbed final : public WeightSource {
public:
    Perturbed(const WeightSource& source, std::string tensor) : source_(source), tensor_(std::move(tensor)) {}
    void read(const WeightRef& weight, ElementRange range, std::span<float> out) const override {
        read_any(weight, range, out);
    }
    void read(const WeightRef& weight, ElementRange range, std::span<double> out) const override {
        read_any(weight, range, out);
    }
    NormParameters norm(const NormSpec& norm) const override { return source_.norm(norm); }

private:
    template <typename T>
    void read_any(const WeightRef& weight, ElementRange range, std::span<T> out) const {
        source_.read(weight, range, out);
        if (weight.name == tensor_ && range.first == 0) out[0] += static_cast<T>(1e-3);
    }
    const WeightSource& source_;
    std::string tensor_;
};

std::vector<std::string> golden_families() {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(DEADSCOPE_GOLDEN_DIR)) {
        if (fs::exists(entry.path() / "golden.safetensors"))
            names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
}

class Parity : public ::testing::TestWithParam<std::string> {
protected:
    fs::path folder_ = fs::path(DEADSCOPE_GOLDEN_DIR) / GetParam();
    InputSettings settings_ = golden_settings(folder_);
    Checkpoint checkpoint_ = open_for_input((folder_ / "model").string(), settings_.kind);
    Plan plan_ = plan_for_input(checkpoint_, settings_);
    ModelInput input_ = golden_input(folder_, plan_);
    Checkpoint golden_ = open_checkpoint((folder_ / "golden.safetensors").string());

    std::map<std::string, std::vector<double>> run(Precision precision, const WeightSource& weights,
                                                   const testing::BackendKind& kind = {"cpu", 2}) {
        const auto backend = kind.make(precision);
        NamingTap tap;
        EXPECT_EQ(run_forward(plan_, weights, *backend, input_, tap, {}, {.chunk_tokens = 40}),
                  Outcome::finished);
        return tap.values;
    }
    void expect_golden(Precision precision, double tolerance, const testing::BackendKind& kind = {"cpu", 2}) {
        const auto ours = run(precision, *trained_weights(checkpoint_), kind);
        for (const TensorInfo& tensor : golden_.tensors()) {
            ASSERT_TRUE(ours.contains(tensor.name)) << tensor.name;
            EXPECT_TRUE(within(ours.at(tensor.name), golden_.read_all(tensor), tolerance)) << tensor.name;
        }
        EXPECT_EQ(ours.size(), golden_.tensors().size());
        EXPECT_EQ(ours.size(), plan_.blocks.size() + 2 + (plan_.head ? 1 : 0));
    }
};

INSTANTIATE_TEST_SUITE_P(Golden, Parity, ::testing::ValuesIn(golden_families()),
                         [](const auto& name) { return name.param; });

TEST_P(Parity, F64) {
    expect_golden(Precision::f64, 1e-9);
}
TEST_P(Parity, F32) {
    expect_golden(Precision::f32, 2e-4);
}

TEST_P(Parity, CudaF64) {
    expect_golden(Precision::f64, 1e-9, {"cuda", 2});
}
TEST_P(Parity, CudaF32) {
    expect_golden(Precision::f32, 2e-4, {"cuda", 2});
}

TEST_P(Parity, OneMovedWeightFails) {  // negative control
    const auto weights = trained_weights(checkpoint_);
    const LinearSpec& out = plan_.blocks.back().attention.o;
    const auto ours = run(Precision::f64, Perturbed(*weights, out.weight.name));
    const std::string before = "blocks." + std::to_string(plan_.blocks.size() - 2) + ".hook_resid_post";
    const std::string behind = "blocks." + std::to_string(plan_.blocks.size() - 1) + ".hook_resid_post";
    const auto same = [&](const BlockSpec& block) {
        return block.attention.o.weight.name == out.weight.name;
    };
    if (std::ranges::count_if(plan_.blocks, same) == 1) {  // ALBERT's blocks share theirs
        EXPECT_TRUE(within(ours.at(before), golden_.read_all(*golden_.find(before)), 1e-9));
    }
    EXPECT_FALSE(within(ours.at(behind), golden_.read_all(*golden_.find(behind)), 1e-9));
}

TEST(ParityFamilies, AreThere) {
    const std::vector<std::string> families = golden_families();
    for (const char* name : {"gpt2", "llama", "bert", "vit"}) {
        EXPECT_NE(std::find(families.begin(), families.end(), name), families.end()) << name;
    }
}

}  // namespace
}  // namespace deadscope
