"""Another program's judgement of a value: python3-jsonschema."""
import fractions
import json
import re
import sys

import jsonschema

sys.setrecursionlimit(20_000)  # values nest some hundred deep, and a level of theirs is ten of the validator's


def _multiple_of(validator, step, value, _):
    """Of what is written: 8.52 is a multiple of 0.01, though its nearest double is not one of that of 0.01."""
    if validator.is_type(value, "number") and fractions.Fraction(repr(value)) % fractions.Fraction(repr(step)) != 0:
        yield jsonschema.ValidationError(f"{value!r} is not a multiple of {step!r}")


def validator_of(schema):
    """By the draft that it names, or whose keywords it uses."""
    text = json.dumps(schema)
    default = jsonschema.Draft202012Validator
    if re.search(r'"(items": \[|dependencies"|additionalItems")', text):
        default = jsonschema.Draft7Validator
    if re.search(r'"exclusiveM(in|ax)imum": (true|false)', text):
        default = jsonschema.Draft4Validator
    of_draft = jsonschema.validators.validator_for(schema, default=default)
    return jsonschema.validators.extend(of_draft, {"multipleOf": _multiple_of})(schema, format_checker=None)


def fault_of(schema, value):
    """What is wrong with the value, in words, or nothing."""
    wrong = jsonschema.exceptions.best_match(validator_of(schema).iter_errors(value))
    return wrong.message[:200] if wrong else None
