// Attention of the backends beside plain loops in long double: every term of AttentionCall, windows, and
// parts of the queries.
#include <tuple>

#include "tests/core/backend/backends.h"
#include "tests/core/backend/compare.h"

namespace deadscope::testing {
namespace {

class BackendAttention : public ::testing::TestWithParam<std::tuple<Precision, BackendKind>> {
protected:
    Precision precision() const { return std::get<0>(GetParam()); }
    double eps() const { return epsilon(precision()); }
    std::unique_ptr<Backend> backend_ = std::get<1>(GetParam()).make(precision());
};

INSTANTIATE_TEST_SUITE_P(Precisions, BackendAttention,
                         ::testing::Combine(::testing::Values(Precision::f64, Precision::f32),
                                            ::testing::ValuesIn(backend_kinds())),
                         [](const auto& combination) {
                             return std::string(precision_name(std::get<0>(combination.param))) + "_" +
                                    std::get<1>(combination.param).words();
                         });

// What AttentionCall says, for each query by itself, in long double.
void reference_attention(const AttentionCall& call, const SequenceLayout& layout, const Table& q,
                         const Table& k, const Table& v, const Table& by_distance, const Table& by_key,
                         const Table& key_places, const Table& query_places, Table& out) {
    const auto product = [&](const Table& a, std::size_t row, std::size_t head, const Table& b,
                             std::size_t other, std::size_t other_head) {
        long double dot = 0;
        for (std::size_t i = 0; i < call.head_dim; ++i)
            dot += a(row, head * call.head_dim + i) * b(other, other_head * call.head_dim + i);
        return static_cast<long double>(call.scale) * dot;
    };
    for (std::size_t s = 0; s < layout.sequences(); ++s) {
        const std::size_t start = layout.starts[s], length = layout.starts[s + 1] - start;
        for (std::size_t i = call.first_query; i < std::min(length, call.last_query); ++i) {
            for (std::size_t h = 0; h < call.heads; ++h) {
                const std::size_t kv = h / (call.heads / call.kv_heads);
                std::vector<long double> weight(length);
                long double total =
                    call.sinks.empty() ? 0.0L : std::exp(static_cast<long double>(call.sinks[h]));
                for (std::size_t j = 0; j < length; ++j) {
                    if (call.causal && j > i) continue;
                    const std::size_t distance = i > j ? i - j : j - i;
                    if (call.window > 0 && (call.causal ? distance >= call.window : distance > call.window))
                        continue;
                    long double score = product(q, start + i, h, k, start + j, kv);
                    if (by_distance.cols > 0) score += by_distance(h, (by_distance.cols + 1) / 2 - 1 + j - i);
                    if (by_key.cols > 0) score += by_key(h, j);
                    if (!call.place_of.empty()) {
                        const auto place = static_cast<std::size_t>(
                            call.place_of[(call.place_of.size() + 1) / 2 - 1 + i - j]);
                        score += product(q, start + i, h, key_places, place, h);
                        score += product(k, start + j, kv, query_places, place, h);
                    }
                    if (call.cap > 0) score = call.cap * std::tanh(score / call.cap);
                    total += weight[j] = std::exp(score);
                }
                for (std::size_t c = 0; c < call.value_dim; ++c) {
                    long double sum = 0;
                    for (std::size_t j = 0; j < length; ++j)
                        sum += weight[j] / total * v(start + j, kv * call.value_dim + c);
                    out(start + i, h * call.value_dim + c) = sum;
                }
            }
        }
    }
}

TEST_P(BackendAttention, MixesWithinEachSequence) {
    const SequenceLayout layout{{0, 1, 130, 142, 400}};
    const Table none;
    for (const bool causal : {false, true}) {
        for (const std::size_t kv_heads : {4, 2, 1}) {
            for (const std::size_t window : {0, 1, 7, 200}) {
                AttentionCall call;
                call.heads = 4;
                call.kv_heads = kv_heads;
                call.head_dim = 6;
                call.value_dim = 5;
                call.causal = causal;
                call.window = window;
                call.scale = 0.7;
                const Table q = random_table(400, 24, "q"), k = random_table(400, kv_heads * 6, "k");
                const Table v = random_table(400, kv_heads * 5, "v");
                Table expected(400, 20);
                reference_attention(call, layout, q, k, v, none, none, none, none, expected);
                Matrix out = backend_->allocate(400, 20);
                backend_->attention(call, layout, upload(*backend_, q), upload(*backend_, k),
                                    upload(*backend_, v), out);
                // A score of size 20 rounds by 20 eps, which is the relative error of its exponential.
                EXPECT_TRUE(close(download(*backend_, out), expected.values, 100 * eps()))
                    << causal << " " << kv_heads << " " << window;
            }
        }
    }
}

TEST_P(BackendAttention, AddsItsTerms) {
    const SequenceLayout layout{{0, 3, 140, 300}};
    constexpr std::size_t reach = 170, places = 9;
    std::vector<std::int32_t> place_of(2 * reach - 1);
    for (std::size_t i = 0; i < place_of.size(); ++i)
        place_of[i] = static_cast<std::int32_t>(i * places / place_of.size());
    const std::vector<double> sinks{0.5, -1.0, 3.0, 0.0};
    const Table q = random_table(300, 24, "q"), k = random_table(300, 12, "k"),
                v = random_table(300, 12, "v");
    const Table by_distance = random_table(4, 2 * reach - 1, "distance"),
                by_key = random_table(4, 160, "key");
    const Table key_places = random_table(places, 24, "key places"),
                query_places = random_table(places, 24, "query places");
    for (const bool causal : {false, true}) {
        for (const std::size_t window : {0, 40}) {
            AttentionCall call;
            call.heads = 4;
            call.kv_heads = 2;
            call.head_dim = call.value_dim = 6;
            call.causal = causal;
            call.window = window;
            call.scale = 0.5;
            call.cap = 4.0;
            call.by_distance = upload(*backend_, by_distance);
            call.by_key = upload(*backend_, by_key);
            call.key_places = upload(*backend_, key_places);
            call.query_places = upload(*backend_, query_places);
            call.place_of = place_of;
            call.sinks = sinks;
            call.first_query = 1;
            call.last_query = 150;
            Table expected(300, 24);
            reference_attention(call, layout, q, k, v, by_distance, by_key, key_places, query_places,
                                expected);
            Matrix out = backend_->allocate(300, 24);
            backend_->fill_zero(out);
            backend_->attention(call, layout, upload(*backend_, q), upload(*backend_, k),
                                upload(*backend_, v), out);
            EXPECT_TRUE(close(download(*backend_, out), expected.values, 100 * eps()))
                << causal << " " << window;
        }
    }
}

TEST_P(BackendAttention, SurvivesScoresThatWouldOverflow) {
    AttentionCall call;
    call.heads = call.kv_heads = 1;
    call.head_dim = call.value_dim = 2;
    call.scale = 100.0;
    Table q(3, 2), v(3, 2);
    q.values = {9, 0, 0, 9, 9, 9};
    v.values = {1, 2, 3, 4, 5, 6};
    Matrix out = backend_->allocate(3, 2);
    backend_->attention(call, {{0, 3}}, upload(*backend_, q), upload(*backend_, q), upload(*backend_, v),
                        out);
    EXPECT_TRUE(close(download(*backend_, out), {1, 2, 3, 4, 5, 6}, 8 * eps()));
}

}  // namespace
}  // namespace deadscope::testing
