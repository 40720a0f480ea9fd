// See in_place.h.
#include "core/reading/in_place.h"

#include <algorithm>
#include <cmath>

#include "core/backend/device_error.h"

namespace deadscope {

std::unique_ptr<RowFactor> factor_in_place(Backend* backend, std::size_t d, std::size_t expected) {
    if (backend == nullptr || expected < d) return nullptr;
    try {
        return backend->row_factor(d);
    } catch (const OutOfDeviceMemory&) {
        return nullptr;
    }
}

TsqrFactor fetch(RowFactor& factor, std::size_t d) {
    RowFactor::Parts parts = factor.parts();
    return TsqrFactor::from(
        {.d = d, .rows = parts.rows, .shift = std::move(parts.shift), .r = std::move(parts.r), .kept = {}});
}

RightSvd right_svd_in_place(Backend* backend, const std::vector<double>& r, std::size_t d) {
    const bool whole = !r.empty() && r.size() == d * d;  // of fewer rows right_svd() knows a shorter way
    const bool finite = std::ranges::all_of(r, [](double value) { return std::isfinite(value); });
    RightSvd out;
    try {
        if (backend != nullptr && whole && finite && backend->svd(r, d, out.values, &out.vectors)) return out;
    } catch (const OutOfDeviceMemory&) {
        out = {};
    }
    return right_svd(r, d);
}

}  // namespace deadscope
