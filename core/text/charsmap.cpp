// See charsmap.h. A unit of the trie: bits 0-7 and 31 the label, bit 8 whether a value hangs below, bits
// 10-30 the offset, bit 9 its scale; a value's unit has bit 31 set.
#include "core/text/charsmap.h"

#include <algorithm>
#include <cstring>

#include "core/base/error.h"
#include "core/text/unicode.h"

namespace deadscope {
namespace {

constexpr std::uint32_t leaf_bit = 1u << 31;

std::uint32_t label(std::uint32_t unit) {
    return unit & (leaf_bit | 0xFF);
}
bool has_value(std::uint32_t unit) {
    return (unit >> 8 & 1) != 0;
}
std::uint32_t value(std::uint32_t unit) {
    return unit & ~leaf_bit;
}
std::uint32_t offset(std::uint32_t unit) {
    return (unit >> 10) << ((unit & (1u << 9)) >> 6);
}

std::string decode_base64(std::string_view text, const PatternSource& source) {
    const auto digit = [](char c) {
        if (c >= 'A' && c <= 'Z') return c - 'A';
        if (c >= 'a' && c <= 'z') return c - 'a' + 26;
        if (c >= '0' && c <= '9') return c - '0' + 52;
        return c == '+' ? 62 : c == '/' ? 63 : -1;
    };
    while (text.ends_with('=')) text.remove_suffix(1);
    std::string out;
    std::uint32_t bits = 0;
    int held = 0;
    for (const char c : text) {
        const int d = digit(c);
        if (d < 0)
            throw Error::input("The tokenizer's character map is not base64",
                               {.file = source.file, .key = source.key});
        bits = (bits << 6 | static_cast<std::uint32_t>(d)) & 0xFFFFFF;
        held += 6;
        if (held < 8) continue;
        held -= 8;
        out += static_cast<char>(static_cast<unsigned char>(bits >> held & 0xFF));
    }
    return out;
}

}  // namespace

Charsmap::Charsmap(std::string_view blob, const PatternSource& source) {
    const auto refuse = [&](const char* what) {
        throw Error::input("The tokenizer's character map is damaged",
                           {.file = source.file, .key = source.key, .found = what});
    };
    if (blob.empty()) return;  // maps nothing
    std::uint32_t bytes = 0;
    if (blob.size() < sizeof bytes) refuse("fewer than 4 bytes");
    std::memcpy(&bytes, blob.data(), sizeof bytes);
    blob.remove_prefix(sizeof bytes);
    if (bytes > blob.size() || bytes % 4 != 0 || bytes == 0) refuse("a trie longer than the map");
    trie_.resize(bytes / 4);
    std::memcpy(trie_.data(), blob.data(), bytes);
    replacements_ = blob.substr(bytes);
    for (std::size_t i = 0; i < trie_.size(); ++i) {
        const std::uint32_t unit = trie_[i];
        if ((unit & leaf_bit) != 0) continue;  // a value, or nothing's: no step goes on from here
        const std::size_t below = i ^ offset(unit);
        if ((below | 0xFF) >= trie_.size()) refuse("a branch that leads out of the trie");
        if (has_value(unit) && value(trie_[below]) >= replacements_.size() && !replacements_.empty())
            refuse("a replacement behind the end");
    }
}

Charsmap Charsmap::from_base64(std::string_view text, const PatternSource& source) {
    return {decode_base64(text, source), source};
}

Charsmap::Match Charsmap::match(std::string_view text, bool longest) const {
    Match found;
    if (trie_.empty()) return found;
    std::size_t node = offset(trie_[0]);
    for (std::size_t i = 0; i < text.size() && text[i] != '\0'; ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        node ^= byte;
        const std::uint32_t unit = trie_[node];
        if (label(unit) != byte) break;
        node ^= offset(unit);
        if (!has_value(unit)) continue;
        const std::string_view rest =
            std::string_view(replacements_)
                .substr(std::min<std::size_t>(value(trie_[node]), replacements_.size()));
        found = {i + 1, rest.substr(0, rest.find('\0'))};
        if (!longest) break;
    }
    return found;
}

std::optional<std::string_view> Charsmap::shortest(std::string_view text) const {
    const Match found = match(text, /*longest=*/false);
    if (found.length == 0) return std::nullopt;
    return found.replacement;
}

std::string Charsmap::normalize_longest(std::string_view text) const {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        Match found = match(text, /*longest=*/true);
        if (found.length == 0) {
            const std::size_t length = character_at(text, 0).length;
            found = {length, text.substr(0, length)};
        }
        out += found.replacement;
        text.remove_prefix(found.length);
    }
    return out;
}

std::string Charsmap::normalize_graphemes(std::string_view text) const {
    constexpr std::size_t short_cluster = 6;  // bytes
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t length = grapheme_length(text, i);
        const std::string_view cluster = text.substr(i, length);
        i += length;
        if (length < short_cluster) {
            if (const auto whole = shortest(cluster)) {
                out += *whole;
                continue;
            }
        }
        for (std::size_t k = 0; k < length;) {
            const std::string_view one = cluster.substr(k, character_at(cluster, k).length);
            out += shortest(one).value_or(one);
            k += one.size();
        }
    }
    return out;
}

std::string single_spaces(std::string_view text) {
    std::string out;
    for (const char c : text)
        if (c != ' ' || (!out.empty() && out.back() != ' ')) out += c;
    if (out.ends_with(' ')) out.pop_back();
    return out;
}

}  // namespace deadscope
