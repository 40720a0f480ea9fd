"""GPT-2."""

import transformers as tf

from .base import DTYPES, Golden, Parts, coin, pick


def gpt2():
    base = dict(bos_token_id=1, eos_token_id=2, attn_pdrop=0.0, resid_pdrop=0.0, embd_pdrop=0.0)
    yield Golden("gpt2", tf.GPT2LMHeadModel, seed=11, config=tf.GPT2Config(
        vocab_size=40, n_positions=48, n_embd=32, n_layer=3, n_head=4, n_inner=80, layer_norm_epsilon=3e-4,
        scale_attn_by_inverse_layer_idx=True, activation_function="gelu_new", **base))
    # As the hub's `gpt2`: no `transformer.` prefix, tied head, unused mask buffers among the tensors.
    yield Golden("gpt2_hub", tf.GPT2LMHeadModel, seed=12, batch=(2, 25), strip_prefix="transformer.",
                 mask_buffers=True, config=tf.GPT2Config(
                     vocab_size=40, n_positions=28, n_embd=24, n_layer=2, n_head=3, **base))
    yield Golden("gpt2_untied", tf.GPT2LMHeadModel, seed=13, batch=(5, 10), config=tf.GPT2Config(
        vocab_size=37, n_positions=28, n_embd=24, n_layer=2, n_head=2, activation_function="relu",
        scale_attn_weights=False, tie_word_embeddings=False, **base))


def draw(rng):
    heads, head_dim = pick(rng, 1, 2, 3, 4), pick(rng, 4, 5, 8)
    config = tf.GPT2Config(
        vocab_size=pick(rng, 33, 40), n_positions=24, n_embd=heads * head_dim, n_layer=pick(rng, 1, 2, 3), n_head=heads,
        n_inner=pick(rng, None, 30), layer_norm_epsilon=pick(rng, 1e-5, 1e-3),
        activation_function=pick(rng, "gelu_new", "gelu", "relu", "silu", "gelu_pytorch_tanh", "quick_gelu"),
        scale_attn_weights=coin(rng, 0.7), scale_attn_by_inverse_layer_idx=coin(rng), reorder_and_upcast_attn=coin(rng),
        tie_word_embeddings=coin(rng, 0.7), bos_token_id=1, eos_token_id=2)
    return Golden("gpt2", pick(rng, tf.GPT2LMHeadModel, tf.GPT2Model), config, seed=0, batch=(2, pick(rng, 1, 7, 24)),
                  dtype=pick(rng, *DTYPES), mask_buffers=False)


def draw_sw3(rng):
    """GPT-SW3 is GPT-2 under another name."""
    golden = draw(rng)
    golden.legacy = {"model_type": "gpt-sw3"}
    return golden


def without_upcast(model):
    """reorder_and_upcast_attn divides q and k before their product instead of behind it, in float32 by name."""
    for module in model.modules():
        if hasattr(module, "reorder_and_upcast_attn"):
            module.reorder_and_upcast_attn = False


GOLDENS = (gpt2,)
PREPARE = {k: without_upcast for k in ("gpt2", "gpt-sw3")}
FUZZ = {"gpt2": draw, "gpt-sw3": draw_sw3}
PARTS = {k: Parts("h", "ln_f") for k in ("gpt2", "gpt-sw3")}
