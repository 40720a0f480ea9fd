// What a panel makes of a reading once and draws in every frame: an order, a range, the points of a line.
// Kept while its source lives; made anew when the source or the key is another.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>

namespace deadscope {

// How many things were made since the program started, by every Kept and every plot: unchanged state must
// leave it as it is, which a test counts.
std::size_t& made_so_far();

// Thread rule: the window's thread only.
template <class Key, class Value>
class Kept {
public:
    explicit Kept(std::size_t most = 256) : most_(most) {}

    // make() gives the Value. A source is told from others by its owner, so that one at the place of another
    // that is gone is not taken for it.
    template <class Make>
    std::shared_ptr<Value> of(const std::shared_ptr<const void>& source, const Key& key, const Make& make) {
        ++clock_;
        const auto found = entries_.find({source, key});
        if (found != entries_.end()) {
            found->second.used = clock_;
            return found->second.value;
        }
        tidy();
        auto value = std::make_shared<Value>(make());
        ++made_so_far();
        entries_.emplace(Id{source, key}, Entry{value, clock_});
        return value;
    }
    std::size_t size() const { return entries_.size(); }

private:
    using Id = std::pair<std::weak_ptr<const void>, Key>;
    struct Before {
        bool operator()(const Id& a, const Id& b) const {
            if (a.first.owner_before(b.first)) return true;
            if (b.first.owner_before(a.first)) return false;
            return a.second < b.second;
        }
    };
    struct Entry {
        std::shared_ptr<Value> value;
        std::uint64_t used = 0;
    };

    // Lets go what no source stands behind any more, then what was longest not asked for.
    void tidy() {
        std::erase_if(entries_, [](const auto& entry) { return entry.first.first.expired(); });
        while (entries_.size() >= most_ && !entries_.empty()) {
            auto oldest = entries_.begin();
            for (auto one = entries_.begin(); one != entries_.end(); ++one)
                if (one->second.used < oldest->second.used) oldest = one;
            entries_.erase(oldest);
        }
    }

    std::size_t most_;
    std::uint64_t clock_ = 0;
    std::map<Id, Entry, Before> entries_;
};

}  // namespace deadscope
