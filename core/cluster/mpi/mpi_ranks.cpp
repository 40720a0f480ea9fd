// The module deadscope_mpi.so: Ranks over Open MPI. Nothing of MPI is known outside this file.
#define OMPI_SKIP_MPICXX 1
#include <mpi.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <climits>
#include <cstring>
#include <exception>
#include <mutex>
#include <string_view>
#include <thread>
#include <vector>

#include "core/base/version.h"
#include "core/cluster/mpi/entry.h"

namespace deadscope::mpi {
namespace {

constexpr int ask_tag = 1, answer_tag = 2;
constexpr std::int64_t nothing = -1;

// Open MPI's own waiting spins, on cores that other ranks compute with.
class Patience {
public:
    void pause() {
        std::this_thread::sleep_for(pause_);
        pause_ = std::min(pause_ * 2, std::chrono::microseconds(1000));
    }

private:
    std::chrono::microseconds pause_{10};
};

void wait(MPI_Request& request) {
    Patience patience;
    for (int done = 0;;) {
        MPI_Test(&request, &done, MPI_STATUS_IGNORE);
        if (done != 0) return;
        patience.pause();
    }
}

// MPI hands its operation no argument of ours; one reduction runs at a time (ranks.h).
struct Reduction {
    const Ranks::Merge* merge;
    std::size_t numbers;
    std::exception_ptr error;
};
Reduction* reduction = nullptr;

// MPI 3.1, §5.9.5: inout = in ∘ inout, `in` being of the lower ranks.
extern "C" void deadscope_merge(void* in, void* inout, int*, MPI_Datatype*) {
    try {
        (*reduction->merge)({static_cast<const double*>(in), reduction->numbers},
                            {static_cast<double*>(inout), reduction->numbers});
    } catch (...) {
        reduction->error = std::current_exception();
    }
}

// Thread rule: as Ranks; in hand_out() a second thread of rank 0 speaks MPI while the first does not.
class MpiRanks final : public Ranks {
public:
    MpiRanks(MPI_Comm all, bool world) : comm_(all), world_(world) {
        MPI_Comm_rank(comm_, &rank_);
        MPI_Comm_size(comm_, &size_);
    }
    ~MpiRanks() override {
        MPI_Comm_free(&comm_);
        if (world_) MPI_Finalize();
    }
    MpiRanks(const MpiRanks&) = delete;
    MpiRanks& operator=(const MpiRanks&) = delete;

    int rank() const override { return rank_; }
    int size() const override { return size_; }
    std::string host() const override {
        std::array<char, MPI_MAX_PROCESSOR_NAME> name{};
        int length = 0;
        MPI_Get_processor_name(name.data(), &length);
        return {name.data(), static_cast<std::size_t>(length)};
    }

    void reduce(std::span<double> numbers, const Merge& merge) override;
    std::int64_t minimum(std::int64_t value) override;
    void broadcast(std::string& text, int root) override;
    std::unique_ptr<Ranks> first(int count) override;
    void hand_out(std::size_t count, const Work& work, const Done& done) override;
    void end_job(int status) override { MPI_Abort(MPI_COMM_WORLD, status); }

private:
    class Counter;
    void serve(Counter& counter, const Done& done);
    void ask(const Work& work);

    MPI_Comm comm_;
    bool world_;
    int rank_ = 0, size_ = 1;
};

// One element of the reduction is the whole measure, so that MPI never cuts it.
void MpiRanks::reduce(std::span<double> numbers, const Merge& merge) {
    if (numbers.size() > INT_MAX) throw std::length_error("more numbers than one MPI message holds");
    Reduction mine{.merge = &merge, .numbers = numbers.size(), .error = {}};
    reduction = &mine;
    MPI_Datatype whole = MPI_DATATYPE_NULL;
    MPI_Type_contiguous(static_cast<int>(numbers.size()), MPI_DOUBLE, &whole);
    MPI_Type_commit(&whole);
    MPI_Op in_order = MPI_OP_NULL;
    MPI_Op_create(deadscope_merge, /*commute=*/0, &in_order);
    MPI_Request request = MPI_REQUEST_NULL;
    const bool root = rank_ == 0;
    MPI_Ireduce(root ? MPI_IN_PLACE : numbers.data(), root ? numbers.data() : nullptr, 1, whole, in_order, 0,
                comm_, &request);
    wait(request);
    MPI_Op_free(&in_order);
    MPI_Type_free(&whole);
    reduction = nullptr;
    if (mine.error) std::rethrow_exception(mine.error);
}

std::int64_t MpiRanks::minimum(std::int64_t value) {
    std::int64_t least = value;
    MPI_Request request = MPI_REQUEST_NULL;
    MPI_Iallreduce(&value, &least, 1, MPI_INT64_T, MPI_MIN, comm_, &request);
    wait(request);
    return least;
}

void MpiRanks::broadcast(std::string& text, int root) {
    std::int64_t length = static_cast<std::int64_t>(std::min<std::size_t>(text.size(), INT_MAX));
    MPI_Request request = MPI_REQUEST_NULL;
    MPI_Ibcast(&length, 1, MPI_INT64_T, root, comm_, &request);
    wait(request);
    text.resize(static_cast<std::size_t>(length));
    MPI_Ibcast(text.data(), static_cast<int>(length), MPI_CHAR, root, comm_, &request);
    wait(request);
}

std::unique_ptr<Ranks> MpiRanks::first(int count) {
    MPI_Comm some = MPI_COMM_NULL;
    MPI_Comm_split(comm_, rank_ < count ? 0 : MPI_UNDEFINED, rank_, &some);
    if (some == MPI_COMM_NULL) return nullptr;
    return std::make_unique<MpiRanks>(some, /*world=*/false);
}

// What is handed out next, and the results that come back; of rank 0's two threads.
class MpiRanks::Counter {
public:
    explicit Counter(std::size_t count) : count_(static_cast<std::int64_t>(count)) {}
    std::int64_t next() {
        const std::scoped_lock lock(mutex_);
        return next_ < count_ ? next_++ : nothing;
    }
    void done(const Done& tell, std::int64_t index, const std::string& result) {
        const std::scoped_lock lock(mutex_);
        try {
            if (!error_) tell(static_cast<std::size_t>(index), result);
        } catch (...) {
            error_ = std::current_exception();
            next_ = count_;
        }
    }
    void rethrow() const {
        if (error_) std::rethrow_exception(error_);
    }

private:
    std::mutex mutex_;
    std::int64_t next_ = 0, count_;
    std::exception_ptr error_;
};

// Answers the other ranks until each was told that nothing is left. A question is the number of what was done
// before, or `nothing`, and its result.
void MpiRanks::serve(Counter& counter, const Done& done) {
    std::vector<char> question;
    for (int asking = size_ - 1; asking > 0;) {
        MPI_Status status{};
        MPI_Message message = MPI_MESSAGE_NULL;
        Patience patience;
        for (int there = 0;;) {
            MPI_Improbe(MPI_ANY_SOURCE, ask_tag, comm_, &there, &message, &status);
            if (there != 0) break;
            patience.pause();
        }
        int length = 0;
        MPI_Get_count(&status, MPI_CHAR, &length);
        question.resize(static_cast<std::size_t>(length));
        MPI_Mrecv(question.data(), length, MPI_CHAR, &message, MPI_STATUS_IGNORE);
        std::int64_t index = nothing;
        std::memcpy(&index, question.data(), sizeof index);
        if (index != nothing) counter.done(done, index, {question.begin() + sizeof index, question.end()});
        const std::int64_t next = counter.next();
        MPI_Send(&next, 1, MPI_INT64_T, status.MPI_SOURCE, answer_tag, comm_);
        if (next == nothing) --asking;
    }
}

void MpiRanks::ask(const Work& work) {
    std::int64_t index = nothing;
    std::string result;
    while (true) {
        std::string question(sizeof index, '\0');
        std::memcpy(question.data(), &index, sizeof index);
        question += result;
        MPI_Send(question.data(), static_cast<int>(question.size()), MPI_CHAR, 0, ask_tag, comm_);
        MPI_Request request = MPI_REQUEST_NULL;
        MPI_Irecv(&index, 1, MPI_INT64_T, 0, answer_tag, comm_, &request);
        wait(request);
        if (index == nothing) return;
        result = work(static_cast<std::size_t>(index));
    }
}

void MpiRanks::hand_out(std::size_t count, const Work& work, const Done& done) {
    if (rank_ != 0) return ask(work);
    Counter counter(count);
    std::thread server([&] { serve(counter, done); });
    for (std::int64_t index = counter.next(); index != nothing; index = counter.next())
        counter.done(done, index, work(static_cast<std::size_t>(index)));
    server.join();
    counter.rethrow();
}

}  // namespace

extern "C" {
__attribute__((visibility("default"))) Ranks* deadscope_join_ranks(const char* program_version) {
    if (std::string_view(program_version) != version) return nullptr;
    int provided = MPI_THREAD_SINGLE;
    MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &provided);
    if (provided < MPI_THREAD_SERIALIZED) MPI_Abort(MPI_COMM_WORLD, 3);
    MPI_Comm own = MPI_COMM_NULL;
    MPI_Comm_dup(MPI_COMM_WORLD, &own);
    return new MpiRanks(own, /*world=*/true);
}

__attribute__((visibility("default"))) const char* deadscope_mpi_library() {
    static std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
    int length = 0;
    MPI_Get_library_version(text.data(), &length);
    text[std::min(text.size() - 1, std::string_view(text.data()).find(','))] = '\0';  // the name and version
    return text.data();
}
}

}  // namespace deadscope::mpi
