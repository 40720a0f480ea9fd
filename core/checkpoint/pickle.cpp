// The instructions of pickletools, one after another, on the stack machine of unpickler.h; and the values
// they leave.
#include "core/checkpoint/pickle.h"

#include <bit>

#include "core/checkpoint/unpickler.h"

namespace deadscope {
namespace {

// Instructions that a length and that many bytes follow.
struct Counted {
    PickleCode code;
    PickleKind kind;
    std::size_t width;  // bytes of the length
};
constexpr Counted counted_codes[] = {
    {PickleCode::string4, PickleKind::text, 4},    {PickleCode::string1, PickleKind::text, 1},
    {PickleCode::unicode4, PickleKind::text, 4},   {PickleCode::unicode1, PickleKind::text, 1},
    {PickleCode::unicode8, PickleKind::text, 8},   {PickleCode::bytes4, PickleKind::bytes, 4},
    {PickleCode::bytes1, PickleKind::bytes, 1},    {PickleCode::bytes8, PickleKind::bytes, 8},
    {PickleCode::bytearray8, PickleKind::bytes, 8}};

}  // namespace

bool Unpickler::counted(PickleCode code) {
    const auto found = std::ranges::find(counted_codes, code, &Counted::code);
    if (found == std::end(counted_codes)) return false;
    std::uint64_t length = 0;
    std::memcpy(&length, take(found->width).data(), found->width);
    const std::uint64_t at = skip(length);
    push({.kind = found->kind, .offset = at, .length = length});
    return true;
}

bool Unpickler::numbers(PickleCode code) {
    using enum PickleCode;
    switch (code) {
        case none:
            push({});
            return true;
        case new_true:
            push({.kind = PickleKind::boolean, .integer = 1});
            return true;
        case new_false:
            push({.kind = PickleKind::boolean});
            return true;
        case integer_line:
        case long_line:
            push_line_number();
            return true;
        case integer4:
            push_integer(number<std::int32_t>());
            return true;
        case integer1:
            push_integer(number<std::uint8_t>());
            return true;
        case integer2:
            push_integer(number<std::uint16_t>());
            return true;
        case long1:
            push_long(number<std::uint8_t>());
            return true;
        case long4:
            push_long(number<std::uint32_t>());
            return true;
        case real_line:
            (void)line();
            push({.kind = PickleKind::real});
            return true;  // no tensor has one
        case real:
            push({.kind = PickleKind::real,
                  .real = std::bit_cast<double>(__builtin_bswap64(number<std::uint64_t>()))});
            return true;
        case string_line:
            push_quoted();
            return true;
        case unicode_line: {
            const std::string_view text = line();
            push({.kind = PickleKind::text, .offset = at_ - text.size() - 1, .length = text.size()});
            return true;
        }
        default:
            return false;
    }
}

bool Unpickler::containers(PickleCode code) {
    using enum PickleCode;
    switch (code) {
        case empty_tuple:
            push({.kind = PickleKind::tuple});
            return true;
        case tuple1:
            push_tuple(1);
            return true;
        case tuple2:
            push_tuple(2);
            return true;
        case tuple3:
            push_tuple(3);
            return true;
        case tuple:
            push({.kind = PickleKind::tuple, .items = pop_to_mark()});
            return true;
        case empty_list:
            push({.kind = PickleKind::list});
            return true;
        case list:
            push({.kind = PickleKind::list, .items = pop_to_mark()});
            return true;
        case empty_dict:
            push({.kind = PickleKind::dict});
            return true;
        case dict: {
            std::vector<PickleId> items = pop_to_mark();
            if (items.size() % 2 != 0) fail("A dictionary of the pickle has a key without a value");
            push({.kind = PickleKind::dict, .items = std::move(items)});
            return true;
        }
        case empty_set:
            push({.kind = PickleKind::set});
            return true;
        case frozenset:
            push({.kind = PickleKind::set, .items = pop_to_mark()});
            return true;
        case append: {
            const PickleId item = pop();
            extend(PickleKind::list, {item});
            return true;
        }
        case appends:
            extend(PickleKind::list, pop_to_mark());
            return true;
        case add_items:
            extend(PickleKind::set, pop_to_mark());
            return true;
        case set_item: {
            const PickleId value = pop(), key = pop();
            extend(PickleKind::dict, {key, value});
            return true;
        }
        case set_items:
            extend(PickleKind::dict, pop_to_mark());
            return true;
        default:
            return false;
    }
}

bool Unpickler::stack_and_memo(PickleCode code) {
    using enum PickleCode;
    switch (code) {
        case protocol:
            if (const int version = number<std::uint8_t>(); version > 5)
                fail("The pickle is of a protocol that is not known", "0 to 5", std::to_string(version));
            return true;
        case frame:
            (void)number<std::uint64_t>();
            return true;  // a hint for readers of streams
        case stop:
            out_.root_ = pop();
            done_ = true;
            return true;
        case mark:
            marks_.push_back(stack_.size());
            return true;
        case pop_mark:
            (void)pop_to_mark();
            return true;
        case pop_value:  // takes the mark where nothing lies above it
            if (!marks_.empty() && stack_.size() == marks_.back())
                marks_.pop_back();
            else
                (void)pop();
            return true;
        case duplicate:
            stack_.push_back(top());
            return true;
        case put_line:
            remember(line_index());
            return true;
        case put1:
            remember(number<std::uint8_t>());
            return true;
        case put4:
            remember(number<std::uint32_t>());
            return true;
        case memoize:
            remember(memo_.size());
            return true;
        case get_line:
            recall(line_index());
            return true;
        case get1:
            recall(number<std::uint8_t>());
            return true;
        case get4:
            recall(number<std::uint32_t>());
            return true;
        default:
            return false;
    }
}

bool Unpickler::objects(PickleCode code) {
    using enum PickleCode;
    switch (code) {
        case global: {
            const std::string module(line());
            push_global(module, line());
            return true;
        }
        case stack_global: {
            const PickleId name = pop(), module = pop();
            if (!out_.is(name, PickleKind::text) || !out_.is(module, PickleKind::text))
                refuse_code("a name that is no text (STACK_GLOBAL)");
            push_global(std::string(out_.text(module)), std::string(out_.text(name)));
            return true;
        }
        case instance: {
            const std::string module(line());
            refuse_global(module, line());
        }
        case reduce_call:
            reduce();
            return true;
        case build_state:
            build();
            return true;
        case persistent: {
            const PickleId id = pop();
            push({.kind = PickleKind::persistent, .items = {id}});
            return true;
        }
        case persistent_line:
            refuse_code("a persistent id that is a text (PERSID)");
        case new_object:
        case new_object_ex:
        case object:
            refuse_code("a new object (NEWOBJ or OBJ)");
        case extension1:
        case extension2:
        case extension4:
            refuse_code("an extension code (EXT), which stands for a name");
        case next_buffer:
        case readonly_buffer:
            refuse_code("a buffer outside the pickle");
        default:
            return false;
    }
}

void Unpickler::execute(PickleCode code) {
    if (numbers(code) || counted(code) || containers(code) || stack_and_memo(code) || objects(code)) return;
    fail("The pickle holds an instruction that does not exist", "",
         "byte " + std::to_string(static_cast<int>(code)));
}

std::string_view Pickle::text(PickleId id) const {
    const PickleValue& value = values_[id];
    return std::string_view(bytes_).substr(value.offset, value.length);
}

std::optional<std::int64_t> Pickle::integer(PickleId id) const {
    const PickleValue& value = values_[id];
    if (value.kind != PickleKind::integer && value.kind != PickleKind::boolean) return std::nullopt;
    return value.integer;
}

std::optional<PickleId> Pickle::find(PickleId dict, std::string_view key) const {
    const PickleValue& value = values_[dict];
    if (value.kind != PickleKind::dict) return std::nullopt;
    for (std::size_t i = value.items.size(); i >= 2; i -= 2)
        if (is(value.items[i - 2], PickleKind::text) && text(value.items[i - 2]) == key)
            return value.items[i - 1];
    return std::nullopt;
}

Pickle read_pickle(const MappedFile& file, std::uint64_t begin, std::uint64_t end,
                   std::span<const PickleGlobal> globals) {
    return Unpickler(file, begin, end, globals).run();
}

}  // namespace deadscope
