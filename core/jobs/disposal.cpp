// See disposal.h.
#include "core/jobs/disposal.h"

#include <utility>

namespace deadscope {

Disposal::~Disposal() {
    {
        const std::scoped_lock lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_one();
    worker_.join();
}

void Disposal::take(std::shared_ptr<const void> thing) {
    if (!thing) return;
    {
        const std::scoped_lock lock(mutex_);
        things_.push_back(std::move(thing));
    }
    changed_.notify_one();
}

void Disposal::work() {
    for (;;) {
        std::vector<std::shared_ptr<const void>> taken;
        {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [this] { return stopping_ || !things_.empty(); });
            if (things_.empty()) return;
            taken.swap(things_);
        }
    }
}

}  // namespace deadscope
