"""GPT, the first: post-norm, and its "gelu" is the tanh form; Image GPT: GPT-2 with RMSNorm, over colour clusters."""

import torch
import transformers as tf

from .base import DTYPES, Golden, Parts, coin, pick


def openai_gpt():
    yield Golden("openai_gpt", tf.OpenAIGPTLMHeadModel, seed=181, dtype=torch.bfloat16, batch=(2, 13), strip_prefix="transformer.",
                 config=tf.OpenAIGPTConfig(vocab_size=40, n_positions=24, n_embd=16, n_layer=2, n_head=2, layer_norm_epsilon=3e-4))
    yield Golden("imagegpt", tf.ImageGPTForCausalImageModeling, seed=182, dtype=torch.bfloat16, batch=(2, 13),
                 config=tf.ImageGPTConfig(vocab_size=40, n_positions=24, n_embd=16, n_layer=2, n_head=2, layer_norm_epsilon=3e-4))


def draw_gpt(rng):
    heads, head_dim = pick(rng, 1, 2, 3), pick(rng, 4, 5)
    config = tf.OpenAIGPTConfig(vocab_size=37, n_positions=30, n_embd=heads * head_dim, n_layer=pick(rng, 1, 2, 3), n_head=heads,
                                afn=pick(rng, "gelu", "relu", "silu"), layer_norm_epsilon=pick(rng, 1e-5, 1e-3),
                                tie_word_embeddings=coin(rng, 0.7))
    return Golden("openai_gpt", pick(rng, tf.OpenAIGPTLMHeadModel, tf.OpenAIGPTModel), config, seed=0,
                  batch=(2, pick(rng, 1, 9, 30)), dtype=pick(rng, *DTYPES))


def draw_imagegpt(rng):
    heads, head_dim = pick(rng, 1, 2, 3), pick(rng, 4, 5)
    config = tf.ImageGPTConfig(vocab_size=37, n_positions=30, n_embd=heads * head_dim, n_layer=pick(rng, 1, 2, 3), n_head=heads,
                               n_inner=pick(rng, None, 20), layer_norm_epsilon=pick(rng, 1e-5, 1e-3), scale_attn_weights=coin(rng),
                               scale_attn_by_inverse_layer_idx=coin(rng))
    return Golden("imagegpt", tf.ImageGPTModel, config, seed=0, batch=(2, pick(rng, 1, 9, 30)), dtype=pick(rng, *DTYPES))


GOLDENS = (openai_gpt,)
PARTS = {"openai-gpt": Parts("h", None), "imagegpt": Parts("h", "ln_f")}
FUZZ = {"openai_gpt": draw_gpt, "imagegpt": draw_imagegpt}
