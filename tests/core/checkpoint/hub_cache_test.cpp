// The hub's cache layout: which folder is the cache, and how an id becomes a snapshot.
#include "core/checkpoint/hub_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "core/checkpoint/checkpoint.h"
#include "tests/fixtures/model_files.h"

namespace deadscope {
namespace {

namespace fs = std::filesystem;
using fixtures::error_of;
using fixtures::ScopedVariable;
using testing::AllOf;
using testing::HasSubstr;

const std::string commit = "0123456789abcdef0123456789abcdef01234567";

class HubCache : public testing::Test {
protected:
    // A cached repository as huggingface_hub leaves it: files in blobs, links in the snapshot.
    fs::path cache_model(const std::string& repository, const std::string& revision, const std::string& hash,
                         const fixtures::ModelFiles& model) {
        const fs::path root = folder_ / repository, snapshot = root / "snapshots" / hash;
        model.write(root / "blobs-of" / hash);
        fs::create_directories(root / "blobs");
        fs::create_directories(snapshot);
        for (const char* name : {"config.json", "model.safetensors"}) {
            fs::rename(root / "blobs-of" / hash / name, root / "blobs" / (hash + name));
            fs::create_symlink(fs::path("../../blobs") / (hash + name), snapshot / name);
        }
        fixtures::write_text(root / "refs" / revision, hash);
        return snapshot;
    }
    fixtures::TemporaryFolder folder_;
    ScopedVariable cache_{"HF_HUB_CACHE", folder_.path().c_str()};
};

TEST(HubCacheFolder, FollowsThePublishedPrecedence) {
    const ScopedVariable a("HF_HUB_CACHE", nullptr), b("HUGGINGFACE_HUB_CACHE", nullptr),
        c("HF_HOME", nullptr), d("XDG_CACHE_HOME", nullptr), e("HOME", "/h");
    EXPECT_EQ(hub_cache_folder(), "/h/.cache/huggingface/hub");
    const ScopedVariable xdg("XDG_CACHE_HOME", "/x");
    EXPECT_EQ(hub_cache_folder(), "/x/huggingface/hub");
    const ScopedVariable home("HF_HOME", "~/hf");
    EXPECT_EQ(hub_cache_folder(), "/h/hf/hub");
    const ScopedVariable legacy("HUGGINGFACE_HUB_CACHE", "$HOME/legacy");
    EXPECT_EQ(hub_cache_folder(), "/h/legacy");
    const ScopedVariable now("HF_HUB_CACHE", "${HOME}/now");
    EXPECT_EQ(hub_cache_folder(), "/h/now");
}

TEST(HubId, IsPlainNames) {
    EXPECT_EQ(parse_hub_id("gpt2")->repository, "gpt2");
    EXPECT_EQ(parse_hub_id("EleutherAI/pythia-160m@step1000")->revision, "step1000");
    EXPECT_EQ(parse_hub_id("a/b@refs/pr/3")->revision, "refs/pr/3");
    for (const char* bad :
         {"", "a/b/c", "../x", "/etc/passwd", "a/..", "a--b", "a/b@../../x", "a/b@", "a b", "./x"}) {
        EXPECT_FALSE(parse_hub_id(bad)) << bad;
    }
}

TEST_F(HubCache, OpensASnapshotThroughItsLinks) {
    cache_model("models--org--tiny", "main", commit, fixtures::tiny_gpt2());
    const Checkpoint checkpoint = open_checkpoint("org/tiny");
    EXPECT_EQ(checkpoint.name(), "org/tiny");
    EXPECT_EQ(checkpoint.config()["model_type"], "gpt2");
    EXPECT_EQ(open_checkpoint("org/tiny@" + commit).tensors().size(), checkpoint.tensors().size());
    const std::string snapshot = (folder_ / ("models--org--tiny/snapshots/" + commit)).string();
    EXPECT_EQ(open_checkpoint(snapshot).name(), "org/tiny");  // by its path, named by its repository
    EXPECT_THAT(error_of([] { open_checkpoint("org/tiny@step5"); }),
                AllOf(HasSubstr("org/tiny@step5"), HasSubstr("hub cache")));
    EXPECT_THAT(error_of([] { open_checkpoint("org/other"); }), HasSubstr("deadscope fetch org/other"));
}

TEST_F(HubCache, ALinkThatLeavesTheBlobsIsRefused) {
    const fs::path snapshot = cache_model("models--tiny", "main", commit, fixtures::tiny_gpt2());
    fs::rename(folder_ / "models--tiny/blobs" / (commit + "model.safetensors"), folder_ / "outside");
    fs::remove(snapshot / "model.safetensors");
    fs::create_symlink(folder_ / "outside", snapshot / "model.safetensors");
    EXPECT_THAT(error_of([] { open_checkpoint("tiny"); }),
                AllOf(HasSubstr("model.safetensors"), HasSubstr("leads out")));
}

TEST_F(HubCache, AReferenceMustNameACommit) {
    cache_model("models--tiny", "main", commit, fixtures::tiny_gpt2());
    fixtures::write_text(folder_ / "models--tiny/refs/main", "../../elsewhere");
    EXPECT_THAT(error_of([] { open_checkpoint("tiny"); }),
                AllOf(HasSubstr("refs/main"), HasSubstr("commit")));
    fixtures::write_text(folder_ / "models--tiny/refs/main", commit + "\n");
    EXPECT_NO_THROW(open_checkpoint("tiny"));
}

TEST_F(HubCache, Step0OfASeriesIsItsInitialisation) {
    const auto model = fixtures::tiny_gpt2();
    cache_model("models--org--run", "step0", commit, model);
    cache_model("models--org--run", "step1000", std::string(40, 'b'), model);
    EXPECT_EQ(initial_snapshot_of("org/run@step1000"), "org/run@step0");
    EXPECT_EQ(initial_snapshot_of("org/run"), std::nullopt);
    EXPECT_EQ(initial_snapshot_of("org/absent@step10"), std::nullopt);
}

}  // namespace
}  // namespace deadscope
