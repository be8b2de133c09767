"""A hub that misbehaves on purpose, on loopback: the paths of ModelScope, Hugging Face and a Python package index.

  /models/OWNER/NAME/resolve/REVISION/FILE   ModelScope: the bytes, or a redirect to where they are
  /OWNER/NAME/resolve/REVISION/FILE          Hugging Face: 302 to the CDN, with X-Linked-Etag and X-Linked-Size
  /api/models/OWNER/NAME/tree/REVISION       Hugging Face's list of a repository's files
  /api/v1/models/OWNER/NAME/repo/files       ModelScope's
  /cdn/KEY                                   the bytes: ranges, ETag, Accept-Ranges
  /simple/PACKAGE/, /simple/PACKAGE/json     the index as pip reads it (PEP 503 and 691); wheels below /wheels/

What it does wrong is one Fault, which the test changes between and during requests. Every request is kept in `seen`.
"""
import hashlib
import http.server
import json
import re
import socket
import struct
import threading
import time
from dataclasses import dataclass, field

CHUNK = 16 << 10


@dataclass
class Fault:
    """None of these: a hub that does everything right."""
    cut_at: int = -1               # absolute offset in the file: the connection ends when it is reached ...
    cut_times: int = 1             # ... this many times, then no more
    cut_hard: bool = False         # by a reset, which may take bytes under way with it; else by a plain end
    stall_at: int = -1             # says nothing more from there (but once, as above)
    stall_s: float = 60
    slow: float = 0                # seconds between chunks
    silent: bool = False           # takes the request and never answers
    silent_cdn: bool = False       # the redirect is given at once, the CDN never answers
    status: int = 0                # answers this instead, `status_times` times
    status_times: int = 1 << 30
    retry_after: str = ""
    ignore_range: bool = False     # the whole file, whatever is asked for
    wrong_range: bool = False      # 206, but from another offset than it says was asked for
    no_etag: bool = False
    no_linked: bool = False        # an older mirror: no X-Linked-* headers
    extra_length: int = 0          # Content-Length is this much more than what comes
    no_length: bool = False        # HTTP/1.0 style: the end of the connection is the end of the file
    endless: bool = False          # with no_length: never ends
    empty: bool = False            # 200 with nothing
    body: bytes = None             # another file than the one announced
    linked_sha: str = ""           # a digest that is not the file's
    redirect_to: str = ""          # instead of the CDN
    direct: bool = False           # no redirect at all, as ModelScope's small files
    listing: object = None         # answered instead of the list of files
    on_request: object = None      # called with (hub, handler) before anything else


@dataclass
class Hub:
    files: dict = field(default_factory=dict)    # "OWNER/NAME/FILE" -> bytes
    wheels: dict = field(default_factory=dict)   # "package" -> {file name: bytes}
    fault: Fault = field(default_factory=Fault)

    def __post_init__(self):
        self.seen, self.sent, self.lock = [], 0, threading.Lock()
        hub = self

        class Handler(_Handler):
            pass
        Handler.hub = hub
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # clients that leave are the subject here
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    def reset(self, fault=None):
        with self.lock:
            self.fault, self.seen, self.sent = fault or Fault(), [], 0

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def use(self, name):
        """Takes one of a fault's remaining times; False when they are used up."""
        with self.lock:
            left = getattr(self.fault, name)
            setattr(self.fault, name, left - 1)
            return left > 0


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub = None

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        hub, fault = self.hub, self.hub.fault
        with hub.lock:
            hub.seen.append((self.command, self.path, self.headers.get("Range"), self.headers.get("Authorization")))
        if fault.on_request:
            fault.on_request(hub, self)
        if fault.silent:
            return self._wait_for_leave()
        path = self.path.split("?")[0]
        if path.startswith("/cdn/"):
            if fault.silent_cdn:
                return self._wait_for_leave()
            return self._bytes(path[5:])
        if path.startswith("/simple/"):
            return self._index(path)
        if path.startswith("/wheels/"):
            _, _, package, name = path.split("/", 3)
            return self._send_file(hub.wheels[package][name])
        listed = re.fullmatch(r"/api/(v1/)?models/([^/]+/[^/]+)/(tree/[^/]+|repo/files)", path)
        if listed:
            return self._list(listed.group(2), is_modelscope=listed.group(1) is not None)
        found = re.fullmatch(r"(/models)?/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path)
        if not found:
            return self._plain(404, b"no such page")
        return self._resolve(found.group(2) + "/" + found.group(4))

    def _resolve(self, key):
        fault = self.hub.fault
        if fault.status and self.hub.use("status_times"):
            headers = {"Retry-After": fault.retry_after} if fault.retry_after else {}
            return self._plain(fault.status, b"refused", headers)
        if key not in self.hub.files:
            return self._plain(404, b"no such file")
        if fault.direct:
            return self._bytes(key)
        body = self.hub.files[key]
        headers = {"Location": fault.redirect_to or f"/cdn/{key}?signature={time.monotonic_ns()}"}
        if not fault.no_linked:
            digest = fault.linked_sha or hashlib.sha256(body).hexdigest()
            headers |= {"X-Linked-Etag": f'"{digest}"', "X-Linked-Size": str(len(body))}
        self._plain(302, b"Found. Redirecting", headers)

    def _list(self, repo, is_modelscope):
        fault, entries = self.hub.fault, []
        if fault.status and self.hub.use("status_times"):
            return self._plain(fault.status, b"refused")
        files = {key[len(repo) + 1:]: body for key, body in self.hub.files.items() if key.startswith(repo + "/")}
        if not files:
            return self._plain(404, b"no such repository")
        for name, body in files.items():
            digest = fault.linked_sha or hashlib.sha256(body).hexdigest()
            if is_modelscope:
                entries.append({"Type": "blob", "Path": name, "Size": len(body), "Sha256": digest})
            else:
                large = {"lfs": {"oid": digest, "size": len(body)}} if name.endswith((".safetensors", ".gguf")) else {}
                entries.append({"type": "file", "path": name, "size": len(body), "oid": "0" * 40} | large)
        answer = {"Code": 200, "Data": {"Files": entries}} if is_modelscope else entries
        body = json.dumps(answer).encode() if fault.listing is None else fault.listing
        self._plain(200, body, {"Content-Type": "application/json"})

    def _bytes(self, key):
        if key not in self.hub.files:
            return self._plain(404, b"no such file")
        body = self.hub.files[key] if self.hub.fault.body is None else self.hub.fault.body
        self._send_file(body)

    def _send_file(self, body):
        fault, size = self.hub.fault, len(body)
        start, status = 0, 200
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        end = size
        if asked and not fault.ignore_range:
            start, status = int(asked.group(1)), 206
            end = min(size, int(asked.group(2)) + 1) if asked.group(2) else size
            if start >= size:
                return self._plain(416, b"", {"Content-Range": f"bytes */{size}"})
            if fault.wrong_range and start > 0:
                start -= 1
        if fault.empty:
            start = end = 0
            status = 200
        self.send_response(status)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Accept-Ranges", "none" if fault.ignore_range else "bytes")
        if not fault.no_etag:
            self.send_header("ETag", f'"{hashlib.md5(body).hexdigest()}"')
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{size}")
        if fault.no_length:
            self.close_connection = True
        else:
            self.send_header("Content-Length", str(end - start + fault.extra_length))
        self.end_headers()
        if self.command == "GET":
            self._send_body(body, start, end)
        if fault.extra_length:
            self.close_connection = True

    def _send_body(self, body, start, end):
        fault, at = self.hub.fault, start
        if self.headers.get("Range") == "bytes=0-0":  # the question whether the file is there is no part of a download
            fault = Fault(endless=fault.endless)
        while at < end or (fault.endless and end == len(body)):
            piece = body[at:min(at + CHUNK, end)] or bytes(CHUNK)
            if at <= fault.cut_at < at + len(piece) and self.hub.use("cut_times"):
                self.wfile.write(body[at:fault.cut_at])
                return self._cut()
            if at <= fault.stall_at < at + len(piece) and self.hub.use("cut_times"):
                self.wfile.write(body[at:fault.stall_at])
                time.sleep(fault.stall_s)
                return self._cut()
            self.wfile.write(piece)
            with self.hub.lock:
                self.hub.sent += len(piece)
            at += len(piece)
            if fault.slow:
                time.sleep(fault.slow)

    def _index(self, path):
        package = path.split("/")[2]
        if self.hub.fault.status and self.hub.use("status_times"):
            return self._plain(self.hub.fault.status, b"refused")
        if package not in self.hub.wheels:
            return self._plain(404, b"no such package")
        files = self.hub.wheels[package]
        if "json" in self.headers.get("Accept", ""):
            answer = {"meta": {"api-version": "1.0"}, "name": package, "files": [
                {"filename": name, "url": f"/wheels/{package}/{name}",
                 "hashes": {"sha256": self.hub.fault.linked_sha or hashlib.sha256(body).hexdigest()}}
                for name, body in files.items()]}
            return self._plain(200, json.dumps(answer).encode(),
                               {"Content-Type": "application/vnd.pypi.simple.v1+json"})
        links = "".join(f'<a href="/wheels/{package}/{name}#sha256={hashlib.sha256(body).hexdigest()}">{name}</a>'
                        for name, body in files.items())
        self._plain(200, links.encode(), {"Content-Type": "text/html"})

    def _plain(self, status, body, headers=None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def _wait_for_leave(self):
        """Until the client hangs up: a byte that never comes."""
        self.connection.settimeout(60)
        try:
            self.connection.recv(1)
        except OSError:
            pass
        self.close_connection = True

    def _cut(self):
        self.wfile.flush()
        if self.hub.fault.cut_hard:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()
