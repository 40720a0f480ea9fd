// See digest.h.
#include "core/base/digest.h"

#include <openssl/evp.h>

#include <array>

#include "core/base/error.h"

namespace deadscope {

struct Digest::State {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    ~State() { EVP_MD_CTX_free(context); }
};

namespace {

void check(int done) {
    if (done != 1) throw Error::resource("The system's cryptographic library computes no digest");
}

}  // namespace

Digest::Digest(DigestKind kind) : state_(std::make_unique<State>()) {
    check(EVP_DigestInit_ex(state_->context, kind == DigestKind::sha1 ? EVP_sha1() : EVP_sha256(), nullptr));
}

Digest::~Digest() = default;
Digest::Digest(Digest&&) noexcept = default;
Digest& Digest::operator=(Digest&&) noexcept = default;

void Digest::add(std::span<const std::byte> bytes) {
    check(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()));
}

void Digest::add(std::string_view text) {
    add(std::as_bytes(std::span(text)));
}

std::string Digest::hex() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
    unsigned int count = 0;
    check(EVP_DigestFinal_ex(state_->context, bytes.data(), &count));
    std::string out;
    for (unsigned int i = 0; i < count; ++i) {
        out += "0123456789abcdef"[bytes[i] >> 4];
        out += "0123456789abcdef"[bytes[i] & 15];
    }
    return out;
}

}  // namespace deadscope
