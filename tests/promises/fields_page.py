#!/usr/bin/env python3
"""docs/reference/fields.md, made of `studio fields --json`. Usage: fields_page.py   writes it; tests/promises/run.py holds it to the program."""
import json
import os
import sys

import tables

PAGE = os.path.join(tables.ROOT, "docs/reference/fields.md")
HEAD = """# Fields of requests

What each endpoint does with every field that it knows. Made by `tests/promises/fields_page.py` of the tables that the server reads requests by
(`studio fields` prints the same); `tests/promises` asks the server for each and holds the vendors' own types against these tables.

- **Honoured**: it does what the vendor says; a check in `tests/promises` proves it. Where values are named, these are taken and others refused.
- **Without effect** on the answer: accepted and listed in the answer's field `X-Studio-Ignored`.
- **Refused**: a 400 that names it. Values that ask for nothing are taken and listed as above.
- A field in no table is a 400 that names it and the nearest known one.

With `allow_degraded: true` in the body (of DashScope also in `parameters`, of Ollama also in `options`, where its clients can put it) unknown and refused fields are
left out instead: the answer is that of the request without them, and names them in `X-Studio-Degraded` and in the member `degraded.unhonoured` of its
body or of its first event. What is out of range, of the wrong kind or missing stays an error. At most 16 fields are left out of one request.
"""
NAMES = {"openai": "OpenAI", "responses": "OpenAI: Responses and Conversations", "dashscope": "DashScope", "anthropic": "Anthropic", "ollama": "Ollama"}


def code(value):
    return "`" + json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "`"


def values_of(rule):
    return ", ".join(code(value) for value in rule.get("values", []))


def section(endpoint):
    honoured, ignored, refused = [], [], []
    for place, variant, rule in endpoint.rows():
        name = f"`{place}`" + (f" ({variant})" if variant else "")
        if rule["use"] == "honoured":
            honoured.append(name + (f" ({values_of(rule)})" if "values" in rule else ""))
        elif rule["use"] == "ignored":
            ignored.append(name)
        else:
            refused.append((name, rule.get("reason", "not built"), values_of(rule)))
    lines = [f"### {endpoint.name}", "", "**Honoured**: " + ", ".join(honoured) + ".", ""]
    if ignored:
        lines += ["**Without effect**: " + ", ".join(ignored) + ".", ""]
    if refused:
        lines += ["| refused | why | taken, as it asks for nothing |", "| --- | --- | --- |"]
        lines += [f"| {name} | {reason} | {values} |" for name, reason, values in refused] + [""]
    return lines


def page():
    lines, dialect = [HEAD.rstrip(), ""], ""
    for endpoint in tables.load().values():
        if endpoint.dialect != dialect:
            dialect = endpoint.dialect
            lines += [f"## {NAMES.get(dialect, dialect)}", ""]
        lines += section(endpoint)
    return "\n".join(lines).rstrip() + "\n"


def fault():
    """None, or what is wrong with the kept page."""
    with open(PAGE, encoding="utf-8") as file:
        return None if file.read() == page() else "is not what the tables say; run tests/promises/fields_page.py"


if __name__ == "__main__":
    with open(PAGE, "w", encoding="utf-8") as out:
        out.write(page())
    sys.exit(0)
