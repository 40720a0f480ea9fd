// One part of a GGUF file as a WeightsFile; header, names, configuration and blocks are read by the files
// beside this one.
#include "core/checkpoint/gguf.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/base/error.h"
#include "core/checkpoint/file_range.h"
#include "core/checkpoint/gguf_config.h"
#include "core/checkpoint/gguf_latent.h"
#include "core/checkpoint/gguf_model.h"
#include "core/checkpoint/gguf_names.h"
#include "core/checkpoint/gguf_tokenizer.h"

namespace deadscope {
namespace {

// Thread rule: immutable; read() may be called from any thread.
class GgufFile final : public WeightsFile {
public:
    GgufFile(std::shared_ptr<const GgufModel> model, std::size_t part,
             std::shared_ptr<const nlohmann::json> config)
        : model_(std::move(model)), part_(part), config_(std::move(config)) {
        for (GgufTensor& tensor : family_tensors(*model_, header())) {
            tensors_.push_back(tensor.info);
            if (tensor.order.kind != RowOrder::Kind::stored || tensor.latent)
                unlike_stored_.emplace(tensors_.back().name, std::move(tensor));
        }
    }

    const std::string& path() const override { return header().file->path(); }
    std::uint64_t size() const override { return header().file->size(); }
    const std::vector<TensorInfo>& tensors() const override { return tensors_; }
    void read(const TensorInfo& tensor, ElementRange range, std::span<float> out) const override {
        read_any(tensor, range, out);
    }
    void read(const TensorInfo& tensor, ElementRange range, std::span<double> out) const override {
        read_any(tensor, range, out);
    }
    bool gives_stored(const TensorInfo& tensor) const override {
        const auto found = unlike_stored_.find(tensor.name);
        return is_readable(tensor.dtype) && !tensor.shape.empty() &&
               (found == unlike_stored_.end() || !found->second.latent);
    }
    void stored(const TensorInfo& tensor, ElementRange range, std::span<std::byte> out) const override {
        const auto found = unlike_stored_.find(tensor.name);
        stored_gguf(*header().file, tensor, found == unlike_stored_.end() ? RowOrder{} : found->second.order,
                    range, out);
    }
    void prefetch(const TensorInfo& tensor, ElementRange range) const override {
        header().file->read_ahead(file_range(tensor, range));
    }
    void release(const TensorInfo& tensor, ElementRange range) const override {
        header().file->let_go(file_range(tensor, range));
    }
    std::optional<EmbeddedTokenizer> tokenizer() const override {
        return part_ == 0 ? gguf_tokenizer(header().metadata) : std::nullopt;
    }
    std::shared_ptr<const nlohmann::json> configuration() const override { return config_; }

private:
    const GgufHeader& header() const { return model_->parts()[part_]; }
    template <class To>
    void read_any(const TensorInfo& tensor, ElementRange range, std::span<To> out) const {
        const auto found = unlike_stored_.find(tensor.name);
        if (found == unlike_stored_.end()) {
            read_gguf(*header().file, tensor, {}, range, out);
        } else if (const auto& latent = found->second.latent) {
            read_latent(*header().file, latent->first, latent->second, range, out);
        } else {
            read_gguf(*header().file, tensor, found->second.order, range, out);
        }
    }

    std::shared_ptr<const GgufModel> model_;
    std::size_t part_;
    std::shared_ptr<const nlohmann::json> config_;  // of the first part; null for the others
    std::vector<TensorInfo> tensors_;
    std::map<std::string, GgufTensor, std::less<>> unlike_stored_;  // by name: rows moved, or joined
};

// "-00002-of-00003.gguf": where it begins in the name, and how many parts there are.
struct PartEnding {
    std::size_t begin;
    unsigned count;
};
std::optional<PartEnding> part_ending(std::string_view name) {
    constexpr std::string_view ending = ".gguf", pattern = "-00000-of-00000";
    if (!name.ends_with(ending) || name.size() <= ending.size() + pattern.size()) return std::nullopt;
    const std::size_t begin = name.size() - ending.size() - pattern.size();
    const std::string_view text = name.substr(begin, pattern.size());
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        const bool digit = text[i] >= '0' && text[i] <= '9';
        if (pattern[i] == '0' ? !digit : text[i] != pattern[i]) return std::nullopt;
    }
    unsigned count = 0;
    std::from_chars(text.data() + 10, text.data() + 15, count);
    return count == 0 ? std::nullopt : std::optional(PartEnding{begin, count});
}

}  // namespace

std::unique_ptr<WeightsFile> open_gguf(std::shared_ptr<const MappedFile> file) {
    return std::move(open_gguf_parts({std::move(file)}).front());
}

std::vector<std::unique_ptr<WeightsFile>> open_gguf_parts(
    std::vector<std::shared_ptr<const MappedFile>> parts) {
    std::vector<GgufHeader> headers;
    headers.reserve(parts.size());
    for (auto& part : parts) headers.push_back(read_gguf_header(std::move(part)));
    const auto model = std::make_shared<const GgufModel>(std::move(headers));
    const auto config = std::make_shared<const nlohmann::json>(gguf_config(*model));
    std::vector<std::unique_ptr<WeightsFile>> files;
    for (std::size_t i = 0; i < model->parts().size(); ++i)
        files.push_back(std::make_unique<GgufFile>(model, i, i == 0 ? config : nullptr));
    return files;
}

std::vector<std::string> gguf_part_names(std::string_view file_name) {
    const auto ending = part_ending(file_name);
    if (!ending) return {std::string(file_name)};
    const auto five = [](unsigned number) {
        const std::string digits = std::to_string(number);
        return std::string(5 - digits.size(), '0') + digits;
    };
    std::vector<std::string> names;
    for (unsigned i = 1; i <= ending->count; ++i) {
        names.push_back(std::string(file_name.substr(0, ending->begin)) + "-" + five(i) + "-of-" +
                        five(ending->count) + ".gguf");
    }
    return names;
}

}  // namespace deadscope
