"""fetch and gamma --remote against a real server (nginx) on loopback: what arrives, what is asked for and with which
token, what a server's refusals, cuts and lies become, and that a cache survives all of it."""
import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from deadscope import PROGRAM, read_safetensors, report, run, write_safetensors, zoo_folder
from hub_server import COMMIT, Hub, blob_sha1, sha256, tree_entry

TOKEN = "hf_tokenOfTheTest"
BIG = 24 << 20  # bytes of a tensor that no family uses: what a remote reading must leave alone


def padded_model(folder):
    """The files of a built-in model with a large unused tensor in the middle of its weights."""
    source = zoo_folder("gpt-layernorm")
    tensors, _ = read_safetensors(source / "model.safetensors")
    names = sorted(tensors)
    tensors = {name: tensors[name] for name in names[:len(names) // 2]} | {"unused.large": ("F32", [BIG // 4], bytes(BIG))} | \
              {name: tensors[name] for name in names[len(names) // 2:]}
    path = pathlib.Path(folder) / "padded.safetensors"
    write_safetensors(path, tensors)
    return {"config.json": (source / "config.json").read_bytes(), "model.safetensors": path.read_bytes()}


def sharded(files, folder):
    """The same in two shards and an index."""
    path = pathlib.Path(folder) / "whole.safetensors"
    path.write_bytes(files["model.safetensors"])
    tensors, _ = read_safetensors(path)
    names = sorted(tensors)
    out, where = {"config.json": files["config.json"]}, {}
    for i, part in enumerate((names[::2], names[1::2])):
        shard = f"model-{i + 1:05}-of-00002.safetensors"
        write_safetensors(path, {name: tensors[name] for name in part})
        out[shard] = path.read_bytes()
        where.update({name: shard for name in part})
    out["model.safetensors.index.json"] = json.dumps({"metadata": {}, "weight_map": where}).encode()
    return out


class HubCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.temporary.cleanup)
        folder = pathlib.Path(cls.temporary.name)
        cls.hub = Hub(folder / "server")
        cls.files = padded_model(folder)
        cls.whole = sum(map(len, cls.files.values()))
        cls.lay_out(cls.hub, folder)
        cls.addClassCleanup(cls.hub.stop)
        cls.hub.start()

    @classmethod
    def lay_out(cls, hub, folder):
        pass

    def setUp(self):
        self.cache = pathlib.Path(tempfile.mkdtemp(dir=self.temporary.name))
        self.hub.forget_log()

    def deadscope(self, *arguments, status=0, **env):
        out, err = run(*arguments, status=status, env=self.hub.environment(self.cache, **env))
        self.assertNotIn(TOKEN, out + err)
        self.assertNotIn("sEcReT", out + err)  # the signature of a redirect
        return out, err

    def refused(self, words, *arguments, status=1, **env):
        _, err = self.deadscope(*arguments, status=status, **env)
        for word in words:
            self.assertIn(word, err)
        return err

    def repository(self, name):
        return self.cache / ("models--" + name.replace("/", "--"))

    def check_cache(self, name, files, revision="main", commit=COMMIT):
        """The layout that huggingface_hub reads: blobs by hash, relative links, a reference without a newline."""
        root = self.repository(name)
        self.assertEqual((root / "refs" / revision).read_text(), commit)
        for path, data in files.items():
            link = root / "snapshots" / commit / path
            self.assertTrue(link.is_symlink(), link)
            self.assertTrue(os.readlink(link).startswith("../../blobs/"), os.readlink(link))
            self.assertEqual(link.resolve().name, sha256(data) if path.endswith(".safetensors") else blob_sha1(data))
            self.assertEqual(link.read_bytes(), data)
        self.assertEqual([p.name for p in (root / "blobs").iterdir() if p.name.endswith(".incomplete")], [])


class Good(HubCase):
    @classmethod
    def lay_out(cls, hub, folder):
        cls.notes = {"README.md": b"# not needed\n", "tf_model.h5": b"x" * 1000}
        hub.add("org/tiny", {**cls.files, **cls.notes, "tokenizer.json": b"{}"})
        hub.add("org/tiny", cls.files, revision="step0", commit="a" * 40)
        cls.shards = sharded(cls.files, folder)
        hub.add("org/shards", cls.shards)
        hub.add("org/pages", cls.files)
        entries = [tree_entry(p, d, p.endswith(".safetensors")) for p, d in cls.files.items()]
        hub.api("org/pages/first", entries[:1])
        hub.api("org/pages/second", entries[1:])
        hub.locations.append(f"location = /api/models/org/pages/tree/{COMMIT} {{ set $page first; "
                             f"set $link '<{hub.endpoint}/api/models/org/pages/tree/{COMMIT}?recursive=true&cursor=2>; rel=\"next\"'; "
                             f"if ($arg_cursor) {{ set $page second; set $link ''; }} "
                             f"add_header Link $link; rewrite ^ /api/models/org/pages/$page break; }}")
        hub.add("org/slow", cls.files, cdn="limit_rate 4m; limit_rate_after 1m;")
        hub.add("org/named", {"config.json": cls.files["config.json"], "a.safetensors": cls.files["model.safetensors"],
                              "b.safetensors": cls.files["model.safetensors"]})

    def test_fetch_then_open_then_again(self):
        out, _ = self.deadscope("fetch", "org/tiny")
        self.assertIn("snapshots/" + COMMIT, out)
        self.check_cache("org/tiny", {**self.files, "tokenizer.json": b"{}"})
        snapshot = self.repository("org/tiny") / "snapshots" / COMMIT
        self.assertEqual({p.name for p in snapshot.iterdir()}, {*self.files, "tokenizer.json"})  # only what is needed
        answer = report("gamma", "org/tiny", env=self.hub.environment(self.cache))
        expected = report("gamma", zoo_folder("gpt-layernorm"))
        self.assertEqual([n["values"] for n in answer["norms"]], [n["values"] for n in expected["norms"]])
        self.hub.forget_log()
        answer = json.loads(self.deadscope("fetch", "org/tiny", "--json", "-")[0])
        self.assertEqual((answer["bytes_fetched"], answer["commit"], answer["weights"]), (0, COMMIT, "model.safetensors"))
        self.assertTrue(all("/resolve/" not in line["uri"] for line in self.hub.log()))

    def test_the_token_stays_with_the_endpoint(self):
        self.deadscope("fetch", "org/tiny")
        self.deadscope("gamma", "org/tiny", "--remote")
        at_hub = [line for line in self.hub.log() if line["port"] == self.hub.port]
        at_cdn = [line for line in self.hub.log() if line["port"] == self.hub.cdn_port]
        self.assertTrue(at_hub and at_cdn)
        self.assertEqual({line["authorization"] for line in at_hub}, {"Bearer " + TOKEN})
        self.assertEqual({line["authorization"] for line in at_cdn}, {"-"})
        self.assertEqual({line["encoding"] for line in at_hub + at_cdn}, {"identity"})
        self.assertTrue(all(line["agent"].startswith("deadscope/") for line in at_hub + at_cdn))
        self.hub.forget_log()
        self.deadscope("fetch", "org/tiny", HF_HUB_DISABLE_IMPLICIT_TOKEN="1")
        self.assertEqual({line["authorization"] for line in self.hub.log()}, {"-"})

    def test_the_token_comes_from_the_login_file_too(self):
        home = pathlib.Path(tempfile.mkdtemp(dir=self.temporary.name))
        (home / "token").write_text("hf_fromTheFile\n")
        self.deadscope("fetch", "org/tiny", token="", HF_HOME=str(home))
        self.assertEqual({line["authorization"] for line in self.hub.log() if line["port"] == self.hub.port}, {"Bearer hf_fromTheFile"})
        _, err = self.deadscope("fetch", "org/tiny", token="bad\ntoken", status=2)
        self.assertNotIn("bad", err)

    def test_remote_reads_ranges_only(self):
        expected = report("gamma", zoo_folder("gpt-layernorm"))
        for name, files in (("org/tiny", self.files), ("org/shards", self.shards)):
            with self.subTest(name):
                self.hub.forget_log()
                answer = json.loads(self.deadscope("gamma", name, "--remote", "--json", "-")[0])
                self.assertEqual([n["values"] for n in answer["norms"]], [n["values"] for n in expected["norms"]])
                remote = answer["remote"]
                self.assertEqual(remote["commit"], COMMIT)
                self.assertLess(remote["bytes_fetched"], remote["bytes_total"] // 20)
                cdn = [line for line in self.hub.log() if line["port"] == self.hub.cdn_port]
                self.assertEqual({line["status"] for line in cdn}, {206})
                self.assertTrue(all(line["range"].startswith("bytes=") for line in cdn))
                self.assertEqual(sum(line["bytes"] for line in self.hub.log() if line["status"] in (200, 206)), remote["bytes_fetched"])
                self.assertFalse(self.repository(name).exists())  # nothing is kept

    def test_remote_says_what_it_took(self):
        _, err = self.deadscope("gamma", "org/tiny", "--remote")
        self.assertRegex(err, r"[\d.]+ [kM]B of [\d.]+ MB fetched in \d+ requests")

    def test_revisions_pages_and_shards(self):
        self.deadscope("fetch", "org/tiny@step0")
        self.check_cache("org/tiny", self.files, revision="step0", commit="a" * 40)
        self.deadscope("fetch", "org/tiny@" + "a" * 40)
        self.assertEqual({p.name for p in (self.repository("org/tiny") / "refs").iterdir()}, {"step0"})
        self.deadscope("fetch", "org/pages")
        self.check_cache("org/pages", self.files)
        self.deadscope("fetch", "org/shards")
        self.check_cache("org/shards", self.shards)
        self.assertEqual(len(report("gamma", "org/shards", env=self.hub.environment(self.cache))["norms"]), 9)

    def test_an_endpoint_with_slashes_at_its_end(self):
        self.deadscope("fetch", "org/tiny", HF_ENDPOINT=self.hub.endpoint + "//")
        self.check_cache("org/tiny", self.files)

    def test_several_weights_want_a_choice(self):
        self.refused(["a.safetensors, b.safetensors", "--file"], "fetch", "org/named")
        self.deadscope("fetch", "org/named", "--file", "b.safetensors")
        self.check_cache("org/named", {"b.safetensors": self.files["model.safetensors"]})
        self.refused(["c.safetensors"], "gamma", "org/named", "--remote", "--file", "c.safetensors")

    def test_offline_opens_no_socket(self):
        for variable in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
            for word in ("1", "on", "Yes", "TRUE"):
                self.refused(["offline"], "fetch", "org/tiny", **{variable: word})
            self.refused(["offline"], "gamma", "org/tiny", "--remote", **{variable: "1"})
        self.assertEqual(self.hub.log(), [])
        self.deadscope("fetch", "org/tiny", HF_HUB_OFFLINE="0", TRANSFORMERS_OFFLINE="maybe")

    def test_nothing_is_fetched_unless_asked_for(self):
        for command in ("gamma", "analyze", "activations"):
            self.refused(["hub cache", "org/tiny"], command, "org/tiny", *(["--out", "/dev/null"] if command == "activations" else []))
        self.refused(["org/tiny"], "org/tiny")  # the explorer
        self.assertEqual(self.hub.log(), [])

    def start_fetch(self, name):
        env = {**os.environ, **self.hub.environment(self.cache)}
        return subprocess.Popen([PROGRAM, "fetch", name], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def wait_for_partial(self, name, least):
        blobs = self.repository(name) / "blobs"
        for _ in range(400):
            for file in blobs.glob("*.incomplete") if blobs.exists() else ():
                if file.stat().st_size > least:
                    return file
            time.sleep(0.02)
        self.fail("no partial file appeared")

    def ends_and_resumes(self, end, status):
        process = self.start_fetch("org/slow")
        partial = self.wait_for_partial("org/slow", 2 << 20)
        started = time.monotonic()
        end(process)
        out, err = process.communicate(timeout=20)
        ended_s = time.monotonic() - started
        self.assertEqual(process.returncode, status, err)
        self.assertEqual(out, b"")
        have = partial.stat().st_size
        self.assertGreater(have, 2 << 20)
        self.assertFalse((self.repository("org/slow") / "refs/main").exists())  # nothing whole to point to yet
        self.refused(["hub cache"], "gamma", "org/slow")
        self.hub.forget_log()
        answer = json.loads(self.deadscope("fetch", "org/slow", "--json", "-")[0])
        self.check_cache("org/slow", self.files)
        self.assertEqual(answer["bytes_resumed"], have)
        ranges = [line["range"] for line in self.hub.log() if line["port"] == self.hub.cdn_port]
        self.assertEqual(ranges, [f"bytes={have}-"])
        return ended_s

    def test_interrupted_then_resumed(self):
        ended_s = self.ends_and_resumes(lambda p: p.send_signal(signal.SIGINT), 130)
        self.assertLess(ended_s, 1.0)  # 0.2 s of the client, and the process's end

    def test_killed_then_resumed(self):
        self.ends_and_resumes(lambda p: p.kill(), -signal.SIGKILL)

    def test_a_partial_file_that_is_damaged_or_too_long(self):
        blobs = self.repository("org/tiny") / "blobs"
        blobs.mkdir(parents=True)
        partial = blobs / (sha256(self.files["model.safetensors"]) + ".incomplete")
        for left in (b"\1" * 1000, self.files["model.safetensors"][:-1] + b"\1", self.files["model.safetensors"] + b"more"):
            partial.write_bytes(left)
            self.deadscope("fetch", "org/tiny")
            self.check_cache("org/tiny", self.files)
            (blobs / sha256(self.files["model.safetensors"])).unlink()

    def test_two_at_once_download_once(self):
        both = [self.start_fetch("org/slow") for _ in range(2)]
        for process in both:
            _, err = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 0, err)
        self.check_cache("org/slow", self.files)
        sent = sum(line["bytes"] for line in self.hub.log() if line["port"] == self.hub.cdn_port)
        self.assertEqual(sent, len(self.files["model.safetensors"]))

    def test_a_cache_that_cannot_be_written(self):
        (self.cache / "file").write_text("")
        self.refused(["HF_HUB_CACHE"], "fetch", "org/tiny", status=3, HF_HUB_CACHE=str(self.cache / "file/cache"))


class Refusals(HubCase):
    @classmethod
    def lay_out(cls, hub, folder):
        api = "location /api/models/"
        for name, text in {
            "org/gated": "add_header X-Error-Code GatedRepo always; return 403;",
            "org/private": "return 401;",
            "org/none": "add_header X-Error-Code RepoNotFound always; return 404;",
            "org/tiny2": "add_header X-Error-Code RevisionNotFound always; return 404;",
            "org/busy": "add_header Retry-After 3600 always; return 429;",
            "org/down": "return 503;",
            "org/loop": "return 302 $request_uri;",
            "org/chain": "return 302 /api/models/org/chain/$request_id;",
            "org/file": "return 302 file:///etc/passwd;",
            "org/limited": "limit_req zone=calls; limit_req_status 429; error_page 429 = @later;",
            "org/html": "default_type text/html; return 200 '<html>login</html>';",
        }.items():
            hub.locations.append(f"{api}{name}/ {{ {text} }}")
        hub.locations.append("location @later { add_header Retry-After 1 always; return 429; }")
        hub.add("org/limited", cls.files)
        hub.add("org/whole", cls.files, cdn="max_ranges 0;")
        hub.add("org/wrong", cls.files, tree=lambda entries: [{**e, "lfs": {**e["lfs"], "oid": "0" * 64}} if "lfs" in e else e for e in entries])
        hub.add("org/size", cls.files, tree=lambda entries: [{**e, "lfs": {**e["lfs"], "size": e["size"] + 1}} if "lfs" in e else e for e in entries])
        for i, path in enumerate(("../../../../evil.json", "/etc/evil", "a/../../evil", "a//b", "", "a\\b", ".")):
            hub.add(f"org/evil{i}", cls.files, tree=lambda entries, path=path: entries + [tree_entry(path, b"x", False)])
        hub.add("org/hash", cls.files, tree=lambda entries: [{**e, "lfs": {**e["lfs"], "oid": "../../../x"}} if "lfs" in e else e for e in entries])
        hub.add("org/huge", cls.files, tree=lambda entries: [{**e, "lfs": {**e["lfs"], "size": 1 << 60}} if "lfs" in e else e for e in entries])
        index = json.dumps({"weight_map": {"a": "../up.safetensors"}}).encode()
        hub.add("org/index", {"config.json": b"{}", "model.safetensors.index.json": index})
        hub.add("org/lack", {"config.json": b"{}", "model.safetensors.index.json": index.replace(b"../up", b"gone")})
        hub.add("org/empty", {"README.md": b"nothing"})
        hub.add("org/forbidden", cls.files, cdn="return 403;")
        hub.api("org/commit/revision/main", {"sha": "../../etc"})
        hub.api("org/elsewhere/revision/main", {"sha": COMMIT})
        hub.api(f"org/elsewhere/tree/{COMMIT}", [])
        hub.locations.append(f"location = /api/models/org/elsewhere/tree/{COMMIT} {{ add_header Link '<http://127.0.0.2:{hub.cdn_port}/x>; rel=\"next\"'; }}")

    def both(self, words, name, **env):
        """fetch and gamma --remote refuse alike, and leave nothing behind."""
        for command in (("fetch", name), ("gamma", name, "--remote")):
            with self.subTest(command):
                started = time.monotonic()
                self.refused(words, *command, **env)
                self.assertLess(time.monotonic() - started, 60)
        self.assertFalse(list(self.cache.glob("**/snapshots/*/*")))

    def test_words_for_refusals(self):
        self.both(["terms", self.hub.endpoint + "/org/gated", "HF_TOKEN"], "org/gated")
        self.both(["hf auth login"], "org/private", token="")
        self.both(["no model of this name"], "org/none")
        self.both(["no such revision", "step7"], "org/tiny2@step7")
        self.both(["429", "3600"], "org/busy")
        self.both(["org/html"], "org/html")
        self.both(["weights"], "org/empty")

    def test_redirects_that_lead_nowhere(self):
        self.both(["redirects without end"], "org/loop")
        self.both(["redirects without end"], "org/chain")
        self.both(["no http or https"], "org/file")

    def test_what_passes_is_waited_for(self):
        self.deadscope("fetch", "org/limited")
        self.check_cache("org/limited", self.files)
        statuses = [line["status"] for line in self.hub.log() if "/api/" in line["uri"]]
        self.assertIn(429, statuses)

    def test_what_does_not_pass_ends(self):
        started = time.monotonic()
        self.refused(["503"], "fetch", "org/down")
        self.assertGreater(time.monotonic() - started, 3)  # it did wait between its tries
        self.assertEqual(len(self.hub.log()), 6)

    def test_nobody_there(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.refused(["nothing answers"], "fetch", "org/tiny", HF_ENDPOINT=f"http://127.0.0.1:{s.getsockname()[1]}")
        for bad in ("ftp://127.0.0.1", "nonsense://x", "file:///etc"):
            self.refused(["HF_ENDPOINT"], "fetch", "org/tiny", status=2, HF_ENDPOINT=bad)

    def test_ids_that_are_none(self):
        for bad in ("../x", "a/b/c", "zoo:gpt-layernorm", "a/b@../x", "/etc/passwd", "a b"):
            self.refused(["hub id"], "fetch", bad, status=2)

    def test_a_server_that_ignores_ranges(self):
        self.refused(["ignored the range", "deadscope fetch org/whole"], "gamma", "org/whole", "--remote")
        sent = sum(line["bytes"] for line in self.hub.log() if line["port"] == self.hub.cdn_port)
        self.assertLess(sent, self.whole // 2)  # reading stopped at once; the rest were buffers under way
        self.deadscope("fetch", "org/whole")
        self.check_cache("org/whole", self.files)

    def test_contents_that_are_not_what_the_list_names(self):
        self.refused(["SHA-256", "model.safetensors"], "fetch", "org/wrong")
        self.refused(["model.safetensors"], "fetch", "org/size")
        self.refused(["model.safetensors"], "gamma", "org/size", "--remote")
        for name in ("org/wrong", "org/size"):
            self.assertFalse((self.repository(name) / "refs").exists())
            blobs = [p for p in (self.repository(name) / "blobs").iterdir() if p.stat().st_size > 10000]
            self.assertEqual(blobs, [])

    def test_lists_that_lead_out(self):
        for i in range(7):
            self.both(["outside"], f"org/evil{i}")
        self.both(["hash"], "org/hash")
        self.both(["weight_map"], "org/index")
        self.both(["gone.safetensors"], "org/lack")
        self.both(["sha"], "org/commit")
        self.both(["another host"], "org/elsewhere")
        self.assertEqual({p.name for p in self.cache.iterdir()} - {"CACHEDIR.TAG"}, set())

    def test_no_room_is_said_before_anything_is_fetched(self):
        self.refused(["room", "HF_HUB_CACHE"], "fetch", "org/huge", status=3)
        self.assertFalse(self.repository("org/huge").exists())

    def test_a_refusal_by_the_second_host(self):
        self.refused(["model.safetensors"], "gamma", "org/forbidden", "--remote")
        self.refused(["org/forbidden"], "fetch", "org/forbidden")


if __name__ == "__main__":
    unittest.main()
