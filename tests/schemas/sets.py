"""Sets of schemas as they lie on disk: JSONSchemaBench, JSON-Schema-Test-Suite, and our own schemas.jsonl."""
import json
import pathlib
from dataclasses import dataclass, field


@dataclass
class Entry:
    name: str
    family: str
    schema: object
    tests: list = field(default_factory=list)  # {"data", "valid"}
    refused: str | None = None  # the pointer at which it must be refused


def _of_value(name, family, value):
    """A file is a schema; a schema with its tests (MaskBench); or groups of them (JSON-Schema-Test-Suite)."""
    is_suite = isinstance(value, list) and all(isinstance(g, dict) and "schema" in g and "tests" in g for g in value)
    if is_suite:
        for number, group in enumerate(value):
            yield Entry(f"{name}#{number} {group.get('description', '')}", family, group["schema"], group["tests"])
    elif isinstance(value, dict) and "schema" in value and isinstance(value.get("tests"), list):
        yield Entry(name, name.split("---")[0].rsplit("/", 1)[-1].split("_")[0], value["schema"], value["tests"])
    elif isinstance(value, (dict, bool)):
        yield Entry(name, family, value)


def of_folder(folder):
    folder = pathlib.Path(folder)
    for path in sorted(folder.rglob("*.json")):
        if not path.is_file() or {".git", "node_modules", "proposals"} & set(path.parts):
            continue  # proposals are of no draft
        name = str(path.relative_to(folder))
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, RecursionError):
            continue  # no JSON, no schema
        yield from _of_value(name, path.parent.name, value)


def of_lines(path):
    for line in pathlib.Path(path).read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        tests = [{"data": value, "valid": valid} for valid, key in ((True, "valid"), (False, "invalid"))
                 for value in entry.get(key, [])]
        yield Entry(entry["name"], entry["name"].split("/")[0], entry["schema"], tests, entry.get("refused"))
