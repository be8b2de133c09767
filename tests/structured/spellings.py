"""Calls in every spelling, and what only looks like one, in every dialect: said by a worker that plays the model, token by token."""
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import types

from dialects import DIALECTS, Talk

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../lib"))
from server import BUILD, ROOT, stop_process  # noqa: E402

MODEL_FILE = os.path.join(ROOT, "catalogue/builtin/tiny-qwen3.gguf")
KEY = "sk-spellings"
TOOLS = [{"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}
         for name in ("weather", "now")]
NOW, PARIS = ("now", {}), ("weather", {"city": 'Pa"r}is – 巴黎'})


def written(call, indent=None):
    return json.dumps({"name": call[0], "arguments": call[1]}, ensure_ascii=False, indent=indent)


def fenced(call, language="json"):
    return f"```{language}\n{written(call, 2)}\n```"


def tagged(call):
    return f"<tool_call>\n{written(call)}\n</tool_call>"


# What is said, and of that the text and the calls.
CASES = [
    (tagged(PARIS), "", [PARIS]),
    ("Let me look. \n\n" + tagged(PARIS) + "\n" + tagged(NOW), "Let me look. ", [PARIS, NOW]),
    (written(PARIS), "", [PARIS]),
    (fenced(PARIS), "", [PARIS]),
    (fenced(NOW, ""), "", [NOW]),
    ("Sure, here it is:\n\n" + fenced(PARIS) + "\n\nThis call asks for Paris.", "Sure, here it is:", [PARIS]),
    (written(NOW) + "\n" + written(PARIS), "", [NOW, PARIS]),
    (fenced(NOW) + "\n\n" + fenced(PARIS), "", [NOW, PARIS]),
    (f"[{written(NOW)}, {written(PARIS)}]", "", [NOW, PARIS]),
    (f"<tools>\n{written(PARIS)}\n</tools>", "", [PARIS]),
    (f"<function_call>{written(PARIS)}</function_call>", "", [PARIS]),
    (tagged(NOW) + "\n" + written(PARIS), "", [NOW, PARIS]),
    (written(NOW) + '\n{"temperature": 20}', "", [NOW]),
]
CASES += [(text, text, []) for text in (
    "Hello.", '{"name": "Ann", "arguments": {"age": 3}}', '```json\n{"name": "now", "description": "Tells the time"}\n```',
    'You could write {"name": "now", "arguments": {}} here.', '{"tool": {"name": "now", "arguments": {}}}', '{"name": "now", "argum',
    "[1,\n2]\n<tools>\n```\nx", "a\n\n\n", "<tool_cal", '{\n  "arguments": {},\n  "name": "now"\n}')]


@contextlib.contextmanager
def gateway():
    place = tempfile.mkdtemp(prefix="studio-spellings-")
    command = [os.path.join(BUILD, "tests/failover/gateway_over_worker"), os.path.join(HERE, "echo_worker.py"), MODEL_FILE, place, KEY, "1"]
    with open(f"{place}/server.log", "wb") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL,
                                   env={**os.environ, "STUDIO_TEST_REQUESTS": f"{place}/requests.jsonl"})
    try:
        yield types.SimpleNamespace(url=json.loads(process.stdout.readline())["url"].rstrip("/"), key=KEY)
    finally:
        stop_process(process)
        process.stdout.close()
        shutil.rmtree(place, ignore_errors=True)


def fault_of(answer, text, calls):
    told = [(call["function"]["name"], json.loads(call["function"]["arguments"])) for call in answer.calls]
    if answer.error or (answer.text, told, answer.finish) != (text, calls, "tool_calls" if calls else "stop"):
        return f"{answer} is not {text!r} with {calls}"
    return None


def spelling_faults(tally):
    with gateway() as server:
        for said, text, calls in CASES:
            for choice, is_parallel in (("auto", True), ("none", True), ("auto", False)):
                talk = Talk(TOOLS, choice, is_parallel, [{"role": "user", "content": f"SAY[{said}]SAY"}])
                if choice == "none" and calls and said.startswith("<tool_call>"):
                    continue  # without functions the tag is a control token, which has no text
                for dialect in DIALECTS:
                    body = dialect.body("tiny", talk, 1)
                    if body is None or (dialect.name == "ollama" and not is_parallel):
                        continue
                    wanted = (said, []) if choice == "none" else (text, calls if is_parallel else calls[:1])
                    for ask in (dialect.ask, dialect.ask_streamed):
                        fault = fault_of(ask(server, body), *wanted)
                        tally.add(fault and f"{dialect.name}, {ask.__name__}, {choice}: {said!r}: {fault}", False)
    tally.tell("spellings of calls")
