"""A strict reader of the Prometheus text format 0.0.4, with the naming rules of its linter. Raises ValueError with the line."""
import math
import re

LINE = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,|$)')
KINDS = ("counter", "gauge", "histogram", "summary", "untyped")
NOT_BASE_UNITS = ("milliseconds", "_ms", "minutes", "hours", "kilobytes", "megabytes", "percent")


class Family:
    def __init__(self, name, kind, help_text):
        self.name, self.kind, self.help, self.samples = name, kind, help_text, []

    def value(self, suffix="", **labels):
        """The sum over all samples that have these labels."""
        return sum(v for name, have, v in self.samples if name == self.name + suffix and labels.items() <= have.items())

    def labels(self):
        return {label for _, have, _ in self.samples for label in have if label != "le"}


def read_labels(text, line):
    labels, at = {}, 0
    while at < len(text):
        found = LABEL.match(text, at)
        if not found or found[1] in labels:
            raise ValueError(f"labels of: {line}")
        labels[found[1]], at = found[2], found.end()
    return labels


def read_number(text, line):
    if text in ("+Inf", "-Inf", "NaN", "Nan"):
        return float(text.replace("Inf", "inf"))
    if not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?", text):
        raise ValueError(f"value of: {line}")
    return float(text)


def read(text):
    """Families by name."""
    if not text.endswith("\n"):
        raise ValueError("no newline at the end")
    families, helps, current = {}, {}, None
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            name, _, help_text = line[7:].partition(" ")
            if name in helps or not help_text:
                raise ValueError(f"help of: {line}")
            helps[name] = help_text
        elif line.startswith("# TYPE "):
            name, _, kind = line[7:].partition(" ")
            if name in families or name not in helps or kind not in KINDS:
                raise ValueError(f"type of: {line}")
            current = families[name] = Family(name, kind, helps[name])
        elif line and not line.startswith("#"):
            found = LINE.match(line)
            if not found or current is None:
                raise ValueError(f"sample: {line}")
            suffixes = ("_bucket", "_sum", "_count") if current.kind == "histogram" else ("",)
            if found[1] not in [current.name + suffix for suffix in suffixes]:
                raise ValueError(f"sample outside its family: {line}")
            labels = read_labels(found[2] or "", line)
            if any(found[1] == name and labels == have for name, have, _ in current.samples):
                raise ValueError(f"twice: {line}")
            current.samples.append((found[1], labels, read_number(found[3], line)))
    for family in families.values():
        check(family)
    return families


def check(family):
    if not family.samples:
        raise ValueError(f"{family.name} has no sample")
    if (family.kind == "counter") != family.name.endswith("_total"):
        raise ValueError(f"{family.name} is a {family.kind}")
    if any(unit in family.name for unit in NOT_BASE_UNITS):
        raise ValueError(f"{family.name} is not in base units")
    if family.kind == "counter" and any(value < 0 or math.isnan(value) for _, _, value in family.samples):
        raise ValueError(f"{family.name} counts below zero")
    if family.kind == "histogram":
        check_histogram(family)


def check_histogram(family):
    series = {}
    for name, labels, value in family.samples:
        key = tuple(sorted((k, v) for k, v in labels.items() if k != "le"))
        series.setdefault(key, {"buckets": [], "_sum": None, "_count": None})
        if name.endswith("_bucket"):
            series[key]["buckets"].append((float(labels["le"].replace("+Inf", "inf")), value))
        else:
            series[key][name[len(family.name):]] = value
    for key, one in series.items():
        bounds = [bound for bound, _ in one["buckets"]]
        counts = [count for _, count in one["buckets"]]
        if bounds != sorted(set(bounds)) or not bounds or bounds[-1] != math.inf or counts != sorted(counts):
            raise ValueError(f"buckets of {family.name} {key}")
        if one["_count"] != counts[-1] or one["_sum"] is None:
            raise ValueError(f"count and sum of {family.name} {key}")
