// See prose.h.
#include "core/reading/prose.h"

#include "core/base/assets.h"
#include "core/base/error.h"

namespace deadscope {
namespace {

constexpr std::string_view folder = "assets/text/";

std::vector<std::string_view> paragraphs(std::string_view text) {
    constexpr std::string_view gap = "\n\n";
    std::vector<std::string_view> out;
    while (!text.empty()) {
        const std::size_t end = text.find(gap);
        const std::size_t length = end == std::string_view::npos ? text.size() : end + gap.size();
        out.push_back(text.substr(0, length));
        text.remove_prefix(length);
    }
    return out;
}

}  // namespace

std::string prose() {
    std::vector<std::vector<std::string_view>> texts;
    std::size_t longest = 0;
    for (const Asset& asset : assets()) {
        if (!asset.path.starts_with(folder)) continue;
        texts.push_back(paragraphs(asset_text(asset)));
        longest = std::max(longest, texts.back().size());
    }
    if (texts.empty()) throw Error::resource("the built-in prose is missing from this build");
    std::string out;
    for (std::size_t i = 0; i < longest; ++i)
        for (const auto& text : texts)
            if (i < text.size()) out += text[i];
    return out;
}

std::vector<std::int32_t> prose_tokens(
    const std::function<std::vector<std::int32_t>(std::string_view)>& encode, std::size_t count) {
    const std::vector<std::int32_t> all = encode(prose());
    if (all.empty()) throw Error::input("the tokenizer makes nothing of the built-in prose");
    std::vector<std::int32_t> out;
    out.reserve(count);
    // Steps of the golden section fall on places far from all before.
    constexpr double section = 0.61803398874989484820;
    for (std::size_t turn = 0; out.size() < count; ++turn) {
        const double place = static_cast<double>(turn) * section;
        const auto offset = static_cast<std::size_t>(
            (place - static_cast<double>(static_cast<std::size_t>(place))) * static_cast<double>(all.size()));
        for (std::size_t i = 0; i < all.size() && out.size() < count; ++i)
            out.push_back(all[(offset + i) % all.size()]);
    }
    return out;
}

}  // namespace deadscope
