// Streams, events and launches by the runtime's names.
#include <algorithm>
#include <chrono>

#include "tests/emulation/machine.h"
#include "tests/emulation/sanitizers.h"
#include "tests/emulation/stream.h"

namespace deadscope_emulation {

namespace {

std::shared_ptr<Recording> record(CUstream_st& stream) {
    auto recording = std::make_shared<Recording>();
    stream.enqueue_always([recording] { recording->complete(); });
    return recording;
}

void wait_in(CUstream_st& stream, const std::shared_ptr<Recording>& recording) {
    stream.enqueue_always([recording] { recording->wait(); });
}

cudaError_t make_stream(cudaStream_t* stream, unsigned flags, int priority) {
    *stream = nullptr;
    if (const cudaError_t error = obstacle(); error != cudaSuccess) return error;
    if (flags > cudaStreamNonBlocking) return cudaErrorInvalidValue;
    *stream = new CUstream_st(current_device(), flags, std::clamp(priority, -5, 0));
    const Unwatched unwatched;
    const std::lock_guard lock(machine().mutex);
    machine().devices[static_cast<std::size_t>(current_device())].streams.push_back(*stream);
    return cudaSuccess;
}

// The latest recording; nothing where the event was never recorded.
std::shared_ptr<Recording> latest(cudaEvent_t event) {
    const Unwatched unwatched;
    const std::lock_guard lock(event->mutex);
    return event->latest;
}

bool fits(const cudaLaunchConfig_t& c) {
    const std::uint64_t threads = std::uint64_t{c.blockDim.x} * c.blockDim.y * c.blockDim.z;
    return threads >= 1 && threads <= 1024 && c.blockDim.x <= 1024 && c.blockDim.y <= 1024 &&
           c.blockDim.z <= 64 && c.gridDim.x >= 1 && c.gridDim.y >= 1 && c.gridDim.z >= 1 &&
           c.gridDim.x <= 2147483647u && c.gridDim.y <= 65535 && c.gridDim.z <= 65535;
}

}  // namespace

CUstream_st* resolve(cudaStream_t stream) {
    const Unwatched unwatched;
    const std::lock_guard lock(machine().mutex);
    if (stream != nullptr) {
        for (const Device& device : machine().devices) {
            if (std::ranges::find(device.streams, stream) != device.streams.end()) return stream;
        }
        return nullptr;
    }
    Device& device = machine().devices[static_cast<std::size_t>(current_device())];
    if (!device.by_default) {
        device.by_default = std::make_unique<CUstream_st>(current_device(), cudaStreamDefault, 0);
    }
    return device.by_default.get();
}

void order_with_default(CUstream_st& stream) {
    if (stream.flags == cudaStreamNonBlocking) return;
    std::vector<CUstream_st*> others;
    {
        const Unwatched unwatched;
        const std::lock_guard lock(machine().mutex);
        Device& device = machine().devices[static_cast<std::size_t>(stream.device)];
        if (&stream != device.by_default.get()) {
            if (device.by_default) others.push_back(device.by_default.get());
        } else {
            for (CUstream_st* other : device.streams) {
                if (other->flags != cudaStreamNonBlocking) others.push_back(other);
            }
        }
    }
    for (CUstream_st* other : others) {
        if (!other->idle()) wait_in(stream, record(*other));
    }
}

// Of the queues, not the streams: another thread may destroy its own meanwhile.
void wait_for_device(int device) {
    std::vector<Queue*> queues;
    {
        const Unwatched unwatched;
        const std::lock_guard lock(machine().mutex);
        Device& d = machine().devices[static_cast<std::size_t>(device)];
        for (CUstream_st* stream : d.streams) queues.push_back(&stream->queue());
        if (d.by_default) queues.push_back(&d.by_default->queue());
    }
    for (Queue* queue : queues) queue->synchronise();
}

cudaError_t launch(const cudaLaunchConfig_t& config, const void* function, std::function<void()> kernel) {
    if (const cudaError_t error = obstacle(); error != cudaSuccess) return result(error);
    CUstream_st* const stream = resolve(config.stream);
    if (stream == nullptr || stream->device != current_device())
        return result(cudaErrorInvalidResourceHandle);
    if (config.numAttrs != 0) return result(cudaErrorNotSupported);
    if (!fits(config)) return result(cudaErrorInvalidConfiguration);
    std::size_t shared = 48 * 1024;
    {
        const Unwatched unwatched;
        const std::lock_guard lock(machine().mutex);
        const auto set = machine().kernel_shared_bytes.find(function);
        if (set != machine().kernel_shared_bytes.end()) shared = std::max(shared, set->second);
    }
    if (config.dynamicSmemBytes > shared) return result(cudaErrorInvalidValue);
    const cudaError_t planned = planned_failure(Call::launch);
    if (planned != cudaSuccess && !is_sticky(planned)) return result(planned);
    order_with_default(*stream);
    if (planned != cudaSuccess) {
        stream->enqueue([planned, device = stream->device] { lose(device, planned); });
        return cudaSuccess;
    }
    auto call = std::make_unique<Launch>();
    call->kernel = std::move(kernel);
    call->grid = config.gridDim;
    call->block = config.blockDim;
    call->shared_bytes = config.dynamicSmemBytes;
    stream->launch(std::move(call));
    return cudaSuccess;
}

cudaError_t set_attribute(const void* function, cudaFuncAttribute, int value) {
    if (const cudaError_t error = obstacle(); error != cudaSuccess) return result(error);
    int most = 0;
    cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, current_device());
    if (value < 0 || value > most) return result(cudaErrorInvalidValue);
    const Unwatched unwatched;
    const std::lock_guard lock(machine().mutex);
    machine().kernel_shared_bytes[function] = static_cast<std::size_t>(value);
    return cudaSuccess;
}

}  // namespace deadscope_emulation

using namespace deadscope_emulation;

cudaError_t cudaDeviceGetStreamPriorityRange(int* least, int* greatest) {
    if (const cudaError_t error = obstacle(); error != cudaSuccess) return result(error);
    *least = 0;
    *greatest = -5;
    return cudaSuccess;
}

cudaError_t cudaDeviceSynchronize() {
    if (const cudaError_t error = obstacle(); error != cudaSuccess) return result(error);
    wait_for_device(current_device());
    return result(obstacle());
}

// Ends what runs and forgets a lost context. Memory and streams that are left are the caller's to free.
cudaError_t cudaDeviceReset() {
    wait_for_device(current_device());
    machine().devices[static_cast<std::size_t>(current_device())].lost = cudaSuccess;
    cudaGetLastError();
    return result(obstacle());
}

cudaError_t cudaStreamCreate(cudaStream_t* stream) {
    return result(make_stream(stream, cudaStreamDefault, 0));
}
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
    return result(make_stream(stream, flags, 0));
}
cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned flags, int priority) {
    return result(make_stream(stream, flags, priority));
}
cudaError_t cudaStreamGetPriority(cudaStream_t stream, int* priority) {
    CUstream_st* const known = resolve(stream);
    if (known == nullptr) return result(cudaErrorInvalidResourceHandle);
    *priority = known->priority;
    return result(obstacle());
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
    CUstream_st* const known = stream == nullptr ? nullptr : resolve(stream);
    if (known == nullptr) return result(cudaErrorInvalidResourceHandle);
    {
        const Unwatched unwatched;
        const std::lock_guard lock(machine().mutex);
        std::erase(machine().devices[static_cast<std::size_t>(known->device)].streams, known);
    }
    delete known;
    return result(obstacle());
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
    if (const cudaError_t error = obstacle(); error != cudaSuccess) return result(error);
    CUstream_st* const known = resolve(stream);
    if (known == nullptr) return result(cudaErrorInvalidResourceHandle);
    if (stream == nullptr) order_with_default(*known);
    known->synchronise();
    return result(machine().devices[static_cast<std::size_t>(known->device)].lost.load());
}

cudaError_t cudaStreamQuery(cudaStream_t stream) {
    if (const cudaError_t error = obstacle(); error != cudaSuccess) return result(error);
    CUstream_st* const known = resolve(stream);
    if (known == nullptr) return result(cudaErrorInvalidResourceHandle);
    if (!known->idle()) return cudaErrorNotReady;
    return result(machine().devices[static_cast<std::size_t>(known->device)].lost.load());
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
    if (const cudaError_t error = obstacle(); error != cudaSuccess) return result(error);
    CUstream_st* const known = resolve(stream);
    if (known == nullptr || event == nullptr) return result(cudaErrorInvalidResourceHandle);
    if (const auto recording = latest(event)) {
        order_with_default(*known);
        wait_in(*known, recording);
    }
    return cudaSuccess;
}

cudaError_t cudaEventCreate(cudaEvent_t* event) {
    return cudaEventCreateWithFlags(event, cudaEventDefault);
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
    *event = nullptr;
    if (const cudaError_t error = obstacle(); error != cudaSuccess) return result(error);
    *event = new CUevent_st;
    (*event)->device = current_device();
    (*event)->timed = (flags & cudaEventDisableTiming) == 0;
    const Unwatched unwatched;
    const std::lock_guard lock(machine().mutex);
    ++machine().counted.events;
    return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
    if (event == nullptr) return result(cudaErrorInvalidResourceHandle);
    {
        const Unwatched unwatched;
        const std::lock_guard lock(machine().mutex);
        --machine().counted.events;
    }
    delete event;
    return result(obstacle());
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
    if (const cudaError_t error = obstacle(); error != cudaSuccess) return result(error);
    CUstream_st* const known = resolve(stream);
    if (known == nullptr || event == nullptr || event->device != known->device) {
        return result(cudaErrorInvalidResourceHandle);
    }
    order_with_default(*known);
    auto recording = record(*known);
    const Unwatched unwatched;
    const std::lock_guard lock(event->mutex);
    event->latest = std::move(recording);
    return cudaSuccess;
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
    if (const cudaError_t error = obstacle(); error != cudaSuccess) return result(error);
    if (event == nullptr) return result(cudaErrorInvalidResourceHandle);
    const auto recording = latest(event);
    return recording == nullptr || recording->done() ? cudaSuccess : cudaErrorNotReady;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
    if (const cudaError_t error = obstacle(); error != cudaSuccess) return result(error);
    if (event == nullptr) return result(cudaErrorInvalidResourceHandle);
    if (const auto recording = latest(event)) recording->wait();
    return result(machine().devices[static_cast<std::size_t>(event->device)].lost.load());
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
    if (const cudaError_t error = obstacle(); error != cudaSuccess) return result(error);
    if (start == nullptr || end == nullptr || !start->timed || !end->timed) {
        return result(cudaErrorInvalidResourceHandle);
    }
    const auto first = latest(start), last = latest(end);
    if (first == nullptr || last == nullptr) return result(cudaErrorInvalidResourceHandle);
    if (!first->done() || !last->done()) return cudaErrorNotReady;
    *milliseconds = std::chrono::duration<float, std::milli>(last->when() - first->when()).count();
    return cudaSuccess;
}

cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void* data) {
    if (const cudaError_t error = obstacle(); error != cudaSuccess) return result(error);
    CUstream_st* const known = resolve(stream);
    if (known == nullptr || function == nullptr) return result(cudaErrorInvalidValue);
    order_with_default(*known);
    known->enqueue([function, data] { function(data); });
    return cudaSuccess;
}
