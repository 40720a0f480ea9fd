// Rows of relative tables beside those that transformers computes (tests/golden/make_relative_places.py):
// every distance, so that each edge of each bucket is met.
#include "core/forward/relative_places.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

namespace deadscope::testing {
namespace {

nlohmann::json golden() {
    std::ifstream file(DEADSCOPE_GOLDEN_DIR "/relative_places.json");
    return nlohmann::json::parse(file);
}

// The rows that `changes` stand for, of distances -reach to reach.
std::vector<std::int32_t> rows_of(const nlohmann::json& changes, std::int64_t reach) {
    std::vector<std::int32_t> rows;
    std::size_t next = 0;
    for (std::int64_t distance = -reach; distance <= reach; ++distance) {
        if (next < changes.size() && changes[next][0] == distance) ++next;
        rows.push_back(changes[next - 1][1].get<std::int32_t>());
    }
    return rows;
}

TEST(RelativePlaces, BucketsAreThoseOfT5) {
    const nlohmann::json all = golden();
    const auto reach = all["reach"].get<std::int64_t>();
    ASSERT_FALSE(all["t5"].empty());
    for (const nlohmann::json& one : all["t5"]) {
        const RelativeBiasSpec spec{{}, one["buckets"], one["max_distance"], one["bidirectional"]};
        std::vector<std::int32_t> rows;
        for (std::int64_t offset = -reach; offset <= reach; ++offset)
            rows.push_back(relative_bucket(spec, offset));
        EXPECT_EQ(rows, rows_of(one["changes"], reach)) << one["buckets"] << " " << one["max_distance"];
    }
}

TEST(RelativePlaces, PlacesAreThoseOfDebertaV2) {
    const nlohmann::json all = golden();
    const auto reach = all["reach"].get<std::int64_t>();
    ASSERT_FALSE(all["deberta"].empty());
    for (const nlohmann::json& one : all["deberta"]) {
        DisentangledSpec spec;
        spec.buckets = spec.span = one["buckets"];
        spec.max_distance = one["max_distance"];
        EXPECT_EQ(disentangled_places(spec, static_cast<std::size_t>(reach) + 1),
                  rows_of(one["changes"], reach))
            << spec.buckets;
    }
}

// Whatever a configuration says, rows stay inside the table.
TEST(RelativePlaces, StayInTheTable) {
    for (const std::int64_t buckets : {1, 2, 3, 4, 8}) {
        for (const std::int64_t most : {0, 1, 2, 4, 5, 1000}) {
            for (const bool both : {true, false}) {
                const RelativeBiasSpec spec{{}, buckets, most, both};
                for (std::int64_t offset = -50; offset <= 50; ++offset) {
                    EXPECT_GE(relative_bucket(spec, offset), 0);
                    EXPECT_LT(relative_bucket(spec, offset), buckets);
                }
            }
            DisentangledSpec spec;
            spec.buckets = spec.span = buckets;
            spec.max_distance = most;
            for (const std::int32_t place : disentangled_places(spec, 40)) {
                EXPECT_GE(place, 0);
                EXPECT_LT(place, 2 * buckets);
            }
        }
    }
}

}  // namespace
}  // namespace deadscope::testing
