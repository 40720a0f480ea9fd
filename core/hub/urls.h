// Addresses: taken apart, put together, and shown without what is secret in them (libcurl's parser).
#pragma once

#include <string>
#include <string_view>

namespace deadscope {

// The address as it may be shown: no user, password, query or fragment (a signed address is a key).
std::string shown_url(std::string_view url);
// "https://host:port", lower-case and with the port spelled out; empty where it is no http(s) address.
std::string url_origin(const std::string& url);
// Percent-encoded but for what a path may hold; "/" is kept where `slashes`.
std::string url_encoded(std::string_view text, bool slashes);
// Where `location`, absolute or relative, leads from `base`; empty where it is no address.
std::string url_resolved(const std::string& base, const std::string& location);

}  // namespace deadscope
