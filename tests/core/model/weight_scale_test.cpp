// Weights of 8 bits with their scales: by tensor, row and block, in any range, and what does not fit.
#include "core/model/weight_scale.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "core/model/weights.h"
#include "tests/fixtures/model_files.h"

namespace deadscope {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr std::int64_t matrices = 2, rows = 5, columns = 7;
constexpr std::size_t elements = matrices * rows * columns;

// A tensor "w" of F8_E4M3 bytes and its scales, and what their product is by the plainest rule.
class Scaled {
public:
    Scaled(const std::string& scale_name, std::vector<std::int64_t> shape, const std::string& config) {
        std::size_t count = 1;
        for (const std::int64_t extent : shape) count *= static_cast<std::size_t>(extent);
        for (std::size_t i = 0; i < count; ++i) scales.push_back(0.5f + static_cast<float>(i));
        std::string buffer;
        for (std::size_t i = 0; i < elements; ++i) buffer += static_cast<char>(0x20 + i % 64);
        buffer.append(reinterpret_cast<const char*>(scales.data()), count * sizeof(float));
        const nlohmann::json header{
            {"w",
             {{"dtype", "F8_E4M3"}, {"shape", {matrices, rows, columns}}, {"data_offsets", {0, elements}}}},
            {scale_name, {{"dtype", "F32"}, {"shape", shape}, {"data_offsets", {elements, buffer.size()}}}}};
        fixtures::write_text(folder / "config.json", config);
        fixtures::write_text(folder / "model.safetensors", fixtures::raw_safetensors(header.dump(), buffer));
    }
    Checkpoint open() const { return open_checkpoint(folder.path().string()); }

    fixtures::TemporaryFolder folder;
    std::vector<float> scales;
};

template <class Place>
void expect_products(const Scaled& scaled, Place place) {
    const Checkpoint checkpoint = scaled.open();
    const std::vector<double> stored = checkpoint.read_all(*checkpoint.find("w"));
    const auto source = trained_weights(checkpoint);
    const WeightRef weight{"w", {matrices, rows, columns}, {}};
    for (std::uint64_t first = 0; first < elements; first += 3) {
        for (const std::uint64_t count : {std::uint64_t{1}, std::uint64_t{13}, elements - first}) {
            if (first + count > elements) continue;
            std::vector<double> found(count);
            std::vector<float> narrow(count);
            source->read(weight, {first, count}, found);
            source->read(weight, {first, count}, narrow);
            for (std::size_t i = 0; i < count; ++i) {
                const std::size_t at = first + i, column = at % columns, row = at / columns % rows,
                                  matrix = at / columns / rows;
                const double wanted =
                    stored[at] * static_cast<double>(scaled.scales[place(matrix, row, column)]);
                ASSERT_EQ(found[i], wanted) << at;
                ASSERT_EQ(narrow[i], static_cast<float>(wanted)) << at;
            }
        }
    }
}

TEST(WeightScale, OneForAllForEachRowOrForEachBlock) {
    const char* blocks = R"({"quantization_config": {"quant_method": "fp8", "weight_block_size": [2, 3]}})";
    for (const char* name : {"w_scale_inv", "w_scale"}) {
        expect_products({name, {}, "{}"}, [](auto, auto, auto) { return std::size_t{0}; });
        expect_products({name, {1}, "{}"}, [](auto, auto, auto) { return std::size_t{0}; });
        expect_products({name, {matrices, 1, 1}, "{}"}, [](auto matrix, auto, auto) { return matrix; });
        expect_products({name, {matrices, rows, 1}, "{}"},
                        [](auto matrix, auto row, auto) { return matrix * rows + row; });
        expect_products({name, {matrices, 3, 3}, blocks}, [](auto matrix, auto row, auto column) {
            return (matrix * 3 + row / 2) * 3 + column / 3;
        });
        // Blocks of 128 where the configuration says nothing: one for each matrix here.
        expect_products({name, {matrices, 1, 1}, R"({"quantization_config": {"quant_method": "fp8"}})"},
                        [](auto matrix, auto, auto) { return matrix; });
    }
}

TEST(WeightScale, OfAnotherShapeIsRefused) {
    const auto refusal = [](std::vector<std::int64_t> shape, const std::string& config) {
        const Scaled scaled("w_scale_inv", std::move(shape), config);
        const Checkpoint checkpoint = scaled.open();
        return fixtures::error_of([&] { (void)WeightScale::of(checkpoint, *checkpoint.find("w")); });
    };
    EXPECT_THAT(refusal({3, 3}, "{}"),
                AllOf(HasSubstr("'w_scale_inv'"), HasSubstr("[3, 3]"), HasSubstr("128")));
    EXPECT_THAT(refusal({2, 3, 3}, "{}"), HasSubstr("do not fit"));
    EXPECT_THAT(refusal({2, 3, 3}, R"({"quantization_config": {"weight_block_size": [0, 1]}})"),
                HasSubstr("weight_block_size"));
}

// [2, 64] of F4, all of them 1.5 (code 3), with a power of two for each block of 32 (F8_E8M0: 127 is 1).
TEST(WeightScale, FourBitsHaveOneForEachBlockOf32) {
    const auto open = [](const fixtures::TemporaryFolder& folder, const std::string& scales) {
        const std::string shape = scales.size() == 4 ? "[2,2]" : "[" + std::to_string(scales.size()) + "]";
        fixtures::write_text(folder / "config.json", "{}");
        fixtures::write_text(
            folder / "model.safetensors",
            fixtures::raw_safetensors(R"({"w":{"dtype":"F4","shape":[2,64],"data_offsets":[0,64]},)"
                                      R"("w_scale":{"dtype":"F8_E8M0","shape":)" +
                                          shape + R"(,"data_offsets":[64,)" +
                                          std::to_string(64 + scales.size()) + "]}}",
                                      std::string(64, '\x33') + scales));
        return open_checkpoint(folder.path().string());
    };
    const fixtures::TemporaryFolder good, bad;
    const Checkpoint checkpoint = open(good, "\x7f\x80\x81\x7e");
    std::vector<double> found(128);
    trained_weights(checkpoint)->read({"w", {2, 64}, {}}, {0, 128}, found);
    const double factors[] = {1, 2, 4, 0.5};
    for (std::size_t i = 0; i < found.size(); ++i) ASSERT_EQ(found[i], 1.5 * factors[i / 32]) << i;
    std::vector<float> odd(40);
    trained_weights(checkpoint)->read({"w", {2, 64}, {}}, {31, 40}, odd);
    for (std::size_t i = 0; i < odd.size(); ++i) ASSERT_EQ(odd[i], 1.5 * factors[(i + 31) / 32]) << i;
    const Checkpoint wrong = open(bad, "\x7f\x80\x81");
    EXPECT_THAT(fixtures::error_of([&] { (void)WeightScale::of(wrong, *wrong.find("w")); }),
                AllOf(HasSubstr("'w_scale'"), HasSubstr("[1, 32]")));
}

TEST(WeightScale, OthersHaveNone) {
    fixtures::TemporaryFolder folder;
    fixtures::write_checkpoint(
        folder / "m", "{}", {{"w", fixtures::constant({2, 2}, 1)}, {"w_scale", fixtures::constant({1}, 3)}});
    const Checkpoint checkpoint = open_checkpoint((folder / "m").string());
    EXPECT_FALSE(WeightScale::of(checkpoint, *checkpoint.find("w")));
}

TEST(WeightScale, OnlyWhatIsReadIsUnderstood) {
    for (const char* read : {R"({"quant_method": "fp8"})", R"({"quant_method": "mxfp4"})",
                             R"({"quant_method": "compressed-tensors", "format": "float-quantized"})"})
        EXPECT_TRUE(is_read_quantisation(nlohmann::json::parse(read))) << read;
    for (const char* other : {R"({"quant_method": "gptq"})", R"({"quant_method": "compressed-tensors"})",
                              R"({"quant_method": "bitsandbytes", "load_in_4bit": true})", "{}", "[]", "3"})
        EXPECT_FALSE(is_read_quantisation(nlohmann::json::parse(other))) << other;
}

}  // namespace
}  // namespace deadscope
