// XXH3 (64 bits) behind plain functions; the header-only form of the library.
#include "core/base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace deadscope {

struct Hasher::State {
    XXH3_state_t xxh;
};

std::uint64_t hash64(std::span<const std::byte> bytes, std::uint64_t seed) {
    return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

std::uint64_t hash64(std::string_view text, std::uint64_t seed) {
    return hash64(std::as_bytes(std::span(text.data(), text.size())), seed);
}

Hasher::Hasher() : state_(std::make_unique<State>()) {
    XXH3_64bits_reset(&state_->xxh);
}
Hasher::~Hasher() = default;

void Hasher::add(std::span<const std::byte> bytes) {
    XXH3_64bits_update(&state_->xxh, bytes.data(), bytes.size());
}

std::uint64_t Hasher::value() const {
    return XXH3_64bits_digest(&state_->xxh);
}

std::string hash_text(std::uint64_t hash) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out = "xxh3:";
    for (int shift = 60; shift >= 0; shift -= 4) out += digits[(hash >> shift) & 0xF];
    return out;
}

}  // namespace deadscope
