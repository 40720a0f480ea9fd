// Factors and their spectra where the rows already are, on a backend that offers it; on the host where it
// does not, or has no room.
#pragma once

#include <memory>
#include <vector>

#include "core/backend/backend.h"
#include "core/spectra/singular.h"
#include "core/spectra/tsqr.h"

namespace deadscope {

// Null where rows are better read back: there is no backend, it factors none or has no room for it, or fewer
// rows are expected than the factor has (tsqr.h).
std::unique_ptr<RowFactor> factor_in_place(Backend* backend, std::size_t d, std::size_t expected);
TsqrFactor fetch(RowFactor& factor, std::size_t d);  // waits for the device
// As right_svd().
RightSvd right_svd_in_place(Backend* backend, const std::vector<double>& r, std::size_t d);

}  // namespace deadscope
