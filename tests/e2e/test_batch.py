"""`deadscope analyze --batch`: a report for each checkpoint, kept and continued, alone and on ranks."""
import csv
import io
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import jsonschema

from deadscope import PROGRAM, SOURCE, ZOO, report, run, zoo_folder
from ranks import children_of, comparable, command, differences, environment, why_not

SCHEMA = json.loads((SOURCE / "tests/golden/report.schema.json").read_text())


class Batch(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.out = self.folder / "out"

    def list(self, *lines):
        path = self.folder / "list.txt"
        path.write_bytes(b"\n".join(line if isinstance(line, bytes) else str(line).encode() for line in lines) + b"\n")
        return path

    def batch(self, *arguments, ranks=0, status=0):
        """stdout and stderr of a batch of list.txt."""
        words = ["analyze", "--batch", self.folder / "list.txt", "--out", self.out, *arguments]
        words = command(ranks, *words) if ranks else [PROGRAM, *map(str, words)]
        done = subprocess.run(words, capture_output=True, env=environment(), timeout=200, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, status, done.stderr.decode())
        return done.stdout.decode(), done.stderr.decode()

    def summary(self):
        text = (self.out / "summary.csv").read_bytes().decode()
        return list(csv.DictReader(io.StringIO(text, newline="")))

    def statuses(self):
        return [row["status"] for row in self.summary()]

    def files(self):
        return {p.name: p.read_bytes() for p in self.out.iterdir() if p.suffix == ".json"}

    def check_reports(self, *arguments):
        """Each row's report is the one that `analyze` gives for its model, and its numbers are the report's."""
        for row in self.summary():
            if row["status"] == "failed":
                continue
            written = json.loads((self.out / row["report"]).read_text())
            jsonschema.validate(written, SCHEMA)
            alone = report("analyze", row["model"], *arguments)
            self.assertEqual(differences(comparable(written), comparable(alone), 1e-10), [])
            self.assertEqual(float(row["lambda_v"]), written["lambda_v"])
            self.assertEqual(float(row["alignment"]) if row["alignment"] else None, written["alignment"])
            self.assertEqual((int(row["d"]), int(row["tokens"])), (written["model"]["d_model"], written["input"]["tokens"]))

    def interrupted(self, sent, status, ranks=0):
        """A batch that is stopped after its first report, then run again to its end."""
        steps = ZOO["gpt-layernorm"]["steps"][:6]
        self.list(*(f"zoo:gpt-layernorm@{step}" for step in steps))
        words = ["analyze", "--batch", self.folder / "list.txt", "--out", self.out, "--random", "8000", "--precision", "f64"]
        words = command(ranks, *words) if ranks else [PROGRAM, *map(str, words)]
        process = subprocess.Popen(words, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        begin = time.monotonic()
        while not (self.out.is_dir() and self.files()):
            self.assertLess(time.monotonic() - begin, 120)
            self.assertIsNone(process.poll(), "the batch must still be at work")
            time.sleep(0.02)
        os.kill(children_of(process)[1] if ranks else process.pid, sent)
        out, _ = process.communicate(timeout=120)
        self.assertEqual(process.returncode, status)
        self.assertEqual(out, b"")
        finished = self.files()
        self.assertGreaterEqual(len(finished), 1)
        self.assertLess(len(finished), len(steps))
        for text in finished.values():
            json.loads(text)  # whole, each
        self.batch("--random", 8000, "--precision", "f64", ranks=ranks)
        self.assertEqual({s: self.statuses().count(s) for s in ("kept", "done")}, {"kept": len(finished), "done": len(steps) - len(finished)})
        after = self.files()
        self.assertEqual({name: after[name] for name in finished}, finished)
        self.assertEqual(len(after), len(steps))


class Alone(Batch):
    def test_every_checkpoint_and_bad_lines(self):
        self.list("# what there is", "", *(f"zoo:{name}" for name in ZOO), "zoo:nothing", "zoo:gpt-layernorm@0", b"a\x01b", b"\xff\xfe",
                  "x" * 6000, "/nowhere/\"quoted\",comma", f"zoo:{next(iter(ZOO))}")
        out, err = self.batch("--random", 200, "--precision", "f64", status=1)
        good = len(ZOO) + 1
        self.assertEqual(sorted(self.statuses()), ["done"] * good + ["failed"] * 5)
        self.assertEqual(len(self.files()), good)
        self.assertIn("5 checkpoints of", err)
        for row in self.summary():
            self.assertEqual(row["reason"] != "", row["status"] == "failed")
            self.assertIn(row["status"], out)
        self.check_reports("--random", 200, "--precision", "f64")
        self.assertEqual([p.name for p in self.out.iterdir() if ".part" in p.name], [])

    def test_finished_reports_are_kept(self):
        self.list("zoo:gpt-layernorm", "zoo:nothing", "zoo:gpt-planted", "zoo:gpt-planted", "zoo:gpt-rmsnorm")
        self.batch("--random", 200, status=1)
        before = self.files()
        out, _ = self.batch("--random", 200, status=1)
        self.assertEqual(self.statuses(), ["kept", "failed", "kept", "kept"])
        self.assertEqual(out.count(" kept "), 3)
        self.assertEqual(self.files(), before)
        (self.out / "zoo_gpt-planted.json").write_bytes(before["zoo_gpt-planted.json"][:3000])  # cut off
        self.list("zoo:gpt-layernorm", "zoo:gpt-planted")
        self.batch("--random", 200)
        self.assertEqual(self.statuses(), ["kept", "done"])
        self.batch("--random", 201)
        self.assertEqual(self.statuses(), ["done", "done"])
        self.batch("--random", 201, "--seed", 4)
        self.assertEqual(self.statuses(), ["done", "done"])
        self.batch("--random", 201, "--seed", 4, "--quiet")
        self.assertEqual(self.statuses(), ["kept", "kept"])

    def test_a_changed_checkpoint_is_read_anew(self):
        model = shutil.copytree(zoo_folder("gpt-planted"), self.folder / "model")
        self.list(model)
        self.batch("--random", 200)
        self.batch("--random", 200)
        self.assertEqual(self.statuses(), ["kept"])
        later = time.time() + 5
        os.utime(model / "model.safetensors", (later, later))
        self.batch("--random", 200)
        self.assertEqual(self.statuses(), ["done"])

    def test_a_killed_batch_goes_on(self):
        self.interrupted(signal.SIGKILL, -signal.SIGKILL)

    def test_an_interrupted_batch_goes_on(self):
        self.interrupted(signal.SIGINT, 130)

    def test_usage(self):
        listed = self.list("zoo:gpt-planted")
        for arguments in (["--batch", listed], ["--out", self.out], ["--batch", listed, "--out", self.out, "zoo:gpt-planted"],
                          ["--batch", listed, "--out", self.out, "--json", "-"], ["--batch", listed, "--out", self.out, "--precision", "f65"], []):
            run("analyze", *arguments, status=2)
        self.assertFalse(self.out.exists())
        for text in ("", "# zoo:gpt-planted\n\n"):
            listed.write_text(text)
            run("analyze", "--batch", listed, "--out", self.out, status=1)
        run("analyze", "--batch", "/nowhere/list", "--out", self.out, status=1)
        run("analyze", "--batch", self.folder, "--out", self.out, status=1)
        self.list("zoo:gpt-planted")
        run("analyze", "--batch", listed, "--out", listed, status=1)

    def test_foreign_files_stay(self):
        self.list("zoo:gpt-planted")
        self.out.mkdir()
        (self.out / "zoo_gpt-planted.json").write_text("{\"mine\": true}")
        self.batch("--random", 200, status=1)
        self.assertEqual((self.out / "zoo_gpt-planted.json").read_text(), "{\"mine\": true}")
        (self.out / "summary.csv").write_text("my own table\n")
        run("analyze", "--batch", self.folder / "list.txt", "--out", self.out, status=1)
        self.assertEqual((self.out / "summary.csv").read_text(), "my own table\n")

    def test_two_precisions_and_inits(self):
        self.list("zoo:gpt-layernorm", "zoo:vit-layernorm")
        arguments = ["--random", 200, "--precision", "f64,f32", "--init", "trained,random"]
        self.batch(*arguments)
        for text in self.files().values():
            self.assertEqual(len(json.loads(text)["runs"]), 4)


@unittest.skipIf(why_not(), why_not())
class OnRanks(Batch):
    def test_more_checkpoints_than_ranks_are_handed_out(self):
        self.list(*(f"zoo:{name}" for name in ZOO), "zoo:nothing", "zoo:gpt-layernorm@0")
        self.batch("--random", 300, "--precision", "f64", ranks=3, status=1)
        self.assertEqual(self.statuses(), ["done"] * len(ZOO) + ["failed", "done"])
        self.check_reports("--random", 300, "--precision", "f64")
        self.assertEqual({json.loads(text)["program"]["ranks"] for text in self.files().values()}, {1})
        self.batch("--random", 300, "--precision", "f64", ranks=2, status=1)
        self.assertEqual(self.statuses(), ["kept"] * len(ZOO) + ["failed", "kept"])

    def test_fewer_checkpoints_than_ranks_are_shared(self):
        self.list("zoo:nothing", "zoo:gpt-planted")
        out, err = self.batch("--random", 400, "--precision", "f64", ranks=4, status=1)
        self.assertEqual(self.statuses(), ["failed", "done"])
        self.assertEqual({json.loads(text)["program"]["ranks"] for text in self.files().values()}, {4})
        self.check_reports("--random", 400, "--precision", "f64")
        self.assertEqual(out.count(" done "), 1)
        self.assertEqual(err.count("deadscope: "), 1)

    def test_one_message_where_the_batch_cannot_begin(self):
        self.list("# nothing")
        _, err = self.batch(ranks=3, status=1)
        self.assertEqual(err.count("deadscope: "), 1, err)

    def test_a_killed_rank_ends_the_batch_and_the_next_one_goes_on(self):
        self.interrupted(signal.SIGKILL, 128 + signal.SIGKILL, ranks=2)


if __name__ == "__main__":
    unittest.main()
