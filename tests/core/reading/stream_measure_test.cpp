// A stream measured beside the pass gives what it gives in one go, whatever the threads and the portions.
#include "core/reading/stream_measure.h"

#include <gtest/gtest.h>

#include <limits>

#include "core/base/error.h"
#include "core/base/philox.h"

namespace deadscope {
namespace {

std::vector<double> random_rows(std::size_t n, std::size_t d) {
    std::vector<double> rows(n * d);
    Philox(4, "stream").fill_normal(0, rows);
    for (double& value : rows) value = static_cast<double>(static_cast<float>(value));
    return rows;
}

void add(StreamMeasure& measure, std::span<const double> rows, std::size_t piece) {
    for (std::size_t first = 0; first < rows.size(); first += piece)
        measure.add(rows.subspan(first, std::min(piece, rows.size() - first)));
}

TEST(StreamMeasure, IsTheMeasureInOneGo) {
    constexpr std::size_t d = 320, n = 4000;  // more than one portion of 2^19 elements
    const std::vector<double> rows = random_rows(n, d);
    TsqrFactor factor(d, n);
    for (std::size_t first = 0; first < n; first += 256)
        factor.add(std::span(rows).subspan(first * d, std::min<std::size_t>(256, n - first) * d));
    const BlockReading expected = measure_block(3, factor.uncentred(), factor.centred(), d, 0x1p-24, nullptr);
    for (const int threads : {0, 1, 2, 4}) {
        for (const bool narrow : {true, false}) {
            std::optional<ThreadPool> pool;
            if (threads > 0) pool.emplace(threads);
            StreamMeasure measure({.index = 3, .d = d, .tokens = n, .roundoff = 0x1p-24, .narrow = narrow},
                                  pool ? &*pool : nullptr);
            add(measure, rows, 256 * d);
            measure.finish();
            measure.wait();
            ASSERT_TRUE(measure.done());
            EXPECT_EQ(measure.waiting_bytes(), 0u);
            const StreamMeasure::Result result = measure.take();
            EXPECT_EQ(result.rows, n);
            EXPECT_EQ(result.block.index, 3u);
            // The rows go in by the same pieces but at the ends of portions.
            EXPECT_NEAR(result.block.sigma_min, expected.sigma_min, 1e-12 * expected.sigma_max);
            EXPECT_NEAR(result.block.sigma_max, expected.sigma_max, 1e-12 * expected.sigma_max);
            EXPECT_EQ(result.centred.size(), d * d);
        }
    }
}

TEST(StreamMeasure, TheFactorHoldsWhatWasAdded) {
    constexpr std::size_t d = 16;
    const std::vector<double> rows = random_rows(100, d);
    ThreadPool pool(3);
    StreamMeasure measure({.index = 0, .d = d, .tokens = 100, .roundoff = 0x1p-53, .narrow = false}, &pool);
    add(measure, rows, 7 * d);
    TsqrFactor expected(d, 100);
    expected.add(rows);
    TsqrFactor& factor = measure.factor();
    EXPECT_EQ(factor.rows(), 100u);
    const std::vector<double> actual = factor.mean(), mean = expected.mean();
    for (std::size_t i = 0; i < d; ++i) EXPECT_NEAR(actual[i], mean[i], 1e-13);
    measure.finish();
    measure.wait();
    EXPECT_EQ(measure.take().rows, 100u);
}

TEST(StreamMeasure, AnErrorArrivesWhenTheResultIsTaken) {
    constexpr std::size_t d = 64;
    std::vector<double> rows = random_rows(200, d);
    rows[77] = std::numeric_limits<double>::quiet_NaN();
    for (const int threads : {1, 2}) {
        ThreadPool pool(threads);
        StreamMeasure measure({.index = 0, .d = d, .tokens = 200, .roundoff = 0x1p-53, .narrow = false},
                              &pool);
        add(measure, rows, 50 * d);
        measure.finish();
        measure.wait();
        EXPECT_THROW(measure.take(), Error);
    }
}

TEST(StreamMeasure, MayBeDroppedAtAnyTime) {
    constexpr std::size_t d = 256;
    const std::vector<double> rows = random_rows(3000, d);
    ThreadPool pool(2);
    for (int round = 0; round < 5; ++round) {
        StreamMeasure measure({.index = 0, .d = d, .tokens = 3000, .roundoff = 0x1p-53, .narrow = true},
                              &pool);
        add(measure, rows, 256 * d);
        if (round % 2 == 0) measure.finish();
    }
    while (pool.help()) {
    }
}

}  // namespace
}  // namespace deadscope
