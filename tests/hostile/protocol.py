"""Abuses of HTTP/1.1, each with the answers it must get: (name, bytes, statuses, how the connection ends).

"closed": the server ends the connection after the last answer, so that nothing which follows is read as a request.
"open": the connection goes on. A pause in the bytes is written as a number of seconds between two pieces.
"""
HOST = b"Host: 127.0.0.1\r\n"


def get(extra=b"", target=b"/healthz", method=b"GET", version=b"HTTP/1.1", host=HOST):
    return method + b" " + target + b" " + version + b"\r\n" + host + extra + b"\r\n"


def post(key, extra=b"", body=b"", target=b"/v1/tokenize"):
    head = b"POST " + target + b" HTTP/1.1\r\n" + HOST + b"Authorization: Bearer " + key + b"\r\nContent-Type: application/json\r\n"
    return head + extra + b"\r\n" + body


GOOD = b'{"model":"tiny","text":"hi"}'
SMUGGLED = get(target=b"/metrics")  # would be 401: an answer too many shows that it was read


def chunked(key, body, extra=b""):
    return post(key, b"Transfer-Encoding: chunked\r\n" + extra, body)


def cases(key):
    length = b"Content-Length: %d\r\n" % len(GOOD)
    chunk = b"%x\r\n%s\r\n0\r\n\r\n" % (len(GOOD), GOOD)

    # ---- two readings of where a request ends
    yield "length and chunked", post(key, length + b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n" + SMUGGLED), [400], "closed"
    yield "chunked and length", post(key, b"Transfer-Encoding: chunked\r\n" + length, chunk + SMUGGLED), [400], "closed"
    yield "two equal lengths", post(key, length + length, GOOD), [400], "closed"
    yield "two lengths that differ", post(key, length + b"Content-Length: 1\r\n", GOOD), [400], "closed"
    yield "length as a list", post(key, b"Content-Length: 28, 28\r\n", GOOD), [400], "closed"
    for text in (b"+28", b"-1", b"0x1c", b"2 8", b"", b"28a", b"99999999999999999999", b"1e1", b"\xb2\xb8"):
        yield f"length {text!r}", post(key, b"Content-Length: " + text + b"\r\n", GOOD + SMUGGLED), [400], "closed"
    for text in (b"identity", b"gzip, chunked", b"chunked, chunked", b"chunked;q=1", b"xchunked", b"chunke", b"\"chunked\"", b""):
        yield f"coding {text!r}", post(key, b"Transfer-Encoding: " + text + b"\r\n", chunk + SMUGGLED), [501], "closed"
    yield "coding twice", post(key, b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", chunk), [400], "closed"
    yield "blank before the colon", post(key, b"Transfer-Encoding : chunked\r\n", chunk + SMUGGLED), [400], "closed"
    yield "control byte before chunked", post(key, b"Transfer-Encoding: \x0bchunked\r\n", chunk), [400], "closed"
    yield "coding folded", post(key, b"Transfer-Encoding:\r\n chunked\r\n", chunk), [501], "closed"  # its first line says no coding at all
    yield "body of a GET", get(b"Content-Length: 5\r\n") + b"hello" + SMUGGLED, [413], "closed"
    yield "length without its body, then a request", post(key, b"Content-Length: 5\r\n", b"hello" + get()), [400, 200], "open"

    # ---- chunks
    for text in (b"zz", b"-1", b"+1c", b"0x1c", b" 1c", b"1c ", b"", b"1g", b"123456789"):
        yield f"chunk size {text!r}", chunked(key, text + b"\r\n" + GOOD + b"\r\n0\r\n\r\n" + SMUGGLED), [400], "closed"
    yield "chunk of more than a body may be", chunked(key, b"fffffff\r\n" + GOOD), [413], "closed"
    yield "chunk without its line end", chunked(key, b"%x\r\n%sXX0\r\n\r\n" % (len(GOOD), GOOD) + SMUGGLED), [400], "closed"
    yield "chunk line that ends in LF", chunked(key, b"%x\n%s\r\n0\r\n\r\n" % (len(GOOD), GOOD)), [400], "closed"
    yield "chunk line that ends in CR", chunked(key, b"%x\r%s\r\n0\r\n\r\n" % (len(GOOD), GOOD)), [400], "closed"
    yield "chunk extension of 100 KB", chunked(key, b"1;" + b"a" * 100_000 + b"\r\n"), [400], "closed"
    yield "trailers of 100 KB", chunked(key, b"%x\r\n%s\r\n0\r\n" % (len(GOOD), GOOD) + b"X: y\r\n" * 20_000), [400], "closed"
    yield "trailer that would be a key", (b"POST /v1/tokenize HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
                                          b"0\r\nAuthorization: Bearer " + key + b"\r\n\r\n"), [401], "closed"
    yield "trailers are dropped", chunked(key, b"%x;a=b\r\n%s\r\n0\r\nContent-Length: 9\r\n\r\n" % (len(GOOD), GOOD)), [200], "open"

    # ---- bytes that have no place in a head
    yield "bare LF", b"GET /healthz HTTP/1.1\nHost: 127.0.0.1\n\n" + SMUGGLED, [400], "closed"
    yield "LF between CRLF", b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\nX: y\r\n\r\n", [400], "closed"
    yield "bare CR in a value", get(b"X: a\rb\r\n"), [400], "closed"
    yield "CR CR LF", get(b"X: a\r\r\n"), [400], "closed"
    yield "NUL in a value", get(b"X: a\x00b\r\n"), [400], "closed"
    yield "NUL in the target", get(target=b"/heal\x00thz"), [400], "closed"
    yield "DEL in a value", get(b"X: a\x7fb\r\n"), [400], "closed"
    yield "folded line", get(b"X: a\r\n b\r\n"), [400], "closed"
    yield "folded first line", b"GET /healthz HTTP/1.1\r\n Host: 127.0.0.1\r\n\r\n", [400], "closed"
    yield "no colon", get(b"nonsense\r\n"), [400], "closed"
    yield "empty name", get(b": x\r\n"), [400], "closed"
    yield "name that is no token", get(b"a(b): c\r\n"), [400], "closed"
    yield "name with a blank", get(b"a b: c\r\n"), [400], "closed"
    yield "65 fields", get(b"".join(b"X-%d: y\r\n" % i for i in range(64))), [431], "closed"
    yield "field of 17 KB", get(b"X: " + b"a" * 17_000 + b"\r\n"), [431], "closed"
    yield "line without an end", b"GET /" + b"a" * 20_000, [431], "closed"
    yield "target of 5 KB", get(target=b"/" + b"a" * 5_000), [400], "closed"

    # ---- request lines
    yield "HTTP/0.9", b"GET /healthz\r\n\r\n", [400], "closed"
    yield "HTTP/1.0", get(version=b"HTTP/1.0"), [505], "closed"
    yield "HTTP/1.2", get(version=b"HTTP/1.2"), [505], "closed"
    yield "preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [505], "closed"
    yield "version in lower case", get(version=b"http/1.1"), [400], "closed"
    yield "version with a blank", get(version=b"HTTP/1.1 "), [400], "closed"
    yield "two blanks", b"GET  /healthz HTTP/1.1\r\n" + HOST + b"\r\n", [400], "closed"
    yield "tabs", b"GET\t/healthz\tHTTP/1.1\r\n" + HOST + b"\r\n", [400], "closed"
    yield "empty line first", b"\r\n" + get(), [400], "closed"
    yield "absolute form", get(target=b"http://127.0.0.1/healthz"), [400], "closed"
    yield "absolute form of another host", get(target=b"http://evil.test/metrics"), [400], "closed"
    yield "authority form", b"CONNECT evil.test:443 HTTP/1.1\r\n" + HOST + b"\r\n", [400], "closed"
    yield "asterisk form", get(target=b"*", method=b"OPTIONS"), [400], "closed"
    yield "fragment", get(target=b"/healthz#x"), [400], "closed"
    yield "bytes past ASCII in the target", get(target=b"/h\xe9althz"), [400], "closed"
    for method in (b"TRACE", b"CONNECT", b"BREW", b"get"):
        yield f"method {method!r}", get(method=method), [405], "open"
    yield "method that is no token", get(method=b"G(T"), [400], "closed"
    yield "SSH", b"SSH-2.0-OpenSSH_9.2\r\n\r\n", [400], "closed"

    # ---- hosts and pages
    yield "no host", get(host=b""), [400], "closed"
    yield "two hosts", get(HOST), [400], "closed"
    yield "host with a blank", get(host=b"Host: a b\r\n"), [400], "closed"
    yield "host with a user", get(host=b"Host: a@127.0.0.1\r\n"), [400], "closed"
    yield "host of a stranger", get(host=b"Host: evil.test\r\n"), [421], "open"
    yield "host that begins well", get(host=b"Host: 127.0.0.1.evil.test\r\n"), [421], "open"
    yield "origin of a stranger", get(b"Origin: https://evil.test\r\n"), [403], "open"
    yield "origin null", get(b"Origin: null\r\n"), [403], "open"
    yield "another port's page", get(b"Origin: http://127.0.0.1:1\r\n"), [403], "open"
    yield "another site's image", get(b"Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n"), [403], "open"
    yield "forwarded host from nobody's proxy", get(b"X-Forwarded-Host: evil.test\r\nX-Forwarded-For: 1.1.1.1\r\n"), [200], "open"

    # ---- paths
    yield "path that climbs", get(target=b"/v1/../../etc/passwd"), [404], "open"
    yield "path that climbs in escapes", get(target=b"/%2e%2e/%2e%2e/etc/passwd"), [404], "open"
    yield "escape of NUL", get(target=b"/healthz%00"), [400], "open"
    yield "broken escape", get(target=b"/healthz%zz"), [400], "open"
    yield "escaped line end", get(target=b"/x%0d%0aX-Evil:%20y"), [404], "open"
    yield "original URL in a field", get(b"X-Original-URL: /metrics\r\nX-Rewrite-URL: /metrics\r\n"), [200], "open"
    yield "method in a field", get(b"X-HTTP-Method-Override: DELETE\r\n"), [200], "open"

    # ---- expectations, upgrades, codings, credentials
    yield "unknown expectation", post(key, length + b"Expect: the-unexpected\r\n", GOOD), [417], "closed"
    yield "continue for a body that is too large", post(key, b"Content-Length: 99999999\r\nExpect: 100-continue\r\n"), [413], "closed"
    yield "upgrade to h2c", get(b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"), [200], "open"
    yield "upgrade to a web socket", get(b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                                         b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"), [200], "open"
    yield "compressed body", post(key, length + b"Content-Encoding: gzip\r\n", GOOD), [415], "closed"
    yield "body over the limit", post(key, b"Content-Length: 8388609\r\n"), [413], "closed"
    yield "two keys", get(b"Authorization: Bearer " + key + b"\r\nAuthorization: Bearer " + key + b"\r\n", b"/v1/models"), [401], "open"
    yield "key in the query", get(target=b"/v1/models?api_key=" + key), [401], "open"
    yield "key of another scheme", get(b"Authorization: Basic " + key + b"\r\n", b"/v1/models"), [401], "open"
    yield "empty key", get(b"Authorization: Bearer \r\n", b"/v1/models"), [401], "open"

    # ---- several requests on one connection
    yield "garbage after a request", get() + b"\x16\x03\x01\r\n\r\n", [200, 400], "closed"
    yield "fifty requests at once", get() * 50, [200] * 50, "open"
    yield "HEAD has no body that could be an answer", get(method=b"HEAD") + get(target=b"/none", method=b"HEAD") + get(), [200, 404, 200], "open"
    yield "nothing after a close", get(b"Connection: close\r\n") + SMUGGLED, [200], "closed"

    # ---- slow: what may take its time, and what may not (the limits are 10 s for a head, 15 s for a body without progress)
    yield "slowloris", [b"GET /healthz HTTP/1.1\r\n"] + [1, b"X: y\r\n"] * 14, [408], "closed"
    yield "head a byte a second", [piece for byte in b"GET /healthz HTTP" for piece in (bytes([byte]), 1)], [408], "closed"
    yield "body that stops", [post(key, length, GOOD[:5]), 20], [408], "closed"
    yield "body a byte a second", [post(key, length)] + [piece for i in range(20) for piece in (GOOD[i:i + 1], 1)], [408], "closed"
    yield "chunk that stops", [chunked(key, b"1c\r\n{"), 20], [408], "closed"
    yield "handshake of TLS on a plain port", [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64), 12], [408], "closed"
    yield "zeros", [bytes(200), 12], [408], "closed"
    yield "slow but in time", [b"GET /healthz HT", 2, b"TP/1.1\r\nHost: 127", 2, b".0.0.1\r\n\r\n"], [200], "open"
