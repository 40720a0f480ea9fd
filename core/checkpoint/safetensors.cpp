// The header's rules are those of the format's own reader (SafeTensorError of huggingface/safetensors).
#include "core/checkpoint/safetensors.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "core/base/checked.h"
#include "core/base/error.h"
#include "core/base/json.h"
#include "core/base/text.h"
#include "core/checkpoint/dtype.h"
#include "core/checkpoint/element_range.h"
#include "core/checkpoint/file_kind.h"
#include "core/checkpoint/file_range.h"

namespace deadscope {
namespace {

constexpr std::uint64_t header_limit = 100'000'000;  // bytes; the format's own bound
constexpr std::size_t name_limit = 1024, rank_limit = 16;

[[noreturn]] void cut_short(const MappedFile& file, std::uint64_t needed) {
    throw Error::input("The safetensors file is cut short, as a download that did not finish leaves it",
                       {.file = file.path(),
                        .expected = "at least " + std::to_string(needed) + " bytes",
                        .found = std::to_string(file.size()),
                        .hint = "Download the file again."});
}

// The header's text, once the file is known to hold it.
std::string read_header(const MappedFile& file) {
    const std::string start = file.text(0, std::min<std::uint64_t>(file.size(), 64));
    const auto not_safetensors = [&](FileKind kind) {
        const std::string words = file_kind_words(kind);
        throw Error::input("This is not a safetensors file",
                           {.file = file.path(),
                            .expected = "a length and a JSON header",
                            .found = words.empty() ? "bytes of another format" : words,
                            .hint = file_kind_hint(kind)});
    };
    std::uint64_t length = 0;
    if (start.size() >= sizeof(length)) std::memcpy(&length, start.data(), sizeof(length));
    const bool header_follows = start.size() > 8 && start[8] == '{' && length <= header_limit;
    if (!header_follows) {
        const FileKind kind = file_kind(file);
        if (kind != FileKind::unknown && kind != FileKind::safetensors) not_safetensors(kind);
        if (start.size() <= 8) cut_short(file, 9);
        if (length > header_limit) {
            throw Error::input("This is not a safetensors file, or its header is too long",
                               {.file = file.path(),
                                .offset = 0,
                                .expected = "a header of at most " + std::to_string(header_limit) + " bytes",
                                .found = std::to_string(length)});
        }
        not_safetensors(FileKind::unknown);
    }
    if (length > file.size() - 8) cut_short(file, 8 + length);
    return file.text(8, length);
}

[[noreturn]] void bad_tensor(const MappedFile& file, const std::string& name, std::string_view what,
                             std::string expected, std::string found) {
    throw Error::input(
        what, {.file = file.path(), .key = name, .expected = std::move(expected), .found = std::move(found)});
}

TensorInfo read_entry(const MappedFile& file, const std::string& name, const nlohmann::json& value,
                      std::uint64_t buffer_start) {
    if (name.empty() || name.size() > name_limit) {
        bad_tensor(file, name, "A tensor's name has an impossible length",
                   "1 to " + std::to_string(name_limit) + " bytes", std::to_string(name.size()));
    }
    const JsonObject entry(value, file.path(), name);
    for (const char* key : {"dtype", "shape", "data_offsets"}) {
        if (!entry.has(key)) entry.missing(key, "dtype, shape and data_offsets");
    }
    TensorInfo tensor;
    tensor.name = name;
    const std::string dtype = *entry.text("dtype");
    const auto known = dtype_from_name(dtype);
    if (!known)
        bad_tensor(file, name, "A tensor's dtype is not one of the format", "F32, F16, BF16, I64 or the like",
                   dtype);
    tensor.dtype = *known;
    tensor.shape = entry.integers("shape");
    const auto elements = checked_elements(tensor.shape);
    const auto bits = elements ? checked_multiply(*elements, dtype_bits(tensor.dtype)) : std::nullopt;
    if (tensor.shape.size() > rank_limit || !bits || *bits % 8 != 0) {
        bad_tensor(file, name, "A tensor's shape is impossible",
                   "extents that are not negative and whose product fits", shape_text(tensor.shape));
    }
    const auto offsets = entry.integers("data_offsets");
    if (offsets.size() != 2 || offsets[0] < 0 || offsets[1] < offsets[0])
        entry.wrong("data_offsets", "[begin, end], begin <= end");
    tensor.elements = *elements;
    tensor.bytes = static_cast<std::uint64_t>(offsets[1] - offsets[0]);
    if (tensor.bytes != *bits / 8) {
        bad_tensor(file, name, "A tensor's data does not fit its shape and dtype",
                   std::to_string(*bits / 8) + " bytes for " + std::string(dtype_name(tensor.dtype)) + " " +
                       shape_text(tensor.shape),
                   std::to_string(tensor.bytes));
    }
    const auto begin = checked_add(buffer_start, static_cast<std::uint64_t>(offsets[0]));
    if (!begin) entry.wrong("data_offsets", "a place inside the file");
    tensor.offset = *begin;
    return tensor;
}

// Sorted by place, each tensor must begin where the one before it ended, and the last must end with the file.
void check_cover(const MappedFile& file, std::vector<TensorInfo>& tensors, std::uint64_t buffer_start) {
    std::ranges::sort(tensors, [](const TensorInfo& a, const TensorInfo& b) {
        return std::tie(a.offset, a.bytes, a.name) < std::tie(b.offset, b.bytes, b.name);
    });
    std::uint64_t end = buffer_start;
    for (const TensorInfo& tensor : tensors) {
        const std::string place = "to begin at byte " + std::to_string(end - buffer_start) + " of the buffer";
        const std::string found = std::to_string(tensor.offset - buffer_start);
        if (tensor.offset < end) bad_tensor(file, tensor.name, "Two tensors overlap", place, found);
        if (tensor.offset > end)
            bad_tensor(file, tensor.name, "The buffer has a hole before a tensor", place, found);
        end = tensor.offset + tensor.bytes;  // cannot overflow: data_offsets[1] was a positive int64
        if (end > file.size()) {
            throw Error::input(
                "A tensor's data lies beyond the end of the file: the file is cut short or its header is "
                "wrong",
                {.file = file.path(),
                 .key = tensor.name,
                 .expected = "a file of at least " + std::to_string(end) + " bytes",
                 .found = std::to_string(file.size()),
                 .hint = "Download the file again."});
        }
    }
    if (end != file.size()) {
        throw Error::input("The file holds bytes that no tensor accounts for",
                           {.file = file.path(),
                            .offset = end,
                            .expected = "the file to end here",
                            .found = std::to_string(file.size() - end) + " bytes more"});
    }
}

std::vector<TensorInfo> read_tensors(const MappedFile& file) {
    const std::string header = read_header(file);
    const nlohmann::json json =
        parse_json(header, {.file = file.path(), .offset = 8, .max_depth = 8, .require_utf8 = true});
    const std::uint64_t buffer_start = 8 + header.size();
    std::vector<TensorInfo> tensors;
    for (const auto& [name, value] : json.items()) {
        if (name != "__metadata__") {
            tensors.push_back(read_entry(file, name, value, buffer_start));
            continue;
        }
        const JsonObject metadata(value, file.path(), name);
        for (const std::string& key : metadata.keys()) (void)metadata.text(key);
    }
    check_cover(file, tensors, buffer_start);
    return tensors;
}

// Thread rule: immutable; read() may be called from any thread.
class SafetensorsFile final : public WeightsFile {
public:
    explicit SafetensorsFile(std::shared_ptr<const MappedFile> file)
        : file_(std::move(file)), tensors_(read_tensors(*file_)) {}

    const std::string& path() const override { return file_->path(); }
    std::uint64_t size() const override { return file_->size(); }
    const std::vector<TensorInfo>& tensors() const override { return tensors_; }
    void read(const TensorInfo& tensor, ElementRange range, std::span<float> out) const override {
        convert(tensor, range, out);
    }
    void read(const TensorInfo& tensor, ElementRange range, std::span<double> out) const override {
        convert(tensor, range, out);
    }
    void read_rows(const TensorInfo& tensor, const StridedRange& range, float* out,
                   std::size_t out_stride) const override {
        convert_rows(tensor, range, out, out_stride);
    }
    void read_rows(const TensorInfo& tensor, const StridedRange& range, double* out,
                   std::size_t out_stride) const override {
        convert_rows(tensor, range, out, out_stride);
    }
    bool gives_stored(const TensorInfo& tensor) const override { return is_readable(tensor.dtype); }
    void stored(const TensorInfo& tensor, ElementRange range, std::span<std::byte> out) const override {
        const std::uint64_t size = dtype_bits(tensor.dtype) / 8;
        check_read(file_->path(), tensor, range, out.size() / size);
        std::byte* const to = out.data();
        file_->visit(tensor.offset + range.first * size, range.count * size, tensor.name,
                     [=](std::span<const std::byte> bytes) { std::ranges::copy(bytes, to); });
    }
    void prefetch(const TensorInfo& tensor, ElementRange range) const override {
        file_->read_ahead(file_range(tensor, range));
    }
    void release(const TensorInfo& tensor, ElementRange range) const override {
        file_->let_go(file_range(tensor, range));
    }

private:
    template <class To>
    void convert(const TensorInfo& tensor, ElementRange range, std::span<To> out) const {
        const DType dtype = tensor.dtype;
        check_read(file_->path(), tensor, range, out.size());
        const std::uint64_t size = dtype_bits(dtype) / 8;
        To* const to = out.data();
        if (dtype == DType::f4) {
            const std::uint64_t begin = range.first / 2, end = (range.first + range.count + 1) / 2;
            file_->visit(tensor.offset + begin, end - begin, tensor.name,
                         [=, first = range.first % 2, count = range.count](std::span<const std::byte> bytes) {
                             convert_f4(bytes.data(), first, count, to);
                         });
            return;
        }
        file_->visit(tensor.offset + range.first * size, range.count * size, tensor.name,
                     [=, count = range.count](std::span<const std::byte> bytes) {
                         convert_elements(dtype, bytes.data(), count, to);
                     });
    }

    template <class To>
    void convert_rows(const TensorInfo& tensor, const StridedRange& range, To* out,
                      std::size_t out_stride) const {
        const DType dtype = tensor.dtype;
        const std::uint64_t size = dtype_bits(dtype) / 8, extent = range.extent();
        check_read(file_->path(), tensor, {range.first, extent}, extent);
        file_->visit(tensor.offset + range.first * size, extent * size, tensor.name,
                     [=](std::span<const std::byte> bytes) {
                         for (std::uint64_t i = 0; i < range.rows; ++i)
                             convert_elements(dtype, bytes.data() + i * range.stride * size, range.width,
                                              out + i * out_stride);
                     });
    }

    std::shared_ptr<const MappedFile> file_;
    std::vector<TensorInfo> tensors_;
};

}  // namespace

std::unique_ptr<WeightsFile> open_safetensors(std::shared_ptr<const MappedFile> file) {
    return std::make_unique<SafetensorsFile>(std::move(file));
}

}  // namespace deadscope
