"""Llama; Mistral and Ministral, which add windows; and what the families made after Llama share."""

import torch
import transformers as tf

from .base import DTYPES, Golden, Parts, coin, pick, published_rope, rope, sizes


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


def mistral():
    yield Golden("mistral", tf.MistralForCausalLM, seed=23, dtype=torch.bfloat16, batch=(2, 14), rewrite=published_rope,
                 config=tf.MistralConfig(
                     vocab_size=29, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4,
                     num_key_value_heads=2, head_dim=6, max_position_embeddings=64, rms_norm_eps=1e-3, sliding_window=6,
                     rope_parameters={"rope_type": "default", "rope_theta": 900.0}))


def common(rng, kinds=("default", "default", "linear", "dynamic", "yarn", "longrope", "llama3"), own_head=True):
    """Options that every family made after Llama has."""
    heads, kv, head_dim = sizes(rng)
    width = heads * head_dim
    options = dict(
        vocab_size=37, hidden_size=width, num_attention_heads=heads, num_key_value_heads=kv, num_hidden_layers=pick(rng, 1, 2, 3),
        intermediate_size=pick(rng, 20, 48), max_position_embeddings=64, rms_norm_eps=pick(rng, 1e-6, 1e-3),
        hidden_act=pick(rng, "silu", "gelu", "gelu_pytorch_tanh", "relu"), tie_word_embeddings=coin(rng, 0.3),
        initializer_range=pick(rng, 0.02, 0.1), pad_token_id=0, bos_token_id=1, eos_token_id=2)
    if own_head and coin(rng, 0.4):
        options["head_dim"] = head_dim = pick(rng, 6, 10, 16)
    elif own_head and own_head != "maybe":
        options["head_dim"] = head_dim
    options["rope_parameters"] = rope(rng, head_dim, kinds)
    return options


def random_golden(rng, name, classes, config, **more):
    more.setdefault("rewrite", published_rope if coin(rng) else None)
    return Golden(name, pick(rng, *classes), config, seed=0, batch=(2, pick(rng, 1, 9, 30)), dtype=pick(rng, *DTYPES), **more)


def kinds(rng, layers):
    """layer_types, or nothing."""
    return pick(rng, None, [pick(rng, "full_attention", "sliding_attention") for _ in range(layers)])


def without_kinds(rng, config):
    """config.json as it was before layer_types; the published spelling of the rest too."""
    def published(written):
        published_rope(written)
        written.pop("layer_types", None)
    return published if coin(rng) else None


def draw_llama(rng):
    config = tf.LlamaConfig(**common(rng, own_head="maybe"), attention_bias=coin(rng), mlp_bias=coin(rng), pretraining_tp=pick(rng, 1, 2))
    if coin(rng, 0.1):
        config.is_causal = False
    return random_golden(rng, "llama", (tf.LlamaForCausalLM, tf.LlamaModel), config)


def draw_mistral(rng):
    config = tf.MistralConfig(**common(rng, own_head="maybe"), sliding_window=pick(rng, None, 3, 7, 64))
    return random_golden(rng, "mistral", (tf.MistralForCausalLM, tf.MistralModel), config)


def draw_ministral(rng):
    options = common(rng)
    config = tf.MinistralConfig(**options, sliding_window=pick(rng, 3, 7), layer_types=kinds(rng, options["num_hidden_layers"]))
    return random_golden(rng, "ministral", (tf.MinistralForCausalLM, tf.MinistralModel), config)


GOLDENS = (llama, mistral)
PARTS = {k: Parts("layers", "norm") for k in ("llama", "mistral", "ministral")}
FUZZ = {"llama": draw_llama, "mistral": draw_mistral, "ministral": draw_ministral}
