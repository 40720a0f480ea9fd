// A model in GGUF: the parts it is split into under one roof, and the table (assets/gguf) that says how its
// architecture's keys and names map onto those of its family. Applying the table is gguf_config's and
// gguf_names'.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/checkpoint/gguf_header.h"

namespace deadscope {

// Thread rule: immutable.
class GgufModel {
public:
    // Errors: parts that do not belong together.
    explicit GgufModel(std::vector<GgufHeader> parts);

    const std::vector<GgufHeader>& parts() const { return parts_; }
    const GgufMetadata& metadata() const { return parts_.front().metadata; }
    const std::string& path() const { return parts_.front().file->path(); }
    const std::string& architecture() const { return architecture_; }  // "llama"; empty where not stated
    // The metadata key of a table's key: "block_count" -> "llama.block_count"; "tokenizer. ..." as it is.
    std::string key(std::string_view name) const;
    // "blk.{i}.attn_q.bias": in any block. Nullptr where absent (of several, the first).
    const TensorInfo* find(std::string_view name) const;
    std::vector<double> read(const TensorInfo& tensor) const;  // small ones
    std::int64_t heads(std::string_view key) const;  // at a key, or the head count where that is absent

    // The architecture's table with its variants applied; null where the architecture is not known.
    const nlohmann::json& table() const { return table_; }

private:
    std::vector<GgufHeader> parts_;
    std::string architecture_;
    std::map<std::string, std::pair<std::size_t, std::size_t>, std::less<>> by_name_;  // part and index in it
    nlohmann::json table_;
};

// A block's number taken out of a tensor's name: "blk.{i}.attn_q.weight" and 12; -1 where there is none.
struct GgufName {
    std::string pattern;
    std::int64_t block = -1;
};
GgufName split_gguf_name(std::string_view name);

}  // namespace deadscope
