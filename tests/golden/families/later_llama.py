"""More families close to Llama, a data file each: Ministral 3, Apertus, IQuest-Coder, EuroBERT, HyperCLOVA X."""

import torch
import transformers as tf

from .base import Golden, Parts, coin, pick, rope
from .granite import multipliers
from .llama import common, kinds, random_golden


def apertus():
    # Llama 3's rule by default, which the file does not state; xIELU with its own numbers a block.
    yield Golden("apertus", tf.ApertusForCausalLM, seed=281, dtype=torch.bfloat16, batch=(2, 14), legacy={"rope_parameters": None, "rope_theta": 12e6},
                 config=tf.ApertusConfig(
                     vocab_size=29, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
                     max_position_embeddings=64, rms_norm_eps=1e-3, pad_token_id=0, bos_token_id=1, eos_token_id=2))


def draw_ministral3(rng):
    options = common(rng)
    options["rope_parameters"] = p = rope(rng, options["head_dim"], ("default", "yarn"), context=160)
    p |= {"llama_4_scaling_beta": 0.1, "original_max_position_embeddings": 40}
    config = tf.Ministral3Config(**options, sliding_window=pick(rng, None, 5))
    golden = random_golden(rng, "ministral3", (tf.Ministral3ForCausalLM, tf.Ministral3Model), config, rewrite=None)
    return golden


def draw_apertus(rng):
    options = common(rng, own_head=False) | dict(hidden_act=pick(rng, "xielu", "xielu", "relu2"))
    config = tf.ApertusConfig(**options, attention_bias=coin(rng))
    return random_golden(rng, "apertus", (tf.ApertusForCausalLM, tf.ApertusModel), config)


def draw_iquestcoder(rng):
    config = tf.IQuestCoderConfig(**common(rng), attention_bias=coin(rng), mlp_bias=coin(rng))
    return random_golden(rng, "iquestcoder", (tf.LlamaForCausalLM, tf.LlamaModel), config)


def draw_eurobert(rng):
    config = tf.EuroBertConfig(**common(rng, own_head="maybe"), attention_bias=coin(rng), mlp_bias=coin(rng))
    return random_golden(rng, "eurobert", (tf.EuroBertForMaskedLM, tf.EuroBertModel), config)


def draw_hyperclovax(rng):
    options = common(rng, own_head=False) | multipliers(rng)
    if coin(rng):
        options.pop("attention_multiplier")
    config = tf.HyperCLOVAXConfig(**options, attention_bias=coin(rng), mlp_bias=coin(rng), use_post_norm=coin(rng))
    return random_golden(rng, "hyperclovax", (tf.HyperCLOVAXForCausalLM, tf.HyperCLOVAXModel), config)


def draw_granite_swa(rng):
    options = common(rng, own_head=False) | multipliers(rng)
    layers = options["num_hidden_layers"]
    listed = kinds(rng, layers)
    theta = options["rope_parameters"]["rope_theta"]
    config = tf.GraniteSWAConfig(**options, attention_bias=coin(rng), mlp_bias=coin(rng), sliding_window=pick(rng, 4, 7), layer_types=listed,
                                 layer_rope_theta=pick(rng, None, [theta] * layers))
    golden = random_golden(rng, "granite_swa", (tf.GraniteSWAForCausalLM, tf.GraniteSWAModel), config)
    if listed is None and coin(rng):
        golden.legacy = {"layer_types": None, "layer_rope_theta": None}
    return golden


GOLDENS = (apertus,)
FUZZ = {"ministral3": draw_ministral3, "apertus": draw_apertus, "iquestcoder": draw_iquestcoder, "eurobert": draw_eurobert,
        "hyperclovax": draw_hyperclovax, "granite_swa": draw_granite_swa}
PARTS = {k: Parts("layers", "norm") for k in FUZZ}
