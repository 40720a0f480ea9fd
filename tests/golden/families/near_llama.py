"""Families close to Llama, a data file each: Seed-OSS, Arcee, Helium, GLM and GLM-4, EXAONE 4, ERNIE 4.5, Hunyuan, Granite MoE."""

import transformers as tf

from .base import Parts, coin, pick
from .granite import multipliers
from .llama import common, kinds, random_golden


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


FUZZ = {"seed_oss": draw_seed_oss, "arcee": draw_arcee, "helium": draw_helium, "glm": draw_glm, "glm4": draw_glm4,
        "exaone4": draw_exaone4, "ernie4_5": draw_ernie, "hunyuan_v1_dense": draw_hunyuan, "granitemoe": draw_granitemoe,
        "granitemoeshared": draw_granitemoeshared}
PARTS = {k: Parts("layers", "norm") for k in FUZZ}
