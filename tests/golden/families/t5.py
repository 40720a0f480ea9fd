"""T5, mT5 and UMT5, the encoders: no positions but a bias by bucketed distance; gated or plain."""

import torch
import transformers as tf
from transformers.models.t5 import modeling_t5
from transformers.models.umt5 import modeling_umt5

from .base import DTYPES, Golden, Parts, coin, pick


def t5():
    base = dict(vocab_size=29, d_model=16, d_kv=6, d_ff=24, num_layers=2, num_decoder_layers=1, num_heads=3,
                layer_norm_epsilon=1e-3, decoder_start_token_id=0)
    yield Golden("t5", tf.T5EncoderModel, seed=221, dtype=torch.bfloat16, batch=(2, 24), config=tf.T5Config(
        **base, relative_attention_num_buckets=8, relative_attention_max_distance=20))
    # With a decoder beside it, gated, and one table a block.
    yield Golden("umt5", tf.UMT5ForConditionalGeneration, seed=222, dtype=torch.bfloat16, batch=(2, 14), config=tf.UMT5Config(
        **base, relative_attention_num_buckets=12, relative_attention_max_distance=16, feed_forward_proj="gated-gelu"))


def options(rng):
    heads = pick(rng, 1, 2, 3, 4)
    return dict(
        vocab_size=37, d_model=pick(rng, 12, 16, 24), d_kv=pick(rng, 4, 5, 8), d_ff=pick(rng, 20, 33), num_layers=pick(rng, 1, 2, 3),
        num_decoder_layers=1, num_heads=heads, relative_attention_num_buckets=pick(rng, 8, 12, 32),
        relative_attention_max_distance=pick(rng, 20, 64, 128), layer_norm_epsilon=pick(rng, 1e-6, 1e-3), decoder_start_token_id=0,
        feed_forward_proj=pick(rng, "relu", "gated-gelu", "gated-silu", "gelu", "gated-relu", "gelu_new"))


def random_encoder(rng, name, classes, config_class):
    cls = pick(rng, *classes)
    golden = Golden(name, cls, config_class(**options(rng)), seed=0, batch=(2, pick(rng, 1, 9, 40)), dtype=pick(rng, *DTYPES))
    if coin(rng, 0.3):
        golden.rename = lambda tensors: {k.replace("shared.weight", "encoder.embed_tokens.weight"): t for k, t in tensors.items()}
    if coin(rng):
        golden.legacy = {"tie_word_embeddings": False, "n_positions": 512}
    return golden


def draw_t5(rng):
    return random_encoder(rng, "t5", (tf.T5EncoderModel, tf.T5ForConditionalGeneration), tf.T5Config)


def draw_mt5(rng):
    return random_encoder(rng, "mt5", (tf.MT5EncoderModel, tf.MT5ForConditionalGeneration), tf.MT5Config)


def draw_umt5(rng):
    return random_encoder(rng, "umt5", (tf.UMT5EncoderModel, tf.UMT5ForConditionalGeneration), tf.UMT5Config)


GOLDENS = (t5,)
PARTS = {k: Parts("encoder.block", "encoder.final_layer_norm", call="encoder") for k in ("t5", "mt5", "umt5")}
FUZZ = {"t5": draw_t5, "mt5": draw_mt5, "umt5": draw_umt5}
UNLIFTED = [(modeling_t5.T5Attention, "_relative_position_bucket"), (modeling_umt5.UMT5Attention, "_relative_position_bucket")]
try:
    from transformers.models.mt5 import modeling_mt5
    UNLIFTED.append((modeling_mt5.MT5Attention, "_relative_position_bucket"))
except ImportError:
    pass
