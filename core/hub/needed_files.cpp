// See needed_files.h.
#include "core/hub/needed_files.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "core/base/json.h"
#include "core/checkpoint/companions.h"
#include "core/checkpoint/gguf.h"
#include "core/checkpoint/weights_choice.h"

namespace deadscope {
namespace {

constexpr std::uint64_t index_limit = 128u << 20;  // bytes

std::vector<std::string> top_names(const HubListing& listing) {
    std::vector<std::string> names;
    for (const HubFile& file : listing.files)
        if (file.path.find('/') == std::string::npos) names.push_back(file.path);
    std::ranges::sort(names);
    return names;
}

HubFile required(const HubListing& listing, const std::string& name, const std::string& why) {
    if (const HubFile* file = listing.find(name)) return *file;
    throw Error::input("The repository lacks a file",
                       {.file = listing.id.repository, .key = name, .expected = why, .found = "nothing"});
}

std::optional<std::vector<HubFile>> shards_of(HubClient& client, const HubListing& listing,
                                              const std::string& index) {
    const std::string shown = listing.id.repository + "/" + index;
    const auto text = client.text(listing, required(listing, index, "an index of shards"), index_limit);
    if (!text) return std::nullopt;
    const nlohmann::json json = parse_json(*text, {.file = shown, .max_depth = 8});
    const JsonObject object(json, shown);
    const auto map = object.object("weight_map");
    if (!map) object.missing("weight_map", "an object of tensor names and shard files");
    std::set<std::string> names;
    for (const std::string& tensor : map->keys()) {
        const std::string shard = map->text(tensor).value_or("");
        const bool plain = !shard.empty() && shard.find('/') == std::string::npos &&
                           shard.find('\\') == std::string::npos && shard != "..";
        if (!plain) map->wrong(tensor, "the plain name of a file of weights in the same folder");
        names.insert(shard);
    }
    std::vector<HubFile> shards;
    for (const std::string& name : names)
        shards.push_back(required(listing, name, "a shard that the index names"));
    return shards;
}

}  // namespace

std::uint64_t NeededFiles::bytes() const {
    std::uint64_t sum = 0;
    for (const std::vector<HubFile>* files : {&shards, &beside})
        for (const HubFile& file : *files) sum += file.size;
    return sum;
}

std::string choose_weights(const HubListing& listing) {
    try {
        return choose_weights(top_names(listing), listing.id.repository);
    } catch (const Error& error) {
        ErrorDetails details = error.details();
        if (!details.hint.empty()) details.hint = "One of them can be chosen: --file NAME.";
        throw Error(error.kind(), error.summary(), std::move(details));
    }
}

std::optional<NeededFiles> needed_files(HubClient& client, const HubListing& listing,
                                        const std::string& chosen) {
    NeededFiles needed;
    needed.weights =
        chosen.empty() ? choose_weights(listing) : required(listing, chosen, "as asked for").path;
    for (const char* name : companions)
        if (const HubFile* file = listing.find(name)) needed.beside.push_back(*file);
    if (is_shard_index(needed.weights)) {
        needed.beside.push_back(required(listing, needed.weights, "an index of shards"));
        auto shards = shards_of(client, listing, needed.weights);
        if (!shards) return std::nullopt;
        needed.shards = std::move(*shards);
    } else {
        for (const std::string& name : gguf_part_names(needed.weights))
            needed.shards.push_back(required(listing, name, "weights"));
    }
    return needed;
}

}  // namespace deadscope
