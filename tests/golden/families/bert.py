"""BERT."""

import torch
import transformers as tf

from .base import Golden, Parts


def bert():
    base = dict(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, type_vocab_size=3)
    yield Golden("bert", tf.BertModel, seed=31, dtype=torch.float16, config=tf.BertConfig(
        vocab_size=40, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=72,
        max_position_embeddings=40, layer_norm_eps=5e-4, hidden_act="gelu_new", **base))
    # As all-MiniLM-L6-v2: dead channels in the last γ. Two are exactly zero, one is merely tiny.
    yield Golden("bert_dead_gamma", tf.BertForMaskedLM, seed=32, batch=(2, 25), dead_gamma={3: 0.0, 10: 0.0, 17: 1e-12},
                 config=tf.BertConfig(vocab_size=40, hidden_size=24, num_hidden_layers=2, num_attention_heads=2,
                                      intermediate_size=48, max_position_embeddings=30, layer_norm_eps=1e-12,
                                      hidden_act="gelu", **base))


GOLDENS = (bert,)
PARTS = {"bert": Parts("encoder.layer", None)}
