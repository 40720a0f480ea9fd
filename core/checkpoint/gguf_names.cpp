// See gguf_names.h.
#include "core/checkpoint/gguf_names.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/checkpoint/gguf_latent.h"

namespace deadscope {
namespace {

using nlohmann::json;

constexpr std::int64_t expert_limit = 65536;

void replace(std::string& text, std::string_view mark, const std::string& with) {
    if (const std::size_t at = text.find(mark); at != std::string::npos) text.replace(at, mark.size(), with);
}

// The table's entry for a tensor: by its whole name, or without .weight and .bias, which then stay.
struct Entry {
    const json* value = nullptr;
    std::string ending;
};
Entry find_entry(const json& tensors, const std::string& pattern) {
    if (const auto whole = tensors.find(pattern); whole != tensors.end()) return {&*whole, ""};
    for (const std::string ending : {".weight", ".bias"}) {
        if (!pattern.ends_with(ending)) continue;
        const auto stem = tensors.find(pattern.substr(0, pattern.size() - ending.size()));
        if (stem != tensors.end()) return {&*stem, ending};
    }
    return {};
}

RowOrder order_of(const GgufModel& model, const json& entry, const TensorInfo& tensor) {
    RowOrder order;
    if (!entry.is_object() || !entry.contains("rows")) return order;
    const bool groups = entry["rows"] == "groups";
    order.kind = groups ? RowOrder::Kind::groups : RowOrder::Kind::pairs;
    const auto heads = model.heads(entry.value("heads", "attention.head_count"));
    const auto kv = groups ? model.heads("attention.head_count_kv") : 0;
    const std::int64_t rows = tensor.shape.empty() ? 0 : tensor.shape.front();
    const std::int64_t parts = groups ? heads + 2 * kv : heads;
    const bool fits = rows > 0 && rows % parts == 0 && (groups ? heads % kv == 0 : rows / parts % 2 == 0);
    if (!fits) {
        throw Error::input("A tensor's rows do not fit the number of heads",
                           {.file = model.path(),
                            .key = tensor.name,
                            .expected = "rows for " + std::to_string(parts) + " heads",
                            .found = shape_text(tensor.shape)});
    }
    order.heads = static_cast<std::uint64_t>(heads);
    order.kv_heads = static_cast<std::uint64_t>(kv);
    order.head_rows = static_cast<std::uint64_t>(rows / parts);
    return order;
}

// [parts, ...] as that many tensors, "{e}" in the name their number.
void take_apart(const TensorInfo& whole, const std::string& mark, std::vector<GgufTensor>& out) {
    const auto parts = static_cast<std::uint64_t>(whole.shape.front());
    for (std::uint64_t part = 0; part < parts; ++part) {
        TensorInfo one = whole;
        replace(one.name, mark, std::to_string(part));
        one.shape.erase(one.shape.begin());
        one.elements = whole.elements / parts;
        one.bytes = whole.bytes / parts;
        one.offset = whole.offset + part * one.bytes;
        out.push_back({std::move(one), {}, {}});
    }
}

// The tensor of the same part, block and ending that an entry names beside its own.
const TensorInfo* partner(const GgufHeader& part, const Entry& entry, const char* key, std::int64_t block) {
    if (!entry.value->is_object() || !entry.value->contains(key)) return nullptr;
    std::string name = entry.value->at(key).get<std::string>() + entry.ending;
    replace(name, "{i}", std::to_string(block));
    const auto found = std::ranges::find(part.tensors, name, &TensorInfo::name);
    return found == part.tensors.end() ? nullptr : &*found;
}

void translate(const GgufModel& model, const GgufHeader& part, const TensorInfo& tensor,
               std::vector<GgufTensor>& out) {
    const GgufName split = split_gguf_name(tensor.name);
    const Entry entry = find_entry(model.table()["tensors"], split.pattern);
    if (entry.value == nullptr) {
        out.push_back({tensor, {}, {}});
        return;
    }
    if (partner(part, entry, "keys", split.block) != nullptr) return;  // joined where the keys stand
    TensorInfo info = tensor;
    info.name = entry.value->is_string() ? entry.value->get<std::string>()
                                         : entry.value->at("name").get<std::string>();
    info.name += entry.ending;
    replace(info.name, "{i}", std::to_string(split.block));
    if (const TensorInfo* values = partner(part, entry, "values", split.block)) {
        TensorInfo whole = joined_latent(*part.file, tensor, *values);
        whole.name = info.name;
        out.push_back({std::move(whole), {}, std::pair(tensor, *values)});
        return;
    }
    const char* const mark = info.name.find("{h}") != std::string::npos ? "{h}" : "{e}";
    if (info.name.find(mark) == std::string::npos) {
        out.push_back({info, order_of(model, *entry.value, tensor), {}});
        return;
    }
    const std::int64_t parts = tensor.shape.empty() ? 0 : tensor.shape.front();
    const bool sane = parts >= 1 && parts <= expert_limit && tensor.bytes > 0 && tensor.shape.size() > 1;
    if (sane) take_apart(info, mark, out);
    if (!sane) out.push_back({tensor, {}, {}});
}

}  // namespace

std::vector<GgufTensor> family_tensors(const GgufModel& model, const GgufHeader& part) {
    std::vector<GgufTensor> out;
    const bool known = model.table().is_object() && model.table().contains("tensors");
    for (const TensorInfo& tensor : part.tensors) {
        // Factors of the rotary frequencies are in the configuration by now (gguf_rope): no tensor of the
        // model.
        if (known && tensor.name.starts_with("rope_f")) continue;
        if (known) {
            translate(model, part, tensor, out);
        } else {
            out.push_back({tensor, {}, {}});
        }
    }
    return out;
}

}  // namespace deadscope
