#!/usr/bin/env python3
"""Adapters that come and go under load, through the server: right answers, no growth. Usage: tests/adapters/under_load.py [ROUNDS]

In each round an answer with an adapter begins, the adapter is dropped, the answer ends as it would have, and the adapter is loaded again.
Beside it clients ask the model alone and whichever adapters are there.
"""
import asyncio
import json
import os
import random
import sys
import time
import types
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../lib"), os.path.join(HERE, "../cli")]
from answers import ask  # noqa: E402
from cases_adapters import LOCAL, peft_folder, workers_of  # noqa: E402
from growth import memory_of, slope  # noqa: E402
from patience import PATIENCE  # noqa: E402
from place import Place  # noqa: E402
from serving import Serve, metric, wait_for  # noqa: E402

PATH, MODEL = "/v1/completions", "tiny"
RANKS = {"one": 4, "two": 16, "three": 64}
PROMPTS, CLIENTS = 4, 6
ANSWER = 48          # tokens, so that a drop finds the answer running
BEGUN = 3            # events, then it is dropped
WARM_UP = 12_000     # answers before the first round: without any drop the gateway fills up to its bounds over about 10,000
MIN_ROUNDS = 500     # below it a page here or there looks like growth
MAX_GROWTH_MB = 2.0  # in 1,000 rounds, samples taken with and without an adapter of 3 MB; the smallest, leaked, would be 11
ANSWER_TIMEOUT_S = 600 * PATIENCE  # far over what any answer takes, and a machine that stood still meanwhile: then it hangs


def body_of(model, prompt):
    return {"model": model, "prompt": f"Once upon a time, number {prompt}", "max_tokens": ANSWER, "temperature": 0.8, "seed": prompt,
            "ignore_eos": True, "stream": True}


def text_of(reply):
    return "".join(choice["text"] for event in reply.events() for choice in event["choices"])


class Load:
    def __init__(self, server, expected):
        self.server, self.expected = server, expected
        self.asked = types.SimpleNamespace(url=server.started["url"], key=server.started["key"])
        self.is_over, self.wrong, self.answers, self.not_there, self.samples = False, [], 0, 0, []

    def change(self, method, path, body=None):
        request = urllib.request.Request(self.asked.url + path, json.dumps(body).encode() if body else None, method=method,
                                         headers={"Authorization": f"Bearer {self.asked.key}", "Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=ANSWER_TIMEOUT_S) as answer:
            answer.read()

    async def answer(self, model, prompt, on_events=None):
        return await asyncio.wait_for(ask(self.asked, PATH, body_of(model, prompt), None, on_events), ANSWER_TIMEOUT_S)

    def judge(self, model, prompt, reply):
        self.answers += 1
        if reply.status != 200 or text_of(reply) != self.expected[model, prompt]:
            self.wrong.append(f"{model}, prompt {prompt}: {reply.status} {reply.data[-300:]!r}")

    async def client(self, number):
        choose = random.Random(number)
        while not self.is_over:
            model, prompt = choose.choice([MODEL, *(f"{MODEL}:{name}" for name in RANKS)]), choose.randrange(PROMPTS)
            reply = await self.answer(model, prompt)
            if reply.status == 404 and model != MODEL:
                self.not_there += 1
            else:
                self.judge(model, prompt, reply)

    async def round(self, number):
        name, prompt = list(RANKS)[number % len(RANKS)], number % PROMPTS
        model, begun = f"{MODEL}:{name}", asyncio.Event()
        running = asyncio.create_task(self.answer(model, prompt, lambda events: events >= BEGUN and begun.set()))
        await asyncio.wait({running, asyncio.create_task(begun.wait())}, return_when=asyncio.FIRST_COMPLETED)
        was_running = not running.done()
        await asyncio.to_thread(self.change, "DELETE", f"/console/adapters/{model}")
        self.judge(model, prompt, await running)
        begun.set()
        await asyncio.to_thread(self.change, "POST", "/console/adapters", {"model": MODEL, "name": name})
        self.samples.append((number, memory_of(self.server.process.pid), sum(memory_of(pid) for pid in workers_of(self.server))))
        return was_running

    async def run(self, rounds):
        clients = [asyncio.create_task(self.client(number)) for number in range(CLIENTS)]
        try:
            while rounds >= MIN_ROUNDS and self.answers < WARM_UP:
                self.judge(MODEL, 0, await self.answer(MODEL, 0))
            return sum([await self.round(number) for number in range(rounds)])
        finally:
            self.is_over = True
            await asyncio.gather(*clients)


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    passed = failed = 0

    def check(is_good, text):
        nonlocal passed, failed
        passed, failed = passed + bool(is_good), failed + (not is_good)
        print(("ok " if is_good else "FAILED ") + text, flush=True)

    with Place() as place, Serve(place, *LOCAL) as server:
        for name, rank in RANKS.items():
            place.studio("adapter", "add", f"{MODEL}:{name}", peft_folder(place, name, seed=rank, rank=rank)).must(0)
        load = Load(server, {})
        for model in (MODEL, *(f"{MODEL}:{name}" for name in RANKS)):
            for prompt in range(PROMPTS):
                load.expected[model, prompt] = text_of(asyncio.run(load.answer(model, prompt)))
        check(len(set(load.expected.values())) == len(load.expected), f"{len(load.expected)} answers alone are each another")
        started = time.monotonic()
        in_flight = asyncio.run(load.run(rounds))
        print(f"{rounds} loads and drops, with the warm-up in {time.monotonic() - started:.0f} s, {in_flight} of them while an answer ran with the adapter; "
              f"{load.answers} answers, {load.not_there} times an adapter was not there", flush=True)
        for wrong in load.wrong[:5]:
            print("  " + wrong)
        check(not load.wrong, f"{load.answers} answers, {len(load.wrong)} are not the one alone")
        check(in_flight > rounds / 2, "answers ran while their adapter was dropped")
        warm = load.samples
        for who, column in (("gateway", 1), ("worker", 2)):
            if rounds < MIN_ROUNDS:
                print(f"  too few rounds to tell whether the {who} grows")
                continue
            rise, upper = slope([(sample[0], sample[column]) for sample in warm])
            check(upper <= MAX_GROWTH_MB, f"{who} grows by {rise:.2f} MB in 1,000 rounds, at most {upper:.2f} (95 %); "
                  f"{warm[0][column] / 1e6:.1f} MB warm, {warm[-1][column] / 1e6:.1f} MB at the end")
        for name in RANKS:
            load.change("DELETE", f"/console/adapters/{MODEL}:{name}")
        pages = metric(server, "studio_kv_pages")
        wait_for(lambda: metric(server, "studio_adapter_bytes") == 0 and metric(server, "studio_kv_pages_free") == pages, "nothing is held")
        check(True, f"without adapters none of their bytes is held, and {pages:.0f} of {pages:.0f} pages are free")
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
