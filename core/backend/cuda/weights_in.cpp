// See weights_in.h.
#include "core/backend/cuda/weights_in.h"

#include <algorithm>

#include "core/base/error.h"

namespace deadscope::cuda {
namespace {

constexpr std::size_t kHalf = 8u << 20;    // bytes of a pinned half
constexpr std::size_t kPart = 256u << 10;  // bytes of one reader's turn
constexpr std::size_t kFlags = 256;        // weights that may be looked at later

// Rows of `from` by themselves.
View rows_of(const Context& context, const View& from, std::size_t first, std::size_t count) {
    return {static_cast<std::byte*>(from.data) + first * from.stride * context.element_bytes(), count,
            from.cols, from.stride};
}

View columns_of(const Context& context, const View& from, std::size_t first, std::size_t count) {
    return {static_cast<std::byte*>(from.data) + first * context.element_bytes(), from.rows, count,
            from.stride};
}

}  // namespace

WeightsIn::WeightsIn(Context& context, int threads)
    : context_(context), readers_(threads), staging_(context.pool(), context.copy(), kHalf) {}

Matrix WeightsIn::hold(std::shared_ptr<const StoredRows> rows) {
    context_.use();
    context_.pause();
    check_arrived();
    const std::size_t height = rows->rows(), width = rows->cols();
    auto storage = std::make_shared<WeightStorage>(
        DeviceMemory(context_.pool(), height * width * context_.element_bytes(), context_.copy()),
        context_.compute());
    Matrix held{storage, height, width, width, 0};
    if (held.empty()) return held;
    try {
        send(rows, {storage->data(), height, width, width});
    } catch (...) {  // what is on its way still writes to the memory that is given back
        storage->sent(context_.copy());
        throw;
    }
    storage->sent(context_.copy());
    rows->release();
    return held;
}

void WeightsIn::send(const std::shared_ptr<const StoredRows>& rows, const View& to) {
    const std::optional<DType> dtype = rows->stored_as();
    if (dtype && can_decode(*dtype) && rows->row_bytes() <= staging_.most()) {
        send_stored(*rows, *dtype, to);
        expect(rows);
    } else if (context_.element() == Element::f64) {
        send_read<double>(*rows, to);
    } else {
        send_read<float>(*rows, to);
    }
}

void WeightsIn::send_stored(const StoredRows& rows, DType dtype, const View& to) {
    const std::size_t row_bytes = rows.row_bytes(),
                      step = std::max<std::size_t>(1, staging_.most() / row_bytes);
    const std::size_t part = std::max<std::size_t>(1, kPart / row_bytes);
    if (!flags_) {
        auto flags = std::make_unique<PinnedMemory>(kFlags * sizeof(int));
        not_finite_ = DeviceMemory(context_.pool(), sizeof(int), context_.copy());
        flags_ = std::move(flags);
    }
    check(cudaMemsetAsync(not_finite_.as<int>(), 0, sizeof(int), context_.copy()), "weights were sent");
    for (std::size_t first = 0; first < to.rows; first += step) {
        const std::size_t count = std::min(step, to.rows - first);
        const Staging::Room room = staging_.take(count * row_bytes);
        readers_.parallel_for((count + part - 1) / part, [&](std::size_t index, std::size_t) {
            const std::size_t begin = index * part, length = std::min(part, count - begin);
            rows.stored(first + begin, length, {room.host + begin * row_bytes, length * row_bytes});
        });
        staging_.send(room, count * row_bytes);
        decode({context_.copy(), context_.element()}, dtype, room.device, row_bytes, first,
               rows_of(context_, to, first, count), not_finite_.as<int>());
    }
}

// Rows longer than a half come in pieces.
template <typename T>
void WeightsIn::send_read(const StoredRows& rows, const View& to) {
    const std::size_t most = staging_.most() / sizeof(T), width = std::min(to.cols, most);
    const std::size_t step = std::max<std::size_t>(1, most / width);
    const std::size_t part = std::max<std::size_t>(1, kPart / (width * sizeof(T)));
    for (std::size_t first = 0; first < to.rows; first += step) {
        const std::size_t count = std::min(step, to.rows - first);
        for (std::size_t left = 0; left < to.cols; left += width) {
            const std::size_t wide = std::min(width, to.cols - left);
            const Staging::Room room = staging_.take(count * wide * sizeof(T));
            T* host = reinterpret_cast<T*>(room.host);  // [count, wide]
            readers_.parallel_for((count + part - 1) / part, [&](std::size_t index, std::size_t) {
                for (std::size_t i = index * part; i < std::min(count, (index + 1) * part); ++i)
                    rows.read(first + i, left, std::span<T>(host + i * wide, wide));
            });
            staging_.send(room, count * wide * sizeof(T));
            const View piece = columns_of(context_, rows_of(context_, to, first, count), left, wide);
            const Launch launch{context_.copy(), context_.element()};
            if constexpr (sizeof(T) == sizeof(double))
                from_double(launch, reinterpret_cast<const double*>(room.device), piece);
            else
                from_float(launch, reinterpret_cast<const float*>(room.device), piece);
        }
    }
}

// The flag of the weight just queued is looked at when it has come back.
void WeightsIn::expect(std::shared_ptr<const StoredRows> rows) {
    if (arrivals_.size() == kFlags) {
        arrivals_.front().there.wait();
        check_arrived();
    }
    if (events_.empty()) events_.emplace_back();
    Arrival arrival{std::move(events_.back()), next_flag_++ % kFlags, std::move(rows)};
    events_.pop_back();
    check(cudaMemcpyAsync(flags_->data() + arrival.slot * sizeof(int), not_finite_.as<int>(), sizeof(int),
                          cudaMemcpyDeviceToHost, context_.copy()),
          "weights were checked");
    arrival.there.record(context_.copy());
    arrivals_.push_back(std::move(arrival));
}

void WeightsIn::check_arrived() {
    while (!arrivals_.empty() && arrivals_.front().there.done()) {
        Arrival arrival = std::move(arrivals_.front());
        arrivals_.pop_front();
        settle(arrival);
        events_.push_back(std::move(arrival.there));
    }
}

// The device saw a value that is not finite; the file's own words for it come from reading that row.
void WeightsIn::settle(const Arrival& arrival) {
    int flag = 0;
    std::memcpy(&flag, flags_->data() + arrival.slot * sizeof(int), sizeof flag);
    if (flag == 0) return;
    std::vector<double> row(arrival.rows->cols());
    arrival.rows->read(static_cast<std::size_t>(flag) - 1, 0, std::span<double>(row));
    throw Error::input(
        "a weight is too large for the precision of the pass",
        {.found = "a value that is not finite in row " + std::to_string(flag - 1) + " of a matrix",
         .hint = "use --precision bf16 or f32"});
}

}  // namespace deadscope::cuda
