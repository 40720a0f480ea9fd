// The plan's demands on the checkpoint: a tensor that must be there, with its exact shape and a floating
// type. Errors name file, tensor, what was expected and what was found.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/checkpoint/checkpoint.h"
#include "core/model/architecture.h"

namespace deadscope {

// Thread rule: immutable; the checkpoint and the architecture must outlive it.
class RequiredTensors {
public:
    // Finds out which of the family's prefixes the file uses. Errors: none of them, or two.
    RequiredTensors(const Checkpoint& checkpoint, const Architecture& architecture, std::int64_t blocks);

    std::string with_prefix(const std::string& name) const { return prefix_ + name; }
    std::string in_block(std::int64_t block,
                         const std::string& name) const;  // prefix and block prefix before it

    // Full names from here on. Errors: absent, another shape, not a floating type that is read.
    WeightRef weight(const std::string& name, std::vector<std::int64_t> shape, const Initialiser& init) const;
    bool has(const std::string& name) const { return checkpoint_->find(name) != nullptr; }
    // A norm of the family at `name` (without .weight); the old names .gamma and .beta are known too.
    NormSpec norm(const std::string& name, NormRole role, std::optional<std::size_t> block, std::int64_t d,
                  double eps) const;
    // Errors: a tensor that the configuration says is not there.
    void refuse(const std::string& name, const std::string& config_key) const;

    const Checkpoint& checkpoint() const { return *checkpoint_; }

private:
    std::string block_prefix(std::int64_t block) const;
    [[noreturn]] void missing(const std::string& name, const std::vector<std::int64_t>& shape) const;
    const TensorInfo& check(const std::string& name, const std::vector<std::int64_t>& shape) const;

    const Checkpoint* checkpoint_;
    const Architecture* data_;
    std::int64_t blocks_;
    std::string prefix_;
};

// Where an error about the weights as a whole points: the only file, or the source.
std::string weights_place(const Checkpoint& checkpoint);

}  // namespace deadscope
