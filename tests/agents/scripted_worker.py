#!/usr/bin/python3 -SE
"""A worker whose engine is a script: speaks the token protocol (docs/formats/token_protocol.md), and player.py answers.

Started by a gateway as `studio worker` is, with the same arguments. Prompts come as token ids of the model file that is
named, and answers go back as such: the gateway renders, tokenises, detokenises, parses and streams as for any model.
Environment: STUDIO_TEST_REQUESTS, a file that gets a line for each request: {"prompt", "answer"} as texts.
Constraints are not applied: the script writes what they would let through.
"""
import http.server
import json
import os
import signal
import socketserver
import sys
import threading
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from player import answer  # noqa: E402
from vocabulary import Vocabulary  # noqa: E402

PULSE_S = 0.1               # as the protocol has it
CONTEXT_TOKENS = 1_000_000  # agents' first prompts have 10^4 words, and the built-in vocabulary few tokens for them
IDENTITY = {"numerics_class": "scripted", "model_digest": "0" * 64}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    vocabulary = None
    steps = 0

    def do_GET(self):
        if self.path == "/pulse":
            self.begin_stream()
            while True:
                self.event({"status": "ok", "progress": int(time.monotonic() * 1e3), "steps": Handler.steps})
                time.sleep(PULSE_S)
        elif self.path == "/health":
            self.reply({"status": "ok"})
        else:
            self.reply({"object": "list", "data": [{
                "id": "scripted", "object": "model", "architecture": "script", "digest": IDENTITY["model_digest"],
                "numerics_class": IDENTITY["numerics_class"], "kernels": "none", "vocab_size": self.vocabulary.size,
                "context_tokens": CONTEXT_TOKENS, "threads": 1, "max_sequences": 16}]})

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        prompt, produced = request["prompt"], len(request.get("resume", []))
        ids = answer(self.vocabulary, prompt)
        self.note(prompt, ids)
        whole = len(ids) <= request["max_tokens"]
        ids = ids[:request["max_tokens"]]
        self.begin_stream()
        self.event({"id": request["request_id"], "object": "text_completion", "choices": [], **IDENTITY})
        for position in range(produced, len(ids)):
            Handler.steps += 1
            is_last = position == len(ids) - 1
            finish = ("stop" if whole else "length") if is_last else None
            frame = {"id": request["request_id"], "object": "text_completion", "choices": [
                {"index": 0, "text": "", "finish_reason": finish, "token_ids": [ids[position]], "position": position,
                 "logprobs": {"token_logprobs": [0.0], "top_logprobs": [[]]}}]}
            if position == 0 or is_last:
                frame["usage"] = {"prompt_tokens": len(prompt), "completion_tokens": position + 1,
                                  "total_tokens": len(prompt) + position + 1, "prompt_tokens_details": {"cached_tokens": 0}}
            self.event(frame)
        self.chunk(b"data: [DONE]\n\n")
        self.chunk(b"")

    def note(self, prompt, ids):
        line = json.dumps({"prompt": self.vocabulary.decode(prompt), "answer": self.vocabulary.decode(ids)})
        with open(os.environ["STUDIO_TEST_REQUESTS"], "a", encoding="utf-8") as file:
            file.write(line + "\n")

    def begin_stream(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def event(self, value):
        self.chunk(f"data: {json.dumps(value)}\n\n".encode())

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def reply(self, value):
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def address_string(self):
        return "gateway"  # a Unix socket's other end has no address

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        if not isinstance(sys.exception() if hasattr(sys, "exception") else sys.exc_info()[1], OSError):
            traceback.print_exc()


def main():
    arguments = dict(zip(sys.argv[2::2], sys.argv[3::2]))
    if os.path.exists(arguments["--socket"]):
        os.unlink(arguments["--socket"])
    Handler.vocabulary = Vocabulary(arguments["--model"])
    server = Server(arguments["--socket"], Handler)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever()


if __name__ == "__main__":
    main()
