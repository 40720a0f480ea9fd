"""ViT, DeiT, DINOv2."""

import torch
import transformers as tf

from .base import DTYPES, Golden, Parts, coin, pick


def vit():
    yield Golden("vit", tf.ViTForImageClassification, seed=41, batch=(3,), shard="30KB", config=tf.ViTConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=56, image_size=20, patch_size=4,
        num_channels=3, qkv_bias=True, hidden_act="quick_gelu", layer_norm_eps=7e-4, num_labels=5))
    # Pictures that are not square, no q/k/v biases, a pooler behind the final norm, no `vit.` prefix.
    yield Golden("vit_pooled", tf.ViTModel, seed=42, batch=(2,), config=tf.ViTConfig(
        hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=40, image_size=[16, 24],
        patch_size=4, num_channels=1, qkv_bias=False, layer_norm_eps=1e-6))


def others():
    base = dict(hidden_size=24, num_hidden_layers=2, num_attention_heads=3, patch_size=4, num_channels=2, layer_norm_eps=4e-4)
    yield Golden("deit", tf.DeiTForImageClassificationWithTeacher, seed=43, dtype=torch.float16, batch=(2,), config=tf.DeiTConfig(
        **base, image_size=[13, 16], intermediate_size=40))
    yield Golden("dinov2", tf.Dinov2Model, seed=44, dtype=torch.float16, batch=(2,), picture=(22, 13), config=tf.Dinov2Config(
        **base, image_size=16, mlp_ratio=2, use_swiglu_ffn=True, qkv_bias=False))
    yield Golden("dinov2_with_registers", tf.Dinov2WithRegistersModel, seed=45, dtype=torch.bfloat16, batch=(2,),
                 config=tf.Dinov2WithRegistersConfig(**base, image_size=16, mlp_ratio=2, num_register_tokens=3, hidden_act="relu"))
    # Brought to a smaller grid one way and to a larger one the other.
    yield Golden("dinov2_with_registers_resized", tf.Dinov2WithRegistersModel, seed=46, dtype=torch.bfloat16, batch=(2,), picture=(9, 22),
                 config=tf.Dinov2WithRegistersConfig(**base, image_size=16, mlp_ratio=2, num_register_tokens=2))
    yield Golden("dinov3_vit", tf.DINOv3ViTModel, seed=47, dtype=torch.bfloat16, batch=(2,), picture=(13, 22), config=tf.DINOv3ViTConfig(
        **base, image_size=16, intermediate_size=40, num_register_tokens=3, use_gated_mlp=True, hidden_act="silu"))


def native(tensors):
    """The names inside transformers 5, as torch.save(model.state_dict()) writes them."""
    out = {}
    for name, tensor in tensors.items():
        if ".mlp.weights_in." in name:
            gate, up = tensor.chunk(2)
            name = name.replace("attention.attention", "attention")
            out |= {name.replace("weights_in", "gate_proj"): gate.contiguous(), name.replace("weights_in", "up_proj"): up.contiguous()}
            continue
        for old, new in (("attention.attention.query", "attention.q_proj"), ("attention.attention.key", "attention.k_proj"),
                         ("attention.attention.value", "attention.v_proj"), ("attention.output.dense", "attention.o_proj"),
                         ("intermediate.dense", "mlp.fc1"), ("output.dense", "mlp.fc2"), ("weights_out", "down_proj")):
            name = name.replace(old, new)
        out[name if "norm1" in str(tensors.keys()) else name.replace("encoder.layer.", "layers.")] = tensor
    return out


def options(rng, sides=True):
    heads = pick(rng, 1, 2, 3)
    size = pick(rng, [8, 12], [15, 10], 10, 12) if sides else pick(rng, 8, 11, 12)
    return dict(hidden_size=heads * pick(rng, 4, 8), num_hidden_layers=pick(rng, 1, 2, 3), num_attention_heads=heads,
                image_size=size, patch_size=pick(rng, 2, 4, 5), num_channels=pick(rng, 1, 3), qkv_bias=coin(rng),
                layer_norm_eps=pick(rng, 1e-12, 1e-5, 1e-3), hidden_act=pick(rng, "gelu", "relu", "gelu_new", "quick_gelu"))


def draw(name, config, *classes, **more):
    def drawn(rng):
        return Golden(name, pick(rng, *classes), config(**options(rng), intermediate_size=pick(rng, 20, 48), **more), seed=0,
                      batch=(pick(rng, 1, 2),), dtype=pick(rng, *DTYPES), rename=native if coin(rng, 0.3) else None)
    return drawn


def picture(rng, config):
    """Another size than the configuration's in most cases; positions are then interpolated. Pictures that are not square
    and yet of as many patches are refused."""
    sides = pick(rng, (), (8, 8), (15, 15), (9, 13), (21, 6))
    count = (config.image_size // config.patch_size) ** 2
    same = sides and sides[0] != sides[1] and (sides[0] // config.patch_size) * (sides[1] // config.patch_size) == count
    return () if same else sides


def draw_dinov2(rng):
    config = tf.Dinov2Config(**options(rng, sides=False), mlp_ratio=pick(rng, 1, 2, 4), use_swiglu_ffn=coin(rng),
                             layerscale_value=pick(rng, 1.0, 0.1), use_mask_token=coin(rng))
    return Golden("dinov2", pick(rng, tf.Dinov2Model, tf.Dinov2ForImageClassification), config, seed=0, batch=(pick(rng, 1, 2),),
                  dtype=pick(rng, *DTYPES), picture=picture(rng, config), rename=native if coin(rng, 0.3) else None)


def draw_registers(rng):
    config = tf.Dinov2WithRegistersConfig(**options(rng, sides=False), mlp_ratio=pick(rng, 1, 2, 4), use_swiglu_ffn=coin(rng),
                                          num_register_tokens=pick(rng, 1, 4))
    return Golden("dinov2_with_registers", tf.Dinov2WithRegistersModel, config, seed=0, batch=(pick(rng, 1, 2),), dtype=pick(rng, *DTYPES),
                  picture=picture(rng, config), rename=native if coin(rng, 0.3) else None)


def draw_dinov3(rng):
    o = options(rng, sides=False)
    o.pop("qkv_bias")
    config = tf.DINOv3ViTConfig(
        **o, intermediate_size=pick(rng, 20, 48), num_register_tokens=pick(rng, 0, 3), use_gated_mlp=coin(rng), rope_theta=pick(rng, 100.0, 30.0),
        query_bias=coin(rng), key_bias=coin(rng), value_bias=coin(rng), proj_bias=coin(rng), mlp_bias=coin(rng))
    return Golden("dinov3_vit", tf.DINOv3ViTModel, config, seed=0, batch=(pick(rng, 1, 2),), dtype=pick(rng, *DTYPES),
                  picture=pick(rng, (), (8, 8), (15, 15), (9, 13), (21, 6)))


def unmasked(model):
    model.get_submodule("vit" if hasattr(model, "vit") else "").embeddings.random_masking = lambda rows, noise=None: (rows, None, None)


GOLDENS = (vit, others)
PARTS = {k: Parts("layers", "layernorm") for k in ("vit", "deit", "vit_msn", "ijepa")}
PARTS |= {"vit_mae": Parts("layers", "layernorm", call=""),
         "dinov2": Parts("encoder.layer", "layernorm"), "dinov2_with_registers": Parts("encoder.layer", "layernorm"),
          "dinov3_vit": Parts("model.layer", "norm", whole=True)}
FUZZ = {"vit": draw("vit", tf.ViTConfig, tf.ViTModel, tf.ViTForImageClassification),
        "deit": draw("deit", tf.DeiTConfig, tf.DeiTModel, tf.DeiTForImageClassificationWithTeacher),
        "vit_msn": draw("vit_msn", tf.ViTMSNConfig, tf.ViTMSNModel, tf.ViTMSNForImageClassification),
        "ijepa": draw("ijepa", tf.IJepaConfig, tf.IJepaModel, tf.IJepaForImageClassification),
        "vit_mae": draw("vit_mae", tf.ViTMAEConfig, tf.ViTMAEModel),
        "dinov2": draw_dinov2, "dinov2_with_registers": draw_registers, "dinov3_vit": draw_dinov3}
PREPARE = {"vit_mae": unmasked}
