// See curl.h.
#include "core/hub/curl.h"

#include <dlfcn.h>

#include <string>

#include "core/base/error.h"
#include "core/base/text.h"

namespace deadscope {
namespace {

constexpr const char* file = "libcurl.so.4";

[[noreturn]] void refuse() {
    const char* const reason = dlerror();
    throw Error::resource("libcurl, which talks to the hub, cannot be loaded",
                          {.file = file,
                           .found = printable(reason != nullptr ? reason : "no reason given"),
                           .hint = "install libcurl 7.85 or later; everything but the hub works without it"});
}

CurlLibrary load() {
    void* const library = dlopen(file, RTLD_NOW | RTLD_LOCAL);  // stays until the process ends
    if (library == nullptr) refuse();
    const auto find = [library]<typename Function>(Function& to, const char* name) {
        to = reinterpret_cast<Function>(dlsym(library, name));
        if (to == nullptr) refuse();
    };
    CurlLibrary out{};
    decltype(&curl_global_init) global_init = nullptr;
    find(global_init, "curl_global_init");
    find(out.easy_init, "curl_easy_init");
    find(out.easy_cleanup, "curl_easy_cleanup");
    find(out.easy_reset, "curl_easy_reset");
    find(out.easy_setopt, "curl_easy_setopt");
    find(out.multi_init, "curl_multi_init");
    find(out.multi_cleanup, "curl_multi_cleanup");
    find(out.multi_add_handle, "curl_multi_add_handle");
    find(out.multi_remove_handle, "curl_multi_remove_handle");
    find(out.multi_perform, "curl_multi_perform");
    find(out.multi_poll, "curl_multi_poll");
    find(out.multi_info_read, "curl_multi_info_read");
    find(out.slist_append, "curl_slist_append");
    find(out.slist_free_all, "curl_slist_free_all");
    find(out.url, "curl_url");
    find(out.url_cleanup, "curl_url_cleanup");
    find(out.url_set, "curl_url_set");
    find(out.url_get, "curl_url_get");
    find(out.getdate, "curl_getdate");
    find(out.free, "curl_free");
    global_init(CURL_GLOBAL_DEFAULT);
    return out;
}

}  // namespace

const CurlLibrary& curl() {
    static const CurlLibrary library = load();
    return library;
}

}  // namespace deadscope
