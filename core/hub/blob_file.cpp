// See blob_file.h. The layout and the lock are those of huggingface_hub's file_download.py.
#include "core/hub/blob_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <vector>

#include "core/base/error.h"
#include "core/base/output_file.h"
#include "core/hub/retry.h"

namespace deadscope {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void cache_refuses(const std::string& path, int code) {
    throw Error::resource(
        "The hub cache cannot be written to",
        {.file = path,
         .found = std::strerror(code),
         .hint = code == ENOSPC ? "Make room on the disk, then fetch again: it goes on from here."
                                : "Set HF_HUB_CACHE to a folder that can be written to."});
}

}  // namespace

bool CacheLock::take(const std::string& path, const GoOn& go_on) {
    make_folders_for(path);
    for (;;) {
        if (!goes_on(go_on)) return false;
        descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0664);
        if (descriptor_ < 0) cache_refuses(path, errno);
        const bool locked = flock(descriptor_, LOCK_EX | LOCK_NB) == 0;
        const int code = errno;
        // File systems without locks (some network ones): the renaming at the end keeps the cache whole
        // anyway.
        if (!locked && code != EWOULDBLOCK && code != EINTR) return true;
        struct stat held {
        }, named{};
        // Another process may have removed the name between the two calls: then this lock excludes nobody.
        const bool same = locked && fstat(descriptor_, &held) == 0 && stat(path.c_str(), &named) == 0 &&
                          held.st_ino == named.st_ino && held.st_dev == named.st_dev;
        if (same) return true;
        ::close(descriptor_);
        descriptor_ = -1;
        if (!wait_for(0.1, go_on)) return false;
    }
}

CacheLock::~CacheLock() {
    if (descriptor_ >= 0)
        ::close(descriptor_);  // and with it the lock; the file stays, as filelock leaves it
}

BlobFile::BlobFile(std::string path, const HubFile& file)
    : path_(std::move(path)), incomplete_(path_ + ".incomplete"), file_(file) {
    make_folders_for(path_);
    descriptor_ = ::open(incomplete_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    struct stat status {};
    if (descriptor_ < 0 || fstat(descriptor_, &status) != 0) refused();
    size_ = static_cast<std::uint64_t>(status.st_size);
    if (size_ > file_.size) {
        start_over();
    } else {
        begin_digest();
    }
}

BlobFile::~BlobFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

void BlobFile::refused() const {
    cache_refuses(incomplete_, errno);
}

// Git names a blob by the hash of "blob <size>\0" and its bytes.
void BlobFile::begin_digest() {
    digest_.emplace(file_.large ? DigestKind::sha256 : DigestKind::sha1);
    if (!file_.large) digest_->add("blob " + std::to_string(file_.size) + std::string(1, '\0'));
}

bool BlobFile::hash_existing(const GoOn& go_on) {
    std::vector<std::byte> piece(1u << 20);
    for (std::uint64_t at = 0; at < size_;) {
        if (!goes_on(go_on)) return false;
        const std::size_t wanted = std::min<std::uint64_t>(piece.size(), size_ - at);
        const ssize_t n = ::pread(descriptor_, piece.data(), wanted, static_cast<off_t>(at));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) refused();
        digest_->add(std::span(piece).first(static_cast<std::size_t>(n)));
        at += static_cast<std::uint64_t>(n);
    }
    return true;
}

void BlobFile::write(std::span<const std::byte> bytes) {
    for (std::size_t done = 0; done < bytes.size();) {
        const ssize_t n =
            ::pwrite(descriptor_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(size_ + done));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) refused();
        done += static_cast<std::size_t>(n);
    }
    digest_->add(bytes);
    size_ += bytes.size();
}

void BlobFile::start_over() {
    if (ftruncate(descriptor_, 0) != 0) refused();
    size_ = 0;
    begin_digest();
}

bool BlobFile::commit() {
    if (size_ != file_.size || digest_->hex() != file_.hash) return false;
    if (fdatasync(descriptor_) != 0) refused();
    ::close(descriptor_);
    descriptor_ = -1;
    if (::rename(incomplete_.c_str(), path_.c_str()) != 0) refused();
    return true;
}

void make_folders_for(const std::string& path) {
    std::error_code error;
    fs::create_directories(fs::path(path).parent_path(), error);
    if (error) cache_refuses(fs::path(path).parent_path().string(), error.value());
}

void write_whole(const std::string& path, std::string_view text) {
    make_folders_for(path);
    OutputFile file(path);
    file.write(text);
    file.commit();
}

void link_relatively(const std::string& target, const std::string& path) {
    make_folders_for(path);
    const fs::path to = fs::path(target).lexically_relative(fs::path(path).parent_path());
    const std::string temporary = path + ".link." + std::to_string(getpid());
    ::unlink(temporary.c_str());
    if (::symlink(to.c_str(), temporary.c_str()) != 0) cache_refuses(path, errno);
    if (::rename(temporary.c_str(), path.c_str()) != 0) {
        const int code = errno;
        ::unlink(temporary.c_str());
        cache_refuses(path, code);
    }
}

std::optional<std::uint64_t> free_bytes(const std::string& folder) {
    for (fs::path at = fs::absolute(folder);; at = at.parent_path()) {
        struct statvfs disk {};
        if (statvfs(at.c_str(), &disk) == 0)
            return static_cast<std::uint64_t>(disk.f_bavail) * static_cast<std::uint64_t>(disk.f_frsize);
        if (!at.has_relative_path()) return std::nullopt;
    }
}

}  // namespace deadscope
