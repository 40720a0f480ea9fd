// Which of many texts begin at a place: a sorted list, narrowed byte by byte.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace deadscope {

// Thread rule: immutable after build(); may be called from any thread.
class PrefixIndex {
public:
    // Of texts that differ. Empty ones are left out.
    void build(std::vector<std::pair<std::string, std::int32_t>> entries) {
        entries_ = std::move(entries);
        std::erase_if(entries_, [](const Entry& entry) { return entry.first.empty(); });
        std::ranges::sort(entries_);
        for (unsigned byte = 0; byte <= 256; ++byte)
            starts_[byte] = static_cast<std::size_t>(
                std::ranges::partition_point(
                    entries_,
                    [&](const Entry& entry) { return static_cast<unsigned char>(entry.first[0]) < byte; }) -
                entries_.begin());
    }
    bool empty() const { return entries_.empty(); }

    // Calls visit(length, value) for every entry that `text` has at `start`, shorter ones first.
    template <class Visit>
    void for_each_at(std::string_view text, std::size_t start, const Visit& visit) const {
        const auto first = static_cast<unsigned char>(text[start]);
        std::size_t low = starts_[first], high = starts_[first + 1u];
        for (std::size_t depth = 1; low < high; ++depth) {
            if (entries_[low].first.size() == depth) visit(depth, entries_[low].second);
            if (start + depth >= text.size()) return;
            const int byte = static_cast<unsigned char>(text[start + depth]);
            const auto at = [depth](const Entry& entry) {
                return entry.first.size() > depth
                           ? static_cast<int>(static_cast<unsigned char>(entry.first[depth]))
                           : -1;
            };
            const auto begin = entries_.begin();
            const auto from = begin + static_cast<std::ptrdiff_t>(low),
                       to = begin + static_cast<std::ptrdiff_t>(high);
            const auto next = std::partition_point(from, to, [&](const Entry& e) { return at(e) < byte; });
            const auto end = std::partition_point(next, to, [&](const Entry& e) { return at(e) <= byte; });
            low = static_cast<std::size_t>(next - begin);
            high = static_cast<std::size_t>(end - begin);
        }
    }

private:
    using Entry = std::pair<std::string, std::int32_t>;
    std::vector<Entry> entries_;  // by bytes
    std::array<std::size_t, 257> starts_{};
};

}  // namespace deadscope
