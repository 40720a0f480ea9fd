// Downloads into a cache, from a server that answers rightly, cuts, breaks, lies or dawdles.
#include "core/hub/download.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/fixtures/model_files.h"
#include "tests/fixtures/small_hub.h"

namespace deadscope {
namespace {

namespace fs = std::filesystem;
using fixtures::error_of;
using fixtures::HttpAnswer;
using fixtures::HttpQuestion;
using fixtures::SmallHub;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

const HubId tiny{.repository = SmallHub::repository, .revision = "main"};

std::string read(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

// 1 MiB that is not the same anywhere.
std::string weights() {
    std::string out(1u << 20, '\0');
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<char>((i * 2654435761u) >> 13);
    return out;
}

class Download : public testing::Test {
protected:
    std::map<std::string, std::string> files_{
        {"config.json", "{}"}, {"model.safetensors", weights()}, {"README.md", "words"}};
    fixtures::TemporaryFolder folder_;
    std::string cache_ = (folder_ / "cache").string();
    fs::path repository_ = fs::path(cache_) / "models--org--tiny";
    std::string hash_ = SmallHub::hash("model.safetensors", files_["model.safetensors"]);
    fs::path partial_ = repository_ / "blobs" / (hash_ + ".incomplete");

    void expect_whole() const {
        const fs::path snapshot = repository_ / "snapshots" / SmallHub::commit;
        EXPECT_EQ(read(repository_ / "refs/main"), SmallHub::commit);
        for (const char* name : {"config.json", "model.safetensors"})
            EXPECT_EQ(read(snapshot / name), files_.at(name));
        EXPECT_EQ(fs::read_symlink(snapshot / "model.safetensors"), "../../blobs/" + hash_);
        EXPECT_FALSE(fs::exists(snapshot / "README.md"));
        EXPECT_FALSE(fs::exists(partial_));
    }
    static bool is_weights(const HttpQuestion& question) {
        return question.target.ends_with("model.safetensors");
    }
};

TEST_F(Download, WritesTheLayoutOfThePythonLibrary) {
    const SmallHub hub(files_);
    const auto result = fetch_checkpoint(hub.settings(cache_), tiny, {});
    ASSERT_TRUE(result);
    expect_whole();
    EXPECT_EQ(result->snapshot, (repository_ / "snapshots" / SmallHub::commit).string());
    EXPECT_EQ(result->done.bytes_received, files_["model.safetensors"].size() + 2);
    const auto again = fetch_checkpoint(hub.settings(cache_), tiny, {});
    EXPECT_EQ(again->done.bytes_received, 0u);
    EXPECT_EQ(again->done.bytes, again->done.bytes_total);
}

// The server closes after 300 kB each time: what came is kept within one fetch, however often.
TEST_F(Download, GoesOnWhereTheServerCutIt) {
    int cuts = 0;
    const SmallHub hub(files_, [&](const HttpQuestion& question) -> std::optional<HttpAnswer> {
        if (!is_weights(question)) return std::nullopt;
        HttpAnswer answer = fixtures::ranged(question, files_["model.safetensors"]);
        if (answer.body.size() > 300'000) {
            answer.cut_after = 300'000;
            ++cuts;
        }
        return answer;
    });
    const auto result = fetch_checkpoint(hub.settings(cache_), tiny, {});
    ASSERT_TRUE(result);
    expect_whole();
    EXPECT_EQ(cuts, 3);
    EXPECT_EQ(result->done.bytes_received, files_["model.safetensors"].size() + 2);
}

TEST_F(Download, AServerThatNeverGetsFurtherIsGivenUp) {
    const SmallHub hub(files_, [](const HttpQuestion& question) -> std::optional<HttpAnswer> {
        if (!is_weights(question)) return std::nullopt;
        return HttpAnswer{.headers = {}, .body = std::string(100, 'x'), .cut_after = 0};
    });
    EXPECT_THAT(error_of([&] { fetch_checkpoint(hub.settings(cache_), tiny, {}); }),
                AllOf(HasSubstr("model.safetensors"), HasSubstr("before its end")));
}

TEST_F(Download, PassingErrorsAreTriedAgainAndTheServersWaitIsKept) {
    int asked = 0;
    const SmallHub hub(files_, [&](const HttpQuestion& question) -> std::optional<HttpAnswer> {
        if (!is_weights(question) || ++asked > 3) return std::nullopt;
        return HttpAnswer{.status = asked == 1 ? 503 : 429,
                          .headers = {{"Retry-After", asked == 3 ? "1" : "0"}},
                          .body = "x"};
    });
    const auto started = std::chrono::steady_clock::now();
    ASSERT_TRUE(fetch_checkpoint(hub.settings(cache_), tiny, {}));
    EXPECT_GE(std::chrono::steady_clock::now() - started, std::chrono::seconds(1));
    EXPECT_EQ(asked, 4);
    expect_whole();
}

TEST_F(Download, AWaitThatIsTooLongIsSaidInstead) {
    const SmallHub hub(files_, [](const HttpQuestion&) -> std::optional<HttpAnswer> {
        return HttpAnswer{.status = 429, .headers = {{"Retry-After", "3600"}}, .body = "x"};
    });
    EXPECT_THAT(error_of([&] { fetch_checkpoint(hub.settings(cache_), tiny, {}); }),
                AllOf(HasSubstr("429"), HasSubstr("3600"), Not(HasSubstr("hf_token"))));
    EXPECT_EQ(hub.server().questions().size(), 1u);
}

TEST_F(Download, ResumesAndStartsOverWhereTheServerIgnoresTheRange) {
    const std::string& whole = files_["model.safetensors"];
    for (const bool ignores : {false, true}) {
        fs::remove_all(cache_);
        fixtures::write_text(partial_, whole.substr(0, 400'000));
        const SmallHub hub(files_, [&](const HttpQuestion& question) -> std::optional<HttpAnswer> {
            if (!is_weights(question) || !ignores) return std::nullopt;
            return HttpAnswer{.headers = {}, .body = whole};
        });
        const auto result = fetch_checkpoint(hub.settings(cache_), tiny, {});
        ASSERT_TRUE(result);
        expect_whole();
        EXPECT_EQ(result->bytes_resumed, 400'000u);
        EXPECT_EQ(result->done.bytes_received, whole.size() + 2 - (ignores ? 0 : 400'000));
        EXPECT_EQ(result->done.bytes, result->done.bytes_total);
    }
}

TEST_F(Download, ADamagedPartialIsFetchedAnewAndAWrongFileIsRefused) {
    fixtures::write_text(partial_, std::string(5000, 'd'));
    const SmallHub hub(files_);
    ASSERT_TRUE(fetch_checkpoint(hub.settings(cache_), tiny, {}));
    expect_whole();
    fs::remove_all(cache_);
    std::string other = files_["model.safetensors"];
    other.back() ^= 1;
    const SmallHub liar(files_, [&](const HttpQuestion& question) -> std::optional<HttpAnswer> {
        if (!is_weights(question)) return std::nullopt;
        return fixtures::ranged(question, other);
    });
    EXPECT_THAT(error_of([&] { fetch_checkpoint(liar.settings(cache_), tiny, {}); }),
                AllOf(HasSubstr("SHA-256"), HasSubstr("model.safetensors")));
    EXPECT_EQ(fs::file_size(partial_), 0u);
    EXPECT_FALSE(fs::exists(repository_ / "refs"));
}

TEST_F(Download, StopsWithin200MsWhileTheServerDawdlesAndGoesOnLater) {
    bool slow = true;
    const SmallHub hub(files_, [&](const HttpQuestion& question) -> std::optional<HttpAnswer> {
        if (!is_weights(question)) return std::nullopt;
        HttpAnswer answer = fixtures::ranged(question, files_["model.safetensors"]);
        if (slow) answer.pause = std::chrono::milliseconds(100);
        return answer;
    });
    using Clock = std::chrono::steady_clock;
    Clock::time_point stopped{};
    FetchOptions options;
    options.progress = [&](const FetchProgress& done) {
        if (done.bytes_received < 50'000) return true;
        if (stopped == Clock::time_point{}) stopped = Clock::now();
        return false;
    };
    EXPECT_FALSE(fetch_checkpoint(hub.settings(cache_), tiny, options));
    EXPECT_LT(Clock::now() - stopped, std::chrono::milliseconds(200));
    EXPECT_GE(fs::file_size(partial_), 50'000u - 2u);
    EXPECT_FALSE(fs::exists(repository_ / "refs"));
    slow = false;
    EXPECT_TRUE(fetch_checkpoint(hub.settings(cache_), tiny, {}));
    expect_whole();
}

TEST_F(Download, AStalledServerIsLeft) {
    const SmallHub hub(files_, [&](const HttpQuestion& question) -> std::optional<HttpAnswer> {
        if (!is_weights(question)) return std::nullopt;
        return HttpAnswer{.headers = {},
                          .body = files_["model.safetensors"],
                          .cut_after = {},
                          .pause = std::chrono::milliseconds(2500)};
    });
    HubSettings settings = hub.settings(cache_);
    settings.stall_timeout_s = 1;
    settings.retries = 0;
    EXPECT_THAT(error_of([&] { fetch_checkpoint(settings, tiny, {}); }), HasSubstr("in time"));
}

TEST_F(Download, WaitsForALockThatAnotherHolds) {
    const SmallHub hub(files_);
    const fs::path lock = fs::path(cache_) / ".locks/models--org--tiny" / (hash_ + ".lock");
    fixtures::write_text(lock, "");
    const int held = open(lock.c_str(), O_RDWR | O_CLOEXEC);
    ASSERT_EQ(flock(held, LOCK_EX), 0);
    FetchOptions options;
    const auto started = std::chrono::steady_clock::now();
    options.progress = [&](const FetchProgress&) {
        return std::chrono::steady_clock::now() - started < std::chrono::milliseconds(600);
    };
    EXPECT_FALSE(fetch_checkpoint(hub.settings(cache_), tiny, options));
    EXPECT_FALSE(fs::exists(partial_));
    close(held);
    EXPECT_TRUE(fetch_checkpoint(hub.settings(cache_), tiny, {}));
    expect_whole();
}

TEST_F(Download, ABranchKeepsItsOldCommitUntilTheNewOneIsWhole) {
    fixtures::write_text(repository_ / "refs/main", std::string(40, 'f'));
    const SmallHub hub(files_, [](const HttpQuestion& question) -> std::optional<HttpAnswer> {
        if (!is_weights(question)) return std::nullopt;
        return HttpAnswer{.status = 403, .headers = {}, .body = ""};
    });
    EXPECT_THAT(error_of([&] { fetch_checkpoint(hub.settings(cache_), tiny, {}); }), HasSubstr("403"));
    EXPECT_EQ(read(repository_ / "refs/main"), std::string(40, 'f'));
}

}  // namespace
}  // namespace deadscope
