// A checkpoint's configuration, read through the family's data: quantities by name, whatever key holds them.
// Errors name the configuration file and the key.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "core/base/json.h"
#include "core/model/architecture.h"

namespace deadscope {

// Thread rule: immutable; what it was made from must outlive it.
class ConfigValues {
public:
    ConfigValues(JsonObject config, const Architecture& architecture)
        : config_(std::move(config)), data_(&architecture) {}

    // Errors for all of these: a required key that is missing, of another type or out of bounds, and synonyms
    // that hold different values.
    std::int64_t size(const std::string& name, std::int64_t limit) const;  // 1 .. limit
    double number(const std::string& name) const;
    bool flag(const std::string& name) const;
    std::string word(const std::string& name) const;
    std::pair<std::int64_t, std::int64_t> extent(const std::string& name,
                                                 std::int64_t limit) const;  // n, or [height, width]
    // The key that holds the quantity, or the commonest of those that may: for messages.
    std::string key_of(const std::string& name) const;

    // Options that change the computation and are not understood. Errors: the key, the value, the values
    // understood.
    void refuse_unknown_options() const;

    const JsonObject& config() const { return config_; }
    const Architecture& architecture() const { return *data_; }

private:
    const Quantity& quantity(const std::string& name) const;
    std::string find_key(const std::string& name) const;  // empty where no key holds it
    // depth: of defaults made of defaults; bounded, since a person's own file may go in a circle.
    double evaluate(const std::string& name, const std::string& expression, int depth) const;
    double operand(const std::string& text, int depth) const;
    double numeric(const std::string& name, int depth = 0) const;
    [[noreturn]] void missing(const std::string& name) const;

    JsonObject config_;
    const Architecture* data_;
};

}  // namespace deadscope
