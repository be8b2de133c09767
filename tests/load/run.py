#!/usr/bin/env python3
"""Mixed load with every answer checked. Usage: run.py [--minutes M] [--kill-every S] [--model FILE] [--clients N] [--limit MB]

--minutes of load without deaths, then, with --kill-every, as long again with the worker killed every S seconds.
--limit: MB per 1,000 requests that memory may grow by, upper end of the 95 % interval. See README.md.
"""
import argparse
import asyncio
import json
import os
import random
import signal
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../lib"), os.path.join(HERE, "../failover")]
from answers import ask  # noqa: E402
from growth import memory_of, slope  # noqa: E402
from place import TINY, Answer, metric, stream, whole_answer, without_cache, workers_of  # noqa: E402
from server import Server  # noqa: E402

PATH = "/v1/chat/completions"
SAMPLE_S = 1.0
WARM_UP = 0.25       # of the run: caches fill, pages of keys and values are touched for the first time
ANSWER_TIMEOUT_S = 300
SETTLE_S = 20
MIN_SHARE_UNDER_KILLS = 0.25  # of the answers in the same time without deaths: each kill costs a restart, not the service
MIN_REQUESTS = 200   # below it a page here or there looks like growth


def requests_of(model, is_tiny):
    """The distinct requests, by name. Each is asked with a stream or without, as its name says."""
    base = {"model": model, "temperature": 0.8, "max_tokens": 48}
    if is_tiny:
        base["enable_thinking"] = False

    def chat(text, **fields):
        return {**base, "messages": [{"role": "user", "content": text}], **fields}

    long_text = " ".join(f"Item {i}: the fox number {i * 7 % 31} went over hill {i}." for i in range(60 if is_tiny else 90))
    found = {}
    for i in range(4):
        found[f"stream chat {i}"] = chat(f"Tell me story {i} about a fox.", seed=i)
        found[f"whole chat {i}"] = chat(f"What is the number {i}?", seed=10 + i)
        found[f"stream two choices {i}"] = chat(f"Name {i + 2} animals.", n=2, seed=20 + i)
        found[f"stream logprobs {i}"] = chat(f"Describe violin {i}.", logprobs=True, top_logprobs=5, seed=30 + i)
        found[f"stream long {i}"] = chat(f"{i}. Summarise: {long_text}", max_tokens=16, seed=40 + i)
        found[f"whole greedy {i}"] = chat(f"Count to {i + 5}.", temperature=0, seed=50 + i)
        found[f"abort {i}"] = chat(f"Write a very long text about {i}.", max_tokens=400, ignore_eos=True, seed=60 + i)
    return found


def parsed(data, is_stream):
    if not is_stream:
        answer = json.loads(data)
        answer.pop("id"), answer.pop("created")
        return without_cache(answer)
    answer = Answer(200)
    for line in data.decode().split("\n"):
        if line.startswith("data: [DONE]"):
            answer.is_done = True
        elif line.startswith("data: "):
            event = json.loads(line[6:])
            if "error" in event:
                return event
            event.pop("id"), event.pop("created")
            answer.events.append((0, event))
    return answer.content() if answer.is_done else "cut"


class Load:
    def __init__(self, server, bodies, expected, clients):
        self.server, self.bodies, self.expected, self.clients = server, bodies, expected, clients
        self.done, self.aborted, self.refused, self.failures, self.kills = 0, 0, {429: 0, 503: 0}, [], 0
        self.samples = []  # (requests done, memory of the gateway, memory of the worker)

    async def client(self, number, until):
        choose = random.Random(number)
        names = list(self.bodies)
        while time.monotonic() < until:
            name = choose.choice(names)
            body = self.bodies[name]
            leave = choose.randrange(1, 60) if name.startswith("abort") else None
            try:
                reply = await asyncio.wait_for(ask(self.server, PATH, body, leave), ANSWER_TIMEOUT_S)
            except Exception as error:  # noqa: BLE001: whatever it was, the answer did not come
                self.failures.append(f"{name}: {error!r}")
                continue
            if reply.status in self.refused:
                self.refused[reply.status] += 1
                await asyncio.sleep(0.2)
            elif leave is not None:
                self.aborted += 1
            elif reply.status != 200 or parsed(reply.data, body.get("stream", False)) != self.expected[name]:
                self.failures.append(f"{name}: {reply.status} {reply.data[-600:]}")
            self.done += 1

    async def sample(self, until):
        while time.monotonic() < until:
            workers = workers_of(self.server.process.pid)
            of_workers = sum(memory_of(pid) for pid in workers)
            self.samples.append((self.done, memory_of(self.server.process.pid), of_workers))
            await asyncio.sleep(SAMPLE_S)

    async def kill(self, until, every):
        while every and time.monotonic() + every < until:
            await asyncio.sleep(every)
            workers = workers_of(self.server.process.pid)
            if workers:
                os.kill(workers[self.kills % len(workers)], signal.SIGKILL)
                self.kills += 1

    async def run(self, seconds, kill_every):
        until = time.monotonic() + seconds
        tasks = [self.client(i, until) for i in range(self.clients)]
        await asyncio.gather(*tasks, self.sample(until), self.kill(until, kill_every))


async def fill(server, bodies, clients):
    """Every client holds a long prompt at once and for long: what the heaviest moment of the load can take is touched before
    growth is measured. Without it, each new record of pages in use would look like growth."""
    long_ones = [{**body, "max_tokens": 400, "ignore_eos": True} for name, body in bodies.items() if name.startswith("stream long")]
    asked = [ask(server, PATH, long_ones[i % len(long_ones)]) for i in range(clients)]
    for reply in await asyncio.gather(*(asyncio.wait_for(one, ANSWER_TIMEOUT_S) for one in asked)):
        assert reply.status == 200, reply.status


def descriptors_and_threads(server):
    return [(len(os.listdir(f"/proc/{pid}/fd")), len(os.listdir(f"/proc/{pid}/task")))
            for pid in [server.process.pid, *workers_of(server.process.pid)]]


def settle(server, before):
    """Waits until the processes are as they were, or without a model for two quiet seconds; returns what they are then."""
    until = time.monotonic() + SETTLE_S
    now, since = descriptors_and_threads(server), time.monotonic()
    while time.monotonic() < until and (now != before if before else time.monotonic() - since < 2):
        time.sleep(0.2)
        last, now = now, descriptors_and_threads(server)
        since = time.monotonic() if now != last else since
    return now


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=0.2)
    parser.add_argument("--kill-every", type=float, default=0)
    parser.add_argument("--model", default=TINY)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--limit", type=float, default=1.0)
    options = parser.parse_args()
    is_tiny = options.model == TINY
    passed = failed = 0

    def check(is_good, text):
        nonlocal passed, failed
        passed, failed = passed + bool(is_good), failed + (not is_good)
        print(("ok " if is_good else "FAILED ") + text, flush=True)

    with Server(models=[options.model]) as server:
        bodies = requests_of(server.models[0], is_tiny)
        expected = {}
        for name, body in bodies.items():
            if name.startswith("whole"):
                expected[name] = whole_answer(server, body)
            else:
                expected[name] = stream(server, body).content()
                body.update(stream=True, stream_options={"include_usage": True})
        print(f"{len(bodies)} distinct requests answered alone", flush=True)
        asyncio.run(Load(server, bodies, expected, options.clients).run(3, 0))  # every thread and pool is there now
        asyncio.run(fill(server, bodies, options.clients))
        before = settle(server, None)
        for kill_every in [0] + ([options.kill_every] if options.kill_every else []):
            load = Load(server, bodies, expected, options.clients)
            restarts = metric(server, "studio_worker_restarts_total")
            started = time.monotonic()
            asyncio.run(load.run(options.minutes * 60, kill_every))
            seconds = time.monotonic() - started
            title = f"a kill every {kill_every:g} s" if kill_every else "no deaths"
            print(f"{title}: {load.done} answers in {seconds:.0f} s, {load.aborted} of them left early, {load.kills} kills, "
                  f"429: {load.refused[429]}, 503: {load.refused[503]}, failures: {len(load.failures)}", flush=True)
            for failure in load.failures[:5]:
                print("  " + failure[:1000])
            check(not load.failures and load.done > 0, f"{title}: every answer is the right one")
            check(sum(load.refused.values()) == 0, f"{title}: nothing refused within the limits")
            lives = metric(server, "studio_worker_restarts_total") - restarts
            if not kill_every:
                undisturbed = load.done
            else:
                check(load.done >= MIN_SHARE_UNDER_KILLS * undisturbed, f"{title}: {load.done} answers, {undisturbed} without deaths")
            check(lives == load.kills, f"{title}: {lives:.0f} lives of the worker ended, by {load.kills} kills")
            warm = load.samples[int(len(load.samples) * WARM_UP):]
            for who, column in (("gateway", 1), ("worker", 2)):
                if who == "worker" and kill_every:
                    continue  # each life starts anew
                points = [(sample[0], sample[column]) for sample in warm]
                if points[-1][0] - points[0][0] < MIN_REQUESTS:
                    print(f"  {title}: too few answers to tell whether the {who} grows")
                    continue
                rise, upper = slope(points)
                check(upper <= options.limit, f"{title}: {who} grows by {rise:.2f} MB in 1,000 requests, at most {upper:.2f} (95 %); "
                      f"{warm[-1][column] / 1e6:.0f} MB at the end")
            after = settle(server, before)
            check(after == before, f"{title}: descriptors and threads of gateway and worker {before} before, {after} after")
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
