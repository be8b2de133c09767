"""The peers' own benchmark programs, asked for the figures of rows/engine.py.

find(folder) -> ({peer: [Build, ...]}, {peer that is not there: how to get it}). A build is one compiler or one way to run.
"""
import json
import os
import subprocess
import tempfile

from pairs import run

BUILD_LLAMA = "bench/peers/build_llama_cpp.sh clang|gcc"
BUILD_IK = "bench/peers/build_ik_llama_cpp.sh SOURCES (a checkout of its repository)"


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
    """Its llama-sweep-bench measures prompt and answer at every 512 tokens of depth in one run. Both programs write their tables to
    standard error, and a log file to where they run."""

    def __init__(self, path, is_repacked):
        self.path, self.repack = path, ["-rtr"] if is_repacked else []
        self.name = os.path.basename(path) + (" -rtr" if is_repacked else "")

    def program(self, name):
        return os.path.join(self.path, "bin", name)

    def rows(self, name, model, threads, *options):
        with tempfile.TemporaryDirectory() as folder:
            command = [self.program(name), "-m", os.path.abspath(model), "-t", str(threads), *options, *self.repack]
            done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
        return table(done.stdout + done.stderr)

    def measure(self, model, threads, figures, prompt, answer):
        found = {}
        depths = {depth for what, depth in figures.values() if what != "streams"}
        if depths:  # one step of depth more than is asked for: it refuses a context that it would fill to the end
            at = {int(row["N_KV"]): {"prefill": row["S_PP t/s"], "decode": row["S_TG t/s"]} for row in self.rows(
                "llama-sweep-bench", model, threads, "-c", str(max(depths) + 2 * prompt), "-ub", str(prompt), "-n", str(answer), "-fa", "on", "-wb",
                "--sweep-stride", str(max(1, max(depths) // prompt)))}
            found.update({name: at[number][what] for name, (what, number) in figures.items() if what != "streams"})
        for name, (what, count) in figures.items():
            if what == "streams":
                rows = self.rows("llama-batched-bench", model, threads, "-c", str(count * 128 + 512), "-b", "2048", "-ub", "512", "-fa", "on", "-npp",
                                 "64", "-ntg", "64", "-npl", str(count))
                found[name] = rows[-1]["S_TG t/s"]
        return found


def llama_builds(folder, program):
    """llama.cpp's builds that hold a program."""
    builds = [LlamaCpp(os.path.join(folder, name)) for name in ("llama.cpp-clang", "llama.cpp-gcc")]
    return [build for build in builds if os.path.isfile(build.program(program))]


def find(folder):
    found, missing = {}, {}
    if builds := llama_builds(folder, "llama-bench"):
        found["llama.cpp"] = builds
    else:
        missing["llama.cpp"] = BUILD_LLAMA
    ways = [IkLlamaCpp(os.path.join(folder, "ik_llama.cpp-gcc"), is_repacked) for is_repacked in (False, True)]
    if os.path.isfile(ways[0].program("llama-sweep-bench")):
        found["ik_llama.cpp"] = ways
    else:
        missing["ik_llama.cpp"] = BUILD_IK
    return found, missing
