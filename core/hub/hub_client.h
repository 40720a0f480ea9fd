// What the hub has: a revision's commit, the files of a commit with sizes and hashes, small files' text.
// Asked over HTTP (the hub's own API); reading weights remotely and keeping files is remote_file's and
// download's.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/checkpoint/hub_cache.h"
#include "core/hub/http.h"

namespace deadscope {

struct HubFile {
    std::string path;        // inside the repository, with '/': plain names, never "..", never absolute
    std::uint64_t size = 0;  // bytes
    std::string hash;        // SHA-256 where `large`, else git's blob SHA-1; the cache's name of the contents
    bool large = false;      // kept in Git LFS or Xet
};

// One commit of one repository. Everything after is asked by the commit, so that a push between two requests
// changes nothing.
struct HubListing {
    HubId id;            // as asked for
    std::string commit;  // 40 hexadecimal digits
    std::vector<HubFile> files;

    const HubFile* find(std::string_view path) const;  // nullptr where absent
};

struct HubRevision {
    std::string name, commit;
    bool tag = false;
};

// What was asked of the network so far.
// Thread rule: any thread.
struct HubTraffic {
    std::atomic<std::uint64_t> bytes{0}, requests{0};  // bodies' bytes; requests without their redirects
};

// Thread rule: one thread at a time; the settings and the traffic may be read from any.
class HubClient {
public:
    // go_on: asked at least every 200 ms of waiting, from the thread that called.
    explicit HubClient(HubSettings settings, GoOn go_on = {});
    ~HubClient();

    // Nothing where cancelled. Errors: what the hub refuses, in words a person can act on; an answer that is
    // no listing; file names that would leave the repository.
    std::optional<HubListing> list(const HubId& id);
    std::optional<std::vector<HubRevision>> revisions(const std::string& repository);
    // The whole of a small file. Errors: larger than `limit`, or other bytes than the listing's hash names.
    std::optional<std::string> text(const HubListing& listing, const HubFile& file, std::uint64_t limit);

    std::string file_url(const HubListing& listing, const std::string& path) const;
    const HubSettings& settings() const { return settings_; }
    const std::shared_ptr<HubTraffic>& traffic() const { return traffic_; }
    const GoOn& go_on() const { return go_on_; }

private:
    struct Answer {
        std::string text, next;  // next: of a list that goes on, the address of its next page
    };
    std::optional<Answer> ask(const std::string& url, const HubId& id, std::uint64_t limit);
    std::optional<std::string> commit_of(const HubId& id);

    HubSettings settings_;
    GoOn go_on_;
    HttpSession session_;
    std::shared_ptr<HubTraffic> traffic_ = std::make_shared<HubTraffic>();
};

// An answer that is no success, or none at all, as an error. `file`: the name inside the repository, or
// empty.
Error hub_error(const HubSettings& settings, const HubId& id, const std::string& file,
                const HttpReply& reply);
// Of these bytes, as `file` names it. Size and hash.
bool has_contents(const HubFile& file, std::string_view bytes);

}  // namespace deadscope
