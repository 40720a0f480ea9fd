"""Each command on each built-in model, the reports against their schema, and the story each model tells."""
import json
import pathlib
import signal
import subprocess
import tempfile
import time
import unittest

import jsonschema
import numpy

from deadscope import PROGRAM, SOURCE, ZOO, read_safetensors, report, run, zoo_folder

SCHEMA = json.loads((SOURCE / "tests/golden/report.schema.json").read_text())
LANGUAGE = [name for name, model in ZOO.items() if model["input"] == "bytes"]


class Gamma(unittest.TestCase):
    def test_values_are_those_of_the_file(self):
        for name in ZOO:
            with self.subTest(name):
                tensors, _ = read_safetensors(zoo_folder(name) / "model.safetensors")
                answer = report("gamma", f"zoo:{name}")
                self.assertGreaterEqual(len(answer["norms"]), 2 * answer["model"]["layers"] + 1)
                for norm in answer["norms"]:
                    weight = next(n for n in tensors if n.removesuffix(".weight") == norm["name"] and n.endswith(".weight"))
                    stored = numpy.frombuffer(tensors[weight][2], dtype="<f2").astype(float)
                    self.assertEqual(norm["values"], stored.tolist())
                    self.assertEqual(norm["gamma"]["zeros"], int((stored == 0).sum()))
                    self.assertAlmostEqual(norm["gamma"]["l2"], float(numpy.linalg.norm(stored)), delta=1e-12 * norm["d"])

    def test_prediction_is_the_inverse_scale(self):
        answer = report("gamma", "zoo:gpt-layernorm")
        final = answer["norms"][-1]
        v = 1 / numpy.array(final["values"])
        v /= numpy.linalg.norm(v)
        self.assertAlmostEqual(abs(float(v @ numpy.array(answer["prediction"]["v"]))), 1.0, delta=1e-14)

    def test_a_folder_is_the_built_in_model(self):
        for name in ZOO:
            self.assertEqual(report("gamma", zoo_folder(name))["norms"], report("gamma", f"zoo:{name}")["norms"])


class Analyze(unittest.TestCase):
    def test_report_keeps_its_schema(self):
        for name in ZOO:
            with self.subTest(name):
                answer = report("analyze", f"zoo:{name}", "--random", 256, "--precision", "f64,f32", "--init", "trained,random")
                jsonschema.validate(answer, SCHEMA)
                self.assertEqual([(r["init"], r["precision"]) for r in answer["runs"]],
                                 [("trained", "f64"), ("trained", "f32"), ("random", "f64"), ("random", "f32")])
                self.assertEqual(answer["blocks"], answer["runs"][0]["blocks"])
                self.assertEqual(answer["lambda_v"], answer["runs"][0]["lambda_v"])

    def test_schema_refuses_a_wrong_report(self):  # the negative control
        answer = report("analyze", "zoo:gpt-planted", "--random", 160)
        for spoil in (lambda a: a["runs"][0].pop("lambda_v"), lambda a: a.update(schema="other"),
                      lambda a: a["blocks"][0].update(sigma_min="small")):
            wrong = json.loads(json.dumps(answer))
            spoil(wrong)
            with self.assertRaises(jsonschema.ValidationError):
                jsonschema.validate(wrong, SCHEMA)

    def test_layernorm_has_the_kernel_and_rmsnorm_has_not(self):
        answer = report("analyze", "zoo:gpt-layernorm", "--random", 512, "--init", "trained,random", "--precision", "f64,f32")
        for r in answer["runs"]:
            with self.subTest(init=r["init"], precision=r["precision"]):
                self.assertLess(r["lambda_v"], 10 * r["noise_floor"])
                self.assertGreaterEqual(r["alignment"], 0.9999)
        rms = report("analyze", "zoo:gpt-rmsnorm", "--random", 512, "--precision", "f64,f32")
        self.assertEqual(rms["prediction"]["kernel_dimension"], 0)
        for r in rms["runs"]:
            self.assertGreater(r["lambda_v"], 1e-4 * r["lambda_max"])
            self.assertGreater(r["lambda_v"], 1e6 * r["noise_floor"])

    def test_only_the_planted_block_is_flagged(self):
        for name in ZOO:
            for seed in (0, 1, 2):
                answer = report("analyze", f"zoo:{name}", "--random", 512, "--seed", seed)
                flagged = [b["index"] for b in answer["blocks"] if b["flag"]]
                planted = ZOO[name].get("planted_block")
                self.assertEqual(flagged, [planted["report_index"]] if planted else [], (name, seed))
                if planted:
                    self.assertLess(answer["blocks"][flagged[0]]["ratio"], 1 / 30)

    def test_same_seed_same_report(self):
        first, second, other = (report("analyze", "zoo:gpt-rmsnorm", "--random", 300, "--seed", s, "--init", "trained,random") for s in (5, 5, 6))
        for answer in (first, second, other):
            answer.pop("timing")
            for one in answer["runs"]:
                one.pop("timing")
        self.assertEqual(first, second)
        self.assertNotEqual(first["input"]["digest"], other["input"]["digest"])

    def test_too_few_tokens_is_no_error(self):
        answer = report("analyze", "zoo:gpt-layernorm", "--random", 100)
        self.assertIsNone(answer["alignment"])
        self.assertTrue(any("129" in warning for warning in answer["warnings"]), answer["warnings"])
        self.assertLess(answer["lambda_v"], 10 * answer["runs"][0]["noise_floor"])

    def test_snapshots(self):
        for name, model in ZOO.items():
            if len(model["steps"]) < 2:
                continue
            self.assertGreaterEqual(len(model["steps"]), 8)
            self.assertEqual(model["steps"][0], 0)
            first = report("analyze", f"zoo:{name}@{model['steps'][0]}", "--random", 256)
            both = report("analyze", f"zoo:{name}", "--random", 256, "--init", "random")
            self.assertEqual(first["runs"][0]["final"], both["runs"][0]["final"], "step 0 is the initialisation")
            run("gamma", f"zoo:{name}@7777777", status=1)

    def test_tokens_text_and_pixels(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            ids = numpy.random.default_rng(0).integers(0, 256, (4, 64))
            numpy.save(folder / "ids.npy", ids)
            answer = report("analyze", "zoo:gpt-layernorm", "--tokens", folder / "ids.npy")
            self.assertEqual((answer["input"]["tokens"], answer["input"]["sequences"]), (256, 4))
            (folder / "text.txt").write_text("The lamp is lit and the pages turn. " * 20)
            self.assertEqual(report("analyze", "zoo:gpt-layernorm", "--text", folder / "text.txt")["input"]["tokens"], 720)
            self.assertEqual(report("analyze", "zoo:gpt-layernorm", "--prompt", "Once")["input"]["tokens"], 4)
            config = json.loads((zoo_folder("vit-layernorm") / "config.json").read_text())
            shape = (3, config["num_channels"], config["image_size"], config["image_size"])
            numpy.save(folder / "pixels.npy", numpy.random.default_rng(1).normal(size=shape).astype("f4"))
            self.assertEqual(report("analyze", "zoo:vit-layernorm", "--pixels", folder / "pixels.npy")["input"]["sequences"], 3)

    def test_drawn_pictures(self):
        answer = report("analyze", "zoo:vit-layernorm", "--images", "builtin")
        self.assertEqual(answer["input"]["kind"], "images")
        self.assertGreater(answer["alignment"], 0.9999)
        self.assertNotEqual(answer["input"]["digest"],
                            report("analyze", "zoo:vit-layernorm", "--images", "builtin", "--seed", "1")["input"]["digest"])
        self.assertGreater(answer["timing"]["bytes_read"], 0)

    def test_summary_for_people(self):
        out, _ = run("analyze", "zoo:gpt-planted", "--random", 256)
        for word in ("σ_min", "λ_v", "noise floor", "▼"):
            self.assertIn(word, out)

    def test_without_a_display_the_built_in_models_are_read_in_the_terminal(self):
        out, _ = run("--random", 256)
        self.assertIn("No display", out)
        for name in ZOO:
            self.assertIn(name, out)


def numbers(dtype, shape, data):
    """A tensor as doubles."""
    if dtype == "BF16":
        return (numpy.frombuffer(data, "<u2").astype(numpy.uint32) << 16).view(numpy.float32).astype(numpy.float64).reshape(shape)
    return numpy.frombuffer(data, {"F64": "<f8", "F32": "<f4", "F16": "<f2"}[dtype]).astype(numpy.float64).reshape(shape)


class Activations(unittest.TestCase):
    def test_streams(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ZOO:
                exact = None  # the last stream in f64
                for precision, dtype, roundoff in (("f64", "F64", 2.0**-53), ("f32", "F32", 2.0**-24), ("bf16", "BF16", 2.0**-8),
                                                   ("f16", "F16", 2.0**-11)):
                    out = pathlib.Path(folder) / f"{name}-{precision}.safetensors"
                    run("activations", f"zoo:{name}", "--random", 130, "--precision", precision, "--out", out)
                    tensors, _ = read_safetensors(out)
                    layers = report("gamma", f"zoo:{name}")["model"]["layers"]
                    names = {"blocks.0.hook_resid_pre", "ln_final.hook_normalized", *(f"blocks.{i}.hook_resid_post" for i in range(layers))}
                    self.assertEqual(names | ({"logits", "tokens"} if name in LANGUAGE else set()), set(tensors))
                    if name in LANGUAGE:
                        self.assertEqual(tensors.pop("tokens")[:2], ("I32", [130]))
                    self.assertEqual({t[0] for t in tensors.values()}, {dtype})
                    self.assertEqual(len({tuple(t[1]) for n, t in tensors.items() if n != "logits"}), 1)
                    stream = numbers(*tensors[f"blocks.{layers - 1}.hook_resid_post"])
                    exact = stream if exact is None else exact
                    # Some forty operations each rounded once, errors adding up by their squares at worst linearly.
                    self.assertLess(numpy.linalg.norm(stream - exact), 40 * roundoff * numpy.linalg.norm(exact) + 1e-300, precision)
                    self.assertEqual([p.name for p in pathlib.Path(folder).glob("*.part*")], [])

    def test_the_report_beside_the_streams(self):
        """Of what, by what and with which input they were made: analyze's report of the same, without its runs."""
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder) / "streams.safetensors"
            written = report("activations", "zoo:gpt-layernorm", "--random", 130, "--out", out)
            jsonschema.validate(written, SCHEMA)
            whole = report("analyze", "zoo:gpt-layernorm", "--random", 130)
            self.assertEqual((written["runs"], written["blocks"], written["lambda_v"]), ([], [], None))
            self.assertEqual(written["program"]["precision"], "f32")
            self.assertGreater(written["timing"]["forward_s"], 0)
            for key in ("model", "input", "norms", "prediction"):
                self.assertEqual(written[key], whole[key], key)

    def test_singular_values_are_those_of_the_streams(self):
        """The report against NumPy's SVD of the very streams that `activations` wrote; 1e-10 of σ_max is 1e6 roundings of f64."""
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder) / "a.safetensors"
            run("activations", "zoo:gpt-layernorm", "--random", 512, "--precision", "f64", "--out", out)
            tensors, _ = read_safetensors(out)
            answer = report("analyze", "zoo:gpt-layernorm", "--random", 512, "--precision", "f64")
            stream = lambda n: numpy.frombuffer(tensors[n][2]).reshape(tensors[n][1])
            names = ["blocks.0.hook_resid_pre"] + [f"blocks.{i}.hook_resid_post" for i in range(answer["model"]["layers"])]
            for block, name in zip(answer["blocks"], names, strict=True):
                x = stream(name)
                for suffix, matrix in (("", x), ("_centred", x - x.mean(0))):
                    s = numpy.linalg.svd(matrix / len(x) ** 0.5, compute_uv=False)
                    self.assertAlmostEqual(block["sigma_max" + suffix], s[0], delta=1e-10 * s[0])
                    self.assertAlmostEqual(block["sigma_min" + suffix], s[-1], delta=1e-10 * s[0])
            y = stream("ln_final.hook_normalized")
            s, vt = numpy.linalg.svd((y - y.mean(0)) / len(y) ** 0.5, full_matrices=False)[1:]
            numpy.testing.assert_allclose(answer["final"]["singular_values"], s, atol=1e-10 * s[0])
            self.assertAlmostEqual(abs(float(numpy.dot(vt[-1], answer["final"]["bottom"]))), 1.0, delta=1e-9)


class Manners(unittest.TestCase):
    def test_doctor(self):
        answer = report("doctor")
        self.assertTrue(any(c["name"] == "BLAS" and c["works"] for c in answer["checks"]))
        self.assertIn("OpenBLAS", run("doctor")[0])

    def test_nothing_graphical_is_loaded(self):
        """The dynamic linker's own account of what a command loads."""
        for arguments in (["analyze", "zoo:gpt-planted", "--random", "160"], ["gamma", "zoo:vit-layernorm"]):
            done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, env={"LD_DEBUG": "files", "PATH": "/usr/bin:/bin"})
            self.assertEqual(done.returncode, 0)
            self.assertIn("libc.so", done.stderr)  # the account is there
            for library in ("libGL", "libEGL", "libX11", "libOSMesa", "libwayland"):
                self.assertNotIn(library, done.stderr)

    def test_interrupt_leaves_nothing(self):
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder) / "a.safetensors"
            process = subprocess.Popen([PROGRAM, "activations", "zoo:gpt-layernorm", "--random", "400000", "--precision", "f64", "--out", out])
            time.sleep(1.5)
            self.assertIsNone(process.poll(), "the pass must still be at work")
            process.send_signal(signal.SIGINT)
            begin = time.monotonic()
            self.assertEqual(process.wait(timeout=60), 130)
            self.assertLess(time.monotonic() - begin, 30)
            self.assertEqual(list(pathlib.Path(folder).iterdir()), [])

    def test_threads_are_bounded(self):
        """One thread and two give the same numbers (to rounding: the order of no sum depends on it), and one uses one core."""
        one, two = (report("analyze", "zoo:gpt-layernorm", "--random", 400, "--threads", n) for n in (1, 2))
        self.assertEqual((one["program"]["threads"], two["program"]["threads"]), (1, 2))
        for a, b in zip(one["blocks"], two["blocks"]):
            self.assertAlmostEqual(a["sigma_min"], b["sigma_min"], delta=1e-6 * b["sigma_max"])
        run("analyze", "zoo:gpt-layernorm", "--threads", "-1", status=2)
        run("analyze", "zoo:gpt-layernorm", "--threads", "many", status=2)

    def test_usage(self):
        for arguments in (["analyze"], ["gamma", "zoo:gpt-planted", "--wrong"], ["compare", "a", "b"],
                          ["analyze", "zoo:gpt-planted", "--precision", "f65"], ["analyze", "zoo:gpt-planted", "--random", "0"],
                          ["analyze", "zoo:gpt-planted", "--random", "256", "--prompt", "a"], ["analyze", "zoo:gpt-planted", "--memory", "lots"],
                          ["zoo:gpt-planted", "zoo:gpt-layernorm", "--json", "out.json"],
                          ["activations", "zoo:gpt-planted", "--out", "out.json", "--json", "./out.json"],
                          ["analyze", "zoo:gpt-planted", "--device", "cuda:x"]):
            with self.subTest(arguments):
                run(*arguments, status=2)


if __name__ == "__main__":
    unittest.main()
