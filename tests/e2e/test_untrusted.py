"""What a hostile user would try against the program: every command, every file's place, every output (interface.md, "What
untrusted input meets"; the table in tests/README.md says which sentence is held where)."""
import json
import os
import pathlib
import resource
import shutil
import struct
import subprocess
import tempfile
import unittest
import zipfile

import numpy

from deadscope import PROGRAM, read_safetensors, report, run, write_safetensors, zoo_folder

NORM = "model.norm.weight"
DOWN = "model.layers.2.mlp.down_proj.weight"
NASTY = "\x1b[31m" + "\n" * 8 + "x" * 3000  # colours, lines and length that no message may pass on


def gguf(path, norm=numpy.ones(8, "f4"), strings=(), unused=0):
    """A GGUF file of one norm, of strings of any bytes, and of `unused` bytes of a tensor that lie in a hole of the disk."""
    text = lambda b: struct.pack("<Q", len(b)) + b
    tensors = [(b"output_norm.weight", len(norm))] + ([(b"unused", unused // 4)] if unused else [])
    out = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(strings))
    out += b"".join(text(key) + struct.pack("<I", 8) + text(value) for key, value in strings)
    offset = 0
    for name, count in tensors:
        out += text(name) + struct.pack("<IQIQ", 1, count, 0, offset)
        offset += 4 * count + (-4 * count) % 32
    out += b"\0" * (-len(out) % 32)
    with path.open("wb") as file:
        file.write(out + norm.astype("<f4").tobytes())
        file.truncate(len(out) + offset)


def torch_zip(path, tensors):
    """The zip that torch.save writes of {name: float32 array}, without PyTorch."""
    pickle = b"\x80\x02}("
    text = lambda s: b"X" + struct.pack("<I", len(s.encode())) + s.encode()
    number = lambda n: b"J" + struct.pack("<i", n)
    for key, (name, value) in enumerate(tensors.items()):
        pickle += text(name) + b"ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + b"ctorch\nFloatStorage\n" + text(str(key))
        pickle += text("cpu") + number(value.size) + b"tQ" + number(0) + b"(" + b"".join(map(number, value.shape)) + b"t("
        pickle += b"".join(number(stride // 4) for stride in value.strides) + b"t\x89}tR"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle + b"u.")
        for key, value in enumerate(tensors.values()):
            archive.writestr(f"archive/data/{key}", value.astype("<f4").tobytes())


def vast_pickle(path, pickle, size):
    """A zip whose data.pkl is said to be `size` bytes long and is a hole in the disk behind its first ones (zip64)."""
    name, field = b"archive/data.pkl", struct.pack("<HHQQ", 1, 16, size, size)
    common = (0, 0, 0, 0, 0, 0xFFFFFFFF, 0xFFFFFFFF, len(name), len(field))
    local = struct.pack("<4sH4H3I2H", b"PK\3\4", 45, *common) + name + field
    central = struct.pack("<4sHH4H3I5H2I", b"PK\1\2", 45, 45, *common, 0, 0, 0, 0, 0) + name + field
    begin = len(local) + size
    end = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, len(central), begin)
    end += struct.pack("<4sIQI", b"PK\6\7", 0, begin + len(central), 1) + struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 1, 1, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    with path.open("wb") as file:
        file.write(local + pickle)
        file.seek(begin)
        file.write(central + end)


def flip_byte_of(path, entry):
    """Turns one bit of a stored entry's bytes, and leaves every header as it was."""
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo(entry)
    data = bytearray(path.read_bytes())
    name, extra = struct.unpack("<HH", data[info.header_offset + 26:info.header_offset + 30])
    data[info.header_offset + 30 + name + extra + info.file_size - 3] ^= 1
    path.write_bytes(data)


class Untrusted(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)

    def copy(self, name="gpt-layernorm"):
        copy = self.folder / name
        shutil.copytree(zoo_folder(name), copy)
        for file in copy.iterdir():
            file.chmod(0o644)
        return copy

    def refused(self, *arguments, status=1, words=()):
        """Refused in one to five bounded lines of UTF-8 without control characters, and in words of its own."""
        _, err = run(*arguments, status=status, timeout=60)
        self.assertLess(len(err), 1300)
        self.assertTrue(err.startswith("deadscope: "), err)
        self.assertFalse([c for c in err if (ord(c) < 32 and c != "\n") or 127 <= ord(c) < 160], err)
        self.assertNotIn("unexpected error", err)
        for word in words:
            self.assertIn(str(word), err)
        return err

    def widened(self, folder):
        """The tensors of a built-in model as float32 arrays."""
        tensors, _ = read_safetensors(folder / "model.safetensors")
        return {name: numpy.frombuffer(data, "<f2").reshape(shape).astype("f4") for name, (_, shape, data) in tensors.items()}


class Messages(Untrusted):
    def test_wrong_use_of_every_command(self):
        model = self.copy()
        for arguments in ((f"--{NASTY}",), ("gamma",), ("gamma", model, NASTY, "more"), ("analyze", model, "--random", NASTY), ("activations", model),
                          ("analyze", model, "--precision", NASTY), ("analyze", model, "--init", NASTY), ("analyze", model, "--device", NASTY),
                          ("analyze", model, "--memory", NASTY), ("analyze", model, "--tau", NASTY), ("snapshot", "--theme", NASTY, "--out", "x.png"),
                          ("snapshot", "--panel", NASTY, "--out", "x.png"), ("snapshot", "--size", NASTY, "--out", "x.png"), ("fetch", NASTY),
                          ("read", "x", "--gamma", "y", "--kind", NASTY), ("read", "x"), ("doctor", NASTY), ("analyze", model, "--random", b"\xff\xfe"),
                          ("analyze", model, "--text", "a", "--prompt", "b"), ("gamma", model, "--json", ""), ("analyze", model, "--tokens", ""),
                          ("activations", model, "--out", "")):
            with self.subTest(arguments):
                clean = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
                done = subprocess.run([PROGRAM, *arguments], capture_output=True, env=clean, stdin=subprocess.DEVNULL, timeout=60)
                err = done.stderr.decode()
                self.assertEqual((done.returncode, done.stdout), (2, b""), err)
                self.assertLessEqual(len(err.strip().splitlines()), 5)
                self.assertLess(len(err), 1300)
                self.assertFalse([c for c in err if ord(c) < 32 and c != "\n"], err)

    def test_a_name_that_is_nothing(self):
        for command in ("gamma", "analyze"):
            self.refused(command, NASTY.replace("x" * 3000, ""), words=["\\x1b[31m"])
            self.refused(command, "y" * 100000)
        self.refused("")  # the explorer, without a display
        self.refused("zoo:gpt-layernorm", self.folder / "nowhere")  # and with a model before it that opens

    def test_names_and_texts_in_files(self):
        file = self.folder / "m.gguf"
        gguf(file, strings=[(b"general.architecture", b"\xff\x1b[31m" + b"\n" * 8 + b"y" * 900)])
        answer = report("gamma", file)  # valid JSON, whatever the bytes
        self.assertIn("\ufffd", answer["model"]["architecture"])
        self.refused("analyze", file, words=["model_type"])
        gguf(file, strings=[(NASTY.encode(), b"")] * 2)
        self.refused("gamma", file, words=["twice", "\\x1b[31m"])
        model = self.copy()
        config = json.loads((model / "config.json").read_text())
        for key in ("model_type", "hidden_act"):
            (model / "config.json").write_text(json.dumps({**config, key: NASTY}))
            self.refused("analyze", model, words=["config.json", key])
        (model / "config.json").write_text(json.dumps(config))
        for tokenizer in ({"model": {"type": NASTY}}, {"model": {"type": "BPE", "vocab": {NASTY: -1}, "merges": []}},
                          {"model": {"type": "BPE", "vocab": {"a": 0}, "merges": [NASTY + " b"]}},
                          {"model": {"type": "WordPiece", "vocab": {"a": 0}, "unk_token": NASTY}},
                          {"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}, "normalizer": {"type": NASTY}},
                          {"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []},
                           "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(" + NASTY}, "behavior": "Isolated", "invert": False}}):
            (model / "tokenizer.json").write_text(json.dumps(tokenizer))
            self.refused("analyze", model, "--prompt", "a b", words=["tokenizer.json"])
        vit = self.copy("vit-layernorm")
        (vit / "preprocessor_config.json").write_text(json.dumps({"image_processor_type": NASTY}))
        self.refused("analyze", vit, "--images", "builtin", words=["preprocessor_config.json"])
        torch_zip(self.folder / "m.bin", {NASTY: numpy.ones(3, "f4")})
        self.refused("gamma", self.folder / "m.bin", words=["m.bin"])
        numpy.savez(self.folder / "y.npz", **{"a\x1b\n": numpy.ones((9, 3)), "b": numpy.ones((9, 3))})
        self.refused("read", self.folder / "y.npz", "--gamma", self.folder / "y.npz", words=["y.npz"])

    def test_tables_show_names_without_their_control_characters(self):
        odd = self.folder / "a\x1b[31m\nb"
        self.copy().rename(odd)
        numpy.save(odd / "y\x1b.npy", numpy.random.default_rng(0).standard_normal((40, 8)))
        numpy.save(odd / "g.npy", numpy.ones(8))
        gguf(odd / "m.gguf", strings=[(b"general.name", b"\xff\x1b")])
        for arguments in (("gamma", odd), ("analyze", odd, "--random", 160), (odd,), ("read", odd / "y\x1b.npy", "--gamma", odd / "g.npy"), ("gamma", odd / "m.gguf")):
            with self.subTest(arguments):
                out, err = run(*arguments)
                self.assertNotIn("\x1b", out + err)


class Files(Untrusted):
    def stand_ins(self, path):
        """Everything that is no regular file, one after another in the place of `path`."""
        path.unlink(missing_ok=True)
        os.mkfifo(path)
        yield "a pipe"
        path.unlink()
        path.mkdir()
        yield "a folder"
        path.rmdir()
        for target in ("/dev/zero", path.name, "nowhere"):
            path.symlink_to(target)
            yield f"a link to {target}"
            path.unlink()

    def each(self, path, *arguments):
        kept = path.read_bytes() if path.exists() else None
        for what in self.stand_ins(path):
            with self.subTest(path=path.name, what=what):
                self.refused(*arguments)
        if kept is not None:
            path.write_bytes(kept)

    def test_only_regular_files_in_every_place(self):
        model = self.copy()
        self.each(model / "config.json", "analyze", model, "--random", 160)
        self.each(model / "model.safetensors", "gamma", model)
        for name in ("tokenizer.json", "tokenizer.model", "vocab.txt"):
            self.each(model / name, "analyze", model, "--prompt", "some text")
        (model / "vocab.json").write_text('{"a": 0}')
        self.each(model / "merges.txt", "analyze", model, "--prompt", "some text")
        for option in ("--tokens", "--text"):
            self.each(model / "input", "analyze", model, option, model / "input")
        (model / "model.safetensors").unlink()
        for name in ("model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json", "m.gguf"):
            self.each(model / name, "gamma", model)
        vit = self.copy("vit-layernorm")
        self.each(vit / "preprocessor_config.json", "analyze", vit, "--images", "builtin")
        self.each(vit / "pixels.npy", "analyze", vit, "--pixels", vit / "pixels.npy")
        (vit / "preprocessor_config.json").write_text('{"image_processor_type": "ViTImageProcessor"}')
        (vit / "pictures").mkdir()
        self.each(vit / "pictures/a.png", "analyze", vit, "--images", vit / "pictures")
        rows, gamma = self.folder / "y.npy", self.folder / "g.npy"
        numpy.save(rows, numpy.ones((9, 3)))
        numpy.save(gamma, numpy.ones(3))
        self.each(rows, "read", rows, "--gamma", gamma)
        self.each(gamma, "read", rows, "--gamma", gamma)
        for option in ("--beta", "--input"):
            self.each(self.folder / "other.npy", "read", rows, "--gamma", gamma, option, self.folder / "other.npy")

    def test_a_huge_file_is_refused_or_left_alone(self):
        """100 GB that take no room on the disk: in a place where they mean nothing, and as a tensor that is not used."""
        model = self.copy()
        plain = report("gamma", model)["norms"]
        tensors, _ = read_safetensors(model / "model.safetensors")
        header, offset = {"unused": {"dtype": "F32", "shape": [25 << 30], "data_offsets": [0, 100 << 30]}}, 100 << 30
        for name, (dtype, shape, data) in tensors.items():
            header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, offset + len(data)]}
            offset += len(data)
        text = json.dumps(header).encode()
        with (model / "model.safetensors").open("wb") as file:
            file.write(struct.pack("<Q", len(text)) + text)
            file.seek(100 << 30, os.SEEK_CUR)
            file.write(b"".join(data for _, _, data in tensors.values()))
        self.assertEqual(report("gamma", model)["norms"], plain)
        timing = report("analyze", model, "--random", 160)["timing"]
        self.assertLess(timing["bytes_read"], 10 << 20)
        self.assertLess(timing["peak_rss_bytes"], 2 << 30)
        gguf(self.folder / "m.gguf", unused=100 << 30)
        self.assertEqual(len(report("gamma", self.folder / "m.gguf")["norms"]), 1)
        vast_pickle(self.folder / "m.bin", b"\x80\2}.", 1 << 40)  # reading all of it would take minutes
        self.refused("gamma", self.folder / "m.bin", words=["no dictionary of named tensors"])
        (model / "model.safetensors").unlink()
        for name, head in (("model.safetensors", b""), ("pytorch_model.bin", b"PK\3\4"), ("pytorch_model.bin", b"\x80\2"), ("m.gguf", b"GGUF\3\0\0\0" + b"\xff" * 16),
                           ("model.safetensors.index.json", b"{"), ("config.json", b"{")):
            with (model / name).open("r+b" if name == "config.json" else "wb") as file:
                file.write(head)
                file.truncate(100 << 30)
            self.refused("gamma", model)
            if name != "config.json":
                (model / name).unlink()

    def test_a_link_out_of_the_folder(self):
        vit = self.copy("vit-layernorm")
        outside = self.folder / "outside.json"
        outside.write_text('{"image_processor_type": "ViTImageProcessor"}')
        (vit / "preprocessor_config.json").symlink_to(outside)
        self.refused("analyze", vit, "--images", "builtin", words=["leads out"])

    def test_duplicate_keys_beside_the_weights(self):
        model = self.copy()
        config = (model / "config.json").read_text()
        (model / "config.json").write_text(config.replace("{", '{"unused": 1, "unused": 2, ', 1))
        self.refused("gamma", model, words=["config.json", "'unused'", "twice"])
        (model / "config.json").write_text(config)
        (model / "tokenizer.json").write_text('{"model": {"type": "BPE", "vocab": {"a": 0, "a": 1}, "merges": []}}')
        self.refused("analyze", model, "--prompt", "a", words=["tokenizer.json", "twice"])
        (model / "model.safetensors").rename(model / "model-00001-of-00001.safetensors")
        (model / "model.safetensors.index.json").write_text(
            '{"weight_map": {"%s": "model-00001-of-00001.safetensors", "%s": "other.safetensors"}}' % (NORM, NORM))
        self.refused("gamma", model, words=["index.json", NORM, "twice"])

    def test_a_wrong_checksum_is_a_warning(self):
        model = self.copy()
        tensors = self.widened(model)
        (model / "model.safetensors").unlink()
        file = model / "pytorch_model.bin"
        torch_zip(file, tensors)
        places = {name: f"archive/data/{i}" for i, name in enumerate(tensors)}
        self.assertEqual([w for w in report("analyze", model, "--random", 160)["warnings"] if "checksum" in w], [])
        flip_byte_of(file, places[DOWN])
        self.assertEqual([w for w in report("gamma", model)["warnings"] if "checksum" in w], [])  # which did not read it
        self.assertEqual(len([w for w in report("analyze", model, "--random", 160)["warnings"] if f"'{places[DOWN]}'" in w]), 1)
        _, err = run("activations", model, "--random", 160, "--out", self.folder / "streams")
        self.assertIn(f"'{places[DOWN]}'", err)
        flip_byte_of(file, places[NORM])
        self.assertIn(f"'{places[NORM]}'", report("gamma", model)["warnings"][0])
        self.assertIn("2 entries", report("analyze", model, "--random", 160, "--precision", "f32,f64")["warnings"][-1])
        rows = self.folder / "y.npz"
        numpy.savez(rows, y=numpy.random.default_rng(0).standard_normal((40, 8)), g=numpy.ones(8))
        flip_byte_of(rows, "y.npy")
        flip_byte_of(rows, "g.npy")
        self.assertIn("checksum", " ".join(report("read", rows, "--tensor", "y", "--gamma", f"{rows}:g")["warnings"]))

    def test_weights_that_are_not_finite_in_every_format(self):
        model = self.copy()
        tensors = self.widened(model)
        (model / "model.safetensors").unlink()
        for name in (NORM, DOWN):
            spoiled = {**tensors, name: tensors[name].copy()}
            spoiled[name].flat[5] = numpy.inf
            torch_zip(model / "pytorch_model.bin", spoiled)
            self.refused("analyze", model, "--random", 160, words=["pytorch_model.bin", name])
            self.refused("activations", model, "--random", 160, "--out", self.folder / "out.safetensors", words=[name])
            self.assertFalse((self.folder / "out.safetensors").exists())
            answer = report("gamma", model)
            self.assertEqual(answer["norms"][-1]["values"][5] is None, name == NORM)
            self.assertEqual(bool(answer["warnings"]), name == NORM)
        values = numpy.ones(8, "f4")
        values[3] = numpy.nan
        gguf(self.folder / "m.gguf", norm=values)
        answer = report("gamma", self.folder / "m.gguf")
        self.assertIsNone(answer["norms"][0]["values"][3])
        self.assertTrue(answer["warnings"])

    def test_extra_tensors_change_nothing(self):
        model = self.copy()
        before = report("analyze", model, "--random", 160)["final"]
        tensors, _ = read_safetensors(model / "model.safetensors")
        tensors["nobody.asks"] = ("I64", [2], bytes(16))
        tensors["model.layers.0.not_a_norm.weight"] = ("F16", [3], bytes(6))
        write_safetensors(model / "model.safetensors", tensors)
        self.assertEqual(report("analyze", model, "--random", 160)["final"], before)

    def test_long_text_is_split_and_long_tokens_refused(self):
        model = self.copy()
        letters = "abcdefghij "
        (model / "tokenizer.json").write_text(json.dumps({"model": {"type": "BPE", "vocab": {c: i for i, c in enumerate(letters)}, "merges": []}}))
        (self.folder / "text").write_text("a bad cab hid a bee " * 50)
        self.assertGreater(report("analyze", model, "--text", self.folder / "text")["input"]["sequences"], 1)
        numpy.save(self.folder / "ids.npy", numpy.zeros(1000, "i8"))
        self.refused("analyze", model, "--tokens", self.folder / "ids.npy", words=["ids.npy", "128"])


class Outputs(Untrusted):
    def commands(self, model, inputs):
        """Every command that writes, without the output's name."""
        read = ("read", inputs / "y.npy", "--beta", inputs / "b.npy", "--input", inputs / "x.npy")
        yield ("gamma", model, "--json"), ("model",)
        yield ("analyze", model, "--tokens", inputs / "ids.npy", "--json"), ("model", "ids.npy")
        yield ("activations", model, "--tokens", inputs / "ids.npy", "--out"), ("model", "ids.npy")
        yield ("snapshot", model, "--tokens", inputs / "ids.npy", "--panel", "gamma", "--out"), ("model", "ids.npy")
        yield (*read, "--gamma", f"{model}:model.norm", "--json"), ("model", "y.npy", "b.npy", "x.npy")
        yield (*read, "--gamma", inputs / "g.npy", "--json"), ("y.npy", "g.npy", "b.npy", "x.npy")

    def inputs(self):
        random = numpy.random.default_rng(0)
        for name, value in (("ids", numpy.zeros((2, 90), "i8")), ("y", random.standard_normal((300, 128))), ("x", random.standard_normal((300, 128))),
                            ("g", numpy.ones(128)), ("b", numpy.ones(128))):
            numpy.save(self.folder / f"{name}.npy", value)
        return self.folder

    def test_no_output_over_an_input_by_any_name(self):
        model, inputs = self.copy(), self.inputs()
        for name in ("tokenizer.json", "spm.model", "preprocessor_config.json", "model.safetensors.index.json"):
            (model / name).write_text("{}")
        of_model = [model / name for name in ("config.json", "model.safetensors", "tokenizer.json", "spm.model", "preprocessor_config.json", "model.safetensors.index.json")]
        for command, targets in self.commands(model, inputs):
            for target in [file for name in targets for file in (of_model if name == "model" else [inputs / name])]:
                before = target.read_bytes()
                soft, hard = self.folder / "soft", self.folder / "hard"
                soft.symlink_to(target)
                os.link(target, hard)
                for output in (target, soft, hard):
                    with self.subTest(command=command[0], target=target.name, output=output.name):
                        self.refused(*command, output, status=2, words=["overwrite"])
                        self.assertEqual(target.read_bytes(), before)
                soft.unlink()
                hard.unlink()

    def test_short_writes_are_noticed_and_leave_nothing(self):
        model, inputs = self.copy(), self.inputs()
        out = self.folder / "out"
        out.mkdir()
        limited = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        clean = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
        with open("/dev/full", "wb") as full:
            for command, _ in self.commands(model, inputs):
                with self.subTest(command=command[0]):
                    done = subprocess.run([PROGRAM, *map(str, command), out / "x"], capture_output=True, preexec_fn=limited, env=clean, timeout=120)
                    self.assertEqual((done.returncode, done.stdout), (3, b""), done.stderr)
                    self.assertIn(b"written", done.stderr)
                    self.assertEqual(list(out.iterdir()), [])
            for command in (("gamma", model), ("gamma", model, "--json", "-"), ("analyze", model, "--random", "160"), ("doctor",), ("--help",), ("--version",),
                            ("read", inputs / "y.npy", "--gamma", inputs / "g.npy"), (model,)):
                with self.subTest(command=command):
                    done = subprocess.run([PROGRAM, *map(str, command)], stdout=full, stderr=subprocess.PIPE, env=clean, timeout=120)
                    self.assertEqual(done.returncode, 3, done.stderr)
                    self.assertIn(b"stdout", done.stderr)

    def test_closed_streams_are_no_files(self):
        """Where standard error is closed, the output file must not get its number and progress be written into it."""
        model = self.copy()
        expected, found = self.folder / "expected", self.folder / "found"
        run("activations", model, "--random", 160, "--out", expected)
        done = subprocess.run([PROGRAM, "activations", model, "--random", "160", "--verbose", "--out", found], preexec_fn=lambda: [os.close(i) for i in (0, 1, 2)])
        self.assertEqual(done.returncode, 0)
        self.assertEqual(found.read_bytes(), expected.read_bytes())
        done = subprocess.run([PROGRAM, "gamma", model], stderr=subprocess.PIPE, preexec_fn=lambda: os.close(1))
        self.assertEqual(done.returncode, 3)

    def test_the_prediction_is_one_unit_vector_and_a_basis(self):
        gamma = numpy.ones(8)
        gamma[[2, 5]] = 0
        numpy.save(self.folder / "g.npy", gamma)
        numpy.save(self.folder / "y.npy", numpy.random.default_rng(0).standard_normal((40, 8)) * gamma)
        prediction = report("read", self.folder / "y.npy", "--gamma", self.folder / "g.npy", "--kind", "layer_norm")["runs"][0]["prediction"]
        self.assertEqual(prediction["kernel_dimension"], 2)
        self.assertAlmostEqual(numpy.linalg.norm(prediction["v"]), 1, delta=1e-12)
        basis = numpy.array(prediction["kernel"])
        numpy.testing.assert_allclose(basis @ basis.T, numpy.eye(2), atol=1e-12)
        numpy.testing.assert_allclose(basis * gamma, 0, atol=1e-12)


if __name__ == "__main__":
    unittest.main()
