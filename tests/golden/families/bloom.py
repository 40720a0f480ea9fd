"""BLOOM: ALiBi, query, key and value interleaved by head, a norm behind the embedding."""

import torch
import transformers as tf

from .base import DTYPES, Golden, Parts, coin, pick


def bloom():
    # Three heads: slopes of a count that is no power of two. As the hub's bloom: no prefix, n_embed.
    yield Golden("bloom", tf.BloomForCausalLM, seed=101, dtype=torch.bfloat16, batch=(2, 13), strip_prefix="transformer.",
                 legacy={"hidden_size": None, "n_embed": 24}, config=tf.BloomConfig(
                     vocab_size=40, hidden_size=24, n_layer=2, n_head=3, layer_norm_epsilon=3e-4, bos_token_id=1, eos_token_id=2))


def draw(rng):
    heads, head_dim = pick(rng, 1, 2, 3, 4, 6, 12), pick(rng, 2, 4, 5)
    normed = coin(rng, 0.1)
    config = tf.BloomConfig(
        vocab_size=37, hidden_size=heads * head_dim, n_layer=pick(rng, 1, 2, 3), n_head=heads, layer_norm_epsilon=pick(rng, 1e-5, 1e-3),
        apply_residual_connection_post_layernorm=normed, pretraining_tp=pick(rng, 1, 2), slow_but_exact=False,
        tie_word_embeddings=coin(rng, 0.8), bos_token_id=1, eos_token_id=2)
    return Golden("bloom", pick(rng, tf.BloomForCausalLM, tf.BloomModel), config, seed=0, batch=(2, pick(rng, 1, 9, 30)),
                  dtype=pick(rng, *DTYPES), legacy=pick(rng, {}, {"num_attention_heads": heads, "n_head": None}),
                  refused="apply_residual_connection_post_layernorm" if normed else "")


GOLDENS = (bloom,)
PARTS = {"bloom": Parts("h", "ln_f")}
FUZZ = {"bloom": draw}
