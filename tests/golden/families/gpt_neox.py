"""GPT-NeoX (Pythia): query, key and value interleaved by head, partial rotation; and its Japanese sibling, whose last
block alone has an attention bias."""

import torch
import transformers as tf

from .base import DTYPES, Golden, Parts, coin, pick, published_rope, rope


def published(config):
    p = config["rope_parameters"]
    theta = p["rope_theta"]
    published_rope(config, "rotary_pct")
    config.pop("rope_theta")
    config["rotary_emb_base"] = theta


def gpt_neox():
    base = dict(vocab_size=40, hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=40,
                max_position_embeddings=64, bos_token_id=1, eos_token_id=2)
    # As Pythia's files: embed_out, rotary_pct, rotary_emb_base.
    yield Golden("gpt_neox", tf.GPTNeoXForCausalLM, seed=71, dtype=torch.float16, batch=(2, 13), rewrite=published,
                 config=tf.GPTNeoXConfig(**base, layer_norm_eps=3e-4, hidden_act="gelu", rope_parameters={
                     "rope_type": "default", "rope_theta": 700.0, "partial_rotary_factor": 0.25}))
    yield Golden("gpt_neox_sequential", tf.GPTNeoXForCausalLM, seed=72, dtype=torch.bfloat16, batch=(2, 13),
                 config=tf.GPTNeoXConfig(**base, use_parallel_residual=False, attention_bias=False, hidden_act="gelu_new",
                                         tie_word_embeddings=True, rope_parameters={
                                             "rope_type": "yarn", "rope_theta": 700.0, "partial_rotary_factor": 0.5,
                                             "factor": 4.0, "original_max_position_embeddings": 16}))
    yield Golden("gpt_neox_japanese", tf.GPTNeoXJapaneseForCausalLM, seed=73, dtype=torch.bfloat16, batch=(2, 13),
                 config=tf.GPTNeoXJapaneseConfig(
                     vocab_size=40, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_multiple_size=3,
                     max_position_embeddings=32, layer_norm_eps=3e-4, bos_token_id=1, eos_token_id=2, rope_parameters={
                         "rope_type": "default", "rope_theta": 500.0, "partial_rotary_factor": 0.5}))


def draw(rng):
    heads, head_dim = pick(rng, 1, 2, 3, 4), pick(rng, 8, 16)
    plain = coin(rng)
    config = tf.GPTNeoXConfig(
        vocab_size=37, hidden_size=heads * head_dim, num_hidden_layers=pick(rng, 1, 2, 3), num_attention_heads=heads,
        intermediate_size=pick(rng, 20, 48), max_position_embeddings=64, layer_norm_eps=pick(rng, 1e-5, 1e-3),
        hidden_act=pick(rng, "gelu", "gelu_new", "relu", "gelu_fast"), attention_bias=coin(rng, 0.7),
        use_parallel_residual=coin(rng), tie_word_embeddings=coin(rng, 0.3), bos_token_id=1, eos_token_id=2,
        rope_parameters=rope(rng, head_dim, ("default",) if plain else ("default", "linear", "dynamic", "yarn", "llama3", "longrope"),
                             pick(rng, 0.25, 0.5, 1.0)))
    return Golden("gpt_neox", pick(rng, tf.GPTNeoXForCausalLM, tf.GPTNeoXModel), config, seed=0, batch=(2, pick(rng, 1, 9, 24)),
                  dtype=pick(rng, *DTYPES), rewrite=published if plain and coin(rng) else None)


def draw_japanese(rng):
    heads, head_dim = pick(rng, 1, 2, 3), pick(rng, 4, 8)
    config = tf.GPTNeoXJapaneseConfig(
        vocab_size=37, hidden_size=heads * head_dim, num_hidden_layers=pick(rng, 1, 2, 3), num_attention_heads=heads,
        intermediate_multiple_size=pick(rng, 1, 2, 4), max_position_embeddings=32, layer_norm_eps=pick(rng, 1e-5, 1e-3),
        hidden_act=pick(rng, "gelu", "relu"), tie_word_embeddings=coin(rng, 0.7), bos_token_id=1, eos_token_id=2,
        rope_parameters=rope(rng, head_dim, ("default",), pick(rng, 0.5, 1.0)))
    return Golden("gpt_neox_japanese", tf.GPTNeoXJapaneseForCausalLM, config, seed=0, batch=(2, pick(rng, 1, 9, 24)),
                  dtype=pick(rng, *DTYPES), rewrite=published if coin(rng) else None)


GOLDENS = (gpt_neox,)
PARTS = {"gpt_neox": Parts("layers", "final_layer_norm"), "gpt_neox_japanese": Parts("layers", "final_layer_norm")}
FUZZ = {"gpt_neox": draw, "gpt_neox_japanese": draw_japanese}
