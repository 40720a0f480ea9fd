// See context.h.
#include "core/backend/cuda/context.h"

#include <algorithm>
#include <cassert>
#include <string>

#include "core/backend/device_error.h"

namespace deadscope::cuda {
namespace {

constexpr std::size_t kHalf = 4u << 20;  // bytes: a quarter of a millisecond of a bus
constexpr std::size_t kAlign = 256;

Element element_of(Precision precision) {
    switch (precision) {
        case Precision::f64:
            return Element::f64;
        case Precision::f32:
            return Element::f32;
        case Precision::bf16:
            return Element::bf16;
        case Precision::f16:
            break;
    }
    return Element::f16;
}

int chosen(int device) {  // before the first stream is made
    check(cudaSetDevice(device), "it was chosen");
    return device;
}

}  // namespace

Staging::Room Staging::take(std::size_t bytes) {
    assert(bytes <= half_);
    if (!host_) {
        auto host = std::make_unique<PinnedMemory>(2 * half_);
        device_ = DeviceMemory(pool_, 2 * half_, stream_);
        host_ = std::move(host);
    }
    if (filled_ + bytes > half_) {
        sent_[at_].record(stream_);
        busy_[at_] = true;
        at_ = 1 - at_;
        filled_ = 0;
        if (busy_[at_]) sent_[at_].wait();
    }
    const std::size_t place = at_ * half_ + filled_;
    filled_ = std::min(half_, filled_ + (bytes + kAlign - 1) / kAlign * kAlign);
    return {host_->data() + place, device_.as<std::byte>() + place};
}

void Staging::send(const Room& room, std::size_t bytes) {
    check(cudaMemcpyAsync(room.device, room.host, bytes, cudaMemcpyHostToDevice, stream_),
          "values were sent");
}

Context::Context(int device, Precision precision)
    : device_(chosen(device)),
      element_(element_of(precision)),
      pool_(std::make_shared<MemoryPool>(device, compute_.get())),
      staging_(pool_, compute_.get(), kHalf),
      throttle_(compute_.get()) {}

// What is queued may still write to host memory of the members.
Context::~Context() {
    (void)cudaSetDevice(device_);
    (void)cudaStreamSynchronize(copy_.get());
    (void)cudaStreamSynchronize(compute_.get());
    pool_->retire();
}

Launch Context::begin(const Cost& cost) {
    use();
    throttle_.before({cost.operations, cost.bytes, cost.doubles || element_ == Element::f64});
    return {compute_.get(), element_};
}

void Context::wait() {
    idle_.record(compute_.get());
    idle_.wait();  // asleep, unlike in cudaStreamSynchronize()
    throttle_.drained();
}

Matrix Context::allocate(std::size_t rows, std::size_t cols, cudaStream_t stream) {
    use();
    std::size_t count = 0, bytes = 0;
    if (__builtin_mul_overflow(rows, cols, &count) || __builtin_mul_overflow(count, element_bytes(), &bytes))
        throw OutOfDeviceMemory(
            "not enough memory for the forward pass",
            {.expected = "a matrix that fits the address space",
             .found = "a matrix of " + std::to_string(rows) + " × " + std::to_string(cols)});
    return {std::make_shared<CudaStorage>(DeviceMemory(pool_, bytes, stream)), rows, cols, cols, 0};
}

View Context::view(const Matrix& matrix) const {
    if (matrix.empty()) return {};
    auto& storage = static_cast<const CudaStorage&>(*matrix.storage);
    return {storage.data() + matrix.offset * element_bytes(), matrix.rows, matrix.cols, matrix.stride};
}

void Context::send(std::span<const std::byte> from, std::byte* to) {
    for (std::size_t done = 0; done < from.size();) {
        const std::size_t bytes = std::min(from.size() - done, staging_.most());
        const Staging::Room room = staging_.take(bytes);
        std::memcpy(room.host, from.data() + done, bytes);
        check(cudaMemcpyAsync(to + done, room.host, bytes, cudaMemcpyHostToDevice, compute_.get()),
              "values were sent");
        done += bytes;
    }
}

}  // namespace deadscope::cuda
