#!/usr/bin/env python3
"""Requests of all dialects with something changed: no 5xx, no crash, nothing left behind. Usage: run.py [COUNT] [FIRST]

Each has a number, which makes it again: run.py 1 NUMBER. Answers may tell nothing of the machine (hostile's LEAK), and in the
end every page is free, nothing waits, the same processes run and a plain request has the answer it had.
"""
import concurrent.futures
import http.client
import os
import random
import re
import sys
import threading

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "tests", folder) for folder in ("lib", "hostile")]
import seeds  # noqa: E402
from mutations import mutated  # noqa: E402
from patience import PATIENCE  # noqa: E402
from target import LEAK, Target  # noqa: E402
from server import Server  # noqa: E402

CONNECTIONS = 4
MOST_READ = 1 << 20  # of an answer: more is left, as a client does that goes away
# A whole answer is bounded by the context; what takes longer hangs.
TIMEOUT_S = 60 * PATIENCE
FAULT_INSIDE = re.compile(rb'internal[_ ]error|"code": ?"?5\d\d')


class Tally:
    def __init__(self):
        self.lock, self.by_status, self.faults = threading.Lock(), {}, []

    def add(self, number, status, fault):
        with self.lock:
            self.by_status[status] = self.by_status.get(status, 0) + 1
            if fault:
                self.faults.append((number, fault))


class Caller:
    """One connection, made again where the server or a bad head closed it."""

    def __init__(self, target):
        self.target, self.connection = target, None

    def ask(self, method, path, body, fields):
        fields = {"Content-Type": "application/json", **fields, "Authorization": "Bearer " + self.target.key.decode()}
        if self.connection is None:
            self.connection = http.client.HTTPConnection(*self.target.address, timeout=TIMEOUT_S)
        try:
            self.connection.request(method, path, body, fields)
            answer = self.connection.getresponse()
            text = answer.read(MOST_READ)
            if not answer.isclosed():
                self.close()
            return answer.status, text
        except BaseException:
            self.close()
            raise

    def close(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None


def fault_of(status, text):
    if status >= 500:
        return f"status {status}: {text[:300]}"
    if FAULT_INSIDE.search(text):
        return f"a fault inside of the answer: {FAULT_INSIDE.search(text)} in {text[-400:]}"
    if status >= 400 and LEAK.search(text):
        return f"the answer tells too much: {text[:300]}"
    return None


def run_some(target, all_seeds, numbers, tally):
    caller = Caller(target)
    for number in numbers:
        request = mutated(random.Random(number), all_seeds)
        try:
            status, text = caller.ask(*request)
            tally.add(number, status, fault_of(status, text))
        except (http.client.InvalidURL, ValueError):
            tally.add(number, "not sent", None)  # this client refuses such a head itself; tests/hostile sends them raw
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, (ConnectionError, http.client.RemoteDisconnected, http.client.BadStatusLine)) and request[2] is None:
                tally.add(number, "closed", None)
            else:
                tally.add(number, "failed", f"{type(error).__name__}: {error}")
    caller.close()


def main():
    count, first = int(sys.argv[1]) if len(sys.argv) > 1 else 2000, int(sys.argv[2]) if len(sys.argv) > 2 else 0
    all_seeds = seeds.all_of_them()
    golden = os.path.join(ROOT, "tests/golden/encoders")
    models = ["tiny", os.path.join(golden, "tiny-bert"), os.path.join(golden, "tiny-ranker")]
    tally = Tally()
    with Server(models=models, extra=["--context", "512"]) as server:
        target = Target(server, processes=1 + len(models))
        descriptors = target.descriptors()
        numbers = range(first, first + count)
        with concurrent.futures.ThreadPoolExecutor(CONNECTIONS) as pool:
            list(pool.map(lambda i: run_some(target, all_seeds, numbers[i::CONNECTIONS], tally), range(CONNECTIONS)))
        try:
            target.check_well(descriptors)
        except Exception as fault:  # noqa: BLE001 - told, with the requests' own faults
            tally.faults.append((-1, f"afterwards: {fault}"))
        if server.stop() != 0:
            tally.faults.append((-1, f"the server ended with {server.process.returncode}"))
    print("  " + ", ".join(f"{status}: {n}" for status, n in sorted(tally.by_status.items(), key=str)))
    for number, fault in tally.faults[:20]:
        print(f"FAILED request {number}: {fault}")
    if count > 100 and sum(n for status, n in tally.by_status.items() if status == 200) < count // 20:
        tally.faults.append((-1, "hardly any request was served: the mutations reach nothing"))
        print("FAILED " + tally.faults[-1][1])
    print(f"{count - len(tally.faults)} passed, {len(tally.faults)} failed, 0 skipped")
    return 1 if tally.faults else 0


if __name__ == "__main__":
    sys.exit(main())
