#!/usr/bin/env python3
"""Goldens of sound reading: short WAVE files of every coding, and what WhisperFeatureExtractor makes of them.

    make_sound.py [--out tests/golden/sound]

Its NumPy path (float64) is the reference; how far its PyTorch path (float32) lies from that is printed. Needs
transformers and NumPy; the tests need only the files written here.
"""
import argparse
import json
import struct
from pathlib import Path

import numpy as np
from transformers import WhisperFeatureExtractor

RATE = 16000


def sound(seconds, rate, channels, seed):
    """Tones, a glide and noise: [samples, channels] in -1 to 1."""
    draw = np.random.default_rng(seed)
    t = np.arange(int(seconds * rate)) / rate
    out = []
    for _ in range(channels):
        wave = 0.2 * np.sin(2 * np.pi * draw.uniform(100, 900) * t) + 0.1 * np.sin(2 * np.pi * (300 + 900 * t) * t)
        out.append(wave * (1 + np.sin(2 * np.pi * 3 * t)) / 2 + draw.normal(0, 0.01, t.size))
    return np.stack(out, -1)


def wave_file(samples, rate, coding, bits, extensible=False):
    if coding == 3:
        data = samples.astype("<f4" if bits == 32 else "<f8").tobytes()
    elif bits == 8:
        data = np.round(samples * 127 + 128).astype(np.uint8).tobytes()
    else:
        whole = np.round(samples * (2 ** (bits - 1) - 1)).astype("<i4")
        data = b"".join(struct.pack("<i", v)[:bits // 8] for v in whole.reshape(-1).tolist())
    channels = samples.shape[1]
    head = struct.pack("<HHIIHH", 0xFFFE if extensible else coding, channels, rate, rate * channels * bits // 8,
                       channels * bits // 8, bits)
    if extensible:
        head += struct.pack("<HHIH", 22, bits, 0, coding) + bytes.fromhex("000000001000800000aa00389b71")
    chunks = b"fmt " + struct.pack("<I", len(head)) + head + b"LIST" + struct.pack("<I", 3) + b"abc\0"
    chunks += b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def decoded(data, coding, bits, channels):
    """The samples of such a file's data, as every reader has them: full scale is 2^(bits-1)."""
    if coding == 3:
        values = np.frombuffer(data, "<f4" if bits == 32 else "<f8").astype(np.float64)
    elif bits == 8:
        values = (np.frombuffer(data, np.uint8).astype(np.float64) - 128) / 128
    else:
        raw = np.frombuffer(data, np.uint8).reshape(-1, bits // 8)
        whole = np.zeros((len(raw), 4), np.uint8)
        whole[:, 4 - bits // 8:] = raw
        values = whole.view("<i4")[:, 0] / 2.0 ** 31
    return values.reshape(-1, channels).mean(1).astype(np.float32)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "sound")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    listed = {"waves": [], "features": []}
    for coding, bits, channels, extensible in [(1, 8, 1, False), (1, 16, 2, False), (1, 24, 1, True), (1, 32, 2, True),
                                               (3, 32, 2, False), (3, 64, 1, True)]:
        name = f"{'float' if coding == 3 else 'pcm'}{bits}_{channels}.wav"
        samples = sound(0.01, RATE, channels, bits + coding)
        (out / name).write_bytes(wave_file(samples, RATE, coding, bits, extensible))
        data = (out / name).read_bytes()
        values = decoded(data[data.index(b"data") + 8:], coding, bits, channels)
        np.save(out / f"{name}.npy", values)
        listed["waves"].append({"file": name, "golden": f"{name}.npy"})

    (out / "speech.wav").write_bytes(wave_file(sound(2.3, RATE, 1, 5), RATE, 1, 16))
    data = (out / "speech.wav").read_bytes()
    values = decoded(data[data.index(b"data") + 8:], 1, 16, 1)
    for options in ({}, {"feature_size": 128}, {"chunk_length": 2, "hop_length": 200, "n_fft": 512}):
        extractor = WhisperFeatureExtractor(**options)
        padded = np.zeros(extractor.n_samples, np.float32)
        padded[:min(len(values), len(padded))] = values[:len(padded)]
        features = extractor._np_extract_fbank_features(padded[None], "cpu")[0]
        by_torch = extractor(values, sampling_rate=RATE, return_tensors="np")["input_features"][0]
        print(options, features.shape, "PyTorch's float32 path is off by", np.abs(features - by_torch).max())
        name = f"features_{len(listed['features'])}.npy"
        np.save(out / name, features.reshape(-1)[::37].astype(np.float32))
        listed["features"].append({"config": options, "shape": list(features.shape), "step": 37, "golden": name})

    (out / "golden.json").write_text(json.dumps(listed, indent=1) + "\n")


if __name__ == "__main__":
    main()
