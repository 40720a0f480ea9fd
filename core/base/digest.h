// Cryptographic digests: the names that the hub gives to contents. OpenSSL's libcrypto is loaded with the
// first one, since no other command needs it. For telling things apart quickly there is hash.h.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace deadscope {

enum class DigestKind { sha1, sha256 };

// Thread rule: one thread at a time.
class Digest {
public:
    explicit Digest(DigestKind kind);
    ~Digest();
    Digest(Digest&&) noexcept;
    Digest& operator=(Digest&&) noexcept;
    void add(std::span<const std::byte> bytes);
    void add(std::string_view text);
    std::string hex();  // lower-case; ends the digest: nothing may be added after it

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace deadscope
