"""gpt-oss: sinks in the softmax, windows in every second block, experts with biases and a clamped gate."""

import torch
import transformers as tf

from .base import Golden, Parts, coin, pick, published_rope
from .llama import common, kinds, random_golden


def gpt_oss():
    yield Golden("gpt_oss", tf.GptOssForCausalLM, seed=241, dtype=torch.bfloat16, batch=(2, 14), rewrite=published_rope,
                 legacy={"layer_types": None}, config=tf.GptOssConfig(
                     vocab_size=29, hidden_size=16, intermediate_size=12, num_hidden_layers=2, num_attention_heads=4,
                     num_key_value_heads=2, head_dim=6, max_position_embeddings=64, rms_norm_eps=1e-3, sliding_window=6,
                     num_local_experts=4, num_experts_per_tok=2, swiglu_limit=1.5, pad_token_id=0, rope_parameters={
                         "rope_type": "yarn", "rope_theta": 900.0, "factor": 4.0, "truncate": False,
                         "original_max_position_embeddings": 16}))


def draw(rng):
    options = common(rng)
    listed = kinds(rng, options["num_hidden_layers"])
    config = tf.GptOssConfig(**options, num_local_experts=pick(rng, 2, 4, 7), num_experts_per_tok=pick(rng, 1, 2), sliding_window=pick(rng, 3, 7),
                             layer_types=listed, attention_bias=coin(rng), swiglu_alpha=pick(rng, 1.702, 1.2), swiglu_limit=pick(rng, 7.0, 0.8))
    golden = random_golden(rng, "gpt_oss", (tf.GptOssForCausalLM, tf.GptOssModel), config)
    if listed is None and coin(rng):
        golden.legacy = {"layer_types": None}
    return golden


GOLDENS = (gpt_oss,)
PARTS = {"gpt_oss": Parts("layers", "norm")}
FUZZ = {"gpt_oss": draw}
