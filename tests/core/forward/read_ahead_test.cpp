// Hints about weights: which ones are given, that they change nothing that is read, and that pages go away.
#include "core/forward/read_ahead.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <mutex>
#include <set>

#include "core/base/machine.h"
#include "core/base/mapped_file.h"
#include "core/checkpoint/checkpoint.h"
#include "tests/fixtures/model_files.h"

namespace deadscope {
namespace {

class Noted final : public WeightSource {
public:
    void read(const WeightRef&, ElementRange, std::span<float>) const override {}
    void read(const WeightRef&, ElementRange, std::span<double>) const override {}
    NormParameters norm(const NormSpec&) const override { return {}; }
    void prefetch(const WeightRef& weight, ElementRange range) const override {
        const std::scoped_lock lock(mutex_);
        seen_.emplace(weight.name, range.first, range.count);
    }
    std::size_t seen() const {
        const std::scoped_lock lock(mutex_);
        return seen_.size();
    }
    std::set<std::tuple<std::string, std::uint64_t, std::uint64_t>> all() const {
        const std::scoped_lock lock(mutex_);
        return seen_;
    }

private:
    mutable std::mutex mutex_;
    mutable std::set<std::tuple<std::string, std::uint64_t, std::uint64_t>> seen_;
};

TEST(ReadAhead, NamesEveryMatrixOfTheBlockOnce) {
    fixtures::TemporaryFolder folder;
    const Checkpoint checkpoint = open_checkpoint(fixtures::tiny_gpt2().write(folder / "model"));
    const Plan plan = make_plan(checkpoint);
    // GPT-2's queries, keys and values lie in one tensor.
    EXPECT_EQ(weights_of(plan.blocks[0]).size(), 4u);
    Noted weights;
    {
        ReadAhead ahead(plan, weights);
        ahead.begin(1);
        ahead.begin(2);  // there is no such block
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (weights.seen() < 4 && std::chrono::steady_clock::now() < end)
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    const auto seen = weights.all();
    ASSERT_EQ(seen.size(), 4u);
    for (const auto& [name, first, count] : seen) {
        EXPECT_NE(name.find("h.1."), std::string::npos) << name;
        EXPECT_EQ(first, 0u);
        ASSERT_NE(checkpoint.find(name), nullptr);
        EXPECT_EQ(count, checkpoint.find(name)->elements);
    }
}

TEST(ReadAhead, EndsAtOnceWhereNothingWasAsked) {
    const Plan plan;
    Noted weights;
    for (int i = 0; i < 50; ++i) ReadAhead ahead(plan, weights);
    EXPECT_EQ(weights.seen(), 0u);
}

TEST(Hints, ChangeNothingThatIsRead) {
    fixtures::TemporaryFolder folder;
    const Checkpoint checkpoint = open_checkpoint(fixtures::tiny_llama().write(folder / "model"));
    for (const TensorInfo& tensor : checkpoint.tensors()) {
        const std::vector<double> before = checkpoint.read_all(tensor);
        checkpoint.prefetch(tensor, {0, tensor.elements});
        checkpoint.release(tensor, {0, tensor.elements});
        checkpoint.release(tensor, {tensor.elements, 10});  // beyond its end: only a hint
        EXPECT_EQ(checkpoint.read_all(tensor), before) << tensor.name;
    }
}

TEST(Hints, ReleasedPagesAreNoLongerResident) {
    constexpr std::size_t size = 64u << 20;
    fixtures::TemporaryFolder folder;
    const std::string path = (folder / "large").string();
    std::ofstream(path, std::ios::binary) << std::string(size, 'x');
    const auto file = MappedFile::open(path);
    std::uint64_t sum = 0;
    const auto read = [&sum](std::span<const std::byte> bytes) {
        for (std::size_t i = 0; i < bytes.size(); i += 512) sum += static_cast<std::uint64_t>(bytes[i]);
    };
    const std::uint64_t before = resident_bytes();
    file->visit(0, size, {}, read);
    const std::uint64_t full = resident_bytes();
    file->let_go({0, size});
    const std::uint64_t after = resident_bytes();
    EXPECT_GT(full, before + size / 2) << "what was read is in memory";
    EXPECT_LT(after, before + size / 4) << "and was, until it was let go";
    const std::uint64_t first = sum;
    file->let_go({size - 100, 1000});
    file->let_go({size + 100, 1000});
    file->read_ahead({0, size});
    file->visit(0, size, {}, read);
    EXPECT_EQ(sum, 2 * first);
}

TEST(Hints, MemoryThatIsNotOursIsLeftAlone) {
    std::vector<std::byte> bytes(1 << 20, std::byte{7});
    const auto file = MappedFile::borrow("embedded", bytes);
    file->let_go({0, bytes.size()});
    for (const std::byte one : bytes) ASSERT_EQ(one, std::byte{7});
}

}  // namespace
}  // namespace deadscope
