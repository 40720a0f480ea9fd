"""StableLM: LayerNorm with rotary attention, sequential or parallel."""

import torch
import transformers as tf

from .base import DTYPES, Golden, Parts, coin, pick, published_rope, rope


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


def stablelm_heads():
    yield Golden("stablelm_qk_layernorm", tf.StableLmForCausalLM, seed=53, readings=False, dtype=torch.bfloat16, batch=(2, 16), config=tf.StableLmConfig(
        vocab_size=40, hidden_size=16, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        max_position_embeddings=64, layer_norm_eps=3e-4, qk_layernorm=True, use_parallel_residual=True, rope_parameters={
            "rope_type": "default", "rope_theta": 800.0, "partial_rotary_factor": 0.7}))


def draw(rng):
    heads, head_dim = pick(rng, 2, 4, 6), pick(rng, 4, 8, 16)
    config = tf.StableLmConfig(
        vocab_size=37, hidden_size=heads * head_dim, num_attention_heads=heads, num_key_value_heads=pick(rng, 1, 2, heads),
        num_hidden_layers=pick(rng, 1, 2, 3), intermediate_size=pick(rng, 20, 48), max_position_embeddings=64,
        hidden_act=pick(rng, "silu", "gelu"), layer_norm_eps=pick(rng, 1e-5, 1e-3), use_qkv_bias=coin(rng), qk_layernorm=coin(rng),
        use_parallel_residual=coin(rng), tie_word_embeddings=coin(rng, 0.3), bos_token_id=1, eos_token_id=2,
        rope_parameters=rope(rng, head_dim, partial=pick(rng, 0.5, 1.0)))
    return Golden("stablelm", pick(rng, tf.StableLmForCausalLM, tf.StableLmModel), config, seed=0, batch=(2, pick(rng, 1, 9, 30)),
                  dtype=pick(rng, *DTYPES), rewrite=published_rope if coin(rng) else None)


GOLDENS = (stablelm, stablelm_heads)
FUZZ = {"stablelm": draw}
PARTS = {"stablelm": Parts("layers", "norm")}
