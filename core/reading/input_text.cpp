// See input_text.h.
#include "core/reading/input_text.h"

#include <string_view>

#include "core/base/assets.h"
#include "core/base/error.h"
#include "core/base/mapped_file.h"
#include "core/reading/input_tokens.h"

namespace deadscope {

namespace {

constexpr std::string_view kProse = "assets/text/prose.txt";

ModelInput tokens_from_bytes(const Plan& plan, std::string_view bytes, const std::string& file) {
    if (bytes.empty()) throw Error::input("there is no text to read", {.file = file});
    ModelInput input;
    input.ids.reserve(bytes.size());
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        const auto id = static_cast<std::int32_t>(static_cast<unsigned char>(bytes[i]));
        if (id >= plan.vocabulary)
            throw Error::input("a byte of the text is not in the model's vocabulary",
                               {.file = file,
                                .offset = i,
                                .expected = "0 to " + std::to_string(plan.vocabulary - 1),
                                .found = std::to_string(id)});
        input.ids.push_back(id);
    }
    input.layout = split_at_context(input.ids.size(), static_cast<std::size_t>(plan.context));
    return input;
}

}  // namespace

ModelInput tokens_from_text(const Plan& plan, const InputSettings& settings, const Checkpoint*) {
    const std::string file = settings.kind == InputKind::text ? settings.value : std::string();
    if (!plan.byte_vocabulary)
        throw Error::input("this version has no tokenizer for " + plan.family + " checkpoints",
                           {.file = file, .hint = "give token ids by --tokens FILE.npy, or --random N"});
    if (settings.kind == InputKind::prompt) return tokens_from_bytes(plan, settings.value, {});
    if (!file.empty()) {
        const auto mapped = MappedFile::open(file);
        return tokens_from_bytes(plan, mapped->text(0, mapped->size()), file);
    }
    const Asset* prose = find_asset(kProse);
    if (!prose) throw Error::resource("the built-in prose is missing from this build");
    return tokens_from_bytes(plan, asset_text(*prose), std::string(kProse));
}

}  // namespace deadscope
