#!/usr/bin/env python3
"""Tokens a second of answers held to schemas against the same prompts free, in one run, at 1 and 8 streams.

Usage: run.py MODEL [PAIRS]. Forms are of all kinds, each asked for once by either side. The sides have keys of their own, so neither
guesses from what the other said. Held answers that end must be valid (python3-jsonschema). Ratios are medians over pairs; a
second table asks for one form over and over, where past answers are as good a guess as the form.
"""
import concurrent.futures
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time

sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tests", folder) for folder in ("lib", "structured")]
from client import ask  # noqa: E402
from judge import fault_of  # noqa: E402
from server import BUILD, Server  # noqa: E402

# What is asked for: a thing, and what is to be said of it. An answer of a form has some three lines of text and numbers of its own.
THINGS = {
    "an invoice of a garage": "invoice_number issued_on payment_due customer_name total_amount is_paid",
    "a parcel on its way": "tracking_code weight_in_grams sent_from delivered_to is_fragile carrier_name",
    "a recipe with beans": "dish_title cooking_minutes servings difficulty_level main_ingredient is_vegan",
    "a cargo ship": "ship_name home_port year_built length_in_metres cargo_type captain_name",
    "a visit to a doctor": "patient_name date_of_visit complaint blood_pressure diagnosis next_appointment",
    "a weather station's reading": "station_name measured_at temperature_celsius wind_direction humidity_percent is_raining",
    "a bug report": "issue_title reported_by affected_version severity_level steps_to_reproduce is_confirmed",
    "a flat to let": "street_address monthly_rent number_of_rooms available_from has_balcony contact_person",
    "a course at a university": "course_title taught_by credit_points room_number first_lecture maximum_students",
    "a bank transfer": "sender_name receiver_name amount_in_cents currency_code reference_text executed_on",
    "an album of jazz": "album_title artist_name release_year record_label number_of_tracks favourite_track",
    "a server in a rack": "host_name ip_address operating_system memory_gigabytes last_reboot is_monitored",
    "a novel": "book_title author_name first_published number_of_pages main_character short_summary",
    "a flight": "flight_number departure_airport arrival_airport departs_at gate_number is_delayed",
    "a tree in a park": "common_name latin_name height_in_metres planted_in health_state is_protected",
    "an order in a shop": "order_number customer_email item_name unit_price quantity gift_message",
    "a football match": "home_team away_team home_goals away_goals stadium_name number_of_spectators",
    "a job that is offered": "job_title company_name yearly_salary required_experience office_city is_remote",
    "a used car": "car_brand model_name first_registration mileage_km fuel_type asking_price",
    "a hotel booking": "guest_name check_in_date check_out_date room_type price_per_night wants_breakfast",
}
NUMBERS = "total amount minutes servings weight year length temperature percent rent number_of points cents gigabytes pages height price quantity goals " \
          "salary mileage maximum".split()


PERSON = {"type": "object", "properties": {
    "full_name": {"type": "string", "maxLength": 40}, "age_in_years": {"type": "integer", "minimum": 0, "maximum": 120},
    "email_address": {"type": "string", "maxLength": 40}, "is_employed": {"type": "boolean"},
    "home_address": {"type": "object", "properties": {"street_name": {"type": "string", "maxLength": 30}, "house_number": {"type": "integer"},
                                                      "postal_code": {"type": "string", "maxLength": 10}, "city": {"type": "string", "maxLength": 20}},
                     "required": ["street_name", "house_number", "postal_code", "city"], "additionalProperties": False},
    "favourite_colours": {"type": "array", "items": {"enum": ["red", "green", "blue", "yellow"]}, "minItems": 2, "maxItems": 3}},
    "required": ["full_name", "age_in_years", "email_address", "is_employed", "home_address", "favourite_colours"], "additionalProperties": False}


class Side:
    """Held or free, by a key of its own."""

    def __init__(self, data, is_held):
        self.url, self.is_held = None, is_held
        self.key = subprocess.run([os.path.join(BUILD, "studio"), "key", "add", f"held {is_held}", "--data", data, "--quiet"],
                                  check=True, capture_output=True, text=True).stdout.strip()

    def speed(self, model, streams, asked):
        """Tokens a second of all streams together while every stream has an answer on its way; `asked`: (seed, thing, schema) each."""
        begun = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(streams) as pool:
            said = list(pool.map(lambda one: self.timed(self.body(model, *one)), asked))
        for (_, _, schema), (answer, _, _) in zip(asked, said):
            assert answer.error is None, answer.error
            if self.is_held and answer.finish == "stop":
                assert fault_of(schema, json.loads(answer.text)) is None, answer.text
        # The first stream runs dry when fewer answers than streams are left; from there on it would be a measure of fewer streams.
        dry = sorted(ended for _, _, ended in said)[len(asked) - streams]
        return sum(answer.usage["completion_tokens"] * min(1, max(0, dry - start) / (ended - start)) for answer, start, ended in said) / (dry - begun)

    def timed(self, body):
        start = time.monotonic()
        return ask(self, body), start, time.monotonic()

    def body(self, model, seed, thing, schema):
        keys = ", ".join(schema["properties"])
        asked = f"Invent {thing}, number {seed}. Answer with one JSON object with the keys {keys}."
        form = {"response_format": {"type": "json_schema", "json_schema": {"name": "form", "schema": schema}}}
        return {"model": model, "messages": [{"role": "user", "content": asked}], "seed": seed, "temperature": 1, "top_p": 1, "top_k": 0,
                "repetition_penalty": 1, "max_completion_tokens": 250, **(form if self.is_held else {})}


def form_of(keys):
    """All keys must come, in their order; what begins with is_, has_ or wants_ is a flag."""
    kinds = {key: "boolean" if key.startswith(("is_", "has_", "wants_")) else "integer" if any(word in key for word in NUMBERS) else "string" for key in keys}
    return {"type": "object", "properties": {key: {"type": kind} for key, kind in kinds.items()}, "required": keys, "additionalProperties": False}


def forms():
    """Each thing whole and with three keys in two ways, in an order that is always the same."""
    found = []
    for thing, text in THINGS.items():
        keys = text.split()
        found += [(thing, form_of(some)) for some in (keys, keys[::2] + keys[1::2], keys[3:] + keys[:3])]
    random.Random(3).shuffle(found)
    return found


def compare(sides, model, streams, pairs, draw):
    ratios = []
    for pair in range(pairs):
        asked = [(1 + streams * 10_000 + pair * 100 + i, *draw()) for i in range(max(8, streams * 5))]
        speeds = {side: side.speed(model, streams, asked) for side in (sides if pair % 2 == 0 else sides[::-1])}
        held, free = (speeds[side] for side in sides)
        ratios.append(held / free)
        print(f"  {streams} streams: held {held:.1f}, free {free:.1f} tokens/s, {held / free:.2f}x", flush=True)
    return f"{statistics.median(ratios):.2f}x of free ({min(ratios):.2f} to {max(ratios):.2f}, {pairs} pairs)"


def compare_all(sides, model, pairs, data):
    name, rows = os.path.basename(model).removesuffix(".gguf"), []
    with Server(models=[model], data=data) as server:
        for side in sides:
            side.url = server.url
            side.speed(name, 1, [(0, "a person", PERSON)])  # the vocabulary is made ready, pages are there
        for what, draw in (("forms of all kinds", iter(forms() * 9).__next__), ("one form again and again", lambda: ("a person", PERSON))):
            print(what)
            for streams in (1, 8):
                rows.append(f"{what}, {streams} streams: held to a schema {compare(sides, name, streams, pairs, draw)}")
    return rows


def main():
    model, pairs = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 5
    with tempfile.TemporaryDirectory() as data:
        sides = [Side(data, True), Side(data, False)]
        rows = compare_all(sides, model, pairs, data)
    print("\n".join(rows))


if __name__ == "__main__":
    main()
