// See needed_files.h.
#include "core/hub/needed_files.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "core/base/json.h"
#include "core/base/text.h"

namespace deadscope {
namespace {

constexpr std::uint64_t index_limit = 128u << 20;  // bytes

constexpr const char* companions[] = {"config.json",
                                      "tokenizer.json",
                                      "tokenizer_config.json",
                                      "special_tokens_map.json",
                                      "added_tokens.json",
                                      "vocab.json",
                                      "merges.txt",
                                      "vocab.txt",
                                      "tokenizer.model",
                                      "spiece.model",
                                      "sentencepiece.bpe.model",
                                      "spm.model",
                                      "preprocessor_config.json",
                                      "processor_config.json"};

// Files of weights that are no model's: the trainer's own state.
bool is_trainer_state(const std::string& name) {
    return name == "training_args.bin" || name == "optimizer.pt" || name == "optimizer.bin" ||
           name == "scheduler.pt" || name == "scaler.pt" || name.starts_with("rng_state");
}

std::vector<std::string> top_names(const HubListing& listing) {
    std::vector<std::string> names;
    for (const HubFile& file : listing.files)
        if (file.path.find('/') == std::string::npos) names.push_back(file.path);
    std::ranges::sort(names);
    return names;
}

[[noreturn]] void several(const HubListing& listing, const std::vector<std::string>& names) {
    throw Error::input("The repository holds several weights files, and no name says which",
                       {.file = listing.id.repository,
                        .expected = "one of them chosen with --file NAME",
                        .found = join(names, ", ")});
}

// A shard of a split GGUF: "NAME-00001-of-00003.gguf" -> "-of-00003.gguf" and the stem before the number.
std::vector<std::string> split_siblings(const std::vector<std::string>& names, const std::string& name) {
    const std::size_t of = name.rfind("-of-");
    if (of == std::string::npos || of < 6 || name[of - 6] != '-') return {name};
    const std::string stem = name.substr(0, of - 5), tail = name.substr(of);
    std::vector<std::string> out;
    for (const std::string& other : names) {
        if (other.size() == name.size() && other.starts_with(stem) && other.ends_with(tail))
            out.push_back(other);
    }
    return out;
}

std::vector<std::string> with_endings(const std::vector<std::string>& names,
                                      std::initializer_list<const char*> endings) {
    std::vector<std::string> out;
    for (const std::string& name : names) {
        if (is_trainer_state(name)) continue;
        if (std::ranges::any_of(endings, [&](const char* ending) { return name.ends_with(ending); }))
            out.push_back(name);
    }
    return out;
}

HubFile required(const HubListing& listing, const std::string& name, const std::string& why) {
    if (const HubFile* file = listing.find(name)) return *file;
    throw Error::input("The repository lacks a file",
                       {.file = listing.id.repository, .key = name, .expected = why, .found = "nothing"});
}

bool is_index(const std::string& name) {
    return name.ends_with(".index.json");
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
    const std::vector<std::string> names = top_names(listing);
    const auto has = [&](const char* name) { return std::ranges::find(names, name) != names.end(); };
    const struct {
        const char *whole, *index;
        std::initializer_list<const char*> endings;
    } formats[] = {
        {"model.safetensors", "model.safetensors.index.json", {".safetensors", ".safetensors.index.json"}},
        {"pytorch_model.bin", "pytorch_model.bin.index.json", {".bin", ".pt", ".pth", ".bin.index.json"}},
    };
    for (const auto& format : formats) {
        if (has(format.whole)) return format.whole;
        if (has(format.index)) return format.index;
        const auto candidates = with_endings(names, format.endings);
        if (candidates.size() == 1) return candidates.front();
        if (candidates.size() > 1) several(listing, candidates);
    }
    const auto quantised = with_endings(names, {".gguf"});
    if (!quantised.empty()) {
        if (split_siblings(names, quantised.front()).size() < quantised.size()) several(listing, quantised);
        return quantised.front();
    }
    throw Error::input("The repository holds no weights of a format that is read",
                       {.file = listing.id.repository,
                        .expected = ".safetensors, .bin, .pt or .gguf",
                        .found = names.empty() ? "no file" : join(names, ", ")});
}

std::optional<NeededFiles> needed_files(HubClient& client, const HubListing& listing,
                                        const std::string& chosen) {
    NeededFiles needed;
    needed.weights =
        chosen.empty() ? choose_weights(listing) : required(listing, chosen, "as asked for").path;
    for (const char* name : companions)
        if (const HubFile* file = listing.find(name)) needed.beside.push_back(*file);
    if (is_index(needed.weights)) {
        needed.beside.push_back(required(listing, needed.weights, "an index of shards"));
        auto shards = shards_of(client, listing, needed.weights);
        if (!shards) return std::nullopt;
        needed.shards = std::move(*shards);
    } else {
        for (const std::string& name : split_siblings(top_names(listing), needed.weights))
            needed.shards.push_back(required(listing, name, "weights"));
    }
    return needed;
}

}  // namespace deadscope
