// A file of the hub's, read by HTTP range requests as far as somebody looks at it: the loader behind
// MappedFile::lazy. Every format's reader works on it unchanged.
#pragma once

#include <map>
#include <memory>
#include <mutex>

#include "core/base/mapped_file.h"
#include "core/hub/hub_client.h"

namespace deadscope {

struct RemoteReading {
    std::uint64_t most_bytes = 512u << 20;  // of one file, beyond which a download is the better way
    std::uint64_t gap = 64u << 10;          // bytes between two ranges that one request bridges
    std::size_t connections = 6;
};

// Where the file is asked for. A file that the hub keeps elsewhere is asked for at once where it was last
// found. Thread rule: any thread.
class RemoteFile final : public RangeLoader {
public:
    // `file`: for messages. The settings must outlive it; go_on is asked from the thread that reads.
    RemoteFile(const HubSettings& settings, std::shared_ptr<HubTraffic> traffic, GoOn go_on, HubId id,
               HubFile file, std::string url, RemoteReading reading = {});
    ~RemoteFile() override;

    // Errors: hub_error()'s; a server that sends whole files only, or another file than the list names; more
    // than most_bytes; "stopped" where go_on said so (a reader above has no way to return it).
    void ensure(std::span<std::byte> whole, FileRange range) override;
    void prefetch(std::span<std::byte> whole, std::span<const FileRange> ranges) override;

private:
    std::vector<FileRange> missing(std::uint64_t begin, std::uint64_t end);  // mutex_ held
    void fetch(std::span<std::byte> whole, std::vector<FileRange> ranges);   // mutex_ held
    bool fetch_one(HttpSession& session, std::span<std::byte> whole, FileRange range, const GoOn& go_on);
    void note(FileRange range);  // mutex_ held
    [[noreturn]] void ignored_range() const;
    std::string shown() const;

    const HubSettings& settings_;
    std::shared_ptr<HubTraffic> traffic_;
    GoOn go_on_;
    HubId id_;
    HubFile file_;
    std::string url_;
    RemoteReading reading_;
    std::mutex mutex_;                             // one fetch at a time
    std::map<std::uint64_t, std::uint64_t> here_;  // begin -> end, apart from each other
    std::uint64_t fetched_ = 0;
    std::unique_ptr<HttpSession> session_;
    std::mutex found_mutex_;
    std::string found_url_;  // where the last range came from
};

}  // namespace deadscope
