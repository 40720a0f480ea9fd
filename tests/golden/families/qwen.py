"""Qwen2 and Qwen3: biases on queries, keys and values or norms inside the heads; windows from a block on."""

import torch
import transformers as tf

from .base import Golden, Parts, coin, pick, published_rope
from .llama import common, kinds, random_golden, without_kinds


def qwen():
    base = dict(vocab_size=29, hidden_size=16, intermediate_size=24, num_attention_heads=4, num_key_value_heads=2,
                max_position_embeddings=64, rms_norm_eps=1e-3, sliding_window=5, use_sliding_window=True)

    def before_kinds(written):
        published_rope(written)
        written.pop("layer_types")

    yield Golden("qwen2", tf.Qwen2ForCausalLM, seed=161, dtype=torch.bfloat16, batch=(2, 14), rewrite=before_kinds,
                 config=tf.Qwen2Config(**base, num_hidden_layers=3, max_window_layers=1, tie_word_embeddings=True,
                                       rope_parameters={"rope_type": "yarn", "rope_theta": 900.0, "factor": 4.0,
                                                        "original_max_position_embeddings": 16}))
    yield Golden("qwen3", tf.Qwen3ForCausalLM, seed=162, dtype=torch.bfloat16, batch=(2, 14), config=tf.Qwen3Config(
        **base, num_hidden_layers=2, head_dim=6, attention_bias=True, layer_types=["sliding_attention", "full_attention"],
        rope_parameters={"rope_type": "default", "rope_theta": 900.0}))


def windows(rng, layers):
    if coin(rng, 0.4):
        return dict(use_sliding_window=False, sliding_window=pick(rng, None, 5), max_window_layers=pick(rng, 0, 28))
    return dict(use_sliding_window=True, sliding_window=pick(rng, 3, 7), max_window_layers=pick(rng, 0, 1, 28),
                layer_types=kinds(rng, layers))


def draw_qwen2(rng):
    options = common(rng, own_head=False)
    w = windows(rng, options["num_hidden_layers"])
    config = tf.Qwen2Config(**options, **w)
    rewrite = without_kinds(rng, config) if w.get("layer_types") is None else None
    return random_golden(rng, "qwen2", (tf.Qwen2ForCausalLM, tf.Qwen2Model), config, rewrite=rewrite)


def draw_qwen3(rng):
    options = common(rng)
    w = windows(rng, options["num_hidden_layers"])
    config = tf.Qwen3Config(**options, **w, attention_bias=coin(rng))
    rewrite = without_kinds(rng, config) if w.get("layer_types") is None else None
    return random_golden(rng, "qwen3", (tf.Qwen3ForCausalLM, tf.Qwen3Model), config, rewrite=rewrite)


GOLDENS = (qwen,)
PARTS = {"qwen2": Parts("layers", "norm"), "qwen3": Parts("layers", "norm")}
FUZZ = {"qwen2": draw_qwen2, "qwen3": draw_qwen3}
