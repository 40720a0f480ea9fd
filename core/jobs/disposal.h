// Lets go of large results on a thread of its own: handing hundreds of megabytes back to the system takes
// longer than a frame.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace deadscope {

// Thread rule: take() from any thread. What is destroyed must not mind which thread that is.
class Disposal {
public:
    Disposal() : worker_([this] { work(); }) {}
    ~Disposal();  // after all that was taken is gone
    Disposal(const Disposal&) = delete;
    Disposal& operator=(const Disposal&) = delete;

    void take(std::shared_ptr<const void> thing);

private:
    void work();

    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::shared_ptr<const void>> things_;
    bool stopping_ = false;
    std::thread worker_;
};

}  // namespace deadscope
