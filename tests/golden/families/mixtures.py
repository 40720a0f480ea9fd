"""Mixtures of experts made after Llama: Mixtral, Qwen2 MoE (shared expert), Qwen3 MoE, OLMoE. transformers saves their
experts one by one, as published; some files hold all experts of a block in one tensor."""

import torch
import transformers as tf

from .base import Golden, Parts, coin, pick, published_rope
from .llama import common, kinds, random_golden


def fused(gate, up, down):
    """A rename that stacks the experts of each block as the models hold them in memory."""
    def rename(tensors):
        out, parts = {}, {}
        for name, tensor in tensors.items():
            head, found, tail = name.partition(".experts.")
            if not found:
                out[name.replace(".block_sparse_moe.", ".mlp.")] = tensor
                continue
            number, _, part = tail.partition(".")
            parts.setdefault(head.replace("block_sparse_moe", "mlp"), {}).setdefault(int(number), {})[part] = tensor
        for head, experts in parts.items():
            stack = [experts[i] for i in sorted(experts)]
            out[f"{head}.experts.gate_up_proj"] = torch.stack([torch.cat([e[f"{gate}.weight"], e[f"{up}.weight"]]) for e in stack])
            out[f"{head}.experts.down_proj"] = torch.stack([e[f"{down}.weight"] for e in stack])
        return out
    return rename


FUSED = fused("gate_proj", "up_proj", "down_proj")


def mixtures():
    base = dict(vocab_size=29, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1,
                max_position_embeddings=64, rms_norm_eps=1e-3, rope_parameters={"rope_type": "default", "rope_theta": 900.0},
                pad_token_id=0, bos_token_id=1, eos_token_id=2)
    yield Golden("mixtral", tf.MixtralForCausalLM, seed=231, dtype=torch.bfloat16, batch=(2, 14), rewrite=published_rope,
                 config=tf.MixtralConfig(**base, intermediate_size=20, num_local_experts=5, num_experts_per_tok=2, sliding_window=7))
    yield Golden("qwen2_moe", tf.Qwen2MoeForCausalLM, seed=232, dtype=torch.bfloat16, batch=(2, 14), config=tf.Qwen2MoeConfig(
        **base, intermediate_size=24, moe_intermediate_size=12, shared_expert_intermediate_size=20, num_experts=5,
        num_experts_per_tok=3, mlp_only_layers=[1]))
    yield Golden("qwen3_moe", tf.Qwen3MoeForCausalLM, seed=233, dtype=torch.bfloat16, batch=(2, 14), rename=FUSED,
                 config=tf.Qwen3MoeConfig(**base, head_dim=6, moe_intermediate_size=12, num_experts=4, num_experts_per_tok=2,
                                          norm_topk_prob=True, attention_bias=True))


def draw_mixtral(rng):
    config = tf.MixtralConfig(**common(rng), num_local_experts=pick(rng, 2, 4, 7), num_experts_per_tok=pick(rng, 1, 2),
                              sliding_window=pick(rng, None, 5))
    return random_golden(rng, "mixtral", (tf.MixtralForCausalLM, tf.MixtralModel), config,
                         rename=fused("w1", "w3", "w2") if coin(rng, 0.3) else None)


def routed(rng, layers):
    return dict(num_experts=pick(rng, 3, 4, 8), num_experts_per_tok=pick(rng, 1, 2, 3), moe_intermediate_size=pick(rng, 8, 14),
                norm_topk_prob=coin(rng), decoder_sparse_step=pick(rng, 1, 1, 2),
                mlp_only_layers=[i for i in range(layers) if coin(rng, 0.2)])


def draw_qwen2_moe(rng):
    options = common(rng, own_head=False)
    layers = options["num_hidden_layers"]
    use = coin(rng)
    listed = kinds(rng, layers) if use else None
    config = tf.Qwen2MoeConfig(**options, **routed(rng, layers), shared_expert_intermediate_size=pick(rng, 10, 20), qkv_bias=coin(rng, 0.7),
                               use_sliding_window=use, sliding_window=5, max_window_layers=pick(rng, 1, 2, 28), layer_types=listed)
    golden = random_golden(rng, "qwen2_moe", (tf.Qwen2MoeForCausalLM, tf.Qwen2MoeModel), config, rename=FUSED if coin(rng, 0.3) else None)
    if listed is None and coin(rng):
        golden.legacy = {"layer_types": None}
    return golden


def draw_qwen3_moe(rng):
    options = common(rng, own_head="maybe")
    config = tf.Qwen3MoeConfig(**options, **routed(rng, options["num_hidden_layers"]), attention_bias=coin(rng),
                               use_sliding_window=coin(rng, 0.3), sliding_window=5)
    return random_golden(rng, "qwen3_moe", (tf.Qwen3MoeForCausalLM, tf.Qwen3MoeModel), config, rename=FUSED if coin(rng, 0.3) else None)


def draw_olmoe(rng):
    config = tf.OlmoeConfig(**common(rng, own_head=False), num_experts=pick(rng, 3, 4, 8), num_experts_per_tok=pick(rng, 1, 2, 3),
                            norm_topk_prob=coin(rng), attention_bias=coin(rng), clip_qkv=pick(rng, None, 1.0))
    return random_golden(rng, "olmoe", (tf.OlmoeForCausalLM, tf.OlmoeModel), config, rename=FUSED if coin(rng, 0.3) else None)


GOLDENS = (mixtures,)
PARTS = {k: Parts("layers", "norm") for k in ("mixtral", "qwen2_moe", "qwen3_moe", "olmoe")}
FUZZ = {"mixtral": draw_mixtral, "qwen2_moe": draw_qwen2_moe, "qwen3_moe": draw_qwen3_moe, "olmoe": draw_olmoe}
