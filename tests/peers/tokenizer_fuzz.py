"""Random tokenizers and random texts, through the package `tokenizers` and through deadscope: where ids differ.

    ninja -C build/release deadscope_tokenizer_ids
    python3 tests/peers/tokenizer_fuzz.py build/release/tests/deadscope_tokenizer_ids [--rounds 200] [--seed 0]
    python3 tests/peers/tokenizer_fuzz.py ... --file tokenizer.json      # random texts through one tokenizer

Each round takes a tokenizer of tests/golden/tokenizers, gives it another normalizer, pre-tokenizer, post-processor
or other added tokens, and encodes some hundred texts. Random characters are of Unicode 3.2: PCRE2's, utf8proc's and
the package's tables are of different years. Left out is also what the package itself has no certain answer to: two
added tokens that a normalizer makes the same, or makes empty."""
import argparse
import json
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import unicodedata

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "golden"))
import hard_text  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402

GOLDEN = HERE.parent / "golden/tokenizers"
WORDS = [w for t in hard_text.STRINGS if len(t) < 250 for w in t.split(" ") if w]
LETTERS = [c for t in hard_text.STRINGS for c in t]
ADDED = ["<s>", "</s>", "<mask>", "[MASK]", "the", "newtok", "newtoken", "  ", " ", "Added", "é", "É", "e\u0301", "ab", "abab", "\n", "<|x|>", "1", "字", "🙂", "'s"]
REGEXES = [r"\s+", r"\d", r"\p{L}+", r"[^\w\s]", r"\s+(?!\S)|\s+", r" ?\p{L}+", r"(?i:'s|'t|ll)", r"\p{N}{1,3}", r"[\r\n]", r"\w+|[^\w\s]+", r"(?<=a)b", r"[^\S\n]+", r"\b", "",
           r"\p{Han}", r"[A-Z][a-z]*|[^A-Z]+", r"\p{Lu}+(?=\p{Ll})", r"(?>a+)b|a", r"[\p{M}\p{P}]+", r"^.", r".$", r"\h+", r"a|ab", r"(?m:.+)", r"x*", r"\W", r"[^\W\d_]+", r"\S+?", r"[[:alpha:]&&[^a-f]]+"]


def pick(random_, depth, kinds):
    make = random_.choice(kinds)
    return make(random_, depth)


def pattern(r):
    return {"Regex": r.choice(REGEXES)} if r.random() < 0.7 else {"String": r.choice([" ", "a", "ab", "\n", ".", "é", "  ", "字"])}


def normalizer(r, depth=0):
    kind = r.choice(["NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Nmt", "Strip", "Replace", "Prepend", "BertNormalizer"] + ["Sequence"] * 3 * (depth < 2))
    flag = lambda: r.random() < 0.5  # noqa: E731
    more = {"Strip": lambda: {"strip_left": flag(), "strip_right": flag()},
            "Replace": lambda: {"pattern": pattern(r), "content": r.choice(["", "▁", " ", "xy", "é"])},
            "Prepend": lambda: {"prepend": r.choice(["▁", " ", "ab"])},
            "BertNormalizer": lambda: {"clean_text": flag(), "handle_chinese_chars": flag(), "strip_accents": r.choice([True, False, None]), "lowercase": flag()},
            "Sequence": lambda: {"normalizers": [normalizer(r, depth + 1) for _ in range(r.randrange(4))]}}
    return {"type": kind, **more.get(kind, dict)()}


def pre_tokenizer(r, depth=0):
    kind = r.choice(["ByteLevel", "Whitespace", "WhitespaceSplit", "BertPreTokenizer", "Metaspace", "Split", "Split", "Split", "Punctuation", "Digits",
                     "CharDelimiterSplit", "FixedLength"] + ["Sequence"] * 4 * (depth < 2))
    flag = lambda: r.random() < 0.5  # noqa: E731
    behaviour = lambda: r.choice(["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"])  # noqa: E731
    more = {"ByteLevel": lambda: {"add_prefix_space": flag(), "trim_offsets": flag(), "use_regex": flag()},
            # "first" follows offsets into the original text, which are kept here for its start alone.
            "Metaspace": lambda: {"replacement": "▁", "prepend_scheme": r.choice(["always", "never"] + ["first"] * (depth == 0)), "split": flag()},
            "Split": lambda: {"pattern": pattern(r), "behavior": behaviour(), "invert": flag()},
            "Punctuation": lambda: {"behavior": behaviour()},
            "Digits": lambda: {"individual_digits": flag()},
            "CharDelimiterSplit": lambda: {"delimiter": r.choice(" ,e字")},
            "FixedLength": lambda: {"length": r.randrange(1, 9)},
            "Sequence": lambda: {"pretokenizers": [pre_tokenizer(r, depth + 1) for _ in range(r.randrange(1, 4))]}}
    return {"type": kind, **more.get(kind, dict)()}


def added(r):
    words = r.sample(ADDED, r.randrange(6))
    return [{"id": 0, "content": w, "single_word": r.random() < 0.3, "lstrip": r.random() < 0.3, "rstrip": r.random() < 0.3,
             "normalized": r.random() < 0.5, "special": r.random() < 0.5} for w in words]


def random_tokenizer(r, states):
    state = json.loads(r.choice(states))
    # Ids of added tokens are given anew by both.
    if r.random() < 0.6:
        state["added_tokens"] = state["added_tokens"] + added(r)
    if r.random() < 0.6:
        state["normalizer"] = r.choice([None, normalizer(r)])
    if r.random() < 0.6:
        state["pre_tokenizer"] = r.choice([None, pre_tokenizer(r), pre_tokenizer(r)])
    drop_ambiguous(state)
    if r.random() < 0.3 and state["model"]["type"] == "BPE":
        state["model"]["ignore_merges"] = r.random() < 0.5
        state["model"]["fuse_unk"] = r.random() < 0.5
    return state


def drop_ambiguous(state):
    bare = Tokenizer.from_str(json.dumps(state | {"added_tokens": []}))
    kept = {}
    for token in state["added_tokens"]:
        form = bare.normalizer.normalize_str(token["content"]) if bare.normalizer and token["normalized"] else token["content"]
        if form:
            kept.setdefault((form, token["normalized"]), token)
    state["added_tokens"] = list({t["content"]: t for t in kept.values()}.values())


def is_old(character):
    return unicodedata.ucd_3_2_0.category(character) != "Cn" and not 0xD800 <= ord(character) < 0xE000


def random_character(r):
    if r.random() < 0.6:
        return r.choice(LETTERS)
    while True:
        character = chr(r.choice([r.randrange(0x250), r.randrange(0x3000), r.randrange(0x10000), r.randrange(0x20000)]))
        if is_old(character):
            return character


def random_text(r):
    kind = r.random()
    if kind < 0.3:
        text = "".join(random_character(r) for _ in range(r.randrange(1, 60)))
    elif kind < 0.8:
        text = r.choice([" ", "", "  ", "\n"]).join(r.choice(WORDS + ADDED) for _ in range(r.randrange(1, 14)))
    elif kind < 0.9:
        text = r.choice(LETTERS + [" ", "a"]) * r.randrange(1, 300)
    else:
        raw = bytearray(" ".join(r.choice(WORDS) for _ in range(5)).encode())
        for _ in range(r.randrange(1, 6)):
            raw[r.randrange(len(raw))] = r.randrange(256)
        return bytes(raw)
    return text.encode("utf-8", "replace")


def ours(program, folder, texts, special):
    data = b"".join(struct.pack("<I", len(t)) + t for t in texts)
    done = subprocess.run([program, folder] + ["--special"] * special, input=data, capture_output=True)
    if done.returncode != 0:
        return done.stderr.decode("utf-8", "replace") or f"exit status {done.returncode}"
    out, answers, at = done.stdout, [], 0
    while at < len(out):
        count, = struct.unpack_from("<I", out, at)
        at += 4
        if count == 0xFFFFFFFF:
            length, = struct.unpack_from("<I", out, at)
            answers.append(out[at + 4:at + 4 + length].decode())
            at += 4 + length
        else:
            answers.append(list(struct.unpack_from(f"<{count}i", out, at)))
            at += 4 * count
    return answers


def theirs(tokenizer, text, special):
    try:
        return tokenizer.encode(text.decode("utf-8", "replace"), add_special_tokens=special).ids
    except BaseException as error:  # the package panics on some
        return str(error) or "refused"


def compare(program, folder, texts, special):
    """The number of differences, each printed."""
    state = (pathlib.Path(folder) / "tokenizer.json").read_text()
    try:
        tokenizer = Tokenizer.from_str(state)
    except BaseException as error:
        tokenizer = None
        refusal = str(error)
    tokenizer and tokenizer.no_padding()
    tokenizer and tokenizer.no_truncation()
    found = ours(program, folder, texts, special)
    if tokenizer is None or isinstance(found, str):
        if tokenizer is None and isinstance(found, str):
            return 0
        print("OPEN", "theirs: " + refusal if tokenizer is None else "", "ours:", found if isinstance(found, str) else "opened")
        return 1
    wrong = 0
    for text, answer in zip(texts, found, strict=True):
        expected = theirs(tokenizer, text, special)
        if answer != expected and not isinstance(expected, str):
            wrong += 1
            if wrong <= 2:
                print("TEXT", text[:200], "\n  theirs", str(expected)[:300], "\n  ours  ", str(answer)[:300])
    return wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--texts", type=int, default=150)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int)
    parser.add_argument("--file")
    arguments = parser.parse_args()
    states = [p.read_text() for p in sorted(GOLDEN.glob("*/tokenizer.json"))]
    wrong = 0
    for number in range(arguments.rounds) if arguments.only is None else [arguments.only]:
        r = random.Random(f"{arguments.seed}/{number}")
        texts = [random_text(r) for _ in range(arguments.texts)]
        with tempfile.TemporaryDirectory() as folder:
            state = pathlib.Path(arguments.file).read_text() if arguments.file else json.dumps(random_tokenizer(r, states))
            (pathlib.Path(folder) / "tokenizer.json").write_text(state)
            count = compare(arguments.program, folder, texts, r.random() < 0.5)
            if count:
                shown = {k: v for k, v in reversed(json.loads(state).items()) if k not in ("model", "truncation", "padding", "version", "decoder")}
                print(f"round {number}: {count} of {len(texts)} differ: {json.dumps(shown, ensure_ascii=False)[:1500]}\n")
                wrong += 1
    print(f"{arguments.rounds} rounds of {arguments.texts} texts: {wrong} with differences")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
