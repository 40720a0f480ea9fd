// Files read by ranges: what is asked for, what a server's other answers become.
#include "core/hub/remote_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fixtures/model_files.h"
#include "tests/fixtures/small_hub.h"

namespace deadscope {
namespace {

using fixtures::error_of;
using fixtures::HttpAnswer;
using fixtures::HttpQuestion;
using fixtures::SmallHub;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

const HubId tiny{.repository = SmallHub::repository, .revision = "main"};

std::string pattern(std::size_t size) {
    std::string out(size, '\0');
    for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<char>((i * 2654435761u) >> 13);
    return out;
}

class RemoteFileTest : public testing::Test {
protected:
    std::shared_ptr<const MappedFile> open(const SmallHub& hub, RemoteReading reading = {}, GoOn go_on = {}) {
        settings_ = hub.settings("/nowhere");
        traffic_ = std::make_shared<HubTraffic>();
        const HubFile file{.path = "model.bin", .size = whole_.size(), .hash = {}};
        const std::string url = settings_.endpoint + "/org/tiny/resolve/" + SmallHub::commit + "/model.bin";
        return MappedFile::lazy(
            "hub:model.bin", file.size,
            std::make_shared<RemoteFile>(settings_, traffic_, std::move(go_on), tiny, file, url, reading));
    }
    static std::vector<std::string> ranges(const SmallHub& hub) {
        std::vector<std::string> out;
        for (const HttpQuestion& question : hub.server().questions()) out.push_back(question.header("range"));
        return out;
    }
    std::string whole_ = pattern(4u << 20);
    HubSettings settings_;
    std::shared_ptr<HubTraffic> traffic_;
};

TEST_F(RemoteFileTest, ReadsAheadFromTheBeginningAndExactlyElsewhere) {
    const SmallHub hub({{"model.bin", whole_}});
    const auto file = open(hub);
    EXPECT_EQ(file->text(0, 64), whole_.substr(0, 64));
    EXPECT_EQ(file->text(8, 100'000), whole_.substr(8, 100'000));  // within the first piece
    EXPECT_EQ(file->text(131'000, 200), whole_.substr(131'000, 200));
    EXPECT_EQ(file->text(3'000'000, 10), whole_.substr(3'000'000, 10));
    EXPECT_EQ(file->text(2'999'995, 20), whole_.substr(2'999'995, 20));  // around what is there: two requests
    EXPECT_EQ(file->text(whole_.size() - 5, 5), whole_.substr(whole_.size() - 5));
    EXPECT_EQ(file->text(100, 0), "");
    auto asked = ranges(hub);
    std::sort(asked.begin() + 3, asked.begin() + 5);
    EXPECT_THAT(asked,
                ElementsAre("bytes=0-131071", "bytes=131072-262143", "bytes=3000000-3000009",
                            "bytes=2999995-2999999", "bytes=3000010-3000014", "bytes=4194299-4194303"));
    EXPECT_EQ(traffic_->bytes, 131072u * 2 + 10 + 5 + 5 + 5);
    EXPECT_THAT(error_of([&] { file->text(whole_.size() - 1, 2); }), HasSubstr("ends before"));
}

TEST_F(RemoteFileTest, PrefetchBridgesSmallGapsOnly) {
    const SmallHub hub({{"model.bin", whole_}});
    const auto file = open(hub, {.gap = 1000});
    const FileRange wanted[] = {
        {1'000'000, 100}, {1'000'500, 100}, {2'000'000, 100}, {1'000'050, 10}, {3'000'000, 50}};
    file->prefetch(wanted);
    EXPECT_THAT(ranges(hub), UnorderedElementsAre("bytes=1000000-1000599", "bytes=2000000-2000099",
                                                  "bytes=3000000-3000049"));
    for (const FileRange& range : wanted)
        EXPECT_EQ(file->text(range.offset, range.count), whole_.substr(range.offset, range.count));
    EXPECT_EQ(hub.server().questions().size(), 3u);
}

TEST_F(RemoteFileTest, CutAnswersGoOnAndOtherAnswersAreRefused) {
    const struct {
        const char* words;
        std::function<HttpAnswer(const HttpQuestion&, const std::string&)> answer;
    } cases[] = {
        {"ignored the range",
         [](const auto&, const auto& whole) { return HttpAnswer{.headers = {}, .body = whole}; }},
        {"another part",
         [](const auto&, const auto& whole) {
             return HttpAnswer{.status = 206,
                               .headers = {{"Content-Range", "bytes 7-70/4194304"}},
                               .body = whole.substr(0, 64)};
         }},
        {"another part",
         [](const auto&, const auto& whole) {
             return HttpAnswer{.status = 206,
                               .headers = {{"Content-Range", "bytes 0-131071/99"}},
                               .body = whole.substr(0, 64)};
         }},
        {"another part",
         [](const auto&, const auto& whole) {
             return HttpAnswer{.status = 206, .headers = {}, .body = whole.substr(0, 64)};
         }},
        {"another part",
         [](const auto&, const auto& whole) {
             return HttpAnswer{
                 .status = 206, .headers = {{"Content-Range", "bytes 0-131071/4194304"}}, .body = whole};
         }},
        {"before its end",
         [](const auto& question, const auto& whole) {
             HttpAnswer answer = fixtures::ranged(question, whole);
             answer.cut_after = 0;
             return answer;
         }},
        {"416",
         [](const auto&, const auto&) { return HttpAnswer{.status = 416, .headers = {}, .body = ""}; }},
    };
    for (const auto& one : cases) {
        const SmallHub hub({}, [&](const HttpQuestion& question) { return one.answer(question, whole_); });
        const auto file = open(hub);
        EXPECT_THAT(error_of([&] { (void)file->text(0, 64); }), HasSubstr(one.words));
    }
    const SmallHub cut({}, [&](const HttpQuestion& question) {
        HttpAnswer answer = fixtures::ranged(question, whole_);
        answer.cut_after = 50'000;
        return answer;
    });
    EXPECT_EQ(open(cut)->text(0, 100'000), whole_.substr(0, 100'000));
    EXPECT_THAT(ranges(cut), ElementsAre("bytes=0-131071", "bytes=50000-131071", "bytes=100000-131071"));
}

// The second address is signed and runs out: then the hub is asked for a new one.
TEST_F(RemoteFileTest, AnAddressThatRanOutIsAskedForAnew) {
    int signature = 0, uses = 0;
    fixtures::HttpServer second([&](const HttpQuestion& question) {
        if (question.target != "/s" + std::to_string(signature) || ++uses > 2)
            return HttpAnswer{.status = 403, .headers = {}, .body = "expired"};
        return fixtures::ranged(question, whole_);
    });
    const SmallHub hub({}, [&](const HttpQuestion&) {
        uses = 0;
        return HttpAnswer{.status = 302,
                          .headers = {{"Location", second.endpoint() + "/s" + std::to_string(++signature)}},
                          .body = ""};
    });
    const auto file = open(hub);
    for (std::uint64_t at = 1'000'000; at < 1'000'500; at += 100)
        EXPECT_EQ(file->text(at, 10), whole_.substr(at, 10));
    EXPECT_EQ(hub.server().questions().size(), 3u);  // five ranges, two for each address
}

TEST_F(RemoteFileTest, HasABoundAndCanBeStopped) {
    const SmallHub hub({{"model.bin", whole_}});
    EXPECT_THAT(error_of([&] { (void)open(hub, {.most_bytes = 1 << 20})->text(1'000'000, 2'000'000); }),
                HasSubstr("deadscope fetch"));
    EXPECT_TRUE(hub.server().questions().empty());
    EXPECT_THAT(error_of([&] { (void)open(hub, {}, [] { return false; })->text(0, 10); }),
                HasSubstr("stopped"));
    EXPECT_THAT(error_of([&] {
                    const FileRange many[] = {{0, 10}, {1'000'000, 10}};
                    open(hub, {}, [] { return false; })->prefetch(many);
                }),
                HasSubstr("stopped"));
}

}  // namespace
}  // namespace deadscope
