#!/usr/bin/env python3
"""Engine against engine: ours and llama.cpp on the same GGUF file, in pairs, with the machine's roofs of the same minute.

Usage: bench/engine_pairs.py --model FILE [--pairs 5] [--peers build/peers] [--json OUT]
Rules: warm-up first; ours, peer, ours, peer; two threads both; the peer's best build counts (clang or gcc, whichever is
faster per figure); a pair is dropped when the memory bandwidth around it moved by more than 15 %. Prints, per figure, the
median of the pairwise ratios with minimum and maximum, and our share of the roof.
Figures: decode (64 tokens, one stream), prefill (512 tokens), streams (8 streams, 64 prompt + 64 new, total new tokens/s).
"""
import argparse
import json
import os
import statistics
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get("STUDIO_BUILD", os.path.join(ROOT, "build/release"))
MOVED = 0.15     # drop a pair when bandwidth changed by more: the host moved our cores
MAX_EXTRA = 10   # pairs tried beyond the wanted number before giving up
FIGURES = ("decode", "prefill", "streams")


def run(command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def machine(threads):
    return json.loads(run([os.path.join(BUILD, "bench/machine_bench"), str(threads)]))


def ours(model, threads):
    out = json.loads(run([os.path.join(BUILD, "studio"), "bench", model, "--threads", str(threads), "--prefill", "512",
                          "--decode", "64", "--streams", "8", "--json"]))
    return out


def peer(build, model, threads):
    bench = json.loads(run([os.path.join(build, "bin/llama-bench"), "-m", model, "-t", str(threads), "-p", "512", "-n", "64",
                            "-r", "1", "-fa", "1", "-o", "json"]))
    figures = {}
    for row in bench:
        figures["decode" if row["n_gen"] else "prefill"] = row["avg_ts"]
    batched = run([os.path.join(build, "bin/llama-batched-bench"), "-m", model, "-t", str(threads), "-c", "4096", "-b", "2048",
                   "-ub", "512", "-fa", "on", "-npp", "64", "-ntg", "64", "-npl", "8", "--output-format", "jsonl"])
    row = [json.loads(line) for line in batched.splitlines() if line.startswith("{")][-1]
    figures["streams"] = row["speed_tg"]
    return figures


def roofs(state, info):
    """Tokens/s if only bytes (decode, streams) or only dot products (prefill) cost anything."""
    decode = state["stream_gbs"] * 1e9 / info["bytes_per_token"]
    return {"decode": decode, "streams": min(8 * decode, state["dot_tops"] * 1e12 / info["ops_per_token"] if state["dot_tops"] else 8 * decode),
            "prefill": state["dot_tops"] * 1e12 / info["ops_per_prompt_token"] if state["dot_tops"] else None}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--peers", default=os.path.join(ROOT, "build/peers"))
    parser.add_argument("--json")
    arguments = parser.parse_args()

    builds = [path for name in ("clang", "gcc") if os.path.isfile(os.path.join(path := os.path.join(arguments.peers, f"llama.cpp-{name}"), "bin/llama-bench"))]
    if not builds:
        print("no peer found: run bench/peers/build_llama_cpp.sh first", file=sys.stderr)
        return 1
    # Warm the page cache and choose the peer's best build per figure.
    first = {build: peer(build, arguments.model, arguments.threads) for build in builds}
    best = {figure: max(builds, key=lambda b: first[b][figure]) for figure in FIGURES}
    for figure in FIGURES:
        print(f"peer {figure:8}: " + ", ".join(f"{os.path.basename(b)} {first[b][figure]:.1f}" for b in builds))
    info = ours(arguments.model, arguments.threads)

    pairs, dropped = [], 0
    before = machine(arguments.threads)
    while len(pairs) < arguments.pairs and dropped < MAX_EXTRA:
        mine = ours(arguments.model, arguments.threads)
        theirs = {b: peer(b, arguments.model, arguments.threads) for b in set(best.values())}
        after = machine(arguments.threads)
        moved = abs(after["stream_gbs"] / before["stream_gbs"] - 1)
        if moved > MOVED:
            dropped += 1
            print(f"pair dropped: bandwidth moved from {before['stream_gbs']} to {after['stream_gbs']} GB/s")
        else:
            roof = roofs({k: max(before[k], after[k]) for k in ("stream_gbs", "dot_tops")}, info)
            pairs.append({f: {"ours": mine[f], "peer": theirs[best[f]][f], "roof": roof[f]} for f in FIGURES})
            print(f"pair {len(pairs)}: {after['stream_gbs']} GB/s, {after['dot_tops']} TOPS; " + "; ".join(
                f"{f} {pairs[-1][f]['ours']:.1f} / {pairs[-1][f]['peer']:.1f}" for f in FIGURES), flush=True)
        before = after
    report = {"model": os.path.basename(arguments.model), "pairs": len(pairs), "dropped": dropped, "figures": {}}
    print(f"{'figure':10} {'ours tok/s':>10} {'peer tok/s':>10} {'ratio':>7} {'min':>6} {'max':>6} {'of roof':>8}")
    for figure in FIGURES:
        rows = [pair[figure] for pair in pairs]
        if not rows:
            continue
        ratios = [row["ours"] / row["peer"] for row in rows]
        shares = [row["ours"] / row["roof"] for row in rows if row["roof"]]
        entry = {"ours": statistics.median(r["ours"] for r in rows), "peer": statistics.median(r["peer"] for r in rows),
                 "ratio": statistics.median(ratios), "min": min(ratios), "max": max(ratios),
                 "share_of_roof": statistics.median(shares) if shares else None, "peer_build": os.path.basename(best[figure])}
        report["figures"][figure] = entry
        share = f"{entry['share_of_roof']:.0%}" if shares else "-"
        print(f"{figure:10} {entry['ours']:10.1f} {entry['peer']:10.1f} {entry['ratio']:7.2f} {entry['min']:6.2f} {entry['max']:6.2f} {share:>8}")
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(report, file, indent=1)
            file.write("\n")
    return 0 if len(pairs) >= arguments.pairs else 1


if __name__ == "__main__":
    sys.exit(main())
