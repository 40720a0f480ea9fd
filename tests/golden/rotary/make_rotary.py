"""Writes rotary.json: inverse frequencies and attention factors by transformers' ROPE_INIT_FUNCTIONS, for every rule
and its options. Needs torch and transformers (5.23 was used). Run it in this folder."""

import copy
import json

from transformers import LlamaConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

BASE = {"hidden_size": 48, "num_attention_heads": 4, "head_dim": 12, "max_position_embeddings": 128}
LLAMA3 = {"rope_type": "llama3", "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32}
LONG = {
    "rope_type": "longrope",
    "short_factor": [1.0, 1.1, 1.2, 1.3, 1.5, 2.0],
    "long_factor": [1.0, 2.0, 3.0, 4.5, 6.0, 8.0],
    "original_max_position_embeddings": 32,
}
CASES = {
    "linear": {"rope_type": "linear", "factor": 2.5},
    "dynamic": {"rope_type": "dynamic", "factor": 2.5},
    "llama3": {**LLAMA3, "original_max_position_embeddings": 64, "rope_theta": 500.0},
    "llama3 by the context": {**LLAMA3, "rope_theta": 500.0},
    "yarn": YARN,
    "yarn by the context": {k: v for k, v in YARN.items() if k != "factor"} | {"factor": None},
    "yarn betas": {**YARN, "beta_fast": 8.0, "beta_slow": 2.0, "rope_theta": 100.0},
    "yarn untruncated": {**YARN, "truncate": False, "rope_theta": 300.0},
    "yarn attention factor": {**YARN, "attention_factor": 1.7},
    "yarn mscale": {**YARN, "mscale": 0.7, "mscale_all_dim": 1.3},
    "longrope": LONG,
    "longrope factor": {**LONG, "factor": 16.0},
    "longrope attention factor": {**LONG, "attention_factor": 1.25},
    "proportional": {"rope_type": "proportional", "partial_rotary_factor": 0.5, "factor": 2.0},
    "proportional third": {"rope_type": "proportional", "partial_rotary_factor": 0.34},
}


def measure(rope, seq_len=None):
    parameters = {"rope_theta": 10000.0, **copy.deepcopy(rope)}
    config = LlamaConfig(**BASE, rope_parameters=parameters)
    frequencies, factor = ROPE_INIT_FUNCTIONS[parameters["rope_type"]](config, seq_len=seq_len)
    return [float(f) for f in frequencies], float(factor)


def main():
    out = []
    for name, rope in CASES.items():
        frequencies, factor = measure(rope)
        case = {"name": name, "config": {**BASE, "rope_parameters": {"rope_theta": 10000.0, **rope}}}
        case["frequencies"], case["attention_factor"] = frequencies, factor
        if rope["rope_type"] == "longrope":
            case["long_frequencies"] = measure(rope, seq_len=33)[0]
        out.append(case)
    with open("rotary.json", "w") as file:
        json.dump(out, file, indent=1)
        file.write("\n")


main()
