// Arrays and matrices on the device for the kernels' tests, written with the CUDA runtime alone, and the
// tolerance of one element. Matrices lie in wider ones, whose other elements have to stay as they were.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstring>
#include <string>
#include <vector>

#include "core/backend/cuda/kernels.h"
#include "tests/core/backend/compare.h"

namespace deadscope::testing {

using cuda::Element;

inline void must(cudaError_t result) {
    if (result != cudaSuccess) throw std::runtime_error(cudaGetErrorString(result));
}

// Thread rule: one thread.
template <typename T>
class DeviceArray {
public:
    explicit DeviceArray(const std::vector<T>& values) : size_(values.size()) {
        if (size_ == 0) return;
        void* memory = nullptr;
        must(cudaMalloc(&memory, size_ * sizeof(T)));
        data_ = static_cast<T*>(memory);
        must(cudaMemcpy(data_, values.data(), size_ * sizeof(T), cudaMemcpyHostToDevice));
    }
    ~DeviceArray() { cudaFree(data_); }
    DeviceArray(const DeviceArray&) = delete;
    DeviceArray& operator=(const DeviceArray&) = delete;
    T* data() const { return data_; }
    std::vector<T> download() const {
        must(cudaDeviceSynchronize());
        std::vector<T> values(size_);
        if (size_ > 0) must(cudaMemcpy(values.data(), data_, size_ * sizeof(T), cudaMemcpyDeviceToHost));
        return values;
    }

private:
    T* data_ = nullptr;
    std::size_t size_;
};

// One element to its bytes and back; rounded to nearest even.
inline void encode(Element element, double value, std::byte* to) {
    const auto put = [&](auto rounded) { std::memcpy(to, &rounded, sizeof(rounded)); };
    switch (element) {
        case Element::f64:
            return put(value);
        case Element::f32:
            return put(static_cast<float>(value));
        case Element::bf16:
            return put(__double2bfloat16(value));
        case Element::f16:
            return put(__double2half(value));
    }
}
inline double decode(Element element, const std::byte* from) {
    const auto get = [&](auto value) {
        std::memcpy(&value, from, sizeof(value));
        return static_cast<double>(static_cast<std::conditional_t<sizeof(value) == 8, double, float>>(value));
    };
    switch (element) {
        case Element::f64:
            return get(double{});
        case Element::f32:
            return get(float{});
        case Element::bf16:
            return get(__nv_bfloat16{});
        case Element::f16:
            return get(__half{});
    }
    return 0.0;
}

// How a matrix lies in the wider one.
struct Inset {
    std::size_t before = 0, between = 0;  // elements ahead of the first, and between rows
};

// Thread rule: one thread.
class DeviceMatrix {
public:
    DeviceMatrix(Element element, const Table& values, Inset inset = {})
        : element_(element),
          rounded_(values),
          inset_(inset),
          size_(cuda::element_bytes(element)),
          original_(bytes_of(values)),
          memory_(original_) {}

    cuda::View view() const {
        return {memory_.data() + inset_.before * size_, rounded_.rows, rounded_.cols, stride()};
    }
    // What was uploaded, as the element holds it.
    const Table& values() const { return rounded_; }
    std::vector<double> download() const {
        std::vector<std::byte> bytes = memory_.download();
        std::vector<double> values(rounded_.values.size());
        for (std::size_t i = 0; i < values.size(); ++i) {
            values[i] = decode(element_, bytes.data() + place(i));
            std::memcpy(bytes.data() + place(i), original_.data() + place(i), size_);
        }
        EXPECT_TRUE(bytes == original_) << "elements beside the matrix were written";
        return values;
    }

private:
    std::size_t stride() const { return rounded_.cols + inset_.between; }
    std::size_t place(std::size_t i) const {
        return (inset_.before + i / rounded_.cols * stride() + i % rounded_.cols) * size_;
    }
    std::vector<std::byte> bytes_of(const Table& values) {
        std::vector<std::byte> bytes((inset_.before + values.rows * stride()) * size_, std::byte{0x5A});
        for (std::size_t i = 0; i < values.values.size(); ++i) {
            encode(element_, static_cast<double>(values.values[i]), bytes.data() + place(i));
            rounded_.values[i] = static_cast<long double>(decode(element_, bytes.data() + place(i)));
        }
        return bytes;
    }

    Element element_;
    Table rounded_;
    Inset inset_;
    std::size_t size_;
    std::vector<std::byte> original_;
    DeviceArray<std::byte> memory_;
};

// The same values on the CPU, in f64.
inline Table table_of(std::size_t rows, std::size_t cols, const std::vector<double>& values) {
    Table t(rows, cols);
    t.values.assign(values.begin(), values.end());
    return t;
}

// The unit roundoff of an element, and of what the arithmetic is in.
inline double rounding(Element element) {
    return element == Element::f64    ? 0x1p-53
           : element == Element::f32  ? 0x1p-24
           : element == Element::bf16 ? 0x1p-8
                                      : 0x1p-11;
}
inline double arithmetic_rounding(Element element) {
    return element == Element::f64 ? 0x1p-53 : 0x1p-24;
}

// The arithmetic is off by no more than `noise` of its unit roundoffs, and the result is that, rounded once.
inline ::testing::AssertionResult near(Element element, const std::vector<double>& actual,
                                       const std::vector<double>& expected, double noise) {
    if (actual.size() != expected.size()) return ::testing::AssertionFailure() << actual.size() << " values";
    for (std::size_t i = 0; i < actual.size(); ++i) {
        const double subnormal = element == Element::f16 ? 0x1p-25 : 0.0;
        const double off = noise * arithmetic_rounding(element);
        const double tolerance = off + rounding(element) * (std::abs(expected[i]) + off) + subnormal;
        if (!(std::abs(actual[i] - expected[i]) <= tolerance)) {
            return ::testing::AssertionFailure() << "at " << i << ": " << actual[i] << " for " << expected[i]
                                                 << ", tolerance " << tolerance;
        }
    }
    return ::testing::AssertionSuccess();
}

class Kernels : public ::testing::TestWithParam<Element> {
protected:
    Element element() const { return GetParam(); }
    cuda::Launch at() const { return {nullptr, GetParam()}; }
    std::unique_ptr<Backend> cpu_ = make_cpu_backend(Precision::f64, 1);
};
inline std::string element_name(const ::testing::TestParamInfo<Element>& info) {
    switch (info.param) {
        case Element::f64:
            return "f64";
        case Element::f32:
            return "f32";
        case Element::bf16:
            return "bf16";
        case Element::f16:
            return "f16";
    }
    return "unknown";
}
inline auto all_elements() {
    return ::testing::Values(Element::f64, Element::f32, Element::bf16, Element::f16);
}

}  // namespace deadscope::testing
