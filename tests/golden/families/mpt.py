"""MPT: ALiBi, norms without β, clipped queries, keys and values. transformers leaves alibi_bias_max and qk_ln out; here they are
as in the code that the models were published with (mosaicml's attention.py)."""

from functools import partial

import torch
import transformers as tf
from transformers.models.mpt import modeling_mpt

from .base import DTYPES, Golden, Parts, coin, pick


class Attention(modeling_mpt.MptAttention):
    def __init__(self, config, layer_idx=None):
        super().__init__(config, layer_idx)
        if config.attn_config.qk_ln:
            self.q_ln, self.k_ln = (torch.nn.LayerNorm(config.hidden_size, bias=False) for _ in range(2))
            self.clip, self.clip_qkv, self.Wqkv = self.clip_qkv, None, Normed(config.hidden_size, self)


class Normed(torch.nn.Linear):
    """Wqkv with what follows it up to the norms."""

    def __init__(self, width, attention):
        super().__init__(width, 3 * width, bias=False)
        self.attention = [attention]  # not a submodule

    def forward(self, x):
        attention, out = self.attention[0], super().forward(x)
        if attention.clip:
            out = out.clamp(-attention.clip, attention.clip)
        q, k, v = out.chunk(3, dim=-1)
        return torch.cat([attention.q_ln(q), attention.k_ln(k), v], dim=-1)


def steep(init):
    def made(self, config):
        init(self, config)
        self.build_mpt_alibi_tensor = partial(modeling_mpt.build_mpt_alibi_tensor, alibi_bias_max=config.attn_config.alibi_bias_max)
    return made


modeling_mpt.MptModel.__init__ = steep(modeling_mpt.MptModel.__init__)
modeling_mpt.MptAttention = Attention


def mpt():
    yield Golden("mpt", tf.MptForCausalLM, seed=121, dtype=torch.bfloat16, batch=(2, 13), config=tf.MptConfig(
        vocab_size=40, d_model=24, n_heads=3, n_layers=2, max_seq_len=32, layer_norm_epsilon=3e-4,
        attn_config={"alibi": True, "clip_qkv": 1.5, "softmax_scale": 0.3}))
    yield Golden("mpt_steep", tf.MptForCausalLM, seed=122, dtype=torch.bfloat16, batch=(2, 13), readings=False, config=tf.MptConfig(
        vocab_size=40, d_model=24, n_heads=4, n_layers=2, max_seq_len=32, attn_config={"alibi_bias_max": 16, "qk_ln": True, "clip_qkv": 2.0}))


def draw(rng):
    heads, head_dim = pick(rng, 1, 2, 3, 4, 6), pick(rng, 4, 5)
    refused = pick(rng, *[None] * 9, ("prefix_lm", True), ("alibi", False))
    attention = {"clip_qkv": pick(rng, None, 0.7), "softmax_scale": pick(rng, None, 0.4),
                 "qk_ln": coin(rng, 0.3), "alibi_bias_max": pick(rng, 8, 8, 4, 16)}
    if refused:
        attention[refused[0]] = refused[1]
    config = tf.MptConfig(vocab_size=37, d_model=heads * head_dim, n_heads=heads, n_layers=pick(rng, 1, 2, 3), max_seq_len=32,
                          layer_norm_epsilon=pick(rng, 1e-5, 1e-3), attn_config=attention, no_bias=coin(rng, 0.8),
                          tie_word_embeddings=coin(rng, 0.8))
    return Golden("mpt", pick(rng, tf.MptForCausalLM, tf.MptModel), config, seed=0, batch=(2, pick(rng, 1, 9, 30)),
                  dtype=pick(rng, *DTYPES), refused=f"attn_config.{refused[0]}" if refused else "")


GOLDENS = (mpt,)
PARTS = {"mpt": Parts("blocks", "norm_f")}
FUZZ = {"mpt": draw}
