"""Checkpoints of published shapes with random weights: what the program is timed on, since no weights come with it.

    python3 models.py FOLDER [NAME ...]

Times do not depend on the values; the shapes are those of the published config.json files."""
import sys
from pathlib import Path

LLAMA = {"hidden_act": "silu", "vocab_size": 32000, "max_position_embeddings": 8192, "tie_word_embeddings": True}


def llama(d, layers):
    """A Llama of width d, d / 64 heads and an MLP of 4 d: for the laws of cost."""
    return "LlamaConfig", LLAMA | {"hidden_size": d, "num_hidden_layers": layers, "num_attention_heads": d // 64,
                                   "num_key_value_heads": d // 64, "intermediate_size": 4 * d}


def neox(d, layers, heads):
    return "GPTNeoXConfig", {"hidden_size": d, "num_hidden_layers": layers, "num_attention_heads": heads,
                             "intermediate_size": 4 * d, "vocab_size": 50304, "max_position_embeddings": 2048}


SHAPES = {
    "gpt2-small": ("GPT2Config", {}),
    "pythia-160m": neox(768, 12, 12),
    "pythia-410m": neox(1024, 24, 16),
    "qwen2.5-0.5b": ("Qwen2Config", {
        "hidden_size": 896, "num_hidden_layers": 24, "num_attention_heads": 14, "num_key_value_heads": 2,
        "intermediate_size": 4864, "vocab_size": 151936, "max_position_embeddings": 32768,
        "tie_word_embeddings": True}),
    "smollm2-135m": ("LlamaConfig", LLAMA | {
        "hidden_size": 576, "num_hidden_layers": 30, "num_attention_heads": 9, "num_key_value_heads": 3,
        "intermediate_size": 1536, "vocab_size": 49152}),
    "llama-d768": llama(768, 4), "llama-d1024": llama(1024, 4), "llama-d1536": llama(1536, 4),
    "llama-d2048": llama(2048, 4), "llama-d4096": llama(4096, 2),
    "llama-d768-l2": llama(768, 2), "llama-d768-l8": llama(768, 8), "llama-d768-l16": llama(768, 16),
}


def make(name, folder):
    """The folder of the checkpoint, written where it is not there yet."""
    target = Path(folder) / name
    if (target / "model.safetensors").exists():
        return target
    import torch
    import transformers
    kind, options = SHAPES[name]
    torch.manual_seed(0)
    config = getattr(transformers, kind)(**options)
    model = transformers.AutoModelForCausalLM.from_config(config)
    generator = torch.Generator().manual_seed(0)
    for parameter_name, parameter in model.named_parameters():
        if parameter.dim() == 1 and "weight" in parameter_name:  # γ as training leaves it, not all ones
            parameter.data = torch.exp(0.3 * torch.randn(parameter.shape, generator=generator))
    part = target.with_name(name + ".part")
    model.save_pretrained(part, max_shard_size="100GB")
    part.rename(target)
    return target


if __name__ == "__main__":
    for wanted in sys.argv[2:] or SHAPES:
        print(make(wanted, sys.argv[1]))
