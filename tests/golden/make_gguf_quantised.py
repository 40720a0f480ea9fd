"""Blocks of every quantised kind that is decoded, and what the `gguf` package makes of them.

    python3 make_gguf_quantised.py        # gguf, numpy, safetensors

gguf/quantised.gguf: one tensor a kind, [2, blocks · elements of a block]: bytes all 0, all 255, counting, and
random ones, some with scales of a size that weights have. gguf/quantised.safetensors: the same as F32. Kinds
that are not decoded stand in the file too, with no counterpart.
"""

from pathlib import Path

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Kind
from gguf.quants import dequantize
from safetensors.numpy import save_file

HERE = Path(__file__).parent / "gguf"
DECODED = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS", "MXFP4",
           "NVFP4", "TQ1_0", "TQ2_0", "BF16", "F16"]
OTHERS = ["IQ2_XXS", "IQ3_S", "IQ1_M"]
# Where the binary16 scales stand in a block.
SCALES = {"Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2],
          "Q5_K": [0, 2], "Q6_K": [208], "IQ4_NL": [0], "IQ4_XS": [0], "TQ1_0": [52], "TQ2_0": [64]}


def blocks_of(name, rng):
    elements, size = gguf.GGML_QUANT_SIZES[Kind[name]]
    count = 4 if elements == 256 else 8
    rows = rng.integers(0, 256, size=(2 * count, size), dtype=np.uint8)
    rows[0], rows[1], rows[2] = 0, 255, np.arange(size) % 256
    for row in rows[3:]:
        for at in SCALES.get(name, []):
            row[at:at + 2] = np.frombuffer(np.float16(rng.normal() * 0.01).tobytes(), np.uint8)
    return rows.reshape(2, count * size)


def main():
    rng = np.random.default_rng(40)
    writer = gguf.GGUFWriter(HERE / "quantised.gguf", "kinds")
    expected = {}
    with np.errstate(all="ignore"):
        for name in DECODED + OTHERS:
            data = blocks_of(name, rng)
            writer.add_tensor(name, data, raw_dtype=Kind[name])
            if name in DECODED:
                expected[name] = np.ascontiguousarray(dequantize(data, Kind[name]))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    save_file(expected, HERE / "quantised.safetensors")


if __name__ == "__main__":
    main()
