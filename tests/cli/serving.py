"""`studio serve` as a child that ends by SIGTERM, and a stand-in for any other server of the OpenAI API whose answers a
test writes itself."""
import http.server
import json
import re
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request

from place import STUDIO, TIMEOUT_S


class Serve:
    """with Serve(place, "--model", "tiny") as server: server.started is the JSON line."""

    def __init__(self, place, *words, **env):
        self.process = subprocess.Popen([STUDIO, "serve", "--json", *words], env={**place.env, **env}, cwd=place.home,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        watchdog = threading.Timer(TIMEOUT_S, self.process.kill)
        watchdog.start()
        line = self.process.stdout.readline()
        watchdog.cancel()
        if not line:
            raise AssertionError(f"serve ended: {self.process.communicate()[1]}")
        self.started = json.loads(line)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self, kind=signal.SIGTERM):
        """Returns the exit code and whatever else it printed on standard output."""
        if self.process.poll() is None:
            self.process.send_signal(kind)
        out, _ = self.process.communicate(timeout=TIMEOUT_S)
        return self.process.returncode, out

    def post(self, path, body):
        """The JSON that answers."""
        request = urllib.request.Request(self.started["url"] + path, data=json.dumps(body).encode(), headers={
            "Authorization": "Bearer " + self.started["key"], "Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            return json.load(answer)

    def status(self, key):
        """Of GET /v1/models with this key."""
        request = urllib.request.Request(self.started["url"] + "/v1/models", headers={"Authorization": f"Bearer {key}"})
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code


def metric(server, name, label=""):
    """The sum of the family's series, of those with this label."""
    request = urllib.request.Request(server.started["url"] + "/metrics", headers={"Authorization": "Bearer " + server.started["key"]})
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
        return sum(float(n) for n in re.findall(rf"^{name}{{[^}}]*{label}[^}}]*}} (\S+)$", answer.read().decode(), re.M))


def wait_for(condition, what):
    end = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < end, f"never {what}"
        time.sleep(0.05)


def chunk(is_chat, text=None, finish=None):
    if not is_chat:
        return {"id": "c", "object": "text_completion", "choices": [{"index": 0, "text": text or "", "finish_reason": finish}]}
    delta = {"content": text} if text is not None else {}
    return {"id": "c", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


class StandIn:
    """Serves a model "other". Each request for text takes the next of `answers`: a status with an error's text, or the pieces
    of a stream, where a threading.Event says: hold until it is set, or the reader leaves (then `left` is set)."""

    def __init__(self, *answers):
        self.answers, self.requests, self.paths, self.keys, self.left = list(answers), [], [], [], threading.Event()
        stand_in = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                stand_in.keys.append(self.headers.get("Authorization"))
                self._body(200, {"object": "list", "data": [{"id": "other", "object": "model"}]})

            def do_POST(self):
                stand_in.requests.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                stand_in.paths.append(self.path)
                answer = stand_in.answers.pop(0)
                if isinstance(answer, tuple):
                    self._body(answer[0], {"error": {"message": answer[1], "code": "some_code"}})
                else:
                    self._stream(answer)

            def _body(self, status, value):
                body = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def _stream(self, pieces):
                is_chat = self.path.endswith("/chat/completions")
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                for piece in pieces:
                    if isinstance(piece, threading.Event):
                        self._hold(piece)
                    else:
                        self.wfile.write(f"data: {json.dumps(chunk(is_chat, piece))}\n\n".encode())
                self.wfile.write(f"data: {json.dumps(chunk(is_chat, finish='stop'))}\n\ndata: [DONE]\n\n".encode())

            def _hold(self, event):
                self.connection.settimeout(0.05)
                while not event.is_set():
                    try:
                        if not self.connection.recv(1):
                            stand_in.left.set()
                            return
                    except TimeoutError:
                        pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.handle_error = lambda *_: None  # readers that leave are part of the tests
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()
        self.env = {"OPENAI_BASE_URL": f"http://127.0.0.1:{self.server.server_address[1]}/v1", "OPENAI_API_KEY": "sk-other"}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
