#!/usr/bin/env python3
"""Tokens a second of answers held to a schema against the same prompts free, in one run, at 1 and 8 streams.

Usage: run.py MODEL [PAIRS]. Checks that held answers are whole and read as JSON. Ratios are medians over pairs.
"""
import concurrent.futures
import json
import os
import statistics
import sys
import time

sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tests", folder) for folder in ("lib", "structured")]
from client import ask  # noqa: E402
from server import Server  # noqa: E402

PERSON = {"type": "object", "properties": {
    "full_name": {"type": "string", "maxLength": 40}, "age_in_years": {"type": "integer", "minimum": 0, "maximum": 120},
    "email_address": {"type": "string", "maxLength": 40}, "is_employed": {"type": "boolean"},
    "home_address": {"type": "object", "properties": {"street_name": {"type": "string", "maxLength": 30}, "house_number": {"type": "integer"},
                                                      "postal_code": {"type": "string", "maxLength": 10}, "city": {"type": "string", "maxLength": 20}},
                     "required": ["street_name", "house_number", "postal_code", "city"], "additionalProperties": False},
    "favourite_colours": {"type": "array", "items": {"enum": ["red", "green", "blue", "yellow"]}, "minItems": 2, "maxItems": 3}},
    "required": ["full_name", "age_in_years", "email_address", "is_employed", "home_address", "favourite_colours"], "additionalProperties": False}
FORM = {"type": "json_schema", "json_schema": {"name": "person", "schema": PERSON}}
KEYS = ", ".join(PERSON["properties"])


def body(model, seed, is_held):
    asked = f"Invent person number {seed}. Answer with one JSON object with the keys {KEYS}; home_address is an object with street_name, " \
            "house_number, postal_code and city."
    return {"model": model, "messages": [{"role": "user", "content": asked}], "seed": seed, "temperature": 1, "top_p": 1, "top_k": 0,
            "repetition_penalty": 1, "max_completion_tokens": 300, **({"response_format": FORM} if is_held else {})}


def measure(server, model, streams, seeds, is_held):
    """Tokens a second of all streams together."""
    begun = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(streams) as pool:
        answers = list(pool.map(lambda seed: ask(server, body(model, seed, is_held)), seeds))
    took = time.monotonic() - begun
    for answer in answers:
        assert answer.error is None, answer.error
        if is_held and answer.finish == "stop":
            assert set(json.loads(answer.text)) == set(PERSON["properties"]), answer.text
    return sum(answer.usage["completion_tokens"] for answer in answers) / took


def main():
    model, pairs = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 5
    name = os.path.basename(model).removesuffix(".gguf")
    with Server(models=[model]) as server:
        for is_held in (True, False):
            measure(server, name, 1, [0], is_held)  # the vocabulary is made ready, pages are there
        for streams in (1, 8):
            ratios = []
            for pair in range(pairs):
                # Nobody says the same again, and each goes first in turn: what was said before is guessed from.
                seeds = [1 + streams * 10_000 + pair * 100 + i for i in range(2 * max(4, streams * 2))]
                order = (True, False) if pair % 2 == 0 else (False, True)
                speeds = {is_held: measure(server, name, streams, seeds[is_held::2], is_held) for is_held in order}
                held, free = speeds[True], speeds[False]
                ratios.append(held / free)
                print(f"  {streams} streams: held {held:.1f}, free {free:.1f} tokens/s, {held / free:.2f}x", flush=True)
            print(f"{streams} streams: held to a schema {statistics.median(ratios):.2f}x of free ({min(ratios):.2f} to {max(ratios):.2f}, {pairs} pairs)")


if __name__ == "__main__":
    main()
