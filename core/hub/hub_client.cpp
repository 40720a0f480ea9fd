// See hub_client.h.
#include "core/hub/hub_client.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/base/digest.h"
#include "core/base/json.h"
#include "core/base/text.h"
#include "core/hub/retry.h"
#include "core/hub/urls.h"

namespace deadscope {
namespace {

constexpr std::uint64_t answer_limit = 64u << 20;  // bytes of one page
constexpr std::size_t page_limit = 200, file_limit = 200'000;

bool is_hex(std::string_view text, std::size_t length) {
    return text.size() == length &&
           std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// What may become a path below a folder of ours.
bool is_inside(std::string_view path) {
    if (path.empty() || path.size() > 1024) return false;
    for (;;) {
        const std::size_t slash = path.find('/');
        const std::string_view part = path.substr(0, slash);
        const bool plain = std::ranges::none_of(part, [](char c) { return c == '\\' || c == '\0'; });
        if (part.empty() || part == "." || part == ".." || part.size() > 255 || !plain) return false;
        if (slash == std::string_view::npos) return true;
        path.remove_prefix(slash + 1);
    }
}

std::uint64_t size_of(const JsonObject& entry) {
    const auto size = entry.integer("size");
    if (!size || *size < 0) entry.wrong("size", "a number of bytes");
    return static_cast<std::uint64_t>(*size);
}

HubFile file_of(const JsonObject& entry) {
    HubFile file;
    file.path = entry.text("path").value_or("");
    if (!is_inside(file.path)) {
        throw Error::input(
            "The hub's list names a file outside of its repository",
            {.file = entry.file(), .key = "path", .expected = "a path inside", .found = file.path});
    }
    file.size = size_of(entry);
    file.hash = entry.text("oid").value_or("");
    if (const auto lfs = entry.object("lfs")) {
        file.large = true;
        file.size = size_of(*lfs);
        file.hash = lfs->text("oid").value_or("");
    }
    if (!is_hex(file.hash, file.large ? 64 : 40)) {
        throw Error::input("The hub's list names no hash for a file",
                           {.file = entry.file(),
                            .key = file.path,
                            .expected = file.large ? "a SHA-256" : "git's SHA-1",
                            .found = file.hash});
    }
    return file;
}

// <https://.../tree/...?cursor=X>; rel="next" (RFC 8288); empty where there is none.
std::string next_page(const std::string& link) {
    for (std::size_t at = link.find('<'); at != std::string::npos; at = link.find('<', at + 1)) {
        const std::size_t end = link.find('>', at);
        if (end == std::string::npos) return {};
        const std::string_view parameters = std::string_view(link).substr(end, link.find('<', end) - end);
        if (parameters.find("rel=\"next\"") != std::string_view::npos)
            return link.substr(at + 1, end - at - 1);
    }
    return {};
}

}  // namespace

const HubFile* HubListing::find(std::string_view path) const {
    const auto found = std::ranges::find(files, path, &HubFile::path);
    return found == files.end() ? nullptr : &*found;
}

bool has_contents(const HubFile& file, std::string_view bytes) {
    Digest digest(file.large ? DigestKind::sha256 : DigestKind::sha1);
    if (!file.large) digest.add("blob " + std::to_string(bytes.size()) + std::string(1, '\0'));
    digest.add(bytes);
    return bytes.size() == file.size && digest.hex() == file.hash;
}

HubClient::HubClient(HubSettings settings, GoOn go_on)
    : settings_(std::move(settings)), go_on_(std::move(go_on)), session_(settings_) {}
HubClient::~HubClient() = default;

std::string HubClient::file_url(const HubListing& listing, const std::string& path) const {
    return settings_.endpoint + "/" + url_encoded(listing.id.repository, true) + "/resolve/" +
           listing.commit + "/" + url_encoded(path, true);
}

std::optional<HubClient::Answer> HubClient::ask(const std::string& url, const HubId& id,
                                                std::uint64_t limit) {
    Retry retry(settings_);
    for (;;) {
        Answer answer;
        bool too_large = false;
        const HttpReply reply = session_.get(
            {.url = url, .offset = 0, .count = {}},
            [&](const HttpReply&, std::span<const std::byte> piece) {
                traffic_->bytes += piece.size();
                too_large = piece.size() > limit - answer.text.size();
                if (!too_large) answer.text.append(reinterpret_cast<const char*>(piece.data()), piece.size());
                return !too_large;
            },
            go_on_);
        ++traffic_->requests;
        if (too_large) {
            throw Error::input(
                "The hub's answer is larger than such an answer can be",
                {.file = shown_url(url), .expected = "at most " + std::to_string(limit) + " bytes"});
        }
        if (reply.end == HttpReply::End::answered && reply.status == 200) {
            answer.next = next_page(reply.header("link"));
            return answer;
        }
        const Retry::Next next = retry.after(reply, go_on_);
        if (next == Retry::Next::cancelled) return std::nullopt;
        if (next == Retry::Next::give_up) throw hub_error(settings_, id, {}, reply);
    }
}

std::optional<std::string> HubClient::commit_of(const HubId& id) {
    if (is_commit(id.revision)) return id.revision;
    const std::string url = settings_.endpoint + "/api/models/" + url_encoded(id.repository, true) +
                            "/revision/" + url_encoded(id.revision, false);
    const auto answer = ask(url, id, answer_limit);
    if (!answer) return std::nullopt;
    const nlohmann::json json = parse_json(answer->text, {.file = shown_url(url)});
    const JsonObject model(json, shown_url(url));
    const auto commit = model.text("sha");
    if (!commit || !is_commit(*commit)) model.wrong("sha", "a commit: 40 hexadecimal digits");
    return commit;
}

std::optional<HubListing> HubClient::list(const HubId& id) {
    HubListing listing{.id = id, .commit = {}, .files = {}};
    const auto commit = commit_of(id);
    if (!commit) return std::nullopt;
    listing.commit = *commit;
    std::string url = settings_.endpoint + "/api/models/" + url_encoded(id.repository, true) + "/tree/" +
                      listing.commit + "?recursive=true";
    for (std::size_t page = 0; !url.empty(); ++page) {
        const auto answer = ask(url, id, answer_limit);
        if (!answer) return std::nullopt;
        const nlohmann::json json = parse_json(answer->text, {.file = shown_url(url)});
        if (!json.is_array() || page == page_limit || listing.files.size() > file_limit) {
            throw Error::input(
                "The hub's answer is no list of files",
                {.file = shown_url(url), .expected = "a list that ends", .found = json_words(json)});
        }
        for (const nlohmann::json& value : json) {
            const JsonObject entry(value, shown_url(url));
            if (entry.text("type") == "file") listing.files.push_back(file_of(entry));
        }
        const std::string next = answer->next.empty() ? answer->next : url_resolved(url, answer->next);
        if (!next.empty() && url_origin(next) != url_origin(settings_.endpoint)) {
            throw Error::input("The hub's list goes on at another host",
                               {.file = shown_url(url), .found = shown_url(next)});
        }
        url = next;
    }
    return listing;
}

std::optional<std::vector<HubRevision>> HubClient::revisions(const std::string& repository) {
    const std::string url = settings_.endpoint + "/api/models/" + url_encoded(repository, true) + "/refs";
    const auto answer = ask(url, {.repository = repository}, answer_limit);
    if (!answer) return std::nullopt;
    const nlohmann::json json = parse_json(answer->text, {.file = shown_url(url)});
    const JsonObject refs(json, shown_url(url));
    std::vector<HubRevision> out;
    for (const bool tag : {false, true}) {
        const char* key = tag ? "tags" : "branches";
        const nlohmann::json* list = refs.find(key);
        if (list == nullptr) continue;
        if (!list->is_array()) refs.wrong(key, "a list");
        for (const nlohmann::json& value : *list) {
            const JsonObject ref(value, shown_url(url), key);
            HubRevision revision{.name = ref.text("name").value_or(""),
                                 .commit = ref.text("targetCommit").value_or(""),
                                 .tag = tag};
            // A name that no MODEL could hold is not offered.
            if (is_commit(revision.commit) && parse_hub_id(repository + "@" + revision.name))
                out.push_back(std::move(revision));
        }
    }
    return out;
}

std::optional<std::string> HubClient::text(const HubListing& listing, const HubFile& file,
                                           std::uint64_t limit) {
    if (file.size > limit) {
        throw Error::input("The file is larger than such a file can be",
                           {.file = listing.id.repository + "/" + file.path,
                            .expected = "at most " + std::to_string(limit) + " bytes",
                            .found = std::to_string(file.size)});
    }
    auto answer = ask(file_url(listing, file.path), listing.id, limit);
    if (!answer) return std::nullopt;
    if (!has_contents(file, answer->text)) {
        throw Error::input("The hub sent other bytes than its list names",
                           {.file = listing.id.repository + "/" + file.path,
                            .expected = std::to_string(file.size) + " bytes of hash " + file.hash,
                            .found = std::to_string(answer->text.size()) + " bytes of another"});
    }
    return std::move(answer->text);
}

}  // namespace deadscope
