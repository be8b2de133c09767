#!/usr/bin/python3 -SE
"""A worker with faults: speaks the token protocol and hands everything on to the real one, but for the streams of a plan.

Started by a gateway as `studio worker` is, with the same arguments. Environment: STUDIO_TEST_PROGRAM, the real program;
STUDIO_TEST_PLAN, a folder with plan.json: [{"name", "seed", "choice", "at", "fault", "delay_ms", "always"}]. A stream is
known by its seed and the number of its choice. Just before the token at position `at` would be handed on, the fault
comes; with a delay it comes that long after the request. Each time leaves a file NAME.<number> in the folder; a fault
that is not `always` comes once, whatever number of lives this program has.
"""
import ctypes
import json
import os
import select
import signal
import socket
import sys
import threading
import time

PLAN = os.environ["STUDIO_TEST_PLAN"]
child = 0


def start_real(arguments):
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: it goes with us
        if os.getppid() != parent:
            os._exit(127)
        os.execv(os.environ["STUDIO_TEST_PROGRAM"], ["studio", *arguments])
    return pid


def connect(path):
    real = socket.socket(socket.AF_UNIX)
    real.connect(path)
    return real


def read_request(client):
    data = b""
    while b"\r\n\r\n" not in data:
        piece = client.recv(65536)
        if not piece:
            return None
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        piece = client.recv(65536)
        if not piece:
            return None
        body += piece
    return head, body


class Chunks:
    """Takes the chunks off a body."""

    def __init__(self):
        self.data, self.is_over = b"", False

    def feed(self, data):
        self.data += data
        while not self.is_over:
            size, end, rest = self.data.partition(b"\r\n")
            if not end:
                return
            length = int(size, 16)
            if len(rest) < length + 2:
                return
            self.data, self.is_over = rest[length + 2:], length == 0
            if length:
                yield rest[:length]


def fault_of(body):
    request = json.loads(body)
    try:
        with open(f"{PLAN}/plan.json", encoding="utf-8") as file:
            plan = json.load(file)
    except OSError:
        return None
    for entry in plan:
        # A stream that a gateway runs on by itself, to try it (its id ends so), is not the one that the test asked for.
        if request["request_id"].endswith("~") and not entry.get("always"):
            continue
        if entry["seed"] == request.get("seed") and entry["choice"] == request.get("stream_index", 0):
            return entry
    return None


def claim(entry):
    """Whether the fault comes now: leaves its trace first."""
    for number in range(10**6):
        try:
            os.close(os.open(f"{PLAN}/{entry['name']}.{number}", os.O_CREAT | os.O_EXCL))
            return True
        except FileExistsError:
            if not entry.get("always"):
                return False
    return False


def die():
    os.kill(child, signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


def chunk(event):
    return b"%x\r\n%s\r\n" % (len(event), event)


class FaultyStream:
    def __init__(self, client, entry):
        self.client, self.entry, self.is_silent, self.is_over = client, entry, False, False
        self.head, self.chunks, self.events = b"", Chunks(), b""

    def feed(self, data):
        """False: the connection is done."""
        if self.head is not None:
            self.head += data
            if b"\r\n\r\n" not in self.head:
                return True
            head, _, data = self.head.partition(b"\r\n\r\n")
            self.client.sendall(head + b"\r\n\r\n")
            self.head = None
        for piece in self.chunks.feed(data):
            self.events += piece
            while b"\n\n" in self.events:
                event, _, self.events = self.events.partition(b"\n\n")
                if not self.hand_on(event + b"\n\n"):
                    return False
        if self.chunks.is_over and not self.is_silent:
            self.client.sendall(b"0\r\n\r\n")
            return False
        return True

    def hand_on(self, event):
        if self.is_silent:
            return True
        if self.entry.get("delay_ms") is None and event.startswith(b"data: {"):
            frame = json.loads(event[6:])
            choices = frame.get("choices") or [{}]
            if choices[0].get("position") == self.entry["at"] and claim(self.entry):
                return self.fail(event, frame)
        self.client.sendall(chunk(event))
        return True

    def fail(self, event, frame):
        kind, choice = self.entry["fault"], frame["choices"][0]
        if kind == "die":
            die()
        if kind == "stop":
            os.kill(child, signal.SIGSTOP)
            os.kill(os.getpid(), signal.SIGSTOP)
        if kind == "hang":  # we live on, asleep, and nothing comes any more
            os.kill(child, signal.SIGSTOP)
        if kind in ("hang", "silence"):
            self.is_silent = True
            return True
        if kind == "truncate":
            self.client.sendall(chunk(event[:len(event) // 2]))
            return False
        if kind == "position":
            choice["position"] += 1
        elif kind == "repeat":
            self.client.sendall(chunk(event))
        elif kind == "id":
            choice["token_ids"] = [10**8]
        elif kind == "swap":  # an id that might have been, but is not what the engine drew
            choice["token_ids"] = [(choice["token_ids"][0] + 1) % 200]
        text = json.dumps(frame)
        if kind == "nan":
            text = text.replace(json.dumps(choice["logprobs"]["token_logprobs"]), "[NaN]")
        self.client.sendall(chunk(f"data: {text}\n\n".encode()))
        return True


def later_fault(stream):
    time.sleep(stream.entry["delay_ms"] / 1e3)
    if not stream.is_over and claim(stream.entry):
        die()


def serve(client, real_path):
    real = stream = None
    try:
        request = read_request(client)
        if request is None:
            return
        head, body = request
        real = connect(real_path)
        real.sendall(head + b"\r\n\r\n" + body)
        entry = fault_of(body) if head.startswith(b"POST") else None
        stream = FaultyStream(client, entry) if entry else None
        if entry and entry.get("delay_ms") is not None:
            threading.Thread(target=later_fault, args=(stream,), daemon=True).start()
        while True:
            readable, _, _ = select.select([client, real], [], [])
            data = real.recv(65536) if real in readable else None
            if client in readable and not client.recv(65536):
                return
            if data == b"" and stream and stream.is_silent:
                client.recv(1)  # keeps the connection until the gateway has enough of it
                return
            if data == b"":
                return
            if data and stream:
                if not stream.feed(data):
                    return
            elif data:
                client.sendall(data)
    except OSError:  # one side is gone
        pass
    finally:
        if stream:
            stream.is_over = True
        client.close()
        if real:
            real.close()


def main():
    global child
    arguments = sys.argv[1:]
    place = arguments.index("--socket") + 1
    path, real_path = arguments[place], arguments[place] + ".real"
    arguments[place] = real_path
    for stale in (path, real_path):
        if os.path.exists(stale):
            os.unlink(stale)
    child = start_real(arguments)
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
    while True:  # until it has loaded its model
        try:
            connect(real_path).close()
            break
        except OSError:
            if os.waitpid(child, os.WNOHANG)[0]:
                sys.exit(1)
            time.sleep(0.002)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(64)

    def accept():
        while True:
            client, _ = listener.accept()
            threading.Thread(target=serve, args=(client, real_path), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        os.kill(os.getpid(), signal.SIGKILL)
    os._exit(os.WEXITSTATUS(status))


if __name__ == "__main__":
    main()
