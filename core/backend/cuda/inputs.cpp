// See inputs.h.
#include "core/backend/cuda/inputs.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace deadscope::cuda {

const LayoutOnDevice& InputsOnDevice::layout(const SequenceLayout& layout) {
    for (const LayoutOnDevice& known : layouts_)
        if (!known.starts.empty() && known.starts == layout.starts) return known;
    LayoutOnDevice& here = layouts_[next_layout_];
    next_layout_ = (next_layout_ + 1) % layouts_.size();
    here.starts.clear();
    std::vector<std::int32_t> starts(layout.starts.size()), positions(layout.tokens());
    here.longest = 0;
    for (std::size_t s = 0; s < layout.sequences(); ++s) {
        const std::size_t first = layout.starts[s], last = layout.starts[s + 1];
        for (std::size_t i = first; i < last; ++i) positions[i] = static_cast<std::int32_t>(i - first);
        here.longest = std::max(here.longest, last - first);
    }
    std::ranges::transform(layout.starts, starts.begin(),
                           [](std::size_t start) { return static_cast<std::int32_t>(start); });
    here.starts_there = context_.upload(std::span<const std::int32_t>(starts));
    here.position_there = context_.upload(std::span<const std::int32_t>(positions));
    here.starts = layout.starts;
    return here;
}

const AnglesOnDevice& InputsOnDevice::angles(const RotarySpec& spec, std::size_t positions) {
    const auto same = [&](const AnglesOnDevice& known) {
        return known.factor == spec.attention_factor && known.frequencies == spec.inverse_frequencies;
    };
    auto here = std::ranges::find_if(angles_, same);
    if (here != angles_.end() && here->positions >= positions) return *here;
    if (here == angles_.end()) {
        here = angles_.begin() + static_cast<std::ptrdiff_t>(next_angles_);
        next_angles_ = (next_angles_ + 1) % angles_.size();
    }
    here->positions = 0;  // until all is there
    here->frequencies = spec.inverse_frequencies;
    here->factor = spec.attention_factor;
    AnglesOnDevice filled{spec.inverse_frequencies, spec.attention_factor, positions, {}, {}};
    context_.element() == Element::f64 ? fill<double>(filled) : fill<float>(filled);
    *here = std::move(filled);
    return *here;
}

template <typename T>
void InputsOnDevice::fill(AnglesOnDevice& angles) {
    const std::size_t half = angles.frequencies.size();
    std::vector<T> cosine(angles.positions * half), sine(angles.positions * half);
    for (std::size_t t = 0; t < angles.positions; ++t) {
        for (std::size_t i = 0; i < half; ++i) {
            const double angle = static_cast<double>(t) * angles.frequencies[i];
            cosine[t * half + i] = static_cast<T>(std::cos(angle) * angles.factor);
            sine[t * half + i] = static_cast<T>(std::sin(angle) * angles.factor);
        }
    }
    angles.cosine = context_.upload(std::span<const T>(cosine));
    angles.sine = context_.upload(std::span<const T>(sine));
}

}  // namespace deadscope::cuda
