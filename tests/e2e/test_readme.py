"""What the README says is run: every `./run` line of its ```sh blocks, and every path it links to is there."""
import os
import re
import shlex
import subprocess
import tempfile
import unittest

from deadscope import PROGRAM, SOURCE

TEXT = (SOURCE / "README.md").read_text()
LAUNCHER_WORDS = ("test", "bench", "build")


def commands():
    for block in re.findall(r"```sh\n(.*?)```", TEXT, re.S):
        for line in block.splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == ["./run"] and words[1:2] and words[1] not in LAUNCHER_WORDS:
                yield words[1:]


class Readme(unittest.TestCase):
    def test_commands_work_as_written(self):
        self.assertGreaterEqual(len(list(commands())), 6)
        environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
        with tempfile.TemporaryDirectory() as folder:
            for words in commands():
                with self.subTest(words):
                    done = subprocess.run([PROGRAM, *words], cwd=folder, env=environment, capture_output=True, timeout=600)
                    self.assertEqual(done.returncode, 0, done.stderr.decode())
                    if "--out" in words:
                        self.assertGreater(os.path.getsize(os.path.join(folder, words[words.index("--out") + 1])), 1000)

    def test_licences_are_those_of_the_about_box(self):
        box = re.findall(r'Part\{"([^"]+)", "([^"]+)"', (SOURCE / "app/dialogs/about.cpp").read_text())
        self.assertGreaterEqual(len(box), 10)
        for part, licence in box:
            self.assertIn(f"| {part} | {licence} |", TEXT)

    def test_links_lead_somewhere(self):
        links = [link for link in re.findall(r"\]\(([^)#]+)\)", TEXT) if "://" not in link]
        self.assertGreaterEqual(len(links), 4)
        for link in links:
            self.assertTrue((SOURCE / link).exists(), link)


if __name__ == "__main__":
    unittest.main()
