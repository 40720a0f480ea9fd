"""Granite: four multipliers."""

import torch
import transformers as tf

from .base import Golden, Parts, coin, pick, published_rope
from .llama import common, random_golden


def granite():
    yield Golden("granite", tf.GraniteForCausalLM, seed=201, dtype=torch.bfloat16, batch=(2, 14), rewrite=published_rope,
                 config=tf.GraniteConfig(
                     vocab_size=29, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4,
                     num_key_value_heads=2, max_position_embeddings=64, rms_norm_eps=1e-3, embedding_multiplier=3.0,
                     logits_scaling=4.0, residual_multiplier=0.22, attention_multiplier=0.3, attention_bias=True,
                     tie_word_embeddings=True, rope_parameters={"rope_type": "default", "rope_theta": 900.0}))


def multipliers(rng):
    return dict(embedding_multiplier=pick(rng, 1.0, 12), logits_scaling=pick(rng, 1.0, 8), residual_multiplier=pick(rng, 1.0, 0.22),
                attention_multiplier=pick(rng, 1.0, 0.125))


def draw(rng):
    config = tf.GraniteConfig(**common(rng, own_head=False), **multipliers(rng), attention_bias=coin(rng), mlp_bias=coin(rng))
    return random_golden(rng, "granite", (tf.GraniteForCausalLM, tf.GraniteModel), config)


GOLDENS = (granite,)
PARTS = {"granite": Parts("layers", "norm")}
FUZZ = {"granite": draw}
