// libcurl, loaded when the hub is first asked for something: with it come some thirty libraries, whose
// start-up would cost every command more than reading γ does.
#pragma once

#include <curl/curl.h>

namespace deadscope {

// libcurl's functions under their own names, less "curl_". Thread rule: immutable.
struct CurlLibrary {
    decltype(&curl_easy_init) easy_init;
    decltype(&curl_easy_cleanup) easy_cleanup;
    decltype(&curl_easy_reset) easy_reset;
    CURLcode (*easy_setopt)(CURL*, CURLoption, ...);  // a macro hides the function's own type
    decltype(&curl_multi_init) multi_init;
    decltype(&curl_multi_cleanup) multi_cleanup;
    decltype(&curl_multi_add_handle) multi_add_handle;
    decltype(&curl_multi_remove_handle) multi_remove_handle;
    decltype(&curl_multi_perform) multi_perform;
    decltype(&curl_multi_poll) multi_poll;
    decltype(&curl_multi_info_read) multi_info_read;
    decltype(&curl_slist_append) slist_append;
    decltype(&curl_slist_free_all) slist_free_all;
    decltype(&curl_url) url;
    decltype(&curl_url_cleanup) url_cleanup;
    decltype(&curl_url_set) url_set;
    decltype(&curl_url_get) url_get;
    decltype(&curl_getdate) getdate;
    decltype(&curl_free) free;
};

// Errors: Error::resource where libcurl is not installed.
const CurlLibrary& curl();

}  // namespace deadscope
