"""Each agent repairs a project, alone with the gateway: its test is green at the end, and not one request was refused.

Usage: run.sh [WORD...]. Prints what an agent did where it fails.
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

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../lib"))
import agents  # noqa: E402
from no_network import leave_network  # noqa: E402
from patience import PATIENCE  # noqa: E402
from player import DONE  # noqa: E402
from run_cases import run_cases  # noqa: E402
from server import BUILD, ROOT, START_TIMEOUT_S, stop_process  # noqa: E402

MODEL_FILE = os.path.join(ROOT, "catalogue/builtin/tiny-qwen3.gguf")
PROGRAMS = os.path.join(ROOT, "build/agents/node_modules")
KEY = "sk-agents"
AGENT_TIMEOUT_S = 150 * PATIENCE  # each takes 5 s on an idle machine
STEPS = 4                         # read, edit, test, done
MOST_REQUESTS = 2 * STEPS         # with a title, a summary and the like
CLOSED = "http://127.0.0.1:9"     # a proxy that is not there, where no network can be left


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
        """[(method, route, status)] of what was not answered."""
        entries = [json.loads(line) for line in self.log().splitlines() if line.startswith("{")]
        return [(entry["method"], entry["route"], entry["status"]) for entry in entries
                if entry["event"] == "http.request" and entry["status"] >= 400]

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
    closed = {name: CLOSED for name in ("https_proxy", "HTTPS_PROXY")} if not IS_ALONE else {}
    return {"PATH": os.environ["PATH"], "HOME": home, "LANG": "C.UTF-8", "NO_COLOR": "1", **closed, **variables}


def run_agent(command, project, variables):
    """(exit code, output); its whole process group ends with it."""
    process = subprocess.Popen(command, cwd=project, env=variables, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, start_new_session=True)
    timer = threading.Timer(AGENT_TIMEOUT_S, os.killpg, (process.pid, signal.SIGKILL))
    timer.start()
    output = process.communicate()[0].decode(errors="replace")
    timer.cancel()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    return process.returncode, output


def is_green(project):
    return subprocess.run([sys.executable, "test_total.py"], cwd=project, capture_output=True, check=False).returncode == 0


def repairs(agent):
    home = tempfile.mkdtemp(prefix="studio-agent-home-")
    project = os.path.join(home, "project")
    shutil.copytree(os.path.join(HERE, "project"), project)
    assert not is_green(project), "there is nothing to repair"
    try:
        with gateway() as server:
            task = f"Repair {project}/total.py, then run `python3 test_total.py`: its test fails."
            place = agents.Place(PROGRAMS, home, project, server.url, KEY, "tiny", task)
            command, variables = agent(place)
            code, output = run_agent(command, project, environment(home, variables))
            told = f"exit {code}\n{output[-3000:]}\nanswers: {server.answers()}\nrefused: {server.refusals()}"
            assert code == 0 and is_green(project), told
            assert DONE in output, "its last words are not told: " + told
            assert not server.refusals(), "requests were refused: " + told
            assert STEPS <= len(server.answers()) <= MOST_REQUESTS, told
    finally:
        shutil.rmtree(home, ignore_errors=True)


def test_qwen_code():
    repairs(agents.qwen_code)


def test_opencode():
    repairs(agents.opencode)


def test_claude_code():
    repairs(agents.claude_code)


if __name__ == "__main__":
    try:
        leave_network()
        IS_ALONE = True
    except OSError as reason:
        IS_ALONE = False
        print(f"{reason}; agents get a closed proxy instead")
    sys.exit(run_cases(globals()))
