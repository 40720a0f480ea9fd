// Folders, files and shards: which are opened, and which are refused with what words.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "core/checkpoint/checkpoint.h"
#include "tests/fixtures/model_files.h"
#include "tests/fixtures/pickle_writer.h"
#include "tests/fixtures/zip_writer.h"

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
    for (const char* name : {"tf_model.h5", "flax_model.msgpack", "model.onnx"}) {
        const fs::path model = folder_ / name / "m";
        write_text(model / name, "x");
        for (const fs::path& given : {model, model / name})
            EXPECT_THAT(refusal(given), AllOf(HasSubstr(name), HasSubstr("not read in this version"),
                                              HasSubstr("save_pretrained")));
    }
    write_text(folder_ / "b/pytorch_model.bin", "x");
    EXPECT_THAT(refusal(folder_ / "b"), AllOf(HasSubstr("pytorch_model.bin"), HasSubstr("not a PyTorch")));
    write_text(folder_ / "empty/readme.md", "x");
    EXPECT_THAT(refusal(folder_ / "empty"), HasSubstr("holds no weights"));
    write_text(folder_ / "empty/config.json", "{}");
    EXPECT_THAT(refusal(folder_ / "empty/config.json"), HasSubstr("Open the folder"));
}

// One tensor "a" of one value, as PyTorch saves it.
std::string torch_bytes(float value, const char* tensor = "a") {
    namespace pickles = fixtures::pickles;
    return fixtures::torch_zip(
        pickles::whole(
            pickles::dict({{tensor, pickles::tensor({.shape = {1}, .strides = {1}, .elements = 1})}})),
        {std::string(reinterpret_cast<const char*>(&value), sizeof(value))});
}

TEST_F(Folder, WeightsAreChosenInTheHubsOrder) {
    const fs::path model = folder_ / "m";
    const auto first = [&] {
        const Checkpoint checkpoint = open_checkpoint(model.string());
        return checkpoint.read_all(*checkpoint.find("a")).front();
    };
    write_text(model / "training_args.bin", "never opened");
    write_text(model / "optimizer.pt", "never opened");
    EXPECT_THAT(refusal(model), HasSubstr("holds no weights"));
    write_text(model / "weights.pt", torch_bytes(1));
    EXPECT_EQ(first(), 1.0);
    write_text(model / "other.pt", torch_bytes(1));
    EXPECT_THAT(refusal(model), AllOf(HasSubstr("several"), HasSubstr("other.pt, weights.pt")));
    write_safetensors(model / "only.safetensors", {{"a", constant({1}, 2)}});
    EXPECT_EQ(first(), 2.0);
    write_text(model / "pytorch_model.bin", torch_bytes(3));
    EXPECT_EQ(first(), 3.0);
    write_safetensors(model / "model.safetensors", {{"a", constant({1}, 4)}});
    EXPECT_EQ(first(), 4.0);
    EXPECT_EQ(open_checkpoint((model / "weights.pt").string()).files().size(), 1u);
    write_text(folder_ / "old/modules.json", "[]");
    write_text(folder_ / "old/0_Transformer/pytorch_model.bin", torch_bytes(5));
    EXPECT_EQ(open_checkpoint((folder_ / "old").string()).files().size(), 1u);
}

TEST_F(Folder, ANameThatSaysNothingIsOpenedByWhatTheFileIs) {
    write_text(folder_ / "consolidated", torch_bytes(1));
    write_safetensors(folder_ / "saved.bin", {{"a", constant({1}, 2)}});
    for (const char* name : {"consolidated", "saved.bin"})
        EXPECT_NE(open_checkpoint((folder_ / name).string()).find("a"), nullptr) << name;
    write_text(folder_ / "renamed.safetensors", torch_bytes(1));
    EXPECT_THAT(refusal(folder_ / "renamed.safetensors"), HasSubstr("zip archive"));
}

TEST_F(Folder, PyTorchShardsAreOpenedByTheirIndex) {
    const fs::path model = folder_ / "m";
    write_text(model / "pytorch_model-00001-of-00002.bin", torch_bytes(1));
    write_text(model / "pytorch_model-00002-of-00002.bin", torch_bytes(2, "b"));
    const auto index = [&](const char* shard) {
        write_text(model / "pytorch_model.bin.index.json",
                   R"({"weight_map": {"a": "pytorch_model-00001-of-00002.bin", "b": ")" + std::string(shard) +
                       "\"}}");
    };
    index("pytorch_model-00002-of-00002.bin");
    for (const fs::path& given : {model, model / "pytorch_model.bin.index.json"}) {
        const Checkpoint checkpoint = open_checkpoint(given.string());
        EXPECT_EQ(checkpoint.files().size(), 2u);
        EXPECT_THAT(checkpoint.read_all(*checkpoint.find("b")), ElementsAre(2));
    }
    for (const char* shard : {"../evil.bin", "/tmp/evil.bin", "evil.safetensors", ""}) {
        index(shard);
        EXPECT_THAT(refusal(model), AllOf(HasSubstr("weight_map.b"), HasSubstr("plain name"))) << shard;
    }
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
