"""DistilBERT."""

import torch
import transformers as tf

from .base import Golden, Parts, coin, pick
from .bert import drawn


def distilbert():
    yield Golden("distilbert", tf.DistilBertForMaskedLM, seed=211, dtype=torch.bfloat16, batch=(2, 14), config=tf.DistilBertConfig(
        vocab_size=40, dim=24, n_layers=2, n_heads=3, hidden_dim=40, max_position_embeddings=30, activation="relu"))


def draw_distilbert(rng):
    heads = pick(rng, 1, 2, 4)
    config = tf.DistilBertConfig(
        vocab_size=pick(rng, 19, 37), dim=heads * pick(rng, 4, 6, 8), n_layers=pick(rng, 1, 2, 3), n_heads=heads,
        hidden_dim=pick(rng, 20, 48), max_position_embeddings=40, activation=pick(rng, "gelu", "relu", "silu"),
        sinusoidal_pos_embds=coin(rng))
    return drawn("distilbert", rng, config, tf.DistilBertModel, tf.DistilBertForMaskedLM, tf.DistilBertForTokenClassification)


GOLDENS = (distilbert,)
PARTS = {"distilbert": Parts("transformer.layer", None)}
FUZZ = {"distilbert": draw_distilbert}
