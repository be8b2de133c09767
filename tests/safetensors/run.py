#!/usr/bin/env python3
"""A model as safetensors and as GGUF gives the same bytes through the API; imports; folders that are refused.

Usage: tests/safetensors/run.py [--long]       --long: every type, more shards, more values and more kills
Run in the environment of tools/requirements/safetensors.txt (run.sh does). STUDIO_BUILD: the build with the program.
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../lib")]
import gguf  # noqa: E402
import numpy as np  # noqa: E402
from models import ARCHITECTURES, DTYPES, Model, write_json  # noqa: E402
from patience import PATIENCE  # noqa: E402
from run_cases import run_cases  # noqa: E402
from server import BUILD, Server  # noqa: E402

STUDIO = os.path.join(BUILD, "studio")
LONG = "--long" in sys.argv
TIMEOUT_S = 120 * PATIENCE
MESSAGES = [{"role": "user", "content": "Tell me of the sea, 海, and 42 ships."}]
CHAT = {"messages": MESSAGES, "max_tokens": 24, "logprobs": True, "top_logprobs": 5, "ignore_eos": True, "seed": 7}
REQUESTS = [
    ("/v1/chat/completions", {**CHAT, "temperature": 0}),
    ("/v1/chat/completions", {**CHAT, "temperature": 0.9, "n": 2}),
    ("/v1/chat/completions", {**CHAT, "temperature": 1.3, "top_p": 0.9, "enable_thinking": False}),
    ("/v1/completions", {"prompt": "Once upon <|im_end|>a time", "max_tokens": 24, "temperature": 0.8, "seed": 3, "logprobs": 3}),
    ("/v1/tokenize", {"text": "Hello, wörld <|im_start|> 你好\n\n  x"}),
]


def post(server, path, body, timeout_s=TIMEOUT_S):
    request = urllib.request.Request(server.url + path, json.dumps(body).encode(),
                                     {"Authorization": f"Bearer {server.key}", "Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def answer_of(server, model, path, body):
    """The answer's bytes without what differs from one request to the next."""
    status, text = post(server, path, {**body, "model": model})
    assert status == 200, f"{model}: {status} {text}"
    for field in ("id", "model"):
        text = re.sub(rf'"{field}":"[^"]*"', f'"{field}":""', text, count=1)
    return re.sub(r'"created":\d+', '"created":0', text)


def run_studio(*words, data, code=0):
    done = subprocess.run([STUDIO, *words, "--data", data], capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert done.returncode == code, f"studio {words}: exit {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout, done.stderr


def same_bytes(folder, architecture):
    """One server, the same weights in every form: every answer the same bytes."""
    types = [*DTYPES, "mixed"] if LONG else {"qwen2": ["BF16"], "qwen3": ["mixed"], "llama": ["F16"]}[architecture]
    for dtype in types:
        model = Model(architecture, dtype, seed=ARCHITECTURES.index(architecture))
        forms = {"gguf": model.write_gguf(f"{folder}/gguf-{dtype}.gguf"),
                 "one": model.write_folder(f"{folder}/one-{dtype}"),
                 "sharded": model.write_folder(f"{folder}/sharded-{dtype}", shards=5 if LONG else 3)}
        run_studio("import", forms["sharded"], f"panels-{dtype}", data=f"{folder}/data")
        forms["panels"] = f"{folder}/data/models/panels-{dtype}.panels"
        with Server(models=forms.values(), extra=["--threads", "1"]) as server:
            for path, body in REQUESTS:
                answers = {form: answer_of(server, f"{form}-{dtype}", path, body) for form in forms}
                first = answers["gguf"]
                assert len(first) > 40, first
                for form, answer in answers.items():
                    assert answer == first, f"{architecture} {dtype} {path}: {form} differs\n{answer}\n{first}"
        print(f"  {architecture} {dtype}: {len(REQUESTS)} requests x {len(forms)} forms, all the same bytes", flush=True)


def test_same_bytes_qwen2(folder):
    same_bytes(folder, "qwen2")


def test_same_bytes_qwen3(folder):
    same_bytes(folder, "qwen3")


def test_same_bytes_llama(folder):
    same_bytes(folder, "llama")


def test_answers_depend_on_the_weights(folder):
    """What the comparison above would miss, were it blind: another seed gives another answer."""
    forms = [Model("llama", seed=seed).write_folder(f"{folder}/seed{seed}") for seed in (1, 2)]
    # And llama's rows in the wrong order are another model.
    wrong = Model("llama", seed=1)
    wrong.permuted = lambda _, values: values
    forms.append(wrong.write_gguf(f"{folder}/unpermuted.gguf"))
    with Server(models=forms, extra=["--threads", "1"]) as server:
        answers = {answer_of(server, name, *REQUESTS[0]) for name in ("seed1", "seed2", "unpermuted")}
    assert len(answers) == 3, "different weights, the same answer"


def test_quantisers_give_the_reference_bytes(_):
    random = np.random.default_rng(5)
    rows = 60_000 if LONG else 4_000
    values = random.standard_normal((rows, 256), dtype=np.float32) * np.exp2(random.integers(-12, 6, (rows, 1))).astype(np.float32)
    values[::17] = 0
    values[1::17, ::3] = 0
    values[2::17] = np.round(values[2::17])  # ties
    for name in ("Q8_0", "Q4_0", "F16", "BF16"):
        kind = gguf.GGMLQuantizationType[name]
        done = subprocess.run([os.path.join(BUILD, "tests/formats/formats_tool"), "quantise", name], input=values.tobytes(),
                              stdout=subprocess.PIPE, check=True, timeout=TIMEOUT_S)
        theirs = gguf.quants.quantize(values, kind)
        ours = np.frombuffer(done.stdout, dtype=np.uint8)
        wrong = int(np.sum(ours != theirs.reshape(-1).view(np.uint8)))
        print(f"  {name}: {values.size} values, {wrong} bytes differ", flush=True)
        assert wrong == 0
    # Q4_K has no reference in the package; its decoder measures the error.
    done = subprocess.run([os.path.join(BUILD, "tests/formats/formats_tool"), "quantise", "Q4_K"], input=values.tobytes(),
                          stdout=subprocess.PIPE, check=True, timeout=TIMEOUT_S)
    back = gguf.quants.dequantize(np.frombuffer(done.stdout, dtype=np.uint8).reshape(rows, -1), gguf.GGMLQuantizationType.Q4_K)
    error = np.sqrt(np.mean((back - values) ** 2, axis=1) / np.maximum(np.mean(values ** 2, axis=1), 1e-30))
    print(f"  Q4_K: relative error {np.median(error):.4f} (median of rows), {error.max():.4f} at most", flush=True)
    assert np.median(error) < 0.08 and error.max() < 0.15


def test_import_quantises_as_the_reference_does(folder):
    """Q8_0: the panel file answers like a GGUF file that the `gguf` package quantised."""
    model = Model("llama", "F32", seed=11)
    source = model.write_folder(f"{folder}/source")
    run_studio("import", source, "ours-q8", "--quantise", "q8_0", data=f"{folder}/data")
    theirs = model.write_gguf(f"{folder}/theirs-q8.gguf", quantised="Q8_0")
    with Server(models=[f"{folder}/data/models/ours-q8.panels", theirs], extra=["--threads", "1"]) as server:
        for path, body in REQUESTS:
            assert answer_of(server, "ours-q8", path, body) == answer_of(server, "theirs-q8", path, body), path


def test_import_of_every_type(folder):
    model = Model("qwen3", "BF16", seed=3, hidden=256, wide=512)
    source, data = model.write_folder(f"{folder}/source"), f"{folder}/data"
    sizes = {}
    for kind in ("f32", "f16", "bf16", "q8_0", "q6_k", "q4_k", "q4_0"):
        out, _ = run_studio("import", source, f"m-{kind}", "--quantise", kind, "--json", data=data)
        sizes[kind] = json.loads(out)["bytes"]
    assert sizes["f32"] > sizes["bf16"] > sizes["q8_0"] > sizes["q6_k"] > sizes["q4_k"], sizes
    with Server(models=[f"{data}/models/m-{kind}.panels" for kind in sizes], extra=["--threads", "1"]) as server:
        for kind in sizes:
            assert len(json.loads(answer_of(server, f"m-{kind}", *REQUESTS[0]))["choices"][0]["message"]["content"]) > 0
    out, _ = run_studio("show", "m-q4_k", "--json", data=data)
    shown = json.loads(out)
    assert shown["architecture"] == "qwen3" and shown["tensors"].get("Q4_K", 0) > 0, shown
    print("  " + ", ".join(f"{kind} {size}" for kind, size in sizes.items()))


def test_import_refuses(folder):
    source, data = Model("qwen2").write_folder(f"{folder}/source"), f"{folder}/data"
    run_studio("import", source, "m", "--quantise", "q8_0", data=data)
    before = os.stat(f"{data}/models/m.panels").st_mtime_ns
    for words, code, told in (((source, "m"), 5, "here already"), ((source, "a/b"), 2, "model's name"),
                              ((source, "x", "--quantise", "q3"), 2, "q8_0"), ((f"{folder}/none", "x"), 3, "no such"),
                              ((f"{data}/models/m.panels", "x"), 2, "panel file already")):
        _, err = run_studio("import", *words, data=data, code=code)
        assert told in err, (words, err)
    assert os.stat(f"{data}/models/m.panels").st_mtime_ns == before
    left = [name for name in os.listdir(f"{data}/models") if name not in ("m.panels", "m.json", ".partial")]
    assert not left, left


def test_import_killed_leaves_nothing(folder):
    """kill -9 at any moment: the model is whole or not there, and the next import succeeds."""
    source, data = Model("qwen3", seed=1, layers=4, wide=1024).write_folder(f"{folder}/source"), f"{folder}/data"
    for attempt in range(30 if LONG else 6):
        process = subprocess.Popen([STUDIO, "import", source, "m", "--quantise", "q4_k", "--data", data, "--quiet"])
        time.sleep(0.02 * attempt)
        process.kill()
        process.wait()
        if os.path.exists(f"{data}/models/m.panels"):
            run_studio("show", "m", data=data)
            run_studio("rm", "m", data=data)
    run_studio("import", source, "m", data=data)
    left = [name for name in os.listdir(f"{data}/models/.partial") if not name.endswith(".lock")]
    assert not left, left


def import_through_a_pipe(source, data, name, meanwhile):
    """Its config.json is a pipe: the importer waits for it while `meanwhile` looks at that process. Returns exit code and errors."""
    config = f"{source}/config.json"
    with open(config, encoding="utf-8") as file:
        text = file.read()
    os.rename(config, f"{source}/config.kept")
    os.mkfifo(config)
    process = subprocess.Popen([STUDIO, "import", source, name, "--data", data], stderr=subprocess.PIPE, text=True)
    deadline, pipe = time.monotonic() + TIMEOUT_S, None
    while pipe is None and process.poll() is None and time.monotonic() < deadline:
        try:
            pipe = os.open(config, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:  # nobody reads yet
            time.sleep(0.01)
    assert pipe is not None, f"nobody reads config.json: {process.communicate()}"
    meanwhile(process.pid)
    os.write(pipe, text.encode())
    os.close(pipe)
    errors = process.communicate(timeout=TIMEOUT_S)[1]
    os.rename(f"{source}/config.kept", config)
    return process.returncode, errors


def status_lines(pid):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def readers_of(pid):
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and os.path.exists(f"/proc/{name}/status")
            and status_lines(name).get("PPid") == str(pid)]


def test_import_reads_in_the_sandbox(folder):
    source, data = Model("llama").write_folder(f"{folder}/source"), f"{folder}/data"
    vocabulary, outside = f"{source}/tokenizer.json", f"{folder}/elsewhere.json"

    def look(pid):
        readers = readers_of(pid)
        assert len(readers) == 1, readers
        lines = status_lines(readers[0])
        assert (lines["Seccomp"], lines["NoNewPrivs"]) == ("2", "1"), lines
        with open(f"/proc/{readers[0]}/limits", encoding="ascii") as file:
            assert re.search(r"Max core file size\s+0\s+0", file.read())

    def move_out(_):
        os.rename(vocabulary, outside)
        os.symlink(outside, vocabulary)

    code, errors = import_through_a_pipe(source, data, "plain", look)
    assert code == 0, errors
    code, errors = import_through_a_pipe(source, data, "swapped", move_out)
    assert code != 0 and "tokenizer.json" in errors and "Permission denied" in errors, (code, errors)
    code, errors = import_through_a_pipe(source, data, "linked", lambda _: None)  # as hubs' caches have it: there from the start
    assert code == 0, errors
    assert not os.path.exists(f"{data}/models/swapped.panels")


def test_pull_from_a_folder(folder):
    source, data = Model("llama", "F16").write_folder(f"{folder}/source", shards=2), f"{folder}/data"
    open(f"{source}/README.md", "w", encoding="utf-8").close()
    run_studio("pull", "--from", source, "mine", data=data)
    assert "README.md" not in os.listdir(f"{data}/models/mine"), "only the model's own files are taken"
    run_studio("import", "mine", "mine-q8", "--quantise", "q8_0", data=data)
    with Server(models=[f"{data}/models/mine", f"{data}/models/mine-q8.panels", source], extra=["--threads", "1"]) as server:
        assert answer_of(server, "mine", *REQUESTS[0]) == answer_of(server, "source", *REQUESTS[0])
        answer_of(server, "mine-q8", *REQUESTS[0])


BAD_CONFIGS = [
    ({"model_type": "gpt_neox"}, "model_type"), ({"model_type": None}, "model_type"),
    ({"architectures": ["Qwen3ForSequenceClassification"]}, "architectures"),
    ({"hidden_act": "gelu"}, "hidden_act"), ({"rope_scaling": {"rope_type": "yarn", "factor": 4.0}}, "rope_scaling.rope_type"),
    ({"rope_parameters": {"rope_type": "llama3", "rope_theta": 1e4}}, "rope_parameters.rope_type"),
    ({"use_sliding_window": True}, "use_sliding_window"), ({"attention_bias": True}, "attention_bias"),
    ({"mlp_bias": True}, "mlp_bias"), ({"quantization_config": {"quant_method": "gptq"}}, "quantization_config"),
    ({"num_hidden_layers": 0}, "num_hidden_layers"), ({"num_hidden_layers": 3}, "is missing"),
    ({"num_hidden_layers": 1}, "has no place"), ({"hidden_size": "128"}, "hidden_size"), ({"head_dim": 64}, "shape"),
    ({"num_key_value_heads": 3}, "num_attention_heads"), ({"vocab_size": 2047}, "shape"), ({"vocab_size": 2000}, "outside of config.json's vocab_size"),
    ({"vocab_size": 4096}, "shape"), ({"rms_norm_eps": 0}, "rms_norm_eps"), ({"rope_theta": 0}, "rope_theta"),
    ({"tie_word_embeddings": False}, "lm_head.weight"), ({"tie_word_embeddings": "no"}, "tie_word_embeddings"),
    ({"layer_types": ["full_attention", "sliding_attention"]}, "layer_types"), ({"eos_token_id": 9999}, "eos_token_id"),
    ({"max_position_embeddings": 1e9}, "max_position_embeddings"), ({"partial_rotary_factor": 0.5}, "partial_rotary_factor"),
]
BAD_TOKENIZERS = [
    (lambda t: t.pop("model"), "no model"), (lambda t: t["model"].update(type="Unigram"), "model.type"),
    (lambda t: t["model"].update(byte_fallback=True), "byte_fallback"), (lambda t: t.update(normalizer={"type": "NFKC"}), "normalizer"),
    (lambda t: t.update(normalizer=None), "NFC"), (lambda t: t.update(pre_tokenizer={"type": "Whitespace"}), "pre_tokenizer"),
    (lambda t: t["model"]["vocab"].update({"zz": 1 << 30}), "out of range"), (lambda t: t["model"]["vocab"].update({"zz": 5}), "id 5"),
    (lambda t: t["added_tokens"][0].update(id=-1), "added token"), (lambda t: t["added_tokens"][0].update(lstrip=True), "lstrip"),
    (lambda t: t["model"]["merges"].append(["no such", "token"]), "a merge names a token"), (lambda t: t["model"]["merges"].append(7), "merge"),
]
BAD_INDEXES = [
    (lambda w, k: w.update({k: "../model.safetensors"}), "plain name"), (lambda w, k: w.update({k: "/etc/passwd"}), "plain name"),
    (lambda w, k: w.update({k: "a/b.safetensors"}), "plain name"), (lambda w, k: w.update({k: ".x.safetensors"}), "plain name"),
    (lambda w, k: w.update({k: 7}), "plain name"), (lambda w, k: w.pop(k), "is not listed"),
    (lambda w, k: w.update({"model.extra.weight": w[k]}), "is not in its file"),
    (lambda w, k: w.update({k: "model-00009-of-00009.safetensors"}), "is not listed"), (lambda w, k: w.clear(), "no tensor"),
]


def refused(path, told, folder):
    """By `show`, which reads all files; merges are joined to a tokenizer only where text is, so by `serve`."""
    words = ["show", path] if told != "a merge names a token" else ["serve", "--model", path, "--listen", "127.0.0.1:0"]
    done = subprocess.run([STUDIO, *words, "--data", f"{folder}/data"], capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert done.returncode > 0, f"accepted, or died ({done.returncode}): {told}\n{done.stdout}"
    assert told in done.stderr, f"'{told}' is not told: {done.stderr}"


def test_refusals_name_the_field(folder):
    model = Model("qwen3")
    path = model.write_folder(f"{folder}/m", shards=2)

    def changed(name, change):
        with open(f"{path}/{name}", encoding="utf-8") as file:
            good = file.read()
        value = json.loads(good)
        change(value)
        write_json(f"{path}/{name}", value)
        return lambda: open(f"{path}/{name}", "w", encoding="utf-8").write(good)

    cases = [("config.json", lambda c, f=fields: c.update(f), told) for fields, told in BAD_CONFIGS]
    cases += [("tokenizer.json", change, told) for change, told in BAD_TOKENIZERS]
    some = "model.layers.0.mlp.up_proj.weight"
    cases += [("model.safetensors.index.json", lambda i, c=change: c(i["weight_map"], some), told) for change, told in BAD_INDEXES]
    cases += [("tokenizer_config.json", lambda c: c.update(chat_template=[{"name": "tool_use", "template": "x"}]), "default"),
              ("tokenizer_config.json", lambda c: c.update(eos_token=7), "eos_token"),
              ("generation_config.json", lambda c: c.update(eos_token_id=["x"]), "eos_token_id")]
    for name, change, told in cases:
        restore = changed(name, change)
        refused(path, told, folder)
        restore()
    for name in ("config.json", "tokenizer.json", "model-00002-of-00002.safetensors"):
        os.rename(f"{path}/{name}", f"{path}/away")
        refused(path, name, folder)
        os.rename(f"{path}/away", f"{path}/{name}")
    done = subprocess.run([STUDIO, "show", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    print(f"  {len(cases) + 3} folders refused, each by name")


def in_a_folder(test):
    with tempfile.TemporaryDirectory(prefix="studio-safetensors-") as folder:
        test(folder)


if __name__ == "__main__":
    sys.exit(run_cases(globals(), call=in_a_folder))
