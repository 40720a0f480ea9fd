"""The language towers of checkpoints that hold several, by the names that they were published with and those of memory."""

import torch
import transformers as tf

from .base import DTYPES, Golden, Parts, coin, pick
from .llama import common

SOUND = dict(d_model=16, encoder_layers=1, encoder_attention_heads=2, encoder_ffn_dim=8, num_mel_bins=4, max_source_positions=8)
VISION = dict(hidden_size=16, intermediate_size=12, num_hidden_layers=1, num_attention_heads=2, image_size=8, patch_size=4)


def three_axes(options, head_dim):
    options["rope_parameters"] = {"rope_type": "default", "rope_theta": 900.0, "mrope_section": [head_dim // 2 - 1, 1, 0]}


def text(rng, model_type):
    options = common(rng, own_head=True if model_type in ("gemma3_text", "gemma4_text", "qwen3_vl_text", "qwen3_vl_moe_text", "qwen3", "mistral") else False)
    head_dim = options.get("head_dim", options["hidden_size"] // options["num_attention_heads"])
    if model_type == "gemma3_text":
        options["hidden_activation"] = options.pop("hidden_act")
        options["rope_parameters"] = {"full_attention": options["rope_parameters"],
                                      "sliding_attention": {"rope_type": "default", "rope_theta": 500.0}}
        options["sliding_window"] = 5
    if model_type == "gemma4_text":
        layers = options["num_hidden_layers"]
        options["hidden_activation"] = options.pop("hidden_act")
        options.pop("rope_parameters")
        options |= dict(global_head_dim=8, sliding_window=5, hidden_size_per_layer_input=pick(rng, 0, 4), vocab_size_per_layer_input=37,
                        layer_types=["sliding_attention"] * (layers - 1) + ["full_attention"])
    if model_type.endswith(("_vl_text", "_vl_moe_text")):
        three_axes(options, head_dim)
    if model_type == "qwen3_vl_moe_text":
        options |= dict(num_experts=pick(rng, 3, 5), num_experts_per_tok=pick(rng, 1, 2), moe_intermediate_size=pick(rng, 7, 11))
    return options | dict(model_type=model_type)


FAMILIES = {
    "gemma4": ("Gemma4", "gemma4_text", None, {}),
    "gemma3": ("Gemma3", "gemma3_text", VISION | dict(model_type="siglip_vision_model"), dict(mm_tokens_per_image=4)),
    "mistral3": ("Mistral3", "mistral", VISION | dict(model_type="pixtral", head_dim=8), {}),
    "llava": ("Llava", "llama", VISION | dict(model_type="clip_vision_model"), {}),
    "llava_next": ("LlavaNext", "llama", VISION | dict(model_type="clip_vision_model"), {}),
    "qwen2_vl": ("Qwen2VL", "qwen2_vl_text", dict(depth=1, embed_dim=16, hidden_size=16, num_heads=2), {}),
    "qwen2_5_vl": ("Qwen2_5_VL", "qwen2_5_vl_text", dict(depth=1, hidden_size=16, num_heads=2, intermediate_size=8, out_hidden_size=16), {}),
    "qwen3_vl": ("Qwen3VL", "qwen3_vl_text", dict(depth=1, hidden_size=16, num_heads=2, intermediate_size=8, out_hidden_size=16), {}),
    "qwen3_vl_moe": ("Qwen3VLMoe", "qwen3_vl_moe_text", dict(depth=1, hidden_size=16, num_heads=2, intermediate_size=8, out_hidden_size=16), {}),
    "llava_next_video": ("LlavaNextVideo", "llama", VISION | dict(model_type="clip_vision_model"), {}),
    "llava_onevision": ("LlavaOnevision", "qwen2", VISION | dict(model_type="siglip_vision_model"), {}),
    "video_llava": ("VideoLlava", "llama", VISION | dict(model_type="clip_vision_model"), {}),
    "vipllava": ("VipLlava", "llama", VISION | dict(model_type="clip_vision_model"), dict(vision_feature_layers=[-1])),
    "got_ocr2": ("GotOcr2", "qwen2", dict(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, image_size=32, patch_size=8, mlp_dim=8,
                                           output_channels=8, window_size=2, global_attn_indexes=[0]), {}),
    "qwen2_audio": ("Qwen2Audio", "qwen2", None, dict(audio_config=SOUND | dict(model_type="qwen2_audio_encoder"))),
    "voxtral": ("Voxtral", "llama", None, dict(audio_config=dict(model_type="voxtral_encoder", hidden_size=16, intermediate_size=16, num_hidden_layers=1,
                                                               num_attention_heads=2, num_mel_bins=4, max_source_positions=8))),
    "lighton_ocr": ("LightOnOcr", "qwen3", VISION | dict(model_type="pixtral", head_dim=8), {}),
    "janus": ("Janus", "llama",
              dict(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, image_size=8, patch_size=4, projection_dim=16, num_image_tokens=4),
              dict(vq_config=dict(base_channels=32, channel_multiplier=[1], num_res_blocks=1, embed_dim=4, latent_channels=4, num_embeddings=8,
                                  projection_dim=16, num_patches=4))),
    "deepseek_vl": ("DeepseekVL", "llama", VISION | dict(model_type="siglip_vision_model"), {}),
    "ovis2": ("Ovis2", "qwen2", dict(hidden_size=16, intermediate_size=12, num_hidden_layers=1, num_attention_heads=2, image_size=8, patch_size=4,
                                     vocab_size=20, num_visual_indicator_tokens=5), {}),
    "video_llama_3": ("VideoLlama3", "qwen2", dict(hidden_size=16, intermediate_size=12, num_hidden_layers=1, num_attention_heads=2, patch_size=4), {}),
    "audioflamingo3": ("AudioFlamingo3", "qwen2", None, dict(audio_config=dict(
        model_type="audioflamingo3_encoder", hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, num_mel_bins=4,
        max_source_positions=8))),
    "idefics2": ("Idefics2", "mistral", VISION, dict(perceiver_config=dict(hidden_size=16, resampler_n_latents=2, resampler_depth=1,
                                                                       resampler_n_heads=2, resampler_head_dim=8, num_key_value_heads=1))),
    "idefics3": ("Idefics3", "llama", VISION, {}),
    "smolvlm": ("SmolVLM", "llama", VISION, {}),
    "internvl": ("InternVL", "qwen2", VISION, {}),
}


def flattened(written):
    """As Qwen2-VL's published files: the language model's keys at the top."""
    inner = written.pop("text_config")
    written |= {k: v for k, v in inner.items() if k not in ("model_type", "tie_word_embeddings", "dtype")}
    p = written.pop("rope_parameters")
    written["rope_theta"] = p.pop("rope_theta")
    p.pop("rope_type", None)
    written["rope_scaling"] = {"type": "mrope"} | p


def drawer(name):
    stem, model_type, vision, more = FAMILIES[name]

    def draw(rng):
        inner = text(rng, model_type)
        tied = inner.pop("tie_word_embeddings")
        outer = dict(hidden_size=inner["hidden_size"], vocab_size=inner["vocab_size"]) if name == "ovis2" else {}
        if name == "voxtral" and "head_dim" not in inner:  # 128 where it is not stated
            inner["head_dim"] = inner["hidden_size"] // inner["num_attention_heads"]
        config = getattr(tf, stem + "Config")(text_config=inner, vision_config=vision and dict(vision), tie_word_embeddings=tied,
                                                **more | outer)
        cls = getattr(tf, stem + ("ForConditionalGeneration"))
        golden = Golden(name, cls, config, seed=0, batch=(2, pick(rng, 1, 9, 30)), dtype=pick(rng, *DTYPES), tower="text", strip_prefix="-")  # no such prefix: transformers needs them
        if name in ("qwen2_vl", "qwen2_5_vl") and coin(rng):
            golden.rewrite = flattened
        if name == "qwen3_vl_moe" and coin(rng):  # as published: [experts, in, out]
            golden.rename = lambda tensors: {k: t.mT.contiguous() if ".experts." in k and t.dim() == 3 else t for k, t in tensors.items()}
        if name in ("gemma3", "mistral3", "llava") and coin(rng, 0.4):  # as the models hold them
            golden.rename = lambda tensors: {
                k.replace("language_model.lm_head", "lm_head").replace("language_model.model.", "model.language_model."): t
                for k, t in tensors.items()}
        return golden
    return draw


def gemma3():
    # An own head by the outer configuration; the names that transformers 4 published.
    text = dict(vocab_size=29, hidden_size=16, intermediate_size=20, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
                head_dim=6, sliding_window=5, sliding_window_pattern=2, query_pre_attn_scalar=11, max_position_embeddings=64)
    yield Golden("gemma3", tf.Gemma3ForConditionalGeneration, seed=261, dtype=torch.bfloat16, batch=(2, 14), tower="text",
                 config=tf.Gemma3Config(text_config=text, vision_config=VISION | dict(model_type="siglip_vision_model"),
                                        mm_tokens_per_image=4, tie_word_embeddings=False))


GOLDENS = (gemma3,)
PARTS = {f"{name}#text": Parts("text_model.layers", "text_model.norm") if name in ("idefics2", "idefics3", "smolvlm")
         else Parts("language_model.layers", "language_model.norm") for name in FAMILIES}
FUZZ = {name: drawer(name) for name in FAMILIES}
