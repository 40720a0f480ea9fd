// Names and precedence are those of huggingface_hub's constants.py and utils/_auth.py.
#include "core/hub/settings.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <filesystem>

#include "core/base/error.h"
#include "core/base/mapped_file.h"
#include "core/checkpoint/hub_cache.h"
#include "core/hub/urls.h"

namespace deadscope {
namespace {

constexpr std::uint64_t token_file_limit = 64u << 10;  // bytes

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string() : std::string(value);
}

// huggingface_hub takes these four words, in any case, for true and everything else for false.
bool is_true(const char* name) {
    std::string value = variable(name);
    std::ranges::transform(value, value.begin(),
                           [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return value == "1" || value == "ON" || value == "YES" || value == "TRUE";
}

double seconds(const char* name, double otherwise) {
    const std::string value = variable(name);
    double parsed = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), parsed);
    const bool good =
        error == std::errc() && end == value.data() + value.size() && parsed > 0 && parsed < 1e6;
    return good ? parsed : otherwise;
}

std::string trimmed(std::string text) {
    const auto is_space = [](unsigned char c) { return std::isspace(c) != 0; };
    text.erase(text.begin(), std::ranges::find_if_not(text, is_space));
    while (!text.empty() && is_space(static_cast<unsigned char>(text.back()))) text.pop_back();
    return text;
}

std::string token_file() {
    if (const std::string path = variable("HF_TOKEN_PATH"); !path.empty()) return expand_path(path);
    return hub_home_folder() + "/token";
}

std::string find_token() {
    if (is_true("HF_HUB_DISABLE_IMPLICIT_TOKEN")) return {};  // and there is no other way to give one here
    for (const char* name : {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"}) {
        if (std::string token = trimmed(variable(name)); !token.empty()) return token;
    }
    std::error_code ignored;
    const std::string path = token_file();
    if (!std::filesystem::is_regular_file(path, ignored)) return {};
    try {
        return trimmed(read_text_file(path, token_file_limit));
    } catch (const Error&) {
        return {};  // unreadable: as if there were none, as the Python library has it
    }
}

}  // namespace

HubSettings hub_settings() {
    HubSettings settings;
    if (std::string endpoint = trimmed(variable("HF_ENDPOINT")); !endpoint.empty()) {
        while (endpoint.ends_with('/')) endpoint.pop_back();
        settings.endpoint = std::move(endpoint);
    }
    if (url_origin(settings.endpoint).empty()) {
        throw Error::usage("The hub's address is none", {.key = "HF_ENDPOINT",
                                                         .expected = "http://... or https://...",
                                                         .found = shown_url(settings.endpoint)});
    }
    settings.token = find_token();
    const auto is_token_character = [](unsigned char c) { return c > 0x20 && c < 0x7f; };
    if (!std::ranges::all_of(settings.token, is_token_character)) {
        throw Error::usage("The hub's token holds characters that no token has",
                           {.key = "HF_TOKEN",
                            .expected = "letters, digits and signs without spaces",
                            .hint = "Log in again with 'hf auth login', or set HF_TOKEN."});
    }
    settings.cache = hub_cache_folder();
    settings.offline = is_true("HF_HUB_OFFLINE") || is_true("TRANSFORMERS_OFFLINE");
    settings.connect_timeout_s = seconds("HF_HUB_ETAG_TIMEOUT", settings.connect_timeout_s);
    settings.stall_timeout_s = seconds("HF_HUB_DOWNLOAD_TIMEOUT", settings.stall_timeout_s);
    return settings;
}

}  // namespace deadscope
