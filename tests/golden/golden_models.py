"""The random parameters and inputs of the golden models; their configurations are in families/, a file each."""

import numpy as np
import torch

from families import all_goldens  # noqa: F401
from float64_forward import parts


def randomise(model, golden):
    """Every parameter random: γ log-normal with three in ten negative, β and biases nowhere zero, queries and
    keys wide enough that attention is far from uniform."""
    rng = np.random.default_rng(golden.seed)
    done = set()
    for module_name, module in model.named_modules():
        for name, p in module.named_parameters(recurse=False):
            if id(p) in done:
                continue
            done.add(id(p))
            p.data.copy_(torch.from_numpy(np.asarray(_draw(rng, module, f"{module_name}.{name}", tuple(p.shape)))))
        for name, b in module.named_buffers(recurse=False):
            if name in ("e_score_correction_bias", "layer_scalar"):  # DeepSeek-V3's and Gemma 4's, which the file holds
                b.copy_(torch.from_numpy((name == "layer_scalar") + 0.3 * rng.standard_normal(tuple(b.shape))))
    for channel, value in golden.dead_gamma.items():
        found = parts(model, golden.tower)
        (found.norm or found.blocks[-1].output.LayerNorm).weight.data[channel] = value


def _draw(rng, module, name, shape):
    kind = type(module).__name__
    normal = rng.standard_normal(shape)
    if "Norm" in kind:
        if name.endswith(".weight"):
            return np.exp(0.4 * normal) * np.where(rng.random(shape) < 0.3, -1.0, 1.0)
        return 0.3 * normal
    if "Embedding" in kind:
        return (0.5 if "position" in name or "wpe" in name else 0.8) * normal
    if len(shape) == 1:
        return 0.3 * normal
    experts = len(shape) == 3 and not kind.startswith("Conv")  # [experts, out, in]
    fan_in = shape[0] if kind == "Conv1D" else shape[-1] if experts else int(np.prod(shape[1:]))
    sharp = any(s in name for s in ("q_proj", "k_proj", "query", "key", "c_attn"))
    return (1.6 if sharp else 0.9) / np.sqrt(fan_in) * normal


def make_inputs(golden):
    """{argument of the model's forward: array}; pixels and sound are float32 as a user brings them."""
    rng = np.random.default_rng(golden.seed + 1000)
    c = golden.config
    if golden.tower:
        c = getattr(c, f"{golden.tower}_config", c)
    if golden.tower == "vision" or (not golden.tower and golden.cls.main_input_name == "pixel_values"):
        sides = c.image_size if isinstance(c.image_size, (list, tuple)) else (c.image_size, c.image_size)
        h, w = golden.picture or sides
        return {"pixel_values": rng.standard_normal((*golden.batch, c.num_channels, h, w)).astype(np.float32)}
    if golden.cls.main_input_name == "input_features":
        shape = (*golden.batch, c.num_mel_bins, 2 * c.max_source_positions)
        return {"input_features": rng.standard_normal(shape).astype(np.float32)}
    return {"input_ids": rng.integers(0, c.get_text_config().vocab_size, golden.batch, dtype=np.int64)}
