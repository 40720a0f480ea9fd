// The data of every block after the block variants that hold for it. Blocks for which the same variants hold
// share one parsed value.
#pragma once

#include <map>
#include <memory>

#include "core/model/config_values.h"

namespace deadscope {

// Thread rule: immutable; what it was made from must outlive it.
class BlockTable {
public:
    // Errors: a rule or a patch that cannot be applied (file and key named).
    BlockTable(const ConfigValues& values, std::int64_t layers);

    std::int64_t size() const { return static_cast<std::int64_t>(blocks_.size()); }
    const BlockData& operator[](std::int64_t block) const {
        return *blocks_[static_cast<std::size_t>(block)];
    }
    // Prefix of the block's tensors behind the family's prefix; `block` may be beyond the last one.
    std::string tensors(std::int64_t block) const;
    // The block whose keys and values this one reads. Errors: one that is not earlier.
    std::optional<std::size_t> keys_of(std::int64_t block) const;

private:
    bool holds(const BlockRule& rule, std::int64_t block) const;
    const nlohmann::json* element_of_runs(const std::string& key, std::int64_t block) const;
    const nlohmann::json* list_of(const std::string& key) const;

    const ConfigValues& values_;
    const Architecture& data_;
    std::vector<std::shared_ptr<const BlockData>> blocks_;
};

}  // namespace deadscope
