// The checkpoint itself: its files' tensors under one roof. Finding the files is open.cpp's and folder.cpp's.
#include "core/checkpoint/checkpoint.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>

#include "core/base/error.h"

namespace deadscope {
namespace {

bool holds_parameters(DType dtype) {
    return is_computable(dtype) || is_quantised(dtype);
}

template <class T>
void read_one_by_one(const WeightsFile& file, const TensorInfo& tensor, const StridedRange& range, T* out,
                     std::size_t out_stride) {
    const std::size_t width = static_cast<std::size_t>(range.width);
    if (range.width == range.stride && width == out_stride)
        return file.read(tensor, {range.first, range.width * range.rows},
                         std::span(out, width * static_cast<std::size_t>(range.rows)));
    for (std::uint64_t i = 0; i < range.rows; ++i)
        file.read(tensor, {range.first + i * range.stride, range.width},
                  std::span(out + i * out_stride, width));
}

}  // namespace

void WeightsFile::read_rows(const TensorInfo& tensor, const StridedRange& range, float* out,
                            std::size_t out_stride) const {
    read_one_by_one(*this, tensor, range, out, out_stride);
}
void WeightsFile::read_rows(const TensorInfo& tensor, const StridedRange& range, double* out,
                            std::size_t out_stride) const {
    read_one_by_one(*this, tensor, range, out, out_stride);
}

std::string shape_text(std::span<const std::int64_t> shape) {
    std::string out = "[";
    for (std::size_t i = 0; i < shape.size(); ++i) out += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
    return out + "]";
}

Checkpoint::Checkpoint(std::string name, std::string source, std::shared_ptr<const nlohmann::json> config,
                       std::vector<std::unique_ptr<WeightsFile>> files)
    : name_(std::move(name)),
      source_(std::move(source)),
      config_(std::move(config)),
      files_(std::move(files)) {
    for (std::size_t f = 0; f < files_.size(); ++f) {
        for (TensorInfo tensor : files_[f]->tensors()) {
            tensor.file = f;
            tensors_.push_back(std::move(tensor));
        }
    }
    by_name_.resize(tensors_.size());
    std::iota(by_name_.begin(), by_name_.end(), std::size_t{0});
    const auto name_at = [this](std::size_t i) -> const std::string& { return tensors_[i].name; };
    std::ranges::sort(by_name_, {}, name_at);
    const auto twice = std::ranges::adjacent_find(by_name_, {}, name_at);
    if (twice == by_name_.end()) return;
    const TensorInfo &one = tensors_[*twice], &other = tensors_[*(twice + 1)];
    throw Error::input("A tensor stands in two files, so its value is not certain",
                       {.file = file_of(one), .key = one.name, .found = "also in " + file_of(other)});
}

Checkpoint::~Checkpoint() = default;
Checkpoint::Checkpoint(Checkpoint&&) noexcept = default;

const nlohmann::json& Checkpoint::config() const {
    static const nlohmann::json none;
    return config_ ? *config_ : none;
}

const TensorInfo* Checkpoint::find(std::string_view name) const {
    const auto name_at = [this](std::size_t i) -> std::string_view { return tensors_[i].name; };
    const auto found = std::ranges::lower_bound(by_name_, name, {}, name_at);
    return found != by_name_.end() && tensors_[*found].name == name ? &tensors_[*found] : nullptr;
}

const std::string& Checkpoint::file_of(const TensorInfo& tensor) const {
    return files_[tensor.file]->path();
}

std::uint64_t Checkpoint::bytes() const {
    std::uint64_t sum = 0;
    for (const auto& file : files_) sum += file->size();
    return sum;
}

std::uint64_t Checkpoint::parameters() const {
    std::uint64_t sum = 0;
    for (const TensorInfo& tensor : tensors_) sum += holds_parameters(tensor.dtype) ? tensor.elements : 0;
    return sum;
}

std::string Checkpoint::dtype() const {
    std::map<DType, std::uint64_t> elements;
    for (const TensorInfo& tensor : tensors_) {
        if (holds_parameters(tensor.dtype)) elements[tensor.dtype] += tensor.elements;
    }
    const auto most = std::ranges::max_element(elements, {}, [](const auto& entry) { return entry.second; });
    return most == elements.end() ? std::string() : std::string(dtype_name(most->first));
}

void Checkpoint::read(const TensorInfo& tensor, ElementRange range, std::span<float> out) const {
    files_[tensor.file]->read(tensor, range, out);
}

void Checkpoint::read(const TensorInfo& tensor, ElementRange range, std::span<double> out) const {
    files_[tensor.file]->read(tensor, range, out);
}

void Checkpoint::read_rows(const TensorInfo& tensor, const StridedRange& range, float* out,
                           std::size_t out_stride) const {
    files_[tensor.file]->read_rows(tensor, range, out, out_stride);
}

void Checkpoint::read_rows(const TensorInfo& tensor, const StridedRange& range, double* out,
                           std::size_t out_stride) const {
    files_[tensor.file]->read_rows(tensor, range, out, out_stride);
}

bool Checkpoint::gives_stored(const TensorInfo& tensor) const {
    return files_[tensor.file]->gives_stored(tensor);
}

void Checkpoint::stored(const TensorInfo& tensor, ElementRange range, std::span<std::byte> out) const {
    files_[tensor.file]->stored(tensor, range, out);
}

void Checkpoint::prefetch(const TensorInfo& tensor, ElementRange range) const {
    files_[tensor.file]->prefetch(tensor, range);
}

void Checkpoint::release(const TensorInfo& tensor, ElementRange range) const {
    files_[tensor.file]->release(tensor, range);
}

std::vector<std::string> Checkpoint::warnings() const {
    std::vector<std::string> out;
    for (const auto& file : files_)
        for (std::string& warning : file->warnings()) out.push_back(std::move(warning));
    return out;
}

std::vector<double> Checkpoint::read_all(const TensorInfo& tensor) const {
    std::vector<double> out(tensor.elements);
    read(tensor, {0, tensor.elements}, out);
    return out;
}

}  // namespace deadscope
