// What is handed over is destroyed, on another thread, once nobody else holds it.
#include "core/jobs/disposal.h"

#include <gtest/gtest.h>

#include <future>

namespace deadscope {
namespace {

std::shared_ptr<const void> telling(std::promise<std::thread::id>& gone) {
    return {&gone, [](std::promise<std::thread::id>* one) { one->set_value(std::this_thread::get_id()); }};
}

TEST(DisposalTest, DestroysElsewhere) {
    std::promise<std::thread::id> gone;
    Disposal disposal;
    disposal.take(telling(gone));
    EXPECT_NE(gone.get_future().get(), std::this_thread::get_id());
}

TEST(DisposalTest, LeavesWhatAnotherHolds) {
    std::promise<std::thread::id> gone;
    std::future<std::thread::id> where = gone.get_future();
    std::shared_ptr<const void> mine = telling(gone);
    {
        Disposal disposal;
        disposal.take(mine);
        disposal.take(nullptr);
    }
    EXPECT_EQ(where.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
    mine.reset();
    EXPECT_EQ(where.get(), std::this_thread::get_id());
}

TEST(DisposalTest, EndsOnlyAfterAllIsGone) {
    std::promise<std::thread::id> gone;
    std::future<std::thread::id> where = gone.get_future();
    {
        Disposal disposal;
        disposal.take(telling(gone));
    }
    EXPECT_EQ(where.wait_for(std::chrono::seconds(0)), std::future_status::ready);
}

}  // namespace
}  // namespace deadscope
