// See gguf_pre.h.
#include "core/text/gguf_pre.h"

#include <nlohmann/json.hpp>

#include "core/base/assets.h"
#include "core/base/error.h"
#include "core/base/json.h"
#include "core/base/text.h"

namespace deadscope {

GgufWords gguf_words(const std::string& pre, const std::string& file) {
    constexpr std::string_view path = "assets/tokenizers/gguf.json";
    const Asset* asset = find_asset(path);
    if (!asset) throw Error::resource("the table of GGUF's tokenizers is missing from this build");
    const std::string name(path);
    const nlohmann::json value = parse_json(asset_text(*asset), {.file = name});
    const JsonObject table(value, name);
    const auto kind = table.object("pre").value().text(pre);
    if (!kind)
        throw Error::input("The file's way of cutting text into words is not known",
                           {.file = file,
                            .key = "tokenizer.ggml.pre",
                            .found = printable(pre, 60),
                            .hint = "Give token ids by --tokens FILE.npy, or --random N."});
    const JsonObject words = table.object("kinds").value().object(*kind).value();
    return {.patterns = words.texts("patterns"),
            .nfc = words.boolean("nfc").value_or(false),
            .bytes = words.boolean("bytes").value_or(true),
            .ignore_merges = words.boolean("ignore_merges").value_or(false),
            .add_bos = words.boolean("add_bos").value_or(false)};
}

}  // namespace deadscope
