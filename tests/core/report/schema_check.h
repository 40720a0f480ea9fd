// A checker of the part of JSON Schema (draft 2020-12) that the report's schema uses: type, const, enum,
// required, properties, items, minimum, $ref into #/$defs. A rule that it does not know is a fault, never
// passed over.
#pragma once

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

namespace deadscope::test {

class SchemaCheck {
public:
    explicit SchemaCheck(const nlohmann::json& root) : root_(root) {}

    void check(const nlohmann::json& rule, const nlohmann::json& value, const std::string& path) {
        static const std::set<std::string> known{"$schema",    "$id",     "$defs", "title", "description",
                                                 "type",       "const",   "enum",  "items", "required",
                                                 "properties", "minimum", "$ref"};
        for (const auto& [key, ignored] : rule.items())
            if (!known.contains(key)) fault(path, "unknown rule " + key);
        if (rule.contains("$ref")) {
            const std::string name = rule["$ref"];
            check(root_.at(nlohmann::json::json_pointer(name.substr(1))), value, path);
        }
        if (rule.contains("const") && rule["const"] != value) fault(path, "is not " + rule["const"].dump());
        if (rule.contains("enum") && std::ranges::find(rule["enum"], value) == rule["enum"].end())
            fault(path, "is none of the enum");
        if (rule.contains("type") && !of_type(rule["type"], value))
            fault(path, "is " + std::string(value.type_name()) + ", not " + rule["type"].dump());
        if (rule.contains("minimum") && value.is_number() && value < rule["minimum"])
            fault(path, "is below the minimum");
        if (value.is_object()) check_object(rule, value, path);
        if (value.is_array() && rule.contains("items"))
            for (std::size_t i = 0; i < value.size(); ++i)
                check(rule["items"], value[i], path + "[" + std::to_string(i) + "]");
    }

    std::vector<std::string> faults;

private:
    void check_object(const nlohmann::json& rule, const nlohmann::json& value, const std::string& path) {
        if (rule.contains("required"))
            for (const std::string key : rule["required"])
                if (!value.contains(key)) fault(path, "lacks " + key);
        if (rule.contains("properties"))
            for (const auto& [key, inner] : rule["properties"].items())
                if (value.contains(key)) check(inner, value[key], path + "." + key);
    }

    static bool of_type(const nlohmann::json& type, const nlohmann::json& value) {
        if (type.is_array())
            return std::ranges::any_of(type, [&](const nlohmann::json& one) { return of_type(one, value); });
        return (type == "object" && value.is_object()) || (type == "array" && value.is_array()) ||
               (type == "string" && value.is_string()) || (type == "boolean" && value.is_boolean()) ||
               (type == "null" && value.is_null()) || (type == "number" && value.is_number()) ||
               (type == "integer" && value.is_number_integer());
    }

    void fault(const std::string& path, const std::string& what) { faults.push_back(path + " " + what); }

    const nlohmann::json& root_;
};

inline std::vector<std::string> schema_faults(const nlohmann::json& schema, const nlohmann::json& value) {
    SchemaCheck check(schema);
    check.check(schema, value, "report");
    return check.faults;
}

}  // namespace deadscope::test
