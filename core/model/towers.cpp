// See towers.h. The towers' names are plan.h's towers().
#include "core/model/towers.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/model/architecture_reader.h"
#include "core/model/family.h"
#include "core/model/plan.h"

namespace deadscope {
namespace {

using nlohmann::json;

// The tower's entries, or none where the file describes one model.
std::vector<JsonObject> tower_entries(const ArchitectureFile& file) {
    const JsonObject object(*file.json, file.file);
    const json* list = object.find("towers");
    if (list == nullptr) return {};
    expect_keys(object, {"schema", "model_type", "family", "extends", "towers"});
    if (!list->is_array() || list->empty()) object.wrong("towers", "a list of towers");
    std::vector<JsonObject> out;
    for (const json& value : *list) {
        const JsonObject& entry = out.emplace_back(value, file.file, "towers");
        expect_keys(entry, {"name", "model_type", "config", "prefixes", "head", "defaults", "patch"});
        (void)required_text(entry, "name");
    }
    return out;
}

std::vector<std::string> names_of(const std::vector<JsonObject>& entries) {
    std::vector<std::string> out;
    for (const JsonObject& entry : entries) out.push_back(required_text(entry, "name"));
    return out;
}

// The tower's own keys over the outer ones over the file's defaults.
std::shared_ptr<const json> inner_config(const JsonObject& entry, const json& outer, const std::string& key,
                                         const std::string& model_type) {
    json out = json::object();
    if (const json* defaults = entry.find("defaults")) out.update(*defaults);
    out.update(outer);
    if (const auto found = outer.find(key); found != outer.end() && found->is_object()) {
        out.erase(key);
        out.update(*found);
    }
    out["model_type"] = model_type;
    return std::make_shared<const json>(std::move(out));
}

ArchitectureFile as_tower(const ArchitectureFile& family, const JsonObject& entry) {
    json out = *family.json;
    if (const json* prefixes = entry.find("prefixes")) out["prefixes"] = *prefixes;
    if (const json* head = entry.find("head")) out["head"] = *head;
    if (!entry.has("patch")) return {family.file, std::make_shared<const json>(std::move(out))};
    json variants = out.value("variants", json::array());
    out.merge_patch(*entry.find("patch"));
    // The tower's variants stand behind the family's own.
    if (const auto own = entry.find("patch")->find("variants"); own != entry.find("patch")->end()) {
        variants.insert(variants.end(), own->begin(), own->end());
        out["variants"] = std::move(variants);
    }
    return {family.file, std::make_shared<const json>(std::move(out))};
}

[[noreturn]] void no_such_tower(const Checkpoint& checkpoint, const std::vector<std::string>& names) {
    throw Error::usage(
        "The checkpoint holds no model of this name",
        {.file = checkpoint.source(),
         .expected = names.empty() ? "no #NAME: it holds one model" : "one of " + join(names, ", "),
         .found = "#" + checkpoint.tower()});
}

}  // namespace

ChosenModel choose_model(const Checkpoint& checkpoint) {
    ChosenModel out;
    out.model_type = model_type_of(checkpoint);
    out.config = std::shared_ptr<const json>(std::shared_ptr<const json>(), &checkpoint.config());
    out.file = find_architecture(out.model_type);
    if (!out.file) return out;
    const auto entries = tower_entries(*out.file);
    const auto names = names_of(entries);
    if (entries.empty()) {
        if (!checkpoint.tower().empty()) no_such_tower(checkpoint, names);
        return out;
    }
    const auto chosen =
        checkpoint.tower().empty() ? names.begin() : std::ranges::find(names, checkpoint.tower());
    if (chosen == names.end()) no_such_tower(checkpoint, names);
    const JsonObject& entry = entries[static_cast<std::size_t>(chosen - names.begin())];
    const JsonObject outer(checkpoint.config(), checkpoint.config_path());
    const std::string key = entry.text("config").value_or("");
    const auto own = key.empty() ? std::nullopt : outer.object(key);
    const auto stated = own ? own->text("model_type") : std::nullopt;
    out.model_type = stated ? *stated : required_text(entry, "model_type");
    out.tower = *chosen;
    out.config = inner_config(entry, checkpoint.config(), key, out.model_type);
    out.config_path = own ? key : "";
    const auto family = find_architecture(out.model_type);
    out.file = family ? std::optional(as_tower(*family, entry)) : std::nullopt;
    return out;
}

std::vector<std::string> towers(const Checkpoint& checkpoint) {
    const json& config = checkpoint.config();
    const auto type = config.is_object() ? config.find("model_type") : config.end();
    if (!config.is_object() || type == config.end() || !type->is_string()) return {};
    const auto file = find_architecture(type->get<std::string>());
    return file ? names_of(tower_entries(*file)) : std::vector<std::string>();
}

}  // namespace deadscope
