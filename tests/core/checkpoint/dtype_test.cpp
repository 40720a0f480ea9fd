// The 8-bit floating types against PyTorch's, code by code.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/checkpoint/dtype.h"

namespace deadscope {
namespace {

TEST(DTypes, EveryCodeOfTheEightBitTypesIsPyTorchs) {
    std::ifstream in(std::string(DEADSCOPE_GOLDEN_DIR) + "/torch_files/float8.json");
    const nlohmann::json golden = nlohmann::json::parse(in);
    ASSERT_EQ(golden.size(), 5u);
    std::vector<std::byte> codes(256);
    for (std::size_t i = 0; i < codes.size(); ++i) codes[i] = static_cast<std::byte>(i);
    for (const auto& [name, bits] : golden.items()) {
        const DType dtype = *dtype_from_name(name);
        EXPECT_TRUE(is_readable(dtype) && is_computable(dtype));
        std::vector<float> found(256);
        std::vector<double> wide(256);
        convert_elements(dtype, codes.data(), codes.size(), found.data());
        convert_elements(dtype, codes.data(), codes.size(), wide.data());
        for (std::size_t i = 0; i < codes.size(); ++i) {
            const float wanted = std::bit_cast<float>(bits[i].get<std::uint32_t>());
            if (std::isnan(wanted)) {
                EXPECT_TRUE(std::isnan(found[i]) && std::isnan(wide[i])) << name << " " << i;
            } else {
                EXPECT_EQ(std::bit_cast<std::uint32_t>(found[i]), bits[i].get<std::uint32_t>())
                    << name << " " << i;
                EXPECT_EQ(wide[i], static_cast<double>(wanted)) << name << " " << i;
            }
        }
    }
}

TEST(DTypes, WhatIsOfSixBitsOrComplexIsNotRead) {
    for (const DType dtype : {DType::f6_e2m3, DType::f6_e3m2, DType::c64, DType::c128})
        EXPECT_FALSE(is_readable(dtype) || is_computable(dtype) || is_floating(dtype));
    EXPECT_FALSE(dtype_from_name("C128"));  // PyTorch's, not safetensors'
    EXPECT_TRUE(is_readable(DType::boolean) && !is_computable(DType::boolean));
}

}  // namespace
}  // namespace deadscope
