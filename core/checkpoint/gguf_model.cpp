// See gguf_model.h. The format of the tables is documented in assets/gguf/README.md.
#include "core/checkpoint/gguf_model.h"

#include <algorithm>

#include "core/base/assets.h"
#include "core/base/error.h"
#include "core/base/json.h"
#include "core/base/text.h"
#include "core/checkpoint/gguf_read.h"

namespace deadscope {
namespace {

using nlohmann::json;

constexpr int depth_limit = 4;  // of tables that extend others

bool is_plain_word(std::string_view word) {
    return !word.empty() && word.size() <= 64 && std::ranges::all_of(word, [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
    });
}

json read_table(const std::string& architecture, int depth = 0) {
    const std::string path = "assets/gguf/" + architecture + ".json";
    const Asset* asset = is_plain_word(architecture) ? find_asset(path) : nullptr;
    if (asset == nullptr) return nullptr;
    json table = parse_json(asset_text(*asset), {.file = path});
    if (!table.contains("extends")) return table;
    if (depth >= depth_limit) throw Error::input("A table extends itself", {.file = path});
    json out = read_table(table["extends"].get<std::string>(), depth + 1);
    table.erase("extends");
    out.merge_patch(table);
    return out;
}

// The value at a key as JSON, for comparison with those that a condition lists.
json value_at(const GgufMetadata& metadata, const std::string& key) {
    const auto found = metadata.values().find(key);
    if (found == metadata.values().end()) return nullptr;
    switch (found->second.type) {
        case GgufType::text:
            return to_utf8(*metadata.text(key));
        case GgufType::boolean:
            return *metadata.boolean(key);
        case GgufType::array:
            return "a list";
        default:
            return *metadata.number(key);
    }
}

bool holds(const GgufModel& model, const json& variant) {
    const json when = variant.value("when", json::object());
    for (const auto& [key, accepted] : when.items()) {
        const json value = value_at(model.metadata(), model.key(key));
        if (std::ranges::find(accepted, value) == accepted.end()) return false;
    }
    const auto is_there = [&](const json& name) { return model.find(name.get<std::string>()) != nullptr; };
    const json has = variant.value("has", json::array()), lacks = variant.value("lacks", json::array());
    return std::ranges::all_of(has, is_there) && std::ranges::none_of(lacks, is_there);
}

[[noreturn]] void parts_differ(const GgufHeader& part, std::string_view key, std::int64_t expected,
                               std::int64_t found) {
    throw Error::input("The parts of a split GGUF file do not belong together",
                       {.file = part.file->path(),
                        .key = std::string(key),
                        .expected = std::to_string(expected),
                        .found = std::to_string(found),
                        .hint = "Put all parts of one download side by side and open one of them."});
}

void check_parts(const std::vector<GgufHeader>& parts) {
    const auto count = static_cast<std::int64_t>(parts.size());
    std::int64_t tensors = 0;
    for (std::int64_t i = 0; i < count; ++i) {
        const GgufHeader& part = parts[static_cast<std::size_t>(i)];
        const auto total = part.metadata.integer("split.count").value_or(1);
        if (total != count && (count > 1 || total > 1)) parts_differ(part, "split.count", count, total);
        if (const auto number = part.metadata.integer("split.no"); number && *number != i)
            parts_differ(part, "split.no", i, *number);
        tensors += static_cast<std::int64_t>(part.tensors.size());
    }
    const auto stated = parts.front().metadata.integer("split.tensors.count");
    if (count > 1 && stated && *stated != tensors)
        parts_differ(parts.front(), "split.tensors.count", *stated, tensors);
}

}  // namespace

GgufName split_gguf_name(std::string_view name) {
    std::size_t begin = 0;
    while (begin < name.size()) {
        const std::size_t dot = std::min(name.find('.', begin), name.size());
        const std::string_view part = name.substr(begin, dot - begin);
        const bool digits = !part.empty() && part.size() <= 6 &&
                            std::ranges::all_of(part, [](unsigned char c) { return std::isdigit(c) != 0; });
        if (digits) {
            return {std::string(name.substr(0, begin)) + "{i}" + std::string(name.substr(dot)),
                    std::stoll(std::string(part))};
        }
        begin = dot + 1;
    }
    return {std::string(name), -1};
}

GgufModel::GgufModel(std::vector<GgufHeader> parts) : parts_(std::move(parts)) {
    check_parts(parts_);
    architecture_ = metadata().text("general.architecture").value_or("");
    for (std::size_t p = 0; p < parts_.size(); ++p) {
        for (std::size_t i = 0; i < parts_[p].tensors.size(); ++i) {
            const std::string& name = parts_[p].tensors[i].name;
            by_name_.emplace(name, std::pair(p, i));
            by_name_.emplace(split_gguf_name(name).pattern, std::pair(p, i));
        }
    }
    table_ = read_table(architecture_);
    if (table_.is_null() || !table_.contains("variants")) return;
    const json variants = table_["variants"];
    table_.erase("variants");
    for (const json& variant : variants) {
        if (holds(*this, variant)) table_.merge_patch(variant.at("patch"));
    }
}

std::string GgufModel::key(std::string_view name) const {
    const bool whole = name.starts_with("tokenizer.") || name.starts_with("general.");
    return (whole ? "" : architecture_ + ".") + std::string(name);
}

const TensorInfo* GgufModel::find(std::string_view name) const {
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? nullptr : &parts_[found->second.first].tensors[found->second.second];
}

std::vector<double> GgufModel::read(const TensorInfo& tensor) const {
    constexpr std::uint64_t limit = 1u << 20;
    if (tensor.elements > limit) {
        throw Error::input("A table of the GGUF file is larger than such a table can be",
                           {.file = path(),
                            .key = tensor.name,
                            .expected = "at most " + std::to_string(limit) + " elements",
                            .found = shape_text(tensor.shape)});
    }
    std::vector<double> out(tensor.elements);
    const GgufHeader& part = parts_[by_name_.find(tensor.name)->second.first];
    read_gguf(*part.file, tensor, {}, {0, tensor.elements}, std::span<double>(out));
    return out;
}

std::int64_t GgufModel::heads(std::string_view key_name) const {
    for (const std::string& full : {key(key_name), key("attention.head_count")}) {
        const std::vector<double> values = metadata().numbers(full);
        if (values.empty()) continue;
        constexpr double most = 1 << 20;
        if (!(values.front() >= 1 && values.front() <= most))
            metadata().wrong(full, "1 to 1048576", std::to_string(values.front()));
        return static_cast<std::int64_t>(values.front());
    }
    throw Error::input(
        "The GGUF file does not say how many heads its model has",
        {.file = path(), .key = key("attention.head_count"), .expected = "a number", .found = "nothing"});
}

}  // namespace deadscope
