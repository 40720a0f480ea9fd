"""Phi 1, 1.5 and 2 (parallel, one norm, a head with a bias) and Persimmon; both with LayerNorm inside the heads."""

import torch
import transformers as tf

from .base import DTYPES, Golden, Parts, coin, pick, published_rope, rope


def phi():
    base = dict(vocab_size=40, hidden_size=24, num_hidden_layers=2, intermediate_size=40, max_position_embeddings=64,
                layer_norm_eps=3e-4, bos_token_id=1, eos_token_id=2)
    yield Golden("phi", tf.PhiForCausalLM, seed=131, dtype=torch.float16, batch=(2, 13), rewrite=published_rope,
                 config=tf.PhiConfig(**base, num_attention_heads=3, rope_parameters={
                     "rope_type": "default", "rope_theta": 600.0, "partial_rotary_factor": 0.5}))
    yield Golden("phi_qk_layernorm", tf.PhiForCausalLM, seed=132, dtype=torch.bfloat16, batch=(2, 13), config=tf.PhiConfig(
        **base, num_attention_heads=4, num_key_value_heads=2, qk_layernorm=True, hidden_act="relu", rope_parameters={
            "rope_type": "linear", "rope_theta": 600.0, "factor": 3.0, "partial_rotary_factor": 1.0}))
    yield Golden("persimmon", tf.PersimmonForCausalLM, seed=133, dtype=torch.bfloat16, batch=(2, 13), config=tf.PersimmonConfig(
        **base, num_attention_heads=3, rope_parameters={"rope_type": "default", "rope_theta": 900.0, "partial_rotary_factor": 0.5}))


def options(rng, heads, head_dim):
    return dict(vocab_size=37, hidden_size=heads * head_dim, num_hidden_layers=pick(rng, 1, 2, 3), num_attention_heads=heads,
                intermediate_size=pick(rng, 20, 48), max_position_embeddings=64, layer_norm_eps=pick(rng, 1e-5, 1e-3),
                qk_layernorm=coin(rng), tie_word_embeddings=coin(rng, 0.3), bos_token_id=1, eos_token_id=2,
                rope_parameters=rope(rng, head_dim, partial=pick(rng, 0.5, 1.0)))


def draw_phi(rng):
    heads, head_dim = pick(rng, 2, 3, 4), pick(rng, 4, 8)
    config = tf.PhiConfig(**options(rng, heads, head_dim), num_key_value_heads=pick(rng, None, 1, heads),
                          hidden_act=pick(rng, "gelu_new", "relu", "gelu"))
    return Golden("phi", pick(rng, tf.PhiForCausalLM, tf.PhiModel), config, seed=0, batch=(2, pick(rng, 1, 9, 30)),
                  dtype=pick(rng, *DTYPES), rewrite=published_rope if coin(rng) else None)


def draw_persimmon(rng):
    heads, head_dim = pick(rng, 1, 2, 3), pick(rng, 4, 8)
    config = tf.PersimmonConfig(**options(rng, heads, head_dim), hidden_act=pick(rng, "relu2", "gelu"))
    return Golden("persimmon", pick(rng, tf.PersimmonForCausalLM, tf.PersimmonModel), config, seed=0,
                  batch=(2, pick(rng, 1, 9, 30)), dtype=pick(rng, *DTYPES), rewrite=published_rope if coin(rng) else None)


def draw_fuyu(rng):
    text = draw_persimmon(rng)
    config = tf.FuyuConfig(text_config=text.config, image_size=8, patch_size=4, tie_word_embeddings=text.config.tie_word_embeddings)
    return Golden("fuyu", tf.FuyuForCausalLM, config, seed=0, batch=text.batch, dtype=text.dtype)


GOLDENS = (phi,)
PARTS = {"fuyu": Parts("language_model.layers", "language_model.final_layernorm"), "phi": Parts("layers", "final_layernorm"), "persimmon": Parts("layers", "final_layernorm")}
FUZZ = {"fuyu": draw_fuyu, "phi": draw_phi, "persimmon": draw_persimmon}
