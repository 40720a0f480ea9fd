// Dotted keys of a configuration, and which keys an architecture file mentions.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/base/json.h"

namespace deadscope {

// What a key leads to: the object that holds it, its name there, and its value (never null).
struct ConfigPlace {
    JsonObject object;
    std::string leaf;
    const nlohmann::json* value;
};

// "attn_config.clip_qkv" is the key clip_qkv of the object attn_config, unless the configuration has a key of
// that whole name. Nothing where the key or an object on the way is absent or null.
// Errors: a value on the way that is no object.
std::optional<ConfigPlace> find_config(const JsonObject& config, const std::string& key);

// Every configuration key that an architecture file reads or decides by: of quantities, only, conditions and
// rules, and those of rotary positions where it has any. Dotted ones with and without what follows the first
// dot. Sorted.
std::vector<std::string> mentioned_config_keys(const nlohmann::json& architecture);

}  // namespace deadscope
