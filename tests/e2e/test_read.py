"""`deadscope read`: activations without their model, against NumPy and against the model's own reading."""
import json
import pathlib
import tempfile
import unittest

import jsonschema
import numpy

from deadscope import SOURCE, report, run, write_safetensors

SCHEMA = json.loads((SOURCE / "tests/golden/report.schema.json").read_text())
N, D = 400, 24


def bf16(x):
    """x rounded to bfloat16, to nearest even, as the two upper bytes."""
    bits = x.astype("<f4").view("<u4")
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2")


class Read(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self.temporary.name)
        random = numpy.random.default_rng(7)
        x = random.standard_normal((N, D)) + 0.5
        self.x = x
        self.gamma = random.uniform(0.5, 2, D) * random.choice([-1, 1], D)
        self.beta = random.standard_normal(D)
        centred = x - x.mean(1, keepdims=True)
        self.layer = centred / numpy.sqrt((centred**2).mean(1, keepdims=True) + 1e-5) * self.gamma + self.beta
        self.rms = x / numpy.sqrt((x**2).mean(1, keepdims=True)) * self.gamma
        numpy.save(self.folder / "gamma.npy", self.gamma)

    def tearDown(self):
        self.temporary.cleanup()

    def save(self, name, array):
        numpy.save(self.folder / name, array)
        return self.folder / name

    def read(self, file, *arguments, gamma=None):
        answer = report("read", file, "--gamma", gamma or self.folder / "gamma.npy", *arguments)
        jsonschema.validate(answer, SCHEMA)
        return answer

    def refused(self, file, *arguments, gamma=None, status=1):
        return run("read", file, "--gamma", gamma or self.folder / "gamma.npy", *arguments, status=status)[1]

    def check(self, answer, y, precision):
        """Against the SVD of the same rows; σ to 1e-12 of the largest."""
        y = y.astype(float)
        sigma = numpy.linalg.svd((y - y.mean(0)) / numpy.sqrt(len(y)), compute_uv=False)
        first = answer["runs"][0]
        numpy.testing.assert_allclose(answer["final"]["singular_values"], sigma, rtol=0, atol=1e-12 * sigma[0])
        v = 1 / self.gamma.astype(numpy.longdouble)  # λ_v is rounding: measured without adding any
        v /= numpy.sqrt((v * v).sum())
        projected = (y - y.astype(v.dtype).mean(0)) @ v
        self.assertAlmostEqual(answer["lambda_v"] / float((projected**2).mean()), 1, delta=1e-3 if precision == "f64" else 1e-9)
        v = v.astype(float)
        self.assertAlmostEqual(abs(numpy.dot(first["prediction"]["v"], v)), 1, delta=1e-12)
        self.assertEqual((first["precision"], first["tokens"], first["blocks"]), (precision, len(y), []))
        u = {"f64": 2.0**-53, "f32": 2.0**-24, "f16": 2.0**-11, "bf16": 2.0**-8}[precision]
        self.assertAlmostEqual(first["noise_floor_parts"]["output_rounding"] / (u * u / 3 * (v**2 * (y**2).mean(0)).sum()), 1, delta=1e-9)

    def test_layer_norm_in_every_precision(self):
        tensors = {}
        for precision, numpy_type in (("f64", "<f8"), ("f32", "<f4"), ("f16", "<f2")):
            with self.subTest(precision):
                y = self.layer.astype(numpy_type)
                # NumPy's mean is rounded too: in f64, that shows, and the norm's input tells how much it is.
                answer = self.read(self.save(f"{precision}.npy", y), *(("--input", self.save("x.npy", self.x)) if precision == "f64" else ()))
                self.check(answer, y, precision)
                self.assertEqual(answer["runs"][0]["verdict"], "kernel")
                self.assertGreater(answer["alignment"], 0.9999)
                self.assertEqual(answer["runs"][0]["dead_directions"], 1)
                self.assertEqual(answer["norm"], {"kind": "LayerNorm", "declared": None, "from_parameters": None,
                                                  "from_activations": "LayerNorm", "final": str(self.folder / "gamma.npy")})
                tensors[precision.upper()] = (precision.upper(), [N, D], y.tobytes())
        rounded = bf16(self.layer)
        tensors["BF16"] = ("BF16", [N, D], rounded.tobytes())
        write_safetensors(self.folder / "all.safetensors", tensors)
        widened = (rounded.astype("<u4") << 16).view("<f4")
        answer = self.read(self.folder / "all.safetensors", "--tensor", "BF16")
        self.check(answer, widened, "bf16")
        self.assertIn("F64, F32, F16, BF16", self.refused(self.folder / "all.safetensors"))
        # Arithmetic coarser than the file: the person says so, and the floor follows.
        coarse = self.save("widened.npy", widened)
        self.assertEqual(self.read(coarse)["runs"][0]["verdict"], "no kernel")
        self.check(self.read(coarse, "--precision", "bf16"), widened, "bf16")

    def test_rms_norm_has_none(self):
        answer = self.read(self.save("y.npy", self.rms), "--kind", "rms_norm")
        self.check(answer, self.rms, "f64")
        self.assertEqual(answer["runs"][0]["verdict"], "no kernel")
        self.assertEqual(answer["norm"]["declared"], "RMSNorm")
        self.assertEqual(answer["norm"]["from_activations"], "RMSNorm")
        self.assertEqual(answer["runs"][0]["prediction"]["kernel_dimension"], 0)
        self.assertEqual(self.read(self.folder / "y.npy")["norm"]["kind"], "RMSNorm")  # said by nobody: measured

    def test_archives_batches_and_names(self):
        y = self.layer.astype("<f4")
        expected = self.read(self.save("y.npy", y))
        for save in (numpy.savez, numpy.savez_compressed):
            save(self.folder / "all.npz", other=self.beta, y=y, gamma=self.gamma.reshape(1, D), beta=self.beta)
            answer = self.read(self.folder / "all.npz", "--tensor", "y", "--beta", f"{self.folder}/all.npz:beta", gamma=f"{self.folder}/all.npz:gamma")
            self.assertEqual(answer["final"], expected["final"])
            self.assertEqual(answer["input"], expected["input"])
            self.assertAlmostEqual(answer["norms"][0]["beta"]["l2"], numpy.linalg.norm(self.beta), delta=1e-12)
            self.assertIn("exactly one", self.refused(self.folder / "all.npz", gamma=self.folder / "all.npz"))
            self.assertIn("gamma", self.refused(self.folder / "all.npz", "--tensor", "z"))
        answer = self.read(self.save("batch.npy", y.reshape(8, N // 8, D)))
        self.assertEqual(answer["final"], expected["final"])
        self.assertEqual((answer["input"]["tokens"], answer["input"]["sequences"]), (N, 8))
        write_safetensors(self.folder / "g.safetensors", {"g": ("F64", [D], self.gamma.tobytes()), "h": ("F64", [D], self.gamma.tobytes())})
        self.assertEqual(self.read(self.folder / "y.npy", gamma=f"{self.folder}/g.safetensors:g")["final"], expected["final"])
        self.assertIn("g, h", self.refused(self.folder / "y.npy", gamma=self.folder / "g.safetensors"))

    def test_few_rows(self):
        answer = self.read(self.save("few.npy", self.layer[:D]))
        self.assertIsNone(answer["alignment"])
        self.assertIn("Too few tokens", answer["warnings"][0])

    def test_the_model_itself_says_the_same(self):
        for name in ("gpt-layernorm", "gpt-rmsnorm"):
            model, out = f"zoo:{name}", self.folder / f"{name}.safetensors"
            run("activations", model, "--random", 300, "--out", out)
            whole = report("analyze", model, "--random", 300)
            final, last = whole["norm"]["final"], len(whole["blocks"]) - 2
            for gamma in (f"{model}:{final}", model):
                answer = self.read(out, "--tensor", "ln_final.hook_normalized",
                                   "--input", f"{out}:blocks.{last}.hook_resid_post", gamma=gamma)
                for key in ("alignment", "lambda_v", "lambda_min", "lambda_max", "final"):
                    self.assertEqual(answer[key], whole[key], (name, key))
                for key in ("noise_floor", "noise_floor_parts", "mean_over_spread", "dead_directions", "verdict", "prediction"):
                    self.assertEqual(answer["runs"][0][key], whole["runs"][0][key], (name, key))
                self.assertEqual(answer["norm"], {**whole["norm"], "final": final})
            self.assertIn(final, self.refused(out, "--tensor", "ln_final.hook_normalized", gamma=f"{model}:ln_nothing"))

    def test_what_is_refused(self):
        good = self.save("y.npy", self.layer)
        self.assertIn("one for each channel", self.refused(self.save("narrow.npy", self.layer[:, :9])))
        self.assertIn("rows of activations", self.refused(self.save("flat.npy", self.layer[0])))
        self.assertIn("floating", self.refused(self.save("whole.npy", numpy.ones((N, D), "<i8"))))
        broken = self.layer.copy()
        broken[301, 5] = numpy.nan
        self.assertIn("row 301, channel 5", self.refused(self.save("nan.npy", broken)))
        numpy.savez_compressed(self.folder / "nan.npz", y=broken)
        self.assertIn("row 301, channel 5", self.refused(self.folder / "nan.npz"))
        self.assertIn("Fortran", self.refused(self.save("fortran.npy", numpy.asfortranarray(self.layer))))
        numpy.save(self.folder / "objects.npy", numpy.array([[{}]], dtype=object), allow_pickle=True)
        self.assertIn("dtype", self.refused(self.folder / "objects.npy"))
        self.assertIn("not finite", self.refused(good, gamma=self.save("bad.npy", self.gamma * numpy.inf)).replace("not a finite", "not finite"))
        self.assertIn("no such file", self.refused(good, gamma=self.folder / "nowhere.npy"))
        self.assertIn("one shape", self.refused(good, "--input", self.save("short.npy", self.x[:-1])))
        self.refused(good, "--json", good, status=2)
        self.refused(good, "--json", self.folder / "gamma.npy", status=2)
        self.refused(good, "--precision", "f8", status=2)
        run("read", good, status=2)  # without γ there is no prediction to hold anything to
        for name in ("y.npy", "all.npz"):
            numpy.savez_compressed(self.folder / "all.npz", y=self.layer)
            data = (self.folder / name).read_bytes()
            for cut in range(0, len(data), 997):
                (self.folder / f"cut-{name}").write_bytes(data[:cut])
                self.refused(self.folder / f"cut-{name}")

    def test_the_summary_is_for_people(self):
        out, _ = run("read", self.save("y.npy", self.layer.astype("<f4")), "--gamma", self.folder / "gamma.npy")
        self.assertIn("The kernel is there", out)
        self.assertNotIn("Residual stream", out)


if __name__ == "__main__":
    unittest.main()
