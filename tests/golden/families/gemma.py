"""Gemma (γ = 1 + w, scaled embeddings), Gemma 2 (norms behind the branches, capped scores and logits, every second block
with a window) and Gemma 3 (norms inside the heads, two rotary rules; both directions as EmbeddingGemma)."""

import torch
import transformers as tf

from .base import Golden, Parts, coin, pick, published_rope, rope
from .llama import common, kinds, random_golden, without_kinds


def published_gemma3(written):
    """As transformers 4 wrote it: rope_theta and rope_scaling for the full blocks, rope_local_base_freq for the others."""
    p = written.pop("rope_parameters")
    full, local = p["full_attention"], p["sliding_attention"]
    written["rope_theta"] = full.pop("rope_theta")
    written["rope_local_base_freq"] = local["rope_theta"]
    written["rope_scaling"] = None if full["rope_type"] == "default" else full
    written["torch_dtype"] = written.pop("dtype", None)


def gemma():
    base = dict(vocab_size=29, hidden_size=16, intermediate_size=24, num_attention_heads=4, num_key_value_heads=2,
                head_dim=6, max_position_embeddings=64, rms_norm_eps=1e-3)
    plain = {"rope_type": "default", "rope_theta": 900.0}
    yield Golden("gemma", tf.GemmaForCausalLM, seed=171, dtype=torch.bfloat16, batch=(2, 14), rewrite=published_rope,
                 legacy={"hidden_act": "gelu", "hidden_activation": "null"},
                 config=tf.GemmaConfig(**base, num_hidden_layers=2, rope_parameters=plain))
    yield Golden("gemma2", tf.Gemma2ForCausalLM, seed=172, dtype=torch.bfloat16, batch=(2, 14), rewrite=published_rope,
                 legacy={"layer_types": None}, config=tf.Gemma2Config(
                     **base, num_hidden_layers=2, sliding_window=5, query_pre_attn_scalar=11, attn_logit_softcapping=3.0,
                     final_logit_softcapping=2.0, rope_parameters=plain))
    yield Golden("gemma3_text", tf.Gemma3ForCausalLM, seed=173, dtype=torch.bfloat16, batch=(2, 14), rewrite=published_gemma3,
                 legacy={"layer_types": None, "sliding_window_pattern": 3}, config=tf.Gemma3TextConfig(
                     **base, num_hidden_layers=3, sliding_window=5, sliding_window_pattern=3, query_pre_attn_scalar=11,
                     rope_parameters={"full_attention": {"rope_type": "linear", "factor": 4.0, "rope_theta": 5000.0},
                                      "sliding_attention": {"rope_type": "default", "rope_theta": 300.0}}))


def draw_gemma(rng):
    options = common(rng)
    config = tf.GemmaConfig(**options, attention_bias=coin(rng))
    golden = random_golden(rng, "gemma", (tf.GemmaForCausalLM, tf.GemmaModel), config)
    if config.hidden_act == "gelu_pytorch_tanh" and coin(rng):
        golden.legacy = {"hidden_act": "gelu"}
    return golden


def second(rng):
    options = common(rng)
    options["hidden_activation"] = options.pop("hidden_act")
    options |= dict(query_pre_attn_scalar=pick(rng, 8, 24, 256), attention_bias=coin(rng), sliding_window=pick(rng, 3, 7, 40),
                    attn_logit_softcapping=pick(rng, None, 2.0), final_logit_softcapping=pick(rng, None, 2.0),
                    layer_types=kinds(rng, options["num_hidden_layers"]))
    return options


def draw_gemma2(rng):
    options = second(rng)
    config = tf.Gemma2Config(**options)
    rewrite = without_kinds(rng, config) if options["layer_types"] is None else None
    return random_golden(rng, "gemma2", (tf.Gemma2ForCausalLM, tf.Gemma2Model), config, rewrite=rewrite)


def draw_gemma3(rng):
    options = second(rng)
    pattern = pick(rng, 2, 3, 6)
    local = rope(rng, options["head_dim"], ("default",))
    options["rope_parameters"] = {"full_attention": options["rope_parameters"], "sliding_attention": local}
    if options["layer_types"] is None:
        options |= dict(sliding_window_pattern=pattern)
    if coin(rng, 0.25):
        options |= dict(use_bidirectional_attention=True, sliding_window=pick(rng, 4, 8))
    config = tf.Gemma3TextConfig(**options)
    rewrite = published_gemma3 if coin(rng) else None
    golden = random_golden(rng, "gemma3_text", (tf.Gemma3ForCausalLM, tf.Gemma3TextModel), config, rewrite=rewrite)
    if options["layer_types"] is None and coin(rng):
        golden.legacy = {"layer_types": None, "sliding_window_pattern": pattern}
    return golden


GOLDENS = (gemma,)
PARTS = {k: Parts("layers", "norm") for k in ("gemma", "gemma2", "gemma3_text")}
FUZZ = {"gemma": draw_gemma, "gemma2": draw_gemma2, "gemma3_text": draw_gemma3}
