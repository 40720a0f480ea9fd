// See digest.h.
#include "core/base/digest.h"

#include <dlfcn.h>
#include <openssl/evp.h>

#include <array>

#include "core/base/error.h"
#include "core/base/text.h"

#define DEADSCOPE_TEXT(macro) DEADSCOPE_TEXT_OF(macro)
#define DEADSCOPE_TEXT_OF(words) #words

namespace deadscope {
namespace {

constexpr const char* file = "libcrypto.so." DEADSCOPE_TEXT(OPENSSL_SHLIB_VERSION);

// libcrypto's functions under their own names, less "EVP_".
struct Crypto {
    decltype(&EVP_MD_CTX_new) new_context;
    decltype(&EVP_MD_CTX_free) free_context;
    decltype(&EVP_DigestInit_ex) init;
    decltype(&EVP_DigestUpdate) update;
    decltype(&EVP_DigestFinal_ex) final;
    decltype(&EVP_sha1) sha1;
    decltype(&EVP_sha256) sha256;
};

[[noreturn]] void refuse() {
    const char* const reason = dlerror();
    throw Error::resource("libcrypto, which checks what the hub sends, cannot be loaded",
                          {.file = file,
                           .found = printable(reason != nullptr ? reason : "no reason given"),
                           .hint = "install OpenSSL's libraries; everything but the hub works without them"});
}

Crypto load() {
    void* const library = dlopen(file, RTLD_NOW | RTLD_LOCAL);  // stays until the process ends
    if (library == nullptr) refuse();
    const auto find = [library]<typename Function>(Function& to, const char* name) {
        to = reinterpret_cast<Function>(dlsym(library, name));
        if (to == nullptr) refuse();
    };
    Crypto out{};
    find(out.new_context, "EVP_MD_CTX_new");
    find(out.free_context, "EVP_MD_CTX_free");
    find(out.init, "EVP_DigestInit_ex");
    find(out.update, "EVP_DigestUpdate");
    find(out.final, "EVP_DigestFinal_ex");
    find(out.sha1, "EVP_sha1");
    find(out.sha256, "EVP_sha256");
    return out;
}

const Crypto& crypto() {
    static const Crypto library = load();
    return library;
}

void check(int done) {
    if (done != 1) throw Error::resource("The system's cryptographic library computes no digest");
}

}  // namespace

struct Digest::State {
    EVP_MD_CTX* context = crypto().new_context();
    ~State() { crypto().free_context(context); }
};

Digest::Digest(DigestKind kind) : state_(std::make_unique<State>()) {
    const EVP_MD* const algorithm = kind == DigestKind::sha1 ? crypto().sha1() : crypto().sha256();
    check(crypto().init(state_->context, algorithm, nullptr));
}

Digest::~Digest() = default;
Digest::Digest(Digest&&) noexcept = default;
Digest& Digest::operator=(Digest&&) noexcept = default;

void Digest::add(std::span<const std::byte> bytes) {
    check(crypto().update(state_->context, bytes.data(), bytes.size()));
}

void Digest::add(std::string_view text) {
    add(std::as_bytes(std::span(text)));
}

std::string Digest::hex() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
    unsigned int count = 0;
    check(crypto().final(state_->context, bytes.data(), &count));
    std::string out;
    for (unsigned int i = 0; i < count; ++i) {
        out += "0123456789abcdef"[bytes[i] >> 4];
        out += "0123456789abcdef"[bytes[i] & 15];
    }
    return out;
}

}  // namespace deadscope
