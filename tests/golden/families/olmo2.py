"""OLMo 2 and 3: no norm ahead of a branch but one behind it, norms over all queries and all keys."""

import torch
import transformers as tf

from .base import Golden, Parts, coin, pick, published_rope
from .llama import common, kinds, random_golden


def published_olmo3(written):
    p = written.pop("rope_parameters")["full_attention"]
    written["rope_theta"] = p.pop("rope_theta")
    written["rope_scaling"] = None if p["rope_type"] == "default" else p


def olmo2():
    base = dict(vocab_size=29, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
                max_position_embeddings=64, rms_norm_eps=1e-3, pad_token_id=0, bos_token_id=1, eos_token_id=2)
    plain = {"rope_type": "default", "rope_theta": 500000.0}
    yield Golden("olmo2", tf.Olmo2ForCausalLM, seed=191, dtype=torch.bfloat16, batch=(2, 14), rewrite=published_rope,
                 config=tf.Olmo2Config(**base, attention_bias=True, rope_parameters=plain | {"rope_theta": 900.0}))
    yield Golden("olmo3", tf.Olmo3ForCausalLM, seed=192, dtype=torch.bfloat16, batch=(2, 14), rewrite=published_olmo3,
                 config=tf.Olmo3Config(
                     **base, sliding_window=5, layer_types=["sliding_attention", "full_attention"], rope_parameters={
                         "sliding_attention": plain, "full_attention": plain | {
                             "rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16}}))


def draw_olmo2(rng):
    config = tf.Olmo2Config(**common(rng, own_head=False), attention_bias=coin(rng))
    return random_golden(rng, "olmo2", (tf.Olmo2ForCausalLM, tf.Olmo2Model), config)


def draw_olmo3(rng):
    options = common(rng, own_head=False)
    listed = kinds(rng, options["num_hidden_layers"])
    theta = pick(rng, 500000.0, 300.0)
    options["rope_parameters"] = {"full_attention": options["rope_parameters"],
                                  "sliding_attention": {"rope_type": "default", "rope_theta": theta}}
    config = tf.Olmo3Config(**options, attention_bias=coin(rng), sliding_window=pick(rng, 3, 7), layer_types=listed)
    golden = random_golden(rng, "olmo3", (tf.Olmo3ForCausalLM, tf.Olmo3Model), config, rewrite=None)
    if theta == 500000.0 and coin(rng):
        golden.rewrite = published_olmo3
    if listed is None and coin(rng):
        golden.legacy = {"layer_types": None}
    return golden


GOLDENS = (olmo2,)
PARTS = {"olmo2": Parts("layers", "norm"), "olmo3": Parts("layers", "norm")}
FUZZ = {"olmo2": draw_olmo2, "olmo3": draw_olmo3}
