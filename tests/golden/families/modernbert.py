"""ModernBERT, and its decoder."""

import torch
import transformers as tf

from .base import DTYPES, Golden, Parts, coin, pick


def published(config):
    kinds = config.pop("layer_types")
    places = [i for i, kind in enumerate(kinds) if kind == "full_attention"]
    config["global_attn_every_n_layers"] = places[1] if len(places) > 1 else len(kinds)
    rope = config.pop("rope_parameters")
    config["global_rope_theta"] = rope["full_attention"]["rope_theta"]
    config["local_rope_theta"] = rope["sliding_attention"]["rope_theta"]
    config["torch_dtype"] = config.pop("dtype")
    config["position_embedding_type"] = "absolute"


def thetas(wide, near):
    return {"full_attention": {"rope_type": "default", "rope_theta": wide}, "sliding_attention": {"rope_type": "default", "rope_theta": near}}


def modernbert():
    base = dict(vocab_size=40, hidden_size=24, num_attention_heads=3, intermediate_size=28, max_position_embeddings=64,
                pad_token_id=0, bos_token_id=1, eos_token_id=2, cls_token_id=1, sep_token_id=2, norm_eps=4e-4)
    yield Golden("modernbert", tf.ModernBertForMaskedLM, seed=241, dtype=torch.bfloat16, batch=(2, 14), rewrite=published,
                 config=tf.ModernBertConfig(**base, num_hidden_layers=4, local_attention=8, rope_parameters=thetas(700.0, 90.0)))
    yield Golden("modernbert_biased", tf.ModernBertModel, seed=242, dtype=torch.bfloat16, batch=(2, 14), config=tf.ModernBertConfig(
        **base, num_hidden_layers=3, local_attention=7, norm_bias=True, attention_bias=True, mlp_bias=True, hidden_activation="silu",
        layer_types=["sliding_attention", "full_attention", "sliding_attention"], rope_parameters=thetas(5000.0, 300.0)))


def draw_modernbert(rng):
    heads, layers, every = pick(rng, 1, 2, 3), pick(rng, 1, 2, 5), pick(rng, 1, 2, 3)
    kinds = None
    if coin(rng, 0.3):
        kinds = [pick(rng, "full_attention", "sliding_attention") for _ in range(layers)]
    more = {} if kinds else {"global_attn_every_n_layers": every}
    config = tf.ModernBertConfig(
        vocab_size=37, hidden_size=heads * pick(rng, 4, 8), num_attention_heads=heads, intermediate_size=pick(rng, 20, 33),
        num_hidden_layers=layers, max_position_embeddings=64, pad_token_id=0, bos_token_id=1, eos_token_id=2, cls_token_id=1,
        sep_token_id=2, norm_eps=pick(rng, 1e-5, 1e-3), local_attention=pick(rng, 2, 6, 9, 16, 128), norm_bias=coin(rng, 0.3),
        attention_bias=coin(rng, 0.3), mlp_bias=coin(rng, 0.3), hidden_activation=pick(rng, "gelu", "silu"), layer_types=kinds,
        rope_parameters=thetas(pick(rng, 160000.0, 700.0), pick(rng, 10000.0, 90.0)), **more)
    return Golden("modernbert", pick(rng, tf.ModernBertModel, tf.ModernBertForMaskedLM), config, seed=0, batch=(2, pick(rng, 1, 9, 30)),
                  dtype=pick(rng, *DTYPES), rewrite=published if kinds is None and coin(rng) else None)


def draw_decoder(rng):
    heads, layers = pick(rng, 1, 2, 3), pick(rng, 1, 2, 5)
    kinds = [pick(rng, "full_attention", "sliding_attention") for _ in range(layers)] if coin(rng, 0.3) else None
    config = tf.ModernBertDecoderConfig(
        vocab_size=37, hidden_size=heads * pick(rng, 4, 8), num_attention_heads=heads, intermediate_size=pick(rng, 20, 33),
        num_hidden_layers=layers, max_position_embeddings=64, pad_token_id=0, bos_token_id=1, eos_token_id=2, cls_token_id=1, sep_token_id=2,
        norm_eps=pick(rng, 1e-5, 1e-3), local_attention=pick(rng, 2, 6, 9, 16, 128), norm_bias=coin(rng, 0.3), attention_bias=coin(rng, 0.3),
        mlp_bias=coin(rng, 0.3), layer_types=kinds, rope_parameters=thetas(pick(rng, 160000.0, 700.0), pick(rng, 10000.0, 90.0)))
    return Golden("modernbert-decoder", tf.ModernBertDecoderModel, config, seed=0, batch=(2, pick(rng, 1, 9, 30)), dtype=pick(rng, *DTYPES),
                  rewrite=published if kinds is None and layers > 3 and coin(rng) else None)


GOLDENS = (modernbert,)
PARTS = {"modernbert": Parts("layers", "final_norm"), "modernbert-decoder": Parts("layers", "final_norm")}
FUZZ = {"modernbert": draw_modernbert, "modernbert-decoder": draw_decoder}
