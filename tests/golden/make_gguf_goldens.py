"""GGUF files of tiny models, made by llama.cpp's own converter out of transformers checkpoints, and what is
to be read in them: names, shapes and contents of the checkpoint they came from, and its configuration.

    python3 make_gguf_goldens.py --llama-cpp DIR      # llama.cpp's sources (conversion/, gguf-py/)

Writes gguf/<family>.gguf, gguf/<family>.json (checksums of the checkpoint's tensors, after what the family
files undo: γ - 1, GPT-2's transposed maps), and gguf_<family>/ with the streams of transformers in float64 for
some of them. Parameters are random numbers of bfloat16, so that the file loses nothing. The vocabulary is no
concern here: every converter's set_vocab is replaced by one of forty tokens.
"""

import argparse
import copy
import json
import shutil
import sys
import tempfile
import zlib
from pathlib import Path

import numpy as np
import torch
import transformers as tf
from safetensors.torch import load_file, save_file

import float64_forward

HERE = Path(__file__).parent
VOCABULARY = 40
SIZES = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, intermediate_size=48,
             vocab_size=VOCABULARY, max_position_embeddings=64, pad_token_id=0, bos_token_id=1, eos_token_id=2)
WITHOUT_KV = {k: v for k, v in SIZES.items() if k != "num_key_value_heads"}
GPT = dict(n_embd=32, n_layer=2, n_head=4, vocab_size=VOCABULARY, bos_token_id=1, eos_token_id=2)
MOE = dict(num_experts_per_tok=2)
STREAMS = ("llama", "llama_tied", "gpt2", "bert", "stablelm", "stablelm_parallel", "gpt_neox", "gpt_bigcode", "bloom", "falcon",
           "falcon_new", "mpt", "phi", "starcoder2", "cohere", "cohere2", "nemotron", "olmo", "deepseek_v3", "distilbert", "gemma", "gemma2", "gemma3", "gpt_oss", "granite", "mistral", "mixtral", "modernbert", "olmo2", "olmo3", "phi3", "qwen2", "qwen3", "qwen3_moe", "smollm3", "t5", "deepseek_v2", "gemma4")


def plain():
    return {"rope_type": "default", "rope_theta": 730.0}


def half(theta=10000.0):
    """Converters of the older families leave the base out; it is then 10000."""
    return {"rope_type": "default", "rope_theta": theta, "partial_rotary_factor": 0.5}


def ten_thousand():
    return {"rope_type": "default", "rope_theta": 10000.0}


def llama3():
    return {"rope_type": "llama3", "rope_theta": 500000.0, "factor": 32.0, "low_freq_factor": 1.0,
            "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}


def models():
    """name, class, configuration"""
    yield "llama", tf.LlamaForCausalLM, tf.LlamaConfig(**SIZES, rms_norm_eps=2e-3, head_dim=12, attention_bias=True,
                                                       rope_parameters=llama3())
    yield "llama_tied", tf.LlamaForCausalLM, tf.LlamaConfig(**SIZES, tie_word_embeddings=True, rms_norm_eps=1e-5,
                                                            rope_parameters={"rope_type": "linear", "factor": 2.0, "rope_theta": 730.0})
    yield "mistral", tf.MistralForCausalLM, tf.MistralConfig(**SIZES, rms_norm_eps=3e-4, sliding_window=None, rope_parameters=plain())
    yield "mixtral", tf.MixtralForCausalLM, tf.MixtralConfig(**SIZES, **MOE, num_local_experts=4, rope_parameters=plain())
    yield "smollm3", tf.SmolLM3ForCausalLM, tf.SmolLM3Config(**SIZES, rope_parameters=plain())
    yield "granite", tf.GraniteForCausalLM, tf.GraniteConfig(**SIZES, attention_multiplier=0.25, embedding_multiplier=3.0,
                                                             residual_multiplier=0.5, logits_scaling=2.5, rope_parameters=plain())
    yield "qwen2", tf.Qwen2ForCausalLM, tf.Qwen2Config(**SIZES, rope_parameters={"rope_type": "yarn", "rope_theta": 730.0, "factor": 4.0,
                                                                                 "original_max_position_embeddings": 32})
    yield "qwen3", tf.Qwen3ForCausalLM, tf.Qwen3Config(**SIZES, head_dim=12, rope_parameters=plain())
    yield "qwen3_moe", tf.Qwen3MoeForCausalLM, tf.Qwen3MoeConfig(**SIZES, **MOE, head_dim=8, num_experts=4, moe_intermediate_size=24,
                                                                 norm_topk_prob=True, rope_parameters=plain())
    yield "gemma", tf.GemmaForCausalLM, tf.GemmaConfig(**SIZES, head_dim=12, rope_parameters=ten_thousand())
    yield "gemma2", tf.Gemma2ForCausalLM, tf.Gemma2Config(**SIZES, head_dim=12, query_pre_attn_scalar=12, sliding_window=8,
                                                          attn_logit_softcapping=40.0, final_logit_softcapping=20.0, rope_parameters=ten_thousand())
    yield "gemma3", tf.Gemma3ForCausalLM, tf.Gemma3TextConfig(**{**SIZES, "num_hidden_layers": 7}, head_dim=12, query_pre_attn_scalar=12,
                                                              sliding_window=8, rope_parameters={
        "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 7300.0},
        "sliding_attention": {"rope_type": "default", "rope_theta": 730.0}})
    yield "olmo", tf.OlmoForCausalLM, tf.OlmoConfig(**SIZES, clip_qkv=4.0, rope_parameters=plain())
    yield "olmo2", tf.Olmo2ForCausalLM, tf.Olmo2Config(**SIZES, rope_parameters=plain())
    yield "olmo3", tf.Olmo3ForCausalLM, tf.Olmo3Config(**{**SIZES, "num_hidden_layers": 4}, sliding_window=8, rope_parameters={
        "full_attention": plain(), "sliding_attention": plain()})
    yield "cohere", tf.CohereForCausalLM, tf.CohereConfig(**SIZES, use_qk_norm=True, logit_scale=0.25, rope_parameters=plain())
    yield "cohere2", tf.Cohere2ForCausalLM, tf.Cohere2Config(**{**SIZES, "num_hidden_layers": 4}, sliding_window=8, logit_scale=0.25, rope_parameters=plain())
    yield "stablelm", tf.StableLmForCausalLM, tf.StableLmConfig(**SIZES, use_qkv_bias=True, layer_norm_eps=3e-4,
                                                                rope_parameters=half())
    yield "stablelm_parallel", tf.StableLmForCausalLM, tf.StableLmConfig(**SIZES, use_parallel_residual=True, rope_parameters=half())
    yield "starcoder2", tf.Starcoder2ForCausalLM, tf.Starcoder2Config(**SIZES, sliding_window=None, norm_epsilon=3e-4, rope_parameters=plain())
    yield "nemotron", tf.NemotronForCausalLM, tf.NemotronConfig(**SIZES, norm_eps=3e-4, rope_parameters=half(730.0))
    yield "phi", tf.PhiForCausalLM, tf.PhiConfig(**{**SIZES, "intermediate_size": 128, "num_key_value_heads": 4}, layer_norm_eps=3e-4,
                                                 rope_parameters=half())
    yield "phi3", tf.Phi3ForCausalLM, tf.Phi3Config(**SIZES, original_max_position_embeddings=32, sliding_window=None, rope_parameters={
        "rope_type": "longrope", "rope_theta": 730.0, "short_factor": [1.0, 1.25, 1.5, 2.0], "long_factor": [1.0, 2.5, 4.0, 8.0],
        "original_max_position_embeddings": 32})
    yield "gpt2", tf.GPT2LMHeadModel, tf.GPT2Config(**GPT, n_positions=48, layer_norm_epsilon=3e-4)
    yield "gpt_bigcode", tf.GPTBigCodeForCausalLM, tf.GPTBigCodeConfig(**GPT, n_positions=48, layer_norm_epsilon=3e-4)
    yield "gpt_neox", tf.GPTNeoXForCausalLM, tf.GPTNeoXConfig(**WITHOUT_KV, rope_parameters=half(), layer_norm_eps=3e-4)
    yield "bloom", tf.BloomForCausalLM, tf.BloomConfig(hidden_size=32, n_layer=2, n_head=4, vocab_size=VOCABULARY, layer_norm_epsilon=3e-4)
    old = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, vocab_size=VOCABULARY, alibi=False, rope_parameters=ten_thousand(),
               layer_norm_epsilon=3e-4)
    yield "falcon", tf.FalconForCausalLM, tf.FalconConfig(**old)
    yield "falcon_new", tf.FalconForCausalLM, tf.FalconConfig(**old, new_decoder_architecture=True, num_kv_heads=2)
    yield "mpt", tf.MptForCausalLM, tf.MptConfig(d_model=32, n_layers=2, n_heads=4, vocab_size=VOCABULARY, max_seq_len=48)
    yield "bert", tf.BertModel, tf.BertConfig(**WITHOUT_KV, layer_norm_eps=3e-4)
    yield "distilbert", tf.DistilBertModel, tf.DistilBertConfig(dim=32, n_layers=2, n_heads=4, hidden_dim=48, vocab_size=VOCABULARY,
                                                                max_position_embeddings=64, pad_token_id=0)
    yield "modernbert", tf.ModernBertModel, tf.ModernBertConfig(**{**WITHOUT_KV, "num_hidden_layers": 4}, norm_eps=3e-4, local_attention=16,
                                                                cls_token_id=1, sep_token_id=2, rope_parameters={
        "full_attention": {"rope_type": "default", "rope_theta": 7300.0}, "sliding_attention": {"rope_type": "default", "rope_theta": 730.0}})
    yield "t5", tf.T5EncoderModel, tf.T5Config(d_model=32, num_layers=2, num_heads=4, d_ff=48, d_kv=8, vocab_size=VOCABULARY,
                                               feed_forward_proj="gated-gelu")
    yield "gpt_oss", tf.GptOssForCausalLM, tf.GptOssConfig(**SIZES, **MOE, num_local_experts=4, head_dim=8, sliding_window=8, rope_parameters={
        "rope_type": "yarn", "rope_theta": 730.0, "factor": 4.0, "beta_fast": 32.0, "beta_slow": 1.0, "truncate": False,
        "original_max_position_embeddings": 16})
    heads = {**SIZES, "num_key_value_heads": 4}
    latent = dict(kv_lora_rank=16, qk_rope_head_dim=8, qk_nope_head_dim=4, v_head_dim=12, n_shared_experts=1, first_k_dense_replace=1,
                  moe_intermediate_size=16, n_group=1, topk_group=1)
    yield "deepseek_v2", tf.DeepseekV2ForCausalLM, tf.DeepseekV2Config(**heads, **MOE, **latent, n_routed_experts=4, q_lora_rank=None,
                                                                       routed_scaling_factor=1.5, rope_parameters=plain())
    yield "deepseek_v3", tf.DeepseekV3ForCausalLM, tf.DeepseekV3Config(**heads, **MOE, **latent, n_routed_experts=4, q_lora_rank=16,
                                                                       routed_scaling_factor=2.5, rope_parameters=plain())
    yield "gemma4", tf.Gemma4ForCausalLM, tf.Gemma4TextConfig(**{**SIZES, "num_hidden_layers": 8}, head_dim=8, global_head_dim=16, sliding_window=8,
                                                              hidden_size_per_layer_input=8, vocab_size_per_layer_input=VOCABULARY, num_kv_shared_layers=2)


def randomise(model, seed):
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in list(model.named_parameters()) + list(model.named_buffers()):
        if not tensor.is_floating_point() or "inv_freq" in name or tensor.numel() == 0 or "embed_scale" in name or "softcap" in name:
            continue
        drawn = torch.randn(tensor.shape, generator=generator)
        is_norm = tensor.dim() == 1 and name.endswith("weight")
        tensor.data = ((1.0 + 0.2 * drawn) if is_norm else 0.15 * drawn).to(torch.bfloat16).float()


def tiny_vocabulary(self):
    self.gguf_writer.add_tokenizer_model("gpt2")
    self.gguf_writer.add_tokenizer_pre("gpt-2")
    self.gguf_writer.add_token_list([f"t{i}" for i in range(VOCABULARY)])
    self.gguf_writer.add_token_types([1] * VOCABULARY)


def convert(folder, out):
    from conversion import get_model_class
    import gguf
    config = json.loads((folder / "config.json").read_text())
    cls = get_model_class(config["architectures"][0])
    cls.set_vocab = tiny_vocabulary
    model = cls(folder, gguf.LlamaFileType.MOSTLY_BF16, out, eager=True, hparams=config)
    model.write()


def published(folder, name):
    """config.json as the converter (and the hub's older checkpoints) have it."""
    path = folder / "config.json"
    config = json.loads(path.read_text())
    rope = config.get("rope_parameters")
    if name == "gpt2":
        config["n_ctx"] = config["n_positions"]
    if name == "gpt_neox":
        config["rotary_pct"] = rope["partial_rotary_factor"]
    if name == "cohere2":
        config["rotary_pct"] = 1.0
    if name == "mpt":
        config["architectures"] = ["MPTForCausalLM"]
        config["attn_config"].setdefault("clip_qkv", None)
    if name == "modernbert":
        config["global_attn_every_n_layers"] = 3
    if name.startswith("falcon") and not config.get("new_decoder_architecture"):
        config["num_kv_heads"] = 1
    path.write_text(json.dumps(config))
    if name == "mistral":
        config["model_type"] = "llama"  # GGUF does not tell them apart, and they compute the same
    if name in ("gemma3", "gemma4"):  # counts tokens in it
        words = {f"t{i}": i for i in range(VOCABULARY)}
        (folder / "tokenizer.json").write_text(json.dumps({"model": {"vocab": words}, "added_tokens": []}))
    return config


def apart(tensors):
    """gpt-oss: experts one by one, gate and up apart, as the converter writes them and the reader names them."""
    out = {}
    for key, tensor in tensors.items():
        stem, _, part = key.rpartition(".experts.")
        if not stem:
            out[key] = tensor
            continue
        kinds = {"gate": slice(0, None, 2), "up": slice(1, None, 2)} if "gate_up" in part else {"down": slice(None)}
        for expert, matrix in enumerate(tensor):
            for kind, columns in kinds.items():
                value = matrix[..., columns]
                ending = "bias" if part.endswith("_bias") else "weight"
                out[f"{stem}.experts.{expert}.{kind}_proj.{ending}"] = value.T if value.dim() == 2 else value
    return out


def expected(name, tensors):
    tensors = apart(tensors) if name == "gpt_oss" else {k: v for k, v in tensors.items() if not k.startswith("pooler.")}
    shift = {"gemma": 1.0, "gemma2": 1.0, "gemma3": 1.0, "nemotron": 1.0}.get(name, 0.0)
    out = {}
    for key, tensor in sorted(tensors.items()):
        key = "model." + key if name == "modernbert" else key
        value = tensor.float()
        if shift and key.endswith("norm.weight"):
            value = value + shift
        if name == "gpt2" and value.dim() == 2 and ".c_" in key:
            value = value.T
        data = np.ascontiguousarray(value.numpy().astype("<f4"))
        out[key] = [list(data.shape), zlib.crc32(data.tobytes())]
    return out


def input_ids():
    return torch.tensor(np.random.default_rng(7).integers(0, VOCABULARY, size=(1, 16)))


def steady(model):
    """Whether transformers' own float32 stays within a tenth of what the tests allow ours: some draws of deep models
    let a rounding grow tenfold in a block."""
    inputs = {"input_ids": input_ids()}
    in_float32 = float64_forward.streams(model.eval(), inputs)
    in_float64 = float64_forward.streams(copy.deepcopy(model).double().eval(), inputs)
    return all(torch.linalg.norm(in_float32[k].double() - x) < 2e-5 * torch.linalg.norm(x) for k, x in in_float64.items())


def write_streams(name, model):
    """gguf_<name>/: as the other goldens, the model in GGUF."""
    tokens = input_ids()
    caught, trace = float64_forward.lifted_streams(model, {"input_ids": tokens})
    if trace.narrow:
        raise SystemExit(f"{name}: not float64 throughout: {trace.narrow[:3]}")
    out = HERE / f"gguf_{name}"
    (out / "model").mkdir(parents=True, exist_ok=True)
    shutil.move(HERE / "gguf" / f"{name}.gguf", out / "model" / "model.gguf")
    np.save(out / "tokens.npy", tokens.numpy())
    save_file({k: v.contiguous() for k, v in caught.items()}, out / "golden.safetensors")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--llama-cpp", required=True)
    parser.add_argument("--only", nargs="*")
    arguments = parser.parse_args()
    sys.path[:0] = [arguments.llama_cpp, str(Path(arguments.llama_cpp) / "gguf-py")]
    (HERE / "gguf").mkdir(exist_ok=True)
    failed = []
    for seed, (name, cls, config) in enumerate(models()):
        if arguments.only and name not in arguments.only:
            continue
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            torch.manual_seed(seed)
            model = cls(config)
            for draw in range(20):
                randomise(model, seed + 1000 * draw)
                if name not in STREAMS or steady(model):
                    break
            else:
                raise SystemExit(f"{name}: no draw whose roundings stay small")
            model.save_pretrained(folder)
            in_float64 = float64_forward.load(cls, folder, torch.float32) if name in STREAMS else None
            try:
                words = published(folder, name)
                convert(folder, HERE / "gguf" / f"{name}.gguf")
            except Exception as error:  # told below: one family must not hide the others
                failed.append(f"{name}: {error!r}")
                continue
            tensors = load_file(folder / "model.safetensors")
            if name in STREAMS:
                write_streams(name, in_float64)
            result = {"tensors": expected(name, tensors), "config": words}
            (HERE / "gguf" / f"{name}.json").write_text(json.dumps(result, separators=(",", ":")) + "\n")
    print("\n".join(failed) or "all converted")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
