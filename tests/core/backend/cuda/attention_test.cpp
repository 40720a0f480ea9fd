// The attention kernel beside the CPU backend in f64, which attention_test.cpp holds to plain loops: every
// term of AttentionCall, sizes of heads that fill a thread's columns and that do not, and launches in parts.
#include "tests/core/backend/cuda/device.h"
#include "tests/emulation/emulation.h"

namespace deadscope::testing {
namespace {

class CudaAttention : public Kernels {
protected:
    // Tables of a call: rows 0 where absent.
    struct Tables {
        Table by_distance, by_key, key_places, query_places;
    };

    void compare(AttentionCall call, const SequenceLayout& layout, const Tables& tables, Inset inset = {},
                 double largest_score = 12) {
        const std::size_t tokens = layout.tokens(), heads = call.heads, kv_heads = call.kv_heads;
        const DeviceMatrix q(element(), random_table(tokens, heads * call.head_dim, "q"), inset);
        const DeviceMatrix k(element(), random_table(tokens, kv_heads * call.head_dim, "k"), inset);
        const DeviceMatrix v(element(), random_table(tokens, kv_heads * call.value_dim, "v"), inset);
        // What is not asked for has to stay.
        const DeviceMatrix out(element(), random_table(tokens, heads * call.value_dim, "before"), inset);
        const DeviceMatrix by_distance(element(), tables.by_distance),
            by_key(element(), tables.by_key, inset);
        const DeviceMatrix key_places(element(), tables.key_places, inset);
        const DeviceMatrix query_places(element(), tables.query_places, inset);
        const DeviceArray<std::int32_t> places({call.place_of.begin(), call.place_of.end()});
        const DeviceArray<std::int32_t> starts({layout.starts.begin(), layout.starts.end()});
        const DeviceArray<double> sinks({call.sinks.begin(), call.sinks.end()});

        cuda::Attention on_device;
        on_device.heads = heads;
        on_device.kv_heads = kv_heads;
        on_device.head_dim = call.head_dim;
        on_device.value_dim = call.value_dim;
        on_device.causal = call.causal;
        on_device.window = call.window;
        on_device.scale = call.scale;
        on_device.cap = call.cap;
        on_device.first_query = call.first_query;
        on_device.last_query = call.last_query;
        const auto view = [](const DeviceMatrix& m) {
            return m.values().rows == 0 ? cuda::View{} : m.view();
        };
        on_device.by_distance = view(by_distance);
        on_device.by_key = view(by_key);
        on_device.key_places = view(key_places);
        on_device.query_places = view(query_places);
        on_device.place_of = places.data();
        on_device.places = call.place_of.size();
        on_device.sinks = sinks.data();
        on_device.starts = starts.data();
        on_device.sequences = layout.sequences();
        for (std::size_t s = 0; s < layout.sequences(); ++s)
            on_device.longest = std::max(on_device.longest, layout.starts[s + 1] - layout.starts[s]);
        cuda::attention(at(), on_device, q.view(), k.view(), v.view(), out.view());

        const auto host = [&](const DeviceMatrix& m) {
            return m.values().rows == 0 ? Matrix{} : upload(*cpu_, m.values());
        };
        call.by_distance = host(by_distance);
        call.by_key = host(by_key);
        call.key_places = host(key_places);
        call.query_places = host(query_places);
        Matrix expected = host(out);
        cpu_->attention(call, layout, host(q), host(k), host(v), expected);
        // A score rounds by its size √head_dim times or less; that is the relative error of its exponential.
        const double noise = 100 + largest_score * std::sqrt(static_cast<double>(call.head_dim));
        EXPECT_TRUE(near(element(), out.download(), download(*cpu_, expected), noise))
            << heads << "/" << kv_heads << " heads of " << call.head_dim << " and " << call.value_dim
            << ", causal " << call.causal << ", window " << call.window << ", cap " << call.cap;
    }

    static AttentionCall call_of(std::size_t heads, std::size_t kv_heads, std::size_t head_dim,
                                 std::size_t value_dim) {
        AttentionCall call;
        call.heads = heads;
        call.kv_heads = kv_heads;
        call.head_dim = head_dim;
        call.value_dim = value_dim;
        call.scale = 1.0 / std::sqrt(static_cast<double>(head_dim));
        return call;
    }
};
INSTANTIATE_TEST_SUITE_P(Elements, CudaAttention, all_elements(), element_name);

// Lengths of nothing, of one token, of a tile and its neighbours, and of several tiles.
const SequenceLayout several{{0, 1, 1, 64, 96, 161, 310}};

TEST_P(CudaAttention, MixesWithinEachSequence) {
    for (const bool causal : {false, true}) {
        for (const std::size_t kv_heads : {6, 3, 1}) {
            for (const std::size_t window : {0, 1, 7, 200}) {
                AttentionCall call = call_of(6, kv_heads, 6, 5);
                call.causal = causal;
                call.window = window;
                call.scale = 0.7;
                compare(call, several, {}, {0, 3});
            }
        }
    }
}

TEST_P(CudaAttention, TakesHeadsOfEverySize) {
    const SequenceLayout layout{{0, 70, 83}};
    for (const std::size_t dim : {1, 16, 31, 32, 33, 64, 80, 96, 97, 128, 160, 192, 256}) {
        compare(call_of(2, 1, dim, dim), layout, {});
    }
    compare(call_of(2, 2, 192, 128), layout, {});
    compare(call_of(1, 1, 576, 512), layout, {}, {1, 1});
    compare(call_of(1, 1, 24, 257), layout, {});
    compare(call_of(22, 2, 8, 8), layout, {});  // 11 heads share: no divisor but one
    compare(call_of(14, 2, 8, 8), layout, {});
    compare(call_of(12, 1, 8, 8), layout, {});
}

TEST_P(CudaAttention, AddsItsTerms) {
    constexpr std::size_t reach = 130, places = 23;
    const SequenceLayout layout{{0, 3, 70, 197}};
    std::vector<std::int32_t> place_of(2 * reach - 1);
    for (std::size_t i = 0; i < place_of.size(); ++i)
        place_of[i] = static_cast<std::int32_t>(i * places / place_of.size());
    const std::vector<double> sinks{0.5, -1.0, 3.0, 0.0};
    const Table by_distance = random_table(4, 2 * reach - 1, "distance");
    const Table by_key = random_table(4, 127, "key");
    for (const bool causal : {false, true}) {
        for (const std::size_t window : {0, 40}) {
            AttentionCall call = call_of(4, 2, 20, 20);
            call.causal = causal;
            call.window = window;
            compare(call, layout, {by_distance, {}, {}, {}});
            compare(call, layout, {{}, by_key, {}, {}}, {3, 1});
            call.cap = 0.9;
            compare(call, layout, {by_distance, by_key, {}, {}});
            call.sinks = sinks;
            compare(call, layout, {});
            for (const std::size_t dim : {20, 64}) {
                call.head_dim = call.value_dim = dim;
                call.scale = 0.3 / std::sqrt(static_cast<double>(dim));
                const Table key_places = random_table(places, 4 * dim, "key places");
                const Table query_places = random_table(places, 4 * dim, "query places");
                call.place_of = place_of;
                compare(call, layout, {{}, {}, key_places, query_places}, {1, 1});
                compare(call, layout, {by_distance, {}, key_places, {}});
                compare(call, layout, {{}, by_key, {}, query_places});
                call.place_of = {};
            }
        }
    }
}

TEST_P(CudaAttention, ComputesThePartThatIsAskedFor) {
    for (const bool causal : {false, true}) {
        for (const auto& [first, last] :
             {std::pair{0, 1}, {5, 40}, {63, 65}, {60, 1000}, {148, 149}, {300, 400}}) {
            AttentionCall call = call_of(4, 2, 16, 16);
            call.causal = causal;
            call.window = 33;
            call.first_query = static_cast<std::size_t>(first);
            call.last_query = static_cast<std::size_t>(last);
            compare(call, several, {});
        }
    }
}

// So many products that one launch would be too long: the kernel's blocks begin in the middle.
TEST_P(CudaAttention, IsLaunchedInParts) {
    SequenceLayout layout{{0}};
    for (std::size_t s = 1; s <= 40; ++s) layout.starts.push_back(s * 9);
    const bool on_tensor_cores = rounding(element()) > 1e-6;  // which take more in a launch
    layout.starts.push_back(layout.tokens() + (on_tensor_cores ? 1200 : 450));
    for (const std::size_t kv_heads : {1, 8}) {
        const std::uint64_t before = deadscope_emulation::counters().launches;
        compare(call_of(8, kv_heads, 8, on_tensor_cores ? 8 : 40), layout, {});
        EXPECT_GT(deadscope_emulation::counters().launches, before + 1);
    }
}

// Before tensor cores had the instruction, and where a device has it but the sizes are beyond it (576 above).
TEST_P(CudaAttention, OnAnOlderDevice) {
    deadscope_emulation::set_compute_capability(7, 5);
    AttentionCall call = call_of(6, 2, 20, 36);
    call.window = 70;
    compare(call, several, {}, {0, 3});
    compare(call_of(2, 1, 130, 140), SequenceLayout{{0, 70, 83}}, {});
    deadscope_emulation::reset();
}

// A sink or a score far above the others takes all the weight, without overflow.
TEST_P(CudaAttention, StandsScoresFarApart) {
    AttentionCall call = call_of(2, 2, 8, 8);
    call.scale = 40.0;
    compare(call, several, {}, {}, 1000);
    const std::vector<double> sinks{200.0, -200.0};
    call.scale = 0.1;
    call.sinks = sinks;
    compare(call, several, {}, {}, 200);
}

}  // namespace
}  // namespace deadscope::testing
