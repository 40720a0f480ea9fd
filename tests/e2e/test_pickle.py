"""Checkpoints whose pickles would run code: each refused by name with a plain message, and nothing is run."""
import io
import os
import pathlib
import pickle
import tempfile
import unittest
import zipfile

from deadscope import run


class Calls:
    """Pickles to a call of function(*arguments)."""
    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def as_zip(data):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("archive/data.pkl", data)
        archive.writestr("archive/version", "3\n")
    return out.getvalue()


def as_stream(data):
    """The older kind: PyTorch's magic number, its protocol, facts of the machine; then the object."""
    head = [pickle.dumps(value, 2) for value in (0x1950a86a20f9469cfc6c, 1001, {"protocol_version": 1001, "little_endian": True})]
    return b"".join(head) + data + pickle.dumps([], 2)


class Refused(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self.temporary.name)
        self.canary = self.folder / "canary"

    def tearDown(self):
        self.temporary.cleanup()

    def objects(self):
        touch = f"touch {self.canary}"
        python = f"open({str(self.canary)!r}, 'w')"
        yield "system", Calls(os.system, touch)
        yield "builtins.eval", Calls(eval, python)
        yield "builtins.exec", Calls(exec, python)
        yield "system", {"state_dict": {}, "unused": [(None, Calls(os.system, touch))]}
        yield "pickle.loads", Calls(pickle.loads, pickle.dumps(Calls(os.system, touch), 2))
        yield "builtins.getattr", Calls(getattr, "", "join")
        yield "system", os.system

    def test_every_protocol_and_both_kinds(self):
        for protocol in range(6):
            for name, value in self.objects():
                data = pickle.dumps(value, protocol)
                # Python 2's names in old protocols
                names = {name, name.replace("builtins", "__builtin__")}
                for kind, wrap in (("zip", as_zip), ("stream", as_stream)):
                    with self.subTest(protocol=protocol, name=name, kind=kind):
                        (self.folder / "m").mkdir(exist_ok=True)
                        file = self.folder / "m/pytorch_model.bin"
                        file.write_bytes(wrap(data))
                        for given in (file, file.parent):
                            _, err = run("gamma", given, status=1)
                            self.assertTrue(any(n in err for n in names), err)
                            self.assertIn("nothing in it was run", err)
                        self.assertFalse(self.canary.exists())

    def test_the_control_would_run(self):
        pickle.loads(pickle.dumps(Calls(os.system, f"touch {self.canary}")))
        self.assertTrue(self.canary.exists())


if __name__ == "__main__":
    unittest.main()
