// Folders, files and shards: which are opened, and which are refused with what words.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "core/checkpoint/checkpoint.h"
#include "tests/fixtures/model_files.h"

namespace deadscope {
namespace {

namespace fs = std::filesystem;
using fixtures::constant;
using fixtures::error_of;
using fixtures::ramp;
using fixtures::write_safetensors;
using fixtures::write_text;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class Folder : public testing::Test {
protected:
    std::string refusal(const fs::path& model) {
        return error_of([&] { open_checkpoint(model.string()); });
    }
    // Two shards and their index: "a" in the first, "b" in the second.
    void write_shards(const std::string& first, const std::string& second) {
        write_safetensors(folder_ / first, {{"a", constant({2}, 1)}});
        write_safetensors(folder_ / second, {{"b", constant({3}, 2, "BF16")}});
        write_index(first, second);
    }
    void write_index(const std::string& a, const std::string& b) {
        write_text(folder_ / "model.safetensors.index.json",
                   R"({"metadata": {}, "weight_map": {"a": ")" + a + R"(", "b": ")" + b + "\"}}");
    }
    fixtures::TemporaryFolder folder_;
};

TEST_F(Folder, OpensConfigurationAndWeights) {
    fixtures::write_checkpoint(folder_ / "my-model", R"({"model_type": "x"})",
                               {{"n.weight", {{3}, {1, 2, 4}, "F16"}}, {"i", {{2}, {1, 2}, "I64"}}});
    const Checkpoint checkpoint = open_checkpoint((folder_ / "my-model").string());
    EXPECT_EQ(checkpoint.name(), "my-model");
    EXPECT_EQ(checkpoint.config()["model_type"], "x");
    EXPECT_EQ(checkpoint.parameters(), 3u);
    EXPECT_EQ(checkpoint.dtype(), "F16");
    EXPECT_EQ(checkpoint.find("none"), nullptr);
    EXPECT_THAT(checkpoint.read_all(*checkpoint.find("n.weight")), ElementsAre(1, 2, 4));
}

TEST_F(Folder, OpensOneFileWithOrWithoutAConfiguration) {
    write_safetensors(folder_ / "weights.safetensors", {{"a", constant({2}, 1)}});
    EXPECT_TRUE(open_checkpoint((folder_ / "weights.safetensors").string()).config().is_null());
    write_text(folder_ / "config.json", R"({"model_type": "y"})");
    EXPECT_EQ(open_checkpoint((folder_ / "weights.safetensors").string()).config()["model_type"], "y");
    EXPECT_EQ(open_checkpoint(folder_.path().string()).tensors().size(), 1u);  // the only file of its kind
    write_safetensors(folder_ / "more.safetensors", {{"b", constant({2}, 1)}});
    EXPECT_THAT(refusal(folder_.path()),
                AllOf(HasSubstr("several"), HasSubstr("more.safetensors, weights.safetensors")));
}

TEST_F(Folder, OpensShardsByTheirIndex) {
    write_shards("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors");
    for (const fs::path& model : {folder_.path(), folder_ / "model.safetensors.index.json"}) {
        const Checkpoint checkpoint = open_checkpoint(model.string());
        EXPECT_EQ(checkpoint.files().size(), 2u);
        EXPECT_THAT(checkpoint.read_all(*checkpoint.find("b")), ElementsAre(2, 2, 2));
        EXPECT_THAT(checkpoint.file_of(*checkpoint.find("b")), HasSubstr("model-00002-of-00002"));
    }
}

TEST_F(Folder, ShardsMustBeThereAndHoldWhatTheIndexSays) {
    write_shards("s1.safetensors", "s2.safetensors");
    fs::remove(folder_ / "s2.safetensors");
    EXPECT_THAT(refusal(folder_.path()),
                AllOf(HasSubstr("s2.safetensors"), HasSubstr("missing"), HasSubstr("'b'")));
    write_safetensors(folder_ / "s2.safetensors", {{"c", constant({3}, 2)}});
    EXPECT_THAT(refusal(folder_.path()), AllOf(HasSubstr("s2.safetensors"), HasSubstr("'b'")));
    write_safetensors(folder_ / "s2.safetensors", {{"a", constant({2}, 1)}, {"b", constant({3}, 2)}});
    EXPECT_THAT(refusal(folder_.path()), AllOf(HasSubstr("two files"), HasSubstr("'a'")));
    write_text(folder_ / "s2.safetensors", "broken");
    EXPECT_THAT(refusal(folder_.path()), HasSubstr("s2.safetensors"));
}

TEST_F(Folder, ShardNamesArePlainNames) {
    write_shards("s1.safetensors", "s2.safetensors");
    for (const char* name :
         {"../s2.safetensors", "/etc/passwd", "x/s2.safetensors", "..", "", "s2.bin", "a\\\\b.safetensors"}) {
        write_index("s1.safetensors", name);
        EXPECT_THAT(refusal(folder_.path()), AllOf(HasSubstr("weight_map.b"), HasSubstr("plain name")))
            << name;
    }
}

TEST_F(Folder, TheIndexIsCheckedAsAFile) {
    const fs::path index = folder_ / "model.safetensors.index.json";
    write_text(index, R"({"weight_map": {"a": "s.safetensors", "a": "t.safetensors"}})");
    EXPECT_THAT(refusal(folder_.path()),
                AllOf(HasSubstr("index.json"), HasSubstr("'a'"), HasSubstr("twice")));
    write_text(index, R"({"metadata": {}})");
    EXPECT_THAT(refusal(folder_.path()), HasSubstr("weight_map"));
    write_text(index, R"({"weight_map": {}})");
    EXPECT_THAT(refusal(folder_.path()), HasSubstr("weight_map"));
    write_text(index, R"({"weight_map": {"a": 3}})");
    EXPECT_THAT(refusal(folder_.path()), HasSubstr("weight_map.a"));
}

TEST_F(Folder, LinksOutOfTheFolderAreRefused) {
    write_safetensors(folder_ / "elsewhere/w.safetensors",
                      {{"a", constant({2}, 1)}, {"b", constant({3}, 1)}});
    const fs::path model = folder_ / "model";
    fs::create_directories(model);
    fs::create_symlink("../elsewhere/w.safetensors", model / "model.safetensors");
    EXPECT_THAT(refusal(model), AllOf(HasSubstr("model.safetensors"), HasSubstr("leads out")));
    EXPECT_EQ(open_checkpoint((model / "model.safetensors").string()).tensors().size(),
              2u);  // the person's own choice
    fs::remove(model / "model.safetensors");
    fs::copy(folder_ / "elsewhere/w.safetensors", model / "real.safetensors");
    fs::create_symlink("real.safetensors", model / "model.safetensors");
    EXPECT_EQ(open_checkpoint(model.string()).tensors().size(), 2u);  // inside the folder
    write_text(folder_ / "elsewhere/config.json", "{}");
    fs::create_symlink("../elsewhere/config.json", model / "config.json");
    EXPECT_THAT(refusal(model), AllOf(HasSubstr("config.json"), HasSubstr("leads out")));
}

TEST_F(Folder, OtherFormatsAreNamed) {
    for (const char* name : {"pytorch_model.bin", "model.gguf", "model.pt"}) {
        write_text(folder_ / "m" / name, "x");
        EXPECT_THAT(refusal(folder_ / "m"), AllOf(HasSubstr(name), HasSubstr("not read in this version")))
            << name;
        EXPECT_THAT(refusal(folder_ / "m" / name),
                    AllOf(HasSubstr(name), HasSubstr("not read in this version")))
            << name;
    }
    write_text(folder_ / "empty/readme.md", "x");
    EXPECT_THAT(refusal(folder_ / "empty"), HasSubstr("holds no weights"));
    write_text(folder_ / "empty/config.json", "{}");
    EXPECT_THAT(refusal(folder_ / "empty/config.json"), HasSubstr("Open the folder"));
}

TEST_F(Folder, MalformedConfigurationsNameFileAndPlace) {
    const fs::path model = folder_ / "m";
    fixtures::write_checkpoint(model, "{\"model_type\": \"gpt2\",}", {{"a", constant({2}, 1)}});
    EXPECT_THAT(refusal(model), AllOf(HasSubstr("config.json"), HasSubstr("byte 22")));
    write_text(model / "config.json", "[1]");
    EXPECT_THAT(refusal(model), AllOf(HasSubstr("config.json"), HasSubstr("an object")));
    write_text(model / "config.json", R"({"n_layer": 1, "n_layer": 2})");
    EXPECT_THAT(refusal(model), AllOf(HasSubstr("config.json"), HasSubstr("n_layer"), HasSubstr("twice")));
    write_text(model / "config.json", R"({"model_type": "x", "unused": Infinity, "name": ")"
                                      "\xE9\"}");
    EXPECT_NO_THROW(open_checkpoint(model.string()));
    fs::remove(model / "config.json");
    fs::create_directory(model / "config.json");
    EXPECT_THAT(refusal(model), AllOf(HasSubstr("config.json"), HasSubstr("a folder")));
}

TEST_F(Folder, WhatIsNotThereIsSaidSo) {
    EXPECT_THAT(refusal(folder_ / "none"), AllOf(HasSubstr("none"), HasSubstr("no such file")));
    EXPECT_THAT(refusal("/dev/null"), HasSubstr("a device"));
    EXPECT_THAT(refusal(""), HasSubstr("no such file"));
    EXPECT_THAT(refusal("name\xFFwith\nbytes"), AllOf(HasSubstr("\\n"), Not(HasSubstr("\xFF"))));
}

}  // namespace
}  // namespace deadscope
