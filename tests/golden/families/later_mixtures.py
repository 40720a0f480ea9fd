"""More mixtures of experts, a data file each: DBRX, ERNIE 4.5 MoE, Hunyuan's, MiniMax M2, Solar Open, EXAONE MoE, GLM-4 MoE Lite,
Qwen3-VL MoE's language model."""

import torch
import transformers as tf

from .base import DTYPES, Golden, Parts, coin, pick, rope
from .deepseek import latent
from .llama import common, kinds, random_golden
from .mixtures import FUSED, fused
from .near_llama import partial, sigmoid_routed


def dbrx():
    yield Golden("dbrx", tf.DbrxForCausalLM, seed=291, dtype=torch.bfloat16, batch=(2, 14), config=tf.DbrxConfig(
        vocab_size=29, d_model=16, n_heads=4, n_layers=2, max_seq_len=32, attn_config={"kv_n_heads": 2, "clip_qkv": 1.5, "rope_theta": 900.0},
        ffn_config={"ffn_hidden_size": 12, "moe_num_experts": 4, "moe_top_k": 2, "ffn_act_fn": {"name": "gelu"}},
        rope_parameters={"rope_type": "default", "rope_theta": 900.0}))


def draw_dbrx(rng):
    heads, head_dim = pick(rng, 2, 4, 6), pick(rng, 4, 8)
    theta = pick(rng, 700.0, 10000.0)
    config = tf.DbrxConfig(
        vocab_size=37, d_model=heads * head_dim, n_heads=heads, n_layers=pick(rng, 1, 2, 3), max_seq_len=64,
        attn_config={"kv_n_heads": pick(rng, 1, 2, heads), "clip_qkv": pick(rng, 0.8, 8.0), "rope_theta": theta},
        ffn_config={"ffn_hidden_size": pick(rng, 10, 20), "moe_num_experts": pick(rng, 3, 5), "moe_top_k": pick(rng, 1, 3),
                    "ffn_act_fn": {"name": pick(rng, "silu", "gelu")}},
        rope_parameters={"rope_type": "default", "rope_theta": theta})
    return Golden("dbrx", pick(rng, tf.DbrxForCausalLM, tf.DbrxModel), config, seed=0, batch=(2, pick(rng, 1, 9, 30)), dtype=pick(rng, *DTYPES))


def draw_ernie(rng):
    config = tf.Ernie4_5_MoeConfig(
        **common(rng, own_head=False), use_bias=coin(rng), moe_intermediate_size=pick(rng, 6, 10), moe_k=pick(rng, 1, 2),
        moe_num_experts=pick(rng, 3, 5), moe_num_shared_experts=pick(rng, 0, 1, 2), moe_layer_start_index=pick(rng, 0, 1),
        moe_layer_end_index=pick(rng, -1, 1), moe_layer_interval=pick(rng, 1, 1, 2))
    return random_golden(rng, "ernie4_5_moe", (tf.Ernie4_5_MoeForCausalLM, tf.Ernie4_5_MoeModel), config,
                         rename=FUSED if coin(rng, 0.3) else None)


def draw_hunyuan(rng):
    options = common(rng)
    if coin(rng, 0.4):
        options["rope_parameters"] = {"rope_type": "dynamic", "rope_theta": 700.0, "factor": 1.0, "alpha": 50.0}
    config = tf.HunYuanMoEV1Config(**options, attention_bias=coin(rng), num_experts=pick(rng, 3, 4), moe_topk=pick(rng, 1, 2))
    return random_golden(rng, "hunyuan_v1_moe", (tf.HunYuanMoEV1ForCausalLM, tf.HunYuanMoEV1Model), config,
                         rename=FUSED if coin(rng, 0.3) else None)


def draw_minimax(rng):
    options = common(rng)
    if coin(rng):
        options = partial(rng, options)
    config = tf.MiniMaxM2Config(**options, num_local_experts=pick(rng, 3, 5), num_experts_per_tok=pick(rng, 1, 2))
    return random_golden(rng, "minimax_m2", (tf.MiniMaxM2ForCausalLM, tf.MiniMaxM2Model), config,
                         rename=fused("w1", "w3", "w2") if coin(rng, 0.3) else None)


def draw_solar(rng):
    options = sigmoid_routed(rng)
    options.pop("first_k_dense_replace")
    outer = common(rng)
    outer.pop("intermediate_size")
    config = tf.SolarOpenConfig(**outer, **options)
    return random_golden(rng, "solar_open", (tf.SolarOpenForCausalLM, tf.SolarOpenModel), config, rename=FUSED if coin(rng, 0.3) else None)


def draw_exaone(rng):
    options = common(rng, own_head=False)
    options["head_dim"] = options["hidden_size"] // options["num_attention_heads"]
    routed = sigmoid_routed(rng)
    routed.pop("attention_bias")
    routed |= dict(num_experts=routed.pop("n_routed_experts"), num_shared_experts=routed.pop("n_shared_experts"))
    listed = kinds(rng, options["num_hidden_layers"])
    config = tf.ExaoneMoeConfig(**options, **routed, sliding_window=pick(rng, 4, 7), sliding_window_pattern=pick(rng, 2, 4), layer_types=listed)
    golden = random_golden(rng, "exaone_moe", (tf.ExaoneMoeForCausalLM, tf.ExaoneMoeModel), config, rename=FUSED if coin(rng, 0.3) else None)
    if listed is None and coin(rng):
        golden.legacy = {"layer_types": None, "mlp_layer_types": None}
    return golden


def draw_glm_lite(rng):
    options = latent(rng)
    options.pop("first_k_dense_replace")
    config = tf.Glm4MoeLiteConfig(**options, norm_topk_prob=coin(rng, 0.7), rope_interleave=coin(rng, 0.7))
    return random_golden(rng, "glm4_moe_lite", (tf.Glm4MoeLiteForCausalLM, tf.Glm4MoeLiteModel), config)


def draw_mellum(rng):
    options = common(rng)
    layers = options["num_hidden_layers"]
    options["rope_parameters"] = {"full_attention": options["rope_parameters"], "sliding_attention": {"rope_type": "default", "rope_theta": 500.0}}
    config = tf.MellumConfig(**options, num_experts=pick(rng, 3, 5), num_experts_per_tok=pick(rng, 1, 2), moe_intermediate_size=pick(rng, 6, 10),
                             norm_topk_prob=coin(rng), sliding_window=pick(rng, 4, 7), layer_types=kinds(rng, layers), attention_bias=coin(rng),
                             mlp_layer_types=pick(rng, None, [pick(rng, "dense", "sparse") for _ in range(layers)]))
    return random_golden(rng, "mellum", (tf.MellumForCausalLM, tf.MellumModel), config, rewrite=None, rename=FUSED if coin(rng, 0.3) else None)


GOLDENS = (dbrx,)
FUZZ = {"dbrx": draw_dbrx, "ernie4_5_moe": draw_ernie, "hunyuan_v1_moe": draw_hunyuan, "minimax_m2": draw_minimax, "solar_open": draw_solar,
        "exaone_moe": draw_exaone, "glm4_moe_lite": draw_glm_lite, "mellum": draw_mellum}
PARTS = {k: Parts("layers", "norm") for k in FUZZ} | {"dbrx": Parts("blocks", "norm_f")}
