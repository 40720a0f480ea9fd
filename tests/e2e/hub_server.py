"""A hub on loopback: nginx serving repositories that a test lays out the way huggingface.co answers. Large files are
redirected to a second host (127.0.0.2), as the hub redirects to its content network. Every request is logged with
the Authorization and Range it came with."""
import hashlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import time

COMMIT = "c0ffee" + "0" * 34
NGINX = shutil.which("nginx") or "/usr/sbin/nginx"


def free_port(host):
    with socket.socket() as s:
        s.bind((host, 0))
        return s.getsockname()[1]


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def blob_sha1(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def tree_entry(path, data, large):
    entry = {"type": "file", "path": path, "size": len(data), "oid": blob_sha1(data)}
    if large:
        entry["lfs"] = {"oid": sha256(data), "size": len(data), "pointerSize": 134}
    return entry


class Hub:
    """`folder`: an empty one. add() repositories, start(), then ask; stop() ends the server that it started."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.port, self.cdn_port = free_port("127.0.0.1"), free_port("127.0.0.2")
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.locations = []  # nginx text, of the hub's server
        self.cdn_locations = []
        self.process = None
        for name in ("hub", "cdn", "temp"):
            (self.folder / name).mkdir(parents=True)

    def api(self, path, value):
        file = self.folder / "hub/api/models" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(value if isinstance(value, str) else json.dumps(value))

    def add(self, repository, files, revision="main", commit=COMMIT, large=(".safetensors", ".bin", ".gguf"), tree=None,
            cdn="", direct=False):
        """files: {path: bytes}. cdn: nginx directives for the large files' location. direct: no redirect."""
        self.api(f"{repository}/revision/{revision}", {"id": repository, "sha": commit, "siblings": []})
        is_large = {path: path.endswith(large) for path in files}
        entries = [tree_entry(path, data, is_large[path]) for path, data in files.items()]
        self.api(f"{repository}/tree/{commit}", entries if tree is None else tree(entries))
        for path, data in files.items():
            if is_large[path] and not direct:
                name = sha256(data)
                file = self.folder / "cdn" / repository / name
                self.locations.append(f"location = /{repository}/resolve/{commit}/{path} {{ add_header X-Linked-Size {len(data)}; "
                                      f"add_header X-Repo-Commit {commit}; return 302 http://127.0.0.2:{self.cdn_port}/{repository}/{name}?sig=sEcReT; }}")
            else:
                file = self.folder / "hub" / repository / "resolve" / commit / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        if cdn:
            (self.locations if direct else self.cdn_locations).append(f"location /{repository}/ {{ {cdn} }}")
        return self

    def start(self):
        conf = self.folder / "nginx.conf"
        temp = self.folder / "temp"
        paths = " ".join(f"{kind}_temp_path {temp}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        conf.write_text(f"""
daemon off; master_process off; pid {self.folder}/nginx.pid; error_log {self.folder}/error.log;
events {{ worker_connections 256; }}
http {{
  {paths}
  default_type application/octet-stream;
  limit_req_zone $server_port zone=calls:64k rate=1r/s;
  log_format all '$server_port|$status|$request_method|$request_uri|$http_authorization|$http_range|$body_bytes_sent|$http_user_agent|$http_accept_encoding';
  access_log {self.folder}/access.log all;
  server {{ listen 127.0.0.1:{self.port}; root {self.folder}/hub;
    {chr(10).join(self.locations)}
  }}
  server {{ listen 127.0.0.2:{self.cdn_port}; root {self.folder}/cdn;
    {chr(10).join(self.cdn_locations)}
  }}
}}
""")
        self.process = subprocess.Popen([NGINX, "-p", str(self.folder), "-e", str(self.folder / "error.log"), "-c", str(conf)],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        for _ in range(200):
            if self.process.poll() is not None:
                raise AssertionError("nginx did not start: " + self.process.stderr.read().decode() + (self.folder / "error.log").read_text())
            try:
                for host, port in (("127.0.0.1", self.port), ("127.0.0.2", self.cdn_port)):
                    socket.create_connection((host, port), timeout=1).close()
                return self
            except OSError:
                time.sleep(0.05)
        raise AssertionError("nginx does not listen")

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(20)
            self.process.stderr.close()

    def log(self):
        """The requests so far, as dictionaries."""
        keys = ("port", "status", "method", "uri", "authorization", "range", "bytes", "agent", "encoding")
        text = (self.folder / "access.log").read_text() if (self.folder / "access.log").exists() else ""
        lines = [dict(zip(keys, line.split("|"))) for line in text.splitlines()]
        for line in lines:
            line["port"], line["status"], line["bytes"] = int(line["port"]), int(line["status"]), int(line["bytes"])
        return lines

    def forget_log(self):
        (self.folder / "access.log").open("w").close()

    def environment(self, cache, token="hf_tokenOfTheTest", **more):
        env = {"HF_ENDPOINT": self.endpoint, "HF_HUB_CACHE": str(cache), "HF_TOKEN": token, "HF_HOME": str(self.folder / "home"),
               "HF_HUB_OFFLINE": "", "TRANSFORMERS_OFFLINE": "", "NO_PROXY": "*", "no_proxy": "*"}
        return {**env, **more}
