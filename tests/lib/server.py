"""A real `studio serve` for tests: port zero, a temporary data folder, ended by its own process id.

As a program: python3 tests/lib/server.py [--model NAME_OR_FILE]... -- COMMAND...
runs COMMAND with STUDIO_URL, OPENAI_BASE_URL, OPENAI_API_KEY, STUDIO_CONSOLE_LINK and STUDIO_SERVER_DATA (with server.log)
set and hands on its exit code.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

from patience import PATIENCE

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("STUDIO_BUILD", os.path.join(ROOT, "build/release"))
START_TIMEOUT_S = 120 * PATIENCE  # a 1.5 B model is read and repacked on a busy machine
KEEPS_NOTHING = {"STUDIO_ENGINE_KEPT_PANELS": "none"}  # its data folder ends with it, before panels would be made
STOP_TIMEOUT_S = 30 * PATIENCE    # longer than the server's own drain in these tests


def stop_process(process):
    """SIGTERM, a bounded wait, then SIGKILL. Returns the exit code."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    return process.returncode


class Server:
    """with Server(models=["tiny"]) as server: server.url, server.key, server.process. `data`: a folder that outlives it."""

    def __init__(self, models=("tiny",), key="sk-conformance", extra=(), env=None, listen="127.0.0.1:0", data=None):
        self.key, self.keeps_data = key, data is not None
        self.data = data or tempfile.mkdtemp(prefix="studio-test-")
        command = [os.path.join(BUILD, "studio"), "serve", "--listen", listen, "--data", self.data,
                   "--key", key, "--json", *extra]
        for model in models:
            command += ["--model", model]
        self.log_path = os.path.join(self.data, "server.log")
        self.log = open(self.log_path, "ab")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, stdin=subprocess.DEVNULL,
                                        env={**os.environ, **KEEPS_NOTHING, **(env or {})})
        timer = threading.Timer(START_TIMEOUT_S, self.process.kill)
        timer.start()
        line = self.process.stdout.readline()
        timer.cancel()
        if not line:
            self.process.wait()
            self.log.flush()
            with open(self.log_path, encoding="utf-8", errors="replace") as file:
                raise RuntimeError(f"studio serve ended with {self.process.returncode}:\n{file.read()[-4000:]}")
        started = json.loads(line)
        self.url, self.models = started["url"].rstrip("/"), started["models"]
        self.console_link = started.get("console", "")

    def stop(self):
        return stop_process(self.process)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        self.process.stdout.close()
        self.log.close()
        if not self.keeps_data:
            shutil.rmtree(self.data, ignore_errors=True)


def main():
    split = sys.argv.index("--")
    models = [sys.argv[i + 1] for i in range(1, split) if sys.argv[i] == "--model"] or ["tiny"]
    with Server(models=models) as server:
        first = server.models[0] if isinstance(server.models[0], str) else server.models[0]["id"]
        env = dict(os.environ, STUDIO_URL=server.url, OPENAI_BASE_URL=server.url + "/v1", OPENAI_API_KEY=server.key,
                   STUDIO_MODEL=first, STUDIO_CONSOLE_LINK=server.console_link, STUDIO_SERVER_DATA=server.data)
        return subprocess.run(sys.argv[split + 1:], env=env, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
