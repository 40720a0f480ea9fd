// What the CUDA backend promises beside its operations (tests/core/backend/operations_test.cpp): weights of
// any kind arrive, factors are those of the host, little work waits, memory is used again, and failures are
// errors.
#include "core/backend/cuda/cuda_backend.h"

#include <bit>
#include <limits>

#include "core/backend/cuda/module.h"
#include "core/backend/device_error.h"
#include "core/backend/module_loader.h"
#include "core/base/half.h"
#include "core/spectra/singular.h"
#include "core/spectra/tsqr.h"
#include "tests/core/backend/compare.h"
#include "tests/core/backend/cuda/stored_table.h"
#include "tests/emulation/emulation.h"

namespace deadscope::testing {
namespace {

namespace emu = deadscope_emulation;

class CudaBackendTest : public ::testing::Test {
protected:
    void SetUp() override { emu::reset(); }
    void TearDown() override {
        use_gpu_module(nullptr);
        emu::reset();
    }
    static std::unique_ptr<Backend> make(Precision precision = Precision::f32) {
        return cuda::make_cuda_backend(0, precision, {.threads = 2});
    }
};

// The values of a held weight: products with the unit matrix are exact.
std::vector<double> values_of(Backend& backend, const Matrix& weight) {
    Table one(weight.cols, weight.cols);
    for (std::size_t i = 0; i < one.rows; ++i) one(i, i) = 1;
    Matrix y = backend.allocate(weight.cols, weight.rows);
    backend.linear(upload(backend, one), weight, false, nullptr, y);
    const std::vector<double> transposed = download(backend, y);
    std::vector<double> out(transposed.size());
    for (std::size_t i = 0; i < weight.rows; ++i)
        for (std::size_t j = 0; j < weight.cols; ++j)
            out[i * weight.cols + j] = transposed[j * weight.rows + i];
    return out;
}

// Numbers that every type of these tests holds exactly: small multiples of 1/8.
std::vector<double> exact_values(std::size_t count) {
    std::vector<double> values(count);
    for (std::size_t i = 0; i < count; ++i)
        values[i] = (static_cast<double>(i * 2654435761u % 255u) - 127.0) / 8.0;
    return values;
}

std::vector<std::byte> stored_bytes(DType dtype, const std::vector<double>& values) {
    std::vector<std::byte> bytes;
    const auto put = [&](auto value) {
        const auto* from = reinterpret_cast<const std::byte*>(&value);
        bytes.insert(bytes.end(), from, from + sizeof value);
    };
    for (const double value : values) {
        const auto single = static_cast<float>(value);
        const auto bits = std::bit_cast<std::uint32_t>(single);
        if (dtype == DType::f64) put(value);
        if (dtype == DType::f32) put(single);
        if (dtype == DType::bf16) put(static_cast<std::uint16_t>(bits >> 16));
        if (dtype == DType::f16) {  // normal numbers and zero only
            const std::uint32_t moved = bits == 0 ? 0 : ((bits >> 13) & 0x3FFFFu) - (112u << 10);
            put(static_cast<std::uint16_t>((single == 0.0F ? 0 : moved & 0x7FFFu) | (bits >> 16 & 0x8000u)));
        }
    }
    return bytes;
}

TEST_F(CudaBackendTest, HoldsWeightsOfEveryPlainType) {
    constexpr std::size_t rows = 37, cols = 53;
    const std::vector<double> values = exact_values(rows * cols);
    for (const Precision precision : {Precision::f64, Precision::f32, Precision::bf16, Precision::f16}) {
        for (const DType dtype : {DType::f64, DType::f32, DType::bf16, DType::f16}) {
            for (const bool as_stored : {true, false}) {
                const auto backend = make(precision);
                const auto stored =
                    std::make_shared<StoredTable>(dtype, rows, cols, stored_bytes(dtype, values), as_stored);
                const Matrix held = backend->hold(stored);
                EXPECT_TRUE(stored->released);
                EXPECT_EQ(values_of(*backend, held), values)
                    << precision_name(precision) << " of type " << static_cast<int>(dtype) << ", as stored "
                    << as_stored;
            }
        }
    }
}

TEST_F(CudaBackendTest, HoldsQuantisedWeights) {
    for (const DType dtype : {DType::q4_0, DType::q8_0, DType::q4_k, DType::q6_k, DType::iq4_xs}) {
        const QuantisedKind& kind = quantised_kind(dtype);
        const std::size_t rows = 6, cols = 512, row_bytes = cols / kind.elements * kind.bytes;
        std::vector<std::byte> bytes(rows * row_bytes);
        for (std::size_t i = 0; i < bytes.size(); ++i)
            bytes[i] = static_cast<std::byte>(i * 97 % 59);  // finite
        const auto stored = std::make_shared<StoredTable>(dtype, rows, cols, bytes);
        std::vector<double> expected(rows * cols);
        for (std::size_t i = 0; i < rows; ++i)
            stored->read(i, 0, std::span(expected).subspan(i * cols, cols));
        const auto backend = make(Precision::f64);
        EXPECT_EQ(values_of(*backend, backend->hold(stored)), expected) << kind.name;
    }
}

// More than both pinned halves, so that every half is waited for and filled again.
TEST_F(CudaBackendTest, LargeWeightsComeInPieces) {
    constexpr std::size_t rows = 70000, cols = 96;
    const std::vector<double> values = exact_values(rows * cols);
    for (const bool as_stored : {true, false}) {
        const auto backend = make();
        const Matrix held = backend->hold(std::make_shared<StoredTable>(
            DType::f32, rows, cols, stored_bytes(DType::f32, values), as_stored));
        EXPECT_TRUE(values_of(*backend, held) == values) << as_stored;
    }
}

TEST_F(CudaBackendTest, RowsLongerThanAPinnedHalfCome) {
    constexpr std::size_t cols = (9u << 20) / sizeof(float) + 5;
    std::vector<double> values = exact_values(2 * cols);
    const auto backend = make();
    const Matrix held =
        backend->hold(std::make_shared<StoredTable>(DType::f32, 2, cols, stored_bytes(DType::f32, values)));
    // Its own product: the sums of squares, and that of the rows.
    Matrix x = backend->allocate(1, cols), y = backend->allocate(1, 2);
    std::vector<float> some(cols, 0.0F);
    some[cols - 1] = 1.0F;
    some[0] = 256.0F;
    backend->write(x, std::span<const float>(some));
    backend->linear(x, held, false, nullptr, y);
    EXPECT_EQ(download(*backend, y), (std::vector<double>{values[cols - 1] + 256.0 * values[0],
                                                          values[2 * cols - 1] + 256.0 * values[cols]}));
}

TEST_F(CudaBackendTest, AWeightThatIsNotFiniteIsNamedAtTheNextWait) {
    std::vector<double> values = exact_values(20 * 30);
    values[17 * 30 + 4] = std::numeric_limits<double>::quiet_NaN();
    const auto backend = make();
    const Matrix held =
        backend->hold(std::make_shared<StoredTable>(DType::f32, 20, 30, stored_bytes(DType::f32, values)));
    try {
        values_of(*backend, held);
        ADD_FAILURE() << "no error";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::input);
        EXPECT_EQ(error.details().key, "row 17");
    }
    EXPECT_EQ(download(*backend, upload(*backend, Table(2, 2))), std::vector<double>(4, 0.0));  // it works on
}

// Pieces before the one that could not be read are still on their way when the memory is given back.
TEST_F(CudaBackendTest, AWeightThatCannotBeReadLeavesMemoryInOrder) {
    constexpr std::size_t rows = 40000, cols = 96;
    std::vector<double> values = exact_values(rows * cols);
    values.back() = std::numeric_limits<double>::infinity();
    const auto backend = make();
    emu::delay_launches(std::chrono::milliseconds(20));
    EXPECT_THROW(backend->hold(std::make_shared<StoredTable>(DType::f32, rows, cols,
                                                             stored_bytes(DType::f32, values), false)),
                 Error);
    Matrix again = backend->allocate(rows, cols);
    backend->fill_zero(again);
    emu::delay_launches({});
    EXPECT_TRUE(download(*backend, again) == std::vector<double>(rows * cols, 0.0));
}

TEST_F(CudaBackendTest, AWeightBeyondThePrecisionIsAnError) {
    const auto backend = make(Precision::f16);
    const std::vector<double> values{1.0, 70000.0};  // finite as stored; f16 ends at 65504
    const Matrix held =
        backend->hold(std::make_shared<StoredTable>(DType::f32, 1, 2, stored_bytes(DType::f32, values)));
    try {
        values_of(*backend, held);
        ADD_FAILURE() << "no error";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::input);
    }
}

std::vector<double> gram(const std::vector<double>& r, std::size_t d) {
    std::vector<double> out(d * d);
    for (std::size_t k = 0; k * d < r.size(); ++k)
        for (std::size_t i = 0; i < d; ++i)
            for (std::size_t j = 0; j < d; ++j) out[i * d + j] += r[k * d + i] * r[k * d + j];
    return out;
}

// A factor is unique but for signs; its Gram matrix altogether. 1e-13: N·u of a few thousand rows of size 1.
TEST_F(CudaBackendTest, RowFactorsAreTheHosts) {
    for (const std::size_t d : {1u, 40u, 127u, 300u}) {
        const std::size_t rows = 2 * d + 1500;
        const Table table = random_table(rows, d, "factored", 5.0);
        const std::vector<double> values(table.values.begin(), table.values.end());
        TsqrFactor host(d);
        host.add(values);
        const auto backend = make(Precision::f64);
        const auto factor = backend->row_factor(d);
        ASSERT_TRUE(factor);
        const Matrix all = upload(*backend, table);
        for (std::size_t first = 0, step = 1; first < rows; first += step, step = 3 * step + 7)
            factor->add(all.row_range(first, std::min(step, rows - first)));
        RowFactor::Parts parts = factor->parts();
        EXPECT_EQ(parts.rows, rows);
        EXPECT_EQ(parts.shift, std::vector<double>(values.begin(), values.begin() + static_cast<long>(d)));
        for (std::size_t j = 0; j <= d; ++j)
            for (std::size_t i = j + 1; i <= d; ++i)
                ASSERT_EQ(parts.r[j * (d + 1) + i], 0.0) << i << " " << j;
        const TsqrFactor there =
            TsqrFactor::from({.d = d, .rows = parts.rows, .shift = parts.shift, .r = parts.r, .kept = {}});
        const std::vector<double> ours = gram(there.centred(), d), theirs = gram(host.centred(), d);
        EXPECT_TRUE(close(ours, {theirs.begin(), theirs.end()}, 1e-13)) << d;
        const std::vector<double> mean = host.mean();
        EXPECT_TRUE(close(there.mean(), {mean.begin(), mean.end()}, 1e-13)) << d;
        factor->add(all.row_range(0, 1));  // it goes on behind parts()
        EXPECT_EQ(factor->parts().rows, rows + 1);
    }
}

TEST_F(CudaBackendTest, SpectraAreTheHosts) {
    for (const std::size_t d : {1u, 5u, 60u}) {
        const Table table = random_table(d, d, "spectrum");
        std::vector<double> r(table.values.begin(), table.values.end());
        for (std::size_t j = 0; j < d; ++j) r[(d - 1) * d + j] = d > 1 ? r[j] : 0.0;  // exactly singular
        const RightSvd host = right_svd(r, d);
        RightSvd there;
        const auto backend = make();
        ASSERT_TRUE(backend->svd(r, d, there.values, &there.vectors));
        const double most = std::max(host.values.front(), 1e-300),
                     tolerance = 1e-14 * static_cast<double>(d) * most;
        EXPECT_TRUE(close(there.values, {host.values.begin(), host.values.end()}, tolerance)) << d;
        for (std::size_t i = 0; i < d; ++i) {  // ‖r v‖ = σ, and v of length one
            double length = 0.0, image = 0.0;
            for (std::size_t k = 0; k < d; ++k) {
                double along = 0.0;
                for (std::size_t j = 0; j < d; ++j) along += r[k * d + j] * there.vector(i)[j];
                image += along * along;
                length += there.vector(i)[k] * there.vector(i)[k];
            }
            EXPECT_NEAR(std::sqrt(image), there.values[i], tolerance) << d << " " << i;
            EXPECT_NEAR(length, 1.0, 1e-13);
        }
        std::vector<double> values;
        ASSERT_TRUE(backend->svd(r, d, values, nullptr));
        EXPECT_TRUE(close(values, {host.values.begin(), host.values.end()}, tolerance)) << d;
    }
}

// Of kernels that take 2 ms each no more than 50 ms may wait, beside the slice at work and the one that is
// open (throttle.cpp).
TEST_F(CudaBackendTest, LittleWorkWaits) {
    const auto backend = make();
    Matrix x = upload(*backend, random_table(4, 4, "x"));
    download(*backend, x);
    emu::delay_launches(std::chrono::milliseconds(2));
    const std::uint64_t before = emu::counters().launches;
    std::uint64_t most = 0;
    for (std::uint64_t queued = 1; queued <= 200; ++queued) {
        backend->scale(1.0, x);
        const std::uint64_t done = emu::counters().launches - before;
        most = std::max(most, queued - std::min(queued, done));
    }
    EXPECT_LE(most, 25u + 16u + 16u);
    EXPECT_GE(most, 2u);  // and yet it is queued, not waited for
    download(*backend, x);
}

TEST_F(CudaBackendTest, TheNextWeightsComeWhileTheDeviceComputes) {
    const auto backend = make();
    Matrix x = upload(*backend, random_table(4, 4, "x"));
    const std::vector<std::byte> bytes = stored_bytes(DType::f32, exact_values(64));
    backend->hold(std::make_shared<StoredTable>(DType::f32, 8, 8, bytes));
    download(*backend, x);
    const std::uint64_t before = emu::counters().launches;
    emu::delay_launches(std::chrono::milliseconds(200));
    for (int i = 0; i < 8; ++i) backend->scale(1.0, x);
    const Matrix held = backend->hold(std::make_shared<StoredTable>(DType::f32, 8, 8, bytes));
    EXPECT_LT(emu::counters().launches - before, 8u);
    emu::delay_launches({});
    EXPECT_EQ(values_of(*backend, held), exact_values(64));
}

TEST_F(CudaBackendTest, MemoryIsUsedAgain) {
    const auto backend = make();
    for (int i = 0; i < 3; ++i) backend->allocate(100, 100);
    const std::size_t allocations = emu::counters().allocations;
    for (int i = 0; i < 50; ++i) {
        Matrix x = backend->allocate(100, 100);
        backend->fill_zero(x);
        backend->hold(
            std::make_shared<StoredTable>(DType::f32, 10, 10, stored_bytes(DType::f32, exact_values(100))));
    }
    // The weights come on a stream of their own: up to eight pieces wait there for their last use to be over
    // (memory_pool.cpp), beside the one at work, the memory they come through and their flag.
    EXPECT_LE(emu::counters().allocations, allocations + 8 + 3);
}

TEST_F(CudaBackendTest, WhatIsKeptGoesBackBeforeMemoryRunsOut) {
    emu::limit_memory(64u << 20);
    const auto backend = make();
    for (std::size_t megabytes = 1; megabytes < 40; megabytes += 3) {  // each of another size class
        Matrix x = backend->allocate(megabytes << 8, 1024);
        backend->fill_zero(x);
    }
    Matrix some = backend->allocate(40u << 8, 1024);
    EXPECT_THROW(backend->allocate(40u << 8, 1024), OutOfDeviceMemory);
    some = {};
    EXPECT_NO_THROW(backend->allocate(40u << 8, 1024));
    EXPECT_THROW(backend->allocate(std::size_t{1} << 40, std::size_t{1} << 40), OutOfDeviceMemory);
}

TEST_F(CudaBackendTest, NoPinnedMemoryIsNoRoom) {
    emu::limit_pinned_memory(1u << 20);
    const auto backend = make();
    Matrix x = backend->allocate(4, 4);
    EXPECT_THROW(backend->write(x, std::span<const double>(std::vector<double>(16))), OutOfDeviceMemory);
    emu::limit_pinned_memory(1u << 30);
    EXPECT_EQ(download(*backend, upload(*backend, Table(2, 2))), std::vector<double>(4, 0.0));
}

TEST_F(CudaBackendTest, AFailureStaysAndIsAnError) {
    use_gpu_module(&cuda::gpu_module());
    {
        const auto backend = make();
        Matrix x = upload(*backend, random_table(4, 4, "x"));
        emu::fail_next(emu::Call::launch, cudaErrorIllegalAddress);
        const auto failing = [&] {
            backend->scale(2.0, x);
            download(*backend, x);
        };
        for (int i = 0; i < 2; ++i) {
            try {
                failing();
                ADD_FAILURE() << "no error";
            } catch (const OutOfDeviceMemory&) {
                ADD_FAILURE() << "not for want of memory";
            } catch (const Error& error) {
                EXPECT_EQ(error.kind(), ErrorKind::resource);
                EXPECT_TRUE(error.message().starts_with("The GPU failed")) << error.message();
            }
        }
        EXPECT_EQ(make_backend("auto", Precision::f32)->info().name, "cpu");
        EXPECT_THROW(make_backend("cuda:0", Precision::f32), Error);
    }
    emu::reset();
    EXPECT_EQ(make_backend("auto", Precision::f32)->info().name, "cuda");
}

TEST_F(CudaBackendTest, LeavesNothingBehind) {
    {
        const auto backend = make();
        Matrix kept = upload(*backend, random_table(40, 40, "x"));
        values_of(*backend, backend->hold(std::make_shared<StoredTable>(
                                DType::f32, 5, 5, stored_bytes(DType::f32, exact_values(25)))));
        backend->row_factor(3)->add(kept.columns(0, 3));
    }
    const emu::Counters after = emu::counters();
    EXPECT_EQ(after.allocations, 0u);
    EXPECT_EQ(after.pinned_bytes, 0u);
    EXPECT_EQ(after.streams, 0u);
    EXPECT_EQ(after.events, 0u);
}

TEST_F(CudaBackendTest, AMatrixMayOutliveItsBackend) {
    Matrix x;
    {
        const auto backend = make();
        x = upload(*backend, random_table(4, 4, "x"));
    }
    x = {};
    EXPECT_EQ(emu::counters().allocations, 0u);
}

std::string message_of(const std::string& device) {
    try {
        make_backend(device, Precision::f32);
    } catch (const Error& error) {
        return std::to_string(static_cast<int>(error.kind())) + " " + error.message();
    }
    return "no error";
}

TEST_F(CudaBackendTest, DevicesAreChosenByName) {
    use_gpu_module(&cuda::gpu_module());
    emu::set_device_count(2);
    EXPECT_NE(make_backend("cuda:1", Precision::f32)->info().device.find("cuda:1"), std::string::npos);
    EXPECT_EQ(make_backend("auto", Precision::f32)->info().name, "cuda");
    EXPECT_EQ(make_backend("cpu", Precision::f32)->info().name, "cpu");
    EXPECT_TRUE(message_of("cuda:2").starts_with("3 There is no such GPU")) << message_of("cuda:2");
    for (const char* wrong : {"cuda", "cuda:", "cuda:x", "cuda:-1", "cuda:1x", "gpu", ""})
        EXPECT_TRUE(message_of(wrong).starts_with("2 ")) << wrong << ": " << message_of(wrong);
}

TEST_F(CudaBackendTest, SaysWhyADeviceIsNotUsed) {
    use_gpu_module(&cuda::gpu_module());
    emu::set_compute_capability(7, 0);
    EXPECT_NE(message_of("cuda:0").find("capability 7.0 is below 7.5"), std::string::npos)
        << message_of("cuda:0");
    EXPECT_EQ(make_backend("auto", Precision::f32)->info().name, "cpu");
    emu::reset();
    emu::set_driver_version(12040);
    EXPECT_NE(message_of("cuda:0").find("too old: it knows CUDA 12.4"), std::string::npos)
        << message_of("cuda:0");
    EXPECT_EQ(make_backend("auto", Precision::f32)->info().name, "cpu");
    emu::reset();
    emu::set_device_count(0);
    EXPECT_TRUE(message_of("cuda:0").starts_with("3 ")) << message_of("cuda:0");
    EXPECT_EQ(make_backend("auto", Precision::f32)->info().name, "cpu");
}

}  // namespace
}  // namespace deadscope::testing
