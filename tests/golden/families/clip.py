"""CLIP and SigLIP: two towers, or each alone."""

import torch
import transformers as tf

from .base import DTYPES, Golden, Parts, coin, pick

TEXT = dict(vocab_size=40, hidden_size=20, num_hidden_layers=2, num_attention_heads=2, intermediate_size=36,
            max_position_embeddings=24, layer_norm_eps=4e-4, pad_token_id=1, bos_token_id=2, eos_token_id=3)
VISION = dict(hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=40, image_size=18, patch_size=4,
              num_channels=3, layer_norm_eps=4e-4)


def clip():
    both = dict(text_config=TEXT | {"projection_dim": 8}, vision_config=VISION | {"projection_dim": 8}, projection_dim=8)
    yield Golden("clip", tf.CLIPModel, seed=271, dtype=torch.float16, batch=(2, 14), tower="text", config=tf.CLIPConfig(**both))
    yield Golden("clip_vision", tf.CLIPModel, seed=272, dtype=torch.float16, batch=(1,), tower="vision", config=tf.CLIPConfig(**both))
    # Pictures of 18 pixels and patches of 4: two rows and columns are not read.
    yield Golden("siglip", tf.SiglipModel, seed=273, dtype=torch.bfloat16, batch=(1,), tower="vision",
                 config=tf.SiglipConfig(text_config=TEXT, vision_config=VISION))
    yield Golden("siglip_text", tf.SiglipTextModel, seed=274, dtype=torch.bfloat16, batch=(2, 14), config=tf.SiglipTextConfig(**TEXT))


def text(rng):
    heads = pick(rng, 1, 2, 3)
    return dict(vocab_size=37, hidden_size=heads * pick(rng, 4, 8), num_hidden_layers=pick(rng, 1, 2, 3), num_attention_heads=heads,
                intermediate_size=pick(rng, 20, 48), max_position_embeddings=pick(rng, 30, 36), pad_token_id=1, bos_token_id=2, eos_token_id=3,
                **({"layer_norm_eps": 1e-3} if coin(rng) else {}), **({"hidden_act": pick(rng, "gelu", "relu", "quick_gelu")} if coin(rng) else {}))


def vision(rng):
    heads = pick(rng, 1, 2, 3)
    return dict(hidden_size=heads * pick(rng, 4, 8), num_hidden_layers=pick(rng, 1, 2, 3), num_attention_heads=heads,
                intermediate_size=pick(rng, 20, 48), image_size=pick(rng, 8, 12, 15), patch_size=pick(rng, 2, 4, 5), num_channels=pick(rng, 1, 3),
                **({"layer_norm_eps": 1e-3} if coin(rng) else {}), **({"hidden_act": pick(rng, "gelu", "relu", "quick_gelu")} if coin(rng) else {}))


def lean(config):
    """As the hub's: towers without the keys that have their defaults, other dtype key."""
    for key in ("text_config", "vision_config"):
        inner = config.get(key, {})
        for name in ("attention_dropout", "initializer_range", "initializer_factor", "dtype", "bos_token_id", "projection_dim"):
            inner.pop(name, None)
    config["torch_dtype"] = config.pop("dtype", None)
    config["text_config_dict"] = None


def draw(name, both, text_model, text_config, vision_model, vision_config, config):
    def drawn(rng):
        kind, dtype, rewrite = pick(rng, "text", "vision", "text alone", "vision alone"), pick(rng, *DTYPES), lean if coin(rng) else None
        batch = (2, pick(rng, 1, 9, 30)) if kind.startswith("text") else (pick(rng, 1, 2),)
        if kind == "text alone":
            return Golden(name, text_model, text_config(**text(rng)), seed=0, batch=batch, dtype=dtype)
        if kind == "vision alone":
            return Golden(name, vision_model, vision_config(**vision(rng)), seed=0, batch=batch, dtype=dtype)
        return Golden(name, both, config(text_config=text(rng), vision_config=vision(rng)), seed=0, batch=batch, dtype=dtype,
                      tower=kind, rewrite=rewrite)
    return drawn


def both(name, model, config, text_options=text):
    """Draws of either tower of a pair."""
    def drawn(rng):
        kind = pick(rng, "text", "vision")
        made = config(text_config=text_options(rng), vision_config=vision(rng))
        return Golden(name, model, made, seed=0, batch=(2, pick(rng, 1, 9, 16)) if kind == "text" else (pick(rng, 1, 2),),
                      dtype=pick(rng, *DTYPES), tower=kind)
    return drawn


def without_end(rng):
    """OWL-ViT's end of text is the highest token."""
    return {k: v for k, v in text(rng).items() if k not in ("bos_token_id", "eos_token_id")}


def without_padding(rng):
    """transformers empties the padding's row of Chinese CLIP's table when it loads a file."""
    return text(rng) | {"pad_token_id": None}


TOWER = {"text": ("text_model.encoder.layers", "text_model.final_layer_norm", "text_model"),
         "vision": ("vision_model.encoder.layers", "vision_model.post_layernorm", "vision_model")}
GOLDENS = (clip,)
MODELS = ("clip", "siglip", "metaclip_2", "siglip2", "clipseg", "owlvit", "chinese_clip")
PARTS = {f"{m}#{t}": Parts(*TOWER[t], norm_of_all=t == "vision") for m in MODELS for t in TOWER}
PARTS["chinese_clip#text"] = Parts("text_model.encoder.layer", None, call="text_model")
PARTS |= {f"{m}_text_model": Parts("encoder.layers", "final_layer_norm") for m in MODELS}
PARTS |= {f"{m}_vision_model": Parts("encoder.layers", "post_layernorm", norm_of_all=True) for m in MODELS}
FUZZ = {"clip": draw("clip", tf.CLIPModel, tf.CLIPTextModel, tf.CLIPTextConfig, tf.CLIPVisionModel, tf.CLIPVisionConfig, tf.CLIPConfig),
        "siglip": draw("siglip", tf.SiglipModel, tf.SiglipTextModel, tf.SiglipTextConfig, tf.SiglipVisionModel, tf.SiglipVisionConfig,
                       tf.SiglipConfig),
        "metaclip_2": draw("metaclip_2", tf.MetaClip2Model, tf.MetaClip2TextModel, tf.MetaClip2TextConfig, tf.MetaClip2VisionModel,
                           tf.MetaClip2VisionConfig, tf.MetaClip2Config),
        "siglip2": lambda rng: Golden("siglip2", tf.Siglip2TextModel, tf.Siglip2TextConfig(**text(rng)), seed=0,
                                      batch=(2, pick(rng, 1, 9, 30)), dtype=pick(rng, *DTYPES)),
        "clipseg": both("clipseg", tf.CLIPSegModel, tf.CLIPSegConfig), "owlvit": both("owlvit", tf.OwlViTModel, tf.OwlViTConfig, without_end),
        "chinese_clip": both("chinese_clip", tf.ChineseCLIPModel, tf.ChineseCLIPConfig, without_padding)}
