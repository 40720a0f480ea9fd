// Factors as plain numbers of a length that both sides know beforehand, so that processes can merge them by a
// reduction. Who sends them, and in which order they are merged, is core/cluster's.
#pragma once

#include <cstddef>
#include <span>

#include "core/spectra/tsqr.h"

namespace deadscope {

// Numbers that a factor of width d takes where `expected` rows will have come in all.
std::size_t packed_size(std::size_t d, std::size_t expected);

// to: [packed_size(d, expected)], of the factor's own width and the number of rows it was made to expect.
void pack(const TsqrFactor& factor, std::size_t expected, std::span<double> to);
// Errors: Error::input where the numbers are not those of such a factor.
TsqrFactor unpack(std::span<const double> from, std::size_t d, std::size_t expected);

}  // namespace deadscope
