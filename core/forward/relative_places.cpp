// See relative_places.h.
#include "core/forward/relative_places.h"

#include <algorithm>
#include <cmath>

namespace deadscope {
namespace {

// Within what a table could have; a configuration may make the logarithms anything.
std::int64_t whole(float value) {
    return std::isnan(value) ? 0 : static_cast<std::int64_t>(std::clamp(value, -1e9f, 1e9f));
}

// DeBERTa-v2's: exact below half of the buckets, logarithmic from there to max_distance, odd in `distance`.
std::int64_t log_place(const DisentangledSpec& spec, std::int64_t distance) {
    const std::int64_t middle = spec.buckets / 2, size = std::abs(distance);
    if (size <= middle || middle == 0) return distance;
    const float half = static_cast<float>(middle);
    const float least = std::log(
        static_cast<float>(static_cast<double>(spec.max_distance - 1) / static_cast<double>(middle)));
    const float place =
        std::ceil(std::log(static_cast<float>(size) / half) / least * static_cast<float>(middle - 1)) + half;
    return distance > 0 ? whole(place) : -whole(place);
}

}  // namespace

std::int32_t relative_bucket(const RelativeBiasSpec& spec, std::int64_t offset) {
    std::int64_t buckets = spec.buckets, first = 0;
    std::int64_t distance = 0;
    if (spec.bidirectional) {
        buckets /= 2;
        first = offset > 0 ? buckets : 0;
        distance = std::abs(offset);
    } else {
        distance = -std::min<std::int64_t>(offset, 0);
    }
    const std::int64_t exact = buckets / 2;
    if (distance < exact) return static_cast<std::int32_t>(first + distance);
    if (exact == 0) return static_cast<std::int32_t>(first);
    const float range =
        static_cast<float>(std::log(static_cast<double>(spec.max_distance) / static_cast<double>(exact)));
    const float share = std::log(static_cast<float>(distance) / static_cast<float>(exact)) / range;
    const std::int64_t above = std::max<std::int64_t>(whole(share * static_cast<float>(buckets - exact)), 0);
    return static_cast<std::int32_t>(first + std::min(exact + above, buckets - 1));
}

std::vector<std::int32_t> disentangled_places(const DisentangledSpec& spec, std::size_t longest) {
    std::vector<std::int32_t> places(longest == 0 ? 0 : 2 * longest - 1);
    const std::int64_t reach = static_cast<std::int64_t>(longest);
    for (std::int64_t distance = 1 - reach; distance < reach; ++distance) {
        const std::int64_t place = spec.buckets > 0 ? log_place(spec, distance) : distance;
        places[static_cast<std::size_t>(reach - 1 + distance)] =
            static_cast<std::int32_t>(std::clamp<std::int64_t>(place + spec.span, 0, 2 * spec.span - 1));
    }
    return places;
}

}  // namespace deadscope
