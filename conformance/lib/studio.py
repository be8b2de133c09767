"""What the suites in Python share: to bring about, beside the client that is tested, what a busy server refuses.

conformance/run.sh sets the limits that are met here.
"""
import contextlib
import json
import os
import re
import threading
import time
import urllib.error
import urllib.request

MODEL, URL, KEY = os.environ["STUDIO_MODEL"], os.environ["STUDIO_URL"], os.environ["OPENAI_API_KEY"]
BESIDE_URL = os.environ.get("STUDIO_BESIDE_URL", URL)  # what is sent here is not the client's, so record.py does not see it
OPEN_AT_ONCE = 8      # requests of a key
CHOICES_AT_ONCE = 12  # that the engine runs and queues
WAIT_S = 20           # for what takes milliseconds on an idle machine
LET_GO_AFTER_S = 0.1  # a client that is refused waits longer


def send(path, body=None):
    headers = {"Authorization": "Bearer " + KEY, "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    return urllib.request.urlopen(urllib.request.Request(BESIDE_URL + path, data, headers), timeout=WAIT_S)


def open_stream(n, max_tokens=1500):
    """Until it is taken: requests that an earlier test has just left may still count."""
    endless = {"model": MODEL, "messages": [{"role": "user", "content": "Go on."}], "max_tokens": max_tokens, "ignore_eos": True, "stream": True, "n": n}
    until = time.monotonic() + WAIT_S
    while True:
        try:
            return send("/v1/chat/completions", endless)
        except urllib.error.HTTPError as error:
            error.close()
            assert time.monotonic() < until, "a stream is refused on an idle server"
        time.sleep(0.05)


@contextlib.contextmanager
def key_held():
    """The key has its requests open: the next one is a 429."""
    with contextlib.ExitStack() as streams:
        for _ in range(OPEN_AT_ONCE):
            streams.enter_context(open_stream(1))
        yield
    until_free()


@contextlib.contextmanager
def queue_filled():
    """The engine has its choices: the next request is a 503."""
    until_idle()
    with open_stream(CHOICES_AT_ONCE):
        yield
    until_free()


def until_free():
    """Until the server has seen that what was held is gone: all choices at once are taken again."""
    with open_stream(CHOICES_AT_ONCE, max_tokens=1) as stream:
        stream.read()
    until_idle()


def until_idle():
    until = time.monotonic() + WAIT_S
    while True:
        with send("/metrics") as answer:
            if re.search(r"^studio_sequences_running\{.*\} 0$", answer.read().decode(), re.M):
                return
        assert time.monotonic() < until, "a sequence still runs"
        time.sleep(0.05)


def while_held(hold, call):
    """What `call` gives that begins while something is held, which is let go of then: the client's patience must do the rest."""
    with contextlib.ExitStack() as held:
        held.enter_context(hold())
        timer = threading.Timer(LET_GO_AFTER_S, held.close)
        timer.start()
        answer = call()
        timer.join()
    return answer
