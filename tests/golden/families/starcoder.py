"""StarCoder (GPT-BigCode, with one key head or with all) and StarCoder 2 (sliding window)."""

import torch
import transformers as tf

from .base import DTYPES, Golden, Parts, coin, pick, published_rope, rope


def starcoder():
    yield Golden("starcoder2", tf.Starcoder2ForCausalLM, seed=161, dtype=torch.bfloat16, batch=(2, 13), rewrite=published_rope,
                 config=tf.Starcoder2Config(
                     vocab_size=40, hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4,
                     num_key_value_heads=2, max_position_embeddings=64, norm_epsilon=3e-4, sliding_window=5, bos_token_id=1,
                     eos_token_id=2, rope_parameters={"rope_type": "default", "rope_theta": 900.0}))
    base = dict(vocab_size=40, n_positions=24, n_embd=24, n_layer=2, n_head=3, n_inner=40, layer_norm_epsilon=3e-4,
                bos_token_id=1, eos_token_id=2)
    yield Golden("gpt_bigcode", tf.GPTBigCodeForCausalLM, seed=162, dtype=torch.bfloat16, batch=(2, 13),
                 config=tf.GPTBigCodeConfig(**base))
    yield Golden("gpt_bigcode_heads", tf.GPTBigCodeForCausalLM, seed=163, dtype=torch.bfloat16, batch=(2, 13),
                 config=tf.GPTBigCodeConfig(**base, multi_query=False, scale_attn_weights=False, tie_word_embeddings=False))


def draw_starcoder2(rng):
    heads, head_dim = pick(rng, 2, 4, 6), pick(rng, 4, 6, 8)
    config = tf.Starcoder2Config(
        vocab_size=37, hidden_size=heads * head_dim, num_attention_heads=heads, num_key_value_heads=pick(rng, 1, 2, heads),
        num_hidden_layers=pick(rng, 1, 2, 3), intermediate_size=pick(rng, 20, 48), max_position_embeddings=64,
        hidden_act=pick(rng, "gelu_pytorch_tanh", "gelu"), norm_epsilon=pick(rng, 1e-5, 1e-3), use_bias=coin(rng),
        sliding_window=pick(rng, None, 1, 4, 50), tie_word_embeddings=coin(rng, 0.7), bos_token_id=1, eos_token_id=2,
        rope_parameters=rope(rng, head_dim))
    return Golden("starcoder2", pick(rng, tf.Starcoder2ForCausalLM, tf.Starcoder2Model), config, seed=0,
                  batch=(2, pick(rng, 1, 9, 30)), dtype=pick(rng, *DTYPES), rewrite=published_rope if coin(rng) else None)


def draw_bigcode(rng):
    heads, head_dim = pick(rng, 1, 2, 3), pick(rng, 4, 5, 8)
    config = tf.GPTBigCodeConfig(
        vocab_size=37, n_positions=30, n_embd=heads * head_dim, n_layer=pick(rng, 1, 2, 3), n_head=heads, n_inner=pick(rng, None, 20),
        layer_norm_epsilon=pick(rng, 1e-5, 1e-3), activation_function=pick(rng, "gelu_pytorch_tanh", "relu", "gelu"),
        multi_query=coin(rng), scale_attn_weights=coin(rng), attention_softmax_in_fp32=coin(rng), tie_word_embeddings=coin(rng),
        bos_token_id=1, eos_token_id=2)
    return Golden("gpt_bigcode", pick(rng, tf.GPTBigCodeForCausalLM, tf.GPTBigCodeModel), config, seed=0,
                  batch=(2, pick(rng, 1, 9, 30)), dtype=pick(rng, *DTYPES))


GOLDENS = (starcoder,)
PARTS = {"starcoder2": Parts("layers", "norm"), "gpt_bigcode": Parts("h", "ln_f")}
FUZZ = {"starcoder2": draw_starcoder2, "gpt_bigcode": draw_bigcode}
