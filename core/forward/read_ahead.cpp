// See read_ahead.h.
#include "core/forward/read_ahead.h"

#include <set>
#include <utility>

namespace deadscope {
namespace {

void add(const LinearSpec& linear, std::vector<WeightPart>& parts) {
    const std::vector<std::int64_t>& shape = linear.weight.shape;
    if (!linear || shape.size() < 2) return;
    const auto matrix =
        static_cast<std::uint64_t>(shape[shape.size() - 2]) * static_cast<std::uint64_t>(shape.back());
    parts.push_back({&linear.weight, {static_cast<std::uint64_t>(linear.matrix) * matrix, matrix}});
}

void add(const MlpSpec& network, std::vector<WeightPart>& parts) {
    for (const LinearSpec* linear : {&network.gate, &network.up, &network.down}) add(*linear, parts);
}

}  // namespace

std::vector<WeightPart> weights_of(const BlockSpec& block) {
    std::vector<WeightPart> all;
    const AttentionSpec& attention = block.attention;
    if (attention.latent)
        for (const LinearSpec* linear :
             {&attention.latent->q_down, &attention.latent->kv_down, &attention.latent->k_rope})
            add(*linear, all);
    for (const LinearSpec* linear : {&attention.q, &attention.k, &attention.v, &attention.o})
        add(*linear, all);
    add(block.mlp, all);
    add(block.experts.shared, all);
    for (const MlpSpec& expert : block.experts.experts) add(expert, all);
    std::set<std::pair<std::string_view, std::uint64_t>> seen;
    std::erase_if(all, [&](const WeightPart& part) {
        return !seen.emplace(part.weight->name, part.range.first).second;
    });
    return all;
}

ReadAhead::ReadAhead(const Plan& plan, const WeightSource& weights)
    : plan_(plan), weights_(weights), thread_([this] { work(); }) {}

ReadAhead::~ReadAhead() {
    {
        const std::scoped_lock lock(mutex_);
        stop_ = true;
    }
    wake_.notify_one();
    thread_.join();
}

void ReadAhead::begin(std::size_t index) {
    if (index >= plan_.blocks.size()) return;
    {
        const std::scoped_lock lock(mutex_);
        next_ = index;
    }
    wake_.notify_one();
}

void ReadAhead::work() {
    for (std::size_t done = 0;;) {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] { return stop_ || next_ != done; });
        if (stop_) return;
        done = next_;
        lock.unlock();
        for (const WeightPart& part : weights_of(plan_.blocks[done])) {
            weights_.prefetch(*part.weight, part.range);
            const std::scoped_lock check(mutex_);
            if (stop_ || next_ != done) break;
        }
    }
}

}  // namespace deadscope
