#!/usr/bin/env python3
"""Goldens of picture reading: small PNG and JPEG files, their RGB as Pillow decodes them, and what transformers' PIL
image processors make of them under many preprocessor configurations.

    make_pictures.py [--out tests/golden/pictures]

Needs transformers, Pillow and NumPy; the tests need only the files written here.
"""
import argparse
import io
import json
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image
from transformers.image_utils import load_image
from transformers.models.beit.image_processing_pil_beit import BeitImageProcessorPil
from transformers.models.bit.image_processing_pil_bit import BitImageProcessorPil
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.convnext.image_processing_pil_convnext import ConvNextImageProcessorPil
from transformers.models.deit.image_processing_pil_deit import DeiTImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

PROCESSORS = {"ViT": ViTImageProcessorPil, "DeiT": DeiTImageProcessorPil, "CLIP": CLIPImageProcessorPil,
              "Siglip": SiglipImageProcessorPil, "Beit": BeitImageProcessorPil, "Bit": BitImageProcessorPil,
              "ConvNext": ConvNextImageProcessorPil}


def texture(height, width, channels, seed):
    """Smooth shapes with sharp edges and some noise: every filter has something to do."""
    draw = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    planes = []
    for _ in range(channels):
        wave = np.sin(x * draw.uniform(0.1, 1.2) + y * draw.uniform(0.1, 1.2)) * 90 + 128
        wave[(x - width * draw.uniform()) ** 2 + (y - height * draw.uniform()) ** 2 < (width / 4) ** 2] += 100
        planes.append(np.clip(wave + draw.normal(0, 12, (height, width)), 0, 255))
    return np.stack(planes, -1).astype(np.uint8)


def png(height, width, depth, colour, rows, extra=b""):
    """A PNG by hand, for the kinds that Pillow does not write."""
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def write_pictures(out):
    h, w = 29, 37
    rgb = Image.fromarray(texture(h, w, 3, 1))
    rgb.save(out / "rgb.png")
    Image.fromarray(texture(h, w, 1, 2)[:, :, 0]).save(out / "grey.png")
    Image.fromarray(texture(h, w, 4, 3), "RGBA").save(out / "rgba.png")
    Image.fromarray(texture(h, w, 2, 4), "LA").save(out / "grey_alpha.png")
    rgb.quantize(40).save(out / "palette.png")
    rgb.quantize(11).save(out / "palette_4bit.png", bits=4, transparency=3)
    rgb.convert("1").save(out / "one_bit.png")
    Image.fromarray(texture(h, w, 1, 5)[:, :, 0]).resize((w, h)).save(out / "big.png")
    grey4 = texture(h, w + 1, 1, 6)[:, :, 0] >> 4
    (out / "grey_4bit.png").write_bytes(png(h, w + 1, 4, 0, [(r[0::2] << 4 | r[1::2]).tobytes() for r in grey4]))
    grey2 = texture(h, 36, 1, 6)[:, :, 0] >> 6
    (out / "grey_2bit.png").write_bytes(
        png(h, 36, 2, 0, [(r[0::4] << 6 | r[1::4] << 4 | r[2::4] << 2 | r[3::4]).astype(np.uint8).tobytes()
                          for r in grey2]))
    wide = np.random.default_rng(7).integers(0, 600, (h, w)).astype(">u2")
    (out / "grey_16bit.png").write_bytes(png(h, w, 16, 0, [r.tobytes() for r in wide]))
    wide = np.random.default_rng(8).integers(0, 65536, (h, w, 3)).astype(">u2")
    (out / "rgb_16bit.png").write_bytes(png(h, w, 16, 2, [r.tobytes() for r in wide]))
    wide = np.random.default_rng(9).integers(0, 65536, (h, w, 4)).astype(">u2")
    (out / "rgba_16bit.png").write_bytes(png(h, w, 16, 6, [r.tobytes() for r in wide]))
    gama = struct.pack(">I", 4) + b"gAMA" + struct.pack(">I", 100000)
    gama += struct.pack(">I", zlib.crc32(gama[4:]))
    rows = [r.tobytes() for r in texture(h, w, 3, 10)]
    (out / "gamma.png").write_bytes(png(h, w, 8, 2, rows, gama))  # Pillow takes no notice of gAMA
    exif = Image.Exif()
    for orientation in range(1, 9):
        exif[274] = orientation
        rgb.save(out / f"orientation_{orientation}.jpg", quality=80, exif=exif)
    exif[274] = 6
    rgb.save(out / "orientation_6.png", exif=exif)
    rgb.save(out / "rgb_420.jpg", quality=75, subsampling=2)
    rgb.save(out / "rgb_444.jpg", quality=95, subsampling=0)
    rgb.save(out / "progressive.jpg", quality=70, progressive=True)
    rgb.convert("L").save(out / "grey.jpg", quality=80)
    Image.fromarray(texture(h, w, 4, 11), "CMYK").save(out / "cmyk.jpg", quality=90)
    Image.fromarray(texture(97, 61, 3, 12)).save(out / "tall.png")


def cases():
    """(processor, its configuration beyond the defaults, picture)."""
    for name in ("rgb.png", "tall.png"):
        for resample in range(6):
            yield "ViT", {"size": {"height": 23, "width": 31}, "resample": resample}, name
    for resample in (0, 1, 2, 3):
        yield "ViT", {"size": {"height": 71, "width": 50}, "resample": resample}, "rgb.png"
    yield "ViT", {"size": 24}, "rgb_420.jpg"
    yield "ViT", {"size": {"height": 29, "width": 37}}, "palette.png"
    yield "ViT", {"do_resize": False, "do_normalize": False}, "rgb.png"
    yield "ViT", {"size": 20, "do_rescale": False}, "rgb.png"
    yield "DeiT", {"size": 33, "crop_size": 24}, "rgb.png"
    yield "DeiT", {"size": {"height": 20, "width": 26}, "crop_size": {"height": 27, "width": 21}}, "rgb.png"
    yield "CLIP", {"size": 24, "crop_size": 24}, "tall.png"
    yield "CLIP", {"size": {"shortest_edge": 25}, "crop_size": {"height": 24, "width": 24}}, "rgba.png"
    yield "CLIP", {"size": {"shortest_edge": 25}, "crop_size": {"height": 24, "width": 24}}, "orientation_6.jpg"
    yield "CLIP", {"size": {"shortest_edge": 25, "longest_edge": 30}, "do_center_crop": False}, "tall.png"
    yield "CLIP", {"size": {"shortest_edge": 25, "longest_edge": 300}, "do_center_crop": False}, "tall.png"
    yield "Siglip", {"size": {"height": 24, "width": 24}}, "cmyk.jpg"
    yield "Beit", {"size": {"height": 26, "width": 26}, "do_center_crop": True, "crop_size": 21}, "grey.jpg"
    yield "Bit", {"size": {"shortest_edge": 26}, "crop_size": {"height": 24, "width": 24},
                  "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}, "rgb.png"
    yield "ConvNext", {"size": {"shortest_edge": 24}}, "rgb.png"
    yield "ConvNext", {"size": {"shortest_edge": 384}, "crop_pct": 0.9}, "one_bit.png"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "pictures")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    write_pictures(out)
    decoded = {}
    for path in sorted(out.glob("*.[pj][np]g")):
        image = load_image(str(path))
        decoded[path.name] = {"width": image.width, "height": image.height}
        (out / f"{path.name}.rgb").write_bytes(np.array(image).tobytes())
    listed = []
    for index, (name, options, picture) in enumerate(cases()):
        processor = PROCESSORS[name](**options)
        pixels = processor(images=[str(out / picture)], return_tensors="np")["pixel_values"]
        if pixels.size > 50_000:  # every 29th value of a large one
            kept, step = pixels.reshape(-1)[::29], 29
        else:
            kept, step = pixels.reshape(-1), 1
        buffer = io.BytesIO()
        np.save(buffer, kept.astype(np.float32))
        (out / f"case_{index:02}.npy").write_bytes(buffer.getvalue())
        listed.append({"config": {"image_processor_type": f"{name}ImageProcessor", **options}, "picture": picture,
                       "shape": list(pixels.shape[1:]), "step": step, "golden": f"case_{index:02}.npy"})
    (out / "golden.json").write_text(json.dumps({"decoded": decoded, "cases": listed}, indent=1) + "\n")


if __name__ == "__main__":
    main()
