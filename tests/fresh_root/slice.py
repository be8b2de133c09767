#!/usr/bin/env python3
"""What of show.py can be seen in seconds: `make run` in this clone, where no registry or hub can be reached. It answers
from the built-in model and says so; with the real model at hand it answers from that, and a second start is quick."""
import os
import socket
import sys
import tempfile
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
DEFAULT_MODEL, BUILTIN_MODEL = "qwen2.5-coder-0.5b-instruct", "tiny"
START_TIMEOUT_S = 60
SECOND_RUN_LIMIT_S = 5.0
CLOSED = "http://127.0.0.1:9"  # the discard port: nothing listens there

sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "../lib"))
from make_run import MakeRun, text_of  # noqa: E402
from no_network import leave_network  # noqa: E402


class Skip(Exception):
    pass


def hubs_at(address):
    return {"STUDIO_HUB_MODELSCOPE": address, "STUDIO_HUB_HUGGINGFACE": address, "PIP_INDEX_URL": address + "/simple/",
            "PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": os.devnull}


def make_run(folder, variables):
    """One `make run` with its data in the folder: (seconds to the whole answer, the answer, all it printed)."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(("STUDIO_", "MAKE", "MFLAGS", "HF_")) and not name.lower().endswith("_proxy")}
    env = {**kept, **variables, "STUDIO_DATA": folder + "/data", "STUDIO_CACHE": folder + "/cache", "XDG_CONFIG_HOME": folder,
           "STUDIO_SERVE_LISTEN": "127.0.0.1:0"}
    with MakeRun(["make", "run"], cwd=ROOT, env=env) as run:
        run.wait_until_ready(START_TIMEOUT_S)
        answer = run.paste()
        return run.seconds(), answer, run.text()


def answers_from_the_built_in_model(variables):
    with tempfile.TemporaryDirectory(prefix="studio-run-") as folder:
        seconds, answer, text = make_run(folder, variables)
        assert "The default model cannot be had now" in text and "built-in model 'tiny'" in text, text
        assert answer["model"] == BUILTIN_MODEL and text_of(answer).strip(), answer
        return f"answers from the built-in model after {seconds:.1f} s"


def unreachable(variables):
    return answers_from_the_built_in_model(variables)


def silent(variables):
    """Hubs and registries that take connections and never say a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as hub:
        return answers_from_the_built_in_model({**variables, **hubs_at(f"http://127.0.0.1:{hub.getsockname()[1]}")})


def second_start(variables):
    model = os.path.join(os.environ.get("STUDIO_MODELS", ""), DEFAULT_MODEL + ".gguf")
    if not os.path.exists(model):
        raise Skip(f"no {DEFAULT_MODEL} in STUDIO_MODELS")
    with tempfile.TemporaryDirectory(prefix="studio-run-") as folder:
        os.makedirs(folder + "/data/models")
        os.symlink(model, f"{folder}/data/models/{DEFAULT_MODEL}.gguf")
        first, answer, text = make_run(folder, variables)
        assert answer["model"] == DEFAULT_MODEL and text_of(answer).strip(), answer
        assert "cannot be had" not in text, text
        second, answer, _ = make_run(folder, variables)
        assert answer["model"] == DEFAULT_MODEL and text_of(answer).strip(), answer
        assert second < SECOND_RUN_LIMIT_S, f"{second:.1f} s until the answer, at most {SECOND_RUN_LIMIT_S} s: {answer}"
        return f"the real model answers {first:.1f} s after the first `make run`, {second:.1f} s after the second"


def main():
    try:
        leave_network()
        variables = {}
        print("in a network namespace of its own: loopback alone")
    except OSError as reason:
        variables = hubs_at(CLOSED)
        print(f"{reason}; hubs and registries are set to a closed port instead")
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for case in (unreachable, silent, second_start):
        try:
            said, result = case(variables), "passed"
        except Skip as reason:
            said, result = str(reason), "skipped"
        except Exception:  # noqa: BLE001: each case counts by itself
            said, result = traceback.format_exc(), "failed"
        counts[result] += 1
        print(f"{result} {case.__name__.replace('_', ' ')}: {said}", flush=True)
    print(", ".join(f"{count} {name}" for name, count in counts.items()))
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
