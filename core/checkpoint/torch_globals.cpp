// Storage and dtype names of torch (torch/storage.py, torch/serialization.py), builders of torch/_utils.py.
#include "core/checkpoint/torch_globals.h"

#include <array>

namespace deadscope {
namespace {

using enum TorchRole;
constexpr auto callable = PickleGlobal::Use::callable;
constexpr auto dictionary = PickleGlobal::Use::dictionary;

constexpr TorchName builder(std::string_view name, TorchRole role) {
    return {{"torch._utils", name, callable}, role};
}
constexpr TorchName storage_of(std::string_view name, DType dtype) {
    return {{"torch", name}, storage, dtype};
}
constexpr TorchName type_of(std::string_view name, DType type) {
    return {{"torch", name}, TorchRole::dtype, type};
}

constexpr TorchName names[] = {
    {{"collections", "OrderedDict", dictionary}, ordered_dict},
    {{"torch", "Size", callable}, size},
    builder("_rebuild_tensor", tensor),
    builder("_rebuild_tensor_v2", tensor),
    builder("_rebuild_tensor_v3", tensor_of_dtype),
    builder("_rebuild_parameter", parameter),
    builder("_rebuild_parameter_with_state", parameter),
    {{"torch._tensor", "_rebuild_from_type_v2", callable}, tensor_subclass},
    {{"torch", "Tensor"}, of_no_consequence},
    {{"torch.nn.parameter", "Parameter"}, of_no_consequence},
    {{"torch.serialization", "_get_layout", callable}, of_no_consequence},
    {{"torch", "device", callable}, of_no_consequence},
    storage_of("DoubleStorage", DType::f64),
    storage_of("FloatStorage", DType::f32),
    storage_of("HalfStorage", DType::f16),
    storage_of("BFloat16Storage", DType::bf16),
    storage_of("LongStorage", DType::i64),
    storage_of("IntStorage", DType::i32),
    storage_of("ShortStorage", DType::i16),
    storage_of("CharStorage", DType::i8),
    storage_of("ByteStorage", DType::u8),
    storage_of("BoolStorage", DType::boolean),
    storage_of("ComplexFloatStorage", DType::c64),
    storage_of("ComplexDoubleStorage", DType::c128),
    {{"torch", "UntypedStorage"}, untyped_storage, DType::u8},
    {{"torch.storage", "UntypedStorage"}, untyped_storage, DType::u8},
    {{"torch.storage", "_UntypedStorage"}, untyped_storage, DType::u8},
    type_of("float64", DType::f64),
    type_of("float32", DType::f32),
    type_of("float16", DType::f16),
    type_of("bfloat16", DType::bf16),
    type_of("int64", DType::i64),
    type_of("int32", DType::i32),
    type_of("int16", DType::i16),
    type_of("int8", DType::i8),
    type_of("uint64", DType::u64),
    type_of("uint32", DType::u32),
    type_of("uint16", DType::u16),
    type_of("uint8", DType::u8),
    type_of("bool", DType::boolean),
    type_of("complex64", DType::c64),
    type_of("complex128", DType::c128),
    type_of("float8_e4m3fn", DType::f8_e4m3),
    type_of("float8_e5m2", DType::f8_e5m2),
    type_of("float8_e4m3fnuz", DType::f8_e4m3fnuz),
    type_of("float8_e5m2fnuz", DType::f8_e5m2fnuz),
    type_of("float8_e8m0fnu", DType::f8_e8m0),
};

constexpr auto globals = [] {
    std::array<PickleGlobal, std::size(names)> out;
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = names[i].global;
    return out;
}();

}  // namespace

std::span<const PickleGlobal> torch_globals() {
    return globals;
}

const TorchName& torch_name(const Pickle& pickle, PickleId id) {
    return names[static_cast<std::size_t>(pickle[id].integer)];
}

}  // namespace deadscope
