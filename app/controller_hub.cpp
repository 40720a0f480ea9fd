// What the controller does with the hub: looks through the cache, asks what a repository has, reads γ where
// it is, downloads. Jobs of queues of their own, so that a slow network holds up nothing that is here.
#include <algorithm>
#include <memory>
#include <utility>

#include "app/controller.h"
#include "core/base/error.h"
#include "core/hub/download.h"
#include "core/reading/remote_gamma.h"
#include "core/reading/words.h"

namespace deadscope {
namespace {

HubId hub_id(const std::string& model) {
    if (const auto id = parse_hub_id(model)) return *id;
    throw Error::usage("This is no hub id",
                       {.key = model, .expected = "NAME or ORGANISATION/NAME, then @REVISION or not"});
}

// Nothing where cancelled.
std::shared_ptr<const HubOffer> ask(const std::string& model, const Progress& progress) {
    const HubId id = hub_id(model);
    HubClient client(hub_settings(), [&] { return proceed(progress, {.phase = "asking the hub"}); });
    auto offer = std::make_shared<HubOffer>();
    auto listing = client.list(id);
    if (!listing) return nullptr;
    offer->listing = std::move(*listing);
    auto needed = needed_files(client, offer->listing);
    if (!needed) return nullptr;
    offer->needed = std::move(*needed);
    auto revisions = client.revisions(id.repository);
    if (!revisions) return nullptr;
    offer->revisions = std::move(*revisions);
    return offer;
}

// False where cancelled.
bool fetch(const std::string& model, const Progress& progress) {
    FetchOptions options;
    options.progress = [&](const FetchProgress& done) {
        const std::string words = done.bytes_total == 0
                                      ? "asking the hub"
                                      : bytes_text(done.bytes) + " of " + bytes_text(done.bytes_total);
        const double fraction = done.bytes_total == 0
                                    ? 0.0
                                    : static_cast<double>(done.bytes) / static_cast<double>(done.bytes_total);
        return proceed(progress, {.phase = words, .fraction = fraction});
    };
    return fetch_checkpoint(hub_settings(), hub_id(model), options).has_value();
}

}  // namespace

void Controller::hub_failed(const std::exception_ptr& failure) {
    try {
        std::rethrow_exception(failure);
    } catch (const std::exception& error) {
        state_.hub.error = error.what();
    }
    state_.hub.asking = false;
    log(LogLine::Level::error, state_.hub.error);
}

void Controller::carry_out(const HubCacheIntent&) {
    state_.hub.cache_read = true;  // under way; it is asked for once
    quick_.submit("hub:cache", "Looking through the hub cache", [this](JobContext& context) {
        const std::string folder = hub_cache_folder();
        context.deliver([this, folder, cached = list_hub_cache(folder)] {
            state_.hub.folder = folder;
            state_.hub.cached = cached;
        });
    });
}

void Controller::carry_out(const HubAskIntent& intent) {
    state_.hub.asked = intent.model;
    state_.hub.asking = true;
    state_.hub.offer = nullptr;
    state_.hub.error.clear();
    hub_.submit("hub:ask", "Asking the hub for " + intent.model,
                [this, model = intent.model](JobContext& context) {
                    try {
                        auto offer = ask(model, context.progress);
                        context.deliver([this, offer = std::move(offer)] {
                            state_.hub.offer = offer;
                            state_.hub.asking = false;
                        });
                    } catch (...) {
                        context.deliver([this, failure = std::current_exception()] { hub_failed(failure); });
                        throw;
                    }
                });
}

void Controller::carry_out(const HubFetchIntent& intent) {
    state_.hub.error.clear();
    downloads_.submit(
        fetch_tag(intent.model), "Fetching " + intent.model,
        [this, model = intent.model](JobContext& context) {
            try {
                if (fetch(model, context.progress)) context.deliver([this, model] { fetched(model); });
            } catch (...) {
                context.deliver([this, failure = std::current_exception()] { hub_failed(failure); });
                throw;
            }
        });
}

// A model of which γ was read remotely becomes the downloaded one, in its place.
void Controller::fetched(const std::string& model) {
    log(LogLine::Level::info, model + " is in the hub cache");
    carry_out(HubCacheIntent{});
    const auto open = std::ranges::find(state_.models, model, &OpenModel::model);
    if (open == state_.models.end()) return carry_out(OpenIntent{model});
    if (!open->remote) return;
    hub_.cancel_tag(open_tag(open->id));
    open->remote = false;
    start_opening(*open);
}

void Controller::start_remote_opening(OpenModel& model) {
    model.stage = OpenModel::Stage::opening;
    model.error.clear();
    Work& work = work_[model.id];
    work.failure = nullptr;
    work.open_job = hub_.submit(
        open_tag(model.id), "Reading γ of " + model.model + " on the hub",
        [this, id = model.id, name = model.model](JobContext& context) {
            const auto start = Clock::now();
            try {
                auto remote = read_gamma_remotely(hub_settings(), hub_id(name), [&] {
                    return proceed(context.progress, {.phase = "ranges of the weights"});
                });
                if (!remote) return;
                const std::string words = remote_words(*remote);
                auto gamma = std::make_shared<const GammaReading>(std::move(remote->gamma));
                const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
                context.deliver([this, id, gamma = std::move(gamma), words, seconds] {
                    opened(id, gamma, seconds);
                    if (const OpenModel* open = find(id))
                        log(LogLine::Level::info, open->label + ": " + words);
                });
            } catch (...) {
                context.deliver([this, id, failure = std::current_exception()] { failed(id, failure); });
                throw;
            }
        });
}

}  // namespace deadscope
