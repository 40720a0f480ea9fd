// See block_table.h.
#include "core/model/block_table.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/base/error.h"

namespace deadscope {
namespace {

constexpr std::int64_t number_limit = 1 << 20;

std::string with_number(std::string text, const std::string& mark, std::int64_t number) {
    const std::size_t at = text.find(mark);
    return at == std::string::npos ? text : text.replace(at, mark.size(), std::to_string(number));
}

}  // namespace

BlockTable::BlockTable(const ConfigValues& values, std::int64_t layers)
    : values_(values), data_(values.architecture()) {
    std::map<std::vector<bool>, std::shared_ptr<const BlockData>> known;  // by the variants that hold
    known[std::vector<bool>(data_.block_variants.size(), false)] =
        std::make_shared<const BlockData>(data_.block);
    for (std::int64_t block = 0; block < layers; ++block) {
        std::vector<bool> holding;
        for (const BlockVariant& variant : data_.block_variants)
            holding.push_back(holds(variant.rule, block));
        auto& data = known[holding];
        if (data == nullptr) {
            nlohmann::json json = *data_.block_json;
            for (std::size_t i = 0; i < holding.size(); ++i) {
                if (holding[i]) json.merge_patch(*data_.block_variants[i].patch);
            }
            data = std::make_shared<const BlockData>(parse_block(json, data_));
        }
        blocks_.push_back(data);
    }
}

std::string BlockTable::tensors(std::int64_t block) const {
    const bool inside = block >= 0 && block < size();
    const BlockData& data = inside ? (*this)[block] : data_.block;
    std::string name = with_number(data.tensors, "{i}", block);
    if (!given(data.groups)) return name;
    const std::int64_t groups = values_.size(data.groups, size());
    const std::int64_t in_group = given(data.in_group) ? values_.size(data.in_group, size()) : 1;
    const std::int64_t rounds = std::max<std::int64_t>(size() / in_group, 1);
    name = with_number(name, "{s}", block % in_group);
    return with_number(name, "{g}", block / in_group * groups / rounds);
}

// Nothing where the configuration has no such list: a rule about it then holds nowhere.
const nlohmann::json* BlockTable::list_of(const std::string& key) const {
    const auto place = find_config(values_.config(), key);
    if (!place) return nullptr;
    if (!place->value->is_array()) place->object.wrong(place->leaf, "a list");
    return place->value;
}

// [[["global", "local"], 12], [["local"], 1]]: lists and how often each is repeated.
const nlohmann::json* BlockTable::element_of_runs(const std::string& key, std::int64_t block) const {
    const nlohmann::json* runs = list_of(key);
    if (runs == nullptr) return nullptr;
    std::int64_t before = 0;
    for (const nlohmann::json& run : *runs) {
        const bool good = run.is_array() && run.size() == 2 && run[0].is_array() && !run[0].empty() &&
                          run[1].is_number_integer() && run[1] >= 0 && run[1] <= number_limit;
        if (!good) values_.config().wrong(key, "a list of [[kinds], repeats]");
        const auto kinds = static_cast<std::int64_t>(run[0].size());
        const std::int64_t all = kinds * run[1].get<std::int64_t>();
        if (block < before + all) return &run[0][static_cast<std::size_t>((block - before) % kinds)];
        before += all;
    }
    values_.config().wrong(key, "an element for every block");
}

bool BlockTable::holds(const BlockRule& rule, std::int64_t block) const {
    using Kind = BlockRule::Kind;
    const auto part_holds = [&](const BlockRule& part) { return holds(part, block); };
    switch (rule.kind) {
        case Kind::list: {
            const nlohmann::json* list = list_of(rule.key);
            if (list == nullptr) return false;
            if (static_cast<std::size_t>(block) >= list->size())
                values_.config().wrong(rule.key, "a list with an element for every block");
            return (*list)[static_cast<std::size_t>(block)] == nlohmann::json::parse(rule.value);
        }
        case Kind::runs: {
            const nlohmann::json* found = element_of_runs(rule.key, block);
            return found != nullptr && *found == nlohmann::json::parse(rule.value);
        }
        case Kind::in: {
            const nlohmann::json* list = list_of(rule.key);
            return list != nullptr && std::ranges::find(*list, nlohmann::json(block)) != list->end();
        }
        case Kind::every: {
            const std::int64_t every = values_.size(rule.a, number_limit);
            return (block + values_.count(rule.b, number_limit)) % every ==
                   values_.count(rule.c, number_limit);
        }
        case Kind::from:
            return block >= values_.count(rule.a, number_limit);
        case Kind::below:
            return block < values_.count(rule.a, number_limit);
        case Kind::none_of:
            return std::ranges::none_of(rule.parts, part_holds);
        case Kind::all:
            return std::ranges::all_of(rule.parts, part_holds);
        case Kind::any:
            return std::ranges::any_of(rule.parts, part_holds);
    }
    return false;
}

std::optional<std::size_t> BlockTable::keys_of(std::int64_t block) const {
    const auto& data = (*this)[block].attention.keys_of;
    if (!data) return std::nullopt;
    std::int64_t found = -1;
    if (given(data->block)) {
        found = values_.in_block(block).count(data->block, number_limit);
    } else {
        const nlohmann::json* list = data->like.empty() ? nullptr : list_of(data->like);
        if (list != nullptr && list->size() < blocks_.size())
            values_.config().wrong(data->like, "a list with an element for every block");
        const auto kind = [&](std::int64_t i) {
            return list == nullptr ? nlohmann::json() : (*list)[static_cast<std::size_t>(i)];
        };
        found = std::min(values_.count(data->below, number_limit), block) - 1;
        while (found >= 0 && kind(found) != kind(block)) --found;
    }
    if (found < 0 || found >= block || (*this)[found].attention.keys_of) {
        throw Error::input("A block is said to read the keys of another that has none to give",
                           {.file = data_.file,
                            .key = "attention.keys_of",
                            .expected = "a block before " + std::to_string(block) + " with keys of its own",
                            .found = found < 0 ? "none" : std::to_string(found)});
    }
    return static_cast<std::size_t>(found);
}

}  // namespace deadscope
