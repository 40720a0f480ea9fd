"""What is wrong with a checkpoint or an input is said: exit status 1, a message that names the file and the tensor
or key, nothing on stdout, no crash. Every case spoils a copy of a built-in model that works."""
import json
import os
import pathlib
import shutil
import struct
import tempfile
import unittest

import numpy

from deadscope import read_safetensors, report, run, write_safetensors, zoo_folder

NORM = "model.norm.weight"
DOWN = "model.layers.2.mlp.down_proj.weight"


class BadInput(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.addCleanup(self.temporary.cleanup)
        self.folder = pathlib.Path(self.temporary.name) / "spoiled"
        shutil.copytree(zoo_folder("gpt-layernorm"), self.folder)
        for file in self.folder.iterdir():
            file.chmod(0o644)
        self.weights = self.folder / "model.safetensors"
        self.config = self.folder / "config.json"

    def refused(self, *words, command="analyze", status=1, arguments=()):
        _, err = run(command, self.folder, *(("--random", 160) if command == "analyze" and not arguments else ()), *arguments, status=status)
        for word in words:
            self.assertIn(str(word), err)
        return err

    def edit_tensors(self, change):
        tensors, _ = read_safetensors(self.weights)
        change(tensors)
        write_safetensors(self.weights, tensors)

    def edit_header(self, change):
        data = self.weights.read_bytes()
        (length,) = struct.unpack("<Q", data[:8])
        header = json.loads(data[8:8 + length])
        change(header)
        text = json.dumps(header).encode()
        self.weights.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length:])

    def edit_config(self, change):
        config = json.loads(self.config.read_text())
        change(config)
        self.config.write_text(json.dumps(config))

    def test_the_unspoiled_copy_works(self):  # the control of every case below
        self.edit_tensors(lambda t: None)
        self.edit_config(lambda c: None)
        self.assertIsNotNone(report("analyze", self.folder, "--random", 160)["alignment"])

    # --- files ---
    def test_truncated(self):
        whole = self.weights.read_bytes()
        for keep in (0, 4, 8, 100, len(whole) // 2, len(whole) - 1):
            with self.subTest(keep):
                self.weights.write_bytes(whole[:keep])
                self.refused("model.safetensors")
                self.refused("model.safetensors", command="gamma")

    def test_bytes_after_the_end(self):
        with self.weights.open("ab") as f:
            f.write(b"more")
        self.refused("model.safetensors")

    def test_header_is_no_json_or_too_long(self):
        data = self.weights.read_bytes()
        self.weights.write_bytes(data[:8] + b"[" + data[9:])
        self.refused("model.safetensors")
        self.weights.write_bytes(struct.pack("<Q", 1 << 62) + data[8:])
        self.refused("model.safetensors")

    def test_git_lfs_pointer(self):
        self.weights.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 12345\n")
        self.refused("model.safetensors", "LFS")

    def test_not_a_regular_file(self):
        self.weights.unlink()
        os.mkfifo(self.weights)
        self.refused("model.safetensors")
        self.weights.unlink()
        self.weights.mkdir()
        self.refused("model.safetensors")

    def test_nothing_there(self):
        run("analyze", self.folder / "nowhere", status=1)
        run("analyze", "zoo:unknown", status=1)
        run("gamma", "no-such-organisation/no-such-model", status=1)
        self.weights.unlink()
        self.refused(self.folder)

    # --- the header's account of tensors ---
    def test_overlapping(self):
        def overlap(h):
            start, end = h[NORM]["data_offsets"]
            h[NORM]["data_offsets"] = [start - 2, end - 2]
        self.edit_header(overlap)
        self.refused("model.safetensors", "model.")

    def test_out_of_range(self):
        def beyond(h):
            start, end = h[NORM]["data_offsets"]
            h[NORM]["data_offsets"] = [start + (1 << 40), end + (1 << 40)]
        self.edit_header(beyond)
        self.refused("model.safetensors", NORM)

    def test_offsets_backwards_negative_or_huge(self):
        original = self.weights.read_bytes()
        for offsets in ([256, 0], [-256, 0], [0, 1 << 63], [0.5, 256.5], ["0", "256"]):
            with self.subTest(offsets):
                self.weights.write_bytes(original)
                self.edit_header(lambda h: h[NORM].update(data_offsets=offsets))
                self.refused("model.safetensors", NORM)

    def test_shape_does_not_fit_its_bytes(self):
        for shape in ([127], [1 << 40, 1 << 40], [-128], "128", [64.0, 2]):
            with self.subTest(shape):
                self.edit_header(lambda h: h[NORM].update(shape=shape))
                self.refused("model.safetensors", NORM)

    def test_dtype_unknown_or_of_another_size(self):
        for dtype in ("F64", "F13", 16):
            with self.subTest(dtype):
                self.edit_header(lambda h: h[NORM].update(dtype=dtype))
                self.refused("model.safetensors", NORM)

    def test_duplicate_tensor(self):
        data = self.weights.read_bytes()
        (length,) = struct.unpack("<Q", data[:8])
        text = data[8:8 + length].rstrip()
        entry = json.dumps({NORM: json.loads(text)[NORM]})[1:-1].encode()
        text = text[:-1] + b"," + entry + b"}"
        self.weights.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length:])
        self.refused("model.safetensors", NORM)

    # --- tensors against the configuration ---
    def test_wrong_shape(self):
        def transpose(t):
            dtype, shape, data = t["model.embed_tokens.weight"]
            t["model.embed_tokens.weight"] = (dtype, shape[::-1], data)
        self.edit_tensors(transpose)
        self.refused("model.safetensors", "model.embed_tokens.weight", "[128, 256]", "[256, 128]")

    def test_wrong_dtype(self):
        self.edit_tensors(lambda t: t.update({DOWN: ("I16", t[DOWN][1], t[DOWN][2])}))
        self.refused("model.safetensors", DOWN, "I16")

    def test_missing_norm_or_block(self):
        self.edit_tensors(lambda t: t.pop(NORM))
        self.refused(NORM)
        self.edit_tensors(lambda t: [t.pop(n) for n in list(t) if n.startswith("model.layers.3.")])
        self.refused("model.layers.3.")

    def test_not_finite(self):
        for value, name in ((float("nan"), DOWN), (float("inf"), DOWN), (float("-inf"), NORM)):
            with self.subTest(value=value, name=name):
                original = self.weights.read_bytes()
                def spoil(t):
                    values = numpy.frombuffer(t[name][2], "<f2").copy()
                    values[77] = value
                    t[name] = (t[name][0], t[name][1], values.tobytes())
                self.edit_tensors(spoil)
                self.refused("model.safetensors", name)
                if name == NORM:  # γ alone still reads, with null and a warning
                    answer = report("gamma", self.folder)
                    self.assertIsNone(answer["norms"][-1]["values"][77])
                    self.assertTrue(answer["warnings"])
                self.weights.write_bytes(original)

    # --- configuration ---
    def test_missing_and_malformed_config(self):
        whole = self.config.read_text()
        for text in (whole[:len(whole) // 2], "", "[]", "3", whole.replace("{", '{"hidden_size": 128, ', 1), "\xff" + whole, "[" * 100000):
            with self.subTest(text[:20]):
                self.config.write_text(text, encoding="latin-1")
                self.refused("config.json")
        self.config.unlink()
        self.refused("config.json")

    def test_keys(self):
        cases = {"hidden_size": (None, "128", -128, 0, 127, 128.5, 1 << 40, float("inf")), "num_hidden_layers": (None, 5, 0, -1, 1 << 30),
                 "num_attention_heads": (None, 3, 0), "vocab_size": (255, 257), "model_type": (None, 7), "layer_norm_eps": ("small", -1.0, float("nan")),
                 "hidden_act": ("unheard-of",)}
        original = self.config.read_text()
        for key, values in cases.items():
            for value in values:
                with self.subTest(key=key, value=value):
                    self.config.write_text(original)
                    self.edit_config(lambda c: c.pop(key, None) if value is None else c.update({key: value}))
                    if key == "layer_norm_eps" and value is None:
                        continue
                    self.refused()

    def test_unknown_family_is_named_and_gamma_still_reads(self):
        self.edit_config(lambda c: c.update(model_type="hyena9"))
        self.refused("hyena9", "known ones, such as", "bert", "gamma")
        self.assertGreaterEqual(len(report("gamma", self.folder)["norms"]), 9)

    def test_unused_infinity_is_tolerated(self):
        self.edit_config(lambda c: c.update(something_unused=float("inf"), other=float("nan")))
        report("analyze", self.folder, "--random", 160)

    # --- shards ---
    def shard(self, weight_map, files):
        tensors, _ = read_safetensors(self.weights)
        self.weights.unlink()
        for file, names in files.items():
            write_safetensors(self.folder / file, {n: tensors[n] for n in names(tensors)})
        (self.folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map(tensors)}))

    def test_shards(self):
        a, b = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
        first = lambda t: sorted(t)[:20]
        second = lambda t: sorted(t)[20:]
        good = lambda t: {**{n: a for n in first(t)}, **{n: b for n in second(t)}}
        before = report("gamma", self.folder)["norms"]
        self.shard(good, {a: first, b: second})
        self.assertEqual(report("gamma", self.folder)["norms"], before)
        report("analyze", self.folder / "model.safetensors.index.json", "--random", 160)
        index = self.folder / "model.safetensors.index.json"
        whole = json.loads(index.read_text())
        for name in ("../outside.safetensors", "/etc/passwd", "sub/a.safetensors", "", "missing.safetensors", 5):
            with self.subTest(name):
                index.write_text(json.dumps({"weight_map": {**whole["weight_map"], NORM: name}}))
                self.refused("index.json")
        os.rename(self.folder / b, self.folder.parent / b)
        os.symlink(self.folder.parent / b, self.folder / b)
        index.write_text(json.dumps(whole))
        self.refused(b)

    # --- inputs ---
    def test_tokens(self):
        file = self.folder / "ids.npy"
        cases = {"range": numpy.full((2, 90), 256), "negative": numpy.full((2, 90), -1), "long": numpy.zeros((1, 129), "i8"), "float": numpy.zeros((2, 90)),
                 "rank": numpy.zeros((2, 2, 90), "i8"), "empty": numpy.zeros((0,), "i8")}
        for name, ids in cases.items():
            with self.subTest(name):
                numpy.save(file, ids)
                self.refused("ids.npy", arguments=("--tokens", file))
        file.write_bytes(b"\x93NUMPY\x01\x00\xff\xff{}")
        self.refused("ids.npy", arguments=("--tokens", file))
        self.refused("none.npy", arguments=("--tokens", self.folder / "none.npy"))

    def test_pixels_do_not_fit(self):
        numpy.save(self.folder / "p.npy", numpy.zeros((1, 1, 9, 9), "f4"))
        run("analyze", "zoo:vit-layernorm", "--pixels", self.folder / "p.npy", status=1)
        run("analyze", "zoo:gpt-layernorm", "--pixels", self.folder / "p.npy", status=2)  # a use that cannot be
        run("analyze", "zoo:vit-layernorm", "--prompt", "text", status=2)

    # --- names with any bytes ---
    def test_names_with_any_bytes(self):
        odd = os.fsencode(self.folder.parent) + b"/caf\xe9 \x1b[31m\n"
        os.rename(self.folder, odd)
        json.loads(run("gamma", os.fsdecode(odd), "--json", "-")[0])
        os.unlink(odd + b"/config.json")
        _, err = run("analyze", os.fsdecode(odd), status=1)
        self.assertNotIn("\x1b", err)

    def test_output_over_input(self):
        before = self.weights.read_bytes()
        self.refused(arguments=("--random", 160, "--json", self.weights), status=2)
        self.refused(command="activations", arguments=("--random", 160, "--out", self.weights), status=2)
        self.assertEqual(self.weights.read_bytes(), before)
        for name in ("vocab.txt", "tokenizer.json", "preprocessor_config.json"):  # read with the weights
            companion = self.folder / name
            companion.write_text("{}")
            self.refused(command="activations", arguments=("--random", 160, "--out", companion), status=2)
            self.assertEqual(companion.read_text(), "{}")
        rows = self.folder.parent / "rows.npy"
        numpy.save(rows, numpy.zeros((4, 128), "f4"))
        out, err = run("read", rows, "--gamma", f"{self.folder}:{NORM.removesuffix('.weight')}", "--json", self.weights, status=2)
        self.assertIn("overwrite", err)
        self.assertEqual(self.weights.read_bytes(), before)


if __name__ == "__main__":
    unittest.main()
