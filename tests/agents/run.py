"""Each agent repairs a project, alone with the gateway: its test is green at the end, and not one request was refused.

Usage: run.sh [WORD...]: the agents whose name has one of the words, or all; prints what an agent did where it fails.
       run.sh --real MODEL_FILE [WORD...]: the same over a real model, reported alone.
"""
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../lib"))
import agents  # noqa: E402
from confined import confining, die_with_parent  # noqa: E402
from no_network import leave_network  # noqa: E402
from patience import PATIENCE  # noqa: E402
from player import DONE  # noqa: E402
from run_cases import run_cases  # noqa: E402
from scripted_worker import CONTEXT_TOKENS  # noqa: E402
from server import BUILD, ROOT, START_TIMEOUT_S, Server, stop_process  # noqa: E402

MODEL_FILE = os.path.join(ROOT, "catalogue/builtin/tiny-qwen3.gguf")
PROGRAMS = os.path.join(os.environ["STUDIO_AGENTS"], "node_modules")
KEY = "sk-agents"
AGENT_TIMEOUT_S = 600 * PATIENCE  # each takes 5 s on an idle machine, minutes on a crowded one
REAL_TIMEOUT_S = 1800 * PATIENCE  # a real model reads 10^4 tokens first
REAL_CONTEXT_TOKENS = 32_768      # of Qwen2.5-Coder
ALL = (agents.qwen_code, agents.opencode, agents.claude_code, agents.codex)
STEPS = 4                         # read, edit, test, done
MOST_REQUESTS = 2 * STEPS         # with a title, a summary and the like
CLOSED = "http://127.0.0.1:9"     # a proxy that is not there, where no network can be left


def requests_of(log_path):
    """How many requests a gateway answered, and of those that it refused [(method, route, status)]."""
    with open(log_path, encoding="utf-8", errors="replace") as file:
        events = [json.loads(line) for line in file if line.startswith("{")]
    asked = [event for event in events if event["event"] == "http.request"]
    return len(asked), [(event["method"], event["route"], event["status"]) for event in asked if event["status"] >= 400]


class Gateway:
    """The gateway as `studio serve` runs it, over scripted_worker.py."""

    def __init__(self, place):
        self.requests_path, self.log_path = f"{place}/requests.jsonl", f"{place}/server.log"
        command = [os.path.join(BUILD, "tests/failover/gateway_over_worker"), os.path.join(HERE, "scripted_worker.py"), MODEL_FILE,
                   place, KEY, "1"]
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL,
                                            env={**os.environ, "STUDIO_TEST_REQUESTS": self.requests_path})
        timer = threading.Timer(START_TIMEOUT_S, self.process.kill)
        timer.start()
        line = self.process.stdout.readline()
        timer.cancel()
        assert line, "the gateway did not start:\n" + self.log()
        self.url = json.loads(line)["url"]

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def answers(self):
        """What the script wrote, in order."""
        try:
            with open(self.requests_path, encoding="utf-8") as file:
                return [json.loads(line)["answer"] for line in file]
        except FileNotFoundError:
            return []

    def refusals(self):
        return requests_of(self.log_path)[1]

    def stop(self):
        stop_process(self.process)
        self.process.stdout.close()


@contextlib.contextmanager
def gateway():
    place = tempfile.mkdtemp(prefix="studio-agents-")
    server = Gateway(place)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(place, ignore_errors=True)


def environment(home, variables):
    """Nothing of the caller's: an agent's settings are those that its page tells."""
    os.makedirs(f"{home}/tmp", exist_ok=True)
    closed = {name: CLOSED for name in ("https_proxy", "HTTPS_PROXY")} if not IS_ALONE else {}
    return {"PATH": os.environ["PATH"], "HOME": home, "TMPDIR": f"{home}/tmp", "LANG": "C.UTF-8", "NO_COLOR": "1", **closed, **variables}


def run_agent(place, command, variables, timeout_s):
    """(exit code, output); whatever it started ends with it."""
    confined = [*confining(place.home), *command] if IS_ALONE else command
    process = subprocess.Popen(confined, cwd=place.project, env=environment(place.home, variables),
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               start_new_session=True, preexec_fn=die_with_parent)
    timer = threading.Timer(timeout_s, os.killpg, (process.pid, signal.SIGKILL))
    timer.start()
    output = process.communicate()[0].decode(errors="replace")
    timer.cancel()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    return process.returncode, output


def is_green(project):
    return subprocess.run([sys.executable, "test_total.py"], cwd=project, capture_output=True, check=False).returncode == 0


@contextlib.contextmanager
def project_of(server_url, model, context_tokens):
    """A place with a project that has something to repair, and a home without anything."""
    home = tempfile.mkdtemp(prefix="studio-agent-home-")
    project = os.path.join(home, "project")
    shutil.copytree(os.path.join(HERE, "project"), project)
    assert not is_green(project), "there is nothing to repair"
    task = f"Repair {project}/total.py, then run `python3 test_total.py`: its test fails."
    try:
        yield agents.Place(PROGRAMS, home, project, server_url, KEY, model, context_tokens, task)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def repairs(agent):
    with gateway() as server, project_of(server.url, "tiny", CONTEXT_TOKENS) as place:
        command, variables = agent(place)
        code, output = run_agent(place, command, variables, AGENT_TIMEOUT_S)
        told = f"exit {code}\n{output[-3000:]}\nanswers: {server.answers()}\nrefused: {server.refusals()}"
        assert code == 0 and is_green(place.project), told
        assert DONE in output, "its last words are not told: " + told
        assert not server.refusals(), "requests were refused: " + told
        assert STEPS <= len(server.answers()) <= MOST_REQUESTS, told


def repairs_with(model_file, words):
    """Agents over a real model, each once: how often the test is green at the end is reported, and gates nothing."""
    if not IS_ALONE:
        print("skipped: what a model makes an agent do is not confined here\n0 passed, 0 failed, 1 skipped")
        return
    green = 0
    chosen = [agent for agent in ALL if not words or any(word in agent.__name__ for word in words)]
    for agent in chosen:
        with Server(models=[model_file], key=KEY) as server, project_of(server.url, server.models[0], REAL_CONTEXT_TOKENS) as place:
            command, variables = agent(place)
            began = time.monotonic()
            code, output = run_agent(place, command, variables, REAL_TIMEOUT_S)
            is_right = is_green(place.project)
            green += is_right
            requests, refusals = requests_of(server.log_path)
            print(f"{agent.__name__}: {'green' if is_right else 'not green'} after {time.monotonic() - began:.0f} s, exit {code}, "
                  f"{requests} requests, refused {refusals}; its last words: {output.strip()[-300:]!r}", flush=True)
    print(f"{os.path.basename(model_file)}: {green} of {len(chosen)} repaired")


def test_qwen_code():
    repairs(agents.qwen_code)


def test_opencode():
    repairs(agents.opencode)


def test_claude_code():
    repairs(agents.claude_code)


def test_codex():
    repairs(agents.codex)


if __name__ == "__main__":
    try:
        leave_network()
        IS_ALONE = True
    except OSError as reason:
        IS_ALONE = False
        print(f"{reason}; agents get a closed proxy instead")
    if sys.argv[1:2] == ["--real"]:
        sys.exit(repairs_with(sys.argv[2], sys.argv[3:]))
    sys.exit(run_cases(globals()))
