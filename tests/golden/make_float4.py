#!/usr/bin/env python3
"""Writes torch_files/float4.safetensors: 'packed', every 4-bit code several times in torch.float4_e2m1fn_x2, as PyTorch packs
it and the safetensors package writes it (F4, two numbers a byte, the first in the low half), and 'expected', the numbers
in F32.

    python3 tests/golden/make_float4.py        # needs torch and safetensors
"""
import pathlib
import sys
import types

import torch
from safetensors.torch import save_file

sys.modules.setdefault("expecttest", types.ModuleType("expecttest"))  # wanted by PyTorch's test helpers, not used
sys.modules["expecttest"].TestCase = object
from torch.testing._internal.common_quantized import _bfloat16_to_float4_e2m1fn_x2

values = torch.tensor([0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0])
codes = torch.cat([values, -values])
rows = torch.stack([codes[torch.randperm(16, generator=torch.Generator().manual_seed(i))] for i in range(6)]).reshape(3, 32)
packed = _bfloat16_to_float4_e2m1fn_x2(rows.to(torch.bfloat16))
assert packed.dtype == torch.float4_e2m1fn_x2 and packed.shape == (3, 16)
save_file({"packed": packed, "expected": rows}, pathlib.Path(__file__).parent / "torch_files/float4.safetensors")
