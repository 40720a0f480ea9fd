"""Falcon: the old decoder (7B: one key head, parallel; RW: ALiBi, sequential) and the new (40B, 11B)."""

import torch
import transformers as tf
from transformers.models.falcon import modeling_falcon

from .base import DTYPES, Golden, Parts, coin, pick, published_rope, rope


def falcon():
    base = dict(vocab_size=40, hidden_size=24, num_hidden_layers=2, max_position_embeddings=64, layer_norm_epsilon=3e-4,
                bos_token_id=1, eos_token_id=2)
    yield Golden("falcon_7b", tf.FalconForCausalLM, seed=111, dtype=torch.bfloat16, batch=(2, 13), rewrite=published_rope,
                 config=tf.FalconConfig(**base, num_attention_heads=3, ffn_hidden_size=40, rope_parameters={
                     "rope_type": "default", "rope_theta": 600.0}))
    yield Golden("falcon_40b", tf.FalconForCausalLM, seed=112, dtype=torch.bfloat16, batch=(2, 13), config=tf.FalconConfig(
        **base, num_attention_heads=4, num_kv_heads=2, new_decoder_architecture=True, bias=True, tie_word_embeddings=False))
    # Twelve heads: slopes that bfloat16 rounds, as the published model does.
    yield Golden("falcon_rw", tf.FalconForCausalLM, seed=113, dtype=torch.bfloat16, batch=(2, 13), config=tf.FalconConfig(
        **base, num_attention_heads=12, alibi=True, multi_query=False, parallel_attn=False, bias=True))


def draw(rng):
    heads, head_dim = pick(rng, 1, 2, 4, 6), pick(rng, 4, 6, 8)
    new = coin(rng)
    alibi = coin(rng, 0.35)
    if alibi:
        heads, head_dim = pick(rng, 2, 3, 6, 12, 16), 4
    options = dict(
        vocab_size=37, hidden_size=heads * head_dim, num_hidden_layers=pick(rng, 1, 2, 3), num_attention_heads=heads,
        ffn_hidden_size=pick(rng, None, 28), max_position_embeddings=64, layer_norm_epsilon=pick(rng, 1e-5, 1e-3),
        bias=coin(rng), alibi=alibi, activation=pick(rng, "gelu", "relu"), tie_word_embeddings=coin(rng, 0.7),
        new_decoder_architecture=new, bos_token_id=1, eos_token_id=2,
        rope_parameters=rope(rng, head_dim, ("default", "default", "linear", "dynamic", "yarn", "llama3")))
    if new:
        options |= dict(num_kv_heads=pick(rng, *[k for k in (1, 2, heads) if heads % k == 0]), num_ln_in_parallel_attn=pick(rng, None, 1, 2),
                        multi_query=coin(rng))
    else:
        options |= dict(multi_query=coin(rng), parallel_attn=coin(rng))
    return Golden("falcon", pick(rng, tf.FalconForCausalLM, tf.FalconModel), tf.FalconConfig(**options), seed=0,
                  batch=(2, pick(rng, 1, 9, 30)), dtype=pick(rng, *DTYPES), rewrite=published_rope if coin(rng) else None)


GOLDENS = (falcon,)
PARTS = {"falcon": Parts("h", "ln_f")}
FUZZ = {"falcon": draw}
ATTENTION = {"falcon": "sdpa"}  # in transformers 5.23 the eager form adds the slopes twice: in the scores and in the mask
UNLIFTED = [(modeling_falcon, "build_alibi_tensor")]  # the slopes and their products are bfloat16 in the published model
