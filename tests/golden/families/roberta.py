"""RoBERTa and those of its shape: positions count the tokens that are not padding."""

import torch
import transformers as tf

from .base import Golden, Parts, coin
from .bert import drawn, options


def roberta():
    # Of 24 tokens some are padding in every sequence: their position is the padding's own.
    yield Golden("roberta", tf.RobertaForMaskedLM, seed=201, dtype=torch.float16, batch=(2, 20), config=tf.RobertaConfig(
        vocab_size=24, hidden_size=20, num_hidden_layers=2, num_attention_heads=4, intermediate_size=40,
        max_position_embeddings=27, type_vocab_size=1, layer_norm_eps=4e-4, pad_token_id=2, hidden_act="relu"))


def draw(name, config, *classes):
    return lambda rng: drawn(name, rng, config(**options(rng)), *classes)


def draw_luke(rng):
    config = tf.LukeConfig(**options(rng), entity_vocab_size=5, entity_emb_size=6, use_entity_aware_attention=coin(rng))
    return drawn("luke", rng, config, tf.LukeModel)


GOLDENS = (roberta,)
PARTS = {k: Parts("encoder.layer", None) for k in ("roberta", "xlm-roberta", "camembert", "data2vec-text", "luke")}
PARTS["xlm-roberta-xl"] = Parts("encoder.layer", "encoder.LayerNorm")
FUZZ = {"roberta": draw("roberta", tf.RobertaConfig, tf.RobertaModel, tf.RobertaForMaskedLM),
        "xlm-roberta": draw("xlm-roberta", tf.XLMRobertaConfig, tf.XLMRobertaModel, tf.XLMRobertaForMaskedLM),
        "camembert": draw("camembert", tf.CamembertConfig, tf.CamembertModel, tf.CamembertForMaskedLM),
        "data2vec-text": draw("data2vec-text", tf.Data2VecTextConfig, tf.Data2VecTextModel, tf.Data2VecTextForMaskedLM),
        "xlm-roberta-xl": draw("xlm-roberta-xl", tf.XLMRobertaXLConfig, tf.XLMRobertaXLModel, tf.XLMRobertaXLForMaskedLM), "luke": draw_luke}
