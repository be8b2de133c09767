"""Answers that repeat what they read, and ordinary chats, with speculation against without: rates of the same bytes."""
import json
import os
import tempfile

from pairs import BUILD, ROOT, Figure, Row, Sides, run

MODELS, DRAFT_MODEL = {"0.5B": "qwen2.5-coder-0.5b-instruct", "1.5B": "qwen2.5-coder-1.5b-instruct"}, "qwen2.5-coder-0.5b-instruct"
TASKS, TEMPERATURES = ("repetitive", "chats"), (0, 0.7)
KINDS = {"median": "", "least": "slowest of "}  # as speculation_bench calls it: as the figure does


def figures_of(way):
    """{figure: (way to speculate, tasks, temperature, median or least)}."""
    end = "" if way == "lookup" else f" with a {way}"
    return {f"{KINDS[kind]}{tasks} at {temperature}{end}": (way, tasks, temperature, kind)
            for tasks in TASKS for temperature in TEMPERATURES for kind in KINDS}


class Ours:
    name = "studio"

    def __init__(self, context, model, figures):
        self.context, self.model, self.figures = context, model, figures

    def bench(self, tasks, temperature, with_draft_model):
        with tempfile.NamedTemporaryFile(prefix="studio-bench-", suffix=".json") as out:
            draft_model = ["--draft-model", self.context.model(DRAFT_MODEL)] if with_draft_model else []
            run([os.path.join(BUILD, "bench/speculation_bench"), self.context.model(self.model), *draft_model, "--tasks",
                 os.path.join(ROOT, "bench/speculation", tasks), "--temperature", str(temperature), "--threads", str(self.context.threads),
                 "--rounds", str(self.context.pairs), "--json", out.name])  # ends with 1 where a byte differs
            return json.load(out)

    def measure(self, number, figures):
        if number == 0:  # it warms up by itself
            return {}
        wanted = {figure: self.figures[figure] for figure in figures}
        found = {}
        for tasks, temperature in sorted({(tasks, temperature) for _, tasks, temperature, _ in wanted.values()}):
            with_draft_model = any(way != "lookup" and (tasks, temperature) == (of, at) for way, of, at, _ in wanted.values())
            found[tasks, temperature] = self.bench(tasks, temperature, with_draft_model)
        return {figure: found[tasks, temperature][way][kind] for figure, (way, tasks, temperature, kind) in wanted.items()}


def row(context, size):
    figures = figures_of("lookup") | (figures_of("draft model") if size == "1.5B" else {})
    counts = " and ".join(f"{len(os.listdir(os.path.join(ROOT, 'bench/speculation', tasks)))} {tasks} tasks" for tasks in TASKS)
    return Row(f"speculation {size}", f"{counts} at temperatures {TEMPERATURES}, rate with speculation by the rate without; {MODELS[size]}",
               {figure: Figure("x") for figure in figures}, lambda _: Sides(Ours(context, MODELS[size], figures), {}), (),
               reads_weights=False, is_paired_inside=True)


def rows(context):
    return [row(context, size) for size in MODELS]
