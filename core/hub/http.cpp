// libcurl's multi interface around one transfer: only it can be left at any moment (curl_easy_perform asks
// once a second). Redirects are followed here rather than by libcurl, so that every address is looked at.
#include "core/hub/http.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "core/base/error.h"
#include "core/base/version.h"
#include "core/hub/curl.h"
#include "core/hub/urls.h"

namespace deadscope {
namespace {

constexpr int longest_chain = 8;           // redirects
constexpr int poll_ms = 50;                // between two questions whether to go on
constexpr std::size_t error_body = 16384;  // bytes kept of an answer that is no success
constexpr std::size_t header_limit = 64u << 10;

bool is_success(long status) {
    return status == 200 || status == 206;
}
bool is_redirect(long status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

struct Failure {
    const char* words;
    bool may_pass;
};

Failure failure_of(CURLcode code) {
    switch (code) {
        case CURLE_COULDNT_RESOLVE_HOST:
        case CURLE_COULDNT_RESOLVE_PROXY:
            return {"the host's name is not known (is there a network?)", true};
        case CURLE_COULDNT_CONNECT:
            return {"nothing answers there", true};
        case CURLE_OPERATION_TIMEDOUT:
            return {"it did not answer in time", true};
        case CURLE_PARTIAL_FILE:
            return {"the answer ended before its end", true};
        case CURLE_GOT_NOTHING:
            return {"it closed the connection without an answer", true};
        case CURLE_SSL_CONNECT_ERROR:
            return {"no encrypted connection could be made", true};
        case CURLE_PEER_FAILED_VERIFICATION:
            return {"its certificate does not show that it is this host", false};
        case CURLE_UNSUPPORTED_PROTOCOL:
        case CURLE_URL_MALFORMAT:
            return {"the address is none of http or https", false};
        case CURLE_SEND_ERROR:
        case CURLE_RECV_ERROR:
        case CURLE_HTTP2:
        case CURLE_HTTP2_STREAM:
            return {"the connection broke", true};
        default:
            return {"the transfer failed", false};
    }
}

struct ListDeleter {
    void operator()(curl_slist* list) const { curl().slist_free_all(list); }
};

}  // namespace

std::string HttpReply::header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string() : found->second;
}

std::optional<HttpReply::ContentRange> HttpReply::content_range() const {
    const std::string text = header("content-range");  // "bytes 0-99/1234" or "bytes 0-99/*"
    const std::size_t slash = text.find('/');
    if (!text.starts_with("bytes ") || slash == std::string::npos) return std::nullopt;
    ContentRange range;
    const char* const text_end = text.data() + text.size();
    if (std::from_chars(text.data() + 6, text_end, range.first).ec != std::errc()) return std::nullopt;
    std::uint64_t total = 0;
    if (std::from_chars(text.data() + slash + 1, text_end, total).ec == std::errc()) range.total = total;
    return range;
}

struct HttpSession::State {
    const HubSettings& settings;
    std::string origin;
    CURLM* multi;
    CURL* easy;
    std::unique_ptr<curl_slist, ListDeleter> headers;
    // Of the request under way:
    HttpReply* reply = nullptr;
    const HttpSink* sink = nullptr;
    std::size_t header_bytes = 0;
    bool refused = false, enough = false;

    explicit State(const HubSettings& s) : settings(s), origin(url_origin(s.endpoint)) {
        multi = curl().multi_init();
        easy = curl().easy_init();
        if (multi == nullptr || easy == nullptr) throw Error::resource("No connection could be prepared");
        // Compressed answers have no byte positions; a range of one is no range of the file.
        headers.reset(curl().slist_append(nullptr, "Accept-Encoding: identity"));
    }
    ~State() {
        curl().easy_cleanup(easy);
        curl().multi_cleanup(multi);
    }
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    void prepare(const std::string& url, const HttpRequest& request);
    HttpReply one(const std::string& url, const HttpRequest& request, const HttpSink& wanted,
                  const GoOn& go_on);
    CURLcode run(const GoOn& go_on, bool& cancelled);
    void take_header(std::string_view line);
    bool take_body(std::span<const std::byte> piece);
};

namespace {

std::string_view trim(std::string_view text) {
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) text.remove_suffix(1);
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())) != 0)
        text.remove_prefix(1);
    return text;
}

}  // namespace

void HttpSession::State::take_header(std::string_view line) {
    if (line.starts_with("HTTP/")) {  // a new answer begins: what came before was an interim one
        reply->headers.clear();
        reply->status = 0;
        const std::size_t space = line.find(' ');
        if (space != std::string_view::npos)
            std::from_chars(line.data() + space + 1, line.data() + line.size(), reply->status);
        return;
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return;
    std::string name(trim(line.substr(0, colon)));
    std::ranges::transform(name, name.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    reply->headers[name] = std::string(trim(line.substr(colon + 1)));
}

// False ends the transfer.
bool HttpSession::State::take_body(std::span<const std::byte> piece) {
    if (is_success(reply->status)) {
        refused = !(*sink)(*reply, piece);
        return !refused;
    }
    if (is_redirect(reply->status)) {
        enough = true;  // where it leads is in the header
        return false;
    }
    const std::size_t room = error_body - std::min(error_body, reply->body.size());
    reply->body.append(reinterpret_cast<const char*>(piece.data()), std::min(room, piece.size()));
    enough = piece.size() > room;
    return !enough;
}

void HttpSession::State::prepare(const std::string& url, const HttpRequest& request) {
    curl().easy_reset(easy);  // the connections stay
    const auto set = [this](CURLoption option, auto value) { curl().easy_setopt(easy, option, value); };
    set(CURLOPT_URL, url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_QUICK_EXIT, 1L);  // a name that is still being looked up holds nobody up
    set(CURLOPT_HTTPHEADER, headers.get());
    set(CURLOPT_USERAGENT, (std::string("deadscope/") + version).c_str());
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(settings.connect_timeout_s * 1e3));
    set(CURLOPT_LOW_SPEED_LIMIT, 1L);  // bytes a second
    set(CURLOPT_LOW_SPEED_TIME, std::max(1L, static_cast<long>(settings.stall_timeout_s)));
    set(CURLOPT_BUFFERSIZE, 256L << 10);
    if (!settings.token.empty() && url_origin(url) == origin) {
        set(CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BEARER));
        set(CURLOPT_XOAUTH2_BEARER, settings.token.c_str());
    }
    if (request.offset > 0 || request.count) {
        std::string range = std::to_string(request.offset) + "-";
        if (request.count) range += std::to_string(request.offset + *request.count - 1);
        set(CURLOPT_RANGE, range.c_str());
    }
    set(CURLOPT_HEADERDATA, static_cast<void*>(this));
    set(
        CURLOPT_HEADERFUNCTION, +[](char* bytes, std::size_t, std::size_t count, void* self) -> std::size_t {
            auto& state = *static_cast<State*>(self);
            state.header_bytes += count;
            if (state.header_bytes > header_limit) return 0;
            state.take_header({bytes, count});
            return count;
        });
    set(CURLOPT_WRITEDATA, static_cast<void*>(this));
    set(
        CURLOPT_WRITEFUNCTION, +[](char* bytes, std::size_t, std::size_t count, void* self) -> std::size_t {
            const bool more =
                static_cast<State*>(self)->take_body({reinterpret_cast<std::byte*>(bytes), count});
            return more ? count : 0;
        });
}

CURLcode HttpSession::State::run(const GoOn& go_on, bool& cancelled) {
    curl().multi_add_handle(multi, easy);
    CURLcode result = CURLE_OK;
    for (int running = 1; running > 0;) {
        if (curl().multi_perform(multi, &running) != CURLM_OK) result = CURLE_RECV_ERROR;
        if (result != CURLE_OK || running == 0) break;
        if (!goes_on(go_on)) {
            cancelled = true;
            break;
        }
        curl().multi_poll(multi, nullptr, 0, poll_ms, nullptr);
    }
    int left = 0;
    while (const CURLMsg* message = curl().multi_info_read(multi, &left)) {
        if (message->msg == CURLMSG_DONE) result = message->data.result;
    }
    curl().multi_remove_handle(multi, easy);
    return result;
}

HttpReply HttpSession::State::one(const std::string& url, const HttpRequest& request, const HttpSink& wanted,
                                  const GoOn& go_on) {
    HttpReply answer;
    answer.url = url;
    reply = &answer;
    sink = &wanted;
    refused = enough = false;
    header_bytes = 0;
    prepare(url, request);
    bool cancelled = false;
    const CURLcode code = run(go_on, cancelled);
    reply = nullptr;
    if (cancelled) {
        answer.end = HttpReply::End::cancelled;
    } else if (refused) {
        answer.end = HttpReply::End::refused;
    } else if (code == CURLE_OK || enough) {
        answer.end = HttpReply::End::answered;
    } else {
        const Failure failure = failure_of(code);
        answer.failure = failure.words;
        answer.may_pass = failure.may_pass;
    }
    return answer;
}

HttpSession::HttpSession(const HubSettings& settings) : state_(std::make_unique<State>(settings)) {}
HttpSession::~HttpSession() = default;

HttpReply HttpSession::get(const HttpRequest& request, const HttpSink& sink, const GoOn& go_on) {
    if (state_->settings.offline) {
        throw Error::input("The network may not be used: offline mode is on",
                           {.file = shown_url(request.url),
                            .hint = "Unset HF_HUB_OFFLINE and TRANSFORMERS_OFFLINE to fetch it."});
    }
    std::string url = request.url;
    for (int hop = 0;; ++hop) {
        HttpReply reply = state_->one(url, request, sink, go_on);
        if (reply.end != HttpReply::End::answered || !is_redirect(reply.status)) return reply;
        const std::string next = url_resolved(url, reply.header("location"));
        const std::string origin = url_origin(next);
        const bool weaker = url_origin(url).starts_with("https") && !origin.starts_with("https");
        if (hop == longest_chain || origin.empty() || weaker) {
            reply.end = HttpReply::End::broken;
            reply.failure = hop == longest_chain ? "it redirects without end"
                            : origin.empty()     ? "it redirects to no http or https address"
                                                 : "it redirects from https to unencrypted http";
            return reply;
        }
        url = next;
    }
}

}  // namespace deadscope
