"""ELECTRA and ALBERT: token tables narrower than the stream."""

import torch
import transformers as tf

from .base import Golden, Parts, pick
from .bert import drawn, options


def electra():
    base = dict(vocab_size=40, num_hidden_layers=2, num_attention_heads=4, intermediate_size=40, max_position_embeddings=30,
                layer_norm_eps=4e-4)
    yield Golden("electra", tf.ElectraForMaskedLM, seed=221, dtype=torch.float16, batch=(2, 14),
                 config=tf.ElectraConfig(**base, hidden_size=24, embedding_size=10))
    # Two groups of blocks for four calls.
    yield Golden("albert", tf.AlbertForMaskedLM, seed=222, dtype=torch.bfloat16, batch=(2, 14), config=tf.AlbertConfig(
        **base | {"num_hidden_layers": 4}, hidden_size=24, embedding_size=10, num_hidden_groups=2, type_vocab_size=3))
    yield Golden("albert_inner", tf.AlbertModel, seed=223, dtype=torch.bfloat16, batch=(2, 14), config=tf.AlbertConfig(
        **base, hidden_size=24, embedding_size=24, inner_group_num=2, hidden_act="relu"))


def draw_electra(rng):
    o = options(rng)
    config = tf.ElectraConfig(**o, embedding_size=pick(rng, 6, o["hidden_size"]))
    return drawn("electra", rng, config, tf.ElectraModel, tf.ElectraForMaskedLM, tf.ElectraForPreTraining)


def draw_albert(rng):
    o = options(rng, num_hidden_layers=pick(rng, 1, 2, 4))
    groups = pick(rng, *[g for g in (1, 2, 3) if g <= o["num_hidden_layers"]])
    config = tf.AlbertConfig(**o, embedding_size=pick(rng, 6, 16), num_hidden_groups=groups,
                             inner_group_num=pick(rng, 1, 2) if groups == 1 else 1)
    return drawn("albert", rng, config, tf.AlbertModel, tf.AlbertForMaskedLM, tf.AlbertForPreTraining)


def albert_parts(model):
    one = model.config.num_hidden_groups == 1
    return Parts("encoder.albert_layer_groups" + (".0.albert_layers" if one else ""), None)


GOLDENS = (electra,)
PARTS = {"electra": Parts("encoder.layer", None), "albert": albert_parts}
FUZZ = {"electra": draw_electra, "albert": draw_albert}
