// Tensors of a PyTorch file as views of its storages, whichever kind of file it is.
#include "core/checkpoint/torch.h"

#include <algorithm>
#include <numeric>

#include "core/base/checked.h"
#include "core/base/error.h"
#include "core/checkpoint/dtype.h"
#include "core/checkpoint/element_range.h"
#include "core/checkpoint/file_kind.h"
#include "core/checkpoint/file_range.h"
#include "core/checkpoint/strided.h"
#include "core/checkpoint/torch_storages.h"
#include "core/checkpoint/torch_tensors.h"

namespace deadscope {
namespace {

// A view may repeat its elements (stride 0); one that claims more than this beyond its file is a trap.
constexpr std::uint64_t repeated_limit = 256u << 20;  // bytes

std::unique_ptr<TorchStorages> open_storages(std::shared_ptr<const MappedFile> file, bool check_entries) {
    const FileKind kind = file_kind(*file);
    if (kind == FileKind::zip) return open_torch_zip(std::move(file), check_entries);
    if (kind == FileKind::pickle) return open_torch_stream(std::move(file));
    throw Error::input(
        "This is not a PyTorch checkpoint",
        {.file = file->path(),
         .expected = "a zip archive or PyTorch's stream of pickles",
         .found = kind == FileKind::unknown ? "bytes of another format" : file_kind_words(kind),
         .hint = file_kind_hint(kind)});
}

// Thread rule: immutable; read() may be called from any thread.
class TorchFile final : public WeightsFile {
public:
    TorchFile(std::shared_ptr<const MappedFile> file, bool check_entries)
        : file_(std::move(file)), storages_(open_storages(file_, check_entries)) {
        views_ = torch_tensors(storages_->pickle(), file_->path());
        for (const TorchTensor& view : views_) infos_.push_back(info_of(view));
        by_name_.resize(infos_.size());
        std::iota(by_name_.begin(), by_name_.end(), std::size_t{0});
        std::ranges::sort(by_name_, {},
                          [this](std::size_t i) -> const std::string& { return infos_[i].name; });
    }

    const std::string& path() const override { return file_->path(); }
    std::uint64_t size() const override { return file_->size(); }
    const std::vector<TensorInfo>& tensors() const override { return infos_; }
    void read(const TensorInfo& tensor, ElementRange range, std::span<float> out) const override {
        convert(tensor, range, out);
    }
    void read(const TensorInfo& tensor, ElementRange range, std::span<double> out) const override {
        convert(tensor, range, out);
    }
    void prefetch(const TensorInfo& tensor, ElementRange range) const override {
        file_->read_ahead(file_range(tensor, range));
    }
    bool gives_stored(const TensorInfo& tensor) const override {
        const TorchTensor& view = view_of(tensor);
        return is_readable(view.dtype) && is_contiguous(view.shape, view.strides);
    }
    void stored(const TensorInfo& tensor, ElementRange range, std::span<std::byte> out) const override {
        const TorchTensor& view = view_of(tensor);
        const std::uint64_t item = dtype_bits(view.dtype) / 8;
        check_read(file_->path(), tensor, range, out.size() / item);
        std::byte* const to = out.data();
        storages_->visit(view.storage.key, {begin_in_storage(view) + range.first * item, range.count * item},
                         tensor.name,
                         [to](std::span<const std::byte> bytes) { std::ranges::copy(bytes, to); });
    }
    void release(const TensorInfo& tensor, ElementRange range) const override {
        file_->let_go(file_range(tensor, range));
    }
    std::vector<std::string> warnings() const override {
        std::string warning = storages_->warning();
        if (warning.empty()) return {};
        return {std::move(warning)};
    }

private:
    [[noreturn]] void bad_tensor(const TorchTensor& view, std::string_view what, std::string expected,
                                 std::string found) const {
        throw Error::input(what, {.file = file_->path(),
                                  .key = view.name,
                                  .expected = std::move(expected),
                                  .found = std::move(found)});
    }

    static std::uint64_t begin_in_storage(const TorchTensor& view) {
        return view.storage.first * (dtype_bits(view.storage.dtype) / 8) +
               view.offset * (dtype_bits(view.dtype) / 8);
    }

    // Errors: a storage that is not there or not as long as the pickle says.
    TensorInfo info_of(const TorchTensor& view) const {
        const std::uint64_t item = dtype_bits(view.dtype) / 8;
        const auto size = storages_->size(view.storage.key);
        const std::uint64_t needed = view.storage.root_size * (dtype_bits(view.storage.dtype) / 8);
        if (!size && view.elements > 0)
            bad_tensor(view, "A tensor's storage is missing from the file", "storage " + view.storage.key,
                       "none");
        if (size && *size < needed)
            bad_tensor(view, "A tensor's storage is shorter than the pickle says",
                       std::to_string(needed) + " bytes", std::to_string(*size));
        const std::uint64_t bytes = view.elements * item;
        if (bytes > needed && bytes - needed > file_->size() + repeated_limit)
            bad_tensor(view, "A tensor repeats its storage more often than any checkpoint does",
                       "a tensor of about " + std::to_string(needed) + " bytes", std::to_string(bytes));
        TensorInfo info{.name = view.name,
                        .dtype = view.dtype,
                        .shape = view.shape,
                        .elements = view.elements,
                        .bytes = bytes};
        if (size) info.offset = storages_->expected_place(view.storage.key) + begin_in_storage(view);
        return info;
    }

    const TorchTensor& view_of(const TensorInfo& tensor) const {
        const auto name_at = [this](std::size_t i) -> const std::string& { return infos_[i].name; };
        const auto found = std::ranges::lower_bound(by_name_, tensor.name, {}, name_at);
        if (found == by_name_.end() || name_at(*found) != tensor.name)
            throw Error::input("A tensor of another file was asked for",
                               {.file = file_->path(), .key = tensor.name});
        return views_[*found];
    }

    template <class To>
    void convert(const TensorInfo& tensor, ElementRange range, std::span<To> out) const {
        check_read(file_->path(), tensor, range, out.size());
        if (range.count == 0) return;
        const TorchTensor& view = view_of(tensor);
        const std::uint64_t begin = begin_in_storage(view), item = dtype_bits(view.dtype) / 8;
        const DType dtype = view.dtype;
        To* const to = out.data();
        if (is_contiguous(view.shape, view.strides)) {
            storages_->visit(view.storage.key, {begin + range.first * item, range.count * item}, tensor.name,
                             [=, count = range.count](std::span<const std::byte> bytes) {
                                 convert_elements(dtype, bytes.data(), count, to);
                             });
            return;
        }
        const StridedLayout layout{view.shape.data(), view.strides.data(), view.shape.size()};
        storages_->visit(
            view.storage.key, {begin, view.needed - view.offset * item}, tensor.name,
            [=](std::span<const std::byte> bytes) { gather(layout, range, dtype, bytes.data(), to); });
    }

    std::shared_ptr<const MappedFile> file_;
    std::unique_ptr<TorchStorages> storages_;
    std::vector<TorchTensor> views_;
    std::vector<TensorInfo> infos_;  // of views_, in its order
    std::vector<std::size_t> by_name_;
};

}  // namespace

std::unique_ptr<WeightsFile> open_torch(std::shared_ptr<const MappedFile> file, bool check_entries) {
    return std::make_unique<TorchFile>(std::move(file), check_entries);
}

}  // namespace deadscope
