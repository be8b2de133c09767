"""Texts a second of a BERT folder in onnxruntime, f32, as encoder_bench prints them for ours.

Usage: onnx_encoder.py FOLDER [--threads N] [--seconds S] [--tokens 16,128,256] [--texts 1,8,32] [--json]
Needs numpy, onnx, onnxruntime: tools/python_env.sh onnx.
The graph is written here from the folder's own weights, the way that suits the program best: one product for q, k and v,
no mask (texts of a batch are equally long), its own operators for GELU and layer norm. Its vectors are held against
NumPy's before anything is timed.
"""
import argparse
import json
import os
import sys
import time

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tools/golden"))
import bert_reference  # noqa: E402

OPSET = 20  # the first with Gelu


class Graph:
    def __init__(self, model):
        self.nodes, self.constants, self.model, self.names = [], [], model, 0

    def constant(self, value):
        self.names += 1
        name = f"c{self.names}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, order="C"), name))
        return name

    def op(self, kind, *inputs, **attributes):
        self.names += 1
        name = f"v{self.names}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def weight(self, name):
        return self.model.weights[name].astype(np.float32)

    def linear(self, x, names):
        weights = np.concatenate([self.weight(name + ".weight") for name in names]).T
        biases = np.concatenate([self.weight(name + ".bias") for name in names])
        return self.op("Add", self.op("MatMul", x, self.constant(weights)), self.constant(biases))

    def norm(self, x, name):
        return self.op("LayerNormalization", x, self.constant(self.weight(name + ".weight")), self.constant(self.weight(name + ".bias")),
                       axis=-1, epsilon=self.model.config["layer_norm_eps"])

    def attention(self, x, name, tokens):
        heads, width = self.model.config["num_attention_heads"], self.model.config["hidden_size"]
        qkv = self.linear(x, [f"{name}.self.{part}" for part in ("query", "key", "value")])
        shape = self.constant(np.array([-1, tokens, 3, heads, width // heads], np.int64))
        parts = self.op("Transpose", self.op("Reshape", qkv, shape), perm=[2, 0, 3, 1, 4])
        q, k, v = (self.op("Gather", parts, self.constant(np.array(i, np.int64)), axis=0) for i in range(3))
        scale = self.constant(np.array(1 / np.sqrt(width // heads), np.float32))
        scores = self.op("MatMul", self.op("Mul", q, scale), self.op("Transpose", k, perm=[0, 1, 3, 2]))
        mixed = self.op("Transpose", self.op("MatMul", self.op("Softmax", scores, axis=-1), v), perm=[0, 2, 1, 3])
        mixed = self.op("Reshape", mixed, self.constant(np.array([-1, tokens, width], np.int64)))
        return self.linear(mixed, [name + ".output.dense"])

    def build(self, tokens):
        table = "embeddings.%s_embeddings.weight"
        places = self.weight(table % "position")[:tokens] + self.weight(table % "token_type")[0]
        x = self.op("Add", self.op("Gather", self.constant(self.weight(table % "word")), "ids", axis=0), self.constant(places))
        x = self.norm(x, "embeddings.LayerNorm")
        for layer in range(self.model.config["num_hidden_layers"]):
            name = f"encoder.layer.{layer}"
            x = self.norm(self.op("Add", x, self.attention(x, name + ".attention", tokens)), name + ".attention.output.LayerNorm")
            wide = self.op("Gelu", self.linear(x, [name + ".intermediate.dense"]))
            x = self.norm(self.op("Add", x, self.linear(wide, [name + ".output.dense"])), name + ".output.LayerNorm")
        mean = self.op("ReduceMean", x, self.constant(np.array([1], np.int64)), keepdims=0)
        length = self.op("ReduceL2", mean, self.constant(np.array([1], np.int64)), keepdims=1)
        vectors = self.op("Div", mean, length)
        ids = helper.make_tensor_value_info("ids", TensorProto.INT64, ["texts", tokens])
        out = helper.make_tensor_value_info(vectors, TensorProto.FLOAT, ["texts", self.model.config["hidden_size"]])
        graph = helper.make_graph(self.nodes, "bert", [ids], [out], self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)


def session_for(model, tokens, threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    return onnxruntime.InferenceSession(Graph(model).build(tokens).SerializeToString(), options, providers=["CPUExecutionProvider"])


def measure(session, ids, seconds):
    """The best of several runs counts."""
    best, start = 1e9, time.perf_counter()
    while time.perf_counter() - start < seconds:
        begin = time.perf_counter()
        session.run(None, {"ids": ids})
        best = min(best, time.perf_counter() - begin)
    return best


def numbers(text):
    return [int(part) for part in text.split(",")]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--tokens", type=numbers, default=[16, 128, 256])
    parser.add_argument("--texts", type=numbers, default=[1, 8, 32])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    model, random = bert_reference.Bert(options.folder), np.random.default_rng(1)
    if not options.json:
        print(f"onnxruntime {onnxruntime.__version__}, onnx {onnx.__version__}, f32, {options.threads} threads")
    found = []
    for tokens in options.tokens:
        session = session_for(model, tokens, options.threads)
        for count in options.texts:
            ids = random.integers(0, model.config["vocab_size"], (count, tokens))
            vectors = session.run(None, {"ids": ids})[0]
            assert vectors[0] @ model.embed(ids[0]) > 0.99999, "another vector than NumPy's"
            best = measure(session, ids, options.seconds)
            found.append({"tokens": tokens, "texts": count, "rate": count / best})
            if not options.json:
                print(f"{count:4d} texts of {tokens:4d} tokens: {best * 1e3:8.2f} ms, {count / best:8.1f} texts/s", flush=True)
    if options.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
