// The hub's refusals in words; declared in hub_client.h. The token is never part of them.
#include "core/base/text.h"
#include "core/hub/hub_client.h"
#include "core/hub/urls.h"

namespace deadscope {
namespace {

std::string shown_id(const HubId& id) {
    return id.repository + (id.revision == "main" ? "" : "@" + id.revision);
}

std::string page_of(const HubSettings& settings, const HubId& id) {
    std::string endpoint = shown_url(settings.endpoint);
    if (!endpoint.ends_with('/')) endpoint += '/';
    return endpoint + id.repository;
}

Error not_allowed(const HubSettings& settings, const HubId& id, const HttpReply& reply) {
    const bool gated = reply.header("x-error-code") == "GatedRepo";
    const std::string page = page_of(settings, id);
    const std::string login = settings.token.empty()
                                  ? "Log in with 'hf auth login' or set HF_TOKEN"
                                  : "The token that was sent (HF_TOKEN or the login's) does not allow it";
    // The hub answers 401 for what does not exist as well, so as not to tell.
    return Error::input(gated ? "The hub gives this model only to those who accepted its terms"
                              : "The hub does not give this model to whoever asks",
                        {.file = shown_id(id),
                         .found = "status " + std::to_string(reply.status) +
                                  (gated ? ": gated" : ": private, or there is no model of this name"),
                         .hint = gated ? "Accept the terms on " + page + ". " + login + "."
                                       : "Check the name on " + page + ". " + login + "."});
}

Error not_found(const HubSettings& settings, const HubId& id, const std::string& file,
                const HttpReply& reply) {
    const std::string code = reply.header("x-error-code");
    if (code == "RevisionNotFound") {
        return Error::input("The hub's repository has no such revision",
                            {.file = id.repository,
                             .expected = "a branch, a tag or a commit",
                             .found = id.revision,
                             .hint = "See " + page_of(settings, id) + "/tree/main for the names there are."});
    }
    if (code == "EntryNotFound" || (code.empty() && !file.empty())) {
        return Error::input("The hub's repository has no such file",
                            {.file = shown_id(id), .key = file, .found = "status 404"});
    }
    return Error::input(
        "The hub has no model of this name",
        {.file = shown_id(id),
         .expected = "NAME or ORGANISATION/NAME",
         .found = "status 404 from " + shown_url(settings.endpoint),
         .hint = settings.token.empty() ? "If it is private, log in with 'hf auth login'." : ""});
}

}  // namespace

Error hub_error(const HubSettings& settings, const HubId& id, const std::string& file,
                const HttpReply& reply) {
    const std::string where = shown_url(reply.url), name = shown_id(id) + (file.empty() ? "" : "/" + file);
    if (reply.end == HttpReply::End::broken) {
        return Error::input(reply.status == 0 ? "The hub could not be reached" : "The hub's answer is no use",
                            {.file = name, .expected = "an answer from " + where, .found = reply.failure});
    }
    if (!file.empty() && url_origin(reply.url) != url_origin(settings.endpoint)) {
        return Error::input("The server that the hub sends to for this file refuses it",
                            {.file = name,
                             .expected = "status 200 or 206 from " + where,
                             .found = "status " + std::to_string(reply.status),
                             .hint = "Try again later."});
    }
    switch (reply.status) {
        case 401:
        case 403:
            return not_allowed(settings, id, reply);
        case 404:
            return not_found(settings, id, file, reply);
        case 416:
            return Error::input("The server has no such range of the file",
                                {.file = name,
                                 .expected = "bytes that the listing promises",
                                 .found = "status 416, " + reply.header("content-range")});
        case 429: {
            const std::string after = reply.header("retry-after");
            return Error::input(
                "The hub has had too many requests from here",
                {.file = name,
                 .found = "status 429" + (after.empty() ? "" : ", to try again after " + after + " s"),
                 .hint = settings.token.empty()
                             ? "Wait, or log in with 'hf auth login': more are allowed then."
                             : "Wait and try again."});
        }
        default:
            return Error::input("The hub answered with an error",
                                {.file = name,
                                 .expected = "status 200 from " + where,
                                 .found = "status " + std::to_string(reply.status) + " " +
                                          printable(reply.header("x-error-message"), 160),
                                 .hint = reply.status >= 500 ? "Try again later." : ""});
    }
}

}  // namespace deadscope
