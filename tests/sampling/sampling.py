#!/usr/bin/env python3
"""The sampler against a NumPy reference on recorded logits. Usage: sampling.py BUILD DRAWS CHI_DRAWS

Three questions. Are the ids those that the definition gives, draw by draw (src/engine/sampling/sampler.h)? The reference computes
in float64; a draw may differ only where it falls within BORDER of the border between two tokens, and such draws are counted.
Do frequencies over CHI_DRAWS draws follow the distribution (chi-square)? Are logprobs those of the recomputed softmax?
And one about the test: does a reference with one planted error differ? Each must.
"""
import concurrent.futures
import math
import os
import subprocess
import sys
import tempfile

import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BORDER = 4e-6        # of the whole probability: float32 exponentials are right to about 1e-7 each
MAX_BORDERLINE = 20  # in 100,000 draws
LOGPROB_ERROR = 1e-3
CHI_SIGMAS = 4.0     # of the statistic's normal approximation; draws are fixed, so this holds or it does not
PROCESSES = 2        # the machines have two cores
MASK32 = np.uint64(0xFFFFFFFF)

NEUTRAL = dict(row=0, temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, repetition=1.0, presence=0.0, frequency=0.0, seed=1, stream=0,
               position=0, bias={}, prompt=[], output=[])
SETTINGS = {
    "plain": {}, "cold": {"temperature": 0.3}, "hot": {"temperature": 1.9}, "greedy": {"temperature": 0},
    "top_k 1": {"top_k": 1}, "top_k 20": {"top_k": 20}, "top_k 300": {"top_k": 300}, "top_k over V": {"top_k": 10**9},
    "top_p 0.95": {"top_p": 0.95}, "top_p 0.5": {"top_p": 0.5}, "top_p tiny": {"top_p": 1e-6}, "top_p hot": {"top_p": 0.97, "temperature": 1.9},
    "min_p 0.05": {"min_p": 0.05}, "min_p 1": {"min_p": 1.0}, "min_p hot": {"min_p": 0.01, "temperature": 1.8},
    "k and p": {"top_k": 40, "top_p": 0.8}, "k, p and min_p": {"top_k": 30, "top_p": 0.95, "min_p": 0.1, "temperature": 0.7},
    "repetition": {"repetition": 1.3, "history": True}, "repetition below 1": {"repetition": 0.8, "history": True},
    "presence": {"presence": 1.2, "history": True}, "frequency": {"frequency": 0.7, "history": True},
    "all penalties": {"repetition": 1.1, "presence": -0.5, "frequency": 0.4, "temperature": 0.8, "top_p": 0.9, "history": True},
    "bias": {"bias": True}, "seed": {"seed": 2**63 + 12345}, "stream": {"stream": 5}, "far position": {"position": 2**33},
}
# What the definition is not: name -> settings on which it must show.
PLANTED = {
    "position off by one": "plain", "stream left out": "stream", "seed's upper half left out": "seed", "top_p one token short": "top_p 0.95",
    "top_k one token short": "top_k 20", "min_p of the whole": "min_p 0.05", "repetition over the output alone": "repetition",
    "presence over the prompt": "presence", "frequency counts once": "frequency",
    "temperature before penalties": "all penalties", "bias left out": "bias", "temperature squared": "cold",
}


def philox(position, stream, seed, planted):
    """64 random bits per position (uint64 array), from Philox4x32-10 as the paper defines it."""
    if planted == "position off by one":
        position = position + np.uint64(1)
    if planted == "stream left out":
        stream = 0
    c = [position & MASK32, position >> np.uint64(32), np.full_like(position, stream), np.zeros_like(position)]
    k0, k1 = seed & 0xFFFFFFFF, 0 if planted == "seed's upper half left out" else seed >> 32
    for _ in range(10):
        p0, p1 = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [(p1 >> np.uint64(32)) ^ c[1] ^ np.uint64(k0), p1 & MASK32, (p0 >> np.uint64(32)) ^ c[3] ^ np.uint64(k1), p0 & MASK32]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return c[1] << np.uint64(32) | c[0], c


def check_philox():
    """The test vectors of Random123."""
    zero, _ = philox(np.zeros(1, np.uint64), 0, 0, None)
    return int(zero[0]) == 0xE169C58D6627E8D5


def adjusted(logits, s, planted):
    x = logits.astype(np.float64)
    temperature_first = planted == "temperature before penalties" and s["temperature"] > 0
    if temperature_first:
        x = x / s["temperature"]
    for token, bias in ({} if planted == "bias left out" else s["bias"]).items():
        x[token] += bias
    output = {token: s["output"].count(token) for token in s["output"]}
    seen = set(output) if planted == "repetition over the output alone" else set(output) | set(s["prompt"])
    for token in seen:
        divides = x[token] > 0
        x[token] = x[token] / s["repetition"] if divides else x[token] * s["repetition"]
    for token in (seen if planted == "presence over the prompt" else output):
        times = output.get(token, 1)
        x[token] -= s["presence"] + s["frequency"] * (1 if planted == "frequency counts once" else times)
    if s["temperature"] > 0 and not temperature_first:
        x = x / s["temperature"] ** (2 if planted == "temperature squared" else 1)
    return x


def distribution(logits, s, planted=None):
    """Kept ids ascending and their cumulative probabilities."""
    x = adjusted(logits, s, planted)
    order = np.lexsort((np.arange(len(x)), -x))
    if s["temperature"] == 0:
        return order[:1], np.ones(1)
    weights = np.exp(x[order] - x[order[0]])
    keep = len(order)
    if 0 < s["top_k"] < keep:
        keep = s["top_k"] - (planted == "top_k one token short")
    if s["top_p"] < 1:
        share = np.cumsum(weights[:keep]) / weights[:keep].sum()
        keep = min(keep, int(np.searchsorted(share, s["top_p"], "left")) + 1 - (planted == "top_p one token short"))
    least = s["min_p"] * (weights.sum() if planted == "min_p of the whole" else 1.0)
    keep = max(1, min(keep, int(np.count_nonzero(weights >= least))))
    ids = order[:keep]
    by_id = np.argsort(ids)
    share = np.cumsum(weights[:keep][by_id])
    return ids[by_id], share / share[-1]


def expected(logits, s, count, planted=None):
    ids, share = distribution(logits, s, planted)
    bits, _ = philox(np.uint64(s["position"]) + np.arange(count, dtype=np.uint64), s["stream"], s["seed"], planted)
    u = bits.astype(np.float64) / 2.0**64
    places = np.searchsorted(share, u, "right").clip(0, len(ids) - 1)
    lower = np.where(places > 0, share[places - 1], 0)
    distance = np.minimum(np.where(places > 0, u - lower, 1), np.where(places < len(ids) - 1, share[places] - u, 1))
    return ids[places], distance


def setting(changes, logits, number):
    s = {**NEUTRAL, **{k: v for k, v in changes.items() if k not in ("history", "bias")}, "row": number % len(logits)}
    top = np.argsort(-logits[s["row"]], kind="stable")
    if changes.get("history"):
        s["prompt"] = [int(t) for t in top[[0, 3, 4, 7, 200]]]
        s["output"] = [int(t) for t in top[[1, 1, 1, 2, 3, 5, 5, 300]]]
    if changes.get("bias"):
        s["bias"] = {int(top[0]): -3.0, int(top[9]): 4.5, int(top[500]): 12.0, int(top[-1]): -100.0}
    return s


def job(s, count, top=-1):
    words = [s["row"], s["temperature"], s["top_k"], s["top_p"], s["min_p"], s["repetition"], s["presence"], s["frequency"], s["seed"], s["stream"],
             s["position"], count, top]
    return " ".join(map(str, words)) + " | " + " ".join(f"{t}:{b}" for t, b in s["bias"].items()) + " | " + " ".join(map(str, s["prompt"])) + \
        " | " + " ".join(map(str, s["output"]))


def draw(tool, path, jobs):
    """Yields (ids, words of the logprobs) of each job; the jobs are dealt out to PROCESSES tools."""
    def run(some):
        return subprocess.run([tool, "draw", path], input="\n".join(some) + "\n", capture_output=True, text=True, check=True).stdout

    with concurrent.futures.ThreadPoolExecutor(PROCESSES) as pool:
        outputs = [out.splitlines() for out in pool.map(run, [jobs[i::PROCESSES] for i in range(min(PROCESSES, len(jobs)))])]
    for i in range(len(jobs)):
        ids, _, logprobs = outputs[i % PROCESSES][i // PROCESSES].partition("|")
        yield np.array(ids.split(), dtype=np.int64), logprobs.split()


def as_f32(s):
    """The parameters as the sampler holds them."""
    return {k: float(np.float32(v)) if isinstance(v, float) else v for k, v in s.items()}


def check_ids(tool, path, logits, draws):
    settings = {name: setting(changes, logits, i) for i, (name, changes) in enumerate(SETTINGS.items())}
    borderline, wrong = 0, []
    for (name, s), (ids, _) in zip(settings.items(), draw(tool, path, [job(s, draws) for s in settings.values()])):
        right, distance = expected(logits[s["row"]], as_f32(s), draws)
        differs = ids != right
        borderline += int(np.count_nonzero(differs & (distance < BORDER)))
        far = int(np.count_nonzero(differs & (distance >= BORDER)))
        if far:
            wrong.append(f"{name}: {far} of {draws}")
    limit = max(2, MAX_BORDERLINE * draws * len(settings) // 100_000)
    if borderline > limit:
        wrong.append(f"{borderline} borderline draws are more than {limit}")
    print(f"    ids: {len(settings)} settings, {draws} draws each, {borderline} on a border" + "".join(f"; WRONG {w}" for w in wrong))
    return not wrong


def check_planted(logits, draws):
    missed = []
    for planted, name in PLANTED.items():
        if name is None:
            continue
        s = as_f32(setting(SETTINGS[name], logits, list(SETTINGS).index(name)))
        right, _ = expected(logits[s["row"]], s, draws)
        other, _ = expected(logits[s["row"]], s, draws, planted)
        if np.array_equal(right, other):
            missed.append(planted)
    print(f"    planted errors: {len([n for n in PLANTED.values() if n])} tried, not seen: {missed or 'none'}")
    return not missed


def check_chi_square(tool, path, logits, draws):
    bad = []
    settings = {name: {**setting(SETTINGS[name], logits, 1), "seed": 77}
                for name in ("plain", "hot", "top_k 20", "top_p 0.95", "min_p 0.05", "all penalties")}
    for (name, s), (ids, _) in zip(settings.items(), draw(tool, path, [job(s, draws) for s in settings.values()])):
        kept, share = distribution(logits[s["row"]], as_f32(s))
        want = np.diff(share, prepend=0) * draws
        got = np.bincount(np.searchsorted(kept, ids), minlength=len(kept))[:len(kept)]
        small = want < 5  # the tail is one cell
        want, got = np.append(want[~small], want[small].sum()), np.append(got[~small], got[small].sum())
        want, got = want[want > 0], got[want > 0]
        statistic, freedom = float(((got - want) ** 2 / want).sum()), len(want) - 1
        sigmas = (statistic - freedom) / math.sqrt(2 * max(freedom, 1))
        print(f"    chi-square, {name}: {statistic:.1f} at {freedom} degrees of freedom ({sigmas:+.2f} sigma)")
        if sigmas > CHI_SIGMAS or got.sum() != draws:
            bad.append(name)
    return not bad


def check_logprobs(tool, path, logits):
    worst = 0.0
    jobs = [job({**NEUTRAL, "row": row, "temperature": 0.5, "bias": {7: 50.0}}, 1, 20) for row in range(len(logits))]
    for row, (ids, words) in enumerate(draw(tool, path, jobs)):
        x = logits[row].astype(np.float32)
        exact = x - x.max() - np.log(np.exp((x - x.max()).astype(np.float64)).sum())  # before bias and temperature
        worst = max(worst, abs(float(words[0]) - exact[ids[0]]))
        tops = [word.split(":") for word in words[1:]]
        order = np.lexsort((np.arange(len(x)), -x))[:20]
        if [int(t) for t, _ in tops] != [int(t) for t in order]:
            print("    logprobs: other alternatives than the largest logits")
            return False
        worst = max([worst] + [abs(float(value) - exact[int(token)]) for token, value in tops])
    print(f"    logprobs: worst error {worst:.2e}")
    return worst <= LOGPROB_ERROR


def main():
    build, draws, chi_draws = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    tool = os.path.join(build, "tests/sampling/sampling_tool")
    models = [os.path.join(ROOT, "catalogue/builtin/tiny-qwen3.gguf")]
    folder = os.environ.get("STUDIO_MODELS", "")
    models += [os.path.join(folder, name) for name in ("smollm2-135m-instruct.gguf", "qwen2.5-coder-0.5b-instruct.gguf")]
    passed, failed, skipped = int(check_philox()), int(not check_philox()), 0
    for model in models:
        if not os.path.exists(model):
            print(f"skipped: {os.path.basename(model)} is not here")
            skipped += 1
            continue
        print(os.path.basename(model), flush=True)
        with tempfile.TemporaryDirectory() as work:
            path = os.path.join(work, "logits")
            subprocess.run([tool, "record", model, path], check=True)
            rows, vocab = np.fromfile(path, np.int32, 2)
            logits = np.fromfile(path, np.float32, offset=8).reshape(rows, vocab)
            results = [check_ids(tool, path, logits, draws), check_planted(logits, min(draws, 5000)),
                       check_chi_square(tool, path, logits, chi_draws), check_logprobs(tool, path, logits)]
        passed, failed = passed + sum(results), failed + len(results) - sum(results)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
