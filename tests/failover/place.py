"""What the failover tests share: a gateway over a worker with faults, streams with their times, what must be equal."""
import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../lib"))
from patience import PATIENCE  # noqa: E402
from processes import workers_of  # noqa: E402, F401
from server import BUILD, ROOT, START_TIMEOUT_S, stop_process  # noqa: E402

TINY = os.path.join(ROOT, "catalogue/builtin/tiny-qwen3.gguf")
KEY = "sk-failover"
ANSWER_TIMEOUT_S = 120 * PATIENCE  # of one answer, with deaths on a busy machine


def without_cache(event):
    """An event but for how much of the prompt had been computed before: the first to ask finds nothing, others do."""
    if not event.get("usage"):
        return event
    return {**event, "usage": {name: value for name, value in event["usage"].items() if name != "prompt_tokens_details"}}


class FaultyServer:
    """with FaultyServer(replicas=1) as server: server.plan([...]); server.url, server.key, server.process"""

    def __init__(self, replicas=1, model=TINY):
        self.key, self.names = KEY, 0
        self.place = tempfile.mkdtemp(prefix="studio-fault-")
        self.log_path = os.path.join(self.place, "server.log")
        self.log = open(self.log_path, "wb")
        environment = dict(os.environ, STUDIO_TEST_PLAN=self.place, STUDIO_TEST_PROGRAM=os.path.join(BUILD, "studio"))
        command = [os.path.join(BUILD, "tests/failover/gateway_over_worker"), os.path.join(HERE, "faulty_worker.py"), model,
                   self.place, KEY, str(replicas)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, stdin=subprocess.DEVNULL, env=environment)
        timer = threading.Timer(START_TIMEOUT_S, self.process.kill)
        timer.start()
        line = self.process.stdout.readline()
        timer.cancel()
        if not line:
            raise RuntimeError("the gateway did not start:\n" + self.log_text()[-4000:])
        self.url = json.loads(line)["url"]

    def log_text(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def plan(self, entries):
        path = os.path.join(self.place, "plan.json")
        with open(path + ".new", "w", encoding="utf-8") as file:
            json.dump(entries, file)
        os.rename(path + ".new", path)

    def new_name(self):
        """Of a fault: no two share one, or the first would count for the second."""
        self.names += 1
        return f"f{self.names}"

    def fired(self, name):
        return sum(1 for other in os.listdir(self.place) if other.rpartition(".")[0] == name)

    def stop(self):
        return stop_process(self.process)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        self.process.stdout.close()
        self.log.close()
        shutil.rmtree(self.place, ignore_errors=True)


class Answer:
    """status; events [(seconds since the request, parsed data)] without ids and times; is_done; error"""

    def __init__(self, status):
        self.status, self.events, self.is_done, self.error = status, [], False, None

    def gaps(self):
        times = [when for when, _ in self.events]
        return [b - a for a, b in zip(times, times[1:])] or [0.0]

    def whole(self):
        """Of the stream what must be the same whatever happened: for one choice every event as it came, for several
        what each choice came to, as their events may come in another order."""
        if all(len(event.get("choices", [])) == 0 or event["choices"][0]["index"] == 0 for _, event in self.events):
            return [without_cache(event) for _, event in self.events]
        return self.content()

    def content(self):
        """What the events come to. A client that does not keep up gets fewer and longer ones."""
        choices, rest = {}, []
        for _, event in self.events:
            if not event["choices"]:
                rest.append(without_cache(event))
                continue
            choice = event["choices"][0]
            so_far = choices.setdefault(choice["index"], {"text": "", "reasoning": "", "logprobs": [], "finish": None})
            delta = choice["delta"]
            so_far["text"] += delta.get("content") or ""
            so_far["reasoning"] += delta.get("reasoning_content") or ""
            so_far["logprobs"] += (choice.get("logprobs") or {}).get("content") or []
            assert so_far["finish"] is None, "an event after the end"
            so_far["finish"] = choice["finish_reason"]
        return [choices, rest]

    def tokens(self):
        return next((event["usage"]["completion_tokens"] for _, event in reversed(self.events) if event.get("usage")), 0)

    def text(self):
        return "".join(c["delta"].get("content") or "" for _, event in self.events for c in event["choices"])


def stream(server, body, on_event=None):
    """One streamed answer. on_event(number of events so far) is called at each."""
    address = server.url.removeprefix("http://")
    connection = http.client.HTTPConnection(address, timeout=ANSWER_TIMEOUT_S)
    started = time.monotonic()
    try:
        connection.request("POST", "/v1/chat/completions", json.dumps({**body, "stream": True, "stream_options": {"include_usage": True}}),
                           {"Authorization": f"Bearer {server.key}", "Content-Type": "application/json"})
        response = connection.getresponse()
        answer = Answer(response.status)
        if response.status != 200:
            answer.error = json.loads(response.read())["error"]
            return answer
        for line in response:
            if line.startswith(b"data: [DONE]"):
                answer.is_done = True
            elif line.startswith(b"data: "):
                event = json.loads(line[6:])
                if "error" in event:
                    answer.error = event["error"]
                    continue
                event.pop("id"), event.pop("created")
                for choice in event["choices"]:
                    for call in choice["delta"].get("tool_calls", []):
                        call.pop("id", None)  # of this request's own
                answer.events.append((time.monotonic() - started, event))
                if on_event:
                    on_event(len(answer.events))
        return answer
    finally:
        connection.close()


def whole_answer(server, body):
    """The same asked without a stream, less id and time."""
    request = urllib.request.Request(server.url + "/v1/chat/completions", json.dumps(body).encode(),
                                     {"Authorization": f"Bearer {server.key}", "Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=ANSWER_TIMEOUT_S) as response:
        answer = json.load(response)
    answer.pop("id"), answer.pop("created")
    return without_cache(answer)


def metric(server, name):
    request = urllib.request.Request(server.url + "/metrics", headers={"Authorization": f"Bearer {server.key}"})
    with urllib.request.urlopen(request, timeout=30 * PATIENCE) as answer:
        found = re.search(rf"^{name}\{{[^}}]*\}} ([0-9.e+]+)$", answer.read().decode(), re.M)
    return float(found.group(1)) if found else 0.0


def added_gap(answer, clean):
    """The longest wait between two events, less what one of them takes undisturbed."""
    return max(0.0, max(answer.gaps()) - percentile(clean.gaps(), .5))


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def tell_gaps(name, gaps):
    if gaps:
        print(f"{name}: added gap p50 {percentile(gaps, .5) * 1e3:.0f} ms, p95 {percentile(gaps, .95) * 1e3:.0f} ms, "
              f"p99 {percentile(gaps, .99) * 1e3:.0f} ms, longest {max(gaps) * 1e3:.0f} ms over {len(gaps)}", flush=True)
