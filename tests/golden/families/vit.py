"""ViT."""

import transformers as tf

from .base import Golden, Parts


def vit():
    yield Golden("vit", tf.ViTForImageClassification, seed=41, batch=(3,), shard="30KB", config=tf.ViTConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=56, image_size=20, patch_size=4,
        num_channels=3, qkv_bias=True, hidden_act="quick_gelu", layer_norm_eps=7e-4, num_labels=5))
    # Pictures that are not square, no q/k/v biases, a pooler behind the final norm, no `vit.` prefix.
    yield Golden("vit_pooled", tf.ViTModel, seed=42, batch=(2,), config=tf.ViTConfig(
        hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=40, image_size=[16, 24],
        patch_size=4, num_channels=1, qkv_bias=False, layer_norm_eps=1e-6))


GOLDENS = (vit,)
PARTS = {"vit": Parts("layers", "layernorm")}
