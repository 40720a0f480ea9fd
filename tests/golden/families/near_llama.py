"""Families close to Llama, a data file each: Seed-OSS, Arcee, Helium, GLM and GLM-4, EXAONE 4, ERNIE 4.5, Hunyuan, Granite MoE."""

import transformers as tf

from .base import Parts, coin, pick
from .granite import multipliers
from .llama import common, kinds, random_golden
from .mixtures import FUSED


def draw_seed_oss(rng):
    config = tf.SeedOssConfig(**common(rng), attention_bias=coin(rng), attention_out_bias=coin(rng), mlp_bias=coin(rng))
    return random_golden(rng, "seed_oss", (tf.SeedOssForCausalLM, tf.SeedOssModel), config)


def draw_arcee(rng):
    options = common(rng, own_head="maybe") | dict(hidden_act=pick(rng, "relu2", "silu"))
    config = tf.ArceeConfig(**options, attention_bias=coin(rng), mlp_bias=coin(rng))
    return random_golden(rng, "arcee", (tf.ArceeForCausalLM, tf.ArceeModel), config)


def draw_helium(rng):
    options = common(rng, own_head=False)
    options["head_dim"] = options["hidden_size"] // options["num_attention_heads"]  # its output map is square
    config = tf.HeliumConfig(**options, attention_bias=coin(rng), mlp_bias=coin(rng))
    return random_golden(rng, "helium", (tf.HeliumForCausalLM, tf.HeliumModel), config)


def partial(rng, options):
    p = options["rope_parameters"]
    if p["rope_type"] in ("longrope", "dynamic"):
        p.clear()
        p |= {"rope_type": "default", "rope_theta": 700.0}
    p["partial_rotary_factor"] = pick(rng, *[s for s in (1.0, 0.5) if int(options["head_dim"] * s) % 2 == 0])
    return options


def draw_glm(rng):
    config = tf.GlmConfig(**partial(rng, common(rng)), attention_bias=coin(rng))
    return random_golden(rng, "glm", (tf.GlmForCausalLM, tf.GlmModel), config)


def draw_glm4(rng):
    config = tf.Glm4Config(**partial(rng, common(rng)), attention_bias=coin(rng))
    return random_golden(rng, "glm4", (tf.Glm4ForCausalLM, tf.Glm4Model), config)


def draw_exaone4(rng):
    options = common(rng, own_head=False)
    options["head_dim"] = options["hidden_size"] // options["num_attention_heads"]
    listed = kinds(rng, options["num_hidden_layers"])
    config = tf.Exaone4Config(**options, sliding_window=pick(rng, 4, 7), sliding_window_pattern=pick(rng, 2, 4), layer_types=listed)
    golden = random_golden(rng, "exaone4", (tf.Exaone4ForCausalLM, tf.Exaone4Model), config)
    if listed is None and coin(rng):
        golden.legacy = {"layer_types": None}
    return golden


def draw_ernie(rng):
    config = tf.Ernie4_5Config(**common(rng), use_bias=coin(rng))
    return random_golden(rng, "ernie4_5", (tf.Ernie4_5ForCausalLM, tf.Ernie4_5Model), config)


def draw_hunyuan(rng):
    options = common(rng)
    if coin(rng, 0.4):
        options["rope_parameters"] = {"rope_type": "dynamic", "rope_theta": 700.0, "factor": 1.0, "alpha": 50.0}
    config = tf.HunYuanDenseV1Config(**options, attention_bias=coin(rng))
    return random_golden(rng, "hunyuan_v1_dense", (tf.HunYuanDenseV1ForCausalLM, tf.HunYuanDenseV1Model), config)


def granite_moe(rng):
    return common(rng, own_head=False) | multipliers(rng) | dict(
        attention_bias=coin(rng), num_local_experts=pick(rng, 3, 5), num_experts_per_tok=pick(rng, 1, 2))


def draw_granitemoe(rng):
    return random_golden(rng, "granitemoe", (tf.GraniteMoeForCausalLM, tf.GraniteMoeModel), tf.GraniteMoeConfig(**granite_moe(rng)))


def draw_granitemoeshared(rng):
    config = tf.GraniteMoeSharedConfig(**granite_moe(rng), shared_intermediate_size=pick(rng, 10, 18))
    return random_golden(rng, "granitemoeshared", (tf.GraniteMoeSharedForCausalLM, tf.GraniteMoeSharedModel), config)


def draw_vaultgemma(rng):
    options = common(rng)
    options["hidden_activation"] = options.pop("hidden_act")
    listed = kinds(rng, options["num_hidden_layers"])
    config = tf.VaultGemmaConfig(**options, query_pre_attn_scalar=pick(rng, 8, 24), attention_bias=coin(rng), sliding_window=5,
                                 attn_logit_softcapping=pick(rng, None, 2.0), final_logit_softcapping=pick(rng, None, 2.0), layer_types=listed)
    return random_golden(rng, "vaultgemma", (tf.VaultGemmaForCausalLM, tf.VaultGemmaModel), config)


def draw_bitnet(rng):
    config = tf.BitNetConfig(**common(rng, own_head=False), attention_bias=coin(rng))
    return random_golden(rng, "bitnet", (tf.BitNetForCausalLM, tf.BitNetModel), config)


def draw_internlm3(rng):
    biased = coin(rng)
    config = tf.InternLM3Config(**common(rng), attention_bias=biased, mlp_bias=biased)
    return random_golden(rng, "internlm3", (tf.LlamaForCausalLM, tf.LlamaModel), config)


def draw_cwm(rng):
    options = common(rng)
    listed = kinds(rng, options["num_hidden_layers"])
    config = tf.CwmConfig(**options, sliding_window=5, layer_types=listed)
    golden = random_golden(rng, "cwm", (tf.CwmForCausalLM, tf.CwmModel), config)
    if options["rope_parameters"]["rope_type"] == "default":
        golden.rewrite = None  # without a rule in the file Llama 3's holds, whose base is its own
    if listed is None and coin(rng):
        golden.legacy = {"layer_types": None}
    return golden


def draw_flex_olmo(rng):
    config = tf.FlexOlmoConfig(**common(rng, own_head=False), num_experts=pick(rng, 3, 4), num_experts_per_tok=pick(rng, 1, 2),
                               norm_topk_prob=coin(rng), attention_bias=coin(rng))
    return random_golden(rng, "flex_olmo", (tf.FlexOlmoForCausalLM, tf.FlexOlmoModel), config, rename=FUSED if coin(rng, 0.3) else None)


def sigmoid_routed(rng):
    groups = pick(rng, 1, 2)
    return dict(n_routed_experts=4 * groups, n_shared_experts=pick(rng, 1, 2), num_experts_per_tok=pick(rng, 1, 2, 3), n_group=groups,
                topk_group=pick(rng, *range(1, groups + 1)), first_k_dense_replace=pick(rng, 0, 1), norm_topk_prob=coin(rng),
                routed_scaling_factor=pick(rng, 1.0, 2.5), moe_intermediate_size=pick(rng, 6, 10), attention_bias=coin(rng))


def draw_dots1(rng):
    options = common(rng, own_head=False)
    options["head_dim"] = options["hidden_size"] // options["num_attention_heads"]
    listed = kinds(rng, options["num_hidden_layers"])
    config = tf.Dots1Config(**options, **sigmoid_routed(rng), sliding_window=pick(rng, None, 5) if listed is None else 5,
                            max_window_layers=pick(rng, 1, 62), layer_types=listed)
    golden = random_golden(rng, "dots1", (tf.Dots1ForCausalLM, tf.Dots1Model), config, rename=FUSED if coin(rng, 0.3) else None)
    if listed is None and coin(rng):
        golden.legacy = {"layer_types": None}
    return golden


def draw_glm4_moe(rng):
    options = partial(rng, common(rng, own_head=True))
    config = tf.Glm4MoeConfig(**options, **sigmoid_routed(rng), use_qk_norm=coin(rng))
    return random_golden(rng, "glm4_moe", (tf.Glm4MoeForCausalLM, tf.Glm4MoeModel), config)


FUZZ = {"seed_oss": draw_seed_oss, "arcee": draw_arcee, "helium": draw_helium, "glm": draw_glm, "glm4": draw_glm4,
        "exaone4": draw_exaone4, "ernie4_5": draw_ernie, "hunyuan_v1_dense": draw_hunyuan, "granitemoe": draw_granitemoe,
        "granitemoeshared": draw_granitemoeshared, "vaultgemma": draw_vaultgemma, "bitnet": draw_bitnet, "internlm3": draw_internlm3,
        "cwm": draw_cwm, "flex_olmo": draw_flex_olmo, "dots1": draw_dots1, "glm4_moe": draw_glm4_moe}
PARTS = {k: Parts("layers", "norm") for k in FUZZ}
