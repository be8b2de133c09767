#!/usr/bin/env python3
"""TLS from outside: versions, ciphers, reload under load, bad files, the proxy in front. Certificates are made on the spot."""
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import warnings

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../lib"))
from patience import PATIENCE  # noqa: E402
from run_cases import run_cases  # noqa: E402
from server import BUILD, Server  # noqa: E402

warnings.simplefilter("ignore", DeprecationWarning)  # of naming the old versions, to see them refused
WAIT_S = 60 * PATIENCE
CHAT = {"model": "tiny", "messages": [{"role": "user", "content": "Tell me a story."}], "max_tokens": 8, "seed": 7, "enable_thinking": False}


class Files:
    """Certificates in a temporary folder; the server reads `certificate` and `key`."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="studio-tls-")
        self.certificate, self.key = self.path("certificate"), self.path("key")
        self.make()

    def path(self, name):
        return os.path.join(self.folder, name)

    def make(self, days=90, certificate=None, key=None):
        key = key or self.key
        self.openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
        os.chmod(key, 0o600)
        names = "subjectAltName=DNS:studio.test,DNS:localhost,IP:127.0.0.1"
        self.openssl("req", "-x509", "-new", "-key", key, "-subj", "/CN=studio.test", "-days", str(days), "-addext", names,
                     "-out", certificate or self.certificate)

    @staticmethod
    def openssl(*words):
        subprocess.run(["openssl", *words], check=True, capture_output=True, timeout=WAIT_S)

    def context(self, **limits):
        context = ssl.create_default_context(cafile=self.certificate)
        for name, value in limits.items():
            setattr(context, name, value)
        return context


class TlsServer(Server):
    def __init__(self, files, *extra, listen="127.0.0.1:0", **options):
        super().__init__(models=["tiny"], extra=["--tls-certificate", files.certificate, "--tls-key", files.key, *extra], listen=listen,
                         **options)
        self.port = urllib.parse.urlparse(self.url).port

    def connect(self, context, name="localhost"):
        return context.wrap_socket(socket.create_connection(("127.0.0.1", self.port), WAIT_S), server_hostname=name)

    def http(self, context):
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=WAIT_S, context=context)

    def post(self, connection, **fields):
        connection.request("POST", "/v1/chat/completions", json.dumps({**CHAT, **fields}),
                           {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"})
        return connection.getresponse()

    def ask(self, context, **fields):
        connection = self.http(context)
        answer = self.post(connection, **fields)
        text = answer.read()
        connection.close()
        assert answer.status == 200, text
        return text

    def serial(self, files):
        with self.connect(ssl._create_unverified_context()) as tls:  # noqa: SLF001: whose it is, is what is asked
            der = tls.getpeercert(binary_form=True)
        return der

    def log_events(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return [json.loads(line) for line in file if line.startswith("{")]


def der_of(path):
    with open(path, encoding="ascii") as file:
        return ssl.PEM_cert_to_DER_cert(file.read())


def wait_for(condition, what):
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(f"not within {WAIT_S} s: {what}")


def handshake_fails(server, context):
    try:
        with server.connect(context):
            return False
    except (ssl.SSLError, ConnectionError):
        return True


def test_versions_and_ciphers(files, server):
    for version, name in ((ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")):
        with server.connect(files.context(minimum_version=version, maximum_version=version)) as tls:
            assert tls.version() == name and tls.compression() is None
    for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        old = files.context(minimum_version=version, maximum_version=version)
        old.set_ciphers("ALL:@SECLEVEL=0")
        assert handshake_fails(server, old), version
    for ciphers, works in (("ECDHE-ECDSA-AES128-GCM-SHA256", True), ("ECDHE-ECDSA-AES256-GCM-SHA384", True),
                           ("ECDHE-ECDSA-CHACHA20-POLY1305", True), ("ECDHE-ECDSA-AES128-SHA", False), ("ECDHE-ECDSA-AES256-SHA384", False),
                           ("AES128-GCM-SHA256:AES128-SHA", False)):
        one = files.context(maximum_version=ssl.TLSVersion.TLSv1_2)
        one.set_ciphers(ciphers)
        assert handshake_fails(server, one) != works, ciphers


def test_protocols_that_clients_offer(files, server):
    context = files.context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    with server.connect(context) as tls:
        assert tls.selected_alpn_protocol() == "http/1.1"
    context.set_alpn_protocols(["h2"])
    assert handshake_fails(server, context)


def test_answers_whole_and_streamed(files, server):
    assert server.url.startswith("https://127.0.0.1:")
    whole = json.loads(server.ask(files.context()))["choices"][0]["message"]["content"]
    stream = server.ask(files.context(), stream=True).decode()
    pieces = [json.loads(line[6:]) for line in stream.split("\n") if line.startswith("data: {")]
    assert stream.rstrip().endswith("[DONE]") and whole
    assert "".join(c["delta"].get("content") or "" for piece in pieces for c in piece["choices"]) == whole
    long = server.ask(files.context(), stream=True, max_tokens=1000, ignore_eos=True, logprobs=True, top_logprobs=20)
    assert len(long) > 1_000_000 and long.rstrip().endswith(b"[DONE]")  # many records, and back-pressure


def test_hosts_are_those_of_the_certificate(files, server):
    for host, status in (("studio.test", 200), ("localhost", 200), ("127.0.0.1", 200), ("evil.test", 421)):
        connection = server.http(files.context())
        connection.request("GET", "/healthz", headers={"Host": host})
        assert connection.getresponse().status == status, host
    for origin, status in ((f"https://studio.test:{server.port}", 200), (f"http://studio.test:{server.port}", 403)):
        connection = server.http(files.context())
        connection.request("GET", "/healthz", headers={"Host": f"studio.test:{server.port}", "Origin": origin})
        assert connection.getresponse().status == status, origin


def test_plain_http_is_told_where_it_is(_, server):
    with socket.create_connection(("127.0.0.1", server.port), WAIT_S) as plain:
        plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        got = b""
        while more := plain.recv(65536):
            got += more
    assert got.startswith(b"HTTP/1.1 400 ") and b"https://" in got, got


def test_handshakes_that_go_nowhere(files, server):
    held = []
    for i in range(60):
        connection = socket.create_connection(("127.0.0.1", server.port), WAIT_S)
        connection.sendall([b"\x16", b"\x16\x03\x01\x02\x00\x01", b"\x16" + os.urandom(400), b"\x16\x03\x03\xff\xff" + bytes(2000)][i % 4])
        held.append(connection)
    started = time.monotonic()
    assert json.loads(server.ask(files.context()))["choices"]
    for connection in held:  # some get an alert at once, the silent ones are dropped after 10 s
        connection.settimeout(WAIT_S)
        try:
            while connection.recv(4096):
                pass
        except ConnectionError:
            pass
        connection.close()
    assert time.monotonic() - started < WAIT_S


def test_reload_drops_nobody(files, server):
    old = files.context()
    stream = server.post(server.http(old), stream=True, max_tokens=1500, ignore_eos=True, n=8)
    first = stream.readline()
    kept = server.http(old)
    assert server.post(kept).read()
    before = server.serial(files)
    assert before == der_of(files.certificate)
    files.make()
    server.process.send_signal(signal.SIGHUP)
    wait_for(lambda: server.serial(files) == der_of(files.certificate), "new connections see the new certificate")
    assert server.serial(files) != before
    assert server.post(kept).status == 200  # a connection that was open goes on
    rest = first + stream.read()
    assert rest.rstrip().endswith(b"[DONE]") and rest.count(b'"finish_reason":"length"') == 8
    assert json.loads(server.ask(files.context()))["choices"]


def reload_fails(server, why):
    def told():
        return [event for event in server.log_events() if event["event"] == "tls.reload_failed"]
    count = len(told())
    server.process.send_signal(signal.SIGHUP)
    wait_for(lambda: len(told()) > count, "the log says that the new files are not used")
    assert why in told()[-1]["why"], told()[-1]


def test_a_bad_new_file_keeps_the_old_one(files, server):
    good = open(files.certificate, "rb").read(), open(files.key, "rb").read()

    def put(certificate, key):
        for path, bytes_ in ((files.certificate, certificate), (files.key, key)):
            with open(path, "wb") as file:
                file.write(bytes_)

    files.make(certificate=files.path("other"), key=files.path("other_key"))
    other = open(files.path("other"), "rb").read()
    for certificate, key, why in ((b"", good[1], "holds no certificate"), (good[0], b"rubbish", "holds no key"),
                                  (good[0][:200], good[1], "holds no certificate"), (other, good[1], "is not the key of the certificate")):
        put(certificate, key)
        reload_fails(server, why)
        put(*good)
        assert server.serial(files) == der_of(files.certificate) and json.loads(server.ask(files.context()))["choices"]
    os.rename(files.key, files.path("away"))
    reload_fails(server, "cannot be read")
    os.rename(files.path("away"), files.key)
    server.process.send_signal(signal.SIGHUP)  # and a good one is taken again
    wait_for(lambda: server.log_events()[-1]["event"] == "tls.reloaded" or server.ask(files.context()), "reloaded")


def doctor(files):
    environment = {**os.environ, "STUDIO_SERVE_TLS_CERTIFICATE": files.certificate, "STUDIO_SERVE_TLS_KEY": files.key,
                   "STUDIO_DATA": files.path("data")}
    result = subprocess.run([os.path.join(BUILD, "studio"), "doctor", "--json"], env=environment, capture_output=True, text=True, timeout=WAIT_S)
    return next(check for check in json.loads(result.stdout)["checks"] if check["check"] == "certificate")


def test_doctor_looks_at_the_certificate(_, __):
    files = Files()
    found = doctor(files)
    assert found["verdict"] == "ok" and "studio.test" in found["text"], found
    os.chmod(files.key, 0o644)
    assert doctor(files)["verdict"] == "warning"
    files.make(days=5)
    found = doctor(files)
    assert found["verdict"] == "warning" and "soon" in found["text"] and "renew" in found["remedy"], found
    files.make(key=files.path("other_key"))
    found = doctor(files)
    assert found["verdict"] == "failure" and "is not the key of the certificate" in found["text"], found


def test_beyond_loopback_with_tls_or_behind_a_proxy_alone(files, _):
    with TlsServer(files, listen="0.0.0.0:0") as remote:
        assert remote.url.startswith("https://studio.test:")
        assert json.loads(remote.ask(files.context()))["choices"]
    with Server(models=["tiny"], listen="0.0.0.0:0", extra=["--behind-proxy", "203.0.113.64/26"]) as proxied:
        port = urllib.parse.urlparse(proxied.url).port
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S)
        connection.request("GET", "/healthz", headers={"X-Forwarded-For": "203.0.113.9"})
        assert connection.getresponse().status == 200
        own = own_address()
        if own:  # another address of this machine is not loopback, and no proxy
            stranger = http.client.HTTPConnection(own, port, timeout=WAIT_S)
            stranger.request("GET", "/healthz")
            assert stranger.getresponse().status == 403
        proxied.stop()
        with open(proxied.log_path, encoding="utf-8") as file:
            peers = {json.loads(line)["peer"] for line in file if '"http.request"' in line}
        assert "203.0.113.9" not in peers, peers  # loopback is no proxy here, so what it says of others is not believed


def own_address():
    """An address of this machine beside loopback, or None; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            return probe.getsockname()[0]
        except OSError:
            return None


def test_a_trusted_proxy_is_believed(_, __):
    with Server(models=["tiny"], extra=["--behind-proxy", "127.0.0.1"]) as proxied:
        port = urllib.parse.urlparse(proxied.url).port
        for headers, status in (({"X-Forwarded-For": "1.1.1.1, 203.0.113.9", "X-Forwarded-Proto": "https",
                                  "Origin": f"https://127.0.0.1:{port}"}, 200), ({"Origin": f"https://127.0.0.1:{port}"}, 403)):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S)
            connection.request("GET", "/healthz", headers=headers)
            assert connection.getresponse().status == status, headers
        proxied.stop()
        with open(proxied.log_path, encoding="utf-8") as file:
            peers = [json.loads(line)["peer"] for line in file if '"http.request"' in line]
        assert "203.0.113.9" in peers and "1.1.1.1" not in peers, peers


def test_files_that_cannot_be_served_end_the_start(files, _):
    studio = os.path.join(BUILD, "studio")
    for words, why in ((["--tls-certificate", files.certificate], "both a certificate file and a key file"),
                       (["--tls-certificate", "/nowhere", "--tls-key", files.key], "/nowhere"),
                       (["--behind-proxy", "proxy.local"], "serve.behind_proxy"), (["--allowed-origins", "*"], "every page"),
                       (["--allowed-hosts", "https://a"], "serve.allowed_hosts")):
        result = subprocess.run([studio, "serve", "--listen", "127.0.0.1:0", "--data", files.path("d"), "--model", "tiny", *words],
                                capture_output=True, text=True, timeout=WAIT_S)
        assert result.returncode == 2 and why in result.stderr, (words, result)


def test_the_server_ends_well(_, server):
    assert threading.active_count() == 1, threading.active_count()
    assert server.stop() == 0


def main():
    files = Files()
    with TlsServer(files) as server:
        return run_cases(globals(), call=lambda test: test(files, server))


if __name__ == "__main__":
    sys.exit(main())
