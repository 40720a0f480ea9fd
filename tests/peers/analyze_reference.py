#!/usr/bin/env python3
"""The reading of `deadscope analyze MODEL --random N --precision f32`, as a practised user would write it with
transformers, PyTorch and NumPy: the peer that time and memory are compared with. Prints JSON.

    python3 analyze_reference.py --model FOLDER --tokens N [--seed S] [--threads T]

Forward pass in float32 with output_hidden_states; singular values in float64, since float32's own SVD has its floor
where the kernel lies.
"""

import argparse
import json
import resource
import time

import numpy as np
import torch
import transformers as tf

FINAL_NORMS = ("ln_f", "norm", "layernorm", "final_layer_norm")


def final_norm(core):
    """The module that makes the last hidden state; of a post-norm encoder, its last block's output norm."""
    for name in FINAL_NORMS:
        if hasattr(core, name):
            return getattr(core, name), True
    return core.encoder.layer[-1].output.LayerNorm, False


def make_inputs(config, count, rng):
    """One or two batches: whole sequences of the model's context length, and what is left over."""
    if hasattr(config, "image_size"):
        size, patch = (x if isinstance(x, (list, tuple)) else (x, x) for x in (config.image_size, config.patch_size))
        per_picture = (size[0] // patch[0]) * (size[1] // patch[1]) + 1
        shape = (-(-count // per_picture), config.num_channels, *size)
        return [{"pixel_values": torch.from_numpy(rng.standard_normal(shape).astype(np.float32))}]
    context = config.max_position_embeddings
    whole, rest = divmod(count, context)
    shapes = [(whole, context)] * bool(whole) + [(1, rest)] * bool(rest)
    return [{"input_ids": torch.from_numpy(rng.integers(0, config.vocab_size, s))} for s in shapes]


def forward(model, batches):
    """(streams before the final norm [L + 1] of [N, d], output of the final norm [N, d])"""
    norm, pre_norm = final_norm(model)
    last = []
    hook = norm.register_forward_pre_hook(lambda _m, args: last.append(args[0].flatten(0, 1)))
    states, outputs = [], []
    with torch.no_grad():
        for batch in batches:
            out = model(**batch, output_hidden_states=True)
            states.append([h.flatten(0, 1) for h in out.hidden_states])
            outputs.append(out.last_hidden_state.flatten(0, 1))
            if pre_norm:  # transformers may hand out the normed state as the last one
                states[-1][-1] = last[-1]
    hook.remove()
    return [torch.cat(parts) for parts in zip(*states)], torch.cat(outputs)


def extremes(x):
    """σ_min and σ_max, uncentred and centred, of X / sqrt(N)"""
    x = x.double() / len(x) ** 0.5
    plain, centred = torch.linalg.svdvals(x), torch.linalg.svdvals(x - x.mean(0))
    return {"sigma_min": plain[-1].item(), "sigma_max": plain[0].item(), "sigma_min_centred": centred[-1].item(),
            "sigma_max_centred": centred[0].item()}


def read_final(y, gamma):
    n, d = y.shape
    y = y.double()
    y = (y - y.mean(0)) / n**0.5
    _, sigma, vt = torch.linalg.svd(y, full_matrices=False)
    v = 1 / gamma.double()
    v = torch.isinf(v).double() if torch.isinf(v).any() else v
    v = v / v.norm()
    dead = vt[sigma <= 1e-6 * sigma[0]]
    return {"alignment": abs(vt[-1] @ v).item() if n > d else None,
            "alignment_subspace": (dead @ v).norm().item() if n > d and len(dead) else None,
            "dead_directions": len(dead), "lambda_v": (y @ v).square().sum().item(),
            "lambda_min": sigma[-1].item() ** 2, "lambda_max": sigma[0].item() ** 2,
            "lambda_mean": sigma.square().mean().item(), "final": {"singular_values": sigma.tolist()}}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", required=True)
    parser.add_argument("--tokens", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int)
    args = parser.parse_args()
    tf.logging.set_verbosity_error()
    tf.logging.disable_progress_bar()
    if args.threads:
        torch.set_num_threads(args.threads)

    marks = [time.perf_counter()]
    model = tf.AutoModel.from_pretrained(args.model, dtype=torch.float32).eval()
    batches = make_inputs(model.config, args.tokens, np.random.default_rng(args.seed))
    marks.append(time.perf_counter())
    states, y = forward(model, batches)
    marks.append(time.perf_counter())
    blocks = [{"index": i, **extremes(x)} for i, x in enumerate(states)]
    for before, block in zip([None] + blocks, blocks):
        block["ratio"] = block["sigma_min"] / before["sigma_min"] if before and before["sigma_min"] > 0 else None
    reading = read_final(y, final_norm(model)[0].weight.detach())
    marks.append(time.perf_counter())
    load_s, forward_s, spectra_s = np.diff(marks)
    print(json.dumps({
        "tokens": len(y), "threads": torch.get_num_threads(), **reading, "blocks": blocks,
        "timing": {"load_s": load_s, "forward_s": forward_s, "spectra_s": spectra_s, "total_s": marks[-1] - marks[0],
                   "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}}, indent=1))


if __name__ == "__main__":
    main()
