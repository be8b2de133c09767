"""One change to a request, drawn by a generator of its own: a number names a mutation for ever."""
import copy
import json
import string

LONG = "x" * 20_000
VALUES = [None, True, False, 0, 1, -1, 2, 0.5, -0.0, 1e308, -1e308, 1e-320, 2**31, 2**53 + 1, 2**63, 2**64, -(2**63) - 1, 10**400, "", " ", "\x00", "\ud83d", "\u202e",
          "null", "auto", "none", "required", "user", "system", "tool", "a" * 300, LONG, [], {}, [[]], [None], {"": ""}, {"type": "text", "text": "hi"},
          {"type": "object"}, {"$ref": "#"}, "\u4e2d\u6587" * 50, "<|im_end|>", "<tool_call>", "../../etc/passwd", "file:///etc/passwd", "http://127.0.0.1:1/"]
FIELDS = [("Content-Type", "text/plain"), ("Content-Type", "multipart/form-data; boundary=x"), ("Content-Type", "application/json; charset=utf-16"),
          ("Accept", "text/event-stream"), ("X-DashScope-SSE", "enable"), ("X-DashScope-Async", "enable"), ("Idempotency-Key", "k" * 300),
          ("Idempotency-Key", "one"), ("Last-Event-ID", "12"), ("Last-Event-ID", "-1:x"), ("X-Studio-Resume", "1"), ("anthropic-version", "x"), ("anthropic-beta", "a,b," * 40),
          ("X-Request-Id", "\x7f"), ("Accept-Encoding", "gzip;q=0"), ("X-DashScope-WorkSpace", "w"), ("OpenAI-Beta", "x")]


def places_of(value, at=()):
    """The ways to all values within."""
    yield at
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from places_of(one, at + (key,))


def value_at(root, place):
    for key in place:
        root = root[key]
    return root


def with_value(root, place, value):
    if not place:
        return value
    value_at(root, place[:-1])[place[-1]] = value
    return root


def nested(random, depth):
    opening, closing = random.choice([("[", "]"), ('{"a":', "}")])
    return opening * depth + "1" + closing * depth


def change_value(random, root, others):
    """A change of the tree. Returns the new one."""
    places = list(places_of(root))
    place, other = random.choice(places), random.choice(places)
    kind = random.randrange(12)
    holder = value_at(root, place[:-1]) if place else None
    if kind == 0 and place:
        if isinstance(holder, dict):
            del holder[place[-1]]
        else:
            holder.pop(place[-1])
        return root
    if kind == 1 and isinstance(holder, dict):
        name = str(place[-1])
        at = random.randrange(len(name) + 1)
        holder[name[:at] + random.choice(string.ascii_letters + "_ \u00e9\x00") + name[at + random.randrange(2):]] = holder.pop(place[-1])
        return root
    if kind == 2:
        return with_value(root, place, copy.deepcopy(value_at(root, other)))
    if kind == 3 and isinstance(holder, list):
        holder.extend([copy.deepcopy(holder[place[-1]])] * random.choice([1, 3, 60]))
        return root
    if kind == 4 and isinstance(value_at(root, place), dict):
        value_at(root, place)[random.choice(["zzz", "type", "content", "stream", "name", "model", "\u4e2d"])] = copy.deepcopy(random.choice(VALUES))
        return root
    if kind == 5:
        return with_value(root, place, random.choice([lambda v: [v], lambda v: {"a": v}, json.dumps, lambda v: [v] * 3])(copy.deepcopy(value_at(root, place))))
    if kind == 6:
        donor = random.choice(others)
        return with_value(root, place, copy.deepcopy(value_at(donor, random.choice(list(places_of(donor))))))
    if kind == 7 and isinstance(value_at(root, place), str):
        text = value_at(root, place)
        at = random.randrange(len(text) + 1)
        return with_value(root, place, text[:at] + random.choice(["\x00", "\U0001f600", "\u0301" * 30, "\\", '"', "}", "\n", LONG]) + text[at:])
    if kind > 8:  # one of its own kind, which more often passes the first checks
        donor = random.choice(others)
        alike = [one for one in map(lambda at: value_at(donor, at), places_of(donor)) if type(one) is type(value_at(root, place))]
        return with_value(root, place, copy.deepcopy(random.choice(alike))) if alike else root
    return with_value(root, place, copy.deepcopy(random.choice(VALUES)))


def change_bytes(random, body):
    kind, at = random.randrange(6), random.randrange(len(body) + 1)
    until = min(len(body), at + random.randrange(1, 30))
    if kind == 0:
        return body[:at]
    if kind == 1:
        return body[:at] + bytes(random.randrange(256) for _ in range(random.randrange(1, 5))) + body[at:]
    if kind == 2:
        return body[:at] + body[until:]
    if kind == 3:
        return body[:at] + body[at:until] * random.choice([2, 50]) + body[until:]
    if kind == 4:
        return body[:at] + nested(random, random.choice([3, 40, 5000])).encode() + body[until:]
    return body[:at] + bytes(byte ^ (1 << random.randrange(8)) for byte in body[at:until]) + body[until:]


def change_path(random, path):
    at = random.randrange(1, len(path) + 1)
    return path[:at] + random.choice(["/", "//", "?", "?limit=-1", "?limit=99999999999999999999", "&after=%00", "%2e%2e/", "%zz", "x", "?order=asc&order=desc", "%F0%9F%98%80"]) + path[at:]


def mutated(random, seeds):
    """(method, path, body bytes or None, fields) made of a seed by one to four changes."""
    method, path, body, fields = copy.deepcopy(random.choice(seeds))
    others = [one[2] for one in seeds if one[2] is not None]
    kind = random.randrange(20)
    if kind == 0:
        path = change_path(random, path)
    if kind == 1:
        method = random.choice(["GET", "POST", "DELETE", "PUT", "HEAD", "OPTIONS", "PATCH"])
    if kind < 4:
        fields = {**fields, **dict([random.choice(FIELDS)])}
    if body is None:
        return method, path if kind < 10 else change_path(random, path), None, fields
    for _ in range(random.choice([1, 1, 1, 2, 4])):
        body = change_value(random, body, others)
    if isinstance(body, dict) and kind % 3 == 0:
        body["allow_degraded"] = True  # what is refused by name is left out, and the rest goes on
    raw = json.dumps(body, ensure_ascii=random.random() < 0.5).encode("utf-8", "surrogatepass")
    if kind > 16:
        raw = change_bytes(random, raw)
    return method, path, raw, fields
