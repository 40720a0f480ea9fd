// Made once for a source and a key, anew for another, and let go with its source.
#include "app/plots/kept.h"

#include <gtest/gtest.h>

#include <string>

namespace deadscope {
namespace {

TEST(Kept, MakesOnceForASourceAndAKey) {
    Kept<int, std::string> kept;
    const auto a = std::make_shared<const int>(1), b = std::make_shared<const int>(1);
    const std::size_t before = made_so_far();
    int calls = 0;
    const auto make = [&] { return std::to_string(++calls); };
    EXPECT_EQ(*kept.of(a, 0, make), "1");
    for (int i = 0; i < 100; ++i) EXPECT_EQ(*kept.of(a, 0, make), "1");
    EXPECT_EQ(made_so_far(), before + 1);
    EXPECT_EQ(*kept.of(a, 1, make), "2");
    EXPECT_EQ(*kept.of(b, 0, make), "3");
    EXPECT_EQ(*kept.of(a, 0, make), "1");
    EXPECT_EQ(made_so_far(), before + 3);
}

TEST(Kept, TellsASourceFromAnotherAtItsPlace) {
    Kept<int, int> kept;
    alignas(int) unsigned char place[sizeof(int)];
    int made = 0;
    for (int i = 0; i < 2; ++i) {
        // The same address, each time another owner.
        const std::shared_ptr<const void> source(static_cast<const void*>(place), [](const void*) {});
        EXPECT_EQ(*kept.of(source, 0, [&] { return ++made; }), i + 1);
    }
}

TEST(Kept, LetsGoWithItsSourceAndWhatWasLongestUnused) {
    Kept<int, int> kept(3);
    auto source = std::make_shared<const int>(0);
    int made = 0;
    const auto make = [&] { return ++made; };
    for (int key = 0; key < 3; ++key) kept.of(source, key, make);
    kept.of(source, 0, make);  // asked for again: key 1 is the oldest now
    const std::shared_ptr<int> held = kept.of(source, 1, make);
    kept.of(source, 0, make);
    kept.of(source, 3, make);  // takes the place of key 2
    EXPECT_EQ(kept.size(), 3u);
    EXPECT_EQ(made, 4);
    kept.of(source, 0, make);
    kept.of(source, 1, make);
    EXPECT_EQ(made, 4);
    kept.of(source, 2, make);
    EXPECT_EQ(made, 5);
    EXPECT_EQ(*held, 2);  // whoever holds it keeps it
    source = std::make_shared<const int>(0);
    kept.of(source, 0, make);
    EXPECT_EQ(kept.size(), 1u);
}

}  // namespace
}  // namespace deadscope
