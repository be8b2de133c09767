"""A server that may die: started again and again on one data folder. And its store, read once it is down."""
import glob
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../lib"))
from patience import PATIENCE  # noqa: E402
from server import BUILD, KEEPS_NOTHING, START_TIMEOUT_S, stop_process  # noqa: E402

STUDIO = os.path.join(BUILD, "studio")
KEY = "sk-batches"


class Place:
    """with Place() as place: place.start(); place.kill(); place.start(); place.url"""

    def __init__(self, model="tiny", more=()):
        self.models, self.process, self.url = (model, *more), None, None
        self.data = tempfile.mkdtemp(prefix="studio-batches-")
        self.log = open(os.path.join(self.data, "server.log"), "ab")

    def start(self):
        self.process = subprocess.Popen([STUDIO, "serve", "--listen", "127.0.0.1:0", "--data", self.data, "--key", KEY, "--json",
                                         *[word for model in self.models for word in ("--model", model)]], stdout=subprocess.PIPE, stderr=self.log, stdin=subprocess.DEVNULL,
                                        env={**os.environ, **KEEPS_NOTHING})
        timer = threading.Timer(START_TIMEOUT_S, self.process.kill)
        timer.start()
        line = self.process.stdout.readline()
        timer.cancel()
        if not line:
            raise RuntimeError("the server did not start:\n" + self.log_text()[-4000:])
        self.url = json.loads(line)["url"].rstrip("/")

    def kill(self):
        """kill -9. Returns once the worker has noticed too: it still holds its socket for some milliseconds."""
        children = glob.glob(f"/proc/{self.process.pid}/task/*/children")
        workers = [pid for path in children for pid in open(path, encoding="ascii").read().split()]
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()
        until = time.monotonic() + START_TIMEOUT_S
        while any(os.path.exists(f"/proc/{pid}") for pid in workers) and time.monotonic() < until:
            time.sleep(0.005)

    def stop(self):
        if self.process and self.process.poll() is None:
            stop_process(self.process)
            self.process.stdout.close()

    def log_text(self):
        with open(os.path.join(self.data, "server.log"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def other_key(self, name="other"):
        """A key that somebody made: another owner."""
        command = [STUDIO, "key", "add", name, "--data", self.data]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60 * PATIENCE, check=True,
                              env={**os.environ, "STUDIO_KEY": KEY})
        return done.stdout.strip()

    def usage(self):
        """request id -> (prompt tokens, completion tokens) of every line of a batch that was recorded; the server is down."""
        with sqlite3.connect(os.path.join(self.data, "studio.db")) as database:
            rows = database.execute("SELECT request_id, prompt_tokens, completion_tokens FROM usage WHERE is_batch = 1").fetchall()
        assert len({row[0] for row in rows}) == len(rows)
        return {row[0]: row[1:] for row in rows}

    def change(self, statement, *values):
        """What takes too long to come by itself; the server is down."""
        with sqlite3.connect(os.path.join(self.data, "studio.db")) as database:
            assert database.execute(statement, values).rowcount > 0, statement
        database.close()

    def bytes_on_their_way(self):
        """Of uploads that are not complete."""
        sizes = []
        for path in glob.glob(os.path.join(self.data, "files", ".new.*")):
            try:
                sizes.append(os.path.getsize(path))
            except FileNotFoundError:  # it went between the two looks
                continue
        return sum(sizes)

    def files_on_disk(self):
        return sorted(os.listdir(os.path.join(self.data, "files")))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        self.log.close()
        shutil.rmtree(self.data, ignore_errors=True)
