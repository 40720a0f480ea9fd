"""Whole processes measured in pairs: ours, the peer's, ours, the peer's, so that a noisy machine is noisy to both.
Imports nothing large: a child's peak memory counts what its parent held when it was started."""
import json
import os
import statistics
import subprocess
import tempfile
import time


class Failed(Exception):
    pass


# A library's kernels are its own choice for this processor, on both sides.
ENVIRONMENT = {key: value for key, value in os.environ.items() if not key.startswith("OPENBLAS_")}


def once(command):
    """(seconds, peak resident bytes, what it printed as JSON) of one process"""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        start = time.perf_counter()
        process = subprocess.Popen([str(word) for word in command], stdout=out, stderr=err, stdin=subprocess.DEVNULL,
                                   env=ENVIRONMENT)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            err.seek(0)
            raise Failed(f"{command}: {err.read().decode(errors='replace')[-2000:]}")
        out.seek(0)
        return seconds, usage.ru_maxrss * 1024, json.loads(out.read())


def ours_inside(report):
    timing = report.get("timing", {})
    return {key: timing[key] for key in ("load_s", "forward_s", "spectra_s") if key in timing}


def pairs(ours, peer, count):
    """Medians over pairs: {"ours": ..., "peer": ..., "time_ratio", "memory_ratio"}; ratios are the peer's over ours
    for time and ours over the peer's for memory, each the median of the pairs' own."""
    first, second = [], []
    for _ in range(count):
        first.append(once(ours))
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
              "pairs": count,
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
