"""Vectors of texts: an encoder's texts a second by their length, in both classes of numerics, beside onnxruntime in f32.

Each side gets its best number of texts at once. Ours checks that a text has the same bits alone and together, and the cosine of the
fast class to the default one; the peer's are held against NumPy. tests/encoders holds both classes against NumPy on real text.
"""
import json
import os
import subprocess

from pairs import BUILD, ROOT, Figure, Row, Sides, check, run

MODEL = "all-minilm-l6-v2"
TOKENS, TEXTS, SECONDS = (16, 128, 256), (1, 8, 32), 0.5
LAYERS, WIDTH, WIDE = 6, 384, 1536
LEAST_COSINE = 0.9999
CLASSES = {"": [], "fast ": ["--fast"]}
PRODUCTS = {"": 4, "fast ": 2}  # of bytes, in the place of one of f32 or of words in a register's lane


def listed(numbers):
    return ",".join(map(str, numbers))


def best_rates(found):
    """{tokens: texts a second} of {tokens, texts, rate}s."""
    return {tokens: max(one["rate"] for one in found if one["tokens"] == tokens) for tokens in TOKENS}


class Ours:
    name = "studio"

    def __init__(self, folder, threads):
        self.command = [os.path.join(BUILD, "src/engine/encoders/encoder_bench"), folder, "--threads", str(threads), "--seconds", str(SECONDS),
                        "--tokens", listed(TOKENS), "--texts", listed(TEXTS), "--json"]

    def measure(self, _, figures):
        found = {}
        for name, options in CLASSES.items():
            if not any(figure.startswith(name) for figure in figures):
                continue
            answer = json.loads(run(self.command + options))
            check(min(one["cosine"] for one in answer) >= LEAST_COSINE, "the fast class has other vectors")
            found.update({f"{name}{tokens} tokens": rate for tokens, rate in best_rates(answer).items()})
        return {figure: found[figure] for figure in figures}


class Onnx:
    name = "onnxruntime"

    def __init__(self, python, folder, threads):
        self.command = [python, os.path.join(ROOT, "bench/peers/onnx_encoder.py"), folder, "--threads", str(threads), "--seconds", str(SECONDS),
                        "--tokens", listed(TOKENS), "--texts", listed(TEXTS), "--json"]

    def measure(self, _, figures):
        rates = best_rates(json.loads(run(self.command)))
        return {figure: rates[int(figure.split()[-2])] for figure in figures}


def roofs(state):
    """Texts a second if the machine did nothing but the multiply-adds, at its rate for the class."""
    result = {}
    for tokens in TOKENS if state["dot_tops"] else ():
        products = LAYERS * (tokens * (4 * WIDTH * WIDTH + 2 * WIDTH * WIDE) + 2 * tokens * tokens * WIDTH)
        for name, ratio in PRODUCTS.items():
            result[f"{name}{tokens} tokens"] = state["dot_tops"] * 1e12 / ratio / (2 * products)
    return result


def python_with_onnx():
    done = subprocess.run([os.path.join(ROOT, "tools/python_env.sh"), "onnx"], stdout=subprocess.PIPE, text=True, check=False)
    return os.path.join(done.stdout.strip(), "bin/python") if done.returncode == 0 else ""


def rows(context):
    folder = os.path.join(context.models, MODEL)

    def open_row(_):
        check(os.path.exists(os.path.join(folder, "model.safetensors")), f"{folder} is not there: studio pull {MODEL}")
        python = python_with_onnx()
        check(python, "onnxruntime is not here: tools/python_env.sh onnx")
        return Sides(Ours(folder, context.threads), {"onnxruntime": [Onnx(python, folder, context.threads)]}, roofs)

    figures = {f"{name}{tokens} tokens": Figure("texts/s") for name in CLASSES for tokens in TOKENS}
    yield Row("embeddings", "all-MiniLM-L6-v2, texts a second by their length; fast: with numerics \"fast\"", figures, open_row, ("onnxruntime",),
              reads_weights=False)
