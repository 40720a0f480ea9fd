#!/usr/bin/env python3
"""Writes tests/golden/torch_files/mxfp4.safetensors: random MXFP4 blocks of two small experts, and what transformers
unpacks them to. Needs PyTorch and transformers; the tests do not."""
import pathlib

import torch
from safetensors.torch import save_file
from transformers.integrations.mxfp4 import convert_moe_packed_tensors

torch.manual_seed(3)
blocks = torch.randint(0, 256, (2, 6, 3, 16), dtype=torch.uint8)
scales = torch.randint(110, 140, (2, 6, 3), dtype=torch.uint8)
out = convert_moe_packed_tensors(blocks, scales, dtype=torch.bfloat16)
save_file({"experts.down_proj_blocks": blocks, "experts.down_proj_scales": scales, "expected": out.float().contiguous()},
          pathlib.Path(__file__).parent / "torch_files/mxfp4.safetensors")
