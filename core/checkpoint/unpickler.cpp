// See unpickler.h. Each step makes at most one value, so memory is bounded by the instructions.
#include "core/checkpoint/unpickler.h"

#include <bit>
#include <charconv>

namespace deadscope {

void Unpickler::load(std::uint64_t to) {
    const std::uint64_t have = out_.bytes_.size();
    if (to <= have) return;
    const std::uint64_t more = std::min(std::max(to - have, pickle_piece), limit_ - have);
    out_.bytes_ += file_.text(begin_ + have, more);
}

std::uint64_t Unpickler::skip(std::uint64_t count) {
    if (count > limit_ - at_)
        fail(limit_ == pickle_byte_limit ? "The pickle is longer than any checkpoint's"
                                         : "The pickle is cut short",
             std::to_string(count) + " bytes more", std::to_string(limit_ - at_));
    load(at_ + count);
    const std::uint64_t from = at_;
    at_ += count;
    return from;
}

// Up to the next line feed, which is taken too.
std::string_view Unpickler::line() {
    constexpr std::uint64_t longest = 64u << 10;
    for (std::uint64_t length = 0; length < longest; ++length) {
        if (at_ + length >= limit_) break;
        load(at_ + length + 1);
        if (out_.bytes_[at_ + length] == '\n') return take(length + 1).substr(0, length);
    }
    fail("A line of the pickle has no end");
}

void Unpickler::push_line_number() {
    std::string_view text = line();
    if (text == "00" || text == "01") return push({.kind = PickleKind::boolean, .integer = text == "01"});
    if (text.ends_with('L')) text.remove_suffix(1);
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size())
        fail("A number of the pickle is malformed", "a whole number", std::string(text.substr(0, 40)));
    push_integer(value);
}

// 'text' or "text", as protocol 0 has it. Escapes are not resolved: no name of a tensor has one.
void Unpickler::push_quoted() {
    const std::string_view text = line();
    if (text.size() < 2 || (text.front() != '\'' && text.front() != '"') || text.back() != text.front())
        fail("A text of the pickle is malformed", "a quoted text", std::string(text.substr(0, 40)));
    push({.kind = PickleKind::text, .offset = at_ - text.size(), .length = text.size() - 2});
}

// Two's complement, little-endian; beyond 64 bits only its sign is kept.
void Unpickler::push_long(std::uint64_t bytes) {
    const std::string_view digits = take(bytes);
    const bool negative = !digits.empty() && (static_cast<unsigned char>(digits.back()) & 0x80u) != 0;
    std::uint64_t value = negative ? ~std::uint64_t{0} : 0;
    if (bytes > 8) return push_integer(negative ? INT64_MIN : INT64_MAX);
    std::memcpy(&value, digits.data(), digits.size());
    push_integer(std::bit_cast<std::int64_t>(value));
}

void Unpickler::push_tuple(std::size_t count) {
    PickleValue tuple{.kind = PickleKind::tuple};
    tuple.items.resize(count);
    for (std::size_t i = count; i-- > 0;) tuple.items[i] = pop();
    push(std::move(tuple));
}

// Adds to the container below what was popped.
void Unpickler::extend(PickleKind kind, const std::vector<PickleId>& items) {
    PickleValue& container = out_.values_[top()];
    if (container.kind != kind || (kind == PickleKind::dict && items.size() % 2 != 0))
        fail("The pickle adds values to something that does not take them");
    container.items.insert(container.items.end(), items.begin(), items.end());
}

void Unpickler::recall(std::uint64_t key) {
    const auto found = memo_.find(key);
    if (found == memo_.end()) fail("The pickle recalls a value that it did not keep");
    stack_.push_back(found->second);
}

std::uint64_t Unpickler::line_index() {
    const std::string_view text = line();
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) fail("An index of the pickle is malformed");
    return value;
}

void Unpickler::push_global(std::string_view module, std::string_view name) {
    const auto found = std::ranges::find_if(
        globals_, [&](const PickleGlobal& global) { return global.module == module && global.name == name; });
    if (found == globals_.end()) refuse_global(module, name);
    push({.kind = PickleKind::global, .integer = found - globals_.begin()});
}

const PickleGlobal& Unpickler::global_of(PickleId callee) const {
    if (!out_.is(callee, PickleKind::global)) refuse_code("a call of a value that is no name");
    return globals_[static_cast<std::size_t>(out_[callee].integer)];
}

// callee(arguments): recorded, not done. An OrderedDict is a dict, of no items or of a list of pairs.
void Unpickler::reduce() {
    const PickleId arguments = pop(), callee = pop();
    const PickleGlobal& global = global_of(callee);
    if (!out_.is(arguments, PickleKind::tuple))
        fail("The pickle calls something without a tuple of arguments");
    if (global.use == PickleGlobal::Use::callable)
        return push({.kind = PickleKind::call, .items = {callee, arguments}});
    if (global.use != PickleGlobal::Use::dictionary)
        refuse_code("a call of " + std::string(global.module) + "." + std::string(global.name));
    PickleValue dict{.kind = PickleKind::dict};
    if (const auto& given = out_[arguments].items; !given.empty()) {
        const PickleValue& pairs = out_[given[0]];
        const bool sequence = pairs.kind == PickleKind::list || pairs.kind == PickleKind::tuple;
        if (given.size() > 1 || !sequence) refuse_code("an OrderedDict of something else than pairs");
        if ((held_ += pairs.items.size()) > pickle_step_limit)
            fail(too_many);  // the one place where values are copied
        for (const PickleId pair : pairs.items) {
            if (out_[pair].items.size() != 2) refuse_code("an OrderedDict of something else than pairs");
            dict.items.insert(dict.items.end(), out_[pair].items.begin(), out_[pair].items.end());
        }
    }
    push(std::move(dict));
}

// Attributes of an OrderedDict (a state dict's _metadata) are dropped; of anything else they would run code.
void Unpickler::build() {
    const PickleId state = pop();
    if (!out_.is(top(), PickleKind::dict) ||
        !(out_.is(state, PickleKind::dict) || out_.is(state, PickleKind::none)))
        refuse_code("attributes for an object (BUILD)");
}

}  // namespace deadscope
