"""adapter: added to, listed and removed from a model, while a server runs and without one; what cannot be applied is refused."""
import array
import json
import os
import random
import shutil
import signal
import struct
import urllib.error
import urllib.request

from place import TIMEOUT_S, TINY, Place
from serving import Serve, metric, wait_for

LOCAL = ("--listen", "127.0.0.1:0", "--model", "tiny")
# Of the built-in model (catalogue/builtin): layers, width, rows of q, width of down's input.
LAYERS, HIDDEN, QUERY, FEED_FORWARD = 5, 128, 192, 384


def peft_folder(place, name, seed=1, spread=0.3, rank=4, tensors=None, **config):
    """A folder as PEFT saves one: q and down of each layer."""
    folder = os.path.join(place.home, name)
    os.makedirs(folder)
    rng = random.Random(seed)
    shapes = {}
    for layer in range(LAYERS):
        for module, rows, width in (("self_attn.q_proj", QUERY, HIDDEN), ("mlp.down_proj", HIDDEN, FEED_FORWARD)):
            stem = f"base_model.model.model.layers.{layer}.{module}"
            shapes[f"{stem}.lora_A.weight"] = (rank, width)
            shapes[f"{stem}.lora_B.weight"] = (rows, rank)
    shapes.update(tensors or {})
    header, data = {}, bytearray()
    for tensor, (rows, width) in shapes.items():
        values = array.array("f", (rng.gauss(0, spread) for _ in range(rows * width)))
        header[tensor] = {"dtype": "F32", "shape": [rows, width], "data_offsets": [len(data), len(data) + 4 * len(values)]}
        data += values.tobytes()
    text = json.dumps(header).encode()
    with open(os.path.join(folder, "adapter_model.safetensors"), "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)
    with open(os.path.join(folder, "adapter_config.json"), "w", encoding="utf-8") as file:
        json.dump({"peft_type": "LORA", "r": rank, "lora_alpha": 2 * rank, "target_modules": ["q_proj", "down_proj"], **config}, file)
    return folder


def ask(server, model, path="/v1/completions", **more):
    body = {"model": model, "prompt": "Once upon a time", "max_tokens": 16, "temperature": 0, **more}
    request = urllib.request.Request(server.started["url"] + path, json.dumps(body).encode(),
                                     {"Authorization": "Bearer " + server.started["key"], "Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def text_of(server, model):
    status, answer = ask(server, model)
    assert status == 200 and answer["model"] == model, answer
    return answer["choices"][0]["text"]


def models_of(server):
    request = urllib.request.Request(server.started["url"] + "/v1/models", headers={"Authorization": "Bearer " + server.started["key"]})
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
        return {model["id"]: model for model in json.load(answer)["data"]}


def test_an_adapter_comes_and_goes_while_a_server_runs():
    with Place() as place, Serve(place, *LOCAL) as server:
        base = text_of(server, "tiny")
        status, answer = ask(server, "tiny:one")
        assert status == 404 and answer["error"]["param"] == "model", answer
        one, two = peft_folder(place, "one"), peft_folder(place, "two", seed=2)
        place.studio("adapter", "add", "tiny:one", one).must(0, "rank 4")
        first = text_of(server, "tiny:one")
        assert first != base, "the adapter moves nothing"
        added = place.studio("adapter", "add", "tiny:two", two, "--json").json()
        assert added["is_served"] is True and added["name"] == "tiny:two" and len(added["sha256"]) == 64
        second = text_of(server, "tiny:two")
        assert len({base, first, second}) == 3
        assert text_of(server, "tiny") == base and text_of(server, "tiny:one") == first
        served = models_of(server)
        assert list(served) == ["tiny", "tiny:one", "tiny:two"] and served["tiny:one"]["parent"] == "tiny"
        listed = place.studio("adapter", "list", "--json").json()["adapters"]
        assert [a["name"] for a in listed] == ["tiny:one", "tiny:two"]
        shutil.rmtree(one)  # the program has a copy
        assert place.studio("run", "tiny:one", "hi").must(0).out
        place.studio("adapter", "rm", "tiny:one").must(0)
        assert ask(server, "tiny:one")[0] == 404 and list(models_of(server)) == ["tiny", "tiny:two"]
        assert text_of(server, "tiny:two") == second and text_of(server, "tiny") == base
        place.studio("adapter", "rm", "tiny:one").must(3, "studio adapter list")


def test_adapters_are_served_with_their_model_from_its_start_on():
    with Place() as place:
        place.studio("run", "tiny", "hi").must(0)  # the model is here now
        added = place.studio("adapter", "add", "tiny:kept", peft_folder(place, "kept"), "--json").json()
        assert added["is_served"] is False
        with Serve(place, *LOCAL) as server:
            first = text_of(server, "tiny:kept")
            status, answer = ask(server, "default:kept")  # any name of the base
            assert status == 200 and answer["model"] == "tiny:kept", answer
        with Serve(place, *LOCAL) as server:
            assert text_of(server, "tiny:kept") == first
        assert place.studio("run", "tiny:kept", "hi").must(0).out  # without a server, too
        place.studio("run", "tiny:nothing", "hi").must(3, "tiny:nothing")


def streamed(server, model, at_event=None):
    """The text of a long answer as it comes; at_event runs once, after twenty pieces."""
    body = {"model": model, "prompt": "Once upon a time", "max_tokens": 1500, "temperature": 1, "seed": 7, "stream": True, "ignore_eos": True}
    request = urllib.request.Request(server.started["url"] + "/v1/completions", json.dumps(body).encode(),
                                     {"Authorization": "Bearer " + server.started["key"], "Content-Type": "application/json"})
    text, pieces = "", 0
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
        for line in answer:
            if not line.startswith(b"data: {"):
                continue
            event = json.loads(line[6:])
            assert "error" not in event, event
            text += "".join(choice.get("text", "") for choice in event["choices"])
            pieces += 1
            if pieces == 20 and at_event:
                at_event()
    return text


def workers_of(server):
    with open(f"/proc/{server.process.pid}/task/{server.process.pid}/children", encoding="ascii") as file:
        children = file.read().split()
    tasks = os.listdir(f"/proc/{server.process.pid}/task")
    for task in tasks:
        with open(f"/proc/{server.process.pid}/task/{task}/children", encoding="ascii") as file:
            children += file.read().split()
    return sorted({int(child) for child in children})


def test_an_answer_outlives_its_worker_with_its_adapter():
    with Place() as place, Serve(place, *LOCAL) as server:
        place.studio("adapter", "add", "tiny:one", peft_folder(place, "one")).must(0)
        undisturbed = streamed(server, "tiny:one")
        before = workers_of(server)
        assert len(before) == 1, before
        assert streamed(server, "tiny:one", lambda: os.kill(before[0], signal.SIGKILL)) == undisturbed
        assert workers_of(server) != before  # it is another one, and it has the adapter
        assert text_of(server, "tiny:one") != text_of(server, "tiny")


def test_usage_and_metrics_name_the_adapter():
    with Place() as place, Serve(place, *LOCAL) as server:
        place.studio("adapter", "add", "tiny:billed", peft_folder(place, "billed")).must(0)
        text_of(server, "tiny:billed")
        assert metric(server, "studio_generation_tokens_total", 'model="tiny:billed"') == 16
        # What a worker holds comes with its pulse.
        wait_for(lambda: metric(server, "studio_adapters") == 1, "told")
        assert metric(server, "studio_adapter_bytes") > 0


def test_what_cannot_be_applied_is_refused_by_name():
    with Place() as place:
        place.studio("run", "tiny", "hi").must(0)
        refusals = [
            (dict(use_dora=True), "use_dora"),
            (dict(modules_to_save=["lm_head"]), "modules_to_save"),
            (dict(bias="all"), "bias"),
            (dict(rank=4, r=8), "lora_A"),
            (dict(tensors={"base_model.model.lm_head.lora_A.weight": (4, HIDDEN)}), "lm_head"),
            (dict(tensors={"base_model.model.model.layers.7.self_attn.q_proj.lora_A.weight": (4, HIDDEN),
                           "base_model.model.model.layers.7.self_attn.q_proj.lora_B.weight": (QUERY, 4)}), "layers.7"),
            (dict(tensors={"base_model.model.model.layers.0.self_attn.k_proj.lora_A.weight": (4, HIDDEN)}), "k_proj"),
            (dict(spread=float("inf")), "finite"),
        ]
        for i, (change, word) in enumerate(refusals):
            result = place.studio("adapter", "add", "tiny:bad", peft_folder(place, f"bad{i}", **change))
            assert result.code != 0 and word in result.err, f"{word}: {result}"
        place.studio("adapter", "add", "tiny:bad", TINY).must(5, "general.type")  # a model is no adapter
        place.studio("adapter", "add", "tiny:bad", "./nothing").must(3, "nothing")
        place.studio("adapter", "add", "tiny", peft_folder(place, "x")).must(2, "MODEL:NAME")
        place.studio("adapter", "add", "tiny:../x", "./x").must(2)
        assert place.studio("adapter", "list", "--json").json() == {"adapters": []}
        left = [name for _, _, files in os.walk(os.path.join(place.data, "adapters")) for name in files if name != ".lock"]
        assert left == [], left


def test_a_file_that_was_changed_is_told():
    with Place() as place:
        place.studio("run", "tiny", "hi").must(0)
        added = place.studio("adapter", "add", "tiny:one", peft_folder(place, "one"), "--json").json()
        with open(added["path"], "r+b") as file:
            file.seek(-4, os.SEEK_END)
            file.write(b"\0\0\0\1")
        with Serve(place, *LOCAL) as server:
            assert text_of(server, "tiny")
            assert ask(server, "tiny:one")[0] != 200  # the worker has refused it: its digest differs


def test_made_keys_open_adapters_and_change_none():
    with Place() as place, Serve(place, *LOCAL) as server:
        place.studio("adapter", "add", "tiny:one", peft_folder(place, "one")).must(0)
        key = place.studio("key", "add", "program").must(0).out.strip()
        request = urllib.request.Request(server.started["url"] + "/console/adapters/tiny:one", method="DELETE",
                                         headers={"Authorization": f"Bearer {key}"})
        try:
            urllib.request.urlopen(request, timeout=TIMEOUT_S)
            raise AssertionError("a made key removed an adapter")
        except urllib.error.HTTPError as error:
            assert error.code == 403, error.code
        assert "tiny:one" in models_of(server)
