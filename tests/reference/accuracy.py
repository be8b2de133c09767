#!/usr/bin/env python3
"""The accuracy gate over English, Chinese and code. Usage: accuracy.py BUILD slice|full|held [--write] [--kv-type=int8] [MODEL...]

full:  the engine and llama.cpp (both builds of build/peers, or $STUDIO_PEERS) against the plain reference on the same file
       and tokens; each of our figures must be at most each peer's. Prints the tables.
slice: a fixed part, too short to compare figures over; the digest of all our logits is the one kept in tests/golden/accuracy.json, so
       the figures of the full run still hold.
held:  the engine alone over all tokens of `full`: the digest of its logits is that of the kept figures, so these are its figures still.
       Minutes instead of hours, for whoever changed what should not change a bit.
All:   a copy of the model with one scale wrong by 1 % must turn the gate red.
--write keeps the figures and digests of this run. --kept-peers: the peers' kept figures count, of their builds and these tokens, which
have not changed; it spares their hour. --kv-type=int8: keys and values in 8 bits, beside llama.cpp with its cache in q8_0; figures of its own.
--tokens=N: so many instead, of which nothing is kept.
"""
import json
import math
import os
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
GOLDEN = os.path.join(ROOT, "tests/golden/accuracy.json")
TEXTS = ("english", "chinese", "code")
THREADS = str(min(2, len(os.sched_getaffinity(0))))  # more threads than cores wait for each other; the numbers are the same
SEQUENCE = 512       # tokens; every sequence starts from nothing
FULL_TOKENS = 55 * SEQUENCE  # all whole sequences of the first texts in Qwen's vocabulary: 28,160, of 20,000 promised
MODELS = {"smollm2-135m-instruct": {"slice": 3 * 160, "full": FULL_TOKENS},
          # The second texts too: over the first alone, neither engine's perplexity is told from the reference's.
          "qwen2.5-coder-0.5b-instruct": {"slice": 3 * 32, "full": 105 * SEQUENCE},
          "qwen2.5-coder-1.5b-instruct": {"slice": 0, "full": FULL_TOKENS}}
CACHE_TYPES = {"int16": "f16", "int8": "q8_0"}  # llama.cpp's nearest to each of ours
FIGURES = ("mean_kl", "p999_kl", "top1_disagreement", "perplexity_error")


def encode(build, model, text):
    raw = text.encode()
    out = subprocess.run([os.path.join(build, "tests/tokenizer/encode_tool"), model], input=struct.pack("<i", len(raw)) + raw,
                         capture_output=True, check=True).stdout
    _, count = struct.unpack_from("<di", out)  # seconds first
    return list(struct.unpack_from(f"<{count}i", out, 12))


def write_tokens(build, model, path, total):
    """Whole sequences of the three texts in turn, then of the second three, `total` tokens in all. Returns how many there are."""
    length = min(SEQUENCE, total // len(TEXTS))
    turns = []
    for volume in ("", "_2"):
        parts = []
        for name in TEXTS:
            with open(os.path.join(ROOT, f"tests/data/accuracy/{name}{volume}.txt"), encoding="utf-8") as file:
                ids = encode(build, model, file.read())
            parts.append([ids[i:i + length] for i in range(0, len(ids) - length + 1, length)])
        turns += [part[i] for i in range(max(map(len, parts))) for part in parts if i < len(part)]
    chosen = turns[:total // length]
    with open(path, "wb") as file:
        for ids in chosen:
            file.write(struct.pack(f"<i{len(ids)}i", len(ids), *ids))
    return sum(map(len, chosen))


def run_gate(build, model, tokens, work, kv_type, peers=(), engine_model=None, digest=None, has_reference=True):
    """(exit code, output, figures)"""
    command = [os.path.join(build, "tests/reference/accuracy"), "--model", model, "--tokens", tokens, "--threads", THREADS,
               "--json", os.path.join(work, "out.json"), "--kv-type", kv_type]
    if engine_model:
        command += ["--engine-model", engine_model]
    if digest:
        command += ["--digest", digest]
    if not has_reference:
        command += ["--reference", "no"]
    writers = []
    for peer in peers:
        pipe = os.path.join(work, os.path.basename(peer) + ".logits")
        if not os.path.exists(pipe):
            os.mkfifo(pipe)
        writers.append(subprocess.Popen([os.path.join(peer, "bin/llama_logits"), model, tokens, pipe, THREADS, CACHE_TYPES[kv_type]]))
        command += ["--other", f"{os.path.basename(peer)}={pipe}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    for writer in writers:
        if done.returncode == 2:
            writer.kill()
        writer.wait()
    with open(os.path.join(work, "out.json"), encoding="utf-8") as file:
        return done.returncode, done.stdout + done.stderr, json.load(file)


def check(build, name, model, size, kv_type, golden, peers, is_write, keeps_peers, tokens_wanted=None):
    is_held = size == "held"
    size = "full" if is_held else size
    is_kept = tokens_wanted is None
    tokens_wanted = tokens_wanted or MODELS[name][size]
    size += "" if kv_type == "int16" else "_" + kv_type
    if not tokens_wanted:
        return []
    faults = []
    with tempfile.TemporaryDirectory() as work:
        tokens = os.path.join(work, "tokens")
        count = write_tokens(build, model, tokens, tokens_wanted)
        kept = golden.setdefault(name, {}).get(size, {}) if is_kept else {}
        code, output, figures = run_gate(build, model, tokens, work, kv_type, peers, digest=None if is_write else kept.get("digest"),
                                         has_reference=not is_held)
        print(f"== {name}, {count} tokens\n{output}", flush=True)
        if code:
            faults.append(f"{name}: the gate is red")
        if keeps_peers:
            assert kept["tokens"] == count
            figures["others"] = kept["others"]
        if is_write:
            kept = {"tokens": count, **figures}
            golden[name][size] = kept
        if is_held:
            figures["ours"] = kept["ours"]
        for peer, theirs in kept.get("others", {}).items():
            ours = figures["ours"]
            noise = {"perplexity_error": math.hypot(ours["perplexity_noise"], theirs["perplexity_noise"])}
            worse = [key for key in FIGURES if ours[key] > theirs[key] + noise.get(key, 0)]
            faults += [f"{name}: {key} {figures['ours'][key]:.6f} is above {peer}'s {theirs[key]:.6f}" for key in worse]
        if is_kept and not kept.get("digest"):
            faults.append(f"{name}: no digest is kept; run with --write once")

        planted = os.path.join(work, "planted.gguf")
        print(subprocess.run([sys.executable, os.path.join(HERE, "plant_fault.py"), model, planted], capture_output=True, text=True,
                             check=True).stdout, end="")
        write_tokens(build, model, tokens, 96)
        _, _, right = run_gate(build, model, tokens, work, kv_type)
        code, output, _ = run_gate(build, model, tokens, work, kv_type, engine_model=planted, digest=right["digest"])
        print("planted fault: " + ("red, as it must be" if code == 1 else "NOT SEEN"), flush=True)
        if code != 1:
            faults.append(f"{name}: the planted fault was not seen")
    return faults


def main():
    build, size, *rest = sys.argv[1:]
    is_write = "--write" in rest
    if size == "held" and is_write:
        sys.exit("held has no figures to write: run full --write")
    values = dict(word[2:].split("=", 1) for word in rest if word.startswith("--") and "=" in word)
    kv_type = values.get("kv-type", "int16")
    if kv_type not in CACHE_TYPES:
        sys.exit("--kv-type must be one of " + ", ".join(CACHE_TYPES))
    tokens_wanted = int(values["tokens"]) if "tokens" in values else None
    if tokens_wanted and (size != "full" or is_write):
        sys.exit("--tokens is for full, whose figures it does not write")
    names = [name for name in rest if not name.startswith("--")] or list(MODELS)
    peers_dir = os.environ.get("STUDIO_PEERS", os.path.join(ROOT, "build/peers"))
    peers = [path for name in ("clang", "gcc") if os.path.exists(os.path.join(path := os.path.join(peers_dir, f"llama.cpp-{name}"), "bin/llama_logits"))]
    keeps_peers = size == "full" and "--kept-peers" in rest
    needs_peers = size == "full" and not keeps_peers
    if needs_peers and not peers:
        print(f"no peer in {peers_dir}: run bench/peers/build_llama_cpp.sh clang\n0 passed, 1 failed, 0 skipped")
        return 1
    golden = {}
    if os.path.exists(GOLDEN):
        with open(GOLDEN, encoding="utf-8") as file:
            golden = json.load(file)
    passed, failed, skipped = 0, 0, 0
    for name in names:
        model = os.path.join(os.environ.get("STUDIO_MODELS", ""), name + ".gguf")
        if size == "slice" and not MODELS[name]["slice"]:
            continue
        if not os.path.exists(model):
            print(f"skipped: {name} is not here")
            skipped += 1
            continue
        faults = check(build, name, model, size, kv_type, golden, peers if needs_peers else [], is_write, keeps_peers, tokens_wanted)
        for fault in faults:
            print("FAILED " + fault)
        passed, failed = passed + (not faults), failed + bool(faults)
        if is_write:
            with open(GOLDEN, "w", encoding="utf-8") as file:
                json.dump(golden, file, indent=1, sort_keys=True)
                file.write("\n")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
