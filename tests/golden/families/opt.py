"""OPT, of which the 350M model is post-norm with projections on both sides, and BioGPT."""

import torch
import transformers as tf

from .base import DTYPES, Golden, Parts, coin, pick


def opt():
    base = dict(vocab_size=40, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, ffn_dim=40,
                max_position_embeddings=24, bos_token_id=1, eos_token_id=2)
    yield Golden("opt", tf.OPTForCausalLM, seed=91, dtype=torch.float16, batch=(2, 13),
                 config=tf.OPTConfig(**base, activation_function="gelu"))
    yield Golden("opt_350m", tf.OPTForCausalLM, seed=92, dtype=torch.bfloat16, batch=(2, 13), config=tf.OPTConfig(
        **base, do_layer_norm_before=False, word_embed_proj_dim=10, activation_function="relu"))
    yield Golden("biogpt", tf.BioGptForCausalLM, seed=93, dtype=torch.bfloat16, batch=(2, 13), config=tf.BioGptConfig(
        vocab_size=40, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=40,
        max_position_embeddings=24, bos_token_id=1, eos_token_id=2))


def draw_opt(rng):
    heads, head_dim = pick(rng, 1, 2, 3), pick(rng, 4, 5, 8)
    before = coin(rng, 0.6)
    config = tf.OPTConfig(
        vocab_size=37, hidden_size=heads * head_dim, num_hidden_layers=pick(rng, 1, 2, 3), num_attention_heads=heads,
        ffn_dim=pick(rng, 20, 48), max_position_embeddings=24, do_layer_norm_before=before, word_embed_proj_dim=pick(rng, None, 6, 20),
        _remove_final_layer_norm=not before and coin(rng), enable_bias=coin(rng, 0.8),
        layer_norm_elementwise_affine=coin(rng, 0.8), activation_function=pick(rng, "relu", "gelu"),
        tie_word_embeddings=coin(rng, 0.8), bos_token_id=1, eos_token_id=2)
    return Golden("opt", pick(rng, tf.OPTForCausalLM, tf.OPTModel), config, seed=0, batch=(2, pick(rng, 1, 9, 24)),
                  dtype=pick(rng, *DTYPES))


def draw_biogpt(rng):
    heads, head_dim = pick(rng, 1, 2, 3), pick(rng, 4, 5, 8)
    config = tf.BioGptConfig(
        vocab_size=37, hidden_size=heads * head_dim, num_hidden_layers=pick(rng, 1, 2, 3), num_attention_heads=heads,
        intermediate_size=pick(rng, 20, 48), max_position_embeddings=24, scale_embedding=coin(rng),
        layer_norm_eps=pick(rng, 1e-12, 1e-3), hidden_act=pick(rng, "relu", "gelu"), tie_word_embeddings=coin(rng, 0.8),
        bos_token_id=1, eos_token_id=2)
    return Golden("biogpt", pick(rng, tf.BioGptForCausalLM, tf.BioGptModel), config, seed=0, batch=(2, pick(rng, 1, 9, 24)),
                  dtype=pick(rng, *DTYPES))


def opt_parts(model):
    post = not model.config.do_layer_norm_before or model.config._remove_final_layer_norm
    return Parts("decoder.layers", None if post else "decoder.final_layer_norm")


GOLDENS = (opt,)
PARTS = {"opt": opt_parts, "biogpt": Parts("layers", "layer_norm")}
FUZZ = {"opt": draw_opt, "biogpt": draw_biogpt}
