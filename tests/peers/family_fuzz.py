#!/usr/bin/env python3
"""Random checkpoints of every family, transformers in float64 beside `deadscope activations`: sizes, options, spellings of
config.json, file formats and names drawn at random; every stream and the logits within 1e-9.

    python3 family_fuzz.py --program build/release/deadscope [--families gpt2,opt] [--runs 30] [--seed 1] [--keep FOLDER]

Prints what each family's runs did and, for each failure, the draw that repeats it (--families NAME --seed S --runs 1).
Exit status 1 where anything differed. The draws are FUZZ of tests/golden/families.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

import numpy as np
import torch
import transformers as tf
from safetensors.torch import load_file, save_file

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "golden"))

from families import FUZZ  # noqa: E402
from float64_forward import lifted_streams, load  # noqa: E402
from golden_models import make_inputs, randomise  # noqa: E402
from make_goldens import rewrite_config  # noqa: E402

TOLERANCE = 1e-9
ARGUMENT = {"input_ids": "--tokens", "pixel_values": "--pixels", "input_features": "--features"}


def write_model(golden, folder, rng, formats):
    """save_pretrained, then the tensors again as published files have them. Returns what was done, in words."""
    torch.manual_seed(golden.seed)
    model = golden.cls(golden.config)
    randomise(model, golden)
    model = model.to(golden.dtype)
    model.config.dtype = golden.dtype
    plain = folder.with_name("plain")
    model.save_pretrained(plain)
    tensors = {}
    for file in plain.glob("*.safetensors"):
        tensors |= load_file(file)
    prefix = golden.strip_prefix or (model.base_model_prefix + "." if rng.random() < 0.25 and model.base_model_prefix else "")
    stripped = prefix and any(k.startswith(prefix) for k in tensors)
    if stripped:
        tensors = {k.removeprefix(prefix): t for k, t in tensors.items()}
    if golden.rename:
        tensors = golden.rename(tensors)
    kind = formats[int(rng.integers(len(formats)))]
    folder.mkdir()
    shutil.copy(plain / "config.json", folder)
    if golden.legacy or golden.rewrite:
        rewrite_config(golden, folder / "config.json")
    write_tensors(tensors, folder, kind)
    return f"{kind} {str(golden.dtype).removeprefix('torch.')}{' without prefix' if stripped else ''}"


def write_tensors(tensors, folder, kind):
    tensors = {k: t.contiguous() for k, t in tensors.items()}
    names = sorted(tensors)
    count = 3 if "sharded" in kind and len(names) >= 3 else 1
    binary = "bin" in kind
    stem, ending = ("pytorch_model", "bin") if binary else ("model", "safetensors")
    weight_map = {}
    for s in range(count):
        part = {n: tensors[n] for n in names[s::count]}
        file = f"{stem}.{ending}" if count == 1 else f"{stem}-{s + 1:05}-of-{count:05}.{ending}"
        torch.save(part, folder / file) if binary else save_file(part, folder / file, metadata={"format": "pt"})
        weight_map |= dict.fromkeys(part, file)
    if count > 1:
        (folder / f"{stem}.{ending}.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))


def run_program(program, golden, folder, inputs):
    """(streams or None, what it said)"""
    key, array = next(iter(inputs.items()))
    np.save(folder / "input.npy", array)
    out = folder / "found.safetensors"
    model = str(folder / "model") + (f"#{golden.tower}" if golden.tower else "")
    done = subprocess.run([program, "activations", model, ARGUMENT[key], str(folder / "input.npy"), "--precision", "f64",
                           "--out", str(out), "--quiet"], capture_output=True, text=True, timeout=120)
    said = (done.stdout + done.stderr).strip()
    return (load_file(out) if done.returncode == 0 else None), f"exit {done.returncode}: {said}"


def compare(found, wanted):
    """Sentences on what differs; empty where nothing does."""
    found = {k: v for k, v in found.items() if k != "tokens"}
    if "logits" not in wanted:  # a model class without a head; the file's table may still be tied to one
        found = {k: v for k, v in found.items() if k != "logits"}
    if set(found) != set(wanted):
        return [f"names differ: {sorted(set(found) ^ set(wanted))}"]
    said = []
    for name in wanted:
        a, b = found[name].double(), wanted[name]
        if a.shape != b.shape:
            said.append(f"{name}: {tuple(a.shape)} for {tuple(b.shape)}")
            continue
        error = float((a - b).norm() / b.norm())
        if not error <= TOLERANCE:
            said.append(f"{name}: {error:.2e}")
    return said


def one(family, seed, args):
    """('equal' | 'refused', words) or ('failed', words)"""
    rng = np.random.default_rng(seed)
    golden = FUZZ[family](rng)
    golden.seed = seed
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        try:
            words = write_model(golden, folder / "model", rng, args.formats.split(","))
            inputs = make_inputs(golden)
            found, said = run_program(args.program, golden, folder, inputs)
            if golden.refused:
                good = found is None and "exit 1:" in said and golden.refused in said
                result = ("refused", words) if good else ("failed", f"not refused by the name {golden.refused}: {said}")
            elif found is None:
                result = ("failed", said)
            else:
                key, array = next(iter(inputs.items()))
                wide = torch.from_numpy(array.astype(np.float64) if array.dtype.kind == "f" else array)
                wanted, trace = lifted_streams(load(golden.cls, folder / "model", torch.float64), {key: wide}, golden.tower)
                wrong = compare(found, wanted)
                if trace.narrow:
                    wrong.append(f"the oracle is not float64: {trace.narrow[:3]}")
                result = ("failed", "; ".join(wrong)) if wrong else ("equal", words)
        except (Exception, SystemExit):
            result = ("failed", traceback.format_exc(limit=-4))
        if result[0] == "failed":
            config = (folder / "model/config.json")
            written = config.read_text() if config.exists() else golden.config.to_json_string()
            result = ("failed", f"{result[1]}\n    {golden.cls.__name__} {' '.join(written.split())}")
            if args.keep and (folder / "model").exists():
                kept = Path(args.keep) / f"{family}_{seed}"
                shutil.rmtree(kept, ignore_errors=True)
                shutil.copytree(folder, kept)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program", default=str(Path(__file__).resolve().parents[2] / "build/release/deadscope"))
    parser.add_argument("--families", default=",".join(FUZZ), help="comma separated; default: all")
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--formats", default="safetensors,sharded safetensors,bin,sharded bin")
    parser.add_argument("--keep", help="failing checkpoints are copied there")
    parser.add_argument("--stop", type=int, default=3, help="failures of a family after which it is left")
    args = parser.parse_args()
    tf.logging.set_verbosity_error()
    tf.logging.disable_progress_bar()
    torch.set_num_threads(1)
    failures = 0
    for family in args.families.split(","):
        counts = {"equal": 0, "refused": 0, "failed": 0}
        for seed in range(args.seed, args.seed + args.runs):
            result, words = one(family, seed, args)
            counts[result] += 1
            if result == "failed":
                print(f"{family} --seed {seed}: {words}")
            if counts["failed"] >= args.stop:
                break
        failures += counts["failed"]
        print(f"{family:24} equal {counts['equal']:3}  refused {counts['refused']:3}  failed {counts['failed']:3}", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
