// What the cache holds, from folders laid out as huggingface_hub leaves them.
#include "core/checkpoint/hub_cache_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/fixtures/safetensors_writer.h"

namespace deadscope {
namespace {

namespace fs = std::filesystem;
using fixtures::write_text;
using testing::ElementsAre;
using testing::IsEmpty;

class HubCacheList : public testing::Test {
protected:
    void put(const std::string& repository, const std::string& commit, const std::string& name,
             std::string_view bytes) {
        const fs::path root = folder_ / repository, link = root / "snapshots" / commit / name;
        const std::string blob = "blob-of-" + std::string(bytes.substr(0, 8));
        write_text(root / "blobs" / blob, bytes);
        fs::create_directories(link.parent_path());
        fs::create_symlink(fs::path("../../blobs") / blob, link);
    }
    void name(const std::string& repository, const std::string& ref, const std::string& commit) {
        write_text(folder_ / repository / "refs" / ref, commit);
    }
    std::vector<CachedRepository> list() const { return list_hub_cache(folder_.path().string()); }
    fixtures::TemporaryFolder folder_;
};

const std::string a(40, 'a'), b(40, 'b'), c(40, 'c'), d(40, 'd');

TEST_F(HubCacheList, AnAbsentOrEmptyFolderHoldsNothing) {
    EXPECT_THAT(list(), IsEmpty());
    EXPECT_THAT(list_hub_cache((folder_ / "absent").string()), IsEmpty());
    fs::create_directories(folder_ / "datasets--org--data" / "snapshots" / a);
    fs::create_directories(folder_ / "models--a--b--c" / "snapshots" / a);
    fs::create_directories(folder_ / "models--org--empty");
    EXPECT_THAT(list(), IsEmpty());
}

TEST_F(HubCacheList, RevisionsAreOneTrajectoryInTheOrderOfTheirSteps) {
    const std::string repository = "models--org--run";
    for (const auto& [ref, commit] : {std::pair("step1000", a), std::pair("step0", b), std::pair("main", c),
                                      std::pair("step143000", d)}) {
        put(repository, commit, "config.json", "shared{}");
        put(repository, commit, "model.safetensors", "weights-" + commit);
        name(repository, ref, commit);
    }
    const auto found = list();
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].repository, "org/run");
    EXPECT_TRUE(found[0].is_trajectory());
    std::vector<std::string> models;
    for (const CachedRevision& revision : found[0].revisions) models.push_back(revision.model);
    EXPECT_THAT(models, ElementsAre("org/run@step0", "org/run@step1000", "org/run@step143000", "org/run"));
    EXPECT_EQ(found[0].revisions[1].step, 1000u);
    EXPECT_EQ(found[0].revisions[3].state, CachedRevision::State::complete);
    EXPECT_EQ(found[0].revisions[3].bytes, 8u + 48u);
    // "shared{}" and the four weights share one blob name here: each content counts once.
    EXPECT_EQ(found[0].bytes, 8u + 48u);
    EXPECT_GT(found[0].last_used, 0);
}

TEST_F(HubCacheList, NamesWithSlashesAndSnapshotsWithoutAName) {
    put("models--solo", a, "model.safetensors", "x");
    put("models--solo", b, "model.safetensors", "y");
    name("models--solo", "refs/pr/3", a);
    name("models--solo", "bad name", b);
    const auto found = list();
    ASSERT_EQ(found.size(), 1u);
    ASSERT_EQ(found[0].revisions.size(), 2u);
    EXPECT_EQ(found[0].revisions[0].model, "solo@refs/pr/3");
    EXPECT_EQ(found[0].revisions[0].label(), "refs/pr/3");
    EXPECT_EQ(found[0].revisions[1].model, "solo@" + b);
    EXPECT_EQ(found[0].revisions[1].label(), "bbbbbbbb");
    EXPECT_FALSE(found[0].is_trajectory());
}

TEST_F(HubCacheList, SaysWhatIsNotWhole) {
    put("models--config", a, "config.json", "{}");
    put("models--shards", a, "model.safetensors.index.json",
        R"({"weight_map": {"x": "model-1.safetensors", "y": "model-2.safetensors", "z": "model-3.safetensors"}})");
    put("models--shards", a, "model-2.safetensors", "2");
    put("models--broken", a, "model.safetensors", "w");
    fs::remove(folder_ / "models--broken" / "blobs" / "blob-of-w");
    put("models--split", a, "m-00001-of-00003.gguf", "1");
    put("models--bad", a, "model.safetensors.index.json", "{");
    put("models--whole", a, "pytorch_model.bin.index.json",
        R"({"weight_map": {"x": "pytorch_model-1.bin"}})");
    put("models--whole", a, "pytorch_model-1.bin", "w");
    std::map<std::string, std::string> words;
    for (const CachedRepository& repository : list())
        words[repository.repository] = state_words(repository.revisions.at(0));
    EXPECT_EQ(words["config"], "no weights");
    EXPECT_EQ(words["shards"], "2 files missing");
    EXPECT_EQ(words["broken"], "1 file missing");
    EXPECT_EQ(words["split"], "2 files missing");
    EXPECT_EQ(words["bad"], "1 file missing");
    EXPECT_EQ(words["whole"], "complete");
}

TEST_F(HubCacheList, LinksInCirclesEndAndForeignOnesAreNotFollowedIntoFolders) {
    put("models--x", a, "model.safetensors", "w");
    fs::create_directory_symlink(folder_.path(), folder_ / "models--x" / "snapshots" / a / "loop");
    fs::create_symlink("self", folder_ / "models--x" / "snapshots" / a / "self");
    ASSERT_EQ(list().size(), 1u);
    EXPECT_EQ(list()[0].bytes, 1u);
}

}  // namespace
}  // namespace deadscope
