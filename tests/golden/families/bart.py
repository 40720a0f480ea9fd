"""The encoders of BART, mBART and Whisper."""

import torch
import transformers as tf

from .base import DTYPES, Golden, Parts, coin, pick


def published(config):
    config["torch_dtype"] = config.pop("dtype")
    config["num_hidden_layers"] = config["encoder_layers"]
    if config["model_type"] in ("bart", "mbart"):
        config["normalize_embedding"] = True


def bart():
    base = dict(d_model=24, encoder_layers=2, decoder_layers=1, encoder_attention_heads=3, decoder_attention_heads=2,
                encoder_ffn_dim=40, decoder_ffn_dim=20)
    text = dict(vocab_size=40, max_position_embeddings=24, pad_token_id=1, bos_token_id=0, eos_token_id=2, decoder_start_token_id=2)
    yield Golden("bart", tf.BartForConditionalGeneration, seed=261, dtype=torch.float16, batch=(2, 14),
                 config=tf.BartConfig(**base, **text, scale_embedding=True, activation_function="relu"))
    yield Golden("mbart", tf.MBartModel, seed=262, dtype=torch.bfloat16, batch=(2, 14), config=tf.MBartConfig(**base, **text))
    sound = dict(vocab_size=30, pad_token_id=1, bos_token_id=1, eos_token_id=2, decoder_start_token_id=2)
    yield Golden("whisper", tf.WhisperForConditionalGeneration, seed=263, dtype=torch.float16, batch=(2,), config=tf.WhisperConfig(
        **base, **sound, num_mel_bins=6, max_source_positions=15, max_target_positions=8, scale_embedding=True))


def shared(rng):
    heads = pick(rng, 1, 2, 3)
    return dict(d_model=heads * pick(rng, 4, 8), encoder_layers=pick(rng, 1, 2, 3), decoder_layers=1, encoder_attention_heads=heads,
                decoder_attention_heads=1, encoder_ffn_dim=pick(rng, 20, 48), decoder_ffn_dim=20, scale_embedding=coin(rng),
                activation_function=pick(rng, "gelu", "relu", "silu", "gelu_new"))


def draw(name, make, *classes):
    def drawn(rng):
        config = make(vocab_size=37, max_position_embeddings=pick(rng, 30, 36), pad_token_id=1, bos_token_id=0, eos_token_id=2,
                      decoder_start_token_id=2, **shared(rng))
        return Golden(name, pick(rng, *classes), config, seed=0, batch=(2, pick(rng, 1, 9, 30)), dtype=pick(rng, *DTYPES),
                      rewrite=published if coin(rng) else None)
    return drawn


def draw_whisper(rng):
    config = tf.WhisperConfig(vocab_size=37, pad_token_id=1, bos_token_id=1, eos_token_id=2, decoder_start_token_id=2,
                              num_mel_bins=pick(rng, 3, 8), max_source_positions=pick(rng, 1, 2, 11, 20), max_target_positions=8,
                              **shared(rng))
    return Golden("whisper", pick(rng, tf.WhisperModel, tf.WhisperForConditionalGeneration), config, seed=0, batch=(pick(rng, 1, 2),),
                  dtype=pick(rng, *DTYPES))


GOLDENS = (bart,)
PARTS = {"bart": Parts("encoder.layers", None, call="encoder"),
         "mbart": Parts("encoder.layers", "encoder.layer_norm", call="encoder"),
         "whisper": Parts("encoder.layers", "encoder.layer_norm", call="encoder")}
PARTS |= {k: Parts("encoder.layers", None, call="encoder") for k in ("plbart", "marian", "blenderbot-small")}
PARTS |= {k: Parts("encoder.layers", "encoder.layer_norm", call="encoder") for k in ("pegasus", "blenderbot")}
FUZZ = {"bart": draw("bart", tf.BartConfig, tf.BartModel, tf.BartForConditionalGeneration),
        "mbart": draw("mbart", tf.MBartConfig, tf.MBartModel, tf.MBartForConditionalGeneration),
        "plbart": draw("plbart", tf.PLBartConfig, tf.PLBartModel, tf.PLBartForConditionalGeneration),
        "pegasus": draw("pegasus", tf.PegasusConfig, tf.PegasusModel, tf.PegasusForConditionalGeneration),
        "marian": draw("marian", tf.MarianConfig, tf.MarianModel),
        "blenderbot": draw("blenderbot", tf.BlenderbotConfig, tf.BlenderbotModel, tf.BlenderbotForConditionalGeneration),
        "blenderbot-small": draw("blenderbot-small", tf.BlenderbotSmallConfig, tf.BlenderbotSmallModel),
        "whisper": draw_whisper}
