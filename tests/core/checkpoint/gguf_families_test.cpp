// Every table of assets/gguf against files of llama.cpp's own converter: each tensor of the transformers
// checkpoint is there under its name, with its shape and its very bits, and the configuration says the same.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "core/base/assets.h"
#include "core/base/json.h"
#include "core/base/mapped_file.h"
#include "core/checkpoint/gguf.h"

namespace deadscope {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const fs::path golden_folder = fs::path(DEADSCOPE_GOLDEN_DIR) / "gguf";

std::uint32_t crc32(std::span<const float> values) {
    std::uint32_t crc = 0xFFFFFFFFu;
    for (const float value : values) {
        unsigned char bytes[4];
        std::memcpy(bytes, &value, 4);
        for (const unsigned char byte : bytes) {
            crc ^= byte;
            for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? 0xEDB88320u : 0u);
        }
    }
    return ~crc;
}

json read_json(const fs::path& path) {
    return parse_json(read_text_file(path.string(), 1 << 24), {.file = path.string()});
}

std::vector<std::string> families() {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(golden_folder)) {
        if (entry.path().extension() == ".json") names.push_back(entry.path().stem().string());
    }
    std::sort(names.begin(), names.end());
    return names;
}

class GgufFamilies : public testing::TestWithParam<std::string> {
protected:
    // Some lie where the parity test finds them.
    static fs::path file() {
        const fs::path plain = golden_folder / (GetParam() + ".gguf");
        return fs::exists(plain)
                   ? plain
                   : fs::path(DEADSCOPE_GOLDEN_DIR) / ("gguf_" + GetParam()) / "model/model.gguf";
    }
    json golden_ = read_json(golden_folder / (GetParam() + ".json"));
    std::unique_ptr<WeightsFile> weights_ = open_gguf(MappedFile::open(file().string()));

    const TensorInfo* find(const std::string& name) const {
        for (const TensorInfo& tensor : weights_->tensors()) {
            if (tensor.name == name) return &tensor;
        }
        return nullptr;
    }
};

TEST_P(GgufFamilies, EveryTensorOfTheCheckpointIsThereBitForBit) {
    for (const auto& [name, expected] : golden_["tensors"].items()) {
        const TensorInfo* tensor = find(name);
        ASSERT_NE(tensor, nullptr) << name;
        EXPECT_EQ(json(tensor->shape), expected[0]) << name;
        std::vector<float> values(tensor->elements);
        weights_->read(*tensor, {0, values.size()}, std::span<float>(values));
        EXPECT_EQ(crc32(values), expected[1].get<std::uint32_t>()) << name;
        // In pieces, and in double: the same numbers.
        std::vector<double> pieces(tensor->elements);
        for (std::uint64_t at = 0; at < pieces.size(); at += 37) {
            const std::uint64_t count = std::min<std::uint64_t>(37, pieces.size() - at);
            weights_->read(*tensor, {at, count}, std::span<double>(pieces).subspan(at, count));
        }
        EXPECT_TRUE(std::equal(pieces.begin(), pieces.end(), values.begin())) << name;
    }
}

TEST_P(GgufFamilies, NoTensorKeepsTheFilesOwnName) {
    for (const TensorInfo& tensor : weights_->tensors()) {
        EXPECT_TRUE(golden_["tensors"].contains(tensor.name)) << tensor.name;
    }
}

void expect_same(const json& found, const json& expected, const std::string& key) {
    if (found.is_object() && expected.is_object()) {
        for (const auto& [inner, value] : found.items()) {
            if (expected.contains(inner)) expect_same(value, expected[inner], key + "." + inner);
        }
    } else {
        EXPECT_EQ(found, expected) << key;
    }
}

TEST_P(GgufFamilies, TheConfigurationSaysWhatConfigJsonSays) {
    const json config = *weights_->configuration();
    const json& expected = golden_["config"];
    EXPECT_EQ(config.at("gguf"), true);
    EXPECT_GT(golden_["tensors"].size(), 10u);
    std::size_t compared = 0;
    for (const auto& [key, value] : config.items()) {
        if (key == "rope_scaling" || !expected.contains(key) || expected[key].is_null()) continue;
        expect_same(value, expected[key], key);
        ++compared;
    }
    EXPECT_GE(compared, 7u) << config.dump(1);
    json rope = expected.value("rope_parameters", json::object());
    if (rope.contains("full_attention")) rope = json(rope["full_attention"]);
    if (config.contains("rope_theta") && rope.contains("rope_theta")) {
        EXPECT_EQ(config["rope_theta"], rope["rope_theta"]);
    }
    if (config.contains("rope_scaling")) expect_same(config["rope_scaling"], rope, "rope_scaling");
    if (rope.contains("rope_type") && rope["rope_type"] != "default") {
        EXPECT_TRUE(config.contains("rope_scaling") || config.contains("rope_parameters"));
    }
}

INSTANTIATE_TEST_SUITE_P(All, GgufFamilies, testing::ValuesIn(families()),
                         [](const auto& family) { return family.param; });

// A table that no golden opens would be a claim that nothing checks.
TEST(GgufTables, EachIsUsedByAGoldenAndIsWellFormed) {
    const std::set<std::string> known{"schema", "architecture", "extends",      "model_type", "rope",
                                      "config", "tensors",      "rope_scaling", "variants",   "comment"};
    std::size_t tables = 0;
    for (const Asset& asset : assets()) {
        if (!asset.path.starts_with("assets/gguf/")) continue;
        ++tables;
        const json table = parse_json(asset_text(asset), {.file = std::string(asset.path)});
        EXPECT_EQ(table.at("schema"), "deadscope.gguf/1") << asset.path;
        EXPECT_EQ("assets/gguf/" + table.at("architecture").get<std::string>() + ".json", asset.path);
        for (const auto& [key, value] : table.items()) EXPECT_TRUE(known.contains(key)) << asset.path << key;
    }
    EXPECT_GE(tables, 30u);
}

}  // namespace
}  // namespace deadscope
