"""The GPU module as the program finds it: what doctor says of it, of files that are none, and of devices that are not there.
No GPU is needed: what computes is tested under tests/emulation."""
import pathlib
import tempfile
import unittest

from deadscope import PROGRAM, report, run

MODULE = pathlib.Path(PROGRAM).parent / "libdeadscope_cuda.so"


def checks(**keywords):
    return {c["name"]: c for c in report("doctor", **keywords)["checks"]}


class GpuModule(unittest.TestCase):
    def test_doctor_says_what_there_is(self):
        found = checks()
        self.assertEqual(found["CUDA module"]["works"], MODULE.exists(), found["CUDA module"])
        if not found["CUDA module"]["works"]:
            self.assertIn("not built", found["CUDA module"]["detail"])

    def test_the_module_is_this_programs(self):
        if not MODULE.exists():
            self.skipTest("the GPU module was not built: no CUDA Toolkit was found")
        found = checks(env={"DEADSCOPE_CUDA_MODULE": str(MODULE)})
        self.assertEqual(found["CUDA module's file"]["detail"], str(MODULE), found)
        self.assertIn("CUDA driver", found)  # it was asked, and answered

    def test_files_that_are_no_modules(self):
        with tempfile.TemporaryDirectory() as folder:
            text = pathlib.Path(folder) / "libdeadscope_cuda.so"
            text.write_text("no library")
            for path, words in ((text, "cannot be opened"), (pathlib.Path(folder) / "absent.so", "missing")):
                found = checks(env={"DEADSCOPE_CUDA_MODULE": str(path)})
                self.assertFalse(found["CUDA"]["works"])
                self.assertIn(words, found["CUDA"]["detail"])
                # The program computes all the same, and says why a GPU that is asked for is not used.
                wanted = ["analyze", "zoo:gpt-planted", "--random", "160"]
                run(*wanted, env={"DEADSCOPE_CUDA_MODULE": str(path)})
                error = run(*wanted, "--device", "cuda:0", status=3, env={"DEADSCOPE_CUDA_MODULE": str(path)})[1]
                self.assertIn(words, error)

    def test_devices_by_name(self):
        for device in ("cuda", "cuda:", "cuda:x", "cuda:-1", "gpu"):
            self.assertIn("cuda:0", run("analyze", "zoo:gpt-planted", "--device", device, status=2)[1])
        run("analyze", "zoo:gpt-planted", "--device", "cuda:4096", status=3)


if __name__ == "__main__":
    unittest.main()
