// See parallel.h.
#include "core/hub/parallel.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace deadscope {

bool for_each_connected(const HubSettings& settings, std::size_t count, std::size_t connections,
                        const GoOn& go_on,
                        const std::function<bool(HttpSession&, std::size_t, const GoOn&)>& work) {
    if (!goes_on(go_on)) return false;
    std::atomic<bool> stopped{false};
    std::atomic<std::size_t> next{0};
    std::mutex mutex;
    std::condition_variable ended;
    std::exception_ptr failure;  // guarded by mutex, as is `running`
    std::size_t running = std::min(count, connections);
    const GoOn inner = [&] { return !stopped; };
    const auto run = [&] {
        try {
            HttpSession session(settings);
            for (std::size_t i = next++; i < count && !stopped; i = next++)
                if (!work(session, i, inner)) stopped = true;
        } catch (...) {
            const std::scoped_lock lock(mutex);
            if (!failure) failure = std::current_exception();
            stopped = true;
        }
        const std::scoped_lock lock(mutex);
        --running;
        ended.notify_all();
    };
    std::vector<std::jthread> threads;
    for (std::size_t t = running; t > 0; --t) threads.emplace_back(run);
    for (std::unique_lock lock(mutex); running > 0;) {
        ended.wait_for(lock, std::chrono::milliseconds(50));
        lock.unlock();
        if (!goes_on(go_on)) stopped = true;
        lock.lock();
    }
    threads.clear();  // joins
    if (failure) std::rethrow_exception(failure);
    return !stopped;
}

GoOn asked_here(GoOn go_on) {
    auto stopped = std::make_shared<std::atomic<bool>>(false);
    return [go_on = std::move(go_on), stopped, here = std::this_thread::get_id()] {
        if (std::this_thread::get_id() == here && !goes_on(go_on)) *stopped = true;
        return !*stopped;
    };
}

}  // namespace deadscope
