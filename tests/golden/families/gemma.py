"""Gemma (γ = 1 + w, scaled embeddings), Gemma 2 (norms behind the branches, capped scores and logits, every second block
with a window) and Gemma 3 (norms inside the heads, two rotary rules; both directions as EmbeddingGemma)."""

import torch
import transformers as tf
from transformers.models.gemma4 import modeling_gemma4

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


def gemma4():
    kinds = ["sliding_attention", "full_attention"]
    base = dict(
        vocab_size=29, hidden_size=16, intermediate_size=20, num_attention_heads=4, num_key_value_heads=2, head_dim=4, global_head_dim=8,
        sliding_window=5, rms_norm_eps=1e-3, final_logit_softcapping=2.0, max_position_embeddings=64, rope_parameters={
            "full_attention": {"rope_type": "proportional", "rope_theta": 5000.0, "partial_rotary_factor": 0.5},
            "sliding_attention": {"rope_type": "default", "rope_theta": 300.0}})
    # As the 31B: where all is seen another head size, one key head, and values from the keys' map.
    yield Golden("gemma4_text", tf.Gemma4ForCausalLM, seed=174, dtype=torch.bfloat16, batch=(2, 14), rewrite=published_gemma4,
                 config=tf.Gemma4TextConfig(**base, num_hidden_layers=2, layer_types=kinds, attention_k_eq_v=True,
                                            num_global_key_value_heads=1, hidden_size_per_layer_input=0))
    # As E2B: inputs by layer, keys and values of earlier blocks, MLPs twice as wide behind them.
    yield Golden("gemma4_inputs", tf.Gemma4ForCausalLM, seed=175, dtype=torch.bfloat16, batch=(2, 12), config=tf.Gemma4TextConfig(
        **base, num_hidden_layers=4, layer_types=2 * kinds, num_kv_shared_layers=2, hidden_size_per_layer_input=6,
        vocab_size_per_layer_input=29, use_double_wide_mlp=True))
    # As 26B-A4B.
    yield Golden("gemma4_moe", tf.Gemma4ForCausalLM, seed=176, dtype=torch.bfloat16, batch=(2, 12), config=tf.Gemma4TextConfig(
        **base, num_hidden_layers=2, layer_types=kinds, hidden_size_per_layer_input=0, enable_moe_block=True, num_experts=4,
        top_k_experts=2, moe_intermediate_size=8))


def published_gemma4(written):
    """As the published files: the sizes of the blocks that see all under keys of their own."""
    full = list((written.get("per_layer_config") or {}).values())
    if full:
        written.pop("per_layer_config")
        written["global_head_dim"] = full[0].get("head_dim", written["head_dim"])
        written["num_global_key_value_heads"] = full[0].get("num_key_value_heads")


def all_rows(_model, hidden_states, per_layer_inputs, position_embeddings, causal_mask_mapping, *_args, **_kwargs):
    return hidden_states, per_layer_inputs, position_embeddings, causal_mask_mapping


# A saving of generate's, which fails where there are no inputs by layer.
modeling_gemma4.Gemma4TextModel._maybe_slice_kv_shared_inputs = all_rows


def draw_gemma4(rng):
    options = common(rng)
    options["hidden_activation"] = options.pop("hidden_act")
    layers = pick(rng, 2, 3, 6)
    listed = [pick(rng, "full_attention", "sliding_attention") for _ in range(layers - 1)] + ["full_attention"]
    share = pick(rng, *[n for n in range(layers) if n == 0 or set(listed[:layers - n]) == set(listed)])
    heads = options["num_attention_heads"]
    options |= dict(
        num_hidden_layers=layers, layer_types=listed, num_kv_shared_layers=share, attention_k_eq_v=coin(rng), attention_bias=coin(rng, 0.3),
        global_head_dim=pick(rng, 8, 12), num_global_key_value_heads=pick(rng, None, 1, heads), sliding_window=pick(rng, 3, 7),
        final_logit_softcapping=pick(rng, None, 2.0), use_double_wide_mlp=coin(rng, 0.4), hidden_size_per_layer_input=pick(rng, 0, 6),
        vocab_size_per_layer_input=options["vocab_size"], rope_parameters={
            "full_attention": {"rope_type": "proportional", "rope_theta": 5000.0, "partial_rotary_factor": pick(rng, 0.25, 0.5, 1.0)},
            "sliding_attention": {"rope_type": "default", "rope_theta": pick(rng, 300.0, 10000.0)}},
        use_bidirectional_attention=pick(rng, None, "vision"))
    if coin(rng, 0.3):
        options |= dict(enable_moe_block=True, num_experts=pick(rng, 3, 5), top_k_experts=pick(rng, 1, 2), moe_intermediate_size=10,
                        num_kv_shared_layers=0, use_double_wide_mlp=False)
    config = tf.Gemma4TextConfig(**options)
    return random_golden(rng, "gemma4_text", (tf.Gemma4ForCausalLM, tf.Gemma4TextModel), config,
                         rewrite=published_gemma4 if coin(rng) else None)


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


GOLDENS = (gemma, gemma4)
PARTS = {k: Parts("layers", "norm") for k in ("gemma", "gemma2", "gemma3_text", "gemma4_text")}
FUZZ = {"gemma": draw_gemma, "gemma2": draw_gemma2, "gemma3_text": draw_gemma3, "gemma4_text": draw_gemma4}
