#!/usr/bin/env python3
"""Writes the streams of a real checkpoint (all-MiniLM-L6-v2, or any family of golden_models.py) by transformers in
float64, to compare with `deadscope activations`. Its output is for a trial, not committed.

    python3 make_minilm_golden.py FOLDER --out FILE.safetensors (--tokens FILE.npy | --random N)
    deadscope activations FOLDER --tokens FILE.npy --precision f64 --out found.safetensors
    python3 compare_activations.py found.safetensors FILE.safetensors --rtol 1e-9

With --random the tokens are written beside the output as FILE.tokens.npy: sequences of the model's context length,
or of --length. The reading of the final norm is printed as JSON.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import torch
import transformers as tf
from safetensors.torch import save_file

from float64_forward import lifted_streams, load
from make_goldens import plain
from measures import block_table, final_reading, norm_table


def random_tokens(config, count, length, seed):
    context = getattr(config, "max_position_embeddings", None) or config.n_positions
    length = min(length or context, context, count)
    return np.random.default_rng(seed).integers(0, config.vocab_size, (count // length, length), dtype=np.int64)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--tokens", type=Path)
    source.add_argument("--random", type=int)
    parser.add_argument("--length", type=int)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    tf.logging.set_verbosity_error()
    tf.logging.disable_progress_bar()

    config = tf.AutoConfig.from_pretrained(args.folder)
    if args.tokens:
        tokens = np.load(args.tokens).astype(np.int64)
    else:
        tokens = random_tokens(config, args.random, args.length, args.seed)
        np.save(args.out.with_suffix(".tokens.npy"), tokens)
    model = load(getattr(tf, config.architectures[0]), args.folder, torch.float64)
    found, trace = lifted_streams(model, {"input_ids": torch.from_numpy(np.atleast_2d(tokens))})
    if trace.narrow:
        raise SystemExit(f"not float64 throughout: {trace.narrow[:5]}")
    save_file({k: v.contiguous() for k, v in found.items()}, args.out)

    arrays = {k: v.numpy() for k, v in found.items()}
    norms, gamma, kind = norm_table(args.folder, config.to_dict())
    reading = final_reading(arrays["ln_final.hook_normalized"], gamma, kind)
    del reading["prediction"], reading["final"]["bottom"]
    reading["final"]["singular_values"] = reading["final"]["singular_values"][-8:]
    print(json.dumps(plain({"final_norm": norms[-1], **reading, "blocks": block_table(arrays)}), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
