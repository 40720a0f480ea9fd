#!/usr/bin/env python3
"""bf16 and f16 results of torch's layer_norm and linear on the CPU, as the numbers themselves: narrow.json.

    python3 make_narrow.py > narrow.json
"""

import json

import torch

torch.manual_seed(3)
d, out, rows, eps = 48, 24, 5, 1e-5
result = {"torch": torch.__version__, "d": d, "out": out, "rows": rows, "eps": eps}
for name, dtype in (("bf16", torch.bfloat16), ("f16", torch.float16)):
    x = (torch.randn(rows, d) + 0.7).to(dtype)
    gamma, beta = (1 + 0.3 * torch.randn(d)).to(dtype), (0.1 * torch.randn(d)).to(dtype)
    weight, bias = (0.2 * torch.randn(out, d)).to(dtype), (0.1 * torch.randn(out)).to(dtype)
    normed = torch.nn.functional.layer_norm(x, (d,), gamma, beta, eps)
    mapped = torch.nn.functional.linear(x, weight, bias)
    result[name] = {key: value.float().flatten().tolist() for key, value in
                    dict(x=x, gamma=gamma, beta=beta, weight=weight, bias=bias, normed=normed, mapped=mapped).items()}
print(json.dumps(result))
