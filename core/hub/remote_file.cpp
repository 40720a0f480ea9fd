// See remote_file.h.
#include "core/hub/remote_file.h"

#include <algorithm>
#include <cstring>

#include "core/base/text.h"
#include "core/hub/parallel.h"
#include "core/hub/retry.h"

namespace deadscope {
namespace {

// 97 % of the hub's safetensors headers are shorter than 100 kB (huggingface_hub's own first request).
constexpr std::uint64_t first_piece = 128u << 10;
constexpr std::uint64_t longest_step = 8u << 20;  // of reading ahead

}  // namespace

RemoteFile::RemoteFile(const HubSettings& settings, std::shared_ptr<HubTraffic> traffic, GoOn go_on, HubId id,
                       HubFile file, std::string url, RemoteReading reading)
    : settings_(settings),
      traffic_(std::move(traffic)),
      go_on_(std::move(go_on)),
      id_(std::move(id)),
      file_(std::move(file)),
      url_(std::move(url)),
      reading_(reading) {}

RemoteFile::~RemoteFile() = default;

std::string RemoteFile::shown() const {
    return id_.repository + "/" + file_.path;
}

void RemoteFile::note(FileRange range) {
    std::uint64_t begin = range.offset, end = range.offset + range.count;
    auto at = here_.upper_bound(begin);
    if (at != here_.begin() && std::prev(at)->second >= begin) --at;
    while (at != here_.end() && at->first <= end) {
        begin = std::min(begin, at->first);
        end = std::max(end, at->second);
        at = here_.erase(at);
    }
    here_.emplace(begin, end);
}

std::vector<FileRange> RemoteFile::missing(std::uint64_t begin, std::uint64_t end) {
    std::vector<FileRange> out;
    auto at = here_.upper_bound(begin);
    if (at != here_.begin()) begin = std::max(begin, std::prev(at)->second);
    for (; begin < end; begin = at->second, ++at) {
        const std::uint64_t stop = at == here_.end() ? end : std::min(end, at->first);
        if (stop > begin) out.push_back({begin, stop - begin});
        if (at == here_.end() || at->second >= end) break;
    }
    return out;
}

// A header is read from its beginning on, in pieces whose number nobody knows before: read ahead there, twice
// as far each time. Anywhere else exactly what is asked for.
void RemoteFile::ensure(std::span<std::byte> whole, FileRange range) {
    const std::scoped_lock lock(mutex_);
    std::uint64_t end = range.offset + range.count;
    if (missing(range.offset, end).empty()) return;
    const std::uint64_t prefix = here_.empty() || here_.begin()->first > 0 ? 0 : here_.begin()->second;
    if (range.offset <= prefix) {
        const std::uint64_t ahead = prefix == 0 ? first_piece : prefix + std::min(prefix, longest_step);
        end = std::min<std::uint64_t>(std::max(end, ahead), whole.size());
    }
    fetch(whole, missing(range.offset, end));
}

void RemoteFile::prefetch(std::span<std::byte> whole, std::span<const FileRange> ranges) {
    const std::scoped_lock lock(mutex_);
    std::vector<FileRange> sorted;
    for (const FileRange& range : ranges)
        for (const FileRange& part : missing(range.offset, range.offset + range.count))
            sorted.push_back(part);
    std::ranges::sort(sorted, {}, &FileRange::offset);
    std::vector<FileRange> joined;
    for (const FileRange& range : sorted) {
        const std::uint64_t end = range.offset + range.count;
        if (joined.empty() || range.offset > joined.back().offset + joined.back().count + reading_.gap) {
            joined.push_back(range);
        } else {
            joined.back().count =
                std::max(joined.back().offset + joined.back().count, end) - joined.back().offset;
        }
    }
    fetch(whole, std::move(joined));
}

void RemoteFile::fetch(std::span<std::byte> whole, std::vector<FileRange> ranges) {
    for (const FileRange& range : ranges) fetched_ += range.count;
    if (fetched_ > reading_.most_bytes) {
        throw Error::input("Reading this file remotely would take more of it than it should",
                           {.file = shown(),
                            .expected = "at most " + std::to_string(reading_.most_bytes) + " bytes",
                            .found = std::to_string(fetched_),
                            .hint = "Download it with 'deadscope fetch'."});
    }
    bool whole_way = true;
    if (ranges.size() == 1) {
        if (!session_) session_ = std::make_unique<HttpSession>(settings_);
        whole_way = fetch_one(*session_, whole, ranges.front(), go_on_);
    } else if (!ranges.empty()) {
        whole_way = for_each_connected(settings_, ranges.size(), reading_.connections, go_on_,
                                       [&](HttpSession& session, std::size_t i, const GoOn& go_on) {
                                           return fetch_one(session, whole, ranges[i], go_on);
                                       });
    }
    if (!whole_way) throw Error::input("The reading was stopped", {.file = shown()});
    for (const FileRange& range : ranges) note(range);
}

void RemoteFile::ignored_range() const {
    throw Error::input("The server sends whole files only: it ignored the range that was asked for",
                       {.file = shown(),
                        .expected = "status 206 and a part",
                        .found = "status 200 and all of " + std::to_string(file_.size) + " bytes",
                        .hint = "Download it with 'deadscope fetch " + printable(id_.repository, 80) + "'."});
}

// False: cancelled.
bool RemoteFile::fetch_one(HttpSession& session, std::span<std::byte> whole, FileRange range,
                           const GoOn& go_on) {
    Retry retry(settings_);
    std::uint64_t done = 0;
    while (done < range.count) {
        std::string from;
        {
            const std::scoped_lock lock(found_mutex_);
            from = found_url_.empty() ? url_ : found_url_;
        }
        const std::uint64_t at = range.offset + done, wanted = range.count - done;
        bool other_file = false, too_much = false;
        const HttpReply reply = session.get(
            {.url = from, .offset = at, .count = wanted},
            [&](const HttpReply& head, std::span<const std::byte> piece) {
                if (head.status != 206) return false;
                const auto sent = head.content_range();
                other_file = !sent || sent->first != at || (sent->total && *sent->total != file_.size);
                too_much = piece.size() > range.count - done;
                if (other_file || too_much) return false;
                std::memcpy(whole.data() + range.offset + done, piece.data(), piece.size());
                done += piece.size();
                traffic_->bytes += piece.size();
                return true;
            },
            go_on);
        ++traffic_->requests;
        if (reply.end == HttpReply::End::cancelled) return false;
        if (reply.end == HttpReply::End::answered && reply.status == 206 && done == range.count) {
            const std::scoped_lock lock(found_mutex_);
            found_url_ = reply.url;
            return true;
        }
        if (other_file || too_much) {
            throw Error::input("The server sent another part, or another file, than was asked for",
                               {.file = shown(),
                                .offset = at,
                                .expected = "a part of " + std::to_string(file_.size) + " bytes",
                                .found = "content-range " + reply.header("content-range")});
        }
        if (reply.status == 200) ignored_range();
        // A signed address runs out: then the hub is asked anew, once for each address.
        if (from != url_ && reply.end == HttpReply::End::answered && reply.status >= 400 &&
            reply.status != 429) {
            const std::scoped_lock lock(found_mutex_);
            if (found_url_ == from) found_url_.clear();
            continue;
        }
        HttpReply short_answer = reply;
        if (reply.end == HttpReply::End::answered && reply.status == 206) {  // fewer bytes than asked for
            short_answer.end = HttpReply::End::broken;
            short_answer.failure = "the answer ended before its end";
            short_answer.may_pass = true;
        }
        const Retry::Next next = retry.after(short_answer, go_on);
        if (next == Retry::Next::cancelled) return false;
        if (next == Retry::Next::give_up) throw hub_error(settings_, id_, file_.path, short_answer);
    }
    return true;
}

}  // namespace deadscope
