#!/usr/bin/env python3
"""The schemas of tests/data/schemas.jsonl over a real vocabulary: what is drawn is valid by ajv, what is named as valid is taken.

Usage: check.py SCHEMA_TOOL VOCABULARY WORK DRAWS (WORK: where ajv is installed).
"""
import pathlib
import sys

import measure
import sets

ROOT = pathlib.Path(__file__).parent.parent.parent
TOKENS = 200


def faults_of(entry, answer, verdicts):
    if entry.refused is not None or "refused" in answer:
        if answer.get("refused") != entry.refused:
            yield f"refused at {answer.get('refused')}, not at {entry.refused}"
        return
    for test, accepted in zip(entry.tests, answer["accepted"]):
        if accepted != test["valid"]:
            yield f"{'accepted' if accepted else 'not accepted'}: {test['data']}"
    if not isinstance(verdicts, list):
        yield f"ajv cannot read it: {verdicts}"
        return
    for text, verdict in zip(answer["texts"], verdicts):
        if verdict is not True:
            yield f"drawn, though invalid: {text}\n    {verdict}"


def main():
    tool, vocabulary, work, draws = sys.argv[1:]
    entries = list(sets.of_lines(ROOT / "tests/data/schemas.jsonl"))
    answers, _ = measure.compiled(tool, vocabulary, entries, int(draws), TOKENS)
    failed = drawn = unfinished = 0
    for entry, answer, verdicts in zip(entries, answers, measure.judged(entries, answers, work)):
        faults = list(faults_of(entry, answer, verdicts))
        failed += bool(faults)
        drawn += len(answer.get("texts", []))
        unfinished += answer.get("unfinished", 0)
        for fault in faults:
            print(f"{entry.name}: {fault}")
    print(f"{drawn} texts drawn to their end, {unfinished} met the limit of {TOKENS} tokens")
    if drawn < len(entries):
        failed += 1
        print("too few texts were drawn to their end")
    print(f"{len(entries) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
