// A reading shared by several ranks is the reading of one: whatever their number, the runs, the kind of
// input, and with fewer sequences than ranks.
#include "core/reading/gather.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "core/base/error.h"
#include "core/reading/analyze.h"
#include "tests/fixtures/thread_ranks.h"

namespace deadscope {
namespace {

using fixtures::on_thread_ranks;

ReadingSettings settings(std::size_t tokens) {
    ReadingSettings out;
    out.input.tokens = tokens;
    out.precisions = {Precision::f64};
    out.threads = 1;
    return out;
}

Reading by_ranks(const std::string& model, const ReadingSettings& how, int size) {
    std::optional<Reading> out;
    on_thread_ranks(size, [&](Ranks& ranks) {
        std::optional<Reading> reading = analyze(model, how, ranks);
        ASSERT_TRUE(reading.has_value());
        if (ranks.rank() == 0)
            out = std::move(reading);
        else
            EXPECT_TRUE(reading->runs.empty());
    });
    return std::move(out.value());
}

// σ to 1e-10 of the largest (they differ by the rounding of one more QR, some 1e-15); λ likewise.
void expect_same_run(const deadscope::Run& a, const deadscope::Run& b) {
    EXPECT_EQ(a.tokens, b.tokens);
    ASSERT_EQ(a.singular_values.size(), b.singular_values.size());
    const double sigma = b.singular_values.front();
    for (std::size_t i = 0; i < b.singular_values.size(); ++i)
        EXPECT_NEAR(a.singular_values[i], b.singular_values[i], 1e-10 * sigma) << i;
    EXPECT_NEAR(a.lambda_v, b.lambda_v, 1e-10 * b.lambda_max);
    EXPECT_NEAR(a.floor.total(), b.floor.total(), 1e-10 * b.floor.total());
    EXPECT_NEAR(a.mean_over_spread, b.mean_over_spread, 1e-10 * b.mean_over_spread);
    EXPECT_EQ(a.alignment.value.has_value(), b.alignment.value.has_value());
    EXPECT_EQ(a.alignment.dead_directions, b.alignment.dead_directions);
    EXPECT_EQ(verdict(a), verdict(b));
    ASSERT_EQ(a.blocks.size(), b.blocks.size());
    for (std::size_t i = 0; i < b.blocks.size(); ++i) {
        const BlockReading &one = a.blocks[i], &two = b.blocks[i];
        const double scale = 1e-10 * two.sigma_max;
        EXPECT_NEAR(one.sigma_min, two.sigma_min, scale);
        EXPECT_NEAR(one.sigma_max, two.sigma_max, scale);
        EXPECT_NEAR(one.sigma_min_centred, two.sigma_min_centred, scale);
        EXPECT_NEAR(one.sigma_max_centred, two.sigma_max_centred, scale);
        EXPECT_NEAR(one.floor, two.floor, 1e-9 * two.floor + scale * 1e-6);
        EXPECT_EQ(one.flag, two.flag);
        EXPECT_EQ(one.rank_deficient, two.rank_deficient);
        EXPECT_EQ(one.reason, two.reason);
    }
}

void expect_same(const Reading& a, const Reading& b) {
    EXPECT_EQ(a.input.digest, b.input.digest);
    EXPECT_EQ(a.input.tokens, b.input.tokens);
    EXPECT_EQ(a.input.sequences, b.input.sequences);
    EXPECT_EQ(a.warnings, b.warnings);
    ASSERT_EQ(a.runs.size(), b.runs.size());
    for (std::size_t i = 0; i < b.runs.size(); ++i) expect_same_run(a.runs[i], b.runs[i]);
}

TEST(Gather, RanksReadWhatOneReads) {
    for (const char* model :
         {"zoo:gpt-layernorm", "zoo:gpt-rmsnorm", "zoo:gpt-planted", "zoo:vit-layernorm"}) {
        ReadingSettings how = settings(700);
        how.inits = {Init::trained, Init::random};
        const std::optional<Reading> one = analyze(model, how);
        for (const int size : {1, 2, 4}) {
            SCOPED_TRACE(testing::Message() << model << " on " << size);
            const Reading shared = by_ranks(model, how, size);
            expect_same(shared, *one);
            EXPECT_GE(shared.ranks, 1);
            EXPECT_LE(shared.ranks, size);
        }
    }
}

TEST(Gather, FewerSequencesThanRanks) {
    ReadingSettings how = settings(0);
    how.input.kind = InputKind::prompt;
    how.input.value = "One sequence only, of fewer tokens than channels.";
    const std::optional<Reading> one = analyze("zoo:gpt-layernorm", how);
    ASSERT_EQ(one->input.sequences, 1u);
    const Reading shared = by_ranks("zoo:gpt-layernorm", how, 3);
    EXPECT_EQ(shared.ranks, 1);
    expect_same(shared, *one);
}

TEST(Gather, FewerTokensThanChannelsKeepTheirRows) {
    ReadingSettings how = settings(100);  // d = 128, sequences of 64
    const std::optional<Reading> one = analyze("zoo:gpt-layernorm", how);
    expect_same(by_ranks("zoo:gpt-layernorm", how, 2), *one);
}

TEST(Gather, ARefusalReachesEveryRank) {
    std::atomic<int> refused{0};
    on_thread_ranks(3, [&](Ranks& ranks) {
        try {
            analyze("zoo:no-such-model", settings(256), ranks);
        } catch (const Error&) {
            ++refused;
        }
    });
    EXPECT_EQ(refused, 3);
}

TEST(Gather, RanksThatReadDifferentInputsAreRefused) {
    std::atomic<int> refused{0};
    on_thread_ranks(2, [&](Ranks& ranks) {
        ReadingSettings how = settings(256);
        how.input.seed = static_cast<std::uint64_t>(ranks.rank());
        try {
            analyze("zoo:gpt-layernorm", how, ranks);
        } catch (const Error& error) {
            EXPECT_THAT(error.summary(), testing::HasSubstr("do not read the same"));
            ++refused;
        }
    });
    EXPECT_EQ(refused, 2);
}

TEST(Gather, OneRankThatIsCancelledStopsAll) {
    std::atomic<int> stopped{0};
    on_thread_ranks(3, [&](Ranks& ranks) {
        const Progress progress = [&](const ProgressUpdate& update) {
            return ranks.rank() != 1 || update.fraction < 0.3;
        };
        stopped += analyze("zoo:gpt-layernorm", settings(700), ranks, progress) ? 0 : 1;
    });
    EXPECT_EQ(stopped, 3);
}

TEST(Gather, AnErrorAmidThePassReachesEveryRank) {
    for (const int failing : {0, 2}) {
        std::atomic<int> told{0};
        on_thread_ranks(3, [&](Ranks& ranks) {
            const Progress progress = [&](const ProgressUpdate& update) {
                if (ranks.rank() == failing && update.fraction > 0.4)
                    throw Error::resource("the disk is gone");
                return true;
            };
            try {
                analyze("zoo:gpt-layernorm", settings(700), ranks, progress);
            } catch (const Error& error) {
                EXPECT_EQ(error.summary(), "the disk is gone");
                EXPECT_EQ(error.kind(), ErrorKind::resource);
                ++told;
            }
        });
        EXPECT_EQ(told, 3);
    }
}

TEST(Gather, SharesAreNeighboursThatCoverEverything) {
    ModelInput input;
    input.layout.starts = {0, 5, 6, 40, 41, 44, 50};
    for (std::int32_t i = 0; i < 50; ++i) input.ids.push_back(i);
    for (int i = 0; i < 12; ++i) input.features.push_back(static_cast<float>(i));  // two a sequence
    for (std::size_t ranks = 1; ranks <= 6; ++ranks) {
        std::vector<std::int32_t> ids;
        std::vector<float> features;
        for (std::size_t rank = 0; rank < ranks; ++rank) {
            const ModelInput share = share_of(input, rank, ranks);
            EXPECT_GE(share.layout.sequences(), 1u) << rank << " of " << ranks;
            EXPECT_EQ(share.layout.starts.front(), 0u);
            EXPECT_EQ(share.tokens(), share.ids.size());
            EXPECT_EQ(share.features.size(), 2 * share.layout.sequences());
            ids.insert(ids.end(), share.ids.begin(), share.ids.end());
            features.insert(features.end(), share.features.begin(), share.features.end());
        }
        EXPECT_EQ(ids, input.ids);
        EXPECT_EQ(features, input.features);
    }
}

TEST(Gather, EqualSequencesAreSharedEvenly) {
    ModelInput input;
    for (std::size_t s = 0; s <= 16; ++s) input.layout.starts.push_back(s * 64);
    for (std::size_t rank = 0; rank < 4; ++rank) EXPECT_EQ(share_of(input, rank, 4).layout.sequences(), 4u);
}

}  // namespace
}  // namespace deadscope
