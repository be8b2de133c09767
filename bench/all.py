#!/usr/bin/env python3
"""The comparison with the peers: all rows or those named, one table.

Usage: bench/all.py [--peers DIR] [--models DIR] [--rows NAME,...] [--figures NAME,...] [--pairs 5] [--seconds 60] [--keep] [--json OUT]
       bench/all.py --list
Names may hold * and ?. --peers: a folder of built peers (STUDIO_PEERS, build/peers; bench/run.sh builds them); one that is not there is
printed and its row is no pass. --models: a folder of GGUF files (STUDIO_MODELS). --keep: what is printed of each row also to
bench/results/MACHINE.txt, in the place of what that file held of it.
"""
import argparse
import dataclasses
import fnmatch
import json
import os
import subprocess
import sys

import peer_programs
import report
from pairs import ROOT, run_row
from rows import adapters, clients, embeddings, engine, parts, prefixes, speculation


@dataclasses.dataclass
class Context:
    """Where things are and how long rows last."""
    peers: str
    models: str
    threads: int
    pairs: int
    seconds: float
    python: str  # with the libraries of tools/requirements/bench.txt, or empty

    def model(self, name):
        return os.path.join(self.models, name + ".gguf")

    def llama_builds(self, program):
        return peer_programs.llama_builds(self.peers, program)

    def missing_llama(self, program):
        return {} if self.llama_builds(program) else {"llama.cpp": peer_programs.BUILD_LLAMA}


def python_with_libraries():
    done = subprocess.run([os.path.join(ROOT, "tools/python_env.sh"), "bench"], stdout=subprocess.PIPE, text=True, check=False)
    return os.path.join(done.stdout.strip(), "bin/python") if done.returncode == 0 else ""


def named(name, patterns):
    return any(fnmatch.fnmatch(name, pattern.strip()) for pattern in patterns.split(","))


def all_rows(context):
    return [row for module in (engine, clients, adapters, prefixes, speculation, embeddings, parts) for row in module.rows(context)]


def chosen_rows(context, arguments):
    for row in all_rows(context):
        row.figures = {name: figure for name, figure in row.figures.items() if named(name, arguments.figures)}
        if named(row.name, arguments.rows) and row.figures:
            yield row


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--peers", default=os.environ.get("STUDIO_PEERS", os.path.join(ROOT, "build/peers")))
    parser.add_argument("--models", default=os.environ.get("STUDIO_MODELS", os.path.join(ROOT, "build/bench-data/models")))
    parser.add_argument("--rows", default="*")
    parser.add_argument("--figures", default="*")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=60, help="of the mixed load")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--json")
    parser.add_argument("--list", action="store_true")
    arguments = parser.parse_args()
    wants_python = not arguments.list and named("tokenizer", arguments.rows)
    context = Context(os.path.abspath(arguments.peers), os.path.abspath(arguments.models), arguments.threads, arguments.pairs, arguments.seconds,
                      python_with_libraries() if wants_python else "")
    rows = list(chosen_rows(context, arguments))
    if arguments.list:
        print("\n".join(f"{row.name:20} {row.about}: {', '.join(row.figures)}" for row in rows))
        return 0
    if not rows:
        parser.error("no row has such a name or figure; --list shows them")

    print(report.machine_line())
    results, sections = [], {}
    for row in rows:
        lines = sections[row.name] = []

        def say(line, lines=lines):
            print(line, flush=True)
            lines.append(line)

        for line in (f"== {row.name}: {row.about}", *report.head(context.peers, row.peers),
                     *(f"  no {peer}: {advice}" for peer, advice in row.missing.items())):
            say(line)
        results.append((row, run_row(row, arguments.pairs, context.threads, say)))
        for line in report.table(results[-1:]):
            say(line)
    print("\n" + "\n".join(report.table(results)))
    if arguments.keep:
        report.keep(sections, [row.name for row in all_rows(context)])
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump({row.name: found for row, found in results}, file, indent=1)
            file.write("\n")
    return 0 if all(found["pairs"] == found["wanted"] and not found["wrong"] for _, found in results) else 1


if __name__ == "__main__":
    sys.exit(main())
