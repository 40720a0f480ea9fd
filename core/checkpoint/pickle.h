// Python's pickle format (pickletools, protocols 0 to 5), read as data: nothing is imported, called or built.
// A pickle may name only the globals of a list that the caller gives; any other refuses the whole, at the
// place where it is named, whether its value is used or not. What the values mean is the caller's concern.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/mapped_file.h"

namespace deadscope {

enum class PickleKind : std::uint8_t {
    none,
    boolean,
    integer,
    real,
    text,
    bytes,
    tuple,
    list,
    dict,
    set,
    global,
    call,
    persistent
};

// A global that may be named. callable: it may stand before arguments, which makes a value of kind call that
// is recorded and not made. dictionary: it makes a dict (OrderedDict), and may be given attributes.
struct PickleGlobal {
    std::string_view module, name;
    enum class Use { value, callable, dictionary } use = Use::value;
};

using PickleId = std::uint32_t;  // a value is known by its place, so that shared ones are shared

struct PickleValue {
    PickleKind kind = PickleKind::none;
    std::int64_t integer =
        0;  // boolean, integer (saturated beyond 64 bits); global: index into the list given
    double real = 0.0;
    std::uint64_t offset = 0, length = 0;  // text, bytes: in Pickle::bytes
    // tuple, list, set: elements. dict: key, value, key, value. call: callee, arguments. persistent: the id.
    std::vector<PickleId> items{};
};

// Values may share and even hold each other, so whoever walks them bounds his way.
// Thread rule: a value; const members may be called from any thread.
class Pickle {
public:
    const PickleValue& operator[](PickleId id) const { return values_[id]; }
    std::size_t size() const { return values_.size(); }
    PickleId root() const { return root_; }
    std::uint64_t end() const { return end_; }  // byte of the file behind the pickle

    std::string_view text(PickleId id) const;  // of text and bytes; else empty
    bool is(PickleId id, PickleKind kind) const { return values_[id].kind == kind; }
    std::optional<std::int64_t> integer(PickleId id) const;  // of integer and boolean
    // Value of a text key in a dict: the last one, as Python's. Linear: for small dicts.
    std::optional<PickleId> find(PickleId dict, std::string_view key) const;

private:
    friend class Unpickler;
    std::string bytes_;
    std::vector<PickleValue> values_;
    PickleId root_ = 0;
    std::uint64_t end_ = 0;
};

// The pickle that begins at byte `begin` of the file and ends by byte `end`. Errors: a global that is not on
// the list (named), an instruction that would run code or is unknown, one that lacks its operands, more
// values than any checkpoint has.
Pickle read_pickle(const MappedFile& file, std::uint64_t begin, std::uint64_t end,
                   std::span<const PickleGlobal> globals);

}  // namespace deadscope
