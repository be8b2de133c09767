"""The servers that are compared: ours and llama-server, each on a free port of loopback, ended by its own process."""
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

from pairs import BUILD, ROOT, check

sys.path.insert(0, os.path.join(ROOT, "tests/lib"))
from server import KEEPS_NOTHING, START_TIMEOUT_S, stop_process  # noqa: E402

HOST = "127.0.0.1"
LOOK_EVERY_S = 0.05  # at a server that starts


class Studio:
    """`with` starts it; stop() and start() again keep its data folder, and with it what it wrote there.

    settings: variables of the environment.
    """
    name, key = "studio", "sk-bench"

    def __init__(self, model_path, slots, threads, settings=None):
        self.path, self.slots, self.threads, self.settings, self.host = model_path, slots, threads, settings or {}, HOST

    def start(self):
        command = [os.path.join(BUILD, "studio"), "serve", "--listen", f"{HOST}:0", "--data", self.data, "--key", self.key, "--json", "--model",
                   self.path, "--max-sequences", str(self.slots), "--threads", str(self.threads), "--log-level", "warn"]
        with open(self.log, "ab") as log:
            # Making panels would compute beside what is measured.
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL,
                                            env={**os.environ, **KEEPS_NOTHING, **self.settings})
        line = self.process.stdout.readline()
        check(line, f"studio serve did not start: {tail(self.log)}")
        started = json.loads(line)
        self.port = int(started["url"].rstrip("/").rpartition(":")[2])
        self.model = model_name(started["models"][0])

    def stop(self):
        stop_process(self.process)
        self.process.stdout.close()

    def __enter__(self):
        self.data = tempfile.mkdtemp(prefix="studio-bench-")
        self.log = os.path.join(self.data, "server.log")
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.data, ignore_errors=True)

    def ids_of(self, **what):
        """Token ids of text= or messages=."""
        request = urllib.request.Request(f"http://{self.host}:{self.port}/v1/tokenize", json.dumps({"model": self.model, **what}).encode(),
                                         {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"})
        with urllib.request.urlopen(request) as response:
            return json.load(response)["tokens"]


class LlamaServer:
    """llama-server with as many slots of as many tokens as a row needs."""
    model, key = "any", "none"

    def __init__(self, build, model_path, slots, context, threads, options=()):
        self.build, self.name, self.path, self.host = build, build.name, model_path, HOST
        self.options = ["-np", str(slots), "-c", str(slots * context), "-t", str(threads), "-fa", "on", *options]

    def start(self):
        self.port = free_port()
        command = [self.build.program("llama-server"), "-m", self.path, "--host", HOST, "--port", str(self.port), "--no-webui", *self.options]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        until = time.monotonic() + START_TIMEOUT_S
        while not self.is_ready():
            check(self.process.poll() is None and time.monotonic() < until, f"llama-server did not start: {tail(self.log)}")
            time.sleep(LOOK_EVERY_S)

    def is_ready(self):
        try:
            with urllib.request.urlopen(f"http://{HOST}:{self.port}/health", timeout=START_TIMEOUT_S) as response:
                return response.status == 200
        except (urllib.error.URLError, http.client.HTTPException, OSError):  # not listening yet, or 503 while it loads
            return False

    def stop(self):
        stop_process(self.process)

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="llama-bench-")
        self.log = os.path.join(self.folder, "server.log")
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def model_name(listed):
    return listed if isinstance(listed, str) else listed["id"]


def free_port():
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        return taken.getsockname()[1]


def tail(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()[-1000:]
