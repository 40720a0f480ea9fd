"""What a family's file is written in: the golden model, where its blocks are, and helpers for random configurations.

A file of this folder holds any of
    GOLDENS  functions that yield Golden: the committed folders of tests/golden
    PARTS    {model_type: Parts}: where transformers keeps the blocks and the final norm
    FUZZ     {name: function of a numpy Generator that returns a Golden}: for tests/peers/family_fuzz.py
    PREPARE  {model_type: function of a model}: what is changed in the model before its float64 pass (equal mathematics)
    ATTENTION {model_type: transformers' implementation}, where "eager" is not the model's own arithmetic
    UNLIFTED [(owner, name)]: functions that are float32 in the published model and stay so (T5's buckets)
"""

from dataclasses import dataclass, field
from typing import Callable

import torch
import transformers as tf


@dataclass
class Golden:
    name: str
    cls: type  # what the checkpoint holds
    config: tf.PreTrainedConfig
    seed: int
    dtype: torch.dtype = torch.float32
    batch: tuple = (2, 36)  # tokens [B, T], or (B,) pictures or sounds
    shard: str | None = None  # save_pretrained's max_shard_size
    legacy: dict = field(default_factory=dict)  # config.json keys as older checkpoints spell them; None: removed, "null": null
    rewrite: Callable | None = None  # or a function that changes the dictionary of config.json
    strip_prefix: str = ""  # tensor names without it, as the hub's gpt2 has them
    rename: Callable | None = None  # {name: tensor} -> {name: tensor}, as the published files have them
    mask_buffers: bool = False  # unused h.i.attn.bias tensors, as the hub's gpt2 has them
    dead_gamma: dict = field(default_factory=dict)  # channel -> final γ
    tower: str = ""  # MODEL#tower
    picture: tuple = ()  # [height, width], where it is not the configuration's
    readings: bool = True  # False: streams alone, where measures.py does not know the norms
    refused: str = ""  # the program must refuse the checkpoint, naming this


@dataclass
class Parts:
    """Dotted paths from the base model (`model.<base_model_prefix>`, or the model itself). Blocks are counted by their
    calls, so that a shared one may stand for several (ALBERT)."""
    blocks: str
    norm: str | None  # None: post-norm blocks, read behind the last one
    call: str | None = None  # what is run, where it is not the whole model ("encoder"); no logits then
    behind: str = ""  # a module whose output is that of the block that was called last (DeBERTa's convolution)
    whole: bool = False  # paths from the model itself, whatever its base_model_prefix names (DINOv3)
    norm_of_all: bool = False  # the model norms one token only; here the norm is applied to the whole last stream


DTYPES = (torch.float32, torch.bfloat16, torch.float16)


def pick(rng, *values):
    return values[int(rng.integers(len(values)))]


def coin(rng, p=0.5):
    return bool(rng.random() < p)


def sizes(rng, even_head=True):
    """(heads, key/value heads, head dim): width = heads · head dim."""
    heads = pick(rng, 2, 3, 4, 6)
    kv = pick(rng, *[k for k in (1, 2, 3, heads) if heads % k == 0])
    return heads, kv, pick(rng, 4, 6, 8, 12) if even_head else pick(rng, 4, 5, 6, 8)


def rope(rng, head_dim, kinds=("default", "linear", "dynamic", "yarn", "longrope", "llama3"), partial=None, context=64):
    """Random rope_parameters of one of these kinds. `partial`: the share of the head that turns, where the family has one."""
    turned = int(head_dim * (1.0 if partial is None else partial))
    kinds = [k for k in kinds if k != "dynamic" or turned > 2]  # its exponent divides by two less than that
    kind = pick(rng, *kinds)
    p = {"rope_type": kind, "rope_theta": float(pick(rng, 300.0, 1000.0, 10000.0, 500000.0))}
    if partial is not None:
        p["partial_rotary_factor"] = partial
    original = context // 4
    if kind in ("linear", "dynamic", "yarn", "llama3"):
        p["factor"] = float(pick(rng, 2.0, 4.0, 3.5))
    if kind == "yarn":
        p["original_max_position_embeddings"] = original
        if coin(rng):
            p |= {"beta_fast": 16.0, "beta_slow": 2.0}
        if coin(rng, 0.3):
            p["attention_factor"] = 1.2
        elif coin(rng, 0.5):
            p |= {"mscale": 0.8, "mscale_all_dim": 0.6}
        if coin(rng, 0.3):
            p["truncate"] = False
    if kind == "llama3":
        p |= {"original_max_position_embeddings": original, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
    if kind == "longrope":
        p |= {"original_max_position_embeddings": original, "factor": 4.0,
              "short_factor": [float(x) for x in 1 + rng.random(turned // 2)],
              "long_factor": [float(x) for x in 1 + 3 * rng.random(turned // 2)]}
        if coin(rng, 0.4):
            p["attention_factor"] = 1.1
    return p


def published_rope(config, partial_key="partial_rotary_factor"):
    """The dictionary of config.json as transformers 4 wrote it: rope_theta and rope_scaling, torch_dtype."""
    p = dict(config.pop("rope_parameters", None) or {})
    if "dtype" in config:
        config["torch_dtype"] = config.pop("dtype")
    if not p:
        return
    config["rope_theta"] = p.pop("rope_theta", 10000.0)
    if "partial_rotary_factor" in p:
        config[partial_key] = p.pop("partial_rotary_factor")
    config["rope_scaling"] = None if p.get("rope_type", "default") == "default" else p
