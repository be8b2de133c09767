"""Ours against its peers in pairs: what a row of the comparison is, how it runs, what comes out.

A row opens its sides (ours, and of each peer one side a build or a way to run it). A warm-up chooses each peer's best side for each
figure. Then ours and the peers alternate; the machine's roofs are measured between the pairs, and a pair is dropped when the memory
bandwidth around it moved. A side that finds its own result wrong raises WrongResult, and the row is no pass.
"""
import contextlib
import dataclasses
import json
import os
import statistics
import subprocess
from typing import Callable

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get("STUDIO_BUILD", os.path.join(ROOT, "build/release"))
MOVED = 0.15    # drop a pair when bandwidth changed by more: the host moved our cores
MAX_EXTRA = 10  # pairs tried beyond the wanted number before giving up


class WrongResult(Exception):
    """What a side computed is not what was asked for."""


def check(is_right, what):
    if not is_right:
        raise WrongResult(what)


@dataclasses.dataclass(frozen=True)
class Figure:
    unit: str

    def ratio(self, ours, theirs):
        """How many times better ours is; rates are better when larger, times and counts when smaller."""
        better, worse = (ours, theirs) if self.unit.endswith("/s") else (theirs, ours)
        return better / worse if worse else float("inf")

    def share(self, ours, roof):
        return ours / roof if self.unit.endswith("/s") else roof / ours


@dataclasses.dataclass
class Sides:
    """Of an open row. A side has a name and measure(round, figures) -> {figure: value}; rounds differ in their prompts."""
    ours: object
    theirs: dict   # {peer: [side, ...]}
    roofs: Callable = lambda state: {}  # {figure: what the machine allows} at {stream_gbs, dot_tops}


@dataclasses.dataclass
class Row:
    name: str
    about: str
    figures: dict       # {name: Figure}
    open: Callable      # open(exit stack) -> Sides
    peers: tuple        # those that it is compared with
    missing: dict = dataclasses.field(default_factory=dict)  # {peer that is not here: how to get it}
    reads_weights: bool = True  # else memory's bandwidth is nothing to it, and no pair is dropped for that
    is_paired_inside: bool = False  # ours alternates with itself, as often as there are pairs: it is measured once


def run(command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout


def machine(threads):
    return json.loads(run([os.path.join(BUILD, "bench/machine_bench"), str(threads)]))


def costs(model):
    """{bytes_per_token, ops_per_token, ops_per_prompt_token} of a model file."""
    return json.loads(run([os.path.join(BUILD, "studio"), "bench", model, "--prefill", "1", "--decode", "1", "--streams", "1", "--repeat", "1",
                           "--json"]))


def weight_pass_s(state, cost):
    return cost["bytes_per_token"] / (state["stream_gbs"] * 1e9)


def prompt_s(state, cost, tokens):
    """Seconds that the dot products of a prompt take at the machine's rate; 0 where that is unknown."""
    return tokens * cost["ops_per_prompt_token"] / (state["dot_tops"] * 1e12) if state["dot_tops"] else 0


def answers_s(state, cost, streams, steps):
    """Seconds of `steps` steps of `streams` answers: bytes or operations, whichever takes longer."""
    ops = streams * cost["ops_per_token"] / (state["dot_tops"] * 1e12) if state["dot_tops"] else 0
    return steps * max(weight_pass_s(state, cost), ops)


def best_sides(row, sides, say):
    """{(peer, figure): side}, by a warm-up of every side."""
    sides.ours.measure(0, list(row.figures))
    best = {}
    for peer, builds in sides.theirs.items():
        first = [(side, side.measure(0, list(row.figures))) for side in builds]
        for name, figure in row.figures.items():
            offers = [(side, found[name]) for side, found in first if name in found]
            if not offers:
                continue
            best[peer, name] = max(offers, key=lambda offer: offer[1] if figure.unit.endswith("/s") else -offer[1])[0]
            if len(offers) > 1:
                say(f"  {peer} {name}: " + ", ".join(f"{side.name} {shown(value)}" for side, value in offers))
    return best


def measure_pair(number, row, sides, best):
    ours, theirs = sides.ours.measure(number, list(row.figures)), {}
    for peer, builds in sides.theirs.items():
        for side in builds:
            if wanted := [name for name in row.figures if best.get((peer, name)) is side]:
                found = side.measure(number, wanted)
                theirs.setdefault(peer, {}).update({name: found[name] for name in wanted})
    return ours, theirs


def run_row(row, pairs, threads, say):
    """{figures: {figure: {peer: summary}}, wanted pairs, pairs, dropped, wrong}."""
    pairs = 1 if row.is_paired_inside else pairs
    report = {"figures": {}, "wanted": pairs, "pairs": 0, "dropped": 0, "missing": row.missing, "wrong": None}
    done = []
    with contextlib.ExitStack() as stack:
        try:
            sides = row.open(stack)
            best = best_sides(row, sides, say)
            before, number = machine(threads), 0
            while len(done) < pairs and report["dropped"] < MAX_EXTRA:
                number += 1
                ours, theirs = measure_pair(number, row, sides, best)
                after = machine(threads)
                if row.reads_weights and abs(after["stream_gbs"] / before["stream_gbs"] - 1) > MOVED:
                    report["dropped"] += 1
                    say(f"  pair dropped: bandwidth moved from {before['stream_gbs']} to {after['stream_gbs']} GB/s")
                else:
                    roof = sides.roofs({key: max(before[key], after[key]) for key in ("stream_gbs", "dot_tops")})
                    done.append((ours, theirs, roof))
                    say(f"  pair {len(done)}: {after['stream_gbs']} GB/s, {after['dot_tops']} TOPS; " + "; ".join(
                        f"{name} " + " / ".join(shown(side[name]) for side in (ours, *theirs.values()) if name in side) for name in row.figures))
                before = after
        except WrongResult as error:
            report["wrong"] = f"wrong result: {error}"
        except subprocess.CalledProcessError as error:
            said = error.stderr if isinstance(error.stderr, str) else (error.stderr or b"").decode(errors="replace")
            report["wrong"] = f"{os.path.basename(error.cmd[0])} ended with {error.returncode}: {said[-300:]}"
        except (OSError, TimeoutError, ValueError) as error:  # a server that went away, no such program or file, what cannot be read
            report["wrong"] = f"{type(error).__name__}: {error}"
    if report["wrong"]:
        say("  " + report["wrong"])
    report["pairs"] = len(done)
    for name, figure in row.figures.items():
        for peer in row.peers:
            if summary := summarise(name, figure, peer, done):
                report["figures"].setdefault(name, {})[peer] = {**summary, "build": best[peer, name].name}
        if done and name not in report["figures"]:
            report["figures"][name] = {"": summarise(name, figure, None, done)}
    return report


def summarise(name, figure, peer, done):
    """Medians over the pairs that hold the figure of both; of ours alone without a peer."""
    rows = [(ours[name], theirs.get(peer, {}).get(name), roof.get(name)) for ours, theirs, roof in done
            if name in ours and (peer is None or name in theirs.get(peer, {}))]
    if not rows:
        return None
    shares = [figure.share(ours, roof) for ours, _, roof in rows if roof]
    found = {"unit": figure.unit, "ours": statistics.median(ours for ours, _, _ in rows),
             "share_of_roof": statistics.median(shares) if shares else None}
    if peer is not None:
        ratios = [figure.ratio(ours, theirs) for ours, theirs, _ in rows]
        found.update(peer=statistics.median(theirs for _, theirs, _ in rows), ratio=statistics.median(ratios), min=min(ratios), max=max(ratios))
    return found


def shown(value):
    return f"{value:.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.3g}" if abs(value) < 1 else f"{value:.1f}"
