"""DeBERTa, DeBERTa v2 and v3."""

import torch
import transformers as tf
from transformers.models.deberta_v2 import modeling_deberta_v2

from .base import Golden, Parts, coin, pick
from .bert import drawn, options


def deberta():
    base = dict(vocab_size=40, hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=40,
                max_position_embeddings=32, layer_norm_eps=4e-4, relative_attention=True)
    # As DeBERTa v3: logarithmic buckets, shared maps, a normed table, no absolute positions.
    yield Golden("deberta_v2", tf.DebertaV2Model, seed=251, dtype=torch.float16, batch=(2, 16), config=tf.DebertaV2Config(
        **base, position_buckets=8, share_att_key=True, norm_rel_ebd="layer_norm", position_biased_input=False, type_vocab_size=0,
        pos_att_type="p2c|c2p"))
    yield Golden("deberta_v2_own_maps", tf.DebertaV2ForMaskedLM, seed=252, dtype=torch.bfloat16, batch=(2, 16),
                 config=tf.DebertaV2Config(**base, max_relative_positions=9, type_vocab_size=2, embedding_size=12,
                                           pos_att_type=["c2p", "p2c"], hidden_act="relu"))
    # As v2's xlarge: a convolution beside the first block.
    yield Golden("deberta_v2_convolution", tf.DebertaV2Model, seed=253, dtype=torch.float16, batch=(2, 16), config=tf.DebertaV2Config(
        **base, position_buckets=8, pos_att_type="c2p|p2c", norm_rel_ebd="layer_norm", share_att_key=True, conv_kernel_size=3, conv_act="gelu"))
    yield Golden("deberta", tf.DebertaModel, seed=254, dtype=torch.float16, batch=(2, 16), config=tf.DebertaConfig(
        **base, max_relative_positions=9, position_biased_input=False, pos_att_type="c2p|p2c"))


TERMS = (None, [], ["c2p"], ["p2c"], ["c2p", "p2c"], "p2c|c2p")


def draw_deberta(rng):
    config = tf.DebertaConfig(
        **options(rng, type_vocab_size=pick(rng, 0, 2)), relative_attention=coin(rng, 0.8), max_relative_positions=pick(rng, -1, 5, 40),
        position_biased_input=coin(rng), pos_att_type=pick(rng, *TERMS))
    return drawn("deberta", rng, config, tf.DebertaModel, tf.DebertaForMaskedLM)


def parts_v2(model):
    return Parts("encoder.layer", None, behind="encoder.conv" if getattr(model.config, "conv_kernel_size", 0) else "")


def draw_deberta_v2(rng):
    o = options(rng, type_vocab_size=pick(rng, 0, 2))
    config = tf.DebertaV2Config(
        **o, relative_attention=coin(rng, 0.8), max_relative_positions=pick(rng, -1, 5, 40), position_buckets=pick(rng, -1, 4, 7, 12),
        share_att_key=coin(rng), norm_rel_ebd=pick(rng, "none", "layer_norm"), position_biased_input=coin(rng),
        embedding_size=pick(rng, o["hidden_size"], 6), pos_att_type=pick(rng, *TERMS))
    more = {}
    if coin(rng, 0.4):
        config.conv_kernel_size, config.conv_act = pick(rng, 3, 5), pick(rng, "gelu", "tanh")
        if config.num_hidden_layers == 1:
            more["refused"] = "num_hidden_layers"
    return drawn("deberta-v2", rng, config, tf.DebertaV2Model, tf.DebertaV2ForMaskedLM, **more)


GOLDENS = (deberta,)
PARTS = {"deberta": Parts("encoder.layer", None), "deberta-v2": parts_v2}
FUZZ = {"deberta": draw_deberta, "deberta-v2": draw_deberta_v2}
# The buckets are decided in float32.
UNLIFTED = [(modeling_deberta_v2, "make_log_bucket_position")]
