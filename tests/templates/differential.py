#!/usr/bin/env python3
"""Renders generated conversations, and a list of expressions, with the interpreter and with jinja2; they must agree.

Usage: differential.py RENDER_TOOL COUNT [SEED]
Both failing is agreement, and counted. A template that cannot be had is a skip.
"""
import os
import random
import re
import sys
import warnings

import conversations
import generated
import reference
import sources
from renderer import Renderer

NOW = 1_760_000_000
# What expressions.txt and generated templates look at.
VARIABLES = {"s": "Hello, World", "u": "naïve ΣΑΣ 你好 🙂", "n": 7, "f": 2.5, "l": [3, 1, 2], "e": [], "none_": None, "t": True,
             "d": {"b": 1, "a": [1, 2], "C": {"x": "y"}, "items": 5}, "msgs": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": None, "x": 1}],
             "big": 2**63, "html": "<a href='x'>&\"</a>", "lines": "a\nb\r\nc\n\nd\n", "spaces": " \t x y \n"}

ADDRESS = re.compile(r" at 0x[0-9a-f]+>|<bound method|<built-in|<function|<class")


def first_difference(ours, theirs):
    i = next((i for i, (a, b) in enumerate(zip(ours, theirs)) if a != b), min(len(ours), len(theirs)))
    return f"at {i}: ours {ours[max(0, i - 40):i + 40]!r}, jinja2 {theirs[max(0, i - 40):i + 40]!r}"


class Comparison:
    def __init__(self, tool):
        self.renderer = Renderer(tool)
        self.env = reference.environment(NOW)

    def compile(self, source):
        try:
            theirs = self.env.from_string(source)
        except Exception:
            theirs = None
        return self.renderer.compile(source), theirs

    def difference(self, compiled, context, trusted):
        """(what differs or None, whether both failed)."""
        number, template = compiled
        expected = None if template is None else reference.render(template, {**context, **trusted})
        answer = {"error": "does not compile"} if number is None else self.renderer.render(number, context, trusted, NOW)
        return self.judge(expected, answer)

    @staticmethod
    def judge(expected, answer):
        if expected is None:
            return (None, True) if "error" in answer else (f"jinja2 fails, ours prints {answer['text']!r}", False)
        if "error" in answer:
            return f"ours fails: {answer['error']!r}, jinja2 prints {expected[:200]!r}", False
        return (None if answer["text"] == expected else first_difference(answer["text"], expected)), False


def compare_template(comparison, name, source, count, seed):
    compiled = comparison.compile(source)
    if compiled[1] is None:
        print(f"FAILED  {name}: jinja2 does not compile it")
        return False
    both_failed, differences = 0, []
    for i in range(count):
        rng = random.Random(f"{seed}/{i}")
        context = conversations.conversation(rng)
        difference, failed = comparison.difference(compiled, context, conversations.TRUSTED)
        both_failed += failed
        if difference:
            differences.append((i, difference))
    for i, difference in differences[:3]:
        print(f"        conversation {i}: {difference}")
    print(f"{'FAILED ' if differences else 'ok     '} {name}: {count} conversations, {len(differences)} differences, both fail on {both_failed}")
    return not differences


def compare_expressions(comparison, path):
    """One template a line (⏎ for a line end, lines of ## are comments), over VARIABLES."""
    count, differences = 0, 0
    for line_number, line in enumerate(open(path, newline="\n"), 1):
        line = line.rstrip("\n")
        if not line or line.startswith("## "):
            continue
        count += 1
        source = line.replace("⏎", "\n")
        difference, _ = comparison.difference(comparison.compile(source), VARIABLES, {})
        if difference:
            differences += 1
            print(f"        line {line_number}: {line}\n          {difference}")
    print(f"{'FAILED ' if differences else 'ok     '} expressions: {count} templates, {differences} differences")
    return not differences


def is_outside(source, expected, answer):
    """What the interpreter leaves out on purpose, or jinja2 prints differently each time."""
    error = answer.get("error", "")
    if answer.get("code") == "unimplemented" or "integer over 64 bits" in error or ADDRESS.search(expected or ""):
        return True
    # jinja2 folds constants at compile time, and its slice of a constant that has none is undefined instead of an error.
    if "cannot be sliced" in error:
        return True
    # Generators are computed at once here: a fault in one that nobody reads is a fault all the same.
    return expected is not None and "error" in answer and any(f"| {name}" in source for name in ("items", "map", "select", "reject", "unique"))


def compare_generated(comparison, count, seed):
    """Random templates; those that reach what the subset lacks, or print an address, do not count."""
    both_failed, outside, differences = 0, 0, []
    for i in range(count):
        source = generated.Generator(random.Random(f"{seed}/template/{i}")).template()
        compiled = comparison.compile(source)
        number, template = compiled
        expected = None if template is None else reference.render(template, VARIABLES)
        answer = comparison.renderer.render(number, VARIABLES, {}, NOW) if number is not None else {"error": "", "code": "invalid_argument"}
        checked_early = template is None and "error" not in answer  # unknown names in branches that are not reached
        if checked_early or is_outside(source, expected, answer):
            outside += 1
            continue
        difference, failed = comparison.judge(expected, answer)
        both_failed += failed
        if difference:
            differences.append((i, source, difference))
    for i, source, difference in differences[:5]:
        print(f"        template {i}: {source!r}\n          {difference}")
    print(f"{'FAILED ' if differences else 'ok     '} generated: {count} templates, {len(differences)} differences, both fail on {both_failed}, outside of the subset {outside}")
    return not differences


def main():
    tool, count, seed = sys.argv[1], int(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else "1"
    warnings.simplefilter("ignore", SyntaxWarning)  # of jinja2's generated code
    comparison = Comparison(tool)
    templates, missing = sources.load()
    results = [compare_expressions(comparison, os.path.join(sources.HERE, "expressions.txt"))]
    results.append(compare_generated(comparison, count, seed))
    results += [compare_template(comparison, name, source, count, seed) for name, source in templates.items()]
    for name in missing:
        print(f"skipped {name}: not to be had here")
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed, {len(missing)} skipped")
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
