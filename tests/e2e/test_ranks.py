"""`mpirun -n K deadscope analyze`: one report, whatever K; a rank that dies; two network namespaces."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import numpy

from deadscope import PROGRAM, ZOO, run
from ranks import children_of, command, comparable, differences, environment, on_ranks, why_not


def setUpModule():
    if why_not():
        raise unittest.SkipTest(why_not())


def single(*arguments):
    return json.loads(run("analyze", *arguments, "--json", "-")[0])


def shared(ranks, *arguments, options=()):
    status, out, err = on_ranks(ranks, "analyze", *arguments, "--json", "-", options=options)
    assert status == 0, err
    return json.loads(out)


class OneReport(unittest.TestCase):
    def assert_same(self, a, b):
        self.assertEqual(differences(comparable(a), comparable(b), 1e-10), [])

    def test_any_number_of_ranks(self):
        for name in ZOO:
            arguments = [f"zoo:{name}", "--random", 700, "--precision", "f64", "--init", "trained,random"]
            alone = single(*arguments)
            for ranks in (1, 2, 4):
                with self.subTest(name, ranks=ranks):
                    together = shared(ranks, *arguments)
                    self.assertEqual(together["input"], alone["input"])
                    self.assertEqual([b["flag"] for b in together["blocks"]], [b["flag"] for b in alone["blocks"]])
                    self.assert_same(together, alone)

    def test_merged_in_the_same_order_every_time(self):
        first, second = (comparable(shared(4, "zoo:gpt-rmsnorm", "--random", 700, "--precision", "f64")) for _ in range(2))
        self.assertEqual(first, second)

    def test_over_the_loopback_network(self):  # instead of shared memory
        arguments = ["zoo:gpt-planted", "--random", "700", "--precision", "f64"]
        options = ["--mca", "btl", "tcp,self", "--mca", "btl_tcp_if_include", "lo"]
        self.assert_same(shared(3, *arguments, options=options), single(*arguments))

    def test_a_difference_would_be_found(self):  # the negative control
        alone = single("zoo:gpt-planted", "--random", 200, "--precision", "f64")
        for spoil in (lambda r: r["blocks"][1].update(sigma_min=r["blocks"][1]["sigma_min"] + 1e-9 * r["blocks"][1]["sigma_max"]),
                      lambda r: r["runs"][0].update(lambda_v=r["runs"][0]["lambda_v"] * 1.0001), lambda r: r["blocks"][1].update(flag=True),
                      lambda r: r["runs"][0]["final"]["bottom"].pop(), lambda r: r["input"].update(digest="")):
            other = json.loads(json.dumps(alone))
            spoil(other)
            self.assertNotEqual(differences(comparable(other), comparable(alone), 1e-10), [])

    def test_every_precision(self):
        arguments = ["zoo:gpt-layernorm", "--random", 400, "--precision", "f64,f32"]
        # In f32 a product's rounding may depend on how many rows it has: some hundred roundings of 6e-8.
        self.assertEqual(differences(comparable(shared(2, *arguments)), comparable(single(*arguments)), 1e-5), [])

    def test_sequences_of_a_file_and_fewer_than_ranks(self):
        with tempfile.TemporaryDirectory() as folder:
            numpy.save(pathlib.Path(folder) / "ids.npy", numpy.random.default_rng(3).integers(0, 256, (3, 60)))
            for arguments in (["--tokens", pathlib.Path(folder) / "ids.npy"], ["--prompt", "one sequence and no more"]):
                arguments = ["zoo:gpt-rmsnorm", "--precision", "f64", *arguments]
                together = shared(4, *arguments)
                self.assertEqual(together["program"]["ranks"], together["input"]["sequences"])
                self.assert_same(together, single(*arguments))

    def test_doctor_knows_the_module(self):
        check = next(c for c in json.loads(run("doctor", "--json", "-")[0])["checks"] if c["name"] == "several ranks")
        self.assertTrue(check["works"])
        self.assertIn("Open MPI", check["detail"])

    def test_the_summary_is_said_once(self):
        status, out, _ = on_ranks(3, "analyze", "zoo:gpt-planted", "--random", 256)
        self.assertEqual(status, 0)
        self.assertEqual(out.count("noise floor  "), 1, out)


class Errors(unittest.TestCase):
    def refused(self, expected, *arguments, ranks=2):
        with tempfile.TemporaryDirectory() as folder:
            report = pathlib.Path(folder) / "report.json"
            status, out, err = on_ranks(ranks, *arguments, "--json", report)
            self.assertEqual((status, out), (expected, ""), err)
            self.assertEqual(err.count("deadscope: "), 1, err)
            self.assertEqual(list(pathlib.Path(folder).iterdir()), [])
            return err

    def test_one_message_and_no_report(self):
        self.assertIn("no built-in model", self.refused(1, "analyze", "zoo:nothing", ranks=3))
        self.refused(1, "analyze", "zoo:gpt-planted", "--tokens", "/nowhere/ids.npy")
        self.refused(2, "analyze", "zoo:gpt-planted", "--precision", "f65")
        self.refused(3, "analyze", "zoo:gpt-planted", "--memory", "100K")

    def test_only_analyze_is_shared(self):
        for arguments in (["activations", "zoo:gpt-planted", "--random", 200, "--out", "x.safetensors"], ["gamma", "zoo:gpt-planted"]):
            with tempfile.TemporaryDirectory() as folder:
                done = subprocess.run(command(2, *arguments), cwd=folder, capture_output=True, text=True, env=environment(), timeout=60)
                self.assertEqual(done.returncode, 2)
                self.assertIn("only analyze", done.stderr.lower())
                self.assertEqual(os.listdir(folder), [])

    def test_ranks_without_the_module(self):
        with tempfile.TemporaryDirectory() as folder:
            copy = shutil.copy(PROGRAM, folder)
            alone = subprocess.run([copy, "analyze", "zoo:gpt-planted", "--random", "200", "--quiet"], capture_output=True, text=True)
            self.assertEqual(alone.returncode, 0, alone.stderr)  # it needs none
            done = subprocess.run([copy, "analyze", "zoo:gpt-planted"], capture_output=True, text=True, timeout=60,
                                  env={**environment(), "OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "0"})
            self.assertEqual(done.returncode, 3, done.stderr)
            self.assertIn("deadscope_mpi.so", done.stderr)

    def test_the_program_alone_loads_no_mpi(self):
        done = subprocess.run([PROGRAM, "analyze", "zoo:gpt-planted", "--random", "200"], capture_output=True, text=True,
                              env={"LD_DEBUG": "files", "PATH": "/usr/bin:/bin"})
        self.assertIn("libc.so", done.stderr)  # the account is there
        self.assertNotIn("libmpi", done.stderr)

    def killed(self, rank, signal_sent):
        """Kills one of three ranks amid a long pass; mpirun's status."""
        with tempfile.TemporaryDirectory() as folder:
            report = pathlib.Path(folder) / "report.json"
            process = subprocess.Popen(command(3, "analyze", "zoo:gpt-layernorm", "--random", 400000, "--precision", "f64", "--json", report),
                                       env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            try:
                begin = time.monotonic()
                while len(children_of(process)) < 3:
                    self.assertIsNone(process.poll(), "the job must be at work")
                    self.assertLess(time.monotonic() - begin, 60)
                    time.sleep(0.1)
                time.sleep(2)
                self.assertIsNone(process.poll(), "the pass must still be at work")
                ranks = children_of(process)
                os.kill(ranks[rank], signal_sent)
                out, _ = process.communicate(timeout=120)
            finally:
                process.kill()
            self.assertNotEqual(process.returncode, 0)
            self.assertEqual(out, b"")
            self.assertEqual(list(pathlib.Path(folder).iterdir()), [])
            for other in ranks.values():
                self.assertFalse(pathlib.Path(f"/proc/{other}/exe").exists(), "a rank outlived the job")

    def test_a_killed_rank_ends_the_job(self):
        for rank in (0, 2):
            self.killed(rank, signal.SIGKILL)

    def test_an_interrupted_rank_ends_the_job(self):
        self.killed(1, signal.SIGINT)


class Namespaces:
    """Two network namespaces joined by a veth pair: two machines, as far as the network knows."""
    def __init__(self):
        self.names = [f"deadscope{os.getpid()}{side}" for side in "ab"]
        self.addresses = ["10.213.77.1", "10.213.77.2"]

    def ip(self, *words, check=True):
        return subprocess.run(["ip", *words], capture_output=True, text=True, check=check)

    def __enter__(self):
        try:
            for name in self.names:
                self.ip("netns", "add", name)
            links = [f"ds{os.getpid() % 100000}{side}" for side in "ab"]
            self.ip("link", "add", links[0], "type", "veth", "peer", "name", links[1])
            for name, link, address in zip(self.names, links, self.addresses):
                self.ip("link", "set", link, "netns", name)
                for words in (["addr", "add", f"{address}/24", "dev", link], ["link", "set", link, "up"], ["link", "set", "lo", "up"]):
                    self.ip("-n", name, *words)
        except (OSError, subprocess.CalledProcessError) as error:
            self.__exit__()
            raise unittest.SkipTest(f"network namespaces are not permitted here: {getattr(error, 'stderr', error)}")
        return self

    def __exit__(self, *_):
        for name in self.names:
            try:
                self.ip("netns", "del", name, check=False)
            except OSError:
                pass


# Stands for ssh: mpirun calls it with a host's address and a command. Another host name makes a machine of its own of it.
AGENT = """#!/bin/sh
host=$1
shift
[ "$host" = {there} ] || {{ echo "no such host: $host" >&2; exit 255; }}
exec ip netns exec {namespace} unshare --uts sh -c 'hostname other-machine; exec "$@"' sh sh -c "$*"
"""


class Network(unittest.TestCase):
    def test_two_network_namespaces(self):
        arguments = ["zoo:gpt-layernorm", "--random", "700", "--precision", "f64"]
        with Namespaces() as network, tempfile.TemporaryDirectory() as folder:
            agent = pathlib.Path(folder) / "agent"
            agent.write_text(AGENT.format(there=network.addresses[1], namespace=network.names[1]))
            agent.chmod(0o755)
            options = ["--host", f"{network.addresses[0]}:1,{network.addresses[1]}:1", "--mca", "plm", "rsh", "--mca", "plm_rsh_agent", str(agent),
                       "--mca", "btl", "tcp,self", "--mca", "btl_tcp_if_include", "10.213.77.0/24", "--mca", "oob_tcp_if_include", "10.213.77.0/24"]
            words = ["ip", "netns", "exec", network.names[0], *command(2, "analyze", *arguments, "--json", "-", options=options)]
            done = subprocess.run(words, capture_output=True, env=environment(), timeout=120, stdin=subprocess.DEVNULL)
            self.assertEqual(done.returncode, 0, done.stderr.decode())
            together = json.loads(done.stdout)
            self.assertEqual(together["program"]["ranks"], 2)
            self.assertEqual(differences(comparable(together), comparable(single(*arguments)), 1e-10), [])
            broken = [w.replace("zoo:gpt-layernorm", "zoo:nothing") for w in words]
            done = subprocess.run(broken, capture_output=True, env=environment(), timeout=120, stdin=subprocess.DEVNULL)
            self.assertEqual((done.returncode, done.stdout), (1, b""))


if __name__ == "__main__":
    unittest.main()
