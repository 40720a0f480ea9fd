"""Families whose positions are computed and not stored: XGLM, M2M-100 (and NLLB), CTRL."""

import torch
import transformers as tf

from .bart import shared
from .base import DTYPES, Golden, Parts, coin, pick


def sinusoids():
    yield Golden("ctrl", tf.CTRLLMHeadModel, seed=301, dtype=torch.bfloat16, batch=(2, 13), config=tf.CTRLConfig(
        vocab_size=40, n_positions=24, n_embd=16, dff=40, n_layer=2, n_head=2, layer_norm_epsilon=3e-4))
    # Of 24 tokens some are padding.
    yield Golden("m2m_100", tf.M2M100Model, seed=302, dtype=torch.float16, batch=(2, 14), config=tf.M2M100Config(
        vocab_size=24, d_model=24, encoder_layers=2, decoder_layers=1, encoder_attention_heads=3, decoder_attention_heads=2,
        encoder_ffn_dim=40, decoder_ffn_dim=20, max_position_embeddings=24, pad_token_id=1))


def draw_xglm(rng):
    heads = pick(rng, 1, 2, 3)
    config = tf.XGLMConfig(
        vocab_size=37, d_model=heads * pick(rng, 4, 5, 8), ffn_dim=pick(rng, 20, 48), num_layers=pick(rng, 1, 2, 3), attention_heads=heads,
        max_position_embeddings=40, activation_function=pick(rng, "gelu", "relu"), scale_embedding=coin(rng, 0.7),
        tie_word_embeddings=coin(rng, 0.7), pad_token_id=pick(rng, 1, 1, 4))
    return Golden("xglm", pick(rng, tf.XGLMForCausalLM, tf.XGLMModel), config, seed=0, batch=(2, pick(rng, 1, 9, 30)), dtype=pick(rng, *DTYPES))


def draw_m2m(rng):
    config = tf.M2M100Config(vocab_size=pick(rng, 19, 37), max_position_embeddings=40, pad_token_id=pick(rng, 0, 1, 2), bos_token_id=0, eos_token_id=2,
                             decoder_start_token_id=2, **shared(rng))
    return Golden("m2m_100", pick(rng, tf.M2M100Model, tf.M2M100ForConditionalGeneration), config, seed=0, batch=(2, pick(rng, 1, 9, 30)),
                  dtype=pick(rng, *DTYPES))


def draw_ctrl(rng):
    heads = pick(rng, 1, 2, 3)
    config = tf.CTRLConfig(vocab_size=37, n_positions=40, n_embd=heads * pick(rng, 4, 8), dff=pick(rng, 20, 48), n_layer=pick(rng, 1, 2, 3),
                           n_head=heads, layer_norm_epsilon=pick(rng, 1e-6, 1e-3), tie_word_embeddings=coin(rng, 0.7))
    return Golden("ctrl", pick(rng, tf.CTRLLMHeadModel, tf.CTRLModel), config, seed=0, batch=(2, pick(rng, 1, 9, 30)), dtype=pick(rng, *DTYPES))


GOLDENS = (sinusoids,)
PARTS = {"xglm": Parts("layers", "layer_norm"), "m2m_100": Parts("encoder.layers", "encoder.layer_norm", call="encoder"),
         "ctrl": Parts("h", "layernorm")}
FUZZ = {"xglm": draw_xglm, "m2m_100": draw_m2m, "ctrl": draw_ctrl}
