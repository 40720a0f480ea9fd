"""DeepSeek V2 and V3: latent attention with a rotated part that all heads share, dense blocks and then routed ones."""

import torch
import transformers as tf

from .base import Golden, Parts, coin, pick, rope
from .llama import common, published_rope, random_golden


def deepseek():
    base = dict(vocab_size=29, hidden_size=16, intermediate_size=20, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=2,
                max_position_embeddings=64, rms_norm_eps=1e-3, kv_lora_rank=10, qk_nope_head_dim=6, qk_rope_head_dim=4, v_head_dim=5,
                moe_intermediate_size=8, n_routed_experts=6, num_experts_per_tok=2, first_k_dense_replace=1, n_group=3, topk_group=2,
                rope_parameters={"rope_type": "yarn", "rope_theta": 900.0, "factor": 4.0, "original_max_position_embeddings": 16,
                                 "mscale": 0.7, "mscale_all_dim": 0.9}, pad_token_id=0, bos_token_id=1, eos_token_id=2)
    yield Golden("deepseek_v2", tf.DeepseekV2ForCausalLM, seed=251, dtype=torch.bfloat16, batch=(2, 14), rewrite=published_rope,
                 config=tf.DeepseekV2Config(**base, q_lora_rank=None, topk_method="group_limited_greedy", n_shared_experts=2,
                                            routed_scaling_factor=3.0))
    yield Golden("deepseek_v3", tf.DeepseekV3ForCausalLM, seed=252, dtype=torch.bfloat16, batch=(2, 14), rewrite=published_rope,
                 legacy={"num_nextn_predict_layers": 1, "topk_method": "noaux_tc", "scoring_func": "sigmoid", "moe_layer_freq": 1},
                 config=tf.DeepseekV3Config(**base, q_lora_rank=8, attention_bias=True, routed_scaling_factor=2.5))


def latent(rng):
    options = common(rng, own_head=False)
    turned = pick(rng, 4, 6, 8)
    groups = pick(rng, 1, 2, 4)
    per = pick(rng, 2, 3)
    chosen_groups = pick(rng, *range(1, groups + 1))
    options |= dict(
        num_key_value_heads=options["num_attention_heads"], rope_parameters=rope(rng, turned, ("default", "yarn", "yarn", "linear", "llama3")),
        kv_lora_rank=pick(rng, 6, 10), q_lora_rank=pick(rng, None, 7), qk_nope_head_dim=pick(rng, 4, 7), qk_rope_head_dim=turned,
        v_head_dim=pick(rng, 4, 9), moe_intermediate_size=pick(rng, 6, 10), n_routed_experts=groups * per, n_shared_experts=pick(rng, 1, 2),
        num_experts_per_tok=pick(rng, *range(1, min(4, chosen_groups * per + 1))), first_k_dense_replace=pick(rng, 0, 1, 2), n_group=groups,
        topk_group=chosen_groups, routed_scaling_factor=pick(rng, 1.0, 2.5), attention_bias=coin(rng))
    p = options["rope_parameters"]
    if p["rope_type"] == "yarn" and coin(rng, 0.3):
        p["mscale_all_dim"] = 1.0
    return options


def draw_v2(rng):
    options = latent(rng)
    options["qk_nope_head_dim"] += options["qk_nope_head_dim"] % 2  # its complex numbers lie two by two in memory
    config = tf.DeepseekV2Config(**options, topk_method=pick(rng, "greedy", "group_limited_greedy"), mlp_bias=coin(rng, 0.3))
    return random_golden(rng, "deepseek_v2", (tf.DeepseekV2ForCausalLM, tf.DeepseekV2Model), config)


def draw_v3(rng):
    config = tf.DeepseekV3Config(**latent(rng), norm_topk_prob=coin(rng, 0.7), rope_interleave=coin(rng, 0.7))
    return random_golden(rng, "deepseek_v3", (tf.DeepseekV3ForCausalLM, tf.DeepseekV3Model), config)


GOLDENS = (deepseek,)
PARTS = {"deepseek_v2": Parts("layers", "norm"), "deepseek_v3": Parts("layers", "norm")}
FUZZ = {"deepseek_v2": draw_v2, "deepseek_v3": draw_v3}
