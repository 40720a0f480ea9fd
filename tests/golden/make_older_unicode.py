"""Writes core/text/older_unicode.h: the characters for which the tables inside the `tokenizers` package differ from
utf8proc's, found by asking the package about every character. Needs tokenizers 0.23 and libutf8proc.so.2 (2.8)."""
import ctypes
import pathlib

from tokenizers import normalizers, pre_tokenizers

HEADER = pathlib.Path(__file__).parents[2] / "core/text/older_unicode.h"
utf8proc = ctypes.CDLL("libutf8proc.so.2")
utf8proc.utf8proc_category_string.restype = ctypes.c_char_p
utf8proc.utf8proc_map.argtypes = [ctypes.c_char_p, ctypes.c_ssize_t, ctypes.POINTER(ctypes.c_void_p), ctypes.c_int]
EVERY = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
CATEGORY = {c: utf8proc.utf8proc_category_string(ord(c)).decode() for c in EVERY}


def of_category(*names):
    return {c for c in EVERY if CATEGORY[c] in names or CATEGORY[c][0] in names}


def decomposed(text):
    out, data = ctypes.c_void_p(), text.encode()
    length = utf8proc.utf8proc_map(data, len(data), ctypes.byref(out), 2 | 4 | 16)
    return ctypes.string_at(out, length).decode()


def vanishing(normalizer):
    return {c for c in EVERY if normalizer.normalize_str(c) == ""}


punctuation = pre_tokenizers.Punctuation("removed")
nfkd = normalizers.NFKD()
ascii_symbols = {chr(c) for c in range(33, 127) if not chr(c).isalnum()}
tables = {
    "not_punctuation": (of_category("P") | ascii_symbols) - {c for c in EVERY if not punctuation.pre_tokenize_str(c)},
    "not_other": of_category("Cc", "Cf", "Co") - {"\t", "\n", "\r"}
                 - vanishing(normalizers.BertNormalizer(True, False, False, False)),
    "not_nonspacing": of_category("Mn") - vanishing(normalizers.BertNormalizer(False, False, True, False)),
    "not_mark": of_category("M") - vanishing(normalizers.StripAccents()),
    "not_decomposed": {c for c in EVERY if decomposed(c) != nfkd.normalize_str(c)},
}

text = """// Characters that utf8proc knows and the older tables inside the `tokenizers` package do not: its ids are the
// ones that models were trained on. Written by tests/golden/make_older_unicode.py.
#pragma once

#include <array>

namespace deadscope::older_unicode {

struct Range {
    char32_t first, last;
};
"""
for name, characters in tables.items():
    ranges = []
    for code in sorted(map(ord, characters)):
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    rows = ", ".join(f"{{0x{a:X}, 0x{b:X}}}" for a, b in ranges)
    text += f"\ninline constexpr std::array<Range, {len(ranges)}> {name}{{{{{rows}}}}};\n"
HEADER.write_text(text + "\n}  // namespace deadscope::older_unicode\n")
