// See download.h.
#include "core/hub/download.h"

#include <algorithm>
#include <atomic>
#include <filesystem>

#include "core/base/error.h"
#include "core/hub/blob_file.h"
#include "core/hub/parallel.h"
#include "core/hub/retry.h"

namespace deadscope {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t spare_room = 16u << 20;  // bytes left free on the disk

struct Counters {
    std::atomic<std::uint64_t> bytes{0}, received{0}, resumed{0};
    std::atomic<std::size_t> files{0};
};

// The cache's places of one repository.
struct Places {
    fs::path cache, repository, snapshot;
    Places(const HubSettings& settings, const HubListing& listing)
        : cache(fs::absolute(settings.cache)),
          repository(hub_repository_folder(cache.string(), listing.id.repository)),
          snapshot(repository / "snapshots" / listing.commit) {}
    std::string blob(const HubFile& file) const { return (repository / "blobs" / file.hash).string(); }
    std::string pointer(const HubFile& file) const { return (snapshot / file.path).string(); }
    std::string lock(const HubFile& file) const {
        return (cache / ".locks" / repository.filename() / (file.hash + ".lock")).string();
    }
};

std::uint64_t size_on_disk(const fs::path& path) {
    std::error_code error;
    const auto size = fs::file_size(path, error);
    return error ? 0 : size;
}

bool is_whole(const fs::path& path, const HubFile& file) {
    std::error_code error;
    return fs::is_regular_file(path, error) && size_on_disk(path) == file.size;
}

// Downloads one file and links it.
// Thread rule: one thread at a time; the counters are shared.
class FileFetch {
public:
    FileFetch(const HubSettings& settings, const HubListing& listing, const Places& places, std::string url,
              const HubFile& file, Counters& counters)
        : settings_(settings),
          listing_(listing),
          places_(places),
          url_(std::move(url)),
          file_(file),
          counters_(counters) {}

    // False where cancelled.
    bool run(HttpSession& session, const GoOn& go_on) {
        if (!is_whole(places_.pointer(file_), file_)) {
            CacheLock lock;
            if (!lock.take(places_.lock(file_), go_on)) return false;
            if (is_whole(places_.blob(file_), file_)) {
                counters_.bytes += file_.size;
                std::error_code ignored;  // another program finished what a fetch of ours had begun
                fs::remove(places_.blob(file_) + ".incomplete", ignored);
            } else if (!download(session, go_on)) {
                return false;
            }
            link_relatively(places_.blob(file_), places_.pointer(file_));
        } else {
            counters_.bytes += file_.size;
        }
        ++counters_.files;
        return true;
    }

private:
    bool download(HttpSession& session, const GoOn& go_on) {
        BlobFile blob(places_.blob(file_), file_);
        counters_.resumed += blob.size();
        counters_.bytes += blob.size();
        if (!blob.hash_existing(go_on)) return false;
        const bool fresh = blob.size() == 0;
        if (!transfer(session, blob, go_on)) return false;
        if (blob.commit()) return true;
        // What was left by an earlier fetch may have been damaged since; once more from the beginning tells.
        start_over(blob);
        if (fresh) throw wrong_contents();
        if (!transfer(session, blob, go_on)) return false;
        if (blob.commit()) return true;
        start_over(blob);
        throw wrong_contents();
    }

    void start_over(BlobFile& blob) {
        counters_.bytes -= blob.size();
        blob.start_over();
    }

    bool transfer(HttpSession& session, BlobFile& blob, const GoOn& go_on) {
        Retry retry(settings_);
        while (blob.size() < file_.size) {
            bool other_file = false, progressed = false;
            const HttpReply reply = session.get(
                {.url = url_, .offset = blob.size(), .count = {}},
                [&](const HttpReply& head, std::span<const std::byte> piece) {
                    if (!progressed) other_file = !fits(head, blob);
                    if (!other_file) other_file = piece.size() > file_.size - blob.size();
                    if (other_file) return false;
                    progressed = true;
                    blob.write(piece);
                    counters_.bytes += piece.size();
                    counters_.received += piece.size();
                    return true;
                },
                go_on);
            if (other_file) throw wrong_size(reply);
            if (progressed) retry.progressed();
            if (reply.end == HttpReply::End::cancelled) return false;
            if (blob.size() == file_.size) break;
            const Retry::Next next = retry.after(broken_if_short(reply), go_on);
            if (next == Retry::Next::cancelled) return false;
            if (next == Retry::Next::give_up)
                throw hub_error(settings_, listing_.id, file_.path, broken_if_short(reply));
        }
        return true;
    }

    // Whether the answer that begins is the part that was asked for. A server that ignores ranges sends all.
    bool fits(const HttpReply& head, BlobFile& blob) {
        if (head.status == 200) {
            if (blob.size() > 0) start_over(blob);
            const std::string length = head.header("content-length");
            return length.empty() || length == std::to_string(file_.size);
        }
        const auto range = head.content_range();
        return range && range->first == blob.size() && (!range->total || *range->total == file_.size);
    }

    static HttpReply broken_if_short(HttpReply reply) {
        if (reply.end == HttpReply::End::answered && (reply.status == 200 || reply.status == 206)) {
            reply.end = HttpReply::End::broken;
            reply.failure = "the answer ended before its end";
            reply.may_pass = true;
        }
        return reply;
    }

    Error wrong_size(const HttpReply& reply) const {
        return Error::input("The server sent another file than the hub's list names",
                            {.file = listing_.id.repository + "/" + file_.path,
                             .expected = std::to_string(file_.size) + " bytes",
                             .found = "content-length " + reply.header("content-length") +
                                      ", content-range " + reply.header("content-range"),
                             .hint = "Try again later."});
    }
    Error wrong_contents() const {
        return Error::input(
            "The file that came is not the one that the hub's list names: nothing is kept of it",
            {.file = listing_.id.repository + "/" + file_.path,
             .expected = std::string(file_.large ? "SHA-256 " : "git's SHA-1 ") + file_.hash,
             .found = "another hash",
             .hint = "Try again later, or without a proxy."});
    }

    const HubSettings& settings_;
    const HubListing& listing_;
    const Places& places_;
    std::string url_;
    const HubFile& file_;
    Counters& counters_;
};

void check_room(const Places& places, const std::vector<HubFile>& files) {
    std::uint64_t needed = 0;
    for (const HubFile& file : files) {
        if (is_whole(places.pointer(file), file) || is_whole(places.blob(file), file)) continue;
        needed += file.size - std::min(file.size, size_on_disk(places.blob(file) + ".incomplete"));
    }
    const auto room = free_bytes(places.cache.string());
    if (needed == 0 || !room || needed + spare_room <= *room) return;
    throw Error::resource("The disk has too little room for this model",
                          {.file = places.cache.string(),
                           .expected = std::to_string(needed) + " bytes",
                           .found = std::to_string(*room) + " bytes free",
                           .hint = "Make room, or set HF_HUB_CACHE to a folder on another disk."});
}

// As huggingface_hub marks the folder for backup programs (bford.info/cachedir).
void mark_cache(const Places& places) {
    const fs::path tag = places.cache / "CACHEDIR.TAG";
    std::error_code error;
    if (!fs::exists(tag, error))
        write_whole(tag.string(),
                    "Signature: 8a477f597d28d172789f06886806bc55\n# A cache of downloaded models.\n");
}

void write_reference(const Places& places, const HubListing& listing) {
    if (listing.id.revision == listing.commit) return;
    write_whole((places.repository / "refs" / listing.id.revision).string(), listing.commit);
}

}  // namespace

std::optional<FetchResult> fetch_checkpoint(HubSettings settings, const HubId& id,
                                            const FetchOptions& options) {
    Counters counters;
    FetchResult result;
    const GoOn go_on = [&] {
        result.done.bytes = counters.bytes;
        result.done.bytes_received = counters.received;
        result.done.files = counters.files;
        return !options.progress || options.progress(result.done);
    };
    HubClient client(std::move(settings), go_on);
    auto listing = client.list(id);
    if (!listing) return std::nullopt;
    const auto needed = needed_files(client, *listing, options.weights);
    if (!needed) return std::nullopt;
    result.listing = std::move(*listing);
    std::vector<HubFile> files = needed->beside;
    files.insert(files.end(), needed->shards.begin(), needed->shards.end());
    result.done.bytes_total = needed->bytes();
    result.done.files_total = files.size();
    const Places places(client.settings(), result.listing);
    check_room(places, files);
    mark_cache(places);
    const bool whole = for_each_connected(client.settings(), files.size(), options.connections, go_on,
                                          [&](HttpSession& session, std::size_t i, const GoOn& inner) {
                                              FileFetch fetch(client.settings(), result.listing, places,
                                                              client.file_url(result.listing, files[i].path),
                                                              files[i], counters);
                                              return fetch.run(session, inner);
                                          });
    go_on();
    if (!whole) return std::nullopt;
    write_reference(places, result.listing);
    result.snapshot = places.snapshot.string();
    result.weights = needed->weights;
    result.bytes_resumed = counters.resumed;
    return result;
}

}  // namespace deadscope
