"""Another program's judgement of a value: python3-jsonschema."""
import json
import re

import jsonschema


def validator_of(schema):
    """By the draft that it names, or whose keywords it uses."""
    text = json.dumps(schema)
    default = jsonschema.Draft202012Validator
    if re.search(r'"(items": \[|dependencies"|additionalItems")', text):
        default = jsonschema.Draft7Validator
    if re.search(r'"exclusiveM(in|ax)imum": (true|false)', text):
        default = jsonschema.Draft4Validator
    return jsonschema.validators.validator_for(schema, default=default)(schema, format_checker=None)


def fault_of(schema, value):
    """What is wrong with the value, in words, or nothing."""
    wrong = jsonschema.exceptions.best_match(validator_of(schema).iter_errors(value))
    return wrong.message[:200] if wrong else None
