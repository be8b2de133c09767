#!/usr/bin/env python3
"""Responses and conversations survive SIGKILL and SIGTERM of their server with every item. Usage: run.py [ROUNDS]
The README says what is asked and what must hold."""
import contextlib
import http.client
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../lib"))
from patience import PATIENCE  # noqa: E402
from server import BUILD, Server  # noqa: E402

WAIT_S = 120 * PATIENCE
CLIENTS = 4
KEYED = 40  # of the latest requests with a key, sent again to each server: those that the last one's end cut are among them
LONGEST_ROUND_S = 1.2  # of asking before the end of a server
PROMPTS = ["What is a violin?", "What is a river?", "Tell me of the sea.", "Who are you?"]
CUT = (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError)


def request_of(number, **fields):
    """Deterministic: the same number asks the same."""
    return {"model": "tiny", "input": PROMPTS[number % len(PROMPTS)], "seed": number, "max_output_tokens": 60, "temperature": 0.7, **fields}


class Api:
    """One server, by one key."""

    def __init__(self, server, key=None):
        self.url, self.key = server.url, key or server.key

    def open(self, method, path, body=None, head=None):
        data = json.dumps(body).encode() if body is not None else None
        fields = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json", **(head or {})}
        return urllib.request.urlopen(urllib.request.Request(self.url + path, data, fields, method=method), timeout=WAIT_S)

    def text(self, method, path, body=None, head=None):
        with self.open(method, path, body, head) as answer:
            return answer.read().decode()

    def ask(self, method, path, body=None):
        return json.loads(self.text(method, path, body))

    def status(self, method, path, body=None):
        try:
            with self.open(method, path, body) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def items(self, path):
        """Every item of a list, oldest first."""
        items, after = [], ""
        while True:
            page = self.ask("GET", f"{path}?order=asc&limit=7{after}")
            items += page["data"]
            if not page["has_more"]:
                return items
            after = "&after=" + page["last_id"]


def text_of(response):
    return "".join(part["text"] for item in response["output"] if item["type"] == "message" for part in item["content"])


class Told:
    """What clients were told, by all servers so far. Appended to by several threads."""

    def __init__(self):
        self.wholes = {}      # id -> the body
        self.streams = {}     # id -> every byte of its events
        self.inputs = {}      # id -> its input's text
        self.background = {}  # id -> (number, the id of the request)
        self.keyed = {}       # its Idempotency-Key, which is its conversation -> [the request, what was told or None]
        self.conversations = {}  # id -> the texts of its items that were acknowledged, in their order
        self.lock = threading.Lock()


class Client(threading.Thread):
    """Asks until its server is gone."""

    def __init__(self, server, told, seed):
        super().__init__()
        self.api, self.told, self.random, self.fault = Api(server), told, random.Random(seed), None

    def run(self):
        try:
            while True:
                self.random.choice([self.whole, self.stream, self.background, self.conversation, self.keyed])()
        except CUT:
            pass
        except Exception as error:  # noqa: BLE001: told by who joins it
            self.fault = error

    def whole(self):
        body = request_of(self.random.randrange(1000))
        with self.told.lock:
            earlier = list(self.told.wholes)
        if earlier and self.random.random() < 0.5:
            body["previous_response_id"] = self.random.choice(earlier)
            body["max_output_tokens"] = 16  # chains stay within the context
        try:
            text = self.api.text("POST", "/v1/responses", body)
        except urllib.error.HTTPError as error:
            if json.loads(error.read())["error"]["code"] == "context_length_exceeded":
                return
            raise
        with self.told.lock:
            self.told.wholes[json.loads(text)["id"]] = text
            self.told.inputs[json.loads(text)["id"]] = body["input"]

    def stream(self):
        text = ""
        with self.api.open("POST", "/v1/responses", request_of(self.random.randrange(1000), stream=True)) as answer:
            for line in answer:
                text += line.decode()
        if "event: response.completed\n" in text or "event: response.incomplete\n" in text:
            first = json.loads(text.split("data: ", 1)[1].split("\n", 1)[0])
            with self.told.lock:
                self.told.streams[first["response"]["id"]] = text

    def background(self):
        number = self.random.randrange(1000)
        body = request_of(number, background=True, ignore_eos=True, max_output_tokens=400)
        with self.api.open("POST", "/v1/responses", body) as answer:
            response, request_id = json.loads(answer.read()), answer.headers["x-request-id"]
        with self.told.lock:
            self.told.background[response["id"]] = (number, request_id)

    def conversation(self):
        made = self.api.ask("POST", "/v1/conversations", {"metadata": {"of": self.name}})
        with self.told.lock:
            texts = self.told.conversations[made["id"]] = []
        for i in range(self.random.randrange(1, 4)):
            self.api.ask("POST", f"/v1/conversations/{made['id']}/items", {"items": [{"role": "user", "content": f"Word {i}"}]})
            texts.append(f"Word {i}")
        answer = self.api.ask("POST", "/v1/responses", request_of(7, conversation=made["id"], reasoning={"effort": "none"}))
        texts += [request_of(7)["input"], text_of(answer)]


    def keyed(self):
        """Sent again by whoever comes next, it is the same response, and once in its conversation."""
        key = self.api.ask("POST", "/v1/conversations", {})["id"]
        body = request_of(self.random.randrange(1000), conversation=key, stream=self.random.random() < 0.5)
        with self.told.lock:
            self.told.keyed[key] = [body, None]
        text = self.api.text("POST", "/v1/responses", body, {"Idempotency-Key": key})
        if not body["stream"] or '"response.completed"' in text or '"response.incomplete"' in text:
            self.told.keyed[key][1] = text


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def check_conversation(api, conversation, texts):
    items = api.items(f"/v1/conversations/{conversation}/items")
    found = [item["content"][0]["text"] for item in items]
    check(found[:len(texts)] == texts, f"{conversation} holds {found}, told were {texts}")
    check(len({item["id"] for item in items}) == len(items), f"{conversation} holds an item twice")
    # What was cut before it was told is there as a whole or not: one more item, or a question with its answer.
    check(len(found) - len(texts) in (0, 1, 2), f"{conversation} holds {found}, told were {texts}")


def check_kept(api, told):
    for response, text in told.wholes.items():
        check(api.text("GET", f"/v1/responses/{response}") == text, f"{response} differs")
        items = api.items(f"/v1/responses/{response}/input_items")
        check([item["content"][0]["text"] for item in items] == [told.inputs[response]], f"the input of {response} differs")
    for response, text in told.streams.items():
        check(api.text("GET", f"/v1/responses/{response}?stream=true") == text, f"the stream of {response} differs")
    for conversation, texts in told.conversations.items():
        check_conversation(api, conversation, texts)


def check_keyed(api, told):
    for key, one in list(told.keyed.items())[-KEYED:]:
        body, text = one
        again = api.text("POST", "/v1/responses", body, {"Idempotency-Key": key})
        check(text is None or again == text, f"{key}: another answer\n{again}\n{text}")
        one[1] = again
        questions = [item for item in api.items(f"/v1/conversations/{key}/items") if item.get("role") == "user"]
        check(len(questions) == 1, f"{key} holds its question {len(questions)} times")


def check_foreign(api, told):
    """Another key: as if there was nothing."""
    for response in [*told.wholes, *told.streams, *told.background][:20]:
        for method, path in (("GET", ""), ("GET", "?stream=true"), ("GET", "/input_items"), ("DELETE", ""), ("POST", "/cancel")):
            check(api.status(method, f"/v1/responses/{response}{path}") == 404, f"{method} {path} of another key's response")
        check(api.status("POST", "/v1/responses", request_of(1, previous_response_id=response)) == 400, "a chain over another key's")
    for conversation in list(told.conversations)[:10]:
        for method, path, body in (("GET", "", None), ("POST", "", {"metadata": {}}), ("DELETE", "", None), ("GET", "/items", None),
                                   ("POST", "/items", {"items": [{"role": "user", "content": "x"}]})):
            check(api.status(method, f"/v1/conversations/{conversation}{path}", body) == 404, f"{method} {path} of another key's")
        check(api.status("POST", "/v1/responses", request_of(1, conversation=conversation)) == 404, "a response in another key's")


def check_background(api, told, data):
    """Each ends as it would have ended undisturbed, and is recorded once."""
    until, expected = time.monotonic() + WAIT_S, {}
    for response, (number, request_id) in told.background.items():
        while True:
            state = api.ask("GET", f"/v1/responses/{response}")
            if state["status"] not in ("queued", "in_progress"):
                break
            check(time.monotonic() < until, f"{response} is still {state['status']}")
            time.sleep(0.05)
        if number not in expected:
            expected[number] = text_of(api.ask("POST", "/v1/responses", request_of(
                number, store=False, ignore_eos=True, max_output_tokens=400)))
        check(state["status"] == "incomplete" and text_of(state) == expected[number], f"{response} ended otherwise: {state}")
        first, second = (api.text("GET", f"/v1/responses/{response}?stream=true") for _ in range(2))
        check(first == second, f"the events of {response} differ")
        with contextlib.closing(sqlite3.connect(f"file:{data}/studio.db?mode=ro", uri=True)) as store:
            rows = store.execute("SELECT completion_tokens, outcome FROM usage WHERE request_id = ?", (request_id,)).fetchall()
        check(rows == [(state["usage"]["output_tokens"], "length")], f"{response} is recorded as {rows}")


def check_references(api):
    """What is referred to is part of a conversation once, and is bounded however often it is named."""
    made = api.ask("POST", "/v1/conversations", {"items": [{"role": "user", "content": "A violin has four strings."}]})["id"]
    item = {"type": "item_reference", "id": api.items(f"/v1/conversations/{made}/items")[0]["id"]}
    answer = api.ask("POST", "/v1/responses", request_of(
        3, conversation=made, input=[item, item, {"role": "user", "content": "And a cello?"}], reasoning={"effort": "none"}))
    found = [each["content"][0]["text"] for each in api.items(f"/v1/conversations/{made}/items")]
    check(found == ["A violin has four strings.", "And a cello?", text_of(answer)], f"{made} holds {found}")
    api.ask("POST", f"/v1/conversations/{made}/items", {"items": [{"role": "user", "content": "x" * (6 << 20)}]})
    item["id"] = api.items(f"/v1/conversations/{made}/items")[-1]["id"]
    asked = time.monotonic()
    status = api.status("POST", "/v1/responses", request_of(3, conversation=made, input=[item] * 4096))
    check(status == 400, f"24 GiB of references are answered {status} after {time.monotonic() - asked:.1f} s")


def check_deep(api):
    """A request that is nested as deep as may be is read again from the store."""
    def nested(levels):
        return {"items": nested(levels - 1)} if levels else {"type": "string"}

    for levels in range(80, 0, -1):
        tool = {"type": "function", "name": "deep", "strict": False, "parameters": nested(levels)}
        body = request_of(4, tools=[tool], tool_choice="none")
        if api.status("POST", "/v1/responses", {**body, "store": False}) == 200:
            break
    check(40 < levels < 80, f"{levels} levels are taken")
    made = api.ask("POST", "/v1/responses", body)["id"]
    check(api.status("GET", f"/v1/responses/{made}") == 200, f"what was just told cannot be read: {levels} levels")


def limits_met(data, key):
    """What a key is told that keeps as much as it may. Its totals are set, as keeping so much takes too long."""
    def keep(count, size):
        with contextlib.closing(sqlite3.connect(f"{data}/studio.db")) as store, store:
            whose = "key_id = (SELECT key_id FROM responses WHERE response_id = ?)"
            changed = store.execute(f"UPDATE kept_totals SET count = ?, bytes = ? WHERE {whose}", (count, size, made)).rowcount
            check(changed == 2, f"{changed} totals")

    with Server(models=["tiny"], data=data) as server:
        api = Api(server, key)
        made, spare = (api.ask("POST", "/v1/responses", request_of(i))["id"] for i in range(2))
        conversation = api.ask("POST", "/v1/conversations", {})["id"]
    for count, size in ((100_000, 1 << 20), (2, 4 << 30)):
        keep(count, size)
        with Server(models=["tiny"], data=data) as server:
            check_limits(Api(server, key), made, spare if count > 2 else None, conversation)


def check_limits(api, made, spare, conversation):
    def refusal(path, body):
        try:
            api.text("POST", path, body)
        except urllib.error.HTTPError as error:
            check(error.code == 429, f"{path}: {error.code}")
            return json.loads(error.read())["error"]["message"]
        raise AssertionError(f"{path} keeps more than it may")

    for more in ({}, {"stream": True}, {"background": True}):
        message = refusal("/v1/responses", request_of(2, **more))
        for word in ("100000", "4 GiB", "Delete some", "store: false", "30 days"):
            check(word in message, f"{word} is not in: {message}")
    check("delete some" in refusal("/v1/conversations", {}), "how to have room again is not told")
    items = {"items": [{"role": "user", "content": "x"}]}
    if spare:
        check(api.status("POST", f"/v1/conversations/{conversation}/items", items) == 200, "a conversation may not grow")
    else:
        check("4 GiB" in refusal(f"/v1/conversations/{conversation}/items", items), "the limit is not named")
    check(api.status("POST", "/v1/responses", request_of(2, store=False)) == 200, "what is not kept is refused")
    check(api.status("GET", f"/v1/responses/{made}") == 200, "what is kept is not found")
    if spare:
        api.ask("DELETE", f"/v1/responses/{spare}")
        check(api.status("POST", "/v1/responses", request_of(2)) == 200, "what is deleted makes no room")


def one_server(data, told, choice):
    """Ask, and end it at a random moment."""
    with Server(models=["tiny"], data=data) as server:
        check_kept(Api(server), told)
        check_keyed(Api(server), told)
        clients = [Client(server, told, choice.random()) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        time.sleep(choice.random() * LONGEST_ROUND_S)
        how = choice.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM])
        server.process.send_signal(how)
        server.process.wait(WAIT_S)
        for client in clients:
            client.join(WAIT_S)
            check(not client.is_alive(), "a client waits for a server that is gone")
            if client.fault:
                raise client.fault
        return how


def made_key(data):
    """One more key of the folder, made while no server runs on it."""
    return subprocess.run([os.path.join(BUILD, "studio"), "key", "add", "another", "--data", data], check=True, capture_output=True,
                          text=True, timeout=WAIT_S).stdout.strip()


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    seed = int(os.environ.get("SEED", time.time_ns() % 1_000_000))
    print(f"seed {seed}", flush=True)
    choice, told, passed = random.Random(seed), Told(), 0
    data = tempfile.mkdtemp(prefix="studio-responses-")
    try:
        other = made_key(data)
        for number in range(rounds):
            how = one_server(data, told, choice)
            passed += 1
            print(f"ok round {number}: {how.name}; told of {len(told.wholes)} whole, {len(told.streams)} streamed, "
                  f"{len(told.background)} in the background, {len(told.conversations)} conversations, {len(told.keyed)} with a key", flush=True)
        with Server(models=["tiny"], data=data) as server:
            api = Api(server)
            check_kept(api, told)
            check_keyed(api, told)
            check_background(api, told, data)
            check(told.wholes and told.streams and told.background and told.conversations and told.keyed, "too little was asked")
            passed += 1
            print("ok all of it is there; what was in the background has ended as undisturbed", flush=True)
            check_references(api)
            check_deep(api)
            passed += 1
            print("ok references are kept once and bounded; the deepest request is read again", flush=True)
            check_foreign(Api(server, other), told)
            check_kept(api, told)
            passed += 1
            print("ok another key finds none of it", flush=True)
        limits_met(data, other)
        passed += 1
        print("ok a key that keeps as much as it may is told so, and how to have room again", flush=True)
    except AssertionError as error:
        print(f"FAILED {error}\n{passed} passed, 1 failed, 0 skipped")
        return 1
    finally:
        shutil.rmtree(data, ignore_errors=True)
    print(f"{passed} passed, 0 failed, 0 skipped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
