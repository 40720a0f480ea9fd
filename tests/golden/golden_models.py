"""The golden models: tiny configurations in which nothing is at its default, and their random parameters.

Each entry is one folder of tests/golden. Kept apart from the oracle so that a family is added by adding
an entry (and, for its proof, a forward pass in reference_forward.py).
"""

from dataclasses import dataclass, field

import numpy as np
import torch
import transformers as tf

from float64_forward import parts


@dataclass
class Golden:
    name: str
    cls: type  # what the checkpoint holds
    config: tf.PreTrainedConfig
    seed: int
    dtype: torch.dtype = torch.float32
    batch: tuple = (2, 36)  # tokens [B, T], or (B,) pictures
    shard: str | None = None  # save_pretrained's max_shard_size
    legacy: dict = field(default_factory=dict)  # config.json keys as older checkpoints spell them
    strip_prefix: str = ""  # tensor names without it, as the hub's gpt2 has them
    mask_buffers: bool = False  # unused h.i.attn.bias tensors, as the hub's gpt2 has them
    dead_gamma: dict = field(default_factory=dict)  # channel -> final γ


def gpt2():
    base = dict(bos_token_id=1, eos_token_id=2, attn_pdrop=0.0, resid_pdrop=0.0, embd_pdrop=0.0)
    yield Golden("gpt2", tf.GPT2LMHeadModel, seed=11, config=tf.GPT2Config(
        vocab_size=40, n_positions=48, n_embd=32, n_layer=3, n_head=4, n_inner=80, layer_norm_epsilon=3e-4,
        scale_attn_by_inverse_layer_idx=True, activation_function="gelu_new", **base))
    # As the hub's `gpt2`: no `transformer.` prefix, tied head, unused mask buffers among the tensors.
    yield Golden("gpt2_hub", tf.GPT2LMHeadModel, seed=12, batch=(2, 25), strip_prefix="transformer.",
                 mask_buffers=True, config=tf.GPT2Config(
                     vocab_size=40, n_positions=28, n_embd=24, n_layer=2, n_head=3, **base))
    yield Golden("gpt2_untied", tf.GPT2LMHeadModel, seed=13, batch=(5, 10), config=tf.GPT2Config(
        vocab_size=37, n_positions=28, n_embd=24, n_layer=2, n_head=2, activation_function="relu",
        scale_attn_weights=False, tie_word_embeddings=False, **base))


def llama():
    # head_dim 12 is not 32/4; the llama3 rule meets a kept, two blended and three slowed frequencies.
    yield Golden("llama", tf.LlamaForCausalLM, seed=21, dtype=torch.bfloat16, config=tf.LlamaConfig(
        vocab_size=40, hidden_size=32, intermediate_size=56, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, head_dim=12, max_position_embeddings=128, rms_norm_eps=2e-3, hidden_act="gelu_pytorch_tanh",
        attention_bias=True, mlp_bias=True, rope_parameters={
            "rope_type": "llama3", "rope_theta": 500.0, "factor": 4.0, "low_freq_factor": 1.0,
            "high_freq_factor": 4.0, "original_max_position_embeddings": 64}))
    # As SmolLM2: tied head, the rotary keys at the top level, no head_dim.
    yield Golden("llama_tied", tf.LlamaForCausalLM, seed=22, batch=(2, 25), config=tf.LlamaConfig(
        vocab_size=40, hidden_size=24, intermediate_size=44, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=1, max_position_embeddings=64, rms_norm_eps=1e-5, tie_word_embeddings=True,
        rope_parameters={"rope_type": "default", "rope_theta": 730.0}),
        legacy={"rope_parameters": None, "head_dim": None, "rope_theta": 730.0, "rope_scaling": "null",
                "torch_dtype": "float32", "dtype": None})


def bert():
    base = dict(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, type_vocab_size=3)
    yield Golden("bert", tf.BertModel, seed=31, dtype=torch.float16, config=tf.BertConfig(
        vocab_size=40, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=72,
        max_position_embeddings=40, layer_norm_eps=5e-4, hidden_act="gelu_new", **base))
    # As all-MiniLM-L6-v2: dead channels in the last γ. Two are exactly zero, one is merely tiny.
    yield Golden("bert_dead_gamma", tf.BertForMaskedLM, seed=32, batch=(2, 25), dead_gamma={3: 0.0, 10: 0.0, 17: 1e-12},
                 config=tf.BertConfig(vocab_size=40, hidden_size=24, num_hidden_layers=2, num_attention_heads=2,
                                      intermediate_size=48, max_position_embeddings=30, layer_norm_eps=1e-12,
                                      hidden_act="gelu", **base))


def vit():
    yield Golden("vit", tf.ViTForImageClassification, seed=41, batch=(3,), shard="30KB", config=tf.ViTConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=56, image_size=20, patch_size=4,
        num_channels=3, qkv_bias=True, hidden_act="quick_gelu", layer_norm_eps=7e-4, num_labels=5))
    # Pictures that are not square, no q/k/v biases, a pooler behind the final norm, no `vit.` prefix.
    yield Golden("vit_pooled", tf.ViTModel, seed=42, batch=(2,), config=tf.ViTConfig(
        hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=40, image_size=[16, 24],
        patch_size=4, num_channels=1, qkv_bias=False, layer_norm_eps=1e-6))


def stablelm():
    yield Golden("stablelm", tf.StableLmForCausalLM, seed=51, config=tf.StableLmConfig(
        vocab_size=40, hidden_size=32, intermediate_size=56, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=64, layer_norm_eps=2e-4, use_qkv_bias=True, hidden_act="gelu",
        rope_parameters={"rope_type": "default", "rope_theta": 800.0, "partial_rotary_factor": 0.5}))
    # Parallel residual; the rotary keys at the top level, as the published StableLM checkpoints have them.
    yield Golden("stablelm_parallel", tf.StableLmForCausalLM, seed=52, batch=(2, 25), config=tf.StableLmConfig(
        vocab_size=40, hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=3,
        num_key_value_heads=3, max_position_embeddings=64, use_parallel_residual=True, tie_word_embeddings=True,
        rope_parameters={"rope_type": "default", "rope_theta": 300.0, "partial_rotary_factor": 1.0}),
        legacy={"rope_parameters": None, "rope_theta": 300.0, "partial_rotary_factor": 1.0, "rope_pct": 1.0})


FAMILIES = (gpt2, llama, bert, vit, stablelm)


def all_goldens():
    return [g for family in FAMILIES for g in family()]


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
            p.data.copy_(torch.from_numpy(_draw(rng, module, f"{module_name}.{name}", tuple(p.shape))))
    for channel, value in golden.dead_gamma.items():
        blocks, final_norm = parts(model)
        (final_norm or blocks[-1].output.LayerNorm).weight.data[channel] = value


def _draw(rng, module, name, shape):
    kind = type(module).__name__
    normal = rng.standard_normal(shape)
    if kind.endswith("Norm"):
        if name.endswith(".weight"):
            return np.exp(0.4 * normal) * np.where(rng.random(shape) < 0.3, -1.0, 1.0)
        return 0.3 * normal
    if kind == "Embedding" or kind == "ViTEmbeddings":
        return (0.5 if "position" in name or "wpe" in name else 0.8) * normal
    if len(shape) == 1:
        return 0.3 * normal
    fan_in = shape[0] if kind == "Conv1D" else int(np.prod(shape[1:]))
    sharp = any(s in name for s in ("q_proj", "k_proj", "query", "key", "c_attn"))
    return (1.6 if sharp else 0.9) / np.sqrt(fan_in) * normal


def make_inputs(golden):
    """{argument of the model's forward: array}; pixels are float32 as a user brings them."""
    rng = np.random.default_rng(golden.seed + 1000)
    c = golden.config
    if c.model_type == "vit":
        h, w = c.image_size if isinstance(c.image_size, (list, tuple)) else (c.image_size, c.image_size)
        return {"pixel_values": rng.standard_normal((*golden.batch, c.num_channels, h, w)).astype(np.float32)}
    return {"input_ids": rng.integers(0, c.vocab_size, golden.batch, dtype=np.int64)}
