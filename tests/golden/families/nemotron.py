"""Nemotron (γ is 1 + the stored weight, squared ReLU) and Jais 2."""

import torch
import transformers as tf

from .base import DTYPES, Golden, Parts, coin, pick, published_rope, rope


def nemotron():
    base = dict(vocab_size=40, hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4,
                num_key_value_heads=2, max_position_embeddings=64, bos_token_id=1, eos_token_id=2)
    yield Golden("nemotron", tf.NemotronForCausalLM, seed=171, dtype=torch.bfloat16, batch=(2, 13), config=tf.NemotronConfig(
        **base, norm_eps=3e-4, head_dim=8, rope_parameters={
            "rope_type": "default", "rope_theta": 900.0, "partial_rotary_factor": 0.5}))
    yield Golden("jais2", tf.Jais2ForCausalLM, seed=172, dtype=torch.bfloat16, batch=(2, 13), config=tf.Jais2Config(
        **base, layer_norm_eps=3e-4, rope_parameters={"rope_type": "default", "rope_theta": 900.0}))


def options(rng, heads):
    return dict(vocab_size=37, num_attention_heads=heads, num_key_value_heads=pick(rng, 1, 2, heads),
                num_hidden_layers=pick(rng, 1, 2, 3), intermediate_size=pick(rng, 20, 48), max_position_embeddings=64,
                hidden_act=pick(rng, "relu2", "gelu"), attention_bias=coin(rng), mlp_bias=coin(rng), tie_word_embeddings=coin(rng, 0.3),
                bos_token_id=1, eos_token_id=2)


def draw_nemotron(rng):
    heads, head_dim = pick(rng, 2, 4), pick(rng, 4, 8)
    config = tf.NemotronConfig(**options(rng, heads), hidden_size=pick(rng, 18, 24), head_dim=head_dim, norm_eps=pick(rng, 1e-5, 1e-3),
                               rope_parameters=rope(rng, head_dim, partial=pick(rng, 0.5, 1.0)))
    return Golden("nemotron", pick(rng, tf.NemotronForCausalLM, tf.NemotronModel), config, seed=0, batch=(2, pick(rng, 1, 9, 30)),
                  dtype=pick(rng, *DTYPES), rewrite=published_rope if coin(rng) else None)


def draw_jais2(rng):
    heads, head_dim = pick(rng, 2, 4), pick(rng, 4, 8)
    config = tf.Jais2Config(**options(rng, heads), hidden_size=heads * head_dim, layer_norm_eps=pick(rng, 1e-5, 1e-3),
                            rope_parameters=rope(rng, head_dim))
    return Golden("jais2", pick(rng, tf.Jais2ForCausalLM, tf.Jais2Model), config, seed=0, batch=(2, pick(rng, 1, 9, 30)),
                  dtype=pick(rng, *DTYPES), rewrite=published_rope if coin(rng) else None)


GOLDENS = (nemotron,)
PARTS = {"nemotron": Parts("layers", "norm"), "jais2": Parts("layers", "norm")}
FUZZ = {"nemotron": draw_nemotron, "jais2": draw_jais2}
