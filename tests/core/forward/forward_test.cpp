// The forward pass beside its scalar reference, and what it promises whatever the model: the same result for
// any chunk size and number of threads, and an end at any progress step.
#include "core/forward/forward.h"

#include <atomic>
#include <limits>
#include <tuple>

#include "core/base/error.h"
#include "core/forward/embedding_parts.h"
#include "tests/core/backend/backends.h"
#include "tests/core/forward/recording_tap.h"
#include "tests/core/forward/reference.h"
#include "tests/core/forward/tiny_models.h"

namespace deadscope::testing {
namespace {

class Forward : public ::testing::TestWithParam<std::tuple<TinyModel, BackendKind>> {
protected:
    const TinyModel& model() const { return std::get<0>(GetParam()); }
    const BackendKind& kind() const { return std::get<1>(GetParam()); }
};
INSTANTIATE_TEST_SUITE_P(TinyModels, Forward,
                         ::testing::Combine(::testing::ValuesIn(tiny_models()),
                                            ::testing::ValuesIn(each_backend())),
                         [](const auto& combination) {
                             return std::get<0>(combination.param).name + "_" +
                                    std::get<1>(combination.param).name;
                         });

RecordingTap run(const TinyModel& model, const BackendKind& kind, Precision precision,
                 const ForwardOptions& options = {}, const NamedWeights& weights = {}) {
    const auto backend = kind.make(precision);
    RecordingTap tap;
    EXPECT_EQ(run_forward(model.plan, weights, *backend, model.input, tap, {}, options), Outcome::finished);
    return tap;
}

// A network of the second block that every model runs.
const MlpSpec& network(const TinyModel& model) {
    const BlockSpec& block = model.plan.blocks[1];
    return block.experts ? block.experts.experts[0] : block.mlp;
}

double size_of(const Table& t) {
    long double sum = 0;
    for (const long double v : t.values) sum += v * v;
    return static_cast<double>(std::sqrt(sum / static_cast<long double>(t.values.size())));
}

// Rounding grows from block to block; a hundred units of the stream's size hold both precisions of two
// blocks.
void expect_reference(const TinyModel& model, const RecordingTap& tap, double eps) {
    const ReferenceRun reference = reference_forward(model.plan, NamedWeights{}, model.input);
    const auto check = [&](TapPoint point, std::size_t index, const Table& table) {
        ASSERT_TRUE(tap.values.contains({point, index}));
        EXPECT_TRUE(close(tap.values.at({point, index}), table.values, 100 * eps * size_of(table)))
            << "point " << static_cast<int>(point) << " index " << index;
    };
    for (std::size_t l = 0; l < reference.streams.size(); ++l)
        check(TapPoint::stream, l, reference.streams[l]);
    check(TapPoint::norm_input, reading_norm_index(model.plan), reference.norm_input);
    check(TapPoint::final_normalized, 0, reference.normalized);
    EXPECT_EQ(tap.values.contains({TapPoint::logits, 0}), static_cast<bool>(model.plan.head));
    if (model.plan.head) check(TapPoint::logits, 0, reference.logits);
}

TEST_P(Forward, IsTheReferenceInF64) {
    expect_reference(model(), run(model(), kind(), Precision::f64), epsilon(Precision::f64));
}
TEST_P(Forward, IsTheReferenceInF32) {
    expect_reference(model(), run(model(), kind(), Precision::f32), epsilon(Precision::f32));
}

TEST_P(Forward, OneWrongWeightIsSeen) {  // the negative control of the comparison above
    NamedWeights weights;
    weights.added[network(model()).down.weight.name][5] = 1e-9;
    const RecordingTap tap = run(model(), kind(), Precision::f64, {}, weights);
    const ReferenceRun reference = reference_forward(model().plan, NamedWeights{}, model().input);
    const auto& before = reference.streams[1];
    EXPECT_TRUE(close(tap.values.at({TapPoint::stream, 1}), before.values,
                      100 * epsilon(Precision::f64) * size_of(before)));
    const auto& behind = reference.streams[2];
    EXPECT_FALSE(close(tap.values.at({TapPoint::stream, 2}), behind.values,
                       100 * epsilon(Precision::f64) * size_of(behind)));
}

TEST_P(Forward, ChunksAndThreadsChangeNothingButRounding) {
    for (const std::size_t chunk_tokens : {std::size_t{0}, std::size_t{1}, std::size_t{7}, std::size_t{16}}) {
        for (const int threads : {1, 3}) {
            expect_reference(
                model(), run(model(), {kind().name, threads}, Precision::f64, {.chunk_tokens = chunk_tokens}),
                epsilon(Precision::f64));
        }
    }
}

TEST_P(Forward, PointsComeInOrder) {
    using Key = RecordingTap::Key;
    const bool post = model().plan.norm_position == NormPosition::post;
    const Plan& plan = model().plan;
    const bool normed = embedding_norm(plan) != nullptr;
    std::vector<Key> expected;
    for (std::size_t stream = 0; stream <= 2;
         ++stream) {  // a norm's input comes before the stream it becomes
        if (stream > 0 ? post : normed) expected.emplace_back(TapPoint::norm_input, stream);
        expected.emplace_back(TapPoint::stream, stream);
    }
    if (!post) expected.emplace_back(TapPoint::norm_input, 3);
    expected.emplace_back(TapPoint::final_normalized, 0);
    if (model().plan.head) expected.emplace_back(TapPoint::logits, 0);
    EXPECT_EQ(run(model(), kind(), Precision::f32, {.chunk_tokens = 8}).order, expected);
}

TEST_P(Forward, EndsAtAnyProgressStep) {
    const auto backend = kind().make(Precision::f32);
    const ForwardOptions options{.chunk_tokens = 8};
    std::size_t steps = 0;
    double last = 0.0;
    const Progress count = [&](const ProgressUpdate& update) {
        EXPECT_GE(update.fraction, last);
        EXPECT_LE(update.fraction, 1.0);
        EXPECT_LE(update.block, update.blocks);
        EXPECT_EQ(update.tokens, model().input.tokens());
        last = update.fraction;
        ++steps;
        return true;
    };
    RecordingTap all;
    ASSERT_EQ(run_forward(model().plan, NamedWeights{}, *backend, model().input, all, count, options),
              Outcome::finished);
    EXPECT_DOUBLE_EQ(last, 1.0);
    ASSERT_GT(steps, 30u);
    for (std::size_t stop = 0; stop < steps; ++stop) {
        std::size_t at = 0;
        const Progress progress = [&](const ProgressUpdate&) {
            EXPECT_LE(at, stop) << "asked again after it was told to stop";
            return at++ < stop;
        };
        RecordingTap tap;
        EXPECT_EQ(run_forward(model().plan, NamedWeights{}, *backend, model().input, tap, progress, options),
                  Outcome::cancelled);
        EXPECT_EQ(at, stop + 1);
    }
}

// Wants one stream, and stops there.
class StoppingTap : public RecordingTap {
public:
    bool wants(TapPoint point, std::size_t index) const override {
        return point == TapPoint::stream && index == 1;
    }
    bool finished(TapPoint point, std::size_t index) override {
        return RecordingTap::finished(point, index) && false;
    }
};

TEST_P(Forward, TapIsShownWhatItWantsAndCanStop) {
    const auto backend = kind().make(Precision::f32);
    StoppingTap tap;
    EXPECT_EQ(run_forward(model().plan, NamedWeights{}, *backend, model().input, tap, {}),
              Outcome::cancelled);
    EXPECT_EQ(tap.order, (std::vector<RecordingTap::Key>{{TapPoint::stream, 1}}));
}

TEST_P(Forward, AnErrorOfTheWeightsArrives) {
    class Failing final : public WeightSource {
    public:
        void read(const WeightRef& weight, ElementRange range, std::span<float> out) const override {
            if (weight.name == broken && range.first > 0) throw Error::input("broken", {.key = weight.name});
            NamedWeights().read(weight, range, out);
        }
        void read(const WeightRef& weight, ElementRange range, std::span<double> out) const override {
            NamedWeights().read(weight, range, out);
        }
        NormParameters norm(const NormSpec& norm) const override { return NamedWeights().norm(norm); }
        std::string broken;
    };
    Failing weights;
    weights.broken = network(model()).up.weight.name;
    const auto backend = kind().make(Precision::f32);
    RecordingTap tap;
    try {
        run_forward(model().plan, weights, *backend, model().input, tap, {});
        ADD_FAILURE() << "no error";
    } catch (const Error& error) {
        EXPECT_EQ(error.details().key, weights.broken);
    }
}

// Counts the elements of the embedding table that are read.
class CountingWeights final : public WeightSource {
public:
    void read(const WeightRef& weight, ElementRange range, std::span<float> out) const override {
        if (weight.name == "tokens") elements += range.count;
        NamedWeights().read(weight, range, out);
    }
    void read(const WeightRef& weight, ElementRange range, std::span<double> out) const override {
        NamedWeights().read(weight, range, out);
    }
    NormParameters norm(const NormSpec& norm) const override { return NamedWeights().norm(norm); }
    mutable std::atomic<std::uint64_t> elements = 0;
};

TEST(ForwardTokens, OnlyEmbeddingsThatOccurAreRead) {
    TinyModel model = tiny_models()[0];
    std::fill(model.input.ids.begin(), model.input.ids.end(), 22);
    model.input.ids[3] = 4;
    CountingWeights weights;
    const auto backend = make_cpu_backend(Precision::f32, 2);
    RecordingTap tap;
    EXPECT_EQ(run_forward(model.plan, weights, *backend, model.input, tap, {}), Outcome::finished);
    EXPECT_EQ(weights.elements, 2u * 12u);
}

TEST(ForwardTokens, IdsAndLengthsAreChecked) {
    const auto backend = make_cpu_backend(Precision::f32, 1);
    for (const std::int32_t id : {-1, 23, std::numeric_limits<std::int32_t>::max()}) {
        TinyModel model = tiny_models()[0];
        model.input.ids[7] = id;
        RecordingTap tap;
        try {
            run_forward(model.plan, NamedWeights{}, *backend, model.input, tap, {});
            ADD_FAILURE() << id;
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::input);
            EXPECT_NE(error.message().find("token 7"), std::string::npos) << error.message();
        }
    }
    TinyModel model = tiny_models()[0];
    model.input.layout.starts = {0, 36};  // 15 positions are left behind the offset
    RecordingTap tap;
    EXPECT_THROW(run_forward(model.plan, NamedWeights{}, *backend, model.input, tap, {}), Error);
}

}  // namespace
}  // namespace deadscope::testing
