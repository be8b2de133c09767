"""A server that can be killed and started again on its data, and a client that reads event by event and leaves when it likes."""
import http.client
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../lib"))
from patience import PATIENCE  # noqa: E402
from processes import workers_of  # noqa: E402, F401
from server import BUILD, ROOT, Server  # noqa: E402

ANSWER_TIMEOUT_S = 120 * PATIENCE
KEY = "sk-resume"


class Place:
    """with Place() as place: place.server, place.kill(), place.restart(env)"""

    def __init__(self, env=None):
        self.env, self.data = env or {}, tempfile.mkdtemp(prefix="studio-resume-")
        self.server, self.other = None, ""
        self.start()

    def start(self, env=None):
        self.server = Server(key=KEY, data=self.data, env={**self.env, **(env or {})})

    def end(self, number):
        """By a signal; the next start is on the same data."""
        self.server.process.send_signal(number)
        code = self.server.process.wait(ANSWER_TIMEOUT_S)
        self.server.process.stdout.close()
        self.server.log.close()
        return code

    def restart(self, env=None):
        self.end(signal.SIGKILL)
        self.start(env)

    def usage(self, answer):
        """The records of an answer: (completion tokens, outcome)."""
        with sqlite3.connect(f"file:{self.data}/studio.db?mode=ro", uri=True, timeout=ANSWER_TIMEOUT_S) as database:
            return database.execute("SELECT completion_tokens, outcome FROM usage WHERE request_id = ?", (answer,)).fetchall()

    def records_of_other(self):
        """How many requests of the other key were recorded."""
        with sqlite3.connect(f"file:{self.data}/studio.db?mode=ro", uri=True, timeout=ANSWER_TIMEOUT_S) as database:
            return database.execute("SELECT count(*) FROM usage WHERE key_id <> 'key_chosen'").fetchone()[0]

    def other_key(self):
        """Of somebody else; made once."""
        if not self.other:
            self.other = self.make_key()
        return self.other

    def make_key(self):
        command = [os.path.join(BUILD, "studio"), "key", "add", "other", "--quiet", "--data", self.data]
        return subprocess.run(command, env={**os.environ, "STUDIO_KEY": KEY}, check=True, capture_output=True, text=True).stdout.strip()

    def log_text(self):
        with open(self.server.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()[-3000:]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.__exit__()
        shutil.rmtree(self.data, ignore_errors=True)


class Stream:
    """An open answer: status, head, answer (its id), and the bytes of its events as they are read."""

    def __init__(self, place, path, body, head, key=KEY):
        self.connection = http.client.HTTPConnection(place.server.url.removeprefix("http://"), timeout=ANSWER_TIMEOUT_S)
        self.connection.request("POST", path, body, {"Authorization": f"Bearer {key}", "Content-Type": "application/json", **head})
        self.response = self.connection.getresponse()
        self.status = self.response.status
        self.answer = self.response.headers.get("X-Studio-Answer")
        self.is_replay = self.response.headers.get("Idempotent-Replayed") == "true"
        self.rest = b""

    def read(self, events, end):
        """So many events, or all that there are."""
        data, count = b"", 0
        while count < events:
            at = self.rest.find(end)
            if at < 0:
                more = self.response.read1(65536)
                if not more:
                    break
                self.rest += more
                continue
            data += self.rest[:at + len(end)]
            self.rest = self.rest[at + len(end):]
            count += 1
        return data

    def all(self):
        return self.rest + self.response.read()

    def close(self):
        self.connection.close()


def begin(place, kind, **head):
    return Stream(place, kind.path, kind.body, {**kind.head, **(head or {"X-Studio-Resume": "1"})})


def go_on(place, kind, answer, event, key=KEY):
    path, head = kind.behind(answer, event)
    return Stream(place, path, kind.body, {**kind.head, **head}, key)


def rest_of(place, kind, answer, event):
    stream = go_on(place, kind, answer, event)
    try:
        assert stream.status == 200, (kind.name, event, stream.status, stream.all())
        assert stream.answer == answer and stream.is_replay
        return stream.all()
    finally:
        stream.close()


def first_of(place, kind, events):
    """So many events of a new answer, whose client then leaves: (its id, the bytes)."""
    stream = begin(place, kind)
    assert stream.status == 200, (kind.name, stream.status, stream.all())
    data = stream.read(events, kind.end)
    stream.close()
    return stream.answer, data


def whole_of(place, kind):
    return first_of(place, kind, 1 << 30)
