#!/usr/bin/env python3
"""Checkpoints of the real shapes with random weights, for measuring time and memory where the real ones cannot be had.

    python3 bench_models.py DIR [NAME ...]      writes DIR/NAME (safetensors and config.json), f32 unless named -bf16
"""

import sys

import torch
import transformers as tf


def gpt2():
    return tf.GPT2Config(), tf.GPT2LMHeadModel


def pythia(hidden, layers, heads):
    def config():
        return tf.GPTNeoXConfig(vocab_size=50304, hidden_size=hidden, num_hidden_layers=layers,
                                num_attention_heads=heads, intermediate_size=4 * hidden), tf.GPTNeoXForCausalLM
    return config


def qwen():
    return tf.Qwen2Config(vocab_size=151936, hidden_size=896, num_hidden_layers=24, num_attention_heads=14,
                          num_key_value_heads=2, intermediate_size=4864, tie_word_embeddings=True,
                          max_position_embeddings=32768), tf.Qwen2ForCausalLM


def smollm2():
    return tf.LlamaConfig(vocab_size=49152, hidden_size=576, num_hidden_layers=30, num_attention_heads=9,
                          num_key_value_heads=3, intermediate_size=1536, tie_word_embeddings=True,
                          max_position_embeddings=8192), tf.LlamaForCausalLM


MODELS = {
    "gpt2": gpt2,
    "pythia-160m": pythia(768, 12, 12),
    "pythia-410m": pythia(1024, 24, 16),
    "smollm2-135m": smollm2,
    "qwen2.5-0.5b": qwen,
    "qwen2.5-0.5b-bf16": qwen,
}


def main():
    folder, names = sys.argv[1], sys.argv[2:] or list(MODELS)
    for name in names:
        torch.manual_seed(0)
        config, kind = MODELS[name]()
        model = kind(config)
        if name.endswith("-bf16"):
            model = model.to(torch.bfloat16)
        model.save_pretrained(f"{folder}/{name}")
        print(name, sum(p.numel() for p in model.parameters()) // 10**6, "M parameters")


main()
