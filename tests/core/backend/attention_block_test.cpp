// The kernels of attention for every kind of vector that this processor has, beside plain loops in long
// double: widths that fill no vector, windows that cut a tile, and older sums that fade.
#include "core/backend/cpu/attention_block.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "core/base/philox.h"

namespace deadscope::testing {
namespace {

using namespace cpu;

template <typename T>
std::vector<T> drawn(std::size_t count, const char* name) {
    const Philox stream(4, name);
    std::vector<T> values(count);
    for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<T>(static_cast<float>(stream.normal(i)));
    return values;
}

constexpr std::size_t depth = 9, value_dim = 48, keys = 100;

// A block with memory of its own.
template <typename T>
struct Block {
    Block(std::size_t width, std::size_t queries, std::ptrdiff_t key, const Sight& sight)
        : q(drawn<T>(depth * width, "q")),
          k(drawn<T>(key_tile * depth, "k")),
          v(drawn<T>(key_tile * value_dim, "v")),
          scores(key_tile * width),
          top(width, T{-2}),
          total(width, T(0.75)),
          fade(width),
          out(drawn<T>(width * value_dim, "out")),
          work{.queries = queries,
               .depth = depth,
               .value_dim = value_dim,
               .query = 300,
               .key = key,
               .first = 0,
               .last = keys,
               .sight = sight,
               .q = q.data(),
               .k = k.data(),
               .v = v.data(),
               .scores = scores.data(),
               .top = top.data(),
               .total = total.data(),
               .fade = fade.data(),
               .out = out.data()} {}
    std::vector<T> q, k, v, scores, top, total, fade, out;
    AttentionBlock<T> work;
};

template <typename T>
class AttentionLevel : public ::testing::Test {};
using Types = ::testing::Types<float, double>;
TYPED_TEST_SUITE(AttentionLevel, Types);

template <typename T>
void expect_plain_loops(const AttentionKernels<T>& kernels, std::size_t queries, std::ptrdiff_t key,
                        const Sight& sight) {
    Block<T> block(kernels.width, queries, key, sight);
    const Block<T> before = block;
    kernels.multiply(block.work, T(0.5));
    kernels.weigh(block.work);
    kernels.mix(block.work);
    // Sums of `keys` terms of size one.
    const long double tolerance = 100 * std::numeric_limits<T>::epsilon();
    for (std::size_t i = 0; i < queries; ++i) {
        std::vector<long double> scores(keys);
        const auto seen = [&](std::size_t j) {
            const std::ptrdiff_t ahead =
                key + static_cast<std::ptrdiff_t>(j) - 300 - static_cast<std::ptrdiff_t>(i);
            return -sight.back <= ahead && ahead <= sight.forward;
        };
        long double top = before.top[i];
        for (std::size_t j = 0; j < keys; ++j) {
            for (std::size_t c = 0; c < depth; ++c)
                scores[j] += 0.5L * before.q[c * kernels.width + i] * before.k[j * depth + c];
            if (seen(j)) top = std::max(top, scores[j]);
        }
        const long double fade = std::exp2(static_cast<long double>(before.top[i]) - top);
        long double total = fade * before.total[i];
        std::vector<long double> out(value_dim);
        for (std::size_t n = 0; n < value_dim; ++n) out[n] = fade * before.out[i * value_dim + n];
        for (std::size_t j = 0; j < keys; ++j) {
            const long double weight = seen(j) ? std::exp2(scores[j] - top) : 0.0L;
            total += weight;
            for (std::size_t n = 0; n < value_dim; ++n) out[n] += weight * before.v[j * value_dim + n];
            if (!seen(j)) {
                ASSERT_EQ(block.scores[j * kernels.width + i], T{0}) << i << " " << j;
            }
        }
        EXPECT_NEAR(static_cast<double>(block.top[i]), static_cast<double>(top),
                    static_cast<double>(tolerance));
        EXPECT_NEAR(static_cast<double>(block.total[i]), static_cast<double>(total),
                    static_cast<double>(tolerance * total));
        for (std::size_t n = 0; n < value_dim; ++n)
            EXPECT_NEAR(static_cast<double>(block.out[i * value_dim + n]), static_cast<double>(out[n]),
                        static_cast<double>(tolerance * total))
                << i << " " << n;
    }
}

TYPED_TEST(AttentionLevel, IsPlainLoops) {
    for (const AttentionKernels<TypeParam>& kernels : attention_levels<TypeParam>()) {
        for (const std::size_t queries :
             {std::size_t{1}, kernels.width / 3, kernels.width / 3 + 1, kernels.width}) {
            SCOPED_TRACE(std::to_string(kernels.width) + " " + std::to_string(queries));
            expect_plain_loops<TypeParam>(kernels, queries, 200, {1000, 1000});  // all
            expect_plain_loops<TypeParam>(kernels, queries, 250, {1000, 0});  // causal, the diagonal inside
            expect_plain_loops<TypeParam>(kernels, queries, 255, {30, 0});    // and a window
            expect_plain_loops<TypeParam>(kernels, queries, 265, {7, 7});     // narrower than a vector
        }
    }
}

TYPED_TEST(AttentionLevel, KeepsUndefinedScoresAndHugeOnes) {
    using T = TypeParam;
    constexpr T inf = std::numeric_limits<T>::infinity();
    for (const AttentionKernels<T>& kernels : attention_levels<T>()) {
        Block<T> block(kernels.width, 4, 200, {1000, 1000});
        kernels.multiply(block.work, T{1});
        block.scores[3 * kernels.width] = std::numeric_limits<T>::quiet_NaN();
        block.scores[5 * kernels.width + 1] = inf;
        block.scores[7 * kernels.width + 2] = T{1e30f};
        block.scores[9 * kernels.width + 3] = -inf;
        kernels.weigh(block.work);
        kernels.mix(block.work);
        EXPECT_TRUE(std::isnan(block.total[0]) && std::isnan(block.out[0]));
        EXPECT_TRUE(std::isnan(block.total[1]) && std::isnan(block.out[value_dim]));
        EXPECT_EQ(block.total[2], T{1});
        EXPECT_EQ(block.out[2 * value_dim + 1], block.v[7 * value_dim + 1]);
        EXPECT_TRUE(std::isfinite(block.total[3]) && std::isfinite(block.out[3 * value_dim]));
        EXPECT_LE(block.scores[9 * kernels.width + 3], 2 * std::numeric_limits<T>::min());
    }
}

}  // namespace
}  // namespace deadscope::testing
