// Content hashes (xxHash's XXH3): the digest of inputs and weights, and the key of random tensors. Not
// cryptographic: they tell things apart, they prove nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace deadscope {

std::uint64_t hash64(std::span<const std::byte> bytes, std::uint64_t seed = 0);
std::uint64_t hash64(std::string_view text, std::uint64_t seed = 0);

// Hashes what is given piece by piece; the pieces' borders do not matter.
// Thread rule: one thread at a time.
class Hasher {
public:
    Hasher();
    ~Hasher();
    void add(std::span<const std::byte> bytes);
    std::uint64_t value() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

std::string hash_text(std::uint64_t hash);  // "xxh3:" and 16 hexadecimal digits

}  // namespace deadscope
