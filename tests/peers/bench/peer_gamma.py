"""Every norm's γ as a person reads it today: from_pretrained, then the parameters. Prints JSON.

    python3 peer_gamma.py FOLDER"""
import json
import sys
import time

import torch
import transformers

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()
start = time.perf_counter()
model = transformers.AutoModel.from_pretrained(sys.argv[1], dtype="auto")
norms = {name: module.weight for name, module in model.named_modules()
         if "norm" in type(module).__name__.lower() and getattr(module, "weight", None) is not None}
out = {}
for name, gamma in norms.items():
    gamma = gamma.detach().double()
    v = 1 / gamma
    out[name] = {"min": gamma.min().item(), "max": gamma.max().item(), "v": (v / v.norm()).tolist()}
json.dumps(out)
print(json.dumps({"norms": len(out), "seconds": time.perf_counter() - start}))
