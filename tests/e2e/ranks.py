"""Starts the program on several ranks and compares reports: used by test_ranks.py and test_batch.py."""
import os
import pathlib
import shutil
import subprocess

from deadscope import PROGRAM

MPIRUN = shutil.which("mpirun")
# Open MPI refuses root unless told twice; one machine's shared memory must not need ptrace rights, and no network is asked.
QUIET = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMPI_MCA_btl_vader_single_copy_mechanism": "none",
         "OMPI_MCA_rmaps_base_oversubscribe": "1", "OMPI_MCA_hwloc_base_binding_policy": "none", "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe"}


def why_not():
    """Why nothing can be started on several ranks here; None where it can."""
    if not MPIRUN:
        return "there is no mpirun here"
    if not os.path.exists(os.path.join(os.path.dirname(PROGRAM), "deadscope_mpi.so")):
        return "the program was built without Open MPI"
    return None


def environment():
    clean = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    return {**clean, **QUIET}


def command(ranks, *arguments, options=()):
    return [MPIRUN, "-n", str(ranks), *options, PROGRAM, *map(str, arguments)]


def on_ranks(ranks, *arguments, timeout=120, options=()):
    """(status, stdout, stderr) of `mpirun -n RANKS deadscope ARGUMENTS`."""
    done = subprocess.run(command(ranks, *arguments, options=options), capture_output=True, env=environment(), timeout=timeout, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def children_of(process):
    """The program's processes below an mpirun: {rank: process id}."""
    found = {}
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            variables = (entry / "environ").read_bytes().split(b"\0")
            parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except (OSError, ValueError, IndexError):
            continue
        rank = next((int(v.split(b"=")[1]) for v in variables if v.startswith(b"OMPI_COMM_WORLD_RANK=")), None)
        if rank is not None and parent == process.pid:
            found[rank] = int(entry.name)
    return found


def comparable(report):
    """A report without what is of the machine and the moment, and without sentences, whose rounded numbers may fall to either side."""
    report = {k: v for k, v in report.items() if k not in ("timing", "batch", "headline", "findings")}
    report["program"] = {k: v for k, v in report["program"].items() if k not in ("threads", "ranks")}
    report["runs"] = [{k: v for k, v in run.items() if k not in ("timing", "headlines")} for run in report["runs"]]
    return report


# Numbers on the scale of a singular value, and of its square; every other number is of the order of one.
SIGMAS = ("sigma_min", "sigma_max", "sigma_min_centred", "sigma_max_centred", "singular_values", "gap", "floor")
LAMBDAS = ("lambda_v", "lambda_min", "lambda_max", "lambda_mean", "noise_floor", "noise_floor_parts")


def differences(a, b, tolerance, path="", scale=1.0, sigma=1.0):
    """Where two reports differ: numbers by more than the tolerance on their own scale, anything else at all."""
    if isinstance(a, dict) and isinstance(b, dict):
        if list(a) != list(b):
            return [f"{path}: keys {list(a)} and {list(b)}"]
        sigma = a["sigma_max"] if "sigma_max" in a else a["lambda_max"] ** 0.5 if isinstance(a.get("lambda_max"), float) else sigma
        found = []
        for key in a:
            of = sigma if key in SIGMAS else sigma ** 2 if key in LAMBDAS else scale if key.endswith("rounding") else 1.0
            if key == "ratio" and a[key] is not None:  # a quotient: of two numbers that are each right to the tolerance
                of = max(1.0, abs(a[key])) * (1.0 + sigma / max(a["sigma_min"], 1e-300))
            found += differences(a[key], b[key], tolerance, f"{path}.{key}", of, sigma)
        return found
    if isinstance(a, list) and isinstance(b, list):
        if len(a) != len(b):
            return [f"{path}: {len(a)} and {len(b)} entries"]
        return [d for i, (x, y) in enumerate(zip(a, b)) for d in differences(x, y, tolerance, f"{path}[{i}]", scale, sigma)]
    if isinstance(a, float) and isinstance(b, float):
        return [] if abs(a - b) <= tolerance * scale else [f"{path}: {a!r} and {b!r}, scale {scale}"]
    return [] if a == b else [f"{path}: {a!r} and {b!r}"]
