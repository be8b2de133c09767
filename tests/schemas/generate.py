#!/usr/bin/env python3
"""Writes the schemas of tests/data/schemas.jsonl whose names begin with "made/": varied, and always the same ones.

Usage: tests/schemas/generate.py tests/data/schemas.jsonl (replaces them there; those written by hand stay).
Each family is written as its users write: functions that a model calls, configuration files, Kubernetes resources, events of a
tracker, articles of a newspaper, schemas of a catalogue, 2020-12. An entry names values that are valid and values that are not.
"""
import json
import pathlib
import random
import sys

THINGS = {
    "invoice": "number issued due total currency paid lines".split(), "parcel": "code weight height carrier sent stops fragile".split(),
    "recipe": "title minutes servings level rating steps vegan".split(), "ship": "name flag built length draught owner active".split(),
    "patient": "ref born ward doctor allergies smoker visits".split(), "sensor": "uid model unit reading battery placed online".split(),
    "ticket": "subject opened priority assignee votes labels closed".split(), "lease": "tenant start months rent deposit rooms signed".split(),
    "course": "code title credits teacher hours topics open".split(), "payment": "id amount method at country fee refunded".split(),
    "album": "name released genre tracks label length live".split(), "server": "host port region cpus memory tags enabled".split(),
    "book": "isbn title pages language price authors printed".split(), "flight": "code gate departs seats airline stops delayed".split(),
    "tree": "species height planted district diameter notes healthy".split(), "order": "id placed customer items discount channel gift".split(),
}
WORDS = "alpha birch cedar delta ember fjord grove haven isle juniper kiln lagoon meadow north oak pine quarry ridge".split()


class Maker:
    """Draws kinds of values: each a schema with a value that is valid and one that is not."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def word(self):
        return self.random.choice(WORDS)

    def scalar(self):
        kinds = [self.text, self.code, self.count, self.amount, self.choice, self.flag, self.moment, self.address, self.step]
        return self.random.choice(kinds)()

    def text(self):
        least, most = self.random.choice([(0, 60), (1, 128), (2, 40), (3, 255)])
        schema = {"type": "string", "maxLength": most, **({"minLength": least} if least else {})}
        return schema, self.word() + " " + self.word(), 5 if most > 40 else "x" * (most + 1)

    def code(self):
        pattern, valid = self.random.choice([
            ("^[A-Z]{3}-[0-9]{4}$", "ABC-1234"), ("^[a-z][a-z0-9_]*$", "snake_case1"), ("^[0-9a-f]{8}$", "00ff12ab"),
            ("^(v|V)?[0-9]+\\.[0-9]+(\\.[0-9]+)?$", "v1.20.3"), ("^#[0-9A-Fa-f]{6}$", "#a0B1c2"), ("^[^\\s/]+/[^\\s/]+$", "owner/name"),
            ("^\\d{2,5}$", "4321"), ("^[A-Za-z]+( [A-Za-z]+)*$", "two words")])
        return {"type": "string", "pattern": pattern}, valid, self.random.choice(["", "?/ ?/", 7])

    def count(self):
        low, high = self.random.choice([(0, 100), (1, 65535), (-40, 60), (0, 9), (1900, 2100)])
        return {"type": "integer", "minimum": low, "maximum": high}, self.random.randint(low, high), self.random.choice([low - 1, high + 1, "1"])

    def amount(self):
        schema, valid, invalid = self.random.choice([
            ({"type": "number", "minimum": 0}, 12.5, -0.5), ({"type": "number", "exclusiveMinimum": 0, "maximum": 1}, 0.25, 0),
            ({"type": "number", "minimum": -90, "maximum": 90}, -33.125, 90.5), ({"type": "number"}, -2.5, "2"),
            ({"type": "number", "multipleOf": 0.01, "minimum": 0}, 19.99, 0.001)])
        return schema, valid, invalid

    def step(self):
        by = self.random.choice([5, 10, 12, 100])
        return {"type": "integer", "multipleOf": by}, by * self.random.randint(1, 40), by * 3 + 1

    def choice(self):
        values = self.random.sample(WORDS, self.random.randint(2, 6))
        return {"type": "string", "enum": values}, self.random.choice(values), "none of them"

    def flag(self):
        return {"type": "boolean"}, self.random.choice([True, False]), "true"

    def moment(self):
        kind, valid = self.random.choice([("date", "2024-02-28"), ("date-time", "2023-11-05T08:15:30Z"), ("time", "23:59:59Z")])
        return {"type": "string", "format": kind}, valid, "yesterday"

    def address(self):
        kind, valid = self.random.choice([("email", "a.b@example.org"), ("uri", "https://example.org/x?y=1"), ("ipv4", "10.0.0.255"),
                                          ("uuid", "123e4567-e89b-12d3-a456-426614174000"), ("hostname", "node-1.example.org")])
        return {"type": "string", "format": kind}, valid, "not one, nor two"

    def listed(self):
        schema, valid, invalid = self.scalar()
        least = self.random.choice([0, 0, 1, 2])
        array = {"type": "array", "items": schema, **({"minItems": least} if least else {}), **self.random.choice([{}, {"maxItems": 6}])}
        return array, [valid] * max(least, 1), [valid, invalid]

    def mapped(self):
        schema, valid, invalid = self.scalar()
        return {"type": "object", "additionalProperties": schema}, {self.word(): valid}, {self.word(): invalid}

    def field(self, depth):
        draw = self.random.random()
        if depth > 0 and draw < 0.18:
            return self.record(depth - 1)
        return self.listed() if draw < 0.34 else self.mapped() if draw < 0.42 else self.scalar()

    def record(self, depth=1, most=4):
        """An object of one of the things, and instances in the order of its properties."""
        thing = self.random.choice(sorted(THINGS))
        names = [n for n in THINGS[thing] if self.random.random() < 0.75][:most] or [THINGS[thing][0]]
        fields = {name: self.field(depth) for name in names}
        required = [name for name in names if self.random.random() < 0.6]
        schema = {"type": "object", "properties": {name: f[0] for name, f in fields.items()}}
        if required:
            schema["required"] = required
        if self.random.random() < 0.7:
            schema["additionalProperties"] = False
        valid = {name: f[1] for name, f in fields.items()}
        invalid = {**valid, (broken := self.random.choice(names)): fields[broken][2]}
        return schema, valid, invalid


def without(value, name):
    return {key: each for key, each in value.items() if key != name}


def call(m):
    schema, valid, invalid = m.record(0, 3)
    for name in schema["properties"]:
        schema["properties"][name]["description"] = f"The {name}."
    return schema, [valid], [invalid, []]


def config(m):
    schema, valid, invalid = m.record(1, 4)
    schema = {"$schema": "http://json-schema.org/draft-07/schema#", "title": m.word(), **schema}
    return schema, [valid], [invalid]


def by_reference(m):
    part, valid, invalid = m.record(0, 3)
    other, other_valid, _ = m.scalar()
    schema = {"$schema": "http://json-schema.org/draft-04/schema#", "definitions": {"part": part, "other": other}, "type": "object",
              "properties": {"first": {"$ref": "#/definitions/part"}, "more": {"type": "array", "items": {"$ref": "#/definitions/part"}},
                             "note": {"$ref": "#/definitions/other"}}, "required": ["first"], "additionalProperties": False}
    return schema, [{"first": valid, "more": [valid], "note": other_valid}], [{"more": []}, {"first": invalid}]


def tree(m):
    schema, valid, invalid = m.scalar()
    node = {"type": "object", "properties": {"value": schema, "left": {"$ref": "#/definitions/node"}, "right": {"$ref": "#/definitions/node"}},
            "required": ["value"], "additionalProperties": False}
    return ({"definitions": {"node": node}, "$ref": "#/definitions/node"},
            [{"value": valid, "left": {"value": valid, "right": {"value": valid}}}], [{"value": valid, "right": {"value": invalid}}, {}])


def resource(m):
    spec, valid, invalid = m.record(1, 3)
    label, label_valid, _ = m.text()
    kind = m.word().title()
    schema = {"type": "object", "required": ["kind", "spec"], "properties": {
        "apiVersion": {"type": ["string", "null"]},
        "kind": {"type": ["string", "null"], "enum": [kind]},
        "metadata": {"type": "object", "properties": {"name": {"type": "string"}, "labels": {"type": ["object", "null"],
                     "additionalProperties": {"type": ["string", "null"]}}, "generation": {"type": ["integer", "null"], "format": "int64"}}},
        "spec": spec, "note": label}, "x-kubernetes-group-version-kind": [{"kind": kind, "version": "v1"}]}
    return (schema, [{"apiVersion": "v1", "kind": kind, "metadata": {"name": "a", "labels": {"app": None}}, "spec": valid, "note": label_valid}],
            [{"kind": kind, "spec": invalid}, {"kind": "Other" + kind, "spec": valid}])


def event(m):
    fields = {name: m.scalar() for name in m.random.sample(WORDS, 4)}
    names = list(fields)
    schema = {"$schema": "http://iglucentral.com/schemas/com.snowplowanalytics.self-desc/schema/jsonschema/1-0-0#",
              "description": "An event", "self": {"vendor": "org.example", "name": m.word(), "format": "jsonschema", "version": "1-0-0"},
              "type": "object", "properties": {}, "required": names[:2], "additionalProperties": False}
    for name, (field, _, _) in fields.items():
        is_null = name not in names[:2] and "enum" not in field
        schema["properties"][name] = {**field, "type": [field["type"], "null"]} if is_null else field
    valid = {name: f[1] for name, f in fields.items()}
    return schema, [valid, {name: fields[name][1] for name in names[:2]}], [without(valid, names[0]), {**valid, names[1]: fields[names[1]][2]}]


def article(m):
    trait, valid, invalid = m.record(0, 3)
    trait.pop("additionalProperties", None)
    extra, extra_valid, extra_invalid = m.scalar()
    schema = {"$schema": "http://json-schema.org/draft-04/schema#", "definitions": {"trait": trait},
              "allOf": [{"$ref": "#/definitions/trait"}, {"type": "object", "properties": {"slug": extra, "kind": {"enum": ["story"]}}, "required": ["kind"]}]}
    return schema, [{**valid, "slug": extra_valid, "kind": "story"}], [{**valid, "kind": "x"}, {**valid, "slug": extra_invalid, "kind": "story"}]


def exclusive(m):
    a, b = m.random.sample(WORDS, 2)
    (of_a, valid_a, _), (of_b, valid_b, _) = m.scalar(), m.scalar()
    schema = {"type": "object", "properties": {a: of_a, b: of_b}, "oneOf": [{"required": [a]}, {"required": [b]}], "additionalProperties": False}
    return schema, [{a: valid_a}, {b: valid_b}], [{}, {a: valid_a, b: valid_b}]


def at_least_one(m):
    a, b = m.random.sample(WORDS, 2)
    (of_a, valid_a, wrong), (of_b, valid_b, _) = m.scalar(), m.scalar()
    schema = {"type": "object", "properties": {a: of_a, b: of_b}, "anyOf": [{"required": [a]}, {"required": [b]}], "additionalProperties": False}
    return schema, [{a: valid_a, b: valid_b}, {b: valid_b}], [{}, {a: wrong}]


def not_both(m):
    a, b = m.random.sample(WORDS, 2)
    (of_a, valid_a, _), (of_b, valid_b, _) = m.scalar(), m.scalar()
    return ({"type": "object", "properties": {a: of_a, b: of_b}, "not": {"required": [a, b]}, "additionalProperties": False},
            [{}, {a: valid_a}, {b: valid_b}], [{a: valid_a, b: valid_b}])


def anything_but(m):
    words = m.random.sample(WORDS, 3)
    return {"type": "string", "minLength": 1, "not": {"enum": words}}, [words[0] + "s"], [words[1], ""]


def ports_but(m):
    low = m.random.randint(1, 5000)
    return ({"type": "integer", "minimum": low, "maximum": low + 100, "not": {"enum": [low + 3, low + 50]}}, [low, low + 4, low + 100],
            [low + 3, low + 50, low + 101])


def conditional(m):
    kinds = m.random.sample(WORDS, 2)
    field, valid, wrong = m.scalar()
    schema = {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "properties": {"kind": {"enum": kinds}, "detail": field},
              "required": ["kind"], "if": {"properties": {"kind": {"const": kinds[0]}}}, "then": {"required": ["detail"]}}
    if m.random.random() < 0.5:
        schema["else"] = {"properties": {"detail": False}}
        return schema, [{"kind": kinds[0], "detail": valid}, {"kind": kinds[1]}], [{"kind": kinds[0]}, {"kind": kinds[1], "detail": valid}]
    return schema, [{"kind": kinds[0], "detail": valid}, {"kind": kinds[1]}], [{"kind": kinds[0]}, {"kind": kinds[1], "detail": wrong}]


def conditions(m):
    kinds = m.random.sample(WORDS, 4)
    fields = {kind: m.scalar() for kind in kinds}
    schema = {"type": "object", "properties": {"kind": {"enum": kinds}, "value": {}}, "required": ["kind", "value"], "additionalProperties": False,
              "allOf": [{"if": {"properties": {"kind": {"const": kind}}}, "then": {"properties": {"value": fields[kind][0]}}} for kind in kinds]}
    return (schema, [{"kind": kind, "value": fields[kind][1]} for kind in kinds], [{"kind": kinds[0], "value": fields[kinds[0]][2]}, {"kind": kinds[0]}])


def depends(m):
    a, b, c = m.random.sample(WORDS, 3)
    (of_a, valid_a, _), (of_b, valid_b, _), (of_c, valid_c, _) = m.scalar(), m.scalar(), m.scalar()
    keyword = m.random.choice(["dependencies", "dependentRequired"])
    schema = {"type": "object", "properties": {a: of_a, b: of_b, c: of_c}, keyword: {a: [b], c: [b]}, "additionalProperties": False}
    return schema, [{}, {b: valid_b}, {a: valid_a, b: valid_b}], [{a: valid_a}, {a: valid_a, c: valid_c}]


def tagged(m):
    kinds = m.random.sample(WORDS, 3)
    branches, valid, invalid = [], [], []
    for kind in kinds:
        schema, good, bad = m.record(0, 3)
        schema["properties"] = {"type": {"const": kind}, **schema["properties"]}
        schema["required"] = ["type", *schema.get("required", [])]
        branches.append(schema)
        valid.append({"type": kind, **good})
        invalid.append({"type": kind, **bad})
    return {m.random.choice(["oneOf", "anyOf"]): branches}, valid[:2], [invalid[0], {"type": "other"}]


def untagged(m):
    schema, valid, invalid = m.record(0, 3)
    return ({"oneOf": [{"type": "string", "minLength": 1}, schema, {"type": "array", "items": {"type": "string", "minLength": 1}}]},
            ["a", valid, ["a", "b"]], ["", 1, [2]])


def patterned(m):
    (of_x, valid, wrong), (of_y, other, _) = m.scalar(), m.scalar()
    return ({"type": "object", "properties": {"version": {"type": "integer"}}, "patternProperties": {"^x-": of_x, "^[0-9]+$": of_y},
             "additionalProperties": False}, [{"version": 1, "x-a": valid, "12": other}, {}], [{"x-a": wrong}, {"y": 1}])


def named(m):
    field, valid, wrong = m.scalar()
    if m.random.random() < 0.5:
        words = m.random.sample(WORDS, 3)
        return ({"type": "object", "propertyNames": {"enum": words}, "additionalProperties": field}, [{words[0]: valid}, {}],
                [{words[0]: wrong}, {"other": valid}])
    return ({"type": "object", "propertyNames": {"pattern": "^[a-z]+$", "maxLength": 12}, "additionalProperties": field},
            [{"abc": valid}], [{"ABC": valid}, {"abc": wrong}])


def different(m):
    words = m.random.sample(WORDS, 5)
    return ({"type": "array", "items": {"enum": words}, "uniqueItems": True, "minItems": 1, "maxItems": m.random.choice([2, 3, 5])},
            [[words[0]], [words[1], words[3]]], [[], [words[0], words[0]], ["other"]])


def containing(m):
    field, valid, wrong = m.random.choice([m.count(), m.choice(), m.code()])
    schema = {"type": "array", "contains": field, "maxItems": 6}
    if m.random.random() < 0.5:
        schema["minContains"] = 2
        return schema, [[valid, valid, True]], [[valid], [True, True]]
    return schema, [[valid], [valid, None]], [[], [wrong]]


def tuple_of(m):
    parts = [m.scalar() for _ in range(3)]
    valid = [part[1] for part in parts]
    if m.random.random() < 0.5:
        return ({"type": "array", "prefixItems": [part[0] for part in parts], "items": False, "minItems": 3}, [valid], [valid[:2], [*valid, 1]])
    return ({"type": "array", "items": [part[0] for part in parts], "additionalItems": False, "minItems": 1},
            [valid, valid[:1]], [[], [*valid, 1], [parts[0][2]]])


def modern(m):
    schema, valid, invalid = m.record(0, 4)
    name = next(iter(schema["properties"]))
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "https://example.org/" + m.word(), "$defs": {"item": schema},
              "type": "object", "properties": {"items": {"type": "array", "items": {"$ref": "#/$defs/item"}, "minItems": 1}, "total": {"type": "integer"},
                                               "checked": {"type": "boolean"}},
              "dependentSchemas": {"total": {"required": ["items"]}}, "$comment": "about " + name}
    return schema, [{"items": [valid]}, {"checked": True}], [{"items": [invalid]}, {"total": 1}]


FAMILIES = [(call, 40), (config, 16), (by_reference, 12), (tree, 10), (resource, 12), (event, 19), (article, 10), (exclusive, 16), (at_least_one, 12),
            (not_both, 14), (anything_but, 9), (ports_but, 9), (conditional, 14), (conditions, 6), (depends, 16), (tagged, 8), (untagged, 6),
            (patterned, 14), (named, 14), (different, 12), (containing, 12), (tuple_of, 14), (modern, 8)]


def entries():
    for family, count in FAMILIES:
        for number in range(count):
            name = f"made/{family.__name__}/{number}"
            schema, valid, invalid = family(Maker(name))
            yield {"name": name, "schema": schema, "valid": valid, "invalid": invalid}


def main():
    path = pathlib.Path(sys.argv[1])
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith('{"name":"made/')]
    lines += [json.dumps(entry, separators=(",", ":"), ensure_ascii=False) for entry in entries()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
