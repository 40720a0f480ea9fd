"""Tokenizers in the files from before tokenizer.json, and what transformers (5.23) makes of the hard texts with them.

    python3 make_tokenizer_files.py         # after make_tokenizers.py; transformers, tokenizers, sentencepiece

Writes tokenizers/files_<name>/: vocab.json with merges.txt, vocab.txt or a SentencePiece model, tokenizer_config.json,
config.json, and ids.json as make_tokenizers.py has it."""
import io
import json
import os
import pathlib
import shutil
import tempfile

os.environ["OMP_NUM_THREADS"] = "1"
import hard_text  # noqa: E402
import sentencepiece  # noqa: E402
import transformers  # noqa: E402
from make_tokenizers import CORPUS, LATIN, OUT, TEXTS  # noqa: E402

transformers.logging.set_verbosity_error()
RULES = [("\u2460", "1"), ("\uff21", "A"), ("e\u0301", "é"), ("\u00bd", "1/2"), ("\u3000", " "), ("\u200b", ""), ("\ufb01", "fi"), ("\u00a0", " "), ("\n", " "), ("\t", " ")]


def folder_of(name, config, tokenizer_config):
    folder = OUT / f"files_{name}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer_config))
    return folder


def from_golden(name, golden, extra, model_type, **tokenizer_config):
    folder = folder_of(name, {"model_type": model_type}, tokenizer_config)
    model = json.loads((OUT / golden / "tokenizer.json").read_text())["model"]
    vocabulary = dict(model["vocab"])
    for token in extra:
        vocabulary.setdefault(token, len(vocabulary))
    if "merges" in model:
        (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False))
        (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(" ".join(m) + "\n" for m in model["merges"]))
    else:
        (folder / "vocab.txt").write_text("".join(t + "\n" for t in sorted(vocabulary, key=vocabulary.get)))
    return folder


def piece_model(name, file, family, corpus=LATIN, rules=True, tokenizer_config=None, **options):
    folder = folder_of(name, {"model_type": family}, tokenizer_config or {})
    model = io.BytesIO()
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as table:
        table.write("".join(" ".join(f"{ord(c):X}" for c in a) + "\t" + " ".join(f"{ord(c):X}" for c in b) + "\n" for a, b in RULES))
        table.flush()
        how = {"normalization_rule_tsv": table.name} if rules else {"normalization_rule_name": "identity"}
        sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(corpus), model_writer=model, hard_vocab_limit=False, minloglevel=2, **how, **options)
    (folder / file).write_bytes(model.getvalue())
    return folder


def added(content):
    return {"content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": True, "__type": "AddedToken"}


def all_files():
    t = transformers
    yield from_golden("gpt2", "gpt2", [], "gpt2"), t.GPT2Tokenizer
    yield from_golden("gpt2_options", "gpt2", [], "gpt2", add_prefix_space=True, add_bos_token=True), t.GPT2Tokenizer
    yield from_golden("opt", "gpt2", ["</s>", "<pad>"], "opt", unk_token=added("</s>"), bos_token=added("</s>"), eos_token=added("</s>"),
                      pad_token=added("<pad>"), add_bos_token=True, tokenizer_class="GPT2Tokenizer"), t.GPT2Tokenizer
    yield from_golden("roberta", "gpt2", ["<s>", "<pad>", "</s>", "<unk>", "<mask>"], "roberta"), t.RobertaTokenizer
    yield from_golden("clip", "clip", [], "clip"), t.CLIPTokenizer
    yield from_golden("bert", "bert_cased", [], "bert"), t.BertTokenizer
    yield from_golden("bert_cased", "bert_cased", [], "bert", do_lower_case=False, tokenize_chinese_chars=False), t.BertTokenizer
    esm = folder_of("esm", {"model_type": "esm"}, {"tokenizer_class": "EsmTokenizer"})
    (esm / "vocab.txt").write_text("\n".join("<cls> <pad> <eos> <unk> L A G V S E R T I D P K Q N F Y M H W C X B U Z O . - <null_1> <mask>".split()))
    yield esm, t.EsmTokenizer
    # The library's own trainer wants every character of its corpus in the vocabulary, so the corpus is the Latin part.
    llama = {"tokenizer_class": "LlamaTokenizer", "add_bos_token": True, "add_eos_token": False, "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    options = dict(model_type="bpe", byte_fallback=True, add_dummy_prefix=True, remove_extra_whitespaces=False, vocab_size=600, split_digits=True)
    yield piece_model("llama", "tokenizer.model", "llama", CORPUS, False, llama, character_coverage=0.98, **options | {"vocab_size": 800}), t.AutoTokenizer
    yield piece_model("llama_legacy", "tokenizer.model", "llama", LATIN, False, llama | {"legacy": True, "add_eos_token": True}, **options), t.AutoTokenizer
    unigram = dict(vocab_size=300)
    yield piece_model("t5", "spiece.model", "t5", tokenizer_config={"tokenizer_class": "T5Tokenizer"}, pad_id=0, eos_id=1, unk_id=2, bos_id=-1, **unigram), t.AutoTokenizer
    yield piece_model("xlm_roberta", "sentencepiece.bpe.model", "xlm-roberta", tokenizer_config={"tokenizer_class": "XLMRobertaTokenizer"}, **unigram), t.AutoTokenizer
    yield piece_model("camembert", "sentencepiece.bpe.model", "camembert", tokenizer_config={"tokenizer_class": "CamembertTokenizer"}, **unigram), t.AutoTokenizer
    yield piece_model("albert", "spiece.model", "albert", tokenizer_config={"tokenizer_class": "AlbertTokenizer"}, pad_id=0, unk_id=1, bos_id=-1, eos_id=-1,
                      control_symbols=["[CLS]", "[SEP]", "[MASK]"], **unigram), t.AutoTokenizer
    yield piece_model("deberta_v2", "spm.model", "deberta-v2", tokenizer_config={"tokenizer_class": "DebertaV2Tokenizer"}, pad_id=0, unk_id=3, bos_id=1, eos_id=2, pad_piece="[PAD]",
                      unk_piece="[UNK]", bos_piece="[CLS]", eos_piece="[SEP]", **unigram), t.AutoTokenizer


def main():
    for folder, kind in all_files():
        tokenizer = kind.from_pretrained(str(folder))
        ids = {key: [tokenizer(text, add_special_tokens=special)["input_ids"] for text in TEXTS] for key, special in (("plain", False), ("special", True))}
        (folder / "ids.json").write_text(json.dumps(ids, separators=(",", ":")) + "\n")
        print(folder.name, sum(map(len, ids["plain"])))


if __name__ == "__main__":
    main()
