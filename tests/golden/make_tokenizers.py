"""Tiny tokenizers of every kind, and what the package `tokenizers` (0.23) makes of the hard texts with them.

    python3 make_tokenizers.py         # tokenizers, sentencepiece; some seconds

Writes tokenizers/texts.json (the texts; those that are no UTF-8 as hex), tokenizers/<name>/tokenizer.json and
tokenizers/<name>/ids.json ({"plain": [[...]], "special": [[...]]}, in the order of the texts; null where the package
refuses the text)."""
import json
import pathlib
import shutil

import hard_text
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

OUT = pathlib.Path(__file__).with_name("tokenizers")
PROSE = pathlib.Path(__file__).parents[2] / "assets/text/prose.txt"
TEXTS = [t.decode("utf-8", "replace") for t in hard_text.TEXTS]
CORPUS = [t for t in TEXTS if len(t) < 250] + PROSE.read_text().splitlines()
LATIN = [t for t in CORPUS if all(ord(c) < 0x250 for c in t)]  # the unigram trainer wants every character
SPECIAL = ["<unk>", "<s>", "</s>", "<pad>", "<mask>"]
BERT = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
CL100K = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
O200K = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
         r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
         r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
CLIP = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


def trained(model, trainer, normalizer=None, pre=None, post=None, vocabulary=400, special=SPECIAL, corpus=CORPUS, **more):
    tokenizer = Tokenizer(model)
    if normalizer:
        tokenizer.normalizer = normalizer
    if pre:
        tokenizer.pre_tokenizer = pre
    tokenizer.train_from_iterator(corpus, trainer(vocab_size=vocabulary, special_tokens=special, show_progress=False, **more))
    if post:
        tokenizer.post_processor = post
    return tokenizer


def template(tokenizer, single):
    words = [w for w in single.split() if not w.startswith("$")]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=single, pair=single + " $B", special_tokens=[(w, tokenizer.token_to_id(w)) for w in words])
    return tokenizer


def byte_level(**pre):
    return trained(models.BPE(), trainers.BpeTrainer, pre=pre_tokenizers.ByteLevel(**pre), post=processors.ByteLevel(),
                   special=["<|endoftext|>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), vocabulary=420)


def split_bytes(pattern, normalizer=None, **more):
    pre = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated"),
                                   pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    return trained(models.BPE(**more), trainers.BpeTrainer, normalizer, pre, special=["<s>", "<|endoftext|>"],
                   initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), vocabulary=420)


def word_piece(normalizer, **more):
    return template(trained(models.WordPiece(unk_token="[UNK]", **more), trainers.WordPieceTrainer, normalizer,
                            pre_tokenizers.BertPreTokenizer(), special=BERT, vocabulary=420, limit_alphabet=200), "[CLS] $A [SEP]")


def unigram(normalizer, pre, byte_fallback=False, **more):
    tokenizer = trained(models.Unigram(), trainers.UnigramTrainer, normalizer, pre, unk_token="<unk>", vocabulary=420, corpus=LATIN, **more)
    if byte_fallback:
        state = json.loads(tokenizer.to_str())
        state["model"]["byte_fallback"] = True
        state["model"]["vocab"] += [[f"<0x{b:02X}>", 0.0] for b in range(256)]
        tokenizer = Tokenizer.from_str(json.dumps(state))
    return tokenizer


def plain_bpe(pre, normalizer=None, model=None, **more):
    return trained(model or models.BPE(unk_token="<unk>"), trainers.BpeTrainer, normalizer, pre, limit_alphabet=120, **more)


def fallback(fuse=True, **more):
    """As Llama 2: no words, spaces as marks, unknown characters as bytes."""
    alphabet = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)]
    base = trained(models.BPE(unk_token="<unk>"), trainers.BpeTrainer, None, pre_tokenizers.Metaspace(),
                   special=alphabet, vocabulary=700, limit_alphabet=150)
    state = json.loads(base.to_str())
    state["model"] |= {"byte_fallback": True, "fuse_unk": fuse}
    state["pre_tokenizer"] = None
    state["normalizer"] = {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"},
                                                             {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]}
    state["added_tokens"] = state["added_tokens"][:3]
    state |= more
    return template(Tokenizer.from_str(json.dumps(state)), "<s> $A")


def with_added(tokenizer):
    """Every way in which a token can be added, glued and overlapping."""
    tokenizer.add_special_tokens(["<|endoftext|>", AddedToken("<mask>", lstrip=True), AddedToken("[MASK]", rstrip=True, normalized=False)])
    tokenizer.add_tokens([AddedToken("Added", single_word=True), AddedToken("newtok", normalized=False), "newtoken",
                          AddedToken("the", single_word=True, lstrip=True, rstrip=True), AddedToken("  ", normalized=False),
                          AddedToken("É", normalized=True), "é"])
    return tokenizer


def precompiled():
    """SentencePiece's table of a few rules of our own; the published ones are 300 kB."""
    import base64
    import io
    import sentencepiece
    rules = [("\u2460", "1"), ("\uff21", "A"), ("e\u0301", "é"), ("\u00bd", "1/2"), ("\u3000", " "), ("\u200b", ""), ("\ufb01", "fi"), ("\u00a0", " "), ("\n", " "), ("\r", " "), ("\t", " "),
             ("\u0301", ""), ("か\u3099", "が"), ("\u1112\u1161\u11ab", "한"), ("\u2026", "..."), ("\u00ad", ""), ("字", "")]
    table = OUT / "rules.tsv"
    table.write_text("".join(" ".join(f"{ord(c):X}" for c in a) + "\t" + " ".join(f"{ord(c):X}" for c in b) + "\n" for a, b in rules))
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(["a short text"] * 9), model_writer=model, vocab_size=30,
                                             model_type="char", hard_vocab_limit=False, normalization_rule_tsv=str(table), minloglevel=2)
    table.unlink()
    from sentencepiece import sentencepiece_model_pb2
    proto = sentencepiece_model_pb2.ModelProto.FromString(model.getvalue())
    return normalizers.Precompiled(proto.normalizer_spec.precompiled_charsmap)


def behaviours():
    for behaviour in ("removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"):
        for invert in (False, True):
            yield f"split_{behaviour}{'_inverted' if invert else ''}", plain_bpe(
                pre_tokenizers.Split(Regex(r"[\p{P}\d]|\s+"), behaviour, invert), vocabulary=200)
        yield f"punctuation_{behaviour}", plain_bpe(pre_tokenizers.Punctuation(behaviour), vocabulary=200)


def all_tokenizers():
    n, p = normalizers, pre_tokenizers
    yield "gpt2", byte_level(add_prefix_space=False)
    yield "roberta", byte_level(add_prefix_space=True)
    tokenizer = byte_level(add_prefix_space=True)
    tokenizer.post_processor = processors.RobertaProcessing(("<|endoftext|>", 0), ("<|endoftext|>", 0), add_prefix_space=True)
    yield "roberta_added", with_added(tokenizer)
    yield "llama3", template(split_bytes(CL100K, ignore_merges=True), "<s> $A")
    yield "qwen2", split_bytes(CL100K.replace("{1,3}", ""), n.NFC())
    yield "o200k", with_added(split_bytes(O200K))
    yield "deepseek", trained(models.BPE(), trainers.BpeTrainer, None, p.Sequence([
        p.Split(Regex("[\r\n]"), "isolated"), p.Split(Regex("\\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶ-ͷͻ-ͽͿΆΈ-Ίа-яА-Я]+"), "isolated"),
        p.Split(Regex("\\s?[!-/:-~！-／：-～‘-‟　-。]+"), "isolated"), p.Split(Regex("\\s+$"), "isolated"),
        p.Split(Regex("[一-龥ࠀ-一가-퟿]+"), "isolated"), p.Digits(True), p.ByteLevel(add_prefix_space=False, use_regex=False)]),
        initial_alphabet=p.ByteLevel.alphabet())
    clip = trained(models.BPE(unk_token="<|endoftext|>", end_of_word_suffix="</w>", fuse_unk=False), trainers.BpeTrainer,
                   n.Sequence([n.NFC(), n.Replace(Regex(r"\s+"), " "), n.Lowercase()]),
                   p.Sequence([p.Split(Regex(CLIP), "removed", True), p.ByteLevel(add_prefix_space=False)]),
                   special=["<|startoftext|>", "<|endoftext|>"], initial_alphabet=p.ByteLevel.alphabet(), end_of_word_suffix="</w>", vocabulary=700)
    clip.post_processor = processors.RobertaProcessing(("<|endoftext|>", 1), ("<|startoftext|>", 0), add_prefix_space=False, trim_offsets=False)
    yield "clip", clip
    yield "bert_uncased", word_piece(n.BertNormalizer())
    yield "bert_cased", with_added(word_piece(n.BertNormalizer(lowercase=False)))
    yield "bert_plain", word_piece(n.BertNormalizer(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=True), max_input_chars_per_word=20)
    tokenizer = word_piece(n.BertNormalizer(strip_accents=True, lowercase=False))
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    yield "bert_accents", tokenizer
    yield "llama2", fallback()
    yield "llama2_unfused", fallback(fuse=False, normalizer=None, pre_tokenizer={"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": False})
    yield "gemma", fallback(normalizer={"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
                            pre_tokenizer={"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False})
    table = precompiled()
    yield "xlm_roberta", template(unigram(n.Sequence([table, n.Replace(Regex(" {2,}"), "▁")]), p.Metaspace(prepend_scheme="always")), "<s> $A </s>")
    yield "t5", with_added(template(unigram(table, p.Sequence([p.WhitespaceSplit(), p.Metaspace(prepend_scheme="first")])), "$A </s>"))
    yield "albert", unigram(n.Sequence([n.Replace("``", '"'), n.Replace("''", '"'), n.NFKD(), n.StripAccents(), n.Lowercase(), table]), p.Metaspace())
    yield "unigram_bytes", unigram(n.NFKC(), p.Metaspace(split=False), byte_fallback=True)
    yield "word_level", template(trained(models.WordLevel(unk_token="<unk>"), trainers.WordLevelTrainer, n.Lowercase(), p.Whitespace()), "<s> $A </s>")
    yield "word_level_spaces", trained(models.WordLevel(unk_token="<unk>"), trainers.WordLevelTrainer, n.Sequence([n.NFD(), n.Strip()]), p.WhitespaceSplit())
    yield "subword_prefix", plain_bpe(p.Whitespace(), model=models.BPE(unk_token="<unk>", continuing_subword_prefix="##"), continuing_subword_prefix="##")
    yield "fused_unknown", plain_bpe(p.WhitespaceSplit(), n.NFKD(), models.BPE(unk_token="<unk>", fuse_unk=True))
    yield "no_unknown", plain_bpe(p.WhitespaceSplit(), n.Nmt(), models.BPE())
    yield "digits", plain_bpe(p.Sequence([p.Digits(False), p.CharDelimiterSplit("e")]), n.StripAccents())
    yield "digits_single", plain_bpe(p.Sequence([p.WhitespaceSplit(), p.Digits(True)]), n.Strip(left=True, right=False))
    yield "fixed_length", plain_bpe(p.FixedLength(4), n.Strip(left=False, right=True))
    yield "byte_normalizer", trained(models.BPE(), trainers.BpeTrainer, n.Sequence([n.NFC(), n.ByteLevel()]), None, initial_alphabet=p.ByteLevel.alphabet(), vocabulary=300)
    yield "replace_regex", plain_bpe(p.WhitespaceSplit(), n.Sequence([n.Replace(Regex(r"(?i)[aeiou](?=[^\Wa-f])"), "-"), n.Replace(Regex(r"\b\h+\b"), ""), n.Prepend("Ж")]))
    yield "sets", plain_bpe(p.Split(Regex(r"[a-z&&[^aeiou]]+|[^\W\d]+|[[:punct:]]{2}+|\p{Han}|\p{^L}{,2}"), "isolated"))
    yield from behaviours()


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir()
    rows = []
    for text in hard_text.TEXTS:
        try:
            rows.append({"text": text.decode("utf-8")})
        except UnicodeDecodeError:
            rows.append({"hex": text.hex()})
    (OUT / "texts.json").write_text("[\n" + ",\n".join(json.dumps(r) for r in rows) + "\n]\n")
    for name, tokenizer in all_tokenizers():
        folder = OUT / name
        folder.mkdir()
        state = json.loads(tokenizer.to_str())
        (folder / "tokenizer.json").write_text(json.dumps(state, ensure_ascii=False, separators=(",", ":")))
        tokenizer = Tokenizer.from_str(json.dumps(state))
        ids = {}
        for key, special in (("plain", False), ("special", True)):
            ids[key] = []
            for text in TEXTS:
                try:
                    ids[key].append(tokenizer.encode(text, add_special_tokens=special).ids)
                except Exception as error:  # the package's own refusals have no type of their own
                    print(name, repr(text[:40]), error)
                    ids[key].append(None)
        # The special ones differ from the plain ones in what stands round them: kept where that is anything.
        if ids["plain"] == ids["special"]:
            del ids["special"]
        (folder / "ids.json").write_text(json.dumps(ids, separators=(",", ":")) + "\n")
        print(name, tokenizer.get_vocab_size(), sum(len(i or []) for i in ids["plain"]))


if __name__ == "__main__":
    main()
