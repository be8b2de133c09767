"""Schemas through a real server: answers of a real model held to them."""
import concurrent.futures
import json
import pathlib
import random
import re
import sys
import urllib.request

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE.parent / "lib"), str(HERE.parent / "structured")]
from client import ask  # noqa: E402
from server import Server  # noqa: E402

STREAMS = 16
# A longer schema is not shown to the model: a small one would read for seconds what the constraint says anyway.
LONGEST_SHOWN = 2000


def _body(model, entry, seed, tokens, repetition_penalty):
    text = json.dumps(entry.schema)
    shown = f" It fits this schema:\n{text}" if len(text) <= LONGEST_SHOWN else ""
    return {"model": model, "messages": [{"role": "user", "content": f"Write a short example of {entry.name.rsplit('/', 1)[-1]}, as JSON.{shown}"}],
            "seed": seed, "temperature": 1, "top_p": 1, "top_k": 0, "repetition_penalty": repetition_penalty, "max_completion_tokens": tokens,
            "response_format": {"type": "json_schema", "json_schema": {"name": "form", "schema": entry.schema}}}


def _answer(server, model, entry, samples, tokens, repetition_penalty):
    """As schema_tool answers: {"texts", "unfinished"} or {"refused": pointer, "message"}."""
    found = {"texts": [], "unfinished": 0}
    for sample in range(samples):
        answer = ask(server, _body(model, entry, random.Random(entry.name).randrange(1 << 20) + sample, tokens, repetition_penalty))
        if answer.error is not None:
            error = json.loads(answer.error)["error"]
            pointer = re.search(r"schema(/[^:\s]*)?", error["message"])
            return {"refused": (pointer and pointer[1]) or "", "message": error["message"], "param": error.get("param")}
        if answer.finish == "stop":
            found["texts"].append(answer.text)
        else:
            found["unfinished"] += 1
    return found


def constraint_times(server):
    """Of /metrics: tokens, their mean time in seconds, and the share of them within each bound."""
    request = urllib.request.Request(server.url + "/metrics", headers={"Authorization": f"Bearer {server.key}"})
    lines = [line for line in urllib.request.urlopen(request).read().decode().splitlines() if line.startswith("studio_constraint_seconds_")]
    count, total = (float(next(line for line in lines if kind in line).split()[-1]) for kind in ("_count", "_sum"))
    within = {re.search(r'le="([^"]+)"', line)[1]: float(line.split()[-1]) / max(count, 1) for line in lines if "_bucket" in line}
    return count, total / max(count, 1), within


def answered(model, entries, samples, tokens, repetition_penalty):
    """One answer an entry, and the times of the constraints."""
    name = pathlib.Path(model).name.removesuffix(".gguf")
    with Server(models=[model], extra=["--max-sequences", str(STREAMS)]) as server:
        with concurrent.futures.ThreadPoolExecutor(STREAMS) as pool:
            answers = list(pool.map(lambda entry: _answer(server, name, entry, samples, tokens, repetition_penalty), entries))
        return answers, constraint_times(server)
