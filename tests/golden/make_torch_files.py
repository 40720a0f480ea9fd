#!/usr/bin/env python3
"""Writes tests/golden/torch_files: tiny checkpoints as PyTorch saves them, and what they hold.

Both kinds of file (zip, and the older stream), with strides, offsets, shared and repeated storages, every dtype,
CUDA tags, parameters and nested state dicts. expected.json has each tensor's shape, dtype in safetensors' words
and values in row-major order. Needs PyTorch; the tests do not.
"""
import collections
import io
import json
import pathlib
import zipfile

import torch

HERE = pathlib.Path(__file__).parent / "torch_files"
DTYPES = {torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16",
          torch.int64: "I64", torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint64: "U64",
          torch.uint32: "U32", torch.uint16: "U16", torch.uint8: "U8", torch.bool: "BOOL",
          torch.complex64: "C64", torch.complex128: "C128", torch.float8_e4m3fn: "F8_E4M3",
          torch.float8_e5m2: "F8_E5M2", torch.float8_e4m3fnuz: "F8_E4M3FNUZ", torch.float8_e5m2fnuz: "F8_E5M2FNUZ"}


def views():
    base = torch.arange(24, dtype=torch.float32) / 8 - 1
    grid = base.view(4, 6)
    return collections.OrderedDict(
        whole=grid, transposed=grid.t(), offset=base[5:9], every_other=grid[:, ::2], corner=grid[1:3, 2:5],
        expanded=torch.tensor([1.5, -2.5]).unsqueeze(1).expand(2, 5), permuted=base.view(2, 3, 4).permute(2, 0, 1),
        same_as_whole=grid, scalar=torch.tensor(3.25), empty=torch.empty(0, 7), one=grid[2:3, 3:4],
        column=grid[:, 1])


def dtypes(kinds):
    out = collections.OrderedDict()
    for kind in kinds:
        values = torch.tensor([0, 1, 2, 3, 100])
        out[str(kind).removeprefix("torch.")] = (values.to(torch.float32) if kind.is_floating_point else values).to(kind)
    return out


def contents(tensors):
    out = {}
    for name, tensor in tensors.items():
        tensor = tensor.detach()
        values = None if tensor.dtype.is_complex else tensor.contiguous().to(torch.float64).flatten().tolist()
        out[name] = {"dtype": DTYPES[tensor.dtype], "shape": list(tensor.shape), "values": values}
    return out


def tagged(data, kind):
    """The file with its storages said to live on a GPU."""
    if kind == "stream":  # BINUNICODE with its length
        return data.replace(b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0")
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for entry in old.infolist():
            text = old.read(entry)
            if entry.filename.endswith("data.pkl"):
                text = text.replace(b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0")
            new.writestr(entry.filename, text)
    return out.getvalue()


def main():
    torch.manual_seed(0)
    HERE.mkdir(exist_ok=True)
    expected = {}

    def save(name, value, tensors, zipped, change=None, **options):
        out = io.BytesIO()
        torch.save(value, out, _use_new_zipfile_serialization=zipped, **options)
        data = out.getvalue()
        (HERE / name).write_bytes(change(data) if change else data)
        expected[name] = contents(tensors)

    linear = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.LayerNorm(2))
    old = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16,
           torch.int8, torch.uint8, torch.bool, torch.complex64, torch.complex128]
    new = [kind for kind in DTYPES if kind not in old]
    parameters = collections.OrderedDict((n, torch.nn.Parameter(t)) for n, t in linear.state_dict().items())
    marked = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
    marked.sequence_parallel = True  # an attribute, as trainers on several devices set it
    noted = torch.tensor([4.0, 5.0])
    noted.note = "kept"
    for kind, zipped in (("zip", True), ("stream", False)):
        save(f"views_{kind}.pt", views(), views(), zipped)
        save(f"dtypes_{kind}.pt", dtypes(old), dtypes(old), zipped)
        save(f"module_{kind}.bin", linear.state_dict(), linear.state_dict(), zipped)
        save(f"parameters_{kind}.bin", {**parameters, "marked": marked, "noted": noted},
             {**parameters, "marked": marked, "noted": noted}, zipped)
        save(f"nested_{kind}.ckpt",
             {"epoch": 3, "lr": 1e-3, "name": "x", "none": None, "flags": [True, False], "big": 1 << 80,
              "state_dict": {"module." + n: t for n, t in linear.state_dict().items()},
              "optimizer": {"state": {0: {"step": torch.tensor(5.0)}}, "param_groups": [{"lr": 0.1, "betas": (0.9, 0.99)}]}},
             linear.state_dict(), zipped)
        save(f"cuda_{kind}.pt", linear.state_dict(), linear.state_dict(), zipped, lambda d, k=kind: tagged(d, k))
    save("new_dtypes_zip.pt", dtypes(new), dtypes(new), True)
    for protocol in (3, 4, 5):
        save(f"protocol{protocol}_zip.pt", {**linear.state_dict(), "k" * 300: torch.ones(2)},
             {**linear.state_dict(), "k" * 300: torch.ones(2)}, True, pickle_protocol=protocol)
    (HERE / "expected.json").write_text(json.dumps(expected, indent=0) + "\n")

    codes = torch.arange(256, dtype=torch.uint8)
    tables = {}
    for kind in (torch.float8_e4m3fn, torch.float8_e5m2, torch.float8_e4m3fnuz, torch.float8_e5m2fnuz,
                 torch.float8_e8m0fnu):
        name = {torch.float8_e8m0fnu: "F8_E8M0"}.get(kind) or DTYPES[kind]
        bits = codes.view(kind).to(torch.float32).view(torch.int32).to(torch.int64) & 0xFFFFFFFF
        tables[name] = bits.tolist()
    (HERE / "float8.json").write_text(json.dumps(tables) + "\n")


if __name__ == "__main__":
    main()
