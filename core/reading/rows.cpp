// See rows.h.
#include "core/reading/rows.h"

#include <algorithm>
#include <filesystem>

#include "core/base/error.h"
#include "core/base/npz.h"
#include "core/base/text.h"
#include "core/checkpoint/file_kind.h"
#include "core/checkpoint/open_format.h"

namespace deadscope {
namespace {

std::optional<Precision> precision_of(NpyType type) {
    if (type == NpyType::f2) return Precision::f16;
    if (type == NpyType::f4) return Precision::f32;
    if (type == NpyType::f8) return Precision::f64;
    return std::nullopt;
}

std::optional<Precision> precision_of(DType type) {
    if (type == DType::f16) return Precision::f16;
    if (type == DType::bf16) return Precision::bf16;
    if (type == DType::f32) return Precision::f32;
    if (type == DType::f64) return Precision::f64;
    return std::nullopt;
}

class NpySource final : public ArraySource {
public:
    explicit NpySource(const std::string& path) : array_(NpyArray::open(path)) {}
    const std::vector<std::int64_t>& shape() const override { return array_.shape(); }
    std::uint64_t elements() const override { return array_.elements(); }
    std::string type_text() const override { return array_.type_text(); }
    std::optional<Precision> precision() const override { return precision_of(array_.type()); }
    const std::string& name() const override { return name_; }
    void read(std::span<double> out) override {
        array_.read(at_, out);
        at_ += out.size();
    }

private:
    NpyArray array_;
    std::string name_;
    std::uint64_t at_ = 0;
};

class NpzSource final : public ArraySource {
public:
    NpzSource(std::shared_ptr<const NpzFile> file, std::string name)
        : name_(std::move(name)), reader_(std::move(file), name_) {}
    const std::vector<std::int64_t>& shape() const override { return reader_.header().shape; }
    std::uint64_t elements() const override { return reader_.header().elements; }
    std::string type_text() const override { return npy_type_text(reader_.header().type); }
    std::optional<Precision> precision() const override { return precision_of(reader_.header().type); }
    const std::string& name() const override { return name_; }
    void read(std::span<double> out) override { reader_.read(out); }
    std::vector<std::string> warnings() const override {
        std::string warning = reader_.file().warning();
        if (warning.empty()) return {};
        return {std::move(warning)};
    }

private:
    std::string name_;
    NpzReader reader_;
};

class TensorSource final : public ArraySource {
public:
    TensorSource(std::unique_ptr<WeightsFile> file, TensorInfo tensor)
        : file_(std::move(file)), tensor_(std::move(tensor)) {}
    const std::vector<std::int64_t>& shape() const override { return tensor_.shape; }
    std::uint64_t elements() const override { return tensor_.elements; }
    std::string type_text() const override { return std::string(dtype_name(tensor_.dtype)); }
    std::optional<Precision> precision() const override { return precision_of(tensor_.dtype); }
    const std::string& name() const override { return tensor_.name; }
    void read(std::span<double> out) override {
        file_->read(tensor_, {at_, out.size()}, out);
        at_ += out.size();
    }
    std::vector<std::string> warnings() const override { return file_->warnings(); }

private:
    std::unique_ptr<WeightsFile> file_;
    TensorInfo tensor_;
    std::uint64_t at_ = 0;
};

[[noreturn]] void choose_one(const ArrayName& array, const std::vector<std::string>& names,
                             std::size_t rank) {
    throw Error::input(array.name.empty() ? "The file does not hold exactly one array that could be meant"
                                          : "The file holds no array of that name",
                       {.file = array.file,
                        .key = array.name,
                        .expected = array.name.empty() ? "one array of " + std::to_string(rank) +
                                                             " or more axes, or its name"
                                                       : "one of the names in the file",
                        .found = names.empty() ? "none" : join(names, ", "),
                        .hint = array.name.empty() ? "Name one of them." : ""});
}

std::unique_ptr<ArraySource> open_npz(const ArrayName& array, std::size_t rank) {
    const auto file = NpzFile::open(array.file);
    if (!array.name.empty() && file->has(array.name)) return std::make_unique<NpzSource>(file, array.name);
    if (!array.name.empty()) choose_one(array, file->names(), rank);
    std::unique_ptr<ArraySource> found;
    for (const std::string& name : file->names()) {
        auto source = std::make_unique<NpzSource>(file, name);
        if (source->shape().size() < rank) continue;
        if (found) choose_one(array, file->names(), rank);
        found = std::move(source);
    }
    if (!found) choose_one(array, file->names(), rank);
    return found;
}

std::unique_ptr<ArraySource> open_tensor(const ArrayName& array, std::size_t rank) {
    std::unique_ptr<WeightsFile> file = open_format(MappedFile::open(array.file));
    std::vector<const TensorInfo*> fitting;
    std::vector<std::string> names;
    for (const TensorInfo& tensor : file->tensors()) {
        const bool fits = array.name.empty() ? tensor.shape.size() >= rank && is_floating(tensor.dtype)
                                             : tensor.name == array.name;
        if (fits) fitting.push_back(&tensor);
        if (names.size() < 12) names.push_back(tensor.name);
    }
    if (fitting.size() != 1) choose_one(array, names, rank);
    TensorInfo tensor = *fitting.front();
    return std::make_unique<TensorSource>(std::move(file), std::move(tensor));
}

std::vector<ArrayInfo> arrays_of_npz(const std::string& path) {
    const auto file = NpzFile::open(path);
    std::vector<ArrayInfo> out;
    for (const std::string& name : file->names()) {
        if (out.size() == arrays_listed) break;
        try {
            const NpzSource source(file, name);
            if (source.precision()) out.push_back({name, source.type_text(), source.shape()});
        } catch (const Error&) {
            // Objects and text, which are not read.
        }
    }
    return out;
}

std::vector<ArrayInfo> arrays_of_weights(const std::shared_ptr<const MappedFile>& mapped) {
    std::vector<ArrayInfo> out;
    const std::unique_ptr<WeightsFile> file = open_format(mapped);
    for (const TensorInfo& tensor : file->tensors()) {
        if (out.size() == arrays_listed) break;
        if (precision_of(tensor.dtype) && !tensor.shape.empty())
            out.push_back({tensor.name, std::string(dtype_name(tensor.dtype)), tensor.shape});
    }
    return out;
}

// A zip is NumPy's where it holds arrays, else PyTorch's.
bool is_npz(const MappedFile& file) {
    return file_kind(file) == FileKind::zip && !file.path().ends_with(".bin") &&
           !file.path().ends_with(".pt") && !file.path().ends_with(".pth") && !file.path().ends_with(".ckpt");
}

}  // namespace

ArrayName ArrayName::parse(const std::string& text) {
    std::error_code error;
    const std::size_t colon = text.rfind(':');
    if (colon == std::string::npos || colon == 0 || std::filesystem::exists(text, error)) return {text, {}};
    const std::string file = text.substr(0, colon);
    if (!std::filesystem::exists(file, error)) return {text, {}};
    return {file, text.substr(colon + 1)};
}

bool holds_arrays(const std::string& path) {
    std::error_code error;
    if (!std::filesystem::is_regular_file(path, error)) return false;
    const auto file = MappedFile::open(path);
    return file_kind(*file) == FileKind::numpy || is_npz(*file);
}

std::unique_ptr<ArraySource> open_array(const ArrayName& array, std::size_t rank) {
    const auto file = MappedFile::open(array.file);
    if (is_npz(*file)) return open_npz(array, rank);
    const bool numpy = file_kind(*file) == FileKind::numpy || array.file.ends_with(".npy");
    if (!numpy) return open_tensor(array, rank);
    if (!array.name.empty())
        throw Error::input("An .npy file holds one array, without a name",
                           {.file = array.file, .found = "the name " + array.name});
    return std::make_unique<NpySource>(array.file);
}

std::vector<ArrayInfo> list_arrays(const std::string& file) {
    const auto mapped = MappedFile::open(file);
    if (is_npz(*mapped)) return arrays_of_npz(file);
    if (file_kind(*mapped) != FileKind::numpy && !file.ends_with(".npy")) return arrays_of_weights(mapped);
    const NpySource source(file);
    if (!source.precision()) return {};
    return {{"", source.type_text(), source.shape()}};
}

}  // namespace deadscope
