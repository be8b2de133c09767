"""The peers' own benchmark programs, asked for the figures of engine_pairs.py.

find(folder) -> ({peer: [Build, ...]}, {peer that is not there: how to get it}). A build is one compiler or one way to run.
"""
import json
import os
import subprocess


def run(command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def table(text):
    """Rows of a program's table of `|` as {column: number}."""
    rows, names = [], None
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.strip().startswith("|") and "N_KV" in cells:
            names = cells
        elif names and line.strip().startswith("|") and len(cells) == len(names) and cells[0].isdigit():
            rows.append(dict(zip(names, map(float, cells))))
    return rows


class LlamaCpp:
    def __init__(self, path):
        self.path, self.name = path, os.path.basename(path)

    def program(self, name):
        return os.path.join(self.path, "bin", name)

    def measure(self, model, threads, figures, prompt, answer):
        """{figure: tokens/s}. figures: {name: (what, depth or streams)}."""
        found = {}
        depths = {depth for what, depth in figures.values() if what != "streams"}
        for depth in sorted(depths):
            rows = json.loads(run([self.program("llama-bench"), "-m", model, "-t", str(threads), "-p", str(prompt), "-n", str(answer),
                                   "-d", str(depth), "-r", "1", "-fa", "1", "-o", "json"]))
            rates = {"decode" if row["n_gen"] else "prefill": row["avg_ts"] for row in rows}
            found.update({name: rates[what] for name, (what, number) in figures.items() if what in rates and number == depth})
        for name, (what, count) in figures.items():
            if what == "streams":
                found[name] = self.streams(model, threads, count)
        return found

    def streams(self, model, threads, count):
        out = run([self.program("llama-batched-bench"), "-m", model, "-t", str(threads), "-c", str(count * 128 + 512), "-b", "2048", "-ub",
                   "512", "-fa", "on", "-npp", "64", "-ntg", "64", "-npl", str(count), "--output-format", "jsonl"])
        return [json.loads(line) for line in out.splitlines() if line.startswith("{")][-1]["speed_tg"]


class IkLlamaCpp:
    """Its llama-sweep-bench measures prompt and answer at every 512 tokens of depth in one run."""

    def __init__(self, path, is_repacked):
        self.path, self.repack = path, ["-rtr"] if is_repacked else []
        self.name = os.path.basename(path) + (" -rtr" if is_repacked else "")

    def program(self, name):
        return os.path.join(self.path, "bin", name)

    def measure(self, model, threads, figures, prompt, answer):
        found = {}
        depths = {depth for what, depth in figures.values() if what != "streams"}
        if depths:
            rows = table(run([self.program("llama-sweep-bench"), "-m", model, "-t", str(threads), "-c", str(max(depths) + 2 * prompt), "-ub",
                              str(prompt), "-n", str(answer), *self.repack]))
            at = {int(row["N_KV"]): {"prefill": row["S_PP t/s"], "decode": row["S_TG t/s"]} for row in rows}
            found.update({name: at[number][what] for name, (what, number) in figures.items() if what != "streams"})
        for name, (what, count) in figures.items():
            if what == "streams":
                rows = table(run([self.program("llama-batched-bench"), "-m", model, "-t", str(threads), "-c", str(count * 128 + 512), "-b",
                                  "2048", "-ub", "512", "-npp", "64", "-ntg", "64", "-npl", str(count), *self.repack]))
                found[name] = rows[-1]["S_TG t/s"]
        return found


def find(folder):
    def is_there(name, program):
        return os.path.isfile(os.path.join(folder, name, "bin", program))

    found, missing = {}, {}
    llama = [LlamaCpp(os.path.join(folder, name)) for name in ("llama.cpp-clang", "llama.cpp-gcc") if is_there(name, "llama-bench")]
    if llama:
        found["llama.cpp"] = llama
    else:
        missing["llama.cpp"] = "bench/peers/build_llama_cpp.sh clang|gcc"
    if is_there("ik_llama.cpp-gcc", "llama-sweep-bench"):
        found["ik_llama.cpp"] = [IkLlamaCpp(os.path.join(folder, "ik_llama.cpp-gcc"), is_repacked) for is_repacked in (False, True)]
    else:
        missing["ik_llama.cpp"] = "bench/peers/build_ik_llama_cpp.sh SOURCES (a checkout of its repository)"
    return found, missing
