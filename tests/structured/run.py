#!/usr/bin/env python3
"""Answers held to schemas and tools: valid by another program's judgement, whatever the way they came.

Usage: run.py [--schemas N] [--tool-sets N] [--model NAME_OR_FILE] [--kill-every N] [--streams N]. Needs python3-jsonschema.
"""
import argparse
import concurrent.futures
import json
import os
import random
import signal
import sys
import threading

from client import ask, ask_streamed
from dialects import DIALECTS, Talk
from judge import fault_of
from spellings import spelling_faults
from tool_sets import conversation

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from processes import workers_of  # noqa: E402
from server import ROOT, Server  # noqa: E402

LONGEST_SHOWN = 2000  # of a schema, in characters: a real model writes less at random when it knows the form
# Thinking as it may be asked for; the built-in model thinks unless it is told not to.
WAYS_TO_THINK = [{"enable_thinking": False}, {"enable_thinking": True, "thinking_budget": 8}, {"enable_thinking": True}]


def options_of_program():
    parser = argparse.ArgumentParser()
    parser.add_argument("--schemas", type=int, default=40)
    parser.add_argument("--tool-sets", type=int, default=40)
    parser.add_argument("--model", default="tiny", help="another than the built-in one does not think")
    parser.add_argument("--kill-every", type=int, default=20, help="answers between two kills of the worker; 0: none")
    parser.add_argument("--streams", type=int, default=8)
    # A real model ends what it begins; the built-in one, which is nearly random here, is cut by its limit more often.
    parser.add_argument("--most-cut", type=float, default=0.15, help="share of the answers that a limit may cut")
    return parser.parse_args()


class Killer:
    """Ends the worker after so many answers: what runs then goes on elsewhere."""

    def __init__(self, server, every):
        self.server, self.every, self.lock, self.answers, self.kills = server, every, threading.Lock(), 0, 0

    def note_answer(self):
        with self.lock:
            self.answers += 1
            if self.every == 0 or self.answers % self.every != 0:
                return
            for pid in workers_of(self.server.process.pid)[:1]:
                os.kill(pid, signal.SIGKILL)
                self.kills += 1


class Tally:
    def __init__(self, most_cut):
        self.most_cut, self.passed, self.faults, self.cut, self.calls = most_cut, 0, [], 0, 0
        self.lock = threading.Lock()

    def add(self, fault, is_cut):
        with self.lock:
            self.cut += is_cut
            if fault:
                self.faults.append(fault)
            elif not is_cut:
                self.passed += 1

    def tell(self, what):
        for fault in self.faults[:5]:
            print("FAILED  " + fault)
        total = self.passed + self.cut + len(self.faults)
        print(f"  {what}: {total} answers, {self.passed} valid, {self.cut} cut by a limit, {len(self.faults)} wrong" +
              (f", {self.calls} calls" if self.calls else ""))
        if self.cut > self.most_cut * total + 1:
            self.faults.append(f"{what}: {self.cut} of {total} were cut")


def body_of(model, **more):
    return {"model": model, "temperature": 1, "top_p": 1, "top_k": 0, "repetition_penalty": 1, "max_completion_tokens": 3000, **more}


def schema_answers(server, model, count, most_cut, killer, pool):
    """Each schema in the ways to think that the model has and as a stream or whole, in turn."""
    is_real = model != "tiny"
    ways = [{}] if is_real else WAYS_TO_THINK
    with open(os.path.join(ROOT, "tests/data/schemas.jsonl"), encoding="utf-8") as file:
        schemas = [one for one in map(json.loads, file) if isinstance(one["schema"], dict)]  # OpenAI takes no other
    random.Random(5).shuffle(schemas)
    # `nullable` is OpenAPI's: ajv knows it, this validator does not.
    schemas = [one for one in schemas if "nullable" not in json.dumps(one["schema"])][:count]
    tally = Tally(most_cut)

    def run(job):
        number, entry, way = job
        wish = f"Write a short example, as JSON. It fits this schema:\n{json.dumps(entry['schema'])[:LONGEST_SHOWN]}" if is_real else "Write an example of it."
        body = body_of(model, **way, seed=number, messages=[{"role": "user", "content": wish}],
                       response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": entry["schema"]}})
        answer = (ask_streamed if number % 2 else ask)(server, body)
        killer.note_answer()
        where = f"{entry['name']} {way}"
        if answer.finish == "length":
            return tally.add(None, True)
        if "refused" in entry:
            names_it = f"schema{entry['refused']}" in (answer.error or "")
            return tally.add(None if names_it else f"{where}: {answer.error or answer.text}", False)
        if answer.finish != "stop":
            return tally.add(f"{where}: {answer.error or answer.finish}", False)
        try:
            value = json.loads(answer.text)
        except ValueError:
            return tally.add(f"{where}: no JSON: {answer.text[:200]}", False)
        wrong = fault_of(entry["schema"], value)
        return tally.add(f"{where}: {wrong}" if wrong else None, False)

    jobs = [(i, entry, ways[i % len(ways)]) for i, entry in enumerate(schemas * 2)]
    list(pool.map(run, jobs))
    tally.tell("schemas")
    return tally


def check_calls(answer, tools, choice, is_parallel):
    """What is wrong with the calls of an answer that was not cut, or nothing."""
    by_name = {tool["function"]["name"]: tool["function"] for tool in tools}
    names = [call["function"]["name"] for call in answer.calls]
    if answer.finish != ("tool_calls" if names else "stop"):
        return f"finish_reason {answer.finish} with {len(names)} calls: {answer.error}"
    if choice == "none" and names or choice == "required" and not names or not is_parallel and len(names) > 1:
        return f"tool_choice {choice} with {len(names)} calls"
    if isinstance(choice, dict) and names != [choice["function"]["name"]]:
        return f"named {choice}, called {names}"
    if len({call["id"] for call in answer.calls}) != len(names):
        return "two calls of one id"
    for call in answer.calls:
        function = by_name.get(call["function"]["name"])
        if function is None:
            return f"no such function: {call}"
        wrong = fault_of(function["parameters"], json.loads(call["function"]["arguments"]))
        if wrong:
            return f"{call}: {wrong}"
    return None


def without_broken_call(answer):
    """Anthropic's whole answer has no place for arguments that break off."""
    told = answer.told()
    return told if answer.finish != "length" else (told[0], told[1][:-1], *told[2:])


def tool_answers(server, model, count, killer, pool):
    """Generated sets of tools and conversations, each in one of the dialects, as a stream and whole."""
    tallies = {dialect.name: Tally(most_cut=1) for dialect in DIALECTS}  # talk without calls has no end of its own

    def run(number):
        talk = Talk(*conversation(random.Random(number)))
        dialect = DIALECTS[number % len(DIALECTS)]
        body = dialect.body(model, talk, number)
        if body is None:
            dialect = DIALECTS[0]
            body = dialect.body(model, talk, number)
        where = f"{dialect.name}, set {number}"
        tally = tallies[dialect.name]
        try:
            whole, streamed = dialect.ask(server, body), dialect.ask_streamed(server, body)
            if "request_quarantined" in (whole.error or streamed.error or ""):  # the killer has met it twice
                body = dialect.body(model, talk, number + count)
                whole, streamed = dialect.ask(server, body), dialect.ask_streamed(server, body)
        except (AssertionError, KeyError, ValueError) as fault:
            return tally.add(f"{where}: {type(fault).__name__} {fault}", False)
        killer.note_answer()
        if without_broken_call(whole) != without_broken_call(streamed):
            return tally.add(f"{where}: a stream says {streamed.told()}, the whole {whole.told()}", False)
        if whole.finish == "length":
            # A model of random habits may talk on; what it was made to do it has done.
            must = talk.choice == "required" or talk.name()
            return tally.add(f"{where}: nothing was called" if must and not whole.calls and dialect.name != "ollama" else None, not must)
        is_parallel = talk.is_parallel or dialect.name == "ollama"
        wrong = check_calls(whole, talk.tools, talk.choice, is_parallel)
        tally.calls += len(whole.calls)
        return tally.add(wrong and f"{where}: {wrong}", False)

    list(pool.map(run, range(count)))
    for name, tally in tallies.items():
        tally.tell(f"tools, {name}")
    return list(tallies.values())


def main():
    options = options_of_program()
    model = options.model
    with Server(models=[model], extra=["--max-sequences", str(options.streams)]) as server, \
            concurrent.futures.ThreadPoolExecutor(options.streams) as pool:
        name = os.path.basename(model).removesuffix(".gguf")
        killer = Killer(server, options.kill_every)
        tallies = [schema_answers(server, name, options.schemas, options.most_cut, killer, pool)]
        tallies += tool_answers(server, name, options.tool_sets, killer, pool)
        print(f"  {killer.kills} workers killed meanwhile")
    tallies.append(Tally(most_cut=0))
    spelling_faults(tallies[-1])
    passed, failed = sum(one.passed for one in tallies), sum(len(one.faults) for one in tallies)
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
