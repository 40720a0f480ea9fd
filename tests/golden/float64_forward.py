"""A forward pass of a transformers model that is float64 from end to end, and the instruments to prove it.

`model.double()` is not enough: transformers asks for float32 by name inside RMSNorm, softmax and the
rotary tables. `Float64Everywhere` answers each such request with float64; `DtypeTrace` sees every tensor
that ATen makes, so that nothing narrower can slip through. What the models are is left to golden_models.py.
"""

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

NARROW = (torch.float32, torch.float16, torch.bfloat16)
NARROWING_METHODS = (torch.Tensor.float, torch.Tensor.half, torch.Tensor.bfloat16)


class Float64Everywhere(TorchFunctionMode):
    """Answers every request for a narrower floating type with float64: `.to(torch.float32)`, `.float()`,
    `softmax(..., dtype=torch.float32)`, `arange(..., dtype=torch.float)`."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func in NARROWING_METHODS:
            func = torch.Tensor.double
        args, kwargs = tree_map(lambda x: torch.float64 if isinstance(x, torch.dtype) and x in NARROW else x,
                                (args, kwargs or {}))
        return func(*args, **kwargs)


class DtypeTrace(TorchDispatchMode):
    """Counts the ATen calls and lists those that yield a floating tensor narrower than float64."""

    def __init__(self):
        super().__init__()
        self.calls = 0
        self.narrow = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        self.calls += 1
        for leaf in tree_leaves(out):
            if isinstance(leaf, torch.Tensor) and leaf.is_floating_point() and leaf.dtype != torch.float64:
                self.narrow.append(f"{func} -> {leaf.dtype}")
        return out


def parts(model):
    """(blocks, final norm or None where the blocks are post-norm)"""
    kind = model.config.model_type
    core = getattr(model, model.base_model_prefix, model)
    if kind == "gpt2":
        return core.h, core.ln_f
    if kind == "bert":
        return core.encoder.layer, None
    if kind == "vit":
        return core.layers, core.layernorm
    if kind in ("llama", "stablelm"):
        return core.layers, core.norm
    raise SystemExit(f"no hooks known for model_type {kind!r}")


def rebuild_rotary_tables(model):
    """The rotary frequencies are made in float32 when the model is built; make them again (call under
    Float64Everywhere)."""
    core = getattr(model, model.base_model_prefix, model)
    if hasattr(core, "rotary_emb"):
        core.rotary_emb = type(core.rotary_emb)(model.config)


def streams(model, inputs):
    """The tensors that `deadscope activations` writes, by name, in the model's own arithmetic."""
    blocks, final_norm = parts(model)
    caught = {}

    def flat(x):
        x = x[0] if isinstance(x, tuple) else x
        return x.detach().reshape(-1, x.shape[-1])  # [N, d], rows in the order of the batch

    def keep_input(_module, args, kwargs):
        caught["blocks.0.hook_resid_pre"] = flat(args[0] if args else kwargs["hidden_states"])

    def keep_output(name):
        def hook(_module, _args, out):
            caught[name] = flat(out)
        return hook

    hooks = [blocks[0].register_forward_pre_hook(keep_input, with_kwargs=True)]
    hooks += [b.register_forward_hook(keep_output(f"blocks.{i}.hook_resid_post")) for i, b in enumerate(blocks)]
    if final_norm is not None:
        hooks.append(final_norm.register_forward_hook(keep_output("ln_final.hook_normalized")))
    try:
        with torch.no_grad():
            out = model(**inputs)
    finally:
        for h in hooks:
            h.remove()
    if final_norm is None:
        caught["ln_final.hook_normalized"] = caught[f"blocks.{len(blocks) - 1}.hook_resid_post"].clone()
    if type(model).__name__.endswith(("LMHeadModel", "ForCausalLM")):
        caught["logits"] = flat(out.logits)[:64].clone()  # [min(64, N), vocabulary]
    return caught


def load(cls, folder, dtype):
    """The checkpoint in `dtype`, every parameter from the file; a float16 or bfloat16 file widens exactly."""
    model, info = cls.from_pretrained(folder, dtype=dtype, attn_implementation="eager", output_loading_info=True)
    missing = [k for k in info["missing_keys"] if not k.startswith("pooler.")]
    if missing or info["mismatched_keys"]:
        raise SystemExit(f"{folder}: missing {missing}, mismatched {info['mismatched_keys']}")
    return model.eval()


def lifted_streams(model, inputs):
    """Streams in float64 throughout, and the trace that shows it. Leaves the model's tables in float64."""
    with Float64Everywhere():
        rebuild_rotary_tables(model)
        with DtypeTrace() as trace:
            return streams(model, inputs), trace


def traced_streams(model, inputs):
    """Streams as transformers computes them, with the trace of what it did."""
    with DtypeTrace() as trace:
        return streams(model, inputs), trace
