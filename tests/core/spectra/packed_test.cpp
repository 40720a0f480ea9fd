// Factors and sums on their way to another process: bit for bit what they were, merged in the order of rows,
// and refused where the numbers are not theirs.
#include "core/spectra/packed.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "core/base/error.h"
#include "core/spectra/kernel.h"
#include "core/spectra/singular.h"
#include "tests/core/spectra/random_matrix.h"

namespace deadscope {
namespace {

using test::Vector;

constexpr std::size_t many = static_cast<std::size_t>(-1);

TsqrFactor factor_of(std::span<const double> rows, std::size_t d, std::size_t expected = many) {
    TsqrFactor out(d, expected);
    out.add(rows);
    return out;
}

TsqrFactor sent(const TsqrFactor& factor, std::size_t expected) {
    Vector numbers(packed_size(factor.width(), expected), -1.0);
    pack(factor, expected, numbers);
    return unpack(numbers, factor.width(), expected);
}

TEST(Packed, AFactorArrivesBitForBit) {
    for (const std::size_t d : {1, 2, 9, 33})
        for (const std::size_t rows : {0, 1, 5, 32, 33, 200}) {
            SCOPED_TRACE(testing::Message() << "d " << d << ", rows " << rows);
            const Vector y = test::normals(rows * d, static_cast<unsigned>(31 * d + rows), 0.7);
            for (const std::size_t expected : {std::max<std::size_t>(rows, 1), rows + 500}) {
                const TsqrFactor factor = factor_of(y, d, expected), other = sent(factor, expected);
                EXPECT_EQ(other.rows(), rows);
                EXPECT_EQ(other.centred(), factor.centred());
                EXPECT_EQ(other.uncentred(), factor.uncentred());
                EXPECT_EQ(other.mean(), factor.mean());
            }
        }
}

TEST(Packed, WhatArrivedIsAddedToAndMergedAsIfItHadStayed) {
    const std::size_t d = 12, rows = 90;
    const Vector y = test::normals(rows * d, 3, 2.0);
    const auto part = [&](std::size_t first, std::size_t last) {
        return std::span(y).subspan(first * d, (last - first) * d);
    };
    TsqrFactor here = factor_of(part(0, 40), d), there = sent(here, rows);
    for (TsqrFactor* factor : {&here, &there}) {
        factor->add(part(40, 55));
        factor->merge(sent(factor_of(part(55, rows), d), rows));
    }
    EXPECT_EQ(here.centred(), there.centred());
    EXPECT_EQ(here.mean(), there.mean());
}

// Kept rows show the order outright: the lower ranks' first.
TEST(Packed, MergingKeepsTheOrderOfRows) {
    const std::size_t d = 10, rows = 7;
    const Vector y = test::normals(rows * d, 4);
    TsqrFactor whole = sent(factor_of(std::span(y).first(3 * d), d, rows), rows);
    whole.merge(sent(factor_of(std::span(y).subspan(3 * d), d, rows), rows));
    EXPECT_EQ(whole.parts().kept, y);
    EXPECT_EQ(whole.parts().shift, Vector(y.begin(), y.begin() + d));
}

TEST(Packed, AnEmptyRankChangesNothing) {
    const std::size_t d = 6;
    for (const std::size_t rows : {4, 50}) {
        const Vector y = test::normals(rows * d, 5, 1.0);
        const TsqrFactor alone = factor_of(y, d, rows), nothing(d, rows);
        TsqrFactor before = sent(nothing, rows), behind = sent(alone, rows);
        before.merge(alone);
        behind.merge(sent(nothing, rows));
        EXPECT_EQ(behind.centred(), alone.centred());
        const Vector expected = singular_values(alone.centred(), d);
        const Vector found = singular_values(before.centred(), d);
        for (std::size_t i = 0; i < expected.size(); ++i)  // one more QR: a few roundings of the largest
            EXPECT_NEAR(found[i], expected[i], 1e-14 * expected.front());
    }
}

TEST(Packed, NumbersThatAreNoFactorAreRefused) {
    const std::size_t d = 5, rows = 20;
    Vector good(packed_size(d, rows));
    pack(factor_of(test::normals(rows * d, 6), d), rows, good);
    EXPECT_EQ(unpack(good, d, rows).rows(), rows);
    const auto refused = [&](std::size_t at, double value) {
        Vector wrong = good;
        wrong[at] = value;
        EXPECT_THROW(unpack(wrong, d, rows), Error) << at << " " << value;
    };
    refused(0, 6.0);   // width
    refused(1, 21.0);  // more rows than there are
    refused(1, -1.0);
    refused(1, 2.5);
    refused(1, std::numeric_limits<double>::quiet_NaN());
    refused(2, 1.0);  // kept rows where there should be a triangle
    EXPECT_THROW(unpack(std::span(good).first(good.size() - 1), d, rows), Error);
    EXPECT_THROW(unpack(good, d + 1, rows), Error);
    EXPECT_THROW(unpack(good, d, 3), Error);
}

TEST(Packed, PartsThatDoNotFitAreRefused) {
    const TsqrFactor factor = factor_of(test::normals(40, 7), 4);
    using Parts = TsqrFactor::Parts;
    for (void (*spoil)(Parts&) : {+[](Parts& p) { p.r.pop_back(); }, +[](Parts& p) { p.shift.clear(); },
                                  +[](Parts& p) { p.kept.push_back(1.0); }, +[](Parts& p) { p.d = 0; },
                                  +[](Parts& p) { p.r.clear(); }}) {
        Parts parts = factor.parts();
        spoil(parts);
        EXPECT_THROW(TsqrFactor::from(std::move(parts)), Error);
    }
}

// λ_v rests on sums in extended precision, so that only the last bits may differ by the order of adding.
TEST(Packed, SumsOfPartsAreTheSumsOfTheWhole) {
    const std::size_t d = 16, rows = 300;
    const Vector gamma = test::log_normals(d, 8, 0.4), x = test::normals(rows * d, 9, 3.0);
    const Vector v = predict_kernel(NormKind::layer_norm, gamma).v;
    const auto sums = [&](std::size_t first, std::size_t last) {
        FloorAccumulator out(v, gamma);
        const auto part = std::span(x).subspan(first * d, (last - first) * d);
        out.add_input(part);
        out.add_output(part);
        return out;
    };
    const FloorAccumulator whole = sums(0, rows);
    FloorAccumulator merged = sums(0, 0);
    for (const auto& [first, last] : {std::pair{0, 100}, {100, 100}, {100, 101}, {101, 300}}) {
        const FloorAccumulator part = sums(static_cast<std::size_t>(first), static_cast<std::size_t>(last));
        Vector numbers(part.packed_size());
        part.pack(numbers);
        FloorAccumulator arrived(v, gamma);
        arrived.unpack(numbers);
        EXPECT_EQ(arrived.lambda_v(), part.lambda_v());
        EXPECT_EQ(arrived.mean_over_spread(), part.mean_over_spread());
        merged.merge(arrived);
    }
    const auto near = [](double a, double b) { EXPECT_NEAR(a, b, 1e-14 * std::abs(b)); };
    EXPECT_EQ(merged.rows(), rows);
    near(merged.lambda_v(), whole.lambda_v());
    near(merged.mean_over_spread(), whole.mean_over_spread());
    near(merged.mean_rounding_along(v, 0x1p-53), whole.mean_rounding_along(v, 0x1p-53));
    near(merged.floor({0x1p-53, 0x1p-53}, NormKind::layer_norm).total(),
         whole.floor({0x1p-53, 0x1p-53}, NormKind::layer_norm).total());
}

}  // namespace
}  // namespace deadscope
