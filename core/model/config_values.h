// A checkpoint's configuration, read through the family's data: quantities by name, whatever key holds them,
// and what expressions of them come to. Errors name the configuration file and the key.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "core/base/json.h"
#include "core/model/architecture.h"
#include "core/model/config_keys.h"

namespace deadscope {

// Thread rule: immutable; what it was made from must outlive it.
class ConfigValues {
public:
    ConfigValues(JsonObject config, const Architecture& architecture)
        : config_(std::move(config)), data_(&architecture) {}

    // The same as seen from one block: `block` is its number, and a key that holds a list is its element.
    ConfigValues in_block(std::int64_t block) const {
        ConfigValues out = *this;
        out.block_ = block;
        return out;
    }

    // A name is an amount too: size("width", ...). Errors for all of these: a required key that is missing,
    // of another type or out of bounds, and synonyms that hold different values.
    std::int64_t size(const Amount& amount, std::int64_t limit) const;   // 1 .. limit
    std::int64_t count(const Amount& amount, std::int64_t limit) const;  // 0 .. limit; 0 where not given
    double number(const Amount& amount) const;
    double number(const Amount& amount, double otherwise) const;  // where not given
    bool flag(const Amount& amount) const;
    std::string word(const Amount& amount) const;
    std::pair<std::int64_t, std::int64_t> extent(const std::string& name,
                                                 std::int64_t limit) const;  // n, or [height, width]
    // The key that holds the quantity, or the commonest of those that may: for messages. Of an expression or
    // a number, its text.
    std::string key_of(const Amount& amount) const;
    // Whether the file lists the quantity, and whether the configuration states it.
    bool lists(const std::string& name) const { return data_->config.contains(name); }
    bool states(const std::string& name) const { return lists(name) && find_key(name).has_value(); }
    [[noreturn]] void wrong(const Amount& amount, const std::string& expected) const;

    const JsonObject& config() const { return config_; }
    const Architecture& architecture() const { return *data_; }

private:
    const Quantity& quantity(const std::string& name) const;
    std::optional<ConfigPlace> find_key(const std::string& name) const;
    const nlohmann::json& element(const ConfigPlace& place) const;
    // depth: of defaults made of defaults; bounded, since a person's own file may go in a circle.
    // whole: divisions must leave no rest.
    double evaluate(const std::string& expression, bool whole, int depth) const;
    double numeric(const std::string& name, bool whole, int depth) const;
    double value(const Amount& amount, bool whole) const;
    std::int64_t bounded(const Amount& amount, std::int64_t least, std::int64_t limit) const;
    [[noreturn]] void missing(const std::string& name) const;

    JsonObject config_;
    const Architecture* data_;
    std::optional<std::int64_t> block_;
};

}  // namespace deadscope
