#!/usr/bin/env python3
"""What a checkpoint of 30 GB costs: writes one of Command-R's or Llama's shapes at d = 8192, sparsely, and reads it.

    large_checkpoint.py build/release/deadscope FOLDER [--family cohere|llama] [--layers N] [--memory 8G] [--tokens 64]
                        [--keep]

The file has its full length, but only the norms, the embeddings and the first ROWS rows of every matrix are written;
the rest are holes, which read as zeros at no cost of disk. The arithmetic does not care: every element is read,
converted and multiplied. Printed for each command: seconds, peak resident memory, bytes read.
"""
import argparse
import json
import math
import multiprocessing
import os
import shutil
import struct
import subprocess
import sys
import time
from pathlib import Path

D, VOCABULARY, ROWS = 8192, 4096, 64
SHARD = 6  # blocks a file


def config_of(family, layers):
    shared = {"hidden_size": D, "num_hidden_layers": layers, "num_attention_heads": 64, "vocab_size": VOCABULARY,
              "max_position_embeddings": 8192, "hidden_act": "silu", "torch_dtype": "bfloat16"}
    if family == "llama":  # Llama-2-70B
        return shared | {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "intermediate_size": 28672,
                         "num_key_value_heads": 8, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
                         "tie_word_embeddings": True}
    return shared | {"model_type": "cohere", "architectures": ["CohereForCausalLM"], "intermediate_size": 22528,
                     "num_key_value_heads": 64, "layer_norm_eps": 1e-5, "rope_theta": 8000000.0, "logit_scale": 0.0625,
                     "use_qk_norm": False, "tie_word_embeddings": True}  # Command-R


def block_tensors(config, i):
    """(name, shape) of block i, in the order in which they lie in the file."""
    head = D // config["num_attention_heads"]
    inner, keys = config["intermediate_size"], config["num_key_value_heads"] * head
    at = f"model.layers.{i}."
    yield at + "input_layernorm.weight", (D,)
    if config["model_type"] == "llama":
        yield at + "post_attention_layernorm.weight", (D,)
    for name, shape in [("self_attn.q_proj", (D, D)), ("self_attn.k_proj", (keys, D)), ("self_attn.v_proj", (keys, D)),
                        ("self_attn.o_proj", (D, D)), ("mlp.gate_proj", (inner, D)), ("mlp.up_proj", (inner, D)),
                        ("mlp.down_proj", (D, inner))]:
        yield f"{at}{name}.weight", shape


def bf16(values):
    import numpy as np
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16).tobytes()


def values_of(name, shape, draw):
    """The part of a tensor that is written: all of a norm and of the embeddings, the first rows of a matrix."""
    import numpy as np
    if len(shape) == 1:
        return np.exp(draw.normal(0, 0.3, shape))
    if "embed" in name:
        return draw.normal(0, 1, shape)
    return draw.normal(0, 1 / math.sqrt(ROWS), (min(ROWS, shape[0]), shape[1]))


def write_shard(path, tensors, seed):
    import numpy as np
    header, end = {"__metadata__": {"format": "pt"}}, 0
    for name, shape in tensors:
        size = 2 * math.prod(shape)
        header[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    draw = np.random.default_rng(seed)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        start = file.tell()
        for name, shape in tensors:
            file.seek(start + header[name]["data_offsets"][0])
            file.write(bf16(values_of(name, shape, draw)))
        file.truncate(start + end)


def write_checkpoint(folder, family, layers):
    folder.mkdir(parents=True)
    config = config_of(family, layers)
    (folder / "config.json").write_text(json.dumps(config, indent=2))
    shards = [[t for i in range(first, min(first + SHARD, layers)) for t in block_tensors(config, i)]
              for first in range(0, layers, SHARD)]
    shards[0].insert(0, ("model.embed_tokens.weight", (VOCABULARY, D)))
    shards[-1].append(("model.norm.weight", (D,)))
    places, total = {}, sum(2 * math.prod(shape) for tensors in shards for _, shape in tensors)
    for i, tensors in enumerate(shards):
        name = f"model-{i + 1:05}-of-{len(shards):05}.safetensors"
        # In a process of its own: a child's peak begins with its parent's, and this one stays small.
        writer = multiprocessing.Process(target=write_shard, args=(folder / name, tensors, i))
        writer.start()
        writer.join()
        if writer.exitcode != 0:
            sys.exit(f"{name} could not be written")
        places |= {tensor: name for tensor, _ in tensors}
    index = {"metadata": {"total_size": total}, "weight_map": places}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return total


def run(*command):
    """(seconds, peak resident bytes, bytes from the disk, stdout) of a command, which must succeed."""
    start = time.monotonic()
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE)
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: exit status {process.returncode}")
    return time.monotonic() - start, usage.ru_maxrss * 1024, usage.ru_inblock * 512, out


def bytes_of(text):
    return float(text[:-1]) * 1024 ** (" KMGT".index(text[-1])) if text[-1].isalpha() else float(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--family", choices=["cohere", "llama"], default="llama")
    parser.add_argument("--layers", type=int, default=18)
    parser.add_argument("--memory", default="8G")
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--keep", action="store_true", help="leave the checkpoint there")
    arguments = parser.parse_args()
    total = write_checkpoint(arguments.folder, arguments.family, arguments.layers)
    on_disk = sum(path.stat().st_blocks * 512 for path in arguments.folder.iterdir())
    print(f"{arguments.family}, {arguments.layers} blocks, d = {D}: {total / 1e9:.1f} GB of weights, "
          f"{on_disk / 1e6:.0f} MB of them on the disk")
    try:
        seconds, peak, disk, out = run(arguments.program, "gamma", arguments.folder, "--json", "-")
        norms = json.loads(out)["norms"]
        print(f"gamma: {len(norms)} norms, {seconds:.2f} s, peak {peak / 1e6:.0f} MB resident")
        failed = seconds >= 1.0 or peak >= 100e6
        seconds, peak, disk, out = run(arguments.program, "analyze", arguments.folder, "--random", arguments.tokens,
                                       "--memory", arguments.memory, "--json", "-")
        report = json.loads(out)
        timing = report["timing"]
        print(f"analyze --random {arguments.tokens} --memory {arguments.memory}: {seconds:.1f} s "
              f"(forward {timing['forward_s']:.1f}, spectra {timing['spectra_s']:.1f}), peak {peak / 1e9:.2f} GB resident, "
              f"{timing['bytes_read'] / 1e9:.2f} GB of weights read")
        print(f"  norm {report['norm']['kind']}, λ_v {report['lambda_v']:.3g}, λ_max {report['lambda_max']:.3g}, "
              f"σ_max of the last stream {report['blocks'][-1]['sigma_max']:.3g}")
        failed |= peak >= bytes_of(arguments.memory) or len(report["blocks"]) != arguments.layers + 1
    finally:
        if not arguments.keep:
            shutil.rmtree(arguments.folder)
    sys.exit("a bound was not kept" if failed else 0)


if __name__ == "__main__":
    main()
