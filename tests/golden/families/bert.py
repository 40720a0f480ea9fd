"""BERT."""

import torch
import transformers as tf
from transformers.models.mpnet import modeling_mpnet

from .base import DTYPES, Golden, Parts, coin, pick, published_rope


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


def options(rng, **more):
    """What BERT and those after it have in common."""
    heads = pick(rng, 1, 2, 3, 4)
    return dict(vocab_size=pick(rng, 19, 37), hidden_size=heads * pick(rng, 4, 5, 8), num_hidden_layers=pick(rng, 1, 2, 3),
                num_attention_heads=heads, intermediate_size=pick(rng, 20, 48), max_position_embeddings=40,
                type_vocab_size=pick(rng, 1, 2, 3), layer_norm_eps=pick(rng, 1e-12, 1e-5, 1e-3), pad_token_id=pick(rng, 0, 1, 2),
                hidden_act=pick(rng, "gelu", "gelu_new", "relu", "silu", "gelu_pytorch_tanh", "tanh")) | more


def published(config):
    """Keys of config.json as transformers 4 wrote them, some with no bearing on an encoder."""
    if "dtype" in config:
        config["torch_dtype"] = config.pop("dtype")
    config |= {"position_embedding_type": "absolute", "use_cache": True, "gradient_checkpointing": False}


def drawn(name, rng, config, *classes, **more):
    return Golden(name, pick(rng, *classes), config, seed=0, batch=(pick(rng, 1, 3), pick(rng, 1, 9, 30)), dtype=pick(rng, *DTYPES),
                  rewrite=published if coin(rng) else None, **more)


def draw_bert(rng):
    return drawn("bert", rng, tf.BertConfig(**options(rng)), tf.BertModel, tf.BertForMaskedLM, tf.BertForTokenClassification)


def draw_ernie(rng):
    task = coin(rng, 0.2)
    return drawn("ernie", rng, tf.ErnieConfig(**options(rng), use_task_id=task, task_type_vocab_size=3), tf.ErnieModel,
                 tf.ErnieForMaskedLM, refused="use_task_id" if task else "")


def draw_mpnet(rng):
    o = options(rng)
    o.pop("type_vocab_size")
    buckets = pick(rng, 32, 32, 32, 16)
    return drawn("mpnet", rng, tf.MPNetConfig(**o, relative_attention_num_buckets=buckets), tf.MPNetModel, tf.MPNetForMaskedLM,
                 refused="" if buckets == 32 else "relative_attention_num_buckets")


def draw_megatron(rng):
    return drawn("megatron-bert", rng, tf.MegatronBertConfig(**options(rng)), tf.MegatronBertModel, tf.MegatronBertForMaskedLM)


def draw_prelayernorm(rng):
    return drawn("roberta-prelayernorm", rng, tf.RobertaPreLayerNormConfig(**options(rng)), tf.RobertaPreLayerNormModel,
                 tf.RobertaPreLayerNormForMaskedLM)


def draw_rembert(rng):
    config = tf.RemBertConfig(**options(rng), input_embedding_size=pick(rng, 6, 11), output_embedding_size=7)
    return drawn("rembert", rng, config, tf.RemBertModel, tf.RemBertForMaskedLM)


def draw_nomic(rng):
    heads = pick(rng, 1, 2, 3)
    o = options(rng, num_attention_heads=heads, hidden_size=heads * pick(rng, 4, 8), hidden_act=pick(rng, "silu", "gelu"))
    if coin(rng):
        o["rope_parameters"] = {"rope_type": "default", "rope_theta": 300.0}
    golden = drawn("nomic_bert", rng, tf.NomicBertConfig(**o), tf.NomicBertModel, tf.NomicBertForMaskedLM)
    golden.rewrite = None
    return golden


def draw_generation(rng):
    o = options(rng)
    o.pop("type_vocab_size")
    return drawn("bert-generation", rng, tf.BertGenerationConfig(**o), tf.BertGenerationEncoder)


def draw_splinter(rng):
    return drawn("splinter", rng, tf.SplinterConfig(**options(rng), question_token_id=3), tf.SplinterModel)


def rotary(rng, **more):
    heads = pick(rng, 1, 2, 3)
    o = options(rng, num_attention_heads=heads, hidden_size=heads * pick(rng, 4, 8), **more)
    if coin(rng):
        o["rope_parameters"] = {"rope_type": "default", "rope_theta": 300.0}
    return o


def draw_gte(rng):
    golden = drawn("gte", rng, tf.GteConfig(**rotary(rng, type_vocab_size=pick(rng, 0, 1, 2))), tf.GteModel, tf.GteForMaskedLM)
    golden.rewrite = published_rope if coin(rng) else None
    return golden


def draw_jina(rng):
    golden = drawn("jina_embeddings_v3", rng, tf.JinaEmbeddingsV3Config(**rotary(rng)), tf.JinaEmbeddingsV3Model, tf.JinaEmbeddingsV3ForMaskedLM)
    golden.rewrite = published_rope if coin(rng) else None
    return golden


GOLDENS = (bert,)
PARTS = {k: Parts("encoder.layer", None) for k in ("bert", "bert-generation", "ernie", "mpnet", "rembert", "splinter")}
PARTS |= {"megatron-bert": Parts("encoder.layer", "encoder.ln"), "roberta-prelayernorm": Parts("encoder.layer", "LayerNorm"),
          "nomic_bert": Parts("layers", None), "gte": Parts("layers", None), "jina_embeddings_v3": Parts("layers", None)}
FUZZ = {"bert": draw_bert, "bert-generation": draw_generation, "ernie": draw_ernie, "mpnet": draw_mpnet, "megatron-bert": draw_megatron,
        "roberta-prelayernorm": draw_prelayernorm, "rembert": draw_rembert, "nomic_bert": draw_nomic, "splinter": draw_splinter,
        "gte": draw_gte, "jina_embeddings_v3": draw_jina}
UNLIFTED = [(modeling_mpnet.MPNetEncoder, "relative_position_bucket")]
