"""Whole processes measured in pairs: ours, the peer's, ours, the peer's, so that a noisy machine is noisy to both.
launch.py starts each."""
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

LAUNCH = Path(__file__).resolve().parent / "launch.py"


class Failed(Exception):
    pass


# A library's kernels are its own choice for this processor, on both sides.
ENVIRONMENT = {key: value for key, value in os.environ.items() if not key.startswith("OPENBLAS_")}


def several(command, count):
    """Of so many processes in a row: ([seconds of each], peak resident bytes, what the last printed as JSON)"""
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        done = subprocess.run([sys.executable, "-I", "-S", LAUNCH, str(count), out, err, *map(str, command)],
                              stdout=subprocess.PIPE, text=True, check=True, env=ENVIRONMENT)
        rows = [line.split() for line in done.stdout.splitlines()]
        if any(row[2] != "0" for row in rows):
            raise Failed(f"{command}: {err.read_text(errors='replace')[-2000:]}")
        return [float(row[0]) for row in rows], max(int(row[1]) for row in rows), json.loads(out.read_text())


def once(command):
    """(seconds, peak resident bytes, what it printed as JSON) of one process"""
    seconds, peak, answer = several(command, 1)
    return seconds[0], peak, answer


def ours_inside(report):
    timing = report.get("timing", {})
    return {key: timing[key] for key in ("load_s", "forward_s", "spectra_s") if key in timing}


def pairs(ours, peer, count, in_a_row=1):
    """Medians over pairs: {"ours": ..., "peer": ..., "time_ratio", "memory_ratio"}; ratios are the peer's over ours
    for time and ours over the peer's for memory, each the median of the pairs' own. Where ours is over before a
    machine that was busy with the peer has its caches again, `in_a_row` of ours stand against one of the peer's, by
    their median; the first of each row is "first_seconds"."""
    first, second, cold = [], [], []
    for _ in range(count):
        seconds, peak, answer = several(ours, in_a_row)
        cold.append(seconds[0])
        first.append((statistics.median(seconds), peak, answer))
        second.append(once(peer))

    def summary(runs):
        return {"seconds": statistics.median(r[0] for r in runs), "peak_bytes": statistics.median(r[1] for r in runs)}

    def inner(runs, of):
        parts = [of(r[2]) for r in runs]
        return {key: statistics.median(part[key] for part in parts) for key in parts[0]}

    def peer_inside(answer):
        timing = answer.get("timing", answer)
        return {key: value for key, value in timing.items() if key in
                ("load_s", "forward_s", "spectra_s", "total_s", "seconds")}

    result = {"ours": summary(first) | inner(first, lambda r: ours_inside(r)),
              "peer": summary(second) | {"inside": inner(second, peer_inside)},
              "pairs": count, "in_a_row": in_a_row, "first_seconds": statistics.median(cold),
              "time_ratio": statistics.median(b[0] / a[0] for a, b in zip(first, second)),
              "memory_ratio": statistics.median(a[1] / b[1] for a, b in zip(first, second))}
    if "forward_s" in result["ours"]:
        theirs = [peer_inside(b[2]) for b in second]
        own = [ours_inside(a[2]) for a in first]
        if "forward_s" in theirs[0]:
            result["forward_ratio"] = statistics.median(t["forward_s"] / o["forward_s"] for t, o in zip(theirs, own))
        if theirs[0].get("spectra_s"):
            result["spectra_ratio"] = statistics.median(
                t["spectra_s"] / max(o["spectra_s"], 1e-9) for t, o in zip(theirs, own))
        if "total_s" in theirs[0]:  # what is left of the peer without its imports
            result["without_import_ratio"] = statistics.median(
                t["total_s"] / a[0] for t, a in zip(theirs, first))
    return result
