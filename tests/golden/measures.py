"""The measurements of the goldens, by NumPy in float64: SVD of the matrix itself, never of its Gram matrix.

Definitions: singular values are those of X / sqrt(N); centred means the mean over tokens taken off;
lambda_v = v'Cv is summed in extended precision, so that it shows the rounding of Y and not of the sum.
"""

import numpy as np
import torch
from safetensors.torch import load_file

DEAD = 1e-6  # a direction counts as dead at σ <= DEAD * σ_max
LD = np.longdouble


def singular_values(x, centred):
    x = x - x.mean(0) if centred else x
    return np.linalg.svd(x / np.sqrt(len(x)), compute_uv=False)


def block_table(streams):
    names = ["blocks.0.hook_resid_pre"] + [k for k in streams if k.endswith("hook_resid_post")]
    rows = []
    for index, name in enumerate(names):
        plain, centred = (singular_values(streams[name], c) for c in (False, True))
        rows.append({"index": index, "sigma_min": plain[-1], "sigma_max": plain[0],
                     "sigma_min_centred": centred[-1], "sigma_max_centred": centred[0]})
    return rows


def predict(gamma):
    """(v `[d]`, basis of the kernel `[k, d]`) of a LayerNorm with this γ. Where γ holds zeros the kernel is spanned by
    their channels, and v, the limit of γ⁻¹, is but one of its vectors."""
    zeros = np.flatnonzero(gamma == 0)
    v = (gamma == 0).astype(LD) if len(zeros) else 1 / gamma.astype(LD)
    v = (v / np.sqrt((v * v).sum())).astype(np.float64)
    return v, np.eye(len(gamma))[zeros] if len(zeros) else v[None]


def final_reading(y, gamma, kind):
    """Spectrum of the final norm's output and its alignment with the prediction. y [N, d], gamma [d]"""
    v, kernel = predict(gamma)
    n, d = y.shape
    _, sigma, vt = np.linalg.svd((y - y.mean(0)) / np.sqrt(n), full_matrices=False)
    dead = vt[sigma <= DEAD * sigma[0]]
    wide = y.astype(LD)
    projected = (wide - wide.mean(0)) @ v.astype(LD)
    unique = len(kernel) == 1
    return {
        "prediction": {"kernel_dimension": len(kernel) if kind == "LayerNorm" else 0, "v": v,
                       "kernel": None if unique else kernel},
        "alignment": abs(vt[-1] @ v) if unique else None,
        "alignment_subspace": np.linalg.norm(dead @ v) if len(dead) else None,
        "dead_directions": len(dead),
        "lambda_v": float((projected * projected).mean()),
        "lambda_min": sigma[-1] ** 2, "lambda_max": sigma[0] ** 2, "lambda_mean": (sigma**2).sum() / d,
        "final": {"singular_values": sigma, "bottom": vt[-1]},
    }


def norm_names(config, tensors):
    """[(name, block or None)] in the order of the forward pass, the final norm (or a post-norm encoder's last) last"""
    kind = config["model_type"]
    layers = config.get("num_hidden_layers") or config.get("n_layer")
    root = {"gpt2": "transformer.", "llama": "model.", "stablelm": "model.", "bert": "bert.", "vit": "vit."}[kind]
    root = root if any(k.startswith(root) for k in tensors) else ""
    inside = {"gpt2": ("h.{}.ln_1", "h.{}.ln_2"),
              "llama": ("layers.{}.input_layernorm", "layers.{}.post_attention_layernorm"),
              "bert": ("encoder.layer.{}.attention.output.LayerNorm", "encoder.layer.{}.output.LayerNorm"),
              "vit": ("encoder.layer.{}.layernorm_before", "encoder.layer.{}.layernorm_after")}
    inside["stablelm"] = inside["llama"]
    names = [(root + "embeddings.LayerNorm", None)] if kind == "bert" else []
    names += [(root + f.format(i), i) for i in range(layers) for f in inside[kind]]
    final = {"gpt2": "ln_f", "llama": "norm", "stablelm": "norm", "vit": "layernorm"}.get(kind)
    names += [(root + final, None)] if final else []
    return [(n, b) for n, b in names if n + ".weight" in tensors]  # a parallel block has one norm


def statistics(x):
    return {"min": x.min(), "max": x.max(), "mean": x.mean(), "l2": np.linalg.norm(x),
            "zeros": int((x == 0).sum()), "negatives": int((x < 0).sum())}


def norm_table(folder, config):
    """The `norms` list of the report, and the final norm's γ."""
    tensors = {}
    for file in sorted(folder.glob("*.safetensors")):
        tensors |= load_file(file)
    eps = next(config[k] for k in ("layer_norm_epsilon", "layer_norm_eps", "rms_norm_eps") if k in config)
    kind = "RMSNorm" if config["model_type"] == "llama" else "LayerNorm"
    rows, gamma = [], None
    for name, block in norm_names(config, tensors):
        gamma = tensors[name + ".weight"].to(torch.float64).numpy()
        beta = tensors.get(name + ".bias")
        rows.append({"name": name, "block": block, "kind": kind, "eps": eps, "d": len(gamma), "gamma": statistics(gamma),
                     "beta": None if beta is None else statistics(beta.to(torch.float64).numpy())})
    return rows, gamma, kind
