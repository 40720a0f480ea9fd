"""OLMo: LayerNorm without parameters, clipped queries, keys and values."""

import torch
import transformers as tf

from .base import DTYPES, Golden, Parts, coin, pick, published_rope, rope


def olmo():
    yield Golden("olmo", tf.OlmoForCausalLM, seed=151, dtype=torch.bfloat16, batch=(2, 13), config=tf.OlmoConfig(
        vocab_size=40, hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        max_position_embeddings=64, clip_qkv=1.1, pad_token_id=0, bos_token_id=1, eos_token_id=2, rope_parameters={
            "rope_type": "default", "rope_theta": 900.0}))


def draw(rng):
    heads, head_dim = pick(rng, 2, 4, 6), pick(rng, 4, 6, 8)
    config = tf.OlmoConfig(
        vocab_size=37, hidden_size=heads * head_dim, num_attention_heads=heads, num_key_value_heads=pick(rng, None, 1, 2, heads),
        num_hidden_layers=pick(rng, 1, 2, 3), intermediate_size=pick(rng, 20, 48), max_position_embeddings=64,
        hidden_act=pick(rng, "silu", "gelu"), attention_bias=coin(rng), clip_qkv=pick(rng, None, 0.8), tie_word_embeddings=coin(rng, 0.3),
        pad_token_id=0, bos_token_id=1, eos_token_id=2, rope_parameters=rope(rng, head_dim))
    return Golden("olmo", pick(rng, tf.OlmoForCausalLM, tf.OlmoModel), config, seed=0, batch=(2, pick(rng, 1, 9, 30)),
                  dtype=pick(rng, *DTYPES), rewrite=published_rope if coin(rng) else None)


GOLDENS = (olmo,)
PARTS = {"olmo": Parts("layers", "norm")}
FUZZ = {"olmo": draw}
