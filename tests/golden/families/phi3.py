"""Phi-3: fused maps, partial rotation, longrope's two lists."""

import torch
import transformers as tf

from .base import Golden, Parts, coin, pick, published_rope, rope
from .llama import common, random_golden


def phi3():
    yield Golden("phi3", tf.Phi3ForCausalLM, seed=181, dtype=torch.bfloat16, batch=(2, 14), rewrite=published_rope,
                 config=tf.Phi3Config(
                     vocab_size=29, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2,
                     num_key_value_heads=1, max_position_embeddings=64, original_max_position_embeddings=16, rms_norm_eps=1e-3,
                     sliding_window=7, pad_token_id=0, rope_parameters={
                         "rope_type": "longrope", "rope_theta": 900.0, "partial_rotary_factor": 0.75,
                         "short_factor": [1.0, 1.25, 1.5], "long_factor": [1.0, 2.0, 3.5]}))


def draw(rng):
    options = common(rng, own_head=False)
    head_dim = options["hidden_size"] // options["num_attention_heads"]
    share = pick(rng, *[s for s in (1.0, 0.5, 0.75) if int(head_dim * s) % 2 == 0])
    p = rope(rng, head_dim, ("default", "longrope"), partial=share, context=pick(rng, 32, 64, 256))
    p.pop("factor", None)
    options |= dict(rope_parameters=p, original_max_position_embeddings=p.get("original_max_position_embeddings", 64), sliding_window=pick(rng, None, 5),
                    rms_norm_eps=pick(rng, 1e-5, 1e-3))
    golden = random_golden(rng, "phi3", (tf.Phi3ForCausalLM, tf.Phi3Model), tf.Phi3Config(**options))
    if golden.rewrite and coin(rng):
        def typed(written):
            published_rope(written)
            if written["rope_scaling"]:
                written["rope_scaling"] = {"type": "longrope"} | {k: v for k, v in written["rope_scaling"].items() if k != "rope_type"}
        golden.rewrite = typed
    return golden


GOLDENS = (phi3,)
PARTS = {"phi3": Parts("layers", "norm")}
FUZZ = {"phi3": draw}
