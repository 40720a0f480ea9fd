// What operations need beside their matrices, kept on the device because one layout and one rotation serve
// many blocks: positions of rows, starts of sequences, tables of angles.
#pragma once

#include <array>
#include <vector>

#include "core/backend/cuda/context.h"

namespace deadscope::cuda {

// A SequenceLayout on the device.
struct LayoutOnDevice {
    std::vector<std::size_t> starts;
    std::size_t longest = 0;
    DeviceMemory starts_there;    // [sequences + 1] int32
    DeviceMemory position_there;  // [tokens] int32: of a row in its sequence
};

// The tables of one RotarySpec. [positions, dims / 2], attention_factor in them, double for f64, else float.
struct AnglesOnDevice {
    std::vector<double> frequencies;
    double factor = 0.0;
    std::size_t positions = 0;
    DeviceMemory cosine, sine;
};

// Thread rule: one thread at a time. What is returned holds until the next call.
class InputsOnDevice {
public:
    explicit InputsOnDevice(Context& context) : context_(context) {}
    const LayoutOnDevice& layout(const SequenceLayout& layout);
    const AnglesOnDevice& angles(const RotarySpec& spec, std::size_t positions);

private:
    template <typename T>
    void fill(AnglesOnDevice& angles);

    Context& context_;
    std::array<LayoutOnDevice, 4> layouts_;
    std::array<AnglesOnDevice, 3> angles_;  // models whose blocks take turns between two kinds need both
    std::size_t next_layout_ = 0, next_angles_ = 0;  // the ones to be replaced
};

}  // namespace deadscope::cuda
