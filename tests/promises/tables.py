"""The server's own tables of fields (`studio fields --json`), and what they say of a request."""
import json
import os
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("STUDIO_BUILD", os.path.join(ROOT, "build/release"))
ANY_KEY = {"logit_bias"}  # objects whose names are the caller's own, and not fields


def load():
    done = subprocess.run([os.path.join(BUILD, "studio"), "fields", "--json"], capture_output=True, check=True, timeout=60)
    return {each["endpoint"]: Endpoint(each) for each in json.loads(done.stdout)}


class Endpoint:
    def __init__(self, data):
        self.name, self.dialect, self.objects = data["endpoint"], data["dialect"], data["objects"]

    def rows(self):
        """(place, rule) of every field."""
        for each in self.objects:
            for rule in each["fields"]:
                kind = ", ".join(word for word in (each["variant"], each["role"]) if word)
                yield (each["path"] + "." if each["path"] else "") + rule["name"], kind, rule

    def honoured(self):
        return sorted({place for place, _, rule in self.rows() if rule["use"] == "honoured"})

    def verdict(self, body):
        """What must happen to a request that says this: {"refused": places, "ignored": places, "forgotten": places}."""
        found = {"refused": [], "ignored": [], "forgotten": []}
        self.look_at(body, "", "", "", found)
        return found

    def look_at(self, value, shape, place, role, found):
        if isinstance(value, list):
            for i, item in enumerate(value):
                self.look_at(item, shape + "[]", f"{place}[{i}]", role, found)
            return
        tables = [each for each in self.objects if each["path"] == shape]
        possible = [each for each in tables if each["role"] in ("", role)]
        if not isinstance(value, dict) or not tables:
            return
        table = next((each for each in possible if each["variant"] == value.get("type", each["variant"])), None)
        table = table or next((each for each in possible if not each["variant"]), None)
        role = value.get("role", role)
        dot = "." if shape else ""
        if table is None:  # of a kind that this place has no table for
            found["refused"].append(f"{place}.type")
            return
        rules = {rule["name"]: rule for rule in table["fields"]}
        for name, inner in value.items():
            if name not in rules:
                found["forgotten"].append(f"{shape}{dot}{name}")
            elif inner is not None:
                self.look_at_field(rules[name], inner, f"{shape}{dot}{name}", f"{place}{dot}{name}", role, found)

    def look_at_field(self, rule, value, shape, place, role, found):
        is_listed = value in rule.get("values", []) and not isinstance(value, bool) or any(value is v for v in rule.get("values", []))
        if rule["use"] == "ignored" or (rule["use"] == "refused" and is_listed):
            found["ignored"].append(shape)
        elif rule["use"] == "refused" or ("values" in rule and not is_listed):
            found["refused"].append(place)
        elif rule["name"] not in ANY_KEY:
            self.look_at(value, shape, place, role, found)
