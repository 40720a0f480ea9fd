#!/usr/bin/env python3
"""Makes the golden files: tiny random checkpoints, their residual streams by transformers in float64, and the
readings of those streams. Proves for each that the forward pass was float64 throughout, and writes nothing
for a model whose proof fails (exit status 1).

    python3 make_goldens.py [--out FOLDER] [--only NAME ...]
"""

import argparse
import json
import re
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
import transformers as tf
from safetensors.torch import load_file, save_file

from float64_forward import lifted_streams, load, streams, traced_streams
from golden_models import all_goldens, make_inputs, randomise
from measures import block_table, final_reading, norm_table
from reference_forward import FORWARDS, reference_streams

LIMIT_BYTES = 6_000_000


def write_checkpoint(golden, folder):
    torch.manual_seed(golden.seed)
    model = golden.cls(golden.config)
    randomise(model, golden)
    model = model.to(golden.dtype)
    model.config.dtype = golden.dtype
    model.save_pretrained(folder, **({"max_shard_size": golden.shard} if golden.shard else {}))
    (folder / "generation_config.json").unlink(missing_ok=True)
    if golden.strip_prefix or golden.mask_buffers or golden.rename:
        rewrite_tensors(golden, folder)
    if golden.legacy or golden.rewrite:
        rewrite_config(golden, folder / "config.json")


def rewrite_tensors(golden, folder):
    for file in folder.glob("*.safetensors"):
        tensors = {k.removeprefix(golden.strip_prefix): t for k, t in load_file(file).items()}
        if golden.rename:
            tensors = golden.rename(tensors)
        if golden.mask_buffers:
            n = golden.config.n_positions
            for i in range(golden.config.n_layer):
                tensors[f"h.{i}.attn.bias"] = torch.ones(n, n).tril().reshape(1, 1, n, n)
        save_file(tensors, file, metadata={"format": "pt"})


def rewrite_config(golden, file):
    config = json.loads(file.read_text())
    if golden.rewrite:
        golden.rewrite(config)
    for key, value in golden.legacy.items():
        if value is None:
            config.pop(key, None)
        else:
            config[key] = None if value == "null" else value
    file.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def distance(a, b):
    """Largest relative difference over the tensors of two stream sets (Frobenius)."""
    return max(float(np.linalg.norm(a[k].astype(np.longdouble) - b[k]) / np.linalg.norm(b[k])) for k in b)


def numpy_of(tensors):
    return {k: t.to(torch.float64).numpy() for k, t in tensors.items()}


def response_defect(folder, golden, inputs, dtype, lift, step=1e-9):
    """‖f(2h) - 2f(h) + f(0)‖ / ‖f(h) - f(0)‖ under a random relative change h = `step` of every weight: tiny where
    the arithmetic resolves the change, of order one where some part of it is rounded away."""
    sets = []
    for h in (0.0, step, 2 * step):
        model = load(golden.cls, folder, dtype)
        rng = np.random.default_rng(7)
        for p in dict.fromkeys(model.parameters()):
            p.data.mul_(1 + h * torch.from_numpy(rng.standard_normal(tuple(p.shape))).to(dtype))
        found = lifted_streams(model, inputs, golden.tower)[0] if lift else streams(model, inputs, golden.tower)
        sets.append(numpy_of(found)["ln_final.hook_normalized"])
    zero, one, two = sets
    moved = np.linalg.norm(one - zero)
    return float(np.linalg.norm(two - 2 * one + zero) / moved) if moved > 0 else 1.0


def prove(golden, folder, data):
    """(streams, figures); raises SystemExit where any of the tests fails. Families without an extended-precision forward
    of their own are held to the other tests; the second implementation is then deadscope itself."""
    key, array = next(iter(data.items()))
    wide = {key: torch.from_numpy(array.astype(np.float64) if array.dtype.kind == "f" else array)}
    narrow = {key: torch.from_numpy(array)}

    lifted, trace = lifted_streams(load(golden.cls, folder, torch.float64), wide, golden.tower)
    lifted = numpy_of(lifted)
    plain, plain_trace = traced_streams(load(golden.cls, folder, torch.float64), wide, golden.tower)
    single, single_trace = traced_streams(load(golden.cls, folder, torch.float32), narrow, golden.tower)

    figures = {
        "aten_calls": trace.calls,
        "narrow_calls": len(trace.narrow),
        "narrow_calls_without_lifting": len(plain_trace.narrow),
        "narrow_calls_in_float32": len(single_trace.narrow),
        "distance_without_lifting": distance(numpy_of(plain), lifted),
        "distance_to_float32": distance(numpy_of(single), lifted),
        "response_defect": response_defect(folder, golden, wide, torch.float64, lift=True),
    }
    f = figures
    # The control: the same without lifting, or in float32 where transformers has no cast to lift, or only of tables.
    f["response_defect_control"] = response_defect(folder, golden, wide, torch.float64, lift=False)
    if f["response_defect_control"] < 1e-2:
        f["response_defect_control"] = response_defect(folder, golden, narrow, torch.float32, lift=False)
    tests = {
        "no narrow tensor in the lifted pass": f["narrow_calls"] == 0 and f["aten_calls"] > 50,
        "the trace sees narrow tensors where there are some": f["narrow_calls_in_float32"] > 50,
        "lifting changes little": f["distance_without_lifting"] < 1e-4,
        "float32 is elsewhere": 1e-8 < f["distance_to_float32"] < 1e-3,
        "the response to a change of 1e-9 is linear": f["response_defect"] < 1e-4,
        "and is not in the control": f["response_defect_control"] > 1e-2,
    }
    if golden.config.model_type in FORWARDS and not golden.tower:
        reference = reference_streams(folder, array)
        if set(reference) != set(lifted):
            raise SystemExit(f"{golden.name}: names differ: {sorted(set(reference) ^ set(lifted))}")
        f["distance_to_longdouble_reference"] = distance(lifted, reference)
        tests["equal to the extended-precision reference"] = f["distance_to_longdouble_reference"] < 1e-13
        tests["lifting changes the result just where a cast was"] = (f["distance_without_lifting"] > 1e-10) == (
            f["narrow_calls_without_lifting"] > 0)
    failed = [name for name, ok in tests.items() if not ok]
    if failed:
        raise SystemExit(f"{golden.name}: not proven float64: {'; '.join(failed)}\n{json.dumps(figures, indent=1)}"
                         f"\n{trace.narrow[:10]}")
    return lifted, figures


def plain(x):
    """JSON's types; a number that does not exist is null."""
    if isinstance(x, dict):
        return {k: plain(v) for k, v in x.items()}
    if isinstance(x, (list, tuple, np.ndarray)):
        return [plain(v) for v in x]
    if isinstance(x, (float, np.floating)):
        return float(x) if np.isfinite(x) else None
    return int(x) if isinstance(x, np.integer) else x


def write_json(path, value):
    text = json.dumps(plain(value), indent=1, allow_nan=False)
    vector = lambda m: "[" + " ".join(m.group(1).split()) + "]"
    path.write_text(re.sub(r"\[([\s\d.eE+,-]*)\]", vector, text) + "\n")  # a vector on one line


def made_with():
    return {"torch": torch.__version__.split("+")[0], "transformers": tf.__version__, "numpy": np.__version__}


def make(golden, folder):
    model = folder / "model"
    write_checkpoint(golden, model)
    data = make_inputs(golden)
    key, array = next(iter(data.items()))
    np.save(folder / {"input_ids": "tokens.npy", "pixel_values": "pixels.npy", "input_features": "features.npy"}[key], array)
    if golden.tower:
        (folder / "tower").write_text(golden.tower + "\n")
    found, figures = prove(golden, model, data)
    save_file({k: torch.from_numpy(v).contiguous() for k, v in found.items()}, folder / "golden.safetensors")
    if "distance_to_longdouble_reference" in figures and golden.readings:
        write_readings(golden, folder, array, found, figures)
    else:
        write_json(folder / "proof.json", {"schema": "deadscope.proof/1", "name": golden.name, "made_with": made_with(),
                                           "model_type": golden.config.model_type, "proof": figures})
    return figures


def write_readings(golden, folder, array, found, figures):
    config = json.loads((folder / "model/config.json").read_text())
    norms, gamma, kind = norm_table(folder / "model", config)
    y = found["ln_final.hook_normalized"]
    if len(y) < 2 * y.shape[1]:
        raise SystemExit(f"{golden.name}: {len(y)} tokens for d = {y.shape[1]}, wanted at least twice as many")
    write_json(folder / "golden.json", {
        "schema": "deadscope.golden/1", "name": golden.name, "model_type": config["model_type"],
        "made_with": made_with(),
        "tokens": len(y), "sequences": len(array), "d_model": y.shape[1], "layers": len(found) - 2 - ("logits" in found),
        "norms": norms, "blocks": block_table(found), **final_reading(y, gamma, kind), "proof": figures})


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    parser.add_argument("--only", nargs="*", help="names of goldens (default: all)")
    args = parser.parse_args()
    tf.logging.set_verbosity_error()
    tf.logging.disable_progress_bar()
    torch.set_num_threads(1)
    for golden in all_goldens():
        if args.only and golden.name not in args.only:
            continue
        with tempfile.TemporaryDirectory() as temporary:
            made = Path(temporary) / golden.name
            made.mkdir()
            f = make(golden, made)
            shutil.rmtree(args.out / golden.name, ignore_errors=True)
            shutil.copytree(made, args.out / golden.name)
        for file in (args.out / golden.name).rglob("*.safetensors"):
            file.chmod(0o644)
        reference = f.get("distance_to_longdouble_reference")
        print(f"{golden.name:24} to longdouble {'none   ' if reference is None else f'{reference:.1e}'}  unlifted "
              f"{f['distance_without_lifting']:.1e} ({f['narrow_calls_without_lifting']} casts)  float32 "
              f"{f['distance_to_float32']:.1e}  response {f['response_defect']:.1e} (control "
              f"{f['response_defect_control']:.1e})")
    folders = [args.out / golden.name for golden in all_goldens()]
    total = sum(p.stat().st_size for folder in folders for p in folder.rglob("*") if p.is_file())
    print(f"{total} bytes in all, limit {LIMIT_BYTES}")
    return 0 if total < LIMIT_BYTES else 1


if __name__ == "__main__":
    sys.exit(main())
