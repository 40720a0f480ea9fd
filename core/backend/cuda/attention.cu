// See attention_block.h and attention_tensor.h for the kernels' work; here one is chosen for a call, and
// launched in parts that do not keep a display waiting.
#include "core/backend/cuda/attention_block.h"
#include "core/backend/cuda/attention_tensor.h"

namespace deadscope::cuda {
namespace {

using tiled::Block;
using tiled::Problem;
using tiled::Shape;
using tiled::Tile;
using tiled::tile_rows;

template <typename T, int cols, bool places>
__global__ void __launch_bounds__(block_threads,
                                  cols * sizeof(Arithmetic<T>) + (places ? 16 : 0) <= 32 ? 2 : 1)
    attend(Problem<T> problem, std::size_t first_block) {
    using S = Shape<T, cols, places>;
    using A = Arithmetic<T>;
    constexpr int aligned = pack_width<A>;
    __shared__ Pack<A, aligned> staged[S::staged / aligned];
    __shared__ Pack<A, aligned> weights[S::keys * S::row_stride / aligned];  // [keys, rows]
    Tile<T> tile;
    if (!tile.find(problem, first_block + blockIdx.x, S::value_cols)) return;
    Block<T, cols, places>(problem, tile, staged[0].at, weights[0].at).run();
}

template <typename T, int dims>
__global__ void __launch_bounds__(tensor::threads)
    attend_on_tensor_cores(Problem<T> problem, bool packed, std::size_t first_block) {
    using S = tensor::Shape<dims>;
    __shared__ tensor::Room<S::queries_size * sizeof(T)> queries;
    __shared__ tensor::Room<S::step_size * sizeof(T)> staged;
    Tile<T> tile;
    if (!tile.find(problem, first_block + blockIdx.x, dims)) return;
    tensor::Block<T, dims>(problem, tile, packed, reinterpret_cast<T*>(queries.bytes),
                           reinterpret_cast<T*>(staged.bytes))
        .run();
}

int attribute(cudaDeviceAttr which) {
    int device = 0, value = 0;
    check(cudaGetDevice(&device), "attention");
    check(cudaDeviceGetAttribute(&value, which, device), "attention");
    return value;
}

enum class Rate { floats, doubles, tensor_cores };

// How many blocks may go into one launch, so that it stays far below what a person sees on a display that the
// same GPU draws: some 10 ms.
std::size_t blocks_of_launch(double products_of_block, Rate rate) {
    const int processors = attribute(cudaDevAttrMultiProcessorCount);
    const int major = attribute(cudaDevAttrComputeCapabilityMajor);
    const int minor = attribute(cudaDevAttrComputeCapabilityMinor);
    // Doubles at half the rate of floats: 8.0, 9.0 and 10.0; elsewhere at a 32nd to a 64th (CUDA C++
    // programming guide, "Arithmetic Instructions").
    const bool strong = minor == 0 && major >= 8 && major <= 10;
    constexpr double in_float = 5e8;  // products of a multiprocessor in some 10 ms
    const double slower = rate == Rate::floats ? 1 : rate == Rate::tensor_cores ? 0.25 : strong ? 2 : 32;
    const double products = in_float * processors / slower;
    return std::max(static_cast<std::size_t>(std::max(1, processors)),
                    static_cast<std::size_t>(std::min(1e9, products / products_of_block)));
}

// launch_part(blocks, first): those of a call whose blocks take `value_cols` columns of the values each.
template <typename T, typename LaunchPart>
void in_parts(const Attention& call, Problem<T>& problem, std::size_t value_cols, std::size_t terms,
              Rate rate, const LaunchPart& launch_part) {
    const auto queries = static_cast<std::size_t>(problem.queries_per_tile());
    const std::size_t count = static_cast<std::size_t>(problem.last_query - problem.first_query);
    problem.tiles = static_cast<int>((count + queries - 1) / queries);
    problem.value_parts = static_cast<int>((call.value_dim + value_cols - 1) / value_cols);
    const std::size_t parts = static_cast<std::size_t>(problem.head_parts * problem.value_parts);
    const std::size_t blocks =
        call.sequences * call.kv_heads * static_cast<std::size_t>(problem.tiles) * parts;
    const std::size_t keys =
        problem.window == 0 ? call.longest
                            : std::min(call.longest, 2 * static_cast<std::size_t>(problem.window) + queries);
    const std::size_t products = tile_rows * keys * (call.head_dim * terms + value_cols);
    const std::size_t most = blocks_of_launch(static_cast<double>(products), rate);
    for (std::size_t first = 0; first < blocks; first += most)
        launch_part(dim3(static_cast<unsigned>(std::min(most, blocks - first))), first);
}

template <typename T, int cols, bool places>
void launch_attend(const Launch& at, const Attention& call, Problem<T> problem) {
    using S = Shape<T, cols, places>;
    in_parts(call, problem, static_cast<std::size_t>(S::value_cols), places ? 3 : 1,
             S::wide ? Rate::doubles : Rate::floats, [&](dim3 grid, std::size_t first) {
                 launch(at.stream, grid, dim3(block_threads), "attention", attend<T, cols, places>, problem,
                        first);
             });
}

template <typename T, int dims>
void launch_on_tensor_cores(const Launch& at, const Attention& call, Problem<T> problem, bool packed) {
    in_parts(call, problem, dims, 1, Rate::tensor_cores, [&](dim3 grid, std::size_t first) {
        launch(at.stream, grid, dim3(tensor::threads), "attention", attend_on_tensor_cores<T, dims>, problem,
               packed, first);
    });
}

// False where the call is not for tensor cores.
template <typename T>
bool attend_by_tensor_cores(const Launch& at, const Attention& call, const Problem<T>& problem, const View& q,
                            const View& k, const View& v) {
    if constexpr (sizeof(T) == 2) {
        const std::size_t widest = std::max(call.head_dim, call.value_dim);
        if (widest > 256 || call.place_of != nullptr) return false;
        if (attribute(cudaDevAttrComputeCapabilityMajor) < tensor_core_generation) return false;
        constexpr std::size_t together = pack_width<T>;
        const bool packed = packs<T>(q) && packs<T>(k) && packs<T>(v) && call.head_dim % together == 0 &&
                            call.value_dim % together == 0;
        if (widest <= 64) {
            launch_on_tensor_cores<T, 64>(at, call, problem, packed);
        } else if (widest <= 128) {
            launch_on_tensor_cores<T, 128>(at, call, problem, packed);
        } else {
            launch_on_tensor_cores<T, 256>(at, call, problem, packed);
        }
        return true;
    }
    return false;
}

template <typename T, bool places>
void choose_columns(const Launch& at, const Attention& call, const Problem<T>& problem) {
    // Columns of the values that a thread holds; doubles take two registers each. Models with tables of
    // places have heads of 64.
    constexpr bool wide = sizeof(Arithmetic<T>) == 8;
    constexpr int most = wide ? 8 : 16;
    const std::size_t dim = call.value_dim;
    if constexpr (!places) {
        if (dim <= 32) return launch_attend<T, 2, false>(at, call, problem);
        if (dim > 64 && dim <= 96) return launch_attend<T, 6, false>(at, call, problem);
        if (dim > 128) return launch_attend<T, most, false>(at, call, problem);
    }
    if (dim <= 64) return launch_attend<T, 4, places>(at, call, problem);
    return launch_attend<T, 8, places>(at, call, problem);
}

// The largest number of heads up to 8 that divides those which share their keys.
std::size_t heads_of_tile(std::size_t sharing) {
    std::size_t heads = std::min<std::size_t>(8, sharing);
    while (sharing % heads != 0) --heads;
    return heads;
}

template <typename T>
Problem<T> problem_of(const Attention& call, const View& q, const View& k, const View& v, const View& out) {
    const auto whole = [](std::size_t n) { return static_cast<int>(n); };
    const std::size_t sharing = call.heads / call.kv_heads;
    const std::size_t together = call.place_of == nullptr ? heads_of_tile(sharing) : 1;
    Problem<T> p{Rows<const T>(q),
                 Rows<const T>(k),
                 Rows<const T>(v),
                 Rows<const T>(call.by_distance),
                 Rows<const T>(call.by_key),
                 Rows<const T>(call.key_places),
                 Rows<const T>(call.query_places),
                 Rows<T>(out),
                 call.place_of,
                 call.sinks,
                 call.starts};
    p.scale = static_cast<Arithmetic<T>>(call.scale);
    p.cap = static_cast<Arithmetic<T>>(call.cap);
    p.head_dim = whole(call.head_dim);
    p.value_dim = whole(call.value_dim);
    p.heads_per_key = whole(sharing);
    p.heads_per_tile = whole(together);
    p.distance_zero = whole((call.by_distance.cols + 1) / 2) - 1;
    p.place_zero = whole((call.places + 1) / 2) - 1;
    p.window = whole(std::min(call.window, call.longest + 1));
    p.first_query = whole(std::min(call.first_query, call.longest));
    p.last_query = whole(std::min(call.last_query, call.longest));
    p.causal = call.causal;
    p.kv_heads = call.kv_heads;
    p.head_parts = whole(sharing / together);
    return p;
}

}  // namespace

void attention(const Launch& at, const Attention& call, View q, View k, View v, View out) {
    if (call.first_query >= std::min(call.last_query, call.longest) || call.value_dim == 0) return;
    with_type(at.element, [&](auto* type) {
        using T = std::remove_pointer_t<decltype(type)>;
        const Problem<T> problem = problem_of<T>(call, q, k, v, out);
        if (attend_by_tensor_cores(at, call, problem, q, k, v)) return;
        if (call.place_of != nullptr) {
            choose_columns<T, true>(at, call, problem);
        } else {
            choose_columns<T, false>(at, call, problem);
        }
    });
}

}  // namespace deadscope::cuda
