"""GPT-J and CodeGen: parallel residual with one norm, pairs of neighbouring channels rotated, a head with a bias."""

import torch
import transformers as tf

from .base import DTYPES, Golden, Parts, coin, pick


def gptj():
    base = dict(vocab_size=40, n_positions=32, n_embd=24, n_layer=2, rotary_dim=4, n_inner=40, layer_norm_epsilon=3e-4,
                bos_token_id=1, eos_token_id=2)
    yield Golden("gptj", tf.GPTJForCausalLM, seed=81, dtype=torch.float16, batch=(2, 13),
                 config=tf.GPTJConfig(**base, n_head=3, activation_function="gelu_new"))
    yield Golden("codegen", tf.CodeGenForCausalLM, seed=82, dtype=torch.bfloat16, batch=(2, 13),
                 config=tf.CodeGenConfig(**base, n_head=4, activation_function="gelu"))


def options(rng, heads):
    head_dim = pick(rng, 4, 6, 8)
    return dict(vocab_size=37, n_positions=32, n_embd=heads * head_dim, n_layer=pick(rng, 1, 2, 3), n_head=heads,
                rotary_dim=pick(rng, 2, 4, head_dim), n_inner=pick(rng, None, 20), layer_norm_epsilon=pick(rng, 1e-5, 1e-3),
                activation_function=pick(rng, "gelu_new", "relu", "gelu", "silu"), tie_word_embeddings=coin(rng, 0.3),
                bos_token_id=1, eos_token_id=2)


def draw_gptj(rng):
    return Golden("gptj", pick(rng, tf.GPTJForCausalLM, tf.GPTJModel), tf.GPTJConfig(**options(rng, pick(rng, 1, 2, 3))), seed=0,
                  batch=(2, pick(rng, 1, 9, 24)), dtype=pick(rng, *DTYPES), legacy=pick(rng, {}, {"rotary": True}))


def draw_codegen(rng):
    return Golden("codegen", pick(rng, tf.CodeGenForCausalLM, tf.CodeGenModel), tf.CodeGenConfig(**options(rng, pick(rng, 4, 8))),
                  seed=0, batch=(2, pick(rng, 1, 9, 24)), dtype=pick(rng, *DTYPES))


GOLDENS = (gptj,)
PARTS = {"gptj": Parts("h", "ln_f"), "codegen": Parts("h", "ln_f")}
FUZZ = {"gptj": draw_gptj, "codegen": draw_codegen}
