// The module deadscope_sentencepiece.so: all that knows the library. Models' files are read and checked by
// the program (sentencepiece_model.h).
#include <sentencepiece_processor.h>

#include "core/base/version.h"
#include "core/text/sentencepiece/entry.h"

namespace deadscope::sentencepiece_module {
namespace {

absl::string_view view(std::string_view text) {
    return {text.data(), text.size()};
}

// Thread rule: as Processor; the library's Encode is const.
class LibraryProcessor final : public Processor {
public:
    std::optional<std::string> load(std::string_view model) override {
        return words(library_.LoadFromSerializedProto(view(model)));
    }
    std::optional<std::string> encode(std::string_view word, std::vector<int>& ids) const override {
        return words(library_.Encode(view(word), &ids));
    }
    std::optional<std::int32_t> find(std::string_view piece) const override {
        const int id = library_.PieceToId(view(piece));
        if (id < 0 || library_.IdToPiece(id) != piece) return std::nullopt;
        return id;
    }
    std::size_t size() const override { return static_cast<std::size_t>(library_.GetPieceSize()); }

private:
    static std::optional<std::string> words(const sentencepiece::util::Status& status) {
        if (status.ok()) return std::nullopt;
        return status.error_message();
    }
    sentencepiece::SentencePieceProcessor library_;
};

}  // namespace
}  // namespace deadscope::sentencepiece_module

extern "C" __attribute__((visibility("default"))) deadscope::sentencepiece_module::Processor*
deadscope_make_sentencepiece(const char* program_version) {
    using deadscope::sentencepiece_module::LibraryProcessor;
    return std::string_view(program_version) == deadscope::version ? new LibraryProcessor : nullptr;
}
