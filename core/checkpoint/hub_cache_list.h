// What the hub's cache holds: repositories, their revisions, and whether a checkpoint is whole. Only names,
// links and sizes are looked at, and indices of shards.
#pragma once

#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <vector>

namespace deadscope {

struct CachedRevision {
    enum class State {
        complete,        // weights are there, every shard of them
        shards_missing,  // an index or a split names files that are not there
        no_weights       // a configuration or a tokenizer only
    };
    std::string commit;
    std::vector<std::string> names;  // branches and tags that lead to it; empty: only its commit does
    std::string model;               // the MODEL string that opens it
    State state = State::no_weights;
    std::size_t missing = 0;            // files, where shards_missing
    std::uint64_t bytes = 0;            // of its files
    std::optional<std::uint64_t> step;  // where a name is a snapshot's (series.h)
    std::string label() const;          // its name, or the commit's beginning
};

// The revisions of one repository are one trajectory: those with a step in its order, then the others by
// name.
struct CachedRepository {
    std::string repository;
    std::vector<CachedRevision> revisions;
    std::uint64_t bytes = 0;     // on the disk: contents that revisions share are counted once
    std::time_t last_used = 0;   // seconds since 1970, by the file system's access times
    bool is_trajectory() const;  // two steps or more
};

// By the repositories' names. A folder that is not there, or is no cache, holds nothing; what cannot be read
// in it is left out.
std::vector<CachedRepository> list_hub_cache(const std::string& cache);
std::string state_words(const CachedRevision& revision);  // "complete", "2 files missing", "no weights"

}  // namespace deadscope
