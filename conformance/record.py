#!/usr/bin/env python3
"""Records what unmodified clients ask for, test by test. Usage: conformance/record.py SUITE...

Runs a client's own suite, as tests/suites.toml names it, through a proxy before the real server, and keeps each request once in
conformance/recordings/SUITE.jsonl, for `studio conform`: its test, method, path, the fields of its head that mean something, its body,
and how it ended (status, type, the error's code, a stream's end). No key is kept: `auth` says how one was sent.

Left out is what one request alone cannot show: what many at once bring about (429, 503), what names a thing that an earlier answer made (its
id lives on this server alone), and uploads, as `studio conform` sends JSON; and a test that failed.
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
import tomllib

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../tests/lib"))
from server import Server  # noqa: E402

KEPT_FIELDS = ("accept", "anthropic-version", "anthropic-beta", "x-dashscope-sse", "x-dashscope-async", "x-dashscope-workspace",
               "x-dashscope-datainspection", "x-dashscope-plugin", "idempotency-key", "x-studio-resume", "last-event-id")
MODELS = ("tiny", os.path.join(HERE, "../tests/golden/encoders/tiny-bert"))  # as run.sh has them
GIVEN = re.compile(r'"(?:\w+_)?(?:id|token|signature)": ?"([^"\\]{8,})"')  # in an answer: what a later request may name
OWN = ("id", "call_id", "tool_call_id", "tool_use_id", "signature")  # where a request names what it holds itself
BY_MANY = (429, 503, 529)
MAX_REPEAT_BYTES = 9 << 20
MAX_BODY_BYTES = 4096  # of a kept request; what is longer is kept where it is one text repeated
END = {"text/event-stream": re.compile(r"data: ?\[DONE\]|event: ?message_stop|\"finish_reason\":\"(?!null)|event: ?error"),
       "application/x-ndjson": re.compile(r"\"done\":true")}


class Recorder:
    def __init__(self, server, note_path):
        self.server, self.note_path, self.lock = server, note_path, threading.Lock()
        self.begun, self.kept, self.given = 0, [], {}

    def test(self):
        with open(self.note_path, encoding="utf-8") as file:
            return file.read().strip() or "start"

    def begin(self):
        """The place of a request among all: several may end in another order."""
        with self.lock:
            self.begun += 1
            return self.begun

    def lines(self):
        lines = []
        for _, line in sorted(self.kept, key=lambda entry: entry[0]):
            if line not in lines:
                lines.append(line)
        return lines

    def auth_of(self, headers):
        bearer, plain = headers.get("authorization", ""), headers.get("x-api-key", "")
        for name, key in (("bearer", bearer.partition(" ")[2]), ("x-api-key", plain)):
            if key == self.server.key:
                return name
        return "wrong" if bearer or plain else "none"

    def learn(self, test, text):
        """What an answer gives a name to, numbered test by test, so that a new recording has the same numbers."""
        with self.lock:
            for name in GIVEN.findall(text):
                if name not in self.given and name not in self.server.models:
                    count = sum(1 for number in self.given.values() if number.startswith(test + " "))
                    self.given[name] = f"{test} {count + 1}"

    def is_alone(self, line):
        """Whether it means the same to a server that has answered nothing yet."""
        head = line["path"] + json.dumps(line.get("fields", {}))
        if any(name in head for name in self.given):
            return False
        return line["auth"] != "wrong" or line["status"] == 401  # a key that an answer gave

    def keep(self, place, line, body, answer):
        if line["status"] in BY_MANY or "/metrics" in line["path"] or not self.is_alone(line):
            return
        if body:
            line["body"] = body_kept(body, self.server.models[0], self.given)
            if line["body"] is None:
                return
        code = code_of(answer) if line["status"] >= 400 else None
        if code:
            line["code"] = code
        order = ("test", "method", "path", "fields", "auth", "body", "status", "type", "cut", "ends", "code")
        with self.lock:
            self.kept.append((place, {name: line[name] for name in order if name in line}))


def code_of(answer):
    """The error's code in whatever dialect."""
    try:
        body = json.loads(answer)
    except ValueError:
        return None
    error = body.get("error") if isinstance(body.get("error"), dict) else body
    return error.get("code") or error.get("type")


def body_kept(body, model, given):
    """A JSON body with the model's name as "{model}" and long repeats as {"$repeat": [text, count]}; a text that is no JSON as it is.
    None: too long, an upload, or one that names a thing of this server."""
    try:
        value = json.loads(body)
    except ValueError:
        return body if len(body) <= MAX_BODY_BYTES and "form-data" not in body else None
    value = without_ids(shortened(value), given)
    if isinstance(value, dict) and value.get("model") == model:
        value["model"] = "{model}"
    text = json.dumps(value, ensure_ascii=False)
    return value if len(text) <= MAX_BODY_BYTES and not any(name in text for name in given) else None


def without_ids(value, given):
    """Ids that a request holds both ends of, as those of calls and their results, are numbered."""
    if isinstance(value, list):
        return [without_ids(inner, given) for inner in value]
    if not isinstance(value, dict) or value.get("type") == "item_reference":
        return value
    own = {name: "id_" + given[inner].rpartition(" ")[2] for name, inner in value.items() if name in OWN and isinstance(inner, str) and inner in given}
    return {name: inner if name == "conversation" else own.get(name, without_ids(inner, given)) for name, inner in value.items()}


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

        def line(self, test, answer):
            headers = {name.lower(): value for name, value in self.headers.items()}
            fields = {name: headers[name] for name in KEPT_FIELDS if name in headers}
            if "event-stream" not in fields.get("accept", ""):
                fields.pop("accept", None)
            line = {"test": test, "method": self.command, "path": self.path, "auth": recorder.auth_of(headers), "status": answer.status,
                    "type": (answer.getheader("Content-Type") or "").split(";")[0]}
            return {**line, "fields": fields} if fields else line

        def hand_on(self, answer):
            """The answer's bytes, and whether the client left before their end."""
            text = b""
            try:
                self.send_response_only(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                        self.send_header(name, value)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                while piece := answer.read1(65536):
                    text += piece
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                    self.wfile.flush()
                self.wfile.write(b"0\r\n\r\n")
            except OSError:
                self.close_connection = True
                return text.decode("utf-8", "replace"), True
            return text.decode("utf-8", "replace"), False

        def do_any(self):
            place, test, body = recorder.begin(), recorder.test(), self.read_body()
            upstream = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
            own = ("host", "connection", "transfer-encoding", "content-length")  # of this hop
            upstream.request(self.command, self.path, body=body or None,
                             headers={name: value for name, value in self.headers.items() if name.lower() not in own})
            answer = upstream.getresponse()
            line = self.line(test, answer)
            text, is_cut = self.hand_on(answer)
            upstream.close()
            if is_cut:
                line["cut"] = True
            elif line["type"] in END:
                line["ends"] = bool(END[line["type"]].search(text))
            recorder.keep(place, line, body.decode("utf-8", "replace"), text)
            # Behind the request's own line, which may hold an id that its answer repeats.
            recorder.learn(test, text + "".join(f'"id":"{value}"' for name, value in answer.getheaders() if name.lower() == "x-studio-answer"))

        do_GET = do_POST = do_DELETE = do_any

    return http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)


def command_of(suite):
    """The words of conformance/run.sh that run it."""
    with open(os.path.join(HERE, "../tests/suites.toml"), "rb") as file:
        for each in tomllib.load(file)["suite"]:
            program, *words = each["command"].split()
            if each["name"] == suite and program == "conformance/run.sh":
                return [os.path.join(HERE, "run.sh"), *words]
    raise SystemExit(f"tests/suites.toml runs no client {suite}")


def record(suite):
    command = command_of(suite)
    limits = {"STUDIO_ENGINE_MAX_SEQUENCES": "4", "STUDIO_ENGINE_MAX_QUEUE": "8", "STUDIO_SERVE_MAX_REQUESTS_PER_KEY": "8"}  # as run.sh has them
    with Server(models=MODELS, env=limits) as server, tempfile.NamedTemporaryFile() as note:
        recorder = Recorder(server, note.name)
        front = proxy(recorder)
        threading.Thread(target=front.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{front.server_address[1]}"
        env = dict(os.environ, STUDIO_URL=url, STUDIO_BESIDE_URL=server.url, OPENAI_BASE_URL=url + "/v1", OPENAI_API_KEY=server.key,
                   STUDIO_MODEL="tiny", STUDIO_CONSOLE_LINK="", STUDIO_SERVER_DATA=server.data, STUDIO_TEST_NOTE=note.name,
                   STUDIO_CONFORMANCE_SERVER="1")
        done = subprocess.run(command, env=env, check=False, timeout=900, stdout=subprocess.PIPE, text=True)
        front.shutdown()
    failed = re.findall(r"^FAILED (.+)$", done.stdout, re.M)
    print("".join(f"{suite}: FAILED {name}\n" for name in failed), end="")
    lines = [line for line in recorder.lines() if line["test"] not in failed]
    if not lines:
        print(f"{suite}: not recorded, its suite ended with {done.returncode}", file=sys.stderr)
        return 1
    with open(os.path.join(HERE, "recordings", suite + ".jsonl"), "w", encoding="utf-8") as file:
        for line in lines:
            file.write(json.dumps(line, separators=(",", ":"), ensure_ascii=False) + "\n")
    print(f"{suite}: {len(lines)} requests of {len({line['test'] for line in lines})} tests")
    return 0


if __name__ == "__main__":
    sys.exit(max([record(suite) for suite in sys.argv[1:]], default=2))
