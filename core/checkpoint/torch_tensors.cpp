// Arguments of torch/_utils.py's builders, read as data.
#include "core/checkpoint/torch_tensors.h"

#include <algorithm>
#include <set>

#include "core/base/checked.h"
#include "core/base/error.h"
#include "core/base/text.h"
#include "core/checkpoint/torch_globals.h"

namespace deadscope {
namespace {

constexpr std::size_t name_limit = 1024, rank_limit = 16, wrapper_limit = 4;

// Where trainers keep the state dict, the likelier first.
constexpr std::string_view usual_keys[] = {
    "state_dict", "model_state_dict", "model_state", "model", "module",    "net",
    "network",    "weights",          "params",      "ema",   "model_ema", "state_dict_ema"};
constexpr int nesting_limit = 4;

// Thread rule: one thread.
class TensorReader {
public:
    TensorReader(const Pickle& pickle, const std::string& file) : pickle_(pickle), file_(file) {}

    // The call that builds a tensor, behind the parameters that wrap it; nothing where it is none.
    struct Builder {
        TorchRole role;
        PickleId arguments;
    };
    std::optional<Builder> builder(PickleId id) const;
    TorchTensor read(const std::string& name, const Builder& builder) const;

private:
    [[noreturn]] void fail(const std::string& name, std::string_view what, std::string expected = {},
                           std::string found = {}) const {
        throw Error::input(
            what, {.file = file_, .key = name, .expected = std::move(expected), .found = std::move(found)});
    }
    const std::vector<PickleId>& items(PickleId id) const { return pickle_[id].items; }
    std::vector<std::int64_t> extents(PickleId id, const std::string& name) const;
    void place(TorchTensor& tensor) const;

    const Pickle& pickle_;
    const std::string& file_;
};

std::optional<TensorReader::Builder> TensorReader::builder(PickleId id) const {
    for (std::size_t depth = 0; depth < wrapper_limit && pickle_.is(id, PickleKind::call); ++depth) {
        const PickleId arguments = items(id)[1];
        const TorchRole role = torch_name(pickle_, items(id)[0]).role;
        if (role == TorchRole::tensor || role == TorchRole::tensor_of_dtype) return Builder{role, arguments};
        const std::vector<PickleId>& given = items(arguments);
        if (role == TorchRole::tensor_subclass && given.size() >= 3) {
            if (!pickle_.is(given[0], PickleKind::global) || !pickle_.is(given[2], PickleKind::tuple))
                return std::nullopt;
            const TorchRole inner = torch_name(pickle_, given[0]).role;
            if (inner != TorchRole::tensor && inner != TorchRole::tensor_of_dtype) return std::nullopt;
            return Builder{inner, given[2]};
        }
        if (role != TorchRole::parameter || given.empty()) return std::nullopt;
        id = given[0];
    }
    return std::nullopt;
}

// A tuple of whole numbers, or torch.Size of one.
std::vector<std::int64_t> TensorReader::extents(PickleId id, const std::string& name) const {
    if (pickle_.is(id, PickleKind::call) && torch_name(pickle_, items(id)[0]).role == TorchRole::size &&
        items(items(id)[1]).size() == 1)
        id = items(items(id)[1])[0];
    const bool sequence = pickle_.is(id, PickleKind::tuple) || pickle_.is(id, PickleKind::list);
    if (!sequence || items(id).size() > rank_limit)
        fail(name, "A tensor's shape or strides are no short tuple of numbers");
    std::vector<std::int64_t> out;
    for (const PickleId item : items(id)) {
        const auto value = pickle_.integer(item);
        if (!value || *value < 0)
            fail(name, "A tensor's shape or strides are impossible", "whole numbers that are not negative",
                 value ? std::to_string(*value) : std::string("no number"));
        out.push_back(*value);
    }
    return out;
}

TorchTensor TensorReader::read(const std::string& name, const Builder& builder) const {
    const std::vector<PickleId>& given = items(builder.arguments);
    const bool with_dtype = builder.role == TorchRole::tensor_of_dtype;
    if (given.size() < (with_dtype ? 7u : 4u)) fail(name, "A tensor's builder lacks arguments");
    const auto storage = storage_ref(pickle_, given[0]);
    if (!storage) fail(name, "A tensor is not a view of a storage");
    const auto offset = pickle_.integer(given[1]);
    if (!offset || *offset < 0) fail(name, "A tensor's offset is no number, or negative");
    TorchTensor tensor{.name = name,
                       .dtype = storage->dtype,
                       .shape = extents(given[2], name),
                       .strides = extents(given[3], name),
                       .offset = static_cast<std::uint64_t>(*offset),
                       .storage = *storage};
    if (with_dtype) {
        if (!pickle_.is(given[6], PickleKind::global) ||
            torch_name(pickle_, given[6]).role != TorchRole::dtype)
            fail(name, "A tensor's dtype is none");
        tensor.dtype = torch_name(pickle_, given[6]).dtype;
    } else if (!storage->typed) {
        fail(name, "A tensor of bytes does not say what they are", "a dtype");
    }
    const std::size_t metadata = with_dtype ? 7 : 6;  // "neg" and "conj": views that change the values
    if (given.size() > metadata && pickle_.is(given[metadata], PickleKind::dict) &&
        !items(given[metadata]).empty())
        fail(name, "A tensor is a negated or conjugated view, which is not read", "no such mark");
    place(tensor);
    return tensor;
}

// Checks that the last element lies inside the storage, and fills elements and needed.
void TensorReader::place(TorchTensor& tensor) const {
    if (tensor.strides.size() != tensor.shape.size())
        fail(tensor.name, "A tensor's strides do not fit its shape", shape_text(tensor.shape),
             shape_text(tensor.strides));
    const std::uint64_t size = dtype_bits(tensor.dtype) / 8;
    const auto storage_bytes =
        checked_multiply(tensor.storage.elements, dtype_bits(tensor.storage.dtype) / 8);
    const auto elements = checked_elements(tensor.shape);
    std::optional<std::uint64_t> last = tensor.offset;
    for (std::size_t i = 0; i < tensor.shape.size() && last; ++i) {
        const auto extent = static_cast<std::uint64_t>(std::max<std::int64_t>(tensor.shape[i], 1));
        const auto reach = checked_multiply(extent - 1, static_cast<std::uint64_t>(tensor.strides[i]));
        last = reach ? checked_add(*last, *reach) : std::nullopt;
    }
    const auto end = last ? checked_add(*last, 1) : std::nullopt;
    const auto needed = end ? checked_multiply(*end, size) : std::nullopt;
    const bool bytes_fit = elements && checked_multiply(*elements, size).has_value();
    const bool empty = elements && *elements == 0;
    if (!bytes_fit || !storage_bytes || (!empty && (!needed || *needed > *storage_bytes)))
        fail(tensor.name, "A tensor reaches beyond its storage",
             storage_bytes ? std::to_string(*storage_bytes) + " bytes" : "a storage that fits into a file",
             "shape " + shape_text(tensor.shape) + ", strides " + shape_text(tensor.strides) + ", offset " +
                 std::to_string(tensor.offset));
    tensor.elements = *elements;
    tensor.needed = empty ? 0 : *needed;
    if (empty) tensor.offset = 0;
}

bool holds_tensors(const Pickle& pickle, const TensorReader& reader, PickleId dict) {
    const auto& items = pickle[dict].items;
    for (std::size_t i = 0; i + 1 < items.size(); i += 2)
        if (pickle.is(items[i], PickleKind::text) && reader.builder(items[i + 1])) return true;
    return false;
}

// The dictionary under one of the usual keys, its own dictionaries first; else the one given, where it holds
// tensors.
std::optional<PickleId> state_dict_in(const Pickle& pickle, const TensorReader& reader, PickleId dict,
                                      int depth) {
    if (depth == nesting_limit || !pickle.is(dict, PickleKind::dict)) return std::nullopt;
    for (const std::string_view key : usual_keys) {
        const auto value = pickle.find(dict, key);
        const auto found = value ? state_dict_in(pickle, reader, *value, depth + 1) : std::nullopt;
        if (found) return found;
    }
    if (holds_tensors(pickle, reader, dict)) return dict;
    return std::nullopt;
}

[[noreturn]] void no_state_dict(const Pickle& pickle, const std::string& file) {
    std::vector<std::string> keys;
    const PickleValue& root = pickle[pickle.root()];
    for (std::size_t i = 0; root.kind == PickleKind::dict && i + 1 < root.items.size() && i < 16; i += 2)
        if (pickle.is(root.items[i], PickleKind::text))
            keys.emplace_back(pickle.text(root.items[i]).substr(0, 40));
    throw Error::input("The file holds no dictionary of named tensors",
                       {.file = file,
                        .expected = "a state dict, alone or under a key such as state_dict or model",
                        .found = keys.empty() ? "none" : "the keys " + join(keys, ", "),
                        .hint = "Save it with torch.save(model.state_dict(), file)."});
}

// The only dictionary of tensors among the values, whatever its key.
PickleId find_state_dict(const Pickle& pickle, const TensorReader& reader, const std::string& file) {
    if (const auto found = state_dict_in(pickle, reader, pickle.root(), 0)) return *found;
    std::set<PickleId> others;
    const PickleValue& root = pickle[pickle.root()];
    for (std::size_t i = 0; root.kind == PickleKind::dict && i + 1 < root.items.size(); i += 2)
        if (pickle.is(root.items[i + 1], PickleKind::dict) &&
            holds_tensors(pickle, reader, root.items[i + 1]))
            others.insert(root.items[i + 1]);
    if (others.size() != 1) no_state_dict(pickle, file);
    return *others.begin();
}

// Wrappers for several devices and for compiling put their own name before every tensor's.
void strip_wrappers(std::vector<TorchTensor>& tensors) {
    for (int round = 0; round < nesting_limit && !tensors.empty(); ++round) {
        for (const std::string_view prefix : {"module.", "_orig_mod."}) {
            if (!std::ranges::all_of(tensors, [&](const TorchTensor& t) {
                    return t.name.starts_with(prefix) && t.name.size() > prefix.size();
                }))
                continue;
            for (TorchTensor& tensor : tensors) tensor.name.erase(0, prefix.size());
        }
    }
}

}  // namespace

std::optional<StorageRef> storage_ref(const Pickle& pickle, PickleId persistent) {
    if (!pickle.is(persistent, PickleKind::persistent)) return std::nullopt;
    const std::vector<PickleId>& id = pickle[pickle[persistent].items[0]].items;
    if (id.size() < 5 || pickle.text(id[0]) != "storage" || !pickle.is(id[1], PickleKind::global) ||
        !pickle.is(id[2], PickleKind::text))
        return std::nullopt;
    const TorchName& type = torch_name(pickle, id[1]);
    const auto elements = pickle.integer(id[4]);
    const bool is_storage = type.role == TorchRole::storage || type.role == TorchRole::untyped_storage;
    if (!is_storage || !elements || *elements < 0) return std::nullopt;
    StorageRef out{.key = std::string(pickle.text(id[2])),
                   .typed = type.role == TorchRole::storage,
                   .dtype = type.dtype,
                   .elements = static_cast<std::uint64_t>(*elements)};
    out.root_size = out.elements;
    if (id.size() > 5 && !pickle.is(id[5], PickleKind::none)) {  // (key, first, elements) of a view
        const std::vector<PickleId>& view = pickle[id[5]].items;
        const auto first = view.size() == 3 ? pickle.integer(view[1]) : std::nullopt;
        const auto count = view.size() == 3 ? pickle.integer(view[2]) : std::nullopt;
        const auto end =
            first && count && *first >= 0 && *count >= 0
                ? checked_add(static_cast<std::uint64_t>(*first), static_cast<std::uint64_t>(*count))
                : std::nullopt;
        if (!end || *end > out.root_size) return std::nullopt;
        out.first = static_cast<std::uint64_t>(*first);
        out.elements = static_cast<std::uint64_t>(*count);
    }
    return out;
}

std::vector<TorchTensor> torch_tensors(const Pickle& pickle, const std::string& file) {
    const TensorReader reader(pickle, file);
    if (const auto alone = reader.builder(pickle.root())) return {reader.read("tensor", *alone)};
    const std::vector<PickleId>& items = pickle[find_state_dict(pickle, reader, file)].items;
    std::vector<TorchTensor> out;
    std::set<std::string> seen;
    for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
        const auto builder = reader.builder(items[i + 1]);
        if (!builder || !pickle.is(items[i], PickleKind::text)) continue;
        const std::string name(pickle.text(items[i]));
        if (name.empty() || name.size() > name_limit)
            throw Error::input("A tensor's name has an impossible length",
                               {.file = file, .key = name, .found = std::to_string(name.size())});
        if (!seen.insert(name).second)
            throw Error::input("A tensor stands twice in the state dict, so its value is not certain",
                               {.file = file, .key = name});
        out.push_back(reader.read(name, *builder));
    }
    strip_wrappers(out);
    return out;
}

}  // namespace deadscope
