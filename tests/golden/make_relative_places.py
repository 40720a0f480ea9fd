#!/usr/bin/env python3
"""Writes relative_places.json beside this file: where transformers puts distances in T5's and DeBERTa-v2's tables, as the
distances at which the row changes. Needs torch and transformers."""

import json
from pathlib import Path

import torch
from transformers.models.deberta_v2.modeling_deberta_v2 import build_relative_position
from transformers.models.t5.modeling_t5 import T5Attention

REACH = 3000


def changes(rows):
    """[distance, row] at the first and at every other that differs from the one before; rows of -REACH to REACH."""
    return [[i - REACH, r] for i, r in enumerate(rows) if i == 0 or rows[i - 1] != r]


def main():
    out = {"reach": REACH, "t5": [], "deberta": []}
    for buckets, most in [(32, 128), (64, 256), (8, 20), (12, 64), (32, 1000)]:
        for both in (True, False):
            offsets = torch.arange(-REACH, REACH + 1)  # key - query
            rows = T5Attention._relative_position_bucket(offsets, both, buckets, most).tolist()
            out["t5"].append({"buckets": buckets, "max_distance": most, "bidirectional": both, "changes": changes(rows)})
    for buckets, most in [(256, 512), (64, 128), (8, 24), (32, 1000)]:
        zeros = torch.zeros(1, REACH + 1, 1)
        distances = build_relative_position(zeros, zeros, buckets, most)[0]  # query - key
        rows = torch.cat([distances[0].flip(0)[:-1], distances[:, 0]])
        rows = torch.clamp(rows + buckets, 0, 2 * buckets - 1).tolist()
        out["deberta"].append({"buckets": buckets, "max_distance": most, "changes": changes(rows)})
    Path(__file__).with_name("relative_places.json").write_text(json.dumps(out, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
