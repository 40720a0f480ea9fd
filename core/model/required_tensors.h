// The plan's demands on the checkpoint: a tensor that must be there, with its exact shape and a floating
// type. Errors name file, tensor, what was expected and what was found.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/checkpoint/checkpoint.h"
#include "core/model/block_table.h"

namespace deadscope {

// Thread rule: immutable; what it was made from must outlive it.
class RequiredTensors {
public:
    // Finds out which of the family's prefixes the file uses. Errors: none of them, or two.
    RequiredTensors(const Checkpoint& checkpoint, const Architecture& architecture, const BlockTable& blocks);

    std::string with_prefix(const std::string& name) const { return prefix_ + name; }
    // Prefix and block prefix before it.
    std::string in_block(std::int64_t block, const std::string& name) const {
        return prefix_ + blocks_.tensors(block) + name;
    }

    // Full names from here on. Errors: absent, another shape, not a floating type that is read.
    WeightRef weight(const std::string& name, std::vector<std::int64_t> shape, const Initialiser& init) const;
    // The same, but the file's shape may have ones in front.
    WeightRef weight_behind_ones(const std::string& name, std::vector<std::int64_t> shape,
                                 const Initialiser& init) const;
    bool has(const std::string& name) const { return checkpoint_.find(name) != nullptr; }
    // The norm stored at full name `name` as `data` says; the old names .gamma and .beta are known too.
    // rows > 1: several of d / rows each, stored as [rows, d / rows] or in one row.
    NormSpec norm(const NormData& data, const std::string& name, NormRole role,
                  std::optional<std::size_t> block, std::int64_t d, const ConfigValues& values,
                  std::int64_t rows = 1) const;
    bool has_norm(const std::string& name) const { return has(name + ".weight") || has(name + ".gamma"); }
    // Errors: a tensor that the configuration says is not there.
    void refuse(const std::string& name, const std::string& config_key) const;

    const Checkpoint& checkpoint() const { return checkpoint_; }

private:
    std::vector<std::string> probes() const;
    [[noreturn]] void missing(const std::string& name, const std::vector<std::int64_t>& shape) const;
    const TensorInfo& check(const std::string& name, const std::vector<std::int64_t>& shape,
                            bool ones_in_front = false) const;

    const Checkpoint& checkpoint_;
    const Architecture& data_;
    const BlockTable& blocks_;
    std::string prefix_;
};

// Where an error about the weights as a whole points: the only file, or the source.
std::string weights_place(const Checkpoint& checkpoint);

}  // namespace deadscope
