"""The same forward passes written again in NumPy's extended precision, sharing no code with transformers.

They read the checkpoint files by their published names and compute in `longdouble` (64 bits of mantissa on
x86), so agreement to 1e-13 proves that the oracle is float64 throughout and that the names mean what we
think. erf alone is taken in float64.
"""

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from scipy.special import erf

LD = np.longdouble


def read_checkpoint(folder):
    """(config, {name: longdouble array}); a 16-bit file widens exactly."""
    folder = Path(folder)
    config = json.loads((folder / "config.json").read_text())
    tensors = {}
    for file in sorted(folder.glob("*.safetensors")):
        tensors |= {k: t.to(torch.float64).numpy().astype(LD) for k, t in load_file(file).items()}
    return config, tensors


ACTIVATIONS = {
    "relu": lambda x: np.maximum(x, 0),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "gelu": lambda x: x / 2 * (1 + erf(np.float64(x / np.sqrt(LD(2)))).astype(LD)),
    "gelu_new": lambda x: x / 2 * (1 + np.tanh(np.sqrt(2 / LD(np.pi)) * (x + LD(0.044715) * x**3))),
    "quick_gelu": lambda x: x / (1 + np.exp(-LD(1.702) * x)),
}
ACTIVATIONS["gelu_pytorch_tanh"] = ACTIVATIONS["gelu_new"]


class Model:
    """One checkpoint; `p` is the prefix of the tensor names of the module at hand."""

    def __init__(self, folder):
        self.config, self.tensors = read_checkpoint(folder)
        self.act = ACTIVATIONS[self.config.get("hidden_act") or self.config["activation_function"]]

    def has(self, name):
        return name in self.tensors

    def linear(self, p, x, transposed=False):
        w = self.tensors[p + ".weight"]
        y = x @ (w if transposed else w.T)  # GPT-2's Conv1D stores [in, out]
        return y + self.tensors[p + ".bias"] if self.has(p + ".bias") else y

    def layer_norm(self, p, x, eps):
        c = x - x.mean(-1, keepdims=True)
        z = c / np.sqrt((c * c).mean(-1, keepdims=True) + LD(eps))
        z = z * self.tensors[p + ".weight"]
        return z + self.tensors[p + ".bias"] if self.has(p + ".bias") else z

    def rms_norm(self, p, x, eps):
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + LD(eps)) * self.tensors[p + ".weight"]


def attend(q, k, v, scale, causal):
    """q [B, H, T, e], k and v [B, K, T, e] with K a divisor of H -> [B, T, H*e]"""
    groups = q.shape[1] // k.shape[1]
    k, v = np.repeat(k, groups, axis=1), np.repeat(v, groups, axis=1)
    s = q @ k.swapaxes(-1, -2) * scale
    if causal:
        s = np.where(np.tril(np.ones(s.shape[-2:], bool)), s, LD(-np.inf))
    a = np.exp(s - s.max(-1, keepdims=True))
    a /= a.sum(-1, keepdims=True)
    y = a @ v
    return y.swapaxes(1, 2).reshape(y.shape[0], y.shape[2], -1)


def heads(x, n):
    return x.reshape(*x.shape[:2], n, -1).swapaxes(1, 2)  # [B, T, n*e] -> [B, n, T, e]


def rotary_frequencies(config, head_dim):
    """Angles per position of each rotated pair, `[dim / 2]`: the plain rule, or Llama 3's."""
    r = config.get("rope_parameters") or {"rope_type": "default", "rope_theta": config["rope_theta"],
                                          "partial_rotary_factor": config.get("partial_rotary_factor", 1.0)}
    dim = int(head_dim * r.get("partial_rotary_factor", 1.0))
    freq = LD(r["rope_theta"]) ** (-np.arange(0, dim, 2).astype(LD) / dim)
    if r["rope_type"] == "llama3":
        wavelength = 2 * LD("3.14159265358979323846") / freq
        original = LD(r["original_max_position_embeddings"])
        low, high = LD(r["low_freq_factor"]), LD(r["high_freq_factor"])
        blend = np.clip((original / wavelength - low) / (high - low), 0, 1)
        freq = (1 - blend) * freq / LD(r["factor"]) + blend * freq
    return freq, dim


def rotate(x, freq, dim):
    """x [B, H, T, e]; the first `dim` of e are rotated, halves against each other."""
    angle = np.arange(x.shape[2]).astype(LD)[:, None] * freq  # [T, dim / 2]
    c, s = np.cos(angle), np.sin(angle)
    a, b, rest = x[..., : dim // 2], x[..., dim // 2 : dim], x[..., dim:]
    return np.concatenate([a * c - b * s, b * c + a * s, rest], axis=-1)


def gpt2(m, tokens):
    c, t = m.config, m.tensors
    root = "" if m.has("wte.weight") else "transformer."
    x = t[root + "wte.weight"][tokens] + t[root + "wpe.weight"][np.arange(tokens.shape[1])]
    yield x
    for i in range(c["n_layer"]):
        p = f"{root}h.{i}."
        q, k, v = np.split(m.linear(p + "attn.c_attn", m.layer_norm(p + "ln_1", x, c["layer_norm_epsilon"]), True), 3, -1)
        e = c["n_embd"] // c["n_head"]
        scale = 1 / np.sqrt(LD(e)) if c["scale_attn_weights"] else LD(1)
        scale = scale / (i + 1) if c["scale_attn_by_inverse_layer_idx"] else scale
        x = x + m.linear(p + "attn.c_proj", attend(*(heads(y, c["n_head"]) for y in (q, k, v)), scale, True), True)
        h = m.act(m.linear(p + "mlp.c_fc", m.layer_norm(p + "ln_2", x, c["layer_norm_epsilon"]), True))
        x = x + m.linear(p + "mlp.c_proj", h, True)
        yield x
    y = m.layer_norm(root + "ln_f", x, c["layer_norm_epsilon"])
    yield y
    yield y @ t["lm_head.weight" if m.has("lm_head.weight") else root + "wte.weight"].T


def llama(m, tokens):
    """llama, and stablelm, which is llama with LayerNorm, partial rotation and perhaps one norm per block."""
    c, t = m.config, m.tensors
    layer = c["model_type"] == "stablelm"
    norm, eps = (m.layer_norm, c["layer_norm_eps"]) if layer else (m.rms_norm, c["rms_norm_eps"])
    e = c.get("head_dim") or c["hidden_size"] // c["num_attention_heads"]
    freq, dim = rotary_frequencies(c, e)
    x = t["model.embed_tokens.weight"][tokens]
    yield x
    for i in range(c["num_hidden_layers"]):
        p = f"model.layers.{i}."
        n = norm(p + "input_layernorm", x, eps)
        q = heads(m.linear(p + "self_attn.q_proj", n), c["num_attention_heads"])
        k = heads(m.linear(p + "self_attn.k_proj", n), c["num_key_value_heads"])
        if c.get("qk_layernorm"):
            q, k = (np.stack([m.layer_norm(f"{p}self_attn.{s}_layernorm.norms.{h}", x[:, h], eps) for h in range(x.shape[1])], 1)
                    for s, x in (("q", q), ("k", k)))
        q, k = rotate(q, freq, dim), rotate(k, freq, dim)
        v = heads(m.linear(p + "self_attn.v_proj", n), c["num_key_value_heads"])
        a = m.linear(p + "self_attn.o_proj", attend(q, k, v, 1 / np.sqrt(LD(e)), True))
        x = x + a
        if not c.get("use_parallel_residual"):
            n = norm(p + "post_attention_layernorm", x, eps)
        h = m.act(m.linear(p + "mlp.gate_proj", n)) * m.linear(p + "mlp.up_proj", n)
        x = x + m.linear(p + "mlp.down_proj", h)
        yield x
    y = norm("model.norm", x, eps)
    yield y
    yield y @ t["model.embed_tokens.weight" if c["tie_word_embeddings"] else "lm_head.weight"].T


def bert(m, tokens):
    c, t, eps = m.config, m.tensors, m.config["layer_norm_eps"]
    root = "" if m.has("embeddings.word_embeddings.weight") else "bert."
    e = root + "embeddings."
    x = t[e + "word_embeddings.weight"][tokens] + t[e + "token_type_embeddings.weight"][0]
    x = m.layer_norm(e + "LayerNorm", x + t[e + "position_embeddings.weight"][np.arange(tokens.shape[1])], eps)
    yield x
    n = c["num_attention_heads"]
    for i in range(c["num_hidden_layers"]):
        p = f"{root}encoder.layer.{i}."
        q, k, v = (heads(m.linear(p + "attention.self." + s, x), n) for s in ("query", "key", "value"))
        a = m.linear(p + "attention.output.dense", attend(q, k, v, 1 / np.sqrt(LD(c["hidden_size"] // n)), False))
        x = m.layer_norm(p + "attention.output.LayerNorm", x + a, eps)
        h = m.linear(p + "output.dense", m.act(m.linear(p + "intermediate.dense", x)))
        x = m.layer_norm(p + "output.LayerNorm", x + h, eps)
        yield x
    yield x


def vit(m, pixels):
    c, t, eps = m.config, m.tensors, m.config["layer_norm_eps"]
    root = "" if m.has("embeddings.cls_token") else "vit."
    e, s = root + "embeddings.", c["patch_size"]
    B, C, H, W = pixels.shape
    x = pixels.astype(LD).reshape(B, C, H // s, s, W // s, s).transpose(0, 2, 4, 1, 3, 5).reshape(B, -1, C * s * s)
    w = t[e + "patch_embeddings.projection.weight"].reshape(c["hidden_size"], -1)
    x = x @ w.T + t[e + "patch_embeddings.projection.bias"]
    x = np.concatenate([np.broadcast_to(t[e + "cls_token"], (B, 1, x.shape[-1])), x], 1) + t[e + "position_embeddings"]
    yield x
    n = c["num_attention_heads"]
    for i in range(c["num_hidden_layers"]):
        p = f"{root}encoder.layer.{i}."
        y = m.layer_norm(p + "layernorm_before", x, eps)
        q, k, v = (heads(m.linear(p + "attention.attention." + r, y), n) for r in ("query", "key", "value"))
        x = x + m.linear(p + "attention.output.dense", attend(q, k, v, 1 / np.sqrt(LD(c["hidden_size"] // n)), False))
        y = m.act(m.linear(p + "intermediate.dense", m.layer_norm(p + "layernorm_after", x, eps)))
        x = x + m.linear(p + "output.dense", y)
        yield x
    yield m.layer_norm(root + "layernorm", x, eps)


FORWARDS = {"gpt2": gpt2, "llama": llama, "stablelm": llama, "bert": bert, "vit": vit}


def reference_streams(folder, data):
    """The same names and shapes as the oracle's, in longdouble."""
    m = Model(folder)
    layers = m.config.get("num_hidden_layers") or m.config["n_layer"]
    names = ["blocks.0.hook_resid_pre"] + [f"blocks.{i}.hook_resid_post" for i in range(layers)]
    names += ["ln_final.hook_normalized", "logits"]
    out = {k: x.reshape(-1, x.shape[-1]) for k, x in zip(names, FORWARDS[m.config["model_type"]](m, data))}
    if "logits" in out:
        out["logits"] = out["logits"][:64]
    return out
