#!/usr/bin/env python3
"""Engine against engine: ours and the peers on the same GGUF file, in pairs, with the machine's roofs of the same minute.

Usage: bench/engine_pairs.py --model FILE [--pairs 5] [--peers build/peers] [--figures NAME,...] [--json OUT]
Rules: warm-up first; ours, peers, ours, peers; two threads all; a peer's best build counts (for llama.cpp clang or gcc, for ik_llama.cpp
with its weights repacked or not, whichever is faster per figure); a pair is dropped when the memory bandwidth around it moved by more
than 15 %. Prints, per figure and peer, the median of the pairwise ratios with minimum and maximum, and our share of the roof.
A peer that is not there is named; a figure without it is no pass.
"""
import argparse
import json
import os
import statistics
import sys

import peer_programs
from peer_programs import run

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get("STUDIO_BUILD", os.path.join(ROOT, "build/release"))
MOVED = 0.15     # drop a pair when bandwidth changed by more: the host moved our cores
MAX_EXTRA = 10   # pairs tried beyond the wanted number before giving up
PROMPT, ANSWER = 512, 64
# name: (what, tokens before it or streams). Streams: 64 prompt + 64 new tokens each, new tokens a second of all.
FIGURES = {"decode": ("decode", 0), "decode_4096": ("decode", 4096), "prefill": ("prefill", 0), "prefill_4096": ("prefill", 4096),
           "streams_8": ("streams", 8), "streams_16": ("streams", 16)}


def machine(threads):
    return json.loads(run([os.path.join(BUILD, "bench/machine_bench"), str(threads)]))


def ours(model, threads, figures):
    """{figure: tokens/s} and the costs of a token."""
    command = [os.path.join(BUILD, "studio"), "bench", model, "--threads", str(threads), "--prefill", str(PROMPT), "--decode", str(ANSWER),
               "--repeat", "1", "--json"]
    found = {}
    counts = sorted({number for what, number in map(FIGURES.get, figures) if what == "streams"} | {1})
    depths = sorted({number for what, number in map(FIGURES.get, figures) if what != "streams"})
    for i in range(max(len(counts), len(depths))):  # one program for a depth and a number of streams
        depth, count = depths[i] if i < len(depths) else 0, counts[-1 - i] if i < len(counts) else 1
        info = json.loads(run([*command, "--depth", str(depth), "--streams", str(count)]))
        for name, (what, number) in FIGURES.items():
            if number == (count if what == "streams" else depth):
                found.setdefault(name, info[what])
    return {name: found[name] for name in figures}, info


def roofs(state, info):
    """Tokens/s if only bytes (decode, streams) or only dot products (prefill) cost anything."""
    memory, dots = state["stream_gbs"] * 1e9 / info["bytes_per_token"], state["dot_tops"] * 1e12
    return {name: dots / info["ops_per_prompt_token"] if what == "prefill" else
            min(number * memory, dots / info["ops_per_token"]) if what == "streams" else memory
            for name, (what, number) in FIGURES.items()}


def row_of(figure, peer, pairs):
    rows = [pair for pair in pairs if figure in pair["theirs"].get(peer, {})]
    if not rows:
        return None
    ratios = [row["ours"][figure] / row["theirs"][peer][figure] for row in rows]
    shares = [row["ours"][figure] / row["roof"][figure] for row in rows if row["roof"][figure]]
    return {"ours": statistics.median(r["ours"][figure] for r in rows), "peer": statistics.median(r["theirs"][peer][figure] for r in rows),
            "ratio": statistics.median(ratios), "min": min(ratios), "max": max(ratios),
            "share_of_roof": statistics.median(shares) if shares else None}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--peers", default=os.path.join(ROOT, "build/peers"))
    parser.add_argument("--figures", default=",".join(FIGURES))
    parser.add_argument("--json")
    arguments = parser.parse_args()
    figures = arguments.figures.split(",")
    if unknown := [name for name in figures if name not in FIGURES]:
        parser.error(f"no such figure: {', '.join(unknown)}; there are {', '.join(FIGURES)}")

    wanted = {name: FIGURES[name] for name in figures}
    found, missing = peer_programs.find(arguments.peers)
    for name, advice in missing.items():
        print(f"no {name}: {advice}")
    if not found:
        return 1
    # Warm the page cache and choose each peer's best build per figure.
    best = {}
    for peer, builds in found.items():
        first = {build.name: build.measure(arguments.model, arguments.threads, wanted, PROMPT, ANSWER) for build in builds}
        for figure in figures:
            best[peer, figure] = max(builds, key=lambda build: first[build.name].get(figure, 0))
            print(f"{peer} {figure:12}: " + ", ".join(f"{name} {of.get(figure, 0):.1f}" for name, of in first.items()), flush=True)
    ours(arguments.model, arguments.threads, figures)

    pairs, dropped = [], 0
    before = machine(arguments.threads)
    while len(pairs) < arguments.pairs and dropped < MAX_EXTRA:
        mine, info = ours(arguments.model, arguments.threads, figures)
        theirs = {}
        for peer, builds in found.items():
            for build in builds:
                asked = {figure: wanted[figure] for figure in figures if best[peer, figure] is build}
                if asked:
                    theirs.setdefault(peer, {}).update(build.measure(arguments.model, arguments.threads, asked, PROMPT, ANSWER))
        after = machine(arguments.threads)
        if abs(after["stream_gbs"] / before["stream_gbs"] - 1) > MOVED:
            dropped += 1
            print(f"pair dropped: bandwidth moved from {before['stream_gbs']} to {after['stream_gbs']} GB/s", flush=True)
        else:
            roof = roofs({k: max(before[k], after[k]) for k in ("stream_gbs", "dot_tops")}, info)
            pairs.append({"ours": mine, "theirs": theirs, "roof": roof})
            print(f"pair {len(pairs)}: {after['stream_gbs']} GB/s, {after['dot_tops']} TOPS; " + "; ".join(
                f"{f} " + " / ".join(f"{side.get(f, 0):.1f}" for side in (mine, *theirs.values())) for f in figures), flush=True)
        before = after

    report = {"model": os.path.basename(arguments.model), "pairs": len(pairs), "dropped": dropped, "figures": {}}
    print(f"{'figure':13} {'peer':14} {'ours tok/s':>10} {'peer tok/s':>10} {'ratio':>7} {'min':>6} {'max':>6} {'of roof':>8}")
    for figure in figures:
        for peer in found:
            row = row_of(figure, peer, pairs)
            if row is None:
                continue
            report["figures"].setdefault(figure, {})[peer] = {**row, "build": best[peer, figure].name}
            share = f"{row['share_of_roof']:.0%}" if row["share_of_roof"] else "-"
            print(f"{figure:13} {peer:14} {row['ours']:10.1f} {row['peer']:10.1f} {row['ratio']:7.2f} {row['min']:6.2f} {row['max']:6.2f} {share:>8}")
        for peer in missing:
            print(f"{figure:13} {peer:14} not here: no pass")
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(report, file, indent=1)
            file.write("\n")
    return 0 if len(pairs) >= arguments.pairs else 1


if __name__ == "__main__":
    sys.exit(main())
