"""Engine against engine, no server around them: tokens a second of an answer, a prompt, many answers at once."""
import json
import os

import peer_programs
from pairs import BUILD, Figure, Row, Sides, run

MODELS = {"0.5B": "qwen2.5-coder-0.5b-instruct", "1.5B": "qwen2.5-coder-1.5b-instruct"}
PROMPT, ANSWER = 512, 64
# name: (what, tokens before it or streams). Streams: 64 prompt + 64 new tokens each, new tokens a second of all.
FIGURES = {"decode": ("decode", 0), "decode at 4096": ("decode", 4096), "prefill": ("prefill", 0), "prefill at 4096": ("prefill", 4096),
           "8 streams": ("streams", 8), "16 streams": ("streams", 16)}


class Ours:
    name = "studio"

    def __init__(self, model, threads):
        self.command = [os.path.join(BUILD, "studio"), "bench", model, "--threads", str(threads), "--prefill", str(PROMPT), "--decode", str(ANSWER),
                        "--repeat", "1", "--json"]
        self.info = None  # of the last run: what a token costs

    def measure(self, _, figures):
        found = {}
        counts = sorted({number for what, number in map(FIGURES.get, figures) if what == "streams"} | {1})
        depths = sorted({number for what, number in map(FIGURES.get, figures) if what != "streams"})
        for i in range(max(len(counts), len(depths))):  # one program for a depth and a number of streams
            depth, count = depths[i] if i < len(depths) else 0, counts[-1 - i] if i < len(counts) else 1
            self.info = json.loads(run([*self.command, "--depth", str(depth), "--streams", str(count)]))
            for name, (what, number) in FIGURES.items():
                if number == (count if what == "streams" else depth):
                    found.setdefault(name, self.info[what])
        return {name: found[name] for name in figures}

    def roofs(self, state):
        """Tokens/s if only bytes (decode, streams) or only dot products (prefill) cost anything."""
        memory, dots = state["stream_gbs"] * 1e9 / self.info["bytes_per_token"], state["dot_tops"] * 1e12
        return {name: dots / self.info["ops_per_prompt_token"] if what == "prefill" else
                min(number * memory, dots / self.info["ops_per_token"] or number * memory) if what == "streams" else memory
                for name, (what, number) in FIGURES.items()}


class Theirs:
    def __init__(self, build, model, threads):
        self.build, self.name, self.model, self.threads = build, build.name, model, threads

    def measure(self, _, figures):
        return self.build.measure(self.model, self.threads, {name: FIGURES[name] for name in figures}, PROMPT, ANSWER)


def rows(context):
    found, missing = peer_programs.find(context.peers)

    def row(size, name):
        def open_row(_):
            model = context.model(name)
            ours = Ours(model, context.threads)
            return Sides(ours, {peer: [Theirs(build, model, context.threads) for build in builds] for peer, builds in found.items()}, ours.roofs)
        return Row(f"engine {size}", f"an answer of {ANSWER}, a prompt of {PROMPT}, both also behind 4,096 tokens, 8 and 16 answers at once; {name}",
                   {figure: Figure("tok/s") for figure in FIGURES}, open_row, ("llama.cpp", "ik_llama.cpp"), missing)
    return [row(size, name) for size, name in MODELS.items()]
