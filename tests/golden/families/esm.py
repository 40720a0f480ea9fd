"""ESM-1b and ESM-2."""

import torch
import transformers as tf

from .base import Golden, Parts, coin, pick
from .bert import drawn


def esm():
    base = dict(vocab_size=24, hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=40,
                layer_norm_eps=4e-4, pad_token_id=1, mask_token_id=5)
    # The frequencies are stored, and rounded to float16: these are the ones that count.
    yield Golden("esm_rotary", tf.EsmForMaskedLM, seed=231, dtype=torch.float16, batch=(2, 14), config=tf.EsmConfig(
        **base, max_position_embeddings=30, position_embedding_type="rotary", token_dropout=True, emb_layer_norm_before=False))
    yield Golden("esm_absolute", tf.EsmModel, seed=232, dtype=torch.bfloat16, batch=(2, 14), config=tf.EsmConfig(
        **base, max_position_embeddings=22, position_embedding_type="absolute", token_dropout=True, emb_layer_norm_before=True))


def draw_esm(rng):
    heads = pick(rng, 1, 2, 3)
    config = tf.EsmConfig(
        vocab_size=pick(rng, 13, 33), hidden_size=heads * pick(rng, 4, 6, 8), num_hidden_layers=pick(rng, 1, 2, 3),
        num_attention_heads=heads, intermediate_size=pick(rng, 20, 48), max_position_embeddings=40,
        layer_norm_eps=pick(rng, 1e-12, 1e-5, 1e-3), pad_token_id=pick(rng, 0, 1), mask_token_id=pick(rng, 3, 12),
        position_embedding_type=pick(rng, "rotary", "absolute"), token_dropout=coin(rng), emb_layer_norm_before=pick(rng, None, True, False),
        rope_theta=pick(rng, 10000.0, 500.0))
    golden = drawn("esm", rng, config, tf.EsmModel, tf.EsmForMaskedLM)
    golden.rewrite = None
    golden.batch = (golden.batch[0], max(golden.batch[1], 9))  # of masks alone nothing is left to scale
    return golden


GOLDENS = (esm,)
PARTS = {"esm": Parts("encoder.layer", "encoder.emb_layer_norm_after")}
FUZZ = {"esm": draw_esm}
