#!/usr/bin/env python3
"""Records what an unmodified client asks for, test by test. Usage: conformance/record.py NAME

Runs the client's own suite (run.sh NAME) through a proxy before the real server, and keeps each request once in
conformance/recordings/NAME.jsonl, for `studio conform`: its test, method, path, the fields of its head that mean something, its body,
and how it ended (status, type, the error's code, a stream's end). No key is kept: `auth` says how one was sent. What a test brings about
by many requests at once (429, 503) is left out, as one request alone cannot show it.
"""
import http.client
import http.server
import json
import os
import re
import subprocess
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../tests/lib"))
from server import Server  # noqa: E402

KEPT_FIELDS = ("accept", "anthropic-version", "anthropic-beta", "x-dashscope-sse", "x-dashscope-async", "x-dashscope-workspace",
               "x-dashscope-datainspection", "x-dashscope-plugin")
BY_MANY = (429, 503, 529)
MAX_REPEAT_BYTES = 9 << 20
MAX_BODY_BYTES = 4096  # of a kept request; what is longer is kept where it is one text repeated
END = {"text/event-stream": re.compile(r"data: ?\[DONE\]|event: ?message_stop|\"finish_reason\":\"(?!null)|event: ?error"),
       "application/x-ndjson": re.compile(r"\"done\":true")}


class Recorder:
    def __init__(self, server, note_path):
        self.server, self.note_path, self.lines, self.lock = server, note_path, [], threading.Lock()

    def test(self):
        with open(self.note_path, encoding="utf-8") as file:
            return file.read().strip() or "start"

    def auth_of(self, headers):
        bearer, plain = headers.get("authorization", ""), headers.get("x-api-key", "")
        for name, key in (("bearer", bearer.partition(" ")[2]), ("x-api-key", plain)):
            if key == self.server.key:
                return name
        return "wrong" if bearer or plain else "none"

    def keep(self, test, handler, body, status, kind, answer, is_cut):
        line = {"test": test, "method": handler.command, "path": handler.path}
        headers = {name.lower(): value for name, value in handler.headers.items()}
        fields = {name: headers[name] for name in KEPT_FIELDS if name in headers}
        if "event-stream" not in fields.get("accept", ""):
            fields.pop("accept", None)
        if fields:
            line["fields"] = fields
        line["auth"] = self.auth_of(headers)
        if body:
            kept = body_kept(body, self.server.models[0])
            if kept is None:
                return
            line["body"] = kept
        line.update({"status": status, "type": kind})
        if is_cut:
            line["cut"] = True
        elif kind in END:
            line["ends"] = bool(END[kind].search(answer))
        code = code_of(answer) if status >= 400 else None
        if code:
            line["code"] = code
        with self.lock:
            if status not in BY_MANY and "/metrics" not in handler.path and line not in self.lines:
                self.lines.append(line)


def code_of(answer):
    """The error's code in whatever dialect."""
    try:
        body = json.loads(answer)
    except ValueError:
        return None
    error = body.get("error") if isinstance(body.get("error"), dict) else body
    return error.get("code") or error.get("type")


def body_kept(body, model):
    """A JSON body with the model's name as "{model}" and long repeats as {"$repeat": [text, count]}; a text that is no JSON as it is."""
    try:
        value = json.loads(body)
    except ValueError:
        return body if len(body) <= MAX_BODY_BYTES else None
    value = shortened(value)
    if isinstance(value, dict) and value.get("model") == model:
        value["model"] = "{model}"
    return value if len(json.dumps(value)) <= MAX_BODY_BYTES else None


def shortened(value):
    if isinstance(value, dict):
        return {name: shortened(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [shortened(inner) for inner in value]
    if isinstance(value, str) and len(value) > 512:
        found = re.fullmatch(r"(.{1,64}?)\1+", value, re.S)
        if found:  # past the server's limit any size is the same
            return {"$repeat": [found.group(1), min(len(value), MAX_REPEAT_BYTES) // len(found.group(1))]}
    return value


def proxy(recorder):
    port = int(recorder.server.url.rsplit(":", 1)[1])

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def read_body(self):
            if "chunked" not in self.headers.get("Transfer-Encoding", ""):
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        def do_any(self):
            test, body = recorder.test(), self.read_body()
            upstream = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
            own = ("host", "connection", "transfer-encoding", "content-length")  # of this hop
            upstream.request(self.command, self.path, body=body or None,
                             headers={name: value for name, value in self.headers.items() if name.lower() not in own})
            answer = upstream.getresponse()
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                    self.send_header(name, value)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            text, is_cut = b"", False
            try:
                while piece := answer.read1(65536):
                    text += piece
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                    self.wfile.flush()
                self.wfile.write(b"0\r\n\r\n")
            except OSError:
                is_cut, self.close_connection = True, True
            upstream.close()
            kind = (answer.getheader("Content-Type") or "").split(";")[0]
            recorder.keep(test, self, body.decode("utf-8", "replace"), answer.status, kind, text.decode("utf-8", "replace"), is_cut)

        do_GET = do_POST = do_DELETE = do_any

    return http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)


def main():
    name = sys.argv[1]
    limits = {"STUDIO_ENGINE_MAX_SEQUENCES": "4", "STUDIO_ENGINE_MAX_QUEUE": "8", "STUDIO_SERVE_MAX_REQUESTS_PER_KEY": "8"}  # as run.sh has them
    encoder = os.path.join(HERE, "../tests/golden/encoders/tiny-bert")  # as run.sh has it for some
    with Server(models=("tiny", encoder), env=limits) as server, tempfile.NamedTemporaryFile() as note:
        recorder = Recorder(server, note.name)
        front = proxy(recorder)
        threading.Thread(target=front.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{front.server_address[1]}"
        env = dict(os.environ, STUDIO_URL=url, OPENAI_BASE_URL=url + "/v1", OPENAI_API_KEY=server.key, STUDIO_MODEL="tiny",
                   STUDIO_CONSOLE_LINK="", STUDIO_SERVER_DATA=server.data, STUDIO_TEST_NOTE=note.name, STUDIO_CONFORMANCE_SERVER="1")
        subprocess.run([os.path.join(HERE, "run.sh"), name], env=env, check=False, timeout=900)
        front.shutdown()
    if not recorder.lines:
        print("nothing was recorded", file=sys.stderr)
        return 1
    with open(os.path.join(HERE, "recordings", name + ".jsonl"), "w", encoding="utf-8") as file:
        for line in recorder.lines:
            file.write(json.dumps(line, separators=(",", ":"), ensure_ascii=False) + "\n")
    print(f"{len(recorder.lines)} requests of {len({line['test'] for line in recorder.lines})} tests")
    return 0


if __name__ == "__main__":
    sys.exit(main())
