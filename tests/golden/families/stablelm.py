"""StableLM: LayerNorm with rotary attention, sequential or parallel."""

import transformers as tf

from .base import Golden, Parts


def stablelm():
    yield Golden("stablelm", tf.StableLmForCausalLM, seed=51, config=tf.StableLmConfig(
        vocab_size=40, hidden_size=32, intermediate_size=56, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=64, layer_norm_eps=2e-4, use_qkv_bias=True, hidden_act="gelu",
        rope_parameters={"rope_type": "default", "rope_theta": 800.0, "partial_rotary_factor": 0.5}))
    # Parallel residual; the rotary keys at the top level, as the published StableLM checkpoints have them.
    yield Golden("stablelm_parallel", tf.StableLmForCausalLM, seed=52, batch=(2, 25), config=tf.StableLmConfig(
        vocab_size=40, hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=3,
        num_key_value_heads=3, max_position_embeddings=64, use_parallel_residual=True, tie_word_embeddings=True,
        rope_parameters={"rope_type": "default", "rope_theta": 300.0, "partial_rotary_factor": 1.0}),
        legacy={"rope_parameters": None, "rope_theta": 300.0, "partial_rotary_factor": 1.0, "rope_pct": 1.0})


GOLDENS = (stablelm,)
PARTS = {"stablelm": Parts("layers", "norm")}
