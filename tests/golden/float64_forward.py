"""A forward pass of a transformers model that is float64 from end to end, and the instruments to prove it.

`model.double()` is not enough: transformers asks for float32 by name inside RMSNorm, softmax and the
rotary tables. `Float64Everywhere` answers each such request with float64; `DtypeTrace` sees every tensor
that ATen makes, so that nothing narrower can slip through. What the models are is left to families/.
"""

import contextlib
from dataclasses import dataclass

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from families import ATTENTION, PARTS, PREPARE, UNLIFTED

NARROW = (torch.float32, torch.float16, torch.bfloat16)
NARROWING_METHODS = (torch.Tensor.float, torch.Tensor.half, torch.Tensor.bfloat16)


_PAUSED = []  # not empty inside a function of UNLIFTED


class Float64Everywhere(TorchFunctionMode):
    """Answers every request for a narrower floating type with float64: `.to(torch.float32)`, `.float()`,
    `softmax(..., dtype=torch.float32)`, `arange(..., dtype=torch.float)`."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if _PAUSED:
            return func(*args, **(kwargs or {}))
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
        if _PAUSED:
            return out
        for leaf in tree_leaves(out):
            if isinstance(leaf, torch.Tensor) and leaf.is_floating_point() and leaf.dtype != torch.float64:
                self.narrow.append(f"{func} -> {leaf.dtype}")
        return out


@contextlib.contextmanager
def float64_default():
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


@contextlib.contextmanager
def unlifted_functions():
    """Functions of UNLIFTED keep to the arithmetic that their model was trained with."""
    def wrap(function):
        def paused(*args, **kwargs):
            _PAUSED.append(function)
            default = torch.get_default_dtype()
            torch.set_default_dtype(torch.float32)  # what a quotient of whole numbers comes out in
            try:
                return function(*args, **kwargs)
            finally:
                torch.set_default_dtype(default)
                _PAUSED.pop()
        return paused

    kept = [(owner, name, owner.__dict__[name]) for owner, name in UNLIFTED]
    for owner, name, found in kept:
        static = isinstance(found, staticmethod)
        setattr(owner, name, staticmethod(wrap(found.__func__)) if static else wrap(found))
    try:
        yield
    finally:
        for owner, name, found in kept:
            setattr(owner, name, found)


@dataclass
class Found:
    call: torch.nn.Module  # what is run
    blocks: list
    norm: torch.nn.Module | None
    norm_of_all: bool
    behind: torch.nn.Module | None


def parts(model, tower=""):
    """Blocks and final norm, by the table of the model's family; a tower's under "model_type#tower"."""
    kind = model.config.model_type + (f"#{tower}" if tower else "")
    if kind not in PARTS:
        raise SystemExit(f"no parts known for model_type {kind!r}")
    core = getattr(model, model.base_model_prefix, model) if model.base_model_prefix else model
    spec = PARTS[kind](model) if callable(PARTS[kind]) else PARTS[kind]
    core = model if spec.whole else core
    norm = core.get_submodule(spec.norm) if spec.norm is not None else None
    call = model if spec.call is None else core.get_submodule(spec.call)
    behind = core.get_submodule(spec.behind) if spec.behind else None
    return Found(call, list(core.get_submodule(spec.blocks)), norm, spec.norm_of_all, behind)


def has_logits(model, found):
    return found.call is model and type(model).__name__.endswith(("LMHeadModel", "ForCausalLM", "ForConditionalGeneration"))


def streams(model, inputs, tower=""):
    """The tensors that `deadscope activations` writes, by name, in the model's own arithmetic."""
    found = parts(model, tower)
    first, outputs, normed = [], [], []

    def tensor(x):
        return (x[0] if isinstance(x, (tuple, list)) else x).detach()

    def keep_input(_module, args, kwargs):
        first.append(tensor(args[0] if args else kwargs["hidden_states"]).clone())

    hooks = [found.blocks[0].register_forward_pre_hook(keep_input, with_kwargs=True)]
    hooks += [b.register_forward_hook(lambda _m, _a, out: outputs.append(tensor(out).clone())) for b in dict.fromkeys(found.blocks)]
    if found.behind is not None:
        hooks.append(found.behind.register_forward_hook(lambda _m, _a, out: outputs.__setitem__(-1, tensor(out).clone())))
    if found.norm is not None:
        hooks.append(found.norm.register_forward_hook(lambda _m, _a, out: normed.append(tensor(out).clone())))
    try:
        with torch.no_grad():
            out = found.call(**inputs)
            if found.norm_of_all:
                found.norm(outputs[-1])
    finally:
        for h in hooks:
            h.remove()

    def flat(x):
        return x.reshape(-1, x.shape[-1])  # [N, d], rows in the order of the batch

    caught = {"blocks.0.hook_resid_pre": flat(first[0])}
    caught |= {f"blocks.{i}.hook_resid_post": flat(x) for i, x in enumerate(outputs)}
    caught["ln_final.hook_normalized"] = flat(normed[-1] if found.norm is not None else outputs[-1]).clone()
    if has_logits(model, found):
        caught["logits"] = flat(out.logits)[:64].clone()  # [min(64, N), vocabulary]
    return caught


def load(cls, folder, dtype):
    """The checkpoint in `dtype`, every parameter from the file; a float16 or bfloat16 file widens exactly."""
    attention = ATTENTION.get(cls.config_class.model_type, "eager")
    model, info = cls.from_pretrained(folder, dtype=dtype, output_loading_info=True, attn_implementation=attention,
                                      experts_implementation="eager")
    missing = [k for k in info["missing_keys"] if "pooler." not in k]
    if missing or info["mismatched_keys"]:
        raise SystemExit(f"{folder}: missing {missing}, mismatched {info['mismatched_keys']}")
    return model.eval()


def lifted_model(model):
    """The same model with the tables that its constructor makes (rotary frequencies, sinusoids, slopes) in float64."""
    with float64_default(), Float64Everywhere(), unlifted_functions():
        wide = type(model)(model.config).to(torch.float64)
    wide.load_state_dict(model.state_dict())
    PREPARE.get(model.config.model_type, lambda _: None)(wide)
    return wide.eval()


def lifted_streams(model, inputs, tower=""):
    """Streams in float64 throughout, and the trace that shows it."""
    wide = lifted_model(model)
    with float64_default(), unlifted_functions(), Float64Everywhere(), DtypeTrace() as trace:
        return streams(wide, inputs, tower), trace


def traced_streams(model, inputs, tower=""):
    """Streams as transformers computes them, with the trace of what it did."""
    with DtypeTrace() as trace:
        return streams(model, inputs, tower), trace
