#!/usr/bin/env python3
"""Requests at random concurrency, each distinct one also alone: the same answers. See README.md.

Usage: tests/crowd/run.py [--requests N] [--distinct N] [--model FILE] [--seed N]
"""
import argparse
import asyncio
import collections
import json
import os
import random
import sys
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../lib"), os.path.join(HERE, "../failover")]
from answers import ask  # noqa: E402
from bodies import make_requests, texts_of  # noqa: E402
from patience import PATIENCE  # noqa: E402
from place import TINY  # noqa: E402
from server import ROOT, Server  # noqa: E402

PATH = "/v1/completions"
MAX_CONCURRENCY = 32      # twice what is computed together: half of the largest crowds wait
WAVE = (1, 6)             # requests of a wave for each of its clients
WAYS = {"whole": 4, "streamed": 4, "left": 2}  # how often each
ANSWER_TIMEOUT_S = 600 * PATIENCE  # far over what any answer takes, and a machine that stood still meanwhile: then it hangs
SHOWN = 5                 # differences that are printed

Answer = collections.namedtuple("Answer", "text finish logprobs usage")


def answer_of_body(reply):
    body = json.loads(reply.data)
    choice = body["choices"][0]
    return Answer(choice["text"], choice["finish_reason"], merged([choice.get("logprobs")]), counts(body["usage"]))


def answer_of_stream(reply):
    events = reply.events()
    choices = [choice for event in events for choice in event["choices"]]
    usage = next((event["usage"] for event in reversed(events) if event.get("usage")), None)
    return Answer("".join(choice["text"] for choice in choices), choices[-1]["finish_reason"] if choices else None,
                  merged(choice.get("logprobs") for choice in choices), counts(usage) if usage else None)


def merged(logprobs):
    """Lists of the pieces, one behind the other. Numbers are compared exactly."""
    lists = collections.defaultdict(list)
    for piece in logprobs:
        for name, values in (piece or {}).items():
            lists[name] += values
    return dict(lists)


def counts(usage):
    """Without how much of the prompt was found computed: the first to ask finds nothing, others do."""
    return usage["prompt_tokens"], usage["completion_tokens"]


class Crowd:
    """Waves of clients, each wave another number of them. What differs from the answers alone is looked for afterwards."""

    def __init__(self, server, bodies, seed):
        self.server, self.bodies, self.rng = server, bodies, random.Random(repr((seed, "crowd")))
        self.seen = []      # (number of the request, how it was asked, Reply)
        self.failures = []
        self.waves = collections.Counter()  # by number of clients

    async def one(self, number, way, leave_after):
        body = self.bodies[number]
        if way != "whole":
            body = {**body, "stream": True, "stream_options": {"include_usage": True}}
        try:
            self.seen.append((number, way, await asyncio.wait_for(ask(self.server, PATH, body, leave_after), ANSWER_TIMEOUT_S)))
        except Exception as error:  # noqa: BLE001: whatever it was, the answer did not come
            self.failures.append(f"request {number}, {way}: {error!r}")

    async def client(self, queue):
        while queue:
            await self.one(*queue.pop())

    def asked(self, number):
        way = self.rng.choices(list(WAYS), list(WAYS.values()))[0]
        return number, way, self.rng.randint(0, self.bodies[number]["max_tokens"]) if way == "left" else None

    async def run(self, count):
        """Every request about as often as every other, in random order."""
        order = [i % len(self.bodies) for i in range(count)]
        self.rng.shuffle(order)
        while order:
            clients = self.rng.randint(1, MAX_CONCURRENCY)
            size = clients * self.rng.randint(*WAVE)
            queue, order = [self.asked(number) for number in order[:size]], order[size:]
            self.waves[clients] += 1
            await asyncio.gather(*(self.client(queue) for _ in range(clients)))


async def alone(server, bodies):
    answers = []
    for body in bodies:
        reply = await asyncio.wait_for(ask(server, PATH, body), ANSWER_TIMEOUT_S)
        assert reply.status == 200, reply
        answers.append(answer_of_body(reply))
    return answers


def difference(way, reply, expected):
    """What is wrong with a reply, or None."""
    if errors := [event["error"] for event in reply.events() if "error" in event]:
        return f"{errors[0]}"
    if way == "left" and reply.status in (0, 200) and not reply.is_whole:
        came = answer_of_stream(reply).text
        return None if expected.text.startswith(came) else f"{came!r} is no beginning of {expected.text!r}"
    if reply.status != 200 or not reply.is_whole:
        return f"status {reply.status}, {reply.data[-300:]!r}"
    came = answer_of_body(reply) if way == "whole" else answer_of_stream(reply)
    return None if came == expected else f"{came} in the crowd, {expected} alone"


def tokenize(server, text):
    request = urllib.request.Request(server.url + "/v1/tokenize", json.dumps({"model": server.models[0], "text": text}).encode(),
                                     {"Authorization": f"Bearer {server.key}", "Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=ANSWER_TIMEOUT_S) as answer:
        return json.load(answer)["tokens"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--distinct", type=int, default=100)
    parser.add_argument("--model", default=TINY)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    passed = failed = 0

    def check(is_good, text):
        nonlocal passed, failed
        passed, failed = passed + bool(is_good), failed + (not is_good)
        print(("ok " if is_good else "FAILED ") + text, flush=True)

    started = time.monotonic()
    with Server(models=[options.model]) as server:
        bodies = make_requests(server.models[0], tokenize(server, texts_of(ROOT)), options.distinct, options.seed)
        crowd = Crowd(server, bodies, options.seed)
        asyncio.run(crowd.run(options.requests))
    ways = collections.Counter(way for _, way, _ in crowd.seen)
    print(f"{len(crowd.seen)} requests in {time.monotonic() - started:.0f} s ({', '.join(f'{ways[way]} {way}' for way in WAYS)}), "
          f"{sum(crowd.waves.values())} waves of {min(crowd.waves)} to {max(crowd.waves)} clients", flush=True)
    started = time.monotonic()
    with Server(models=[options.model]) as server:  # another one, that has computed nothing of it
        expected = asyncio.run(alone(server, bodies))
    print(f"{len(expected)} distinct requests alone in {time.monotonic() - started:.0f} s, {len({answer.text for answer in expected})} texts, "
          f"{sum(answer.usage[1] for answer in expected)} tokens", flush=True)

    differ = [f"request {number}, {way}: {wrong}" for number, way, reply in crowd.seen if (wrong := difference(way, reply, expected[number]))]
    for line in (crowd.failures + differ)[:SHOWN]:
        print("  " + line[:1000])
    read = sum(reply.is_whole for _, _, reply in crowd.seen)
    check(not crowd.failures and len(crowd.seen) == options.requests, f"{len(crowd.seen)} of {options.requests} asked, {len(crowd.failures)} failures")
    check({number for number, _, _ in crowd.seen} == set(range(len(bodies))), "each distinct request was in the crowd")
    check(not differ, f"{read} answers read to their end, {len(crowd.seen) - read} left: {len(differ)} differ from the same request's alone")
    # The comparison sees what it must: an answer held against another request's.
    other = [next(answer for answer in expected if answer.text[:1] != own.text[:1]) for own in expected]
    unseen = [number for number, way, reply in crowd.seen if reply.is_whole and not difference(way, reply, other[number])]
    check(not unseen, f"held against another request's answer {read - len(unseen)} of {read} differ")
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
