// Cosines and sines of the rotary angles, computed in double once per spec and kept for the next blocks.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

#include "core/model/plan.h"

namespace deadscope::cpu {

// Thread rule: prepare() by one thread; what it prepared may be read by many.
template <typename T>
class RotaryTable {
public:
    bool is_of(const RotarySpec& spec) const {
        return spec.attention_factor == factor_ && spec.inverse_frequencies == frequencies_;
    }
    // Makes rows of positions [0, length) available; cheap when they are.
    void prepare(const RotarySpec& spec, std::size_t length) {
        if (length <= length_ && is_of(spec)) return;
        frequencies_ = spec.inverse_frequencies;
        factor_ = spec.attention_factor;
        length_ = length;
        const std::size_t half = frequencies_.size();
        cosine_.resize(length * half);
        sine_.resize(length * half);
        for (std::size_t t = 0; t < length; ++t) {
            for (std::size_t i = 0; i < half; ++i) {
                const double angle = static_cast<double>(t) * frequencies_[i];
                cosine_[t * half + i] = static_cast<T>(std::cos(angle) * factor_);
                sine_[t * half + i] = static_cast<T>(std::sin(angle) * factor_);
            }
        }
    }
    const T* cosine(std::size_t position) const { return cosine_.data() + position * frequencies_.size(); }
    const T* sine(std::size_t position) const { return sine_.data() + position * frequencies_.size(); }

private:
    std::vector<double> frequencies_;
    double factor_ = 0.0;
    std::size_t length_ = 0;
    std::vector<T> cosine_, sine_;  // [length, dims / 2]
};

// The tables of the specs last used: models whose blocks take turns between two kinds need both.
// Thread rule: as RotaryTable.
template <typename T>
class RotaryTables {
public:
    const RotaryTable<T>& prepare(const RotarySpec& spec, std::size_t length) {
        std::size_t i = 0;
        while (i < tables_.size() && !tables_[i].is_of(spec)) ++i;
        if (i == tables_.size()) {
            i = next_;
            next_ = (next_ + 1) % tables_.size();
        }
        tables_[i].prepare(spec, length);
        return tables_[i];
    }

private:
    std::array<RotaryTable<T>, 3> tables_;
    std::size_t next_ = 0;  // the one to be replaced
};

}  // namespace deadscope::cpu
