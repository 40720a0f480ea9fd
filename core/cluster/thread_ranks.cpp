// See thread_ranks.h. Every collective is: publish, meet, look at what the others published, meet again
// before it may change.
#include "core/cluster/thread_ranks.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

#include "core/base/error.h"

namespace deadscope {
namespace {

// Where the ranks of one group meet. Thread rule: any thread.
class Meeting {
public:
    explicit Meeting(std::size_t size) : published(size), size_(size) {}

    struct Published {
        std::span<double> numbers;
        std::int64_t value = 0;
        std::string* text = nullptr;
        const Ranks::Done* done = nullptr;
        std::shared_ptr<Meeting> smaller;
    };
    std::vector<Published> published;  // [size]; a rank writes its own between two meetings
    std::atomic<std::size_t> next{0};  // of what is handed out
    std::mutex done_mutex;

    // Errors: a rank has left, so that this meeting never takes place.
    void meet() {
        std::unique_lock lock(mutex_);
        const std::size_t mine = count_;
        if (++here_ == size_) {
            here_ = 0;
            ++count_;
            changed_.notify_all();
            return;
        }
        changed_.wait(lock, [&] { return count_ != mine || left_; });
        if (count_ == mine) throw Error::resource("the work on another device ended before its time");
    }
    void leave() {
        const std::scoped_lock lock(mutex_);
        left_ = true;
        changed_.notify_all();
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::size_t size_, here_ = 0, count_ = 0;  // count_: meetings that took place
    bool left_ = false;
};

// Thread rule: one thread, the rank's own.
class ThreadRanks final : public Ranks {
public:
    ThreadRanks(std::shared_ptr<Meeting> meeting, std::size_t rank, const std::vector<std::string>& names)
        : meeting_(std::move(meeting)), rank_(rank), names_(names) {}
    ~ThreadRanks() override { meeting_->leave(); }
    ThreadRanks(const ThreadRanks&) = delete;
    ThreadRanks& operator=(const ThreadRanks&) = delete;

    int rank() const override { return static_cast<int>(rank_); }
    int size() const override { return static_cast<int>(meeting_->published.size()); }
    std::string host() const override { return names_[rank_]; }

    void reduce(std::span<double> numbers, const Merge& merge) override {
        mine().numbers = numbers;
        std::exception_ptr failure;
        const std::size_t count = meeting_->published.size();
        for (std::size_t step = 1; step < count; step *= 2) {
            meeting_->meet();
            if (rank_ % (2 * step) != 0 || rank_ + step >= count || failure) continue;
            std::span<double>& higher = meeting_->published[rank_ + step].numbers;
            try {
                merge(mine().numbers, higher);
            } catch (...) {  // told when all have met, so that nobody waits for this rank
                failure = std::current_exception();
            }
            std::swap(mine().numbers, higher);
        }
        meeting_->meet();
        if (rank_ == 0 && mine().numbers.data() != numbers.data())
            std::ranges::copy(mine().numbers, numbers.begin());
        meeting_->meet();
        if (failure) std::rethrow_exception(failure);
    }

    std::int64_t minimum(std::int64_t value) override {
        mine().value = value;
        meeting_->meet();
        std::int64_t least = value;
        for (const Meeting::Published& one : meeting_->published) least = std::min(least, one.value);
        meeting_->meet();
        return least;
    }

    void broadcast(std::string& text, int root) override {
        mine().text = &text;
        meeting_->meet();
        if (rank() != root) text = *meeting_->published[static_cast<std::size_t>(root)].text;
        meeting_->meet();
    }

    std::unique_ptr<Ranks> first(int count) override {
        if (rank_ == 0) mine().smaller = std::make_shared<Meeting>(static_cast<std::size_t>(count));
        meeting_->meet();
        std::shared_ptr<Meeting> smaller = meeting_->published[0].smaller;
        meeting_->meet();
        if (rank() >= count) return nullptr;
        return std::make_unique<ThreadRanks>(std::move(smaller), rank_, names_);
    }

    void hand_out(std::size_t count, const Work& work, const Done& done) override {
        mine().done = &done;
        if (rank_ == 0) meeting_->next = 0;
        meeting_->meet();
        const Done& told = *meeting_->published[0].done;
        for (std::size_t index = meeting_->next++; index < count; index = meeting_->next++) {
            const std::string result = work(index);
            const std::scoped_lock lock(meeting_->done_mutex);
            told(index, result);
        }
        meeting_->meet();
    }

    void end_job(int) override { meeting_->leave(); }

private:
    Meeting::Published& mine() { return meeting_->published[rank_]; }

    std::shared_ptr<Meeting> meeting_;
    std::size_t rank_;
    const std::vector<std::string>& names_;
};

}  // namespace

void run_on_threads(const std::vector<std::string>& names, const std::function<void(Ranks&)>& part) {
    const auto meeting = std::make_shared<Meeting>(names.size());
    std::vector<std::exception_ptr> failures(names.size());
    const auto run = [&](std::size_t rank) {
        try {
            ThreadRanks ranks(meeting, rank, names);
            part(ranks);
        } catch (...) {
            failures[rank] = std::current_exception();
        }
    };
    {
        std::vector<std::jthread> threads;
        for (std::size_t rank = 1; rank < names.size(); ++rank) threads.emplace_back(run, rank);
        run(0);
    }
    for (const std::exception_ptr& failure : failures)
        if (failure) std::rethrow_exception(failure);
}

}  // namespace deadscope
