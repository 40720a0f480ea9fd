// One content of the hub's cache while it comes in: <blobs>/<hash>.incomplete under the lock that the Python
// library takes, its bytes hashed as they are written, renamed to its name only when size and hash are right.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "core/base/digest.h"
#include "core/hub/hub_client.h"

namespace deadscope {

// <cache>/.locks/models--ORG--NAME/<hash>.lock, held by flock(2), as filelock does.
// Thread rule: one thread at a time.
class CacheLock {
public:
    // Waits for another process that holds it. False where cancelled.
    bool take(const std::string& path, const GoOn& go_on);
    ~CacheLock();
    CacheLock() = default;
    CacheLock(const CacheLock&) = delete;
    CacheLock& operator=(const CacheLock&) = delete;

private:
    int descriptor_ = -1;
};

// Thread rule: one thread at a time.
class BlobFile {
public:
    // Opens what an earlier download left, or begins anew. Errors: Error::resource where the disk refuses.
    BlobFile(std::string path, const HubFile& file);
    ~BlobFile();  // keeps what there is, to go on with
    BlobFile(const BlobFile&) = delete;
    BlobFile& operator=(const BlobFile&) = delete;

    std::uint64_t size() const { return size_; }
    // Reads what was there already into the hash; before the first write. False where cancelled.
    bool hash_existing(const GoOn& go_on);
    void write(std::span<const std::byte> bytes);
    void start_over();
    // The file under its final name. False where size or hash are wrong: nothing is renamed then.
    bool commit();

private:
    void begin_digest();
    [[noreturn]] void refused() const;
    std::string path_, incomplete_;
    HubFile file_;
    int descriptor_ = -1;
    std::uint64_t size_ = 0;
    std::optional<Digest> digest_;
};

// Folders on the way to `path`'s own made. Errors: Error::resource.
void make_folders_for(const std::string& path);
// `path` becomes a file of this text, whole or not at all.
void write_whole(const std::string& path, std::string_view text);
// `path` becomes a relative link to `target`, replacing what was there.
void link_relatively(const std::string& target, const std::string& path);
// Free bytes where `folder` is or would be made; nothing where the system does not say.
std::optional<std::uint64_t> free_bytes(const std::string& folder);

}  // namespace deadscope
