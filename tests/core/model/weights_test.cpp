#include "core/model/weights.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "core/base/error.h"
#include "tests/fixtures/safetensors_writer.h"

namespace deadscope {
namespace {

using Kind = Initialiser::Kind;

class RandomTwin : public ::testing::Test {
protected:
    std::vector<double> draw(const WeightRef& weight, ElementRange range, std::uint64_t seed = 5) {
        std::vector<double> values(range.count);
        random_twin(checkpoint_, seed)->read(weight, range, std::span<double>(values));
        return values;
    }
    Checkpoint checkpoint_{"twin", "twin", nullptr, {}};
    WeightRef weight_{"h.0.attn.c_attn.weight", {64, 96}, {Kind::normal, 0.5, 0.02}};
};

TEST_F(RandomTwin, AnyRangeIsThatPartOfTheWhole) {
    const std::vector<double> whole = draw(weight_, {0, 64 * 96});
    for (const ElementRange range :
         {ElementRange{0, 1}, ElementRange{95, 3}, ElementRange{1025, 2050}, ElementRange{6143, 1}}) {
        const std::vector<double> part = draw(weight_, range);
        for (std::size_t i = 0; i < part.size(); ++i)
            EXPECT_EQ(part[i], whole[range.first + i]) << range.first << " + " << i;
    }
    EXPECT_NE(draw(weight_, {0, 4}, 6), draw(weight_, {0, 4}, 5));
}

TEST_F(RandomTwin, F32IsF64Rounded) {
    const std::vector<double> whole = draw(weight_, {3, 3000});
    std::vector<float> narrow(3000);
    random_twin(checkpoint_, 5)->read(weight_, {3, 3000}, std::span<float>(narrow));
    for (std::size_t i = 0; i < narrow.size(); ++i) EXPECT_EQ(narrow[i], static_cast<float>(whole[i])) << i;
}

TEST_F(RandomTwin, FollowsTheInitialiser) {
    const auto moments = [&](const WeightRef& weight) {
        const std::vector<double> x = draw(weight, {0, 40000});
        const double mean = std::accumulate(x.begin(), x.end(), 0.0) / 40000;
        double second = 0;
        for (const double value : x) second += (value - mean) * (value - mean) / 40000;
        return std::pair(mean, std::sqrt(second));
    };
    const auto [mean, deviation] = moments(weight_);
    EXPECT_NEAR(mean, 0.5, 5 * 0.02 / 200);
    EXPECT_NEAR(deviation, 0.02, 5 * 0.02 / 280);
    const auto [middle, spread] = moments({"u", {40000}, {Kind::uniform, -1.0, 3.0}});
    EXPECT_NEAR(middle, 1.0, 0.03);
    EXPECT_NEAR(spread, 4 / std::sqrt(12.0), 0.02);
    EXPECT_EQ(draw({"c", {3}, {Kind::constant, 0.25, 0.0}}, {0, 3}), (std::vector<double>{0.25, 0.25, 0.25}));
}

TEST_F(RandomTwin, TruncationRedrawsAnElementFromItsOwnStreams) {
    const WeightRef narrow{"t", {30000}, {Kind::truncated_normal, 0.0, 0.02}},
        wide{"t", {30000}, {Kind::truncated_normal, 0.0, 2.0}};
    const WeightRef plain{"t", {30000}, {Kind::normal, 0.0, 2.0}};
    EXPECT_EQ(draw(narrow, {0, 100}),
              draw({"t", {30000}, {Kind::normal, 0.0, 0.02}}, {0, 100}));  // bounds 100 sigma away
    const std::vector<double> x = draw(wide, {0, 30000}), y = draw(plain, {0, 30000});
    std::size_t redrawn = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        EXPECT_LE(std::abs(x[i]), 2.0);
        EXPECT_EQ(x[i] == y[i], std::abs(y[i]) <= 2.0) << i;
        redrawn += x[i] != y[i];
    }
    EXPECT_NEAR(static_cast<double>(redrawn) / 30000, 0.3173, 0.02);  // beyond one sigma
    EXPECT_EQ(draw(wide, {777, 1})[0], x[777]);
}

TEST_F(RandomTwin, NormsAreAtTheirInitialValues) {
    NormSpec norm;
    norm.weight = "ln.weight";
    norm.bias = "ln.bias";
    norm.d = 3;
    norm.offset = 1.0;
    const auto twin = random_twin(checkpoint_, 1);
    EXPECT_EQ(twin->norm(norm).gamma, (std::vector<double>{1, 1, 1}));
    EXPECT_EQ(twin->norm(norm).beta, (std::vector<double>{0, 0, 0}));
    norm.bias.clear();
    EXPECT_TRUE(twin->norm(norm).beta.empty());
}

class TrainedWeights : public ::testing::Test {
protected:
    // A checkpoint of one [40, 50] tensor and one norm, with these values moved.
    Checkpoint write(const std::string& tensor, std::size_t index, double value,
                     const std::string& dtype = "F32") {
        fixtures::TensorMap tensors{{"w", fixtures::ramp({40, 50}, 0, dtype)},
                                    {"ln.weight", fixtures::ramp({8}, 1, dtype)}};
        tensors.at(tensor).values[index] = value;
        fixtures::write_checkpoint(folder_ / "model", "{}", tensors);
        return open_checkpoint((folder_ / "model").string());
    }
    void expect_not_finite(const Checkpoint& checkpoint, ElementRange range, const std::string& place) {
        std::vector<float> out(range.count);
        try {
            trained_weights(checkpoint)->read({"w", {40, 50}, {}}, range, std::span<float>(out));
            ADD_FAILURE() << "no error";
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::input);
            EXPECT_EQ(error.details().key, "w");
            EXPECT_THAT(error.details().file, ::testing::HasSubstr("model.safetensors"));
            EXPECT_THAT(error.message(), ::testing::HasSubstr(place));
        }
    }
    fixtures::TemporaryFolder folder_;
};

TEST_F(TrainedWeights, AreTheCheckpointsInBothPrecisions) {
    const Checkpoint checkpoint = write("w", 7, 0.625);
    std::vector<double> wide(60);
    std::vector<float> narrow(60);
    const auto weights = trained_weights(checkpoint);
    weights->read({"w", {40, 50}, {}}, {5, 60}, std::span<double>(wide));
    weights->read({"w", {40, 50}, {}}, {5, 60}, std::span<float>(narrow));
    const std::vector<double> all = checkpoint.read_all(*checkpoint.find("w"));
    for (std::size_t i = 0; i < 60; ++i) {
        EXPECT_EQ(wide[i], all[5 + i]);
        EXPECT_EQ(narrow[i], static_cast<float>(all[5 + i]));
    }
    EXPECT_EQ(wide[2], 0.625);
}

TEST_F(TrainedWeights, NameTheFirstValueThatIsNotFinite) {
    const double inf = std::numeric_limits<double>::infinity();
    expect_not_finite(write("w", 1234, std::nan("")), {1000, 500}, "nan at element 1234 of [40, 50]");
    expect_not_finite(write("w", 0, -inf), {0, 2000}, "-inf at element 0");
    expect_not_finite(write("w", 1999, inf, "F16"), {0, 2000}, "inf at element 1999");
    expect_not_finite(write("w", 3, 1e300, "F64"), {0, 2000}, "within the range of f32");
    std::vector<float> out(500);
    const Checkpoint beside = write("w", 1234, std::nan(""));
    EXPECT_NO_THROW(trained_weights(beside)->read({"w", {40, 50}, {}}, {0, 500}, std::span<float>(out)));
}

TEST_F(TrainedWeights, NormsAreCheckedToo) {
    const Checkpoint checkpoint = write("ln.weight", 3, std::nan(""));
    NormSpec norm;
    norm.name = "ln";
    norm.weight = "ln.weight";
    norm.d = 8;
    try {
        trained_weights(checkpoint)->norm(norm);
        ADD_FAILURE() << "no error";
    } catch (const Error& error) {
        EXPECT_EQ(error.details().key, "ln.weight");
    }
}

}  // namespace
}  // namespace deadscope
