// See urls.h.
#include "core/hub/urls.h"

#include <algorithm>
#include <cctype>
#include <memory>

#include "core/hub/curl.h"

namespace deadscope {
namespace {

struct UrlDeleter {
    void operator()(CURLU* url) const { curl().url_cleanup(url); }
};
using Url = std::unique_ptr<CURLU, UrlDeleter>;

Url parsed(const std::string& text) {
    Url url(curl().url());
    if (!url || curl().url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) return nullptr;
    return url;
}

std::string part(const Url& url, CURLUPart which, unsigned flags = 0) {
    char* text = nullptr;
    if (curl().url_get(url.get(), which, &text, flags) != CURLUE_OK) return {};
    std::string out(text);
    curl().free(text);
    return out;
}

std::string lower(std::string text) {
    std::ranges::transform(text, text.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

}  // namespace

std::string url_origin(const std::string& text) {
    const Url url = parsed(text);
    if (!url) return {};
    const std::string scheme = lower(part(url, CURLUPART_SCHEME));
    if (scheme != "http" && scheme != "https") return {};
    return scheme + "://" + lower(part(url, CURLUPART_HOST)) + ":" +
           part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
}

std::string shown_url(std::string_view text) {
    const Url url = parsed(std::string(text));
    if (!url) return "an address that cannot be read";
    for (const CURLUPart secret : {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_QUERY, CURLUPART_FRAGMENT})
        curl().url_set(url.get(), secret, nullptr, 0);
    return part(url, CURLUPART_URL);
}

std::string url_encoded(std::string_view text, bool slashes) {
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool plain = std::isalnum(byte) != 0 || c == '-' || c == '_' || c == '.' || c == '~';
        if ((plain && byte < 128) || (slashes && c == '/')) {
            out += c;
        } else {
            out += {'%', "0123456789ABCDEF"[byte >> 4], "0123456789ABCDEF"[byte & 15]};
        }
    }
    return out;
}

std::string url_resolved(const std::string& base, const std::string& location) {
    const Url url = parsed(base);
    if (!url || curl().url_set(url.get(), CURLUPART_URL, location.c_str(), 0) != CURLUE_OK) return {};
    return part(url, CURLUPART_URL);
}

}  // namespace deadscope
