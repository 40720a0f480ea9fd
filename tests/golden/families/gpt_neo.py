"""GPT-Neo: alternating global and local attention, scores without a scale."""

import torch
import transformers as tf

from .base import DTYPES, Golden, Parts, coin, pick


def gpt_neo():
    yield Golden("gpt_neo", tf.GPTNeoForCausalLM, seed=61, dtype=torch.bfloat16, batch=(2, 13), config=tf.GPTNeoConfig(
        vocab_size=40, max_position_embeddings=24, hidden_size=16, num_layers=3, num_heads=2, intermediate_size=40,
        attention_types=[[["local", "global"], 1], [["local"], 1]], window_size=6, activation_function="gelu_new",
        layer_norm_epsilon=3e-4, bos_token_id=1, eos_token_id=2), legacy={"attention_layers": None})


def draw(rng):
    heads, head_dim = pick(rng, 1, 2, 4), pick(rng, 4, 8)
    kinds = pick(rng, [[["global", "local"], 1]], [[["local"], 2], [["global"], 1]], [[["global"], 2]], [[["local", "global"], 2]])
    layers = sum(len(k) * n for k, n in kinds)
    config = tf.GPTNeoConfig(
        vocab_size=37, max_position_embeddings=24, hidden_size=heads * head_dim, num_layers=layers, num_heads=heads,
        intermediate_size=pick(rng, None, 30), attention_types=kinds, window_size=pick(rng, 1, 4, 30),
        activation_function=pick(rng, "gelu_new", "relu", "gelu"), layer_norm_epsilon=pick(rng, 1e-5, 1e-3),
        tie_word_embeddings=coin(rng, 0.7), bos_token_id=1, eos_token_id=2)
    return Golden("gpt_neo", pick(rng, tf.GPTNeoForCausalLM, tf.GPTNeoModel), config, seed=0, batch=(2, pick(rng, 1, 9, 24)),
                  dtype=pick(rng, *DTYPES), legacy=pick(rng, {}, {"attention_layers": None}, {"num_heads": heads}))


GOLDENS = (gpt_neo,)
PARTS = {"gpt_neo": Parts("h", "ln_f")}
FUZZ = {"gpt_neo": draw}
