#!/usr/bin/env python3
"""docs/reference/conformance.md: what real clients ask for, replayed by `studio conform`. Usage: matrix_page.py [--check]

Starts a server with the built-in model, replays every recording, and writes the page, or (--check) holds the kept one to the result. Any
behaviour that fails is a failure of the run.
"""
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../tests/lib"))
from client_coverage_test import behaviours, clients as suites, tests_of  # noqa: E402
from server import BUILD, ROOT, Server  # noqa: E402

MODELS = ("tiny", os.path.join(ROOT, "tests/golden/encoders/tiny-bert"))  # as record.py has them
PAGE = os.path.join(ROOT, "docs/reference/conformance.md")
HEAD = """# What real clients ask for

Each line is a behaviour, a test in the suites of unmodified clients (`conformance/`), recorded by `conformance/record.py` and replayed by
`studio conform URL --key KEY` against a running server. It passes where every request of it ends as it did with the client: status, the error's
code, the stream's end. *Refused by design*: the client asks for something that this server refuses by name ([fields](fields.md)). Behaviours that take
many requests at once (429, 503), uploads and what names a thing of an earlier answer are in the suites alone (*suite*). Made by `conformance/matrix_page.py`.
"""
MARKS = {"pass": "pass", "refused by design": "refused by design", "fail": "**fail**"}


def replay():
    with Server(models=MODELS) as server:
        done = subprocess.run([os.path.join(BUILD, "studio"), "conform", server.url, "--key", server.key, "--json", "--recordings",
                               os.path.join(HERE, "recordings")], capture_output=True, text=True, check=False, timeout=1500)
    if not done.stdout:
        raise SystemExit(f"studio conform ended with {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)["clients"]


def plain(name):
    return name.removeprefix("test_").replace("_", " ")


def table(head, rows):
    return ["| " + " | ".join(cells) + " |" for cells in [head, ["---"] * len(head), *rows]]


def page(clients):
    """Counts of each client, then a line of each behaviour and a column of each client."""
    asked = {name: {plain(test) for test in tests_of(path)} for name, path in suites().items()}
    found = {client["client"]: {plain(each["name"]): each["verdict"] for each in client["behaviours"]} for client in clients}
    counts = [[name, *(str(list(verdicts.values()).count(verdict)) for verdict in MARKS), str(len(asked[name] - set(verdicts)))]
              for name, verdicts in found.items()]
    names = dict.fromkeys([plain(name) for name in behaviours()] + [name for verdicts in found.values() for name in verdicts])

    def cell(client, name):
        return MARKS[found[client][name]] if name in found[client] else "suite" if name in asked[client] else ""
    rows = [[name, *(cell(client, name) for client in found)] for name in names]
    return "\n".join([HEAD.rstrip(), "", *table(["client", *MARKS, "suite alone"], counts), "", *table(["behaviour", *found], rows)]) + "\n"


def main():
    clients = replay()
    replayed = [each for client in clients for each in client["behaviours"]]
    failed = [each for each in replayed if each["verdict"] == "fail"]
    for each in failed:
        print(f"FAILED {each['name']}: {each['problem']}")
    faults = len(failed)
    if "--check" in sys.argv:
        with open(PAGE, encoding="utf-8") as file:
            if file.read() != page(clients):
                print("FAILED docs/reference/conformance.md is not what was found; run conformance/matrix_page.py")
                faults += 1
    else:
        with open(PAGE, "w", encoding="utf-8") as file:
            file.write(page(clients))
    print(f"{len(replayed) - len(failed)} passed, {faults} failed, 0 skipped")
    return 1 if faults or not replayed else 0


if __name__ == "__main__":
    sys.exit(main())
