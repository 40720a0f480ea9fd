// See gather.h.
#include "core/reading/gather.h"

#include <algorithm>
#include <array>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/spectra/packed.h"

namespace deadscope {
namespace {

// The first sequence of each rank, and their number: where its share of the rows begins, as near as whole
// sequences go, and behind that of the rank before.
std::vector<std::size_t> first_sequences(const SequenceLayout& layout, std::size_t ranks) {
    const std::size_t sequences = layout.sequences();
    std::vector<std::size_t> first{0};
    for (std::size_t rank = 1; rank < ranks; ++rank) {
        const std::size_t row = layout.tokens() * rank / ranks;
        const auto at = std::lower_bound(layout.starts.begin(), layout.starts.end(), row);
        const auto nearest = static_cast<std::size_t>(at - layout.starts.begin());
        first.push_back(std::clamp(nearest, first.back() + 1, sequences - (ranks - rank)));
    }
    first.push_back(sequences);
    return first;
}

std::vector<float> part_of(const std::vector<float>& values, std::size_t sequences, std::size_t first,
                           std::size_t last) {
    const std::size_t each = values.size() / sequences;
    const auto at = [&](std::size_t i) { return values.begin() + static_cast<std::ptrdiff_t>(i * each); };
    return {at(first), at(last)};
}

}  // namespace

ModelInput share_of(const ModelInput& input, std::size_t rank, std::size_t ranks) {
    const SequenceLayout& layout = input.layout;
    const std::size_t sequences = layout.sequences();
    const std::vector<std::size_t> shares = first_sequences(layout, ranks);
    const std::size_t first = shares[rank], last = shares[rank + 1];
    const std::size_t row = layout.starts[first], end = layout.starts[last];
    ModelInput out;
    for (std::size_t s = first; s <= last; ++s) out.layout.starts.push_back(layout.starts[s] - row);
    if (!input.ids.empty())
        out.ids.assign(input.ids.begin() + static_cast<std::ptrdiff_t>(row),
                       input.ids.begin() + static_cast<std::ptrdiff_t>(end));
    out.pixels = part_of(input.pixels, sequences, first, last);
    out.features = part_of(input.features, sequences, first, last);
    return out;
}

void gather_measures(Ranks& ranks, TsqrFactor& factor, std::size_t expected, FloorAccumulator* sums) {
    const std::size_t d = factor.width(), triangle = packed_size(d, expected);
    std::vector<double> numbers(triangle + (sums ? sums->packed_size() : 0));
    const auto factor_in = [&](auto all) { return all.first(triangle); };
    const auto sums_in = [&](auto all) { return all.subspan(triangle); };
    pack(factor, expected, factor_in(std::span(numbers)));
    if (sums) sums->pack(sums_in(std::span(numbers)));
    ranks.reduce(numbers, [&](std::span<const double> lower, std::span<double> higher) {
        TsqrFactor merged = unpack(factor_in(lower), d, expected);
        merged.merge(unpack(factor_in(higher), d, expected));
        pack(merged, expected, factor_in(higher));
        if (!sums) return;
        FloorAccumulator all = *sums, theirs = *sums;  // for v and γ, which are the same on all
        all.unpack(sums_in(lower));
        theirs.unpack(sums_in(std::span<const double>(higher)));
        all.merge(theirs);
        all.pack(sums_in(higher));
    });
    if (ranks.rank() != 0) return;
    factor = unpack(factor_in(std::span(numbers)), d, expected);
    if (sums) sums->unpack(sums_in(std::span<const double>(numbers)));
}

void gather_costs(Ranks& ranks, Run& run, std::uint64_t& peak_rss_bytes) {
    std::array<double, 4> numbers{run.forward_s, run.spectra_s, static_cast<double>(run.bytes_read),
                                  static_cast<double>(peak_rss_bytes)};
    ranks.reduce(numbers, [](std::span<const double> lower, std::span<double> higher) {
        for (const std::size_t i : {0, 1, 3}) higher[i] = std::max(lower[i], higher[i]);
        higher[2] += lower[2];
    });
    if (ranks.rank() != 0) return;
    run.forward_s = numbers[0];
    run.spectra_s = numbers[1];
    run.bytes_read = static_cast<std::uint64_t>(numbers[2]);
    peak_rss_bytes = static_cast<std::uint64_t>(numbers[3]);
}

void expect_same_reading(Ranks& ranks, const Reading& reading) {
    const ModelFacts& facts = reading.gamma.model;
    Hasher hasher;
    hasher.add(std::as_bytes(std::span(reading.input.digest)));
    const std::array sizes{facts.parameters, facts.bytes};
    hasher.add(std::as_bytes(std::span(sizes)));
    for (const NormReading& norm : reading.gamma.norms)
        hasher.add(std::as_bytes(std::span(norm.parameters.gamma)));
    const auto mine = static_cast<std::int64_t>(hasher.value() >> 1);
    const std::int64_t least = ranks.minimum(mine), most = -ranks.minimum(-mine);
    if (least != most)
        throw Error::input("The ranks do not read the same",
                           {.file = facts.source,
                            .expected = "one checkpoint and one input under the same name on every machine",
                            .found = "different ones"});
}

}  // namespace deadscope
