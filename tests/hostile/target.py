"""A server under attack: how it is talked to, and how it must be afterwards."""
import http.client
import json
import os
import re
import socket
import time
import urllib.parse

from patience import PATIENCE

WAIT_S = 60 * PATIENCE  # for what takes milliseconds on an idle machine
CHAT = {"model": "tiny", "messages": [{"role": "user", "content": "What is a violin?"}], "max_tokens": 8, "seed": 7, "enable_thinking": False}
# What no answer may tell: addresses, paths of the machine or of the source, names of types.
LEAK = re.compile(rb"0x[0-9a-f]{6,}|/home/|/root/|/tmp/|std::|boost|\.cc\b|\.cc:")


class Fault(Exception):
    pass


def check(condition, message):
    if not condition:
        raise Fault(message)


def wait_for(condition, what, seconds=WAIT_S):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return
        time.sleep(0.05)
    raise Fault(f"not within {seconds} s: {what}")


class Target:
    """A server, how to talk to it, and how it must be afterwards."""

    def __init__(self, server, processes=2):
        self.server, self.key = server, server.key.encode()
        address = urllib.parse.urlparse(server.url)
        self.address = (address.hostname, address.port)
        self.pids = self.processes()
        check(len(self.pids) == processes, f"gateway and workers: {self.pids}")
        self.answer = self.ask()

    def processes(self):
        gateway, children = self.server.process.pid, []
        for task in os.listdir(f"/proc/{gateway}/task"):
            try:
                with open(f"/proc/{gateway}/task/{task}/children", encoding="ascii") as file:
                    children += [int(pid) for pid in file.read().split()]
            except FileNotFoundError:
                pass  # a thread that has just ended
        return [gateway, *sorted(children)]

    def connect(self, receive_bytes=None):
        connection = socket.socket()
        if receive_bytes:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        connection.settimeout(WAIT_S)
        connection.connect(self.address)
        return connection

    def request_bytes(self, path, body, extra=b""):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        return (b"POST %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"
                b"Content-Length: %d\r\n%s\r\n" % (path.encode(), self.key, len(body), extra)) + body

    def post(self, path, body):
        connection = http.client.HTTPConnection(*self.address, timeout=WAIT_S)
        connection.request("POST", path, body if isinstance(body, bytes) else json.dumps(body).encode(),
                           {"Authorization": "Bearer " + self.key.decode(), "Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, answer.headers, text

    def ask(self, **fields):
        status, _, text = self.post("/v1/chat/completions", {**CHAT, **fields})
        check(status == 200, f"a plain request got {status}: {text[:300]}")
        return json.loads(text)["choices"][0]["message"]["content"]

    def gauge(self, name):
        connection = http.client.HTTPConnection(*self.address, timeout=WAIT_S)
        connection.request("GET", "/metrics", headers={"Authorization": "Bearer " + self.key.decode()})
        text = connection.getresponse().read().decode()
        connection.close()
        found = re.search(rf"^{name}(?:\{{[^}}]*\}})? ([0-9.e+]+)$", text, re.M)
        check(found, f"/metrics has no {name}")
        return float(found.group(1))

    def is_at_rest(self):
        return (self.gauge("studio_sequences_running") == 0 and self.gauge("studio_sequences_waiting") == 0
                and self.gauge("studio_kv_pages_free") == self.gauge("studio_kv_pages"))

    def descriptors(self):
        return [len(os.listdir(f"/proc/{pid}/fd")) for pid in self.pids]

    def check_well(self, descriptors):
        check(self.server.process.poll() is None, "the gateway has ended")
        check(self.processes() == self.pids, f"processes were {self.pids} and are {self.processes()}")
        wait_for(self.is_at_rest, "every page free and nothing waiting")
        check(self.ask() == self.answer, "the same request has another answer than before")
        wait_for(lambda: all(now <= before + 1 for now, before in zip(self.descriptors(), descriptors)),
                 f"descriptors {descriptors} again; they are {self.descriptors()}")
