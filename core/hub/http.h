// One HTTP connection to the hub or to where it sends: GET with ranges, redirects, the token, a stop within
// 200 ms (libcurl). What the answers mean, and whether to try again, is left to hub_client and retry.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "core/hub/settings.h"

namespace deadscope {

// Asked all the time while waiting; false: stop. An empty function means "go on".
using GoOn = std::function<bool()>;
inline bool goes_on(const GoOn& go_on) {
    return !go_on || go_on();
}

struct HttpRequest {
    std::string url;
    std::uint64_t offset = 0;            // first byte asked for
    std::optional<std::uint64_t> count;  // bytes; with neither offset nor count the whole
};

struct HttpReply {
    // answered: the server's whole answer is here, whatever its status. refused: the sink wanted no more.
    enum class End { answered, refused, cancelled, broken } end = End::broken;
    long status = 0;                             // of the last answer; 0: there was none
    std::map<std::string, std::string> headers;  // of the last answer; names in lower case
    std::string url;                             // that answered last, after redirects
    std::string body;                            // of an answer that is no success, its beginning
    std::string failure;                         // where broken, in words
    bool may_pass = false;                       // where broken: another try may succeed

    std::string header(const std::string& name) const;  // empty where absent
    // The first byte and the whole file's size that a 206 names (RFC 9110 §14.4); nothing where it names
    // none.
    struct ContentRange {
        std::uint64_t first = 0;
        std::optional<std::uint64_t> total;
    };
    std::optional<ContentRange> content_range() const;
};

// Takes a piece of a successful answer's body; false: no more of it.
using HttpSink = std::function<bool(const HttpReply& head, std::span<const std::byte> piece)>;

// Thread rule: one thread at a time.
class HttpSession {
public:
    // `settings` must outlive it.
    explicit HttpSession(const HubSettings& settings);
    ~HttpSession();
    HttpSession(const HttpSession&) = delete;
    HttpSession& operator=(const HttpSession&) = delete;

    // One try, redirects followed (8 at most, to http(s) addresses only, never from https to http). The token
    // accompanies only what goes to the endpoint's own scheme, host and port.
    // Errors: Error::input in offline mode, before anything is sent.
    HttpReply get(const HttpRequest& request, const HttpSink& sink, const GoOn& go_on);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace deadscope
