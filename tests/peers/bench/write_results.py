"""results.json → tests/bench/RESULTS.md, with the laws of cost drawn as SVG beside it.

    python3 write_results.py results.json FOLDER

What people have to say about the figures lies in FOLDER/notes.md and is put at the end."""
import json
import math
import sys
from pathlib import Path

GOALS = [  # (part, key, what, at least, text)
    ("gamma", "time_ratio", "γ, whole process against from_pretrained", 1000, "≥ 1000"),
    ("reading", "time_ratio", "whole reading, as a process", 5, "≥ 5"),
    ("reading", "without_import_ratio", "whole reading, the peer without its imports", 2.5, "≥ 2.5"),
    ("reading", "memory_ratio", "peak memory of the reading, ours over the peer's", -0.15, "≤ 0.15"),
    ("forward", "forward_ratio", "forward pass", 1, "≥ 1.0"),
]


def megabytes(count):
    return f"{count / 1e6:.0f} MB"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]) + "\n"


def ratio(row, key):
    return f"{row[key]:.2f}×" if key in row else ""


def span(values):
    return " to ".join(f"{x:.0f}" if x >= 100 else f"{x:.3g}" for x in (min(values), max(values)))


def goals(results):
    rows = []
    for part, key, what, bound, text in GOALS:
        values = [row[key] for row in results.get(part, {}).values() if key in row]
        if not values:
            continue
        worst = max(values) if bound < 0 else min(values)
        met = worst <= -bound if bound < 0 else worst >= bound
        rows.append((what, text, span(values), "yes" if met else "**no**"))
    frames = [row for rows in results.get("window", {}).values() for row in rows]
    for key, what, most in (("median_s", "the window's own work a frame, median of a scene", 4),
                            ("worst_s", "the same, longest", 16)):
        values = [row[key] * 1e3 for row in frames]
        if values:
            rows.append((what, f"≤ {most} ms", span(values),
                         "yes" if max(values) <= most else "**no**"))
    return table(("what", "goal", "measured, least to most", "met everywhere"), rows)


def compared(rows):
    head = ("case", "time, peer / ours", "… without the peer's imports", "forward", "spectra", "memory, ours / peer",
            "peak, ours", "peak, peer")
    return table(head, [(name, ratio(row, "time_ratio"), ratio(row, "without_import_ratio"),
                         ratio(row, "forward_ratio"), ratio(row, "spectra_ratio"), ratio(row, "memory_ratio"),
                         megabytes(row["ours"]["peak_bytes"]), megabytes(row["peer"]["peak_bytes"]))
                        for name, row in rows.items()])


def rate(run):
    for key, unit in (("flops", "Gflop/s"), ("bytes", "GB/s"), ("elements", "G elements/s")):
        if key in run:
            return f"{run[key] / 1e9:.3g} {unit}"
    return f"{run['real_time']:.3g} {run['time_unit']}"


ONE_CORE = ("tsqr", "dgeqrf")  # doubles, on one thread


def passes(rows):
    """Of ours the spectra are measured beside the pass, on the same cores."""
    return table(("case", "forward, peer / ours", "seconds, ours", "seconds, peer", "peak, ours", "peak, peer"),
                 [(name, ratio(row, "forward_ratio"), f"{row['ours']['forward_s']:.2f}",
                   f"{row['peer']['inside']['forward_s']:.2f}", megabytes(row["ours"]["peak_bytes"]),
                   megabytes(row["peer"]["peak_bytes"])) for name, row in rows.items()])


def share_of_limit(run, runs):
    """Of what bounds it, measured in the same run: copying of memory, or a product of matrices in its type."""
    def best(name, key):
        return max((r[key] for r in runs if r["name"].startswith(name) and key in r), default=None)

    name = run["name"]
    limit = None
    if "bytes" in run and not name.startswith("copy_rate"):
        limit = best("copy_rate", "bytes")
    elif "flops" in run and not name.startswith(("sgemm", "dgemm")):
        limit = best("dgemm_of_one_core" if name.startswith(ONE_CORE) else
                     "dgemm" if name.startswith("forward_f64") else "sgemm", "flops")
    return f"{100 * run['bytes' if 'bytes' in run else 'flops'] / limit:.0f} %" if limit else ""


def kernels(runs):
    return table(("benchmark", "rate", "of its limit"),
                 [(run["name"].removesuffix("/real_time"), rate(run),
                   share_of_limit(run, runs))
                  for run in runs if run.get("run_type") != "aggregate"])


def window(sizes):
    """One row a scene, the sizes side by side."""
    head, by_scene = ["scene, milliseconds"], {}
    for size, rows in sizes.items():
        shown = size.replace("x", " × ")
        head += [f"{shown}: median", "p99", "longest"]
        for row in rows:
            cells = [f"{row[key] * 1e3:.2f}" for key in ("median_s", "p99_s", "worst_s")]
            by_scene.setdefault(row["scene"], []).extend(cells)
    return table(head, [(scene, *cells) for scene, cells in by_scene.items()])


def exponent(points, key):
    """Of the power law through the points, by least squares in logarithms."""
    x = [math.log(p["at"]) for p in points]
    y = [math.log(max(p[key], 1e-9)) for p in points]
    mx, my = sum(x) / len(x), sum(y) / len(y)
    return sum((a - mx) * (b - my) for a, b in zip(x, y)) / sum((a - mx) ** 2 for a in x)


def draw(laws, folder):
    import matplotlib
    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "deadscope"
    import matplotlib.pyplot as plt
    figure, panels = plt.subplots(1, len(laws), figsize=(4 * len(laws), 3.4), squeeze=False)
    for panel, (axis, points) in zip(panels[0], laws.items()):
        for key, label in (("forward_s", "forward pass"), ("spectra_s", "spectra")):
            panel.loglog([p["at"] for p in points], [p[key] for p in points], "o-",
                         label=f"{label}, exponent {exponent(points, key):.2f}")
        panel.set_xlabel(axis)
        panel.set_ylabel("seconds")
        panel.legend(frameon=False, fontsize=8)
        panel.grid(True, which="both", alpha=0.25)
    figure.tight_layout()
    figure.savefig(folder / "laws.svg", metadata={"Date": None})


def gammas(rows):
    in_a_row = max(row.get("in_a_row", 1) for row in rows.values())
    return (f"Ours is the median of {in_a_row} processes in a row, since one that ends within milliseconds of a peer's "
            "seconds finds its caches cold; the first of them stands beside it.\n\n" if in_a_row > 1 else "") + table(
        ("case", "time, peer / ours", "ours, ms", "the first, ms", "peer, s", "peak, ours", "of the file", "peak, peer"),
        [(name, f"{row['time_ratio']:.0f}×", f"{1e3 * row['ours']['seconds']:.1f}",
          f"{1e3 * row.get('first_seconds', row['ours']['seconds']):.1f}", f"{row['peer']['seconds']:.2f}",
          megabytes(row["ours"]["peak_bytes"]), f"{100 * row['ours']['peak_bytes'] / row['file_bytes']:.1f} %",
          megabytes(row["peer"]["peak_bytes"])) for name, row in rows.items()])


def main():
    results, folder = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
    out = ["# Measured\n", "Written by `./run bench`; do not edit (what people say of it is in `notes.md`).\n",
           f"Machine: {results.get('machine', 'not told')}. Every ratio is the median of pairs of whole processes run "
           "one after the other, ours and the peer's; above 1 is in our favour for time, below 1 for memory. Both "
           "have all cores. Checkpoints have published shapes and random weights (`tests/peers/bench/models.py`).\n"]
    out += ["## Goals\n", goals(results)]
    for part, title in (
            ("reading", "The whole reading, against transformers, PyTorch and torch.linalg.svd"),
            ("gamma", "γ, against from_pretrained"),
            ("forward", "The forward pass, against transformers (ours brings the weights in as it goes, the peer's "
                        "are there)"),
            ("spectra", "Spectra of activations in a file, against NumPy"),
            ("gguf", "A GGUF file's forward pass, against llama.cpp")):
        if part in results:
            out += [f"## {title}\n", {"forward": passes, "gguf": passes, "gamma": gammas}.get(part, compared)(results[part])]
    if "kernels" in results:
        out += ["## Kernels\n", "Limits are measured in the same run: sgemm and dgemm of OpenBLAS on all cores, dgemm "
                "on one where one thread does the work (tsqr, dgeqrf), copying of memory by one thread.\n", kernels(results["kernels"])]
    if "laws" in results:
        draw(results["laws"], folder)
        out += ["## Laws of cost\n", "Seconds against one size, the others held (Llama shapes, d = 768, L = 4, "
                "N = 2048 where they stand still). A step that grows faster than its law shows as a bend.\n",
                "![seconds against N, d and L](laws.svg)\n",
                table(("against", "forward pass ~", "spectra ~"),
                      [(axis, f"{axis}^{exponent(points, 'forward_s'):.2f}", f"{axis}^{exponent(points, 'spectra_s'):.2f}")
                       for axis, points in results["laws"].items()])]
    if "window" in results:
        frames = next(iter(results["window"].values()))[0]["frames"]
        out += ["## The window's own work a frame\n",
                f"Eight models open, every panel shown, a pass at work on every core; {frames} frames a scene, processor "
                "time of the window's thread without the software rasteriser. What the scenes are: "
                "[window/README.md](window/README.md).\n", window(results["window"])]
    notes = folder / "notes.md"
    if notes.exists():
        out.append(notes.read_text().rstrip() + "\n")
    (folder / "RESULTS.md").write_text("\n".join(out))


if __name__ == "__main__":
    main()
