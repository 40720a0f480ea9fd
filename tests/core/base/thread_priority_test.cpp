// A thread that gives way passes it on to those it starts, and leaves the others as they are.
#include "core/base/thread_priority.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <future>
#include <thread>

namespace deadscope {
namespace {

int niceness_here() {
    return getpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)));
}

template <class Act>
int niceness_of_thread(const Act& act) {
    int seen = 0;
    std::thread([&] {
        act();
        seen = niceness_here();
    }).join();
    return seen;
}

TEST(ThreadPriorityTest, GivesWayAndPassesItOn) {
    const int before = niceness_here();
    if (before >= 10) GTEST_SKIP() << "this whole process gives way already";
    EXPECT_EQ(niceness_of_thread([] { give_way(); }), 10);
    int started = 0;
    std::thread([&] {
        give_way();
        started = niceness_of_thread([] {});
    }).join();
    EXPECT_EQ(started, 10);
    EXPECT_EQ(niceness_here(), before);
    EXPECT_EQ(niceness_of_thread([] {}), before);
}

TEST(ThreadPriorityTest, OthersGiveWayToTheCaller) {
    const int before = niceness_here();
    if (before >= 10) GTEST_SKIP() << "this whole process gives way already";
    std::promise<void> go;
    std::promise<int> told;
    std::thread other([&] {
        go.get_future().wait();
        told.set_value(niceness_here());
    });
    make_others_give_way();
    go.set_value();
    EXPECT_EQ(told.get_future().get(), 10);
    EXPECT_EQ(niceness_here(), before);
    other.join();
}

TEST(ThreadPriorityTest, ACoreIsLeftToTheWindowWhereThereAreMoreThanTwo) {
    EXPECT_EQ(threads_beside_window(0, 8), 7);
    EXPECT_EQ(threads_beside_window(0, 3), 2);
    EXPECT_EQ(threads_beside_window(0, 2), 2);
    EXPECT_EQ(threads_beside_window(0, 1), 1);
    EXPECT_EQ(threads_beside_window(5, 4), 5);  // as asked for
}

}  // namespace
}  // namespace deadscope
