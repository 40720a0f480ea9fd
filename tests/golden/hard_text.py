"""Texts on which tokenizers go wrong, as bytes: many scripts, marks, joiners, code, odd spaces, bytes that are no
UTF-8. Written for this purpose; used by make_tokenizers.py and by tests/peers/tokenizer_fuzz.py."""

STRINGS = [
    "",
    " ",
    "a",
    "Hello, world! It's a test; don't you think we've tested? I'll say they're fine, he'd say so, I'm sure.",
    "HELLO, WORLD! IT'S DON'T WE'VE I'LL THEY'RE",
    "  two leading, three trailing   ",
    "tabs\tand\t\ttabs, lines\nand\r\nlines\n\n\nend\n",
    "\n", "\r\n\r\n", " \n \n ", "\t", "   \n\t  x", "x \n", "x  \n  y", "a\u00a0b\u2009c\u3000d\u202fe\u205ff\u1680g\u0085h",
    "zero\u200bwidth\u200cnon\u200djoin\ufeffbom\u00adsoft\u2060word", "nul\x00in\x00side", "\x00", "\x01\x02\x1f\x7f\x80\x9f",
    "naïve café résumé Ünïcödé straße ẞ ﬁ ﬂ ŉ ǆ ǅ Ǆ İstanbul ıI ſ K Å", "nai\u0308ve cafe\u0301 e\u0301\u0323\u0304 o\u0328\u0304",
    "Größenwahn, Übermut und süße Mäuse: »Grüß Gott«, sagte er – „na ja“ …",
    "L'été, l'œuvre, où ça? Aujourd'hui c'est Noël; voilà «déjà» l'année 2024.",
    "¿Qué tal, señor? ¡Mañana será otro día! El pingüino comió ñoquis.",
    "Привет, мир! Съешь ещё этих мягких французских булок, да выпей чаю. Й й ё",
    "Γειά σου Κόσμε, ΟΔΥΣΣΕΎΣ Ὀδυσσεύς ᾳ ᾼ ὖ άέήίόύώ ΐ",
    "שָׁלוֹם עוֹלָם בְּרֵאשִׁית בָּרָא אֱלֹהִים", "مرحبا بالعالم! اَلسَّلَامُ عَلَيْكُمْ ﷺ ﷲ ١٢٣٤٥ ۱۲۳",
    "नमस्ते दुनिया! क्षत्रिय ज्ञान श्री हिन्दी में लिखना १२३४", "আমার সোনার বাংলা", "வணக்கம் உலகம்", "ਸਤਿ ਸ੍ਰੀ ਅਕਾਲ", "ಕನ್ನಡ ಭಾಷೆ", "മലയാളം",
    "สวัสดีชาวโลก ภาษาไทยไม่มีวรรคระหว่างคำ น้ำ กำ", "ສະບາຍດີ", "မင်္ဂလာပါ", "ជំរាបសួរ", "བཀྲ་ཤིས་བདེ་ལེགས།",
    "你好，世界！今天天气很好，我们去公园散步吧。二〇二四年㈱㍿㌔", "こんにちは世界。カタカナ・ひらがな、ｶﾀｶﾅ ﾊﾟ ー々〆 がぎぐ か\u3099",
    "안녕하세요 세계! 한국어 \u1112\u1161\u11ab\u1100\u1173\u11af 각\u11a8", "𠀀𠮷野家 𪚥 丽 \U0002f800 豈 \uf900",
    "Tiếng Việt: Đây là một câu có nhiều dấu thanh phức tạp.", "Türkçe: Iğdır'ın ılık ırmağı, İĞDIR", "Íslenska þæöð Łódź żółw Čeština ř",
    "👍🏽 👨‍👩‍👧‍👦 🏳️‍🌈 🇩🇪🇫🇷 ❤️ ☺︎ 1️⃣ 👩🏿‍🚀🧑‍🤝‍🧑", "😀😃😄😁😆😅😂🤣", "e\u0301\u0301\u0301\u0301 Z̴̢̧̛͓a̷̡l̸̨g̷o̶", "ａｂｃ　ＡＢＣ　１２３！", "ⅣⅫ ⅳ ² ³ ½ ¾ ① ⑳ Ⓐ ⓐ 🄰 ㋿ ㏀",
    "def f(x: int) -> str:\n    return f\"{x!r:>10}\"  # comment\n\n\nclass A(B):\n\tpass\n", "for (int i = 0; i < n; ++i) { a[i] += b[i] << 2; } // ok\r\n",
    '{"key": [1, 2.5, -3e10, true, null], "nested": {"a\\"b": "\\u00e9\\n"}}', "SELECT * FROM t WHERE x >= 1_000 AND y != 'it''s';",
    "https://example.org/path?q=1&r=%20x#frag user@host.example C:\\dir\\file.txt ~/.config", "$x^2 + \\frac{1}{2}\\sum_{i=0}^{n} \\alpha_i$ ∑∫√∞≠≤ ∂x/∂y 𝒜𝔅ℂ𝟘",
    "1234567890 12 345 6789 0.001 1,234,567 3.14159e-10 0x1F 007 1e5 2024-01-31T23:59:59Z", "١٢٣ १२३ ๑๒๓ 一二三 ½¼ ²³", "!!!???...---___***&&&###", "(((([[[[{{{{<<<<>>>>}}}}]]]]))))",
    "``quoted'' ''twice'' \"straight\" ‘curly’ “double”", "a_b __init__ _x x_ camelCaseWord SCREAMING_SNAKE kebab-case-word", "<s> </s> <unk> <pad> <mask> [CLS] [SEP] [MASK] [UNK] [PAD] <|endoftext|> ▁ ▁▁ ##ing",
    "glued<s>to</s>words<mask>and [MASK]here[MASK] <mask> . <|endoftext|><|endoftext|>", "Added added ADDED addedword addeds  added  , newtok-newtok newtoken",
    "the the the them then other THE", "\u0301starts with a mark", " \u0301 mark on a space", "\u200d\u200d", "\ufe0f", "\U000e0067\U000e0062", "\ud7ff\ue000\ufffd\uffff\U0010ffff",
    "ǰ ΐ ẖ ﬀ ﬃ ﬅ ᾳ ẞ", "ＨＴＭＬ５ ㍻ ﹏ ︵ ‥ … ‰ № ℡ ™ ㎏", "a" * 300, "ab" * 200, " " * 130 + "x", "\n" * 60, "=" * 150, "é" * 120, "字" * 130, "🙂" * 40, "9" * 100, "a " * 100, "\u0301" * 60, "'" * 20, "x" * 99 + " " + "x" * 100 + " " + "x" * 101,
    "one two  three   four    five     six", "word\n\nword\n \nword", "end with space ", "end with nbsp\u00a0", "’s ’t 's 'S 'T 'LL 'Re 'ſ", "mid·dot ‿ ⁀ ﹍ tie", "\u2028line\u2029para", "\u180emvs", "㌀ ㌁ ½ﬀ",
]
BYTES = [b"\xff", b"abc\xffdef", b"\xc3", b"\xc3(", b"\xe2\x82", b"\xe2\x82x", b"\xf0\x9f\x98", b"\xf0\x9f\x98\xf0\x9f\x98\x80", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf8\x88\x80\x80\x80", b"\xf4\x90\x80\x80", b"\x80\x80 ok \xfe\xfe", b"good \xe4\xbd\xa0\xe5 bad", b"\xef\xbb\xbfbom first"]

TEXTS = [text.encode("utf-8") for text in STRINGS] + BYTES
