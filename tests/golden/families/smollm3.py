"""SmolLM3: some blocks do not rotate, and those may have a window."""

import torch
import transformers as tf

from .base import Golden, Parts, coin, pick, published_rope
from .llama import common, kinds, random_golden


def smollm3():
    yield Golden("smollm3", tf.SmolLM3ForCausalLM, seed=211, dtype=torch.bfloat16, batch=(2, 14), rewrite=published_rope,
                 legacy={"layer_types": None}, config=tf.SmolLM3Config(
                     vocab_size=29, hidden_size=16, intermediate_size=24, num_hidden_layers=3, num_attention_heads=4,
                     num_key_value_heads=2, max_position_embeddings=64, rms_norm_eps=1e-3, use_sliding_window=True,
                     sliding_window=5, no_rope_layers=[1, 0, 1], attention_bias=True, pad_token_id=0,
                     rope_parameters={"rope_type": "default", "rope_theta": 900.0}))


def draw(rng):
    options = common(rng, own_head=False)
    layers = options["num_hidden_layers"]
    rotating = pick(rng, None, [int(coin(rng)) for _ in range(layers)])
    use, every = coin(rng), pick(rng, 2, 4)
    listed = kinds(rng, layers) if use else None
    config = tf.SmolLM3Config(**options, use_sliding_window=use, sliding_window=pick(rng, 3, 7) if use else None, layer_types=listed,
                              no_rope_layers=rotating, no_rope_layer_interval=every, attention_bias=coin(rng), mlp_bias=coin(rng))
    golden = random_golden(rng, "smollm3", (tf.SmolLM3ForCausalLM, tf.SmolLM3Model), config)
    if listed is None and coin(rng):
        golden.legacy["layer_types"] = None
    if rotating is None and coin(rng):
        golden.legacy["no_rope_layers"] = None
    return golden


GOLDENS = (smollm3,)
PARTS = {"smollm3": Parts("layers", "norm")}
FUZZ = {"smollm3": draw}
