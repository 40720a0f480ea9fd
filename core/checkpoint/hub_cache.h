// The local cache of the Hugging Face hub, read only: models--ORG--NAME/{refs, snapshots, blobs}. Nothing is
// fetched here.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace deadscope {

struct HubId {
    std::string repository;         // "gpt2", "EleutherAI/pythia-160m"
    std::string revision = "main";  // branch, tag or commit
};

// Nothing where the text is no hub id ("NAME" or "ORG/NAME", then "@REVISION" or not).
std::optional<HubId> parse_hub_id(const std::string& model);
// HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME/hub, XDG_CACHE_HOME/huggingface/hub, ~/.cache/huggingface/hub:
// the first that is set.
std::string hub_cache_folder();
std::string hub_home_folder();  // HF_HOME, XDG_CACHE_HOME/huggingface, ~/.cache/huggingface
// "~" at the start and $NAME or ${NAME} anywhere, as huggingface_hub expands them.
std::string expand_path(std::string path);
// Where the cache keeps, or would keep, a repository: <cache>/models--ORG--NAME.
std::string hub_repository_folder(const std::string& cache, const std::string& repository);
bool is_commit(std::string_view text);  // 40 lower-case hexadecimal digits
// The folder of the snapshot, or nothing where the cache does not have it.
// Errors: a ref file that names no plain commit.
std::optional<std::string> find_hub_snapshot(const HubId& id);

}  // namespace deadscope
