#!/usr/bin/env python3
"""Compares two activation files (safetensors) tensor by tensor. Needs NumPy only.

    python3 compare_activations.py FOUND EXPECTED --rtol 1e-9 [--max-rtol 1e-8]

Prints for every tensor of EXPECTED ‖A-B‖/‖B‖ (Frobenius) and max|A-B| over the root mean square of B. Exit status 1
where the first exceeds --rtol or the second --max-rtol (default ten times --rtol), where a tensor is missing,
misshapen or not finite; extra tensors of FOUND are named and no error.
"""

import argparse
import json
import struct
import sys

import numpy as np

TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2"}


def read(path):
    """{name: float64 array} of the floating tensors."""
    with open(path, "rb") as f:
        (size,) = struct.unpack("<Q", f.read(8))
        header = json.loads(f.read(size))
        body = f.read()
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        if entry["dtype"] == "BF16":  # the upper half of a float32
            flat = (np.frombuffer(body[begin:end], "<u2").astype("<u4") << 16).view("<f4")
        elif entry["dtype"] in TYPES:
            flat = np.frombuffer(body[begin:end], TYPES[entry["dtype"]])
        else:
            continue
        tensors[name] = flat.astype(np.float64).reshape(entry["shape"])
    return tensors


def compare(found, expected, rtol, max_rtol):
    """One line and one verdict for each expected tensor."""
    for name in sorted(expected):
        b, a = expected[name], found.get(name)
        if a is None or a.shape != b.shape:
            yield f"{name}: " + ("missing" if a is None else f"shape {a.shape}, expected {b.shape}"), False
            continue
        norm = np.linalg.norm(b) or 1.0
        relative = np.linalg.norm(a - b) / norm
        largest = np.abs(a - b).max() / (norm / np.sqrt(b.size))
        where = np.unravel_index(np.argmax(np.abs(a - b)), b.shape)
        good = relative <= rtol and largest <= max_rtol  # false for NaN
        yield f"{name}: relative {relative:.3e}, largest {largest:.3e} at {tuple(map(int, where))}", bool(good)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("found")
    parser.add_argument("expected")
    parser.add_argument("--rtol", type=float, default=1e-9)
    parser.add_argument("--max-rtol", type=float)
    args = parser.parse_args()
    found, expected = read(args.found), read(args.expected)
    good = bool(expected)
    for line, ok in compare(found, expected, args.rtol, args.max_rtol or 10 * args.rtol):
        print(("ok    " if ok else "WRONG ") + line)
        good &= ok
    for name in sorted(set(found) - set(expected)):
        print(f"extra {name}: not compared")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
