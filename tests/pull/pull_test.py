#!/usr/bin/env python3
"""`studio pull` against a hub that misbehaves and a machine that does: the right file or none, whatever happens.

Usage: tests/pull/pull_test.py [--long] [WORD...]   only the tests whose name has one of the words
--long: more cuts and kills. STUDIO_BUILD: the build with the program.
"""
import concurrent.futures
import functools
import sys
import time
import traceback

import cases_local as local
import cases_network as network
import cases_repository as repository
from room import Skip

SIDE_BY_SIDE = 6  # they mostly wait


def all_tests(is_long):
    """name -> function without arguments; first those that measure time, to be run before the others make noise."""
    quiet, others = {}, {}
    for index, how in enumerate(network.WAYS_OUT_OF_REACH):
        quiet[f"out of reach: {how}"] = functools.partial(network.out_of_reach, how, index)
    for index, how in enumerate(network.WAYS_ALL_OUT_OF_REACH):
        quiet[f"everything out of reach: {how}"] = functools.partial(network.everything_out_of_reach, how, index)
    for case in network.CASES + local.CASES + repository.CASES:
        others[case.__name__.replace("_", " ")] = functools.partial(case, None)
    for index, offset in enumerate(network.offsets(1_500_000, 500 if is_long else 50)):
        others[f"cut and resumed at {offset} ({index})"] = functools.partial(network.cut_and_resumed_at, offset, index)
    for pages in range(0, 14):
        others[f"disk is full at any step: {pages} pages over"] = functools.partial(local.disk_is_full_at_any_step, pages)
    for kind in ("huggingface", "pypi"):
        others[f"several at once: {kind}"] = functools.partial(local.several_at_once, kind)
    for kind, kills in (("huggingface", 10), ("modelscope", 10), ("file", 20), ("pypi", 6)):
        for seed in range(10 if is_long else 1):
            others[f"killed {kills} times: {kind} ({seed})"] = functools.partial(local.killed_again_and_again, kind, kills, seed)
    for seed in range(20 if is_long else 2):
        others[f"killed while replacing ({seed})"] = functools.partial(local.killed_while_replacing, seed)
    return quiet, others


def run(name, test):
    began = time.monotonic()
    try:
        test()
        result, text = "passed", ""
    except Skip as reason:
        result, text = "skipped", str(reason)
    except Exception:  # a test that breaks is a test that fails
        result, text = "failed", traceback.format_exc()
    seconds = time.monotonic() - began
    if result != "passed" or seconds > 8:
        print(f"{result:8} {name} ({seconds:.1f} s) {text}", flush=True)
    return result


def main():
    words = [w for w in sys.argv[1:] if not w.startswith("--")]
    chosen = [{n: t for n, t in group.items() if not words or any(w in n for w in words)}
              for group in all_tests("--long" in sys.argv)]
    results = []
    for group, workers in zip(chosen, (3, SIDE_BY_SIDE)):
        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            results += pool.map(run, group.keys(), group.values())
    counts = {kind: results.count(kind) for kind in ("passed", "failed", "skipped")}
    print(", ".join(f"{count} {kind}" for kind, count in counts.items()))
    return 1 if counts["failed"] or not results else 0


if __name__ == "__main__":
    sys.exit(main())
