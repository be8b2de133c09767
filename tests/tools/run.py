#!/usr/bin/env python3
"""How often real models call the right function with the right arguments: ours and llama-server, the same requests.

Usage: run.py [--model FILE]... [--peers FOLDER] [--only studio|llama-server] [--kinds one,pick] [--every N] [--tell] [--save FILE].
Needs python3-jsonschema. What a model gets wrong is counted, not failed; what fails is an answer of ours that no model may give: arguments
that are not as their schema says, a call left in the text, a wrong finish_reason.
"""
import argparse
import concurrent.futures
import json
import os
import re
import sys
import time
import urllib.error
import urllib.request

import jsonschema

from cases import all_cases, has
from tool_list import SETS

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "bench"))
from peer_programs import llama_builds  # noqa: E402
from servers import LlamaServer, Studio  # noqa: E402

STREAMS = 4
THREADS = os.cpu_count()
CONTEXT = 4096           # of one stream: the largest set of tools, a conversation and its answer take under 1,500
MAX_TOKENS = 200         # the longest right answer takes under 120
TIMEOUT_S = 1800         # a stream waits for the others on a busy machine
CALLING = ("one", "pick", "typed", "parallel", "onward")


def options_of_program():
    parser = argparse.ArgumentParser()
    models = os.environ.get("STUDIO_MODELS", ".")
    parser.add_argument("--model", action="append", help="files; default: Qwen2.5-Coder 0.5B and 1.5B of STUDIO_MODELS")
    parser.add_argument("--peers", default=os.path.join(os.environ.get("STUDIO_CACHE", os.path.expanduser("~/.cache/studio")), "peers"))
    parser.add_argument("--only", choices=["studio", "llama-server"])
    parser.add_argument("--kinds", default="")
    parser.add_argument("--every", type=int, default=1, help="each Nth case alone")
    parser.add_argument("--tell", action="store_true", help="print each wrong answer")
    parser.add_argument("--save", help="a file for the table")
    options = parser.parse_args()
    names = ("qwen2.5-coder-0.5b-instruct", "qwen2.5-coder-1.5b-instruct")
    options.model = options.model or [os.path.join(models, name + ".gguf") for name in names]
    return options


def post(server, body):
    """Once more, again and again, while the model is loaded: that takes minutes on a busy machine."""
    until = time.monotonic() + TIMEOUT_S
    while True:
        try:
            return post_once(server, body)
        except urllib.error.HTTPError as error:
            if error.code != 503 or time.monotonic() > until:
                raise RuntimeError(f"{server.name}: {error.read().decode(errors='replace')}") from error
        time.sleep(1)


def post_once(server, body):
    request = urllib.request.Request(f"http://{server.host}:{server.port}/v1/chat/completions", json.dumps(body).encode(),
                                     {"Authorization": f"Bearer {server.key}", "Content-Type": "application/json"})
    return urllib.request.urlopen(request, timeout=TIMEOUT_S)


def ask(server, case, choice):
    body = {"model": server.model, "messages": case.messages, "tools": SETS[case.tools], "tool_choice": choice, "parallel_tool_calls": True,
            "temperature": 0, "max_tokens": MAX_TOKENS}
    with post(server, body) as response:
        choice = json.load(response)["choices"][0]
    calls = [(call["function"]["name"], call["function"]["arguments"]) for call in choice["message"].get("tool_calls") or []]
    return calls, choice["message"].get("content") or "", choice["finish_reason"]


def is_right(value, wanted):
    if isinstance(wanted, tuple):
        return any(is_right(value, one) for one in wanted)
    if isinstance(wanted, has):
        return isinstance(value, str) and wanted.lower() in value.lower()
    if isinstance(wanted, str):
        return isinstance(value, str) and value.strip().lower() == wanted.lower()
    if isinstance(wanted, list):
        return isinstance(value, list) and len(value) == len(wanted) and all(map(is_right, value, wanted))
    if isinstance(wanted, dict):
        return isinstance(value, dict) and all(key in value and is_right(value[key], one) for key, one in wanted.items())
    return type(value) in (int, float, bool) and isinstance(value, bool) == isinstance(wanted, bool) and value == wanted


def fault_of(case, answer):
    """What no model could be blamed for, or None."""
    calls, text, finish = answer
    by_name = {tool["function"]["name"]: tool["function"]["parameters"] for tool in SETS[case.tools]}
    if finish == "length":
        return None
    if finish != ("tool_calls" if calls else "stop"):
        return f"finish_reason {finish} with {len(calls)} calls"
    for name in by_name:
        if re.search(r'^\s*\{\s*"name"\s*:\s*"%s"\s*,\s*"arguments"' % re.escape(name), text, re.MULTILINE):
            return "a call as text"
    for name, arguments in calls:
        try:
            jsonschema.validate(json.loads(arguments), by_name[name])
        except (ValueError, KeyError, jsonschema.ValidationError) as error:
            return f"{name}({arguments}): {str(error).splitlines()[0]}"
    return None


def why_wrong(case, answer):
    """What is wrong with an answer, or None."""
    calls, text, finish = answer
    if fault := fault_of(case, answer):
        return fault
    if len(calls) != len(case.calls):
        return f"{len(calls)} calls, not {len(case.calls)}"
    if not case.calls:
        return None if not case.says or any(one in text for one in case.says) else f"says none of {case.says}"
    if finish != "tool_calls":
        return f"finish_reason {finish}"
    left = list(case.calls)
    for name, arguments in calls:
        value = json.loads(arguments)
        found = next((one for one in left if one[0] == name and is_right(value, one[1])), None)
        if found is None:
            return f"{name}({arguments}) was not asked for"
        left.remove(found)
    return None


def rates(server, cases, choice, tell, faults):
    """{kind: (right, all)} of one server; adds to the faults."""
    def run(case):
        answer = ask(server, case, choice)
        return case, answer, why_wrong(case, answer)

    found = {}
    with concurrent.futures.ThreadPoolExecutor(STREAMS) as pool:
        # Those of one set behind each other: what they begin with is computed once.
        for case, answer, wrong in pool.map(run, sorted(cases, key=lambda case: case.tools)):
            right, total = found.get(case.kind, (0, 0))
            found[case.kind] = (right + (wrong is None), total + 1)
            if fault := fault_of(case, answer):
                faults.append(f"{choice}, {case.messages[-1]['content']!r}: {fault}")
            if wrong and tell:
                print(f"  {server.name} {choice} {case.kind}: {case.messages[-1]['content']!r}: {wrong}; answer {answer}", flush=True)
    return {kind: found[kind] for kind in dict.fromkeys(case.kind for case in cases)}


def servers_of(options, model):
    if options.only != "llama-server":
        yield Studio(model, STREAMS, THREADS)
    builds = llama_builds(options.peers, "llama-server")
    if options.only != "studio" and builds:
        yield LlamaServer(builds[0], model, STREAMS, CONTEXT, 1, ["--jinja"])  # two threads wait for each other where others compute


def table(columns):
    """Rows are classes and the tool_choice, columns server and model."""
    rows = {}
    for column in columns.values():
        for row in column:
            rows.setdefault(row)
    lines = ["| class | " + " | ".join(columns) + " |", "| --- |" + " --- |" * len(columns)]
    for row in rows:
        cells = [column.get(row) for column in columns.values()]
        lines.append(f"| {row} | " + " | ".join(f"{cell[0]} of {cell[1]}" if cell else "" for cell in cells) + " |")
    sums = [tuple(map(sum, zip(*column.values()))) for column in columns.values()]
    lines.append("| all | " + " | ".join(f"{right} of {total}" for right, total in sums) + " |")
    return "\n".join(lines)


def rates_of(server, cases, options, faults):
    found = {f"{kind}, auto": value for kind, value in rates(server, cases, "auto", options.tell, faults).items()}
    calling = [case for case in cases if case.kind in CALLING]
    found.update({f"{kind}, required": value for kind, value in rates(server, calling, "required", options.tell, faults).items()})
    return found


def main():
    options = options_of_program()
    cases = [case for case in all_cases() if not options.kinds or case.kind in options.kinds.split(",")][::options.every]
    columns, faults = {}, []
    for model in options.model:
        short = os.path.basename(model).removesuffix(".gguf").removeprefix("qwen2.5-").removesuffix("-instruct")
        for server in servers_of(options, model):
            is_ours = isinstance(server, Studio)
            with server:
                columns[f"{'studio' if is_ours else 'llama-server'} {short}"] = rates_of(server, cases, options, faults if is_ours else [])
    told = table(columns)
    print(told)
    if options.save:
        with open(options.save, "w", encoding="utf-8") as file:
            file.write(told + "\n")
    for fault in faults:
        print("FAILED  " + fault)
    asked = sum(total for name, column in columns.items() if name.startswith("studio") for _, total in column.values())
    print(f"{asked - len(faults)} passed, {len(faults)} failed, 0 skipped")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
