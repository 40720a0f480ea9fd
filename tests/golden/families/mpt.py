"""MPT: ALiBi, norms without β, clipped queries, keys and values."""

import torch
import transformers as tf

from .base import DTYPES, Golden, Parts, coin, pick


def mpt():
    yield Golden("mpt", tf.MptForCausalLM, seed=121, dtype=torch.bfloat16, batch=(2, 13), config=tf.MptConfig(
        vocab_size=40, d_model=24, n_heads=3, n_layers=2, max_seq_len=32, layer_norm_epsilon=3e-4,
        attn_config={"alibi": True, "clip_qkv": 1.5, "softmax_scale": 0.3}))


def draw(rng):
    heads, head_dim = pick(rng, 1, 2, 3, 4, 6), pick(rng, 4, 5)
    refused = pick(rng, *[None] * 9, ("qk_ln", True), ("prefix_lm", True), ("alibi", False), ("alibi_bias_max", 4))
    attention = {"clip_qkv": pick(rng, None, 0.7), "softmax_scale": pick(rng, None, 0.4)}
    if refused:
        attention[refused[0]] = refused[1]
    config = tf.MptConfig(vocab_size=37, d_model=heads * head_dim, n_heads=heads, n_layers=pick(rng, 1, 2, 3), max_seq_len=32,
                          layer_norm_epsilon=pick(rng, 1e-5, 1e-3), attn_config=attention, no_bias=coin(rng, 0.8),
                          tie_word_embeddings=coin(rng, 0.8))
    return Golden("mpt", pick(rng, tf.MptForCausalLM, tf.MptModel), config, seed=0, batch=(2, pick(rng, 1, 9, 30)),
                  dtype=pick(rng, *DTYPES), refused=f"attn_config.{refused[0]}" if refused else "")


GOLDENS = (mpt,)
PARTS = {"mpt": Parts("blocks", "norm_f")}
FUZZ = {"mpt": draw}
