// What a person may ask for. Panels and shortcuts append intents; the controller carries them out after the
// frame.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "app/state.h"

namespace deadscope {

struct OpenIntent {
    std::string model;
    bool remote = false;
};  // a MODEL string, e.g. a dropped path; remote: γ of a hub id, without a download
struct CloseIntent {
    ModelId model;
};
struct RunIntent {
    std::optional<ModelId> model;
};  // empty: every shown model
struct CancelIntent {
    std::optional<std::uint64_t> job;
};  // empty: all
struct ShowIntent {
    ModelId model;
    bool shown;
};
struct MoveIntent {
    ModelId model;
    int by;
};  // order in the list
struct SelectIntent {
    Selection selection;
};
struct HoverIntent {
    Selection selection;
};
struct SpectrumIntent {
    BlockSpectrumKey key;
};  // compute a block's spectrum if it is not there
struct SettingsIntent {
    ReadingSettings settings;
};
struct ViewIntent {
    std::function<void(ViewState&)> change;
};
struct SaveTextIntent {
    std::string path, text;
};                         // a plot's data as CSV; written by a job
struct HubCacheIntent {};  // look through the hub cache (again)
struct HubAskIntent {
    std::string model;
};  // a hub id: which files it has, and how large they are
struct HubFetchIntent {
    std::string model;
};  // download a hub id, then open it
struct ArraysIntent {
    std::string file;
};  // which arrays the file holds; what is not yet typed in the read dialog is filled in where only one fits
struct ReadIntent {
    std::string file;
    ActivationSettings settings;
};  // activations without their model
struct DismissErrorIntent {
    ModelId model;
};
struct QuitIntent {};

using Intent =
    std::variant<OpenIntent, CloseIntent, RunIntent, CancelIntent, ShowIntent, MoveIntent, SelectIntent,
                 HoverIntent, SpectrumIntent, SettingsIntent, ViewIntent, SaveTextIntent, HubCacheIntent,
                 HubAskIntent, HubFetchIntent, ArraysIntent, ReadIntent, DismissErrorIntent, QuitIntent>;

// Thread rule: the window's thread only.
class Intents {
public:
    template <class T>
    void emit(T intent) {
        pending_.emplace_back(std::move(intent));
    }
    void view(std::function<void(ViewState&)> change) { emit(ViewIntent{std::move(change)}); }
    std::vector<Intent> take() { return std::exchange(pending_, {}); }

private:
    std::vector<Intent> pending_;
};

}  // namespace deadscope
