// The stack machine of read_pickle: bytes, stack, memo, and the few things that instructions do to them. The
// instructions themselves are pickle.cpp's.
#pragma once

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "core/base/error.h"
#include "core/checkpoint/pickle.h"
#include "core/checkpoint/pickle_codes.h"

namespace deadscope {

inline constexpr std::uint64_t pickle_byte_limit = 256u
                                                   << 20;  // of one pickle; published ones stay below some MB
inline constexpr std::size_t pickle_value_limit =
    4'000'000;  // some twenty a tensor: two hundred thousand tensors
inline constexpr std::size_t pickle_step_limit =
    16'000'000;  // instructions, and values held in all by containers
inline constexpr std::uint64_t pickle_piece = 64u << 10;  // bytes read from the file at a time

inline constexpr const char* too_many =
    "The pickle holds more values or instructions than any checkpoint has";

// Thread rule: one thread.
class Unpickler {
public:
    Unpickler(const MappedFile& file, std::uint64_t begin, std::uint64_t end,
              std::span<const PickleGlobal> globals)
        : file_(file), begin_(begin), limit_(std::min(end - begin, pickle_byte_limit)), globals_(globals) {}

    Pickle run() {
        for (std::size_t step = 0; !done_; ++step) {
            if (step == pickle_step_limit) fail(too_many);
            code_at_ = at_;
            execute(static_cast<PickleCode>(take(1)[0]));
        }
        out_.end_ = begin_ + at_;
        return std::move(out_);
    }

private:
    void execute(PickleCode code);
    bool counted(PickleCode code);
    bool numbers(PickleCode code);
    bool containers(PickleCode code);
    bool stack_and_memo(PickleCode code);
    bool objects(PickleCode code);

    [[noreturn]] void fail(std::string_view what, std::string expected = {}, std::string found = {},
                           std::string hint = {}) const {
        throw Error::input(what, {.file = file_.path(),
                                  .offset = begin_ + code_at_,
                                  .expected = std::move(expected),
                                  .found = std::move(found),
                                  .hint = std::move(hint)});
    }
    [[noreturn]] void refuse_global(std::string_view module, std::string_view name) const {
        throw Error::input(
            "The pickle names a Python object that is not one of those that make up tensors; the file "
            "is not read, and nothing in it was run",
            {.file = file_.path(),
             .key = std::string(module.substr(0, 100)) + "." + std::string(name.substr(0, 100)),
             .offset = begin_ + code_at_,
             .expected = "names that rebuild tensors, such as torch._utils._rebuild_tensor_v2",
             .hint = "If you trust the file, save its state_dict() alone, best as safetensors."});
    }
    [[noreturn]] void refuse_code(std::string_view what) const {
        fail("The pickle asks for something that checkpoints do not need and that is not done",
             "values and tensors", std::string(what));
    }

    // The next `count` bytes. Valid until the next call.
    std::string_view take(std::uint64_t count) {
        const std::uint64_t at = skip(count);
        return std::string_view(out_.bytes_).substr(at, count);
    }
    std::uint64_t skip(std::uint64_t count);  // their place in out_.bytes_
    void load(std::uint64_t to);
    template <class T>
    T number() {
        T value;
        std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
        return value;
    }
    std::string_view line();

    PickleId add(PickleValue value) {
        if (out_.values_.size() == pickle_value_limit) fail(too_many);
        out_.values_.push_back(std::move(value));
        return static_cast<PickleId>(out_.values_.size() - 1);
    }
    void push(PickleValue value) { stack_.push_back(add(std::move(value))); }
    void push_integer(std::int64_t value) { push({.kind = PickleKind::integer, .integer = value}); }
    void push_line_number();
    void push_quoted();
    void push_long(std::uint64_t bytes);
    // Values above the topmost mark, or above the stack's floor where there is none, are the only ones there.
    std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
    PickleId pop() {
        if (stack_.size() <= floor()) fail("The pickle takes a value from an empty stack");
        const PickleId id = stack_.back();
        stack_.pop_back();
        return id;
    }
    PickleId top() const {
        if (stack_.size() <= floor()) fail("The pickle takes a value from an empty stack");
        return stack_.back();
    }
    std::vector<PickleId> pop_to_mark() {
        if (marks_.empty()) fail("The pickle goes back to a mark that was not set");
        const auto from = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
        std::vector<PickleId> items(from, stack_.end());
        stack_.erase(from, stack_.end());
        marks_.pop_back();
        return items;
    }
    void push_tuple(std::size_t count);
    void extend(PickleKind kind, const std::vector<PickleId>& items);
    void remember(std::uint64_t key) {
        if (memo_.size() == pickle_value_limit) fail(too_many);
        memo_[key] = top();
    }
    void recall(std::uint64_t key);
    std::uint64_t line_index();
    void push_global(std::string_view module, std::string_view name);
    const PickleGlobal& global_of(PickleId callee) const;
    void reduce();
    void build();

    const MappedFile& file_;
    std::uint64_t begin_, limit_, at_ = 0, code_at_ = 0;
    std::span<const PickleGlobal> globals_;
    Pickle out_;
    std::size_t held_ = 0;  // values that containers were given by copy
    std::vector<PickleId> stack_;
    std::vector<std::size_t> marks_;  // heights of the stack
    std::unordered_map<std::uint64_t, PickleId> memo_;
    bool done_ = false;
};

}  // namespace deadscope
