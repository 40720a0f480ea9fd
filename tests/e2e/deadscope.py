"""Runs the program as a person would and reads what it leaves: used by every end-to-end test.

DEADSCOPE names the program under test, DEADSCOPE_SOURCE the source tree (set by ctest)."""
import json
import os
import pathlib
import struct
import subprocess

PROGRAM = os.environ["DEADSCOPE"]
SOURCE = pathlib.Path(os.environ["DEADSCOPE_SOURCE_DIR"])
ZOO = json.loads((SOURCE / "assets/models/zoo.json").read_text())


def run(*arguments, status=0, env=None, timeout=300):
    """stdout and stderr of `deadscope ARGUMENTS`, after its exit status was found to be as expected."""
    clean = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, env={**clean, **(env or {})},
                          timeout=timeout, stdin=subprocess.DEVNULL)
    out, err = done.stdout.decode("utf-8"), done.stderr.decode("utf-8")
    assert done.returncode == status, f"{arguments}: status {done.returncode}, expected {status}\n{out}\n{err}"
    if status != 0:
        assert out == "", f"{arguments}: stdout must stay empty on failure, found {out!r}"
        assert 1 <= len(err.strip().splitlines()) <= 5, f"{arguments}: one to five lines expected:\n{err}"
    return out, err


def report(*arguments, **keywords):
    """The JSON report that a command writes to stdout."""
    def refuse(word):
        raise AssertionError(f"{word} in a report: what does not exist is null")
    return json.loads(run(*arguments, "--json", "-", **keywords)[0], parse_constant=refuse)


def read_safetensors(path):
    """{name: (dtype, shape, bytes)} and the metadata."""
    data = pathlib.Path(path).read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + length])
    body = data[8 + length:]
    metadata = header.pop("__metadata__", {})
    return {name: (t["dtype"], t["shape"], body[t["data_offsets"][0]:t["data_offsets"][1]]) for name, t in header.items()}, metadata


def write_safetensors(path, tensors):
    """tensors: {name: (dtype, shape, bytes)}, laid out one after another."""
    header, offset = {}, 0
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, offset + len(data)]}
        offset += len(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    pathlib.Path(path).write_bytes(struct.pack("<Q", len(text)) + text + b"".join(t[2] for t in tensors.values()))


def zoo_folder(name, step=None):
    """The ordinary checkpoint folder of a built-in model."""
    return SOURCE / "assets/models" / name / f"step-{ZOO[name]['steps'][-1] if step is None else step}"
