"""Command R (Cohere): parallel with one norm without β, pairs of neighbouring channels, scaled logits; and Cohere 2, whose
full-attention blocks do not rotate."""

import torch
import transformers as tf

from .base import DTYPES, Golden, Parts, coin, pick, published_rope, rope


def cohere():
    base = dict(vocab_size=40, hidden_size=24, intermediate_size=40, num_attention_heads=4, num_key_value_heads=2,
                max_position_embeddings=64, layer_norm_eps=3e-4, pad_token_id=0, bos_token_id=1, eos_token_id=2)
    yield Golden("cohere", tf.CohereForCausalLM, seed=141, dtype=torch.bfloat16, batch=(2, 13), rewrite=published_rope,
                 config=tf.CohereConfig(**base, num_hidden_layers=2, logit_scale=0.4, use_qk_norm=True, rope_parameters={
                     "rope_type": "default", "rope_theta": 900.0}))
    yield Golden("cohere2", tf.Cohere2ForCausalLM, seed=142, dtype=torch.bfloat16, batch=(2, 13), config=tf.Cohere2Config(
        **base, num_hidden_layers=3, logit_scale=0.25, attention_bias=True, sliding_window=6, sliding_window_pattern=3,
        rope_parameters={"rope_type": "default", "rope_theta": 900.0}))


def options(rng):
    heads, head_dim = pick(rng, 2, 4, 6), pick(rng, 4, 6, 8)
    return dict(vocab_size=37, hidden_size=heads * head_dim, num_attention_heads=heads, num_key_value_heads=pick(rng, None, 1, 2, heads),
                intermediate_size=pick(rng, 20, 48), max_position_embeddings=64, layer_norm_eps=pick(rng, 1e-5, 1e-3),
                hidden_act=pick(rng, "silu", "gelu"), logit_scale=pick(rng, 0.0625, 1.0, 0.3), attention_bias=coin(rng),
                tie_word_embeddings=coin(rng, 0.7), pad_token_id=0, bos_token_id=1, eos_token_id=2,
                rope_parameters=rope(rng, head_dim))


def draw_cohere(rng):
    config = tf.CohereConfig(**options(rng), num_hidden_layers=pick(rng, 1, 2, 3), use_qk_norm=coin(rng))
    return Golden("cohere", pick(rng, tf.CohereForCausalLM, tf.CohereModel), config, seed=0, batch=(2, pick(rng, 1, 9, 30)),
                  dtype=pick(rng, *DTYPES), rewrite=published_rope if coin(rng) else None)


def draw_cohere2(rng):
    layers, pattern = pick(rng, 2, 4, 5), pick(rng, 2, 3, 4)

    def published(config):  # as before layer_types
        published_rope(config)
        config.pop("layer_types")
        config[pick(rng, "sliding_window_pattern", "layer_switch") if pattern == 4 else "sliding_window_pattern"] = pattern

    kinds = pick(rng, None, ["sliding_attention", "full_attention"] * 3)
    config = tf.Cohere2Config(**options(rng), num_hidden_layers=layers, sliding_window=pick(rng, 3, 7, 40),
                              **({"sliding_window_pattern": pattern} if kinds is None else {"layer_types": kinds[:layers]}))
    return Golden("cohere2", pick(rng, tf.Cohere2ForCausalLM, tf.Cohere2Model), config, seed=0, batch=(2, pick(rng, 1, 9, 30)),
                  dtype=pick(rng, *DTYPES), rewrite=published if kinds is None and coin(rng) else None)


VISION = dict(model_type="siglip_vision_model", hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1,
              image_size=8, patch_size=4, vision_use_head=False)


def draw_aya(rng):  # the text tower of a multimodal checkpoint, under its published names and under those of today
    text = draw_cohere2(rng)
    cls, config_cls = pick(rng, (tf.AyaVisionForConditionalGeneration, tf.AyaVisionConfig),
                           (tf.Cohere2VisionForConditionalGeneration, tf.Cohere2VisionConfig))
    config = config_cls(text_config=text.config, vision_config=VISION, tie_word_embeddings=text.config.tie_word_embeddings)
    if not config.tie_word_embeddings:
        config.text_config.tie_word_embeddings = False
    return Golden("aya_vision", cls, config, seed=0, batch=text.batch, dtype=text.dtype)


GOLDENS = (cohere,)
TEXT = Parts("language_model.layers", "language_model.norm")
PARTS = {"aya_vision": TEXT, "cohere2_vision": TEXT, "cohere": Parts("layers", "norm"), "cohere2": Parts("layers", "norm")}
FUZZ = {"aya_vision": draw_aya, "cohere": draw_cohere, "cohere2": draw_cohere2}
