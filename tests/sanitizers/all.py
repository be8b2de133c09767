#!/usr/bin/env python3
"""`make test-sanitizers`: everything that runs our code, under the sanitizers. Usage: tests/sanitizers/all.py [asan|tsan] [STEP...]

asan is the address and undefined-behaviour sanitizers with leaks, tsan the thread sanitizer; both optimised, with the kernels
instrumented, and without a suppression file. Steps, in order:
  unit      every C++ test
  replay    every reader on its kept inputs
  suites    the suites of tests/suites.toml marked sanitized, against a sanitized `studio`
  model     20 requests to a real model on each kernel set that the processor has
  planted   a planted overflow (asan) and race (tsan) are caught
What is left out is printed with its reason. A report of a sanitizer anywhere is a failure, in whichever process it was.
"""
import concurrent.futures
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(HERE, "../lib"), os.path.join(HERE, "..")]
import run as suites_runner  # noqa: E402
from planted_copy import COPY, CannotPlant, copy_sources, planted  # noqa: E402

PRESETS = {"asan": "asan-full", "tsan": "tsan-full"}
MINUTES = 45           # for each kind on two idle cores; told, and more is told too
UNIT_S = 1200          # of one test program
SUITE_FACTOR = 4       # a sanitized program takes as much longer
SIDE_BY_SIDE = 2
MODEL = "smollm2-135m-instruct"
REQUESTS = 20
KERNEL_SETS = ["scalar", "avx2", "avx512", "amx"]
REPORT = re.compile(r"(ERROR|WARNING): (Address|Leak|Thread|Memory)Sanitizer|runtime error:")
# Each a text of a source file, put in another's place in a copy; the named test must end with the named report.
PLANTED = {
    "asan": ("an overflow", "studio_engine_formats_test", "heap-buffer-overflow",
             {"file": "src/engine/formats/byte_reader.h", "is": "if (!end || *end > limit) return std::nullopt;",
              "becomes": "if (!end) return std::nullopt;"}),
    "tsan": ("a race", "studio_base_test", "data race",
             {"file": "src/base/thread_pool.cc", "is": "  work(loop, 0);\n  wait_until_finished();", "becomes": "  work(loop, 0);"}),
}

passed = failed = 0


def expect(is_right, what):
    global passed, failed
    passed, failed = passed + bool(is_right), failed + (not is_right)
    print(f"{'ok     ' if is_right else 'FAILED '} {what}", flush=True)
    return is_right


def left_out(what, why):
    print(f"left out: {what}: {why}", flush=True)


class Kind:
    def __init__(self, name):
        self.name, self.preset = name, PRESETS[name]
        self.build = os.path.join(ROOT, "build", self.preset)
        self.reports = os.path.join(ROOT, "build", f"{name}-reports")
        shutil.rmtree(self.reports, ignore_errors=True)
        os.makedirs(self.reports)

    def environment(self, step, **more):
        """Reports go to files, so that those of a worker, a gateway and a test are all seen."""
        common = f"log_path={self.reports}/{step}:halt_on_error=1"
        return {**os.environ, "ASAN_OPTIONS": common + ":detect_leaks=1:strict_string_checks=1:allocator_may_return_null=1",
                "UBSAN_OPTIONS": f"print_stacktrace=1:log_path={self.reports}/{step}", "TSAN_OPTIONS": common + ":second_deadlock_stack=1",
                "ASAN_SYMBOLIZER_PATH": "/usr/bin/llvm-symbolizer-19", "TSAN_SYMBOLIZER_PATH": "/usr/bin/llvm-symbolizer-19",
                "STUDIO_BUILD": self.build, **more}

    def expect_no_reports(self, step):
        found = sorted(glob.glob(os.path.join(self.reports, step + ".*")))
        for path in found[:3]:
            with open(path, encoding="utf-8", errors="replace") as file:
                print("\n".join("    " + line.rstrip() for line in file.readlines()[:40]))
        expect(not found, f"{self.name} {step}: {len(found)} reports")

    def make(self, targets=(), root=ROOT, preset=None):
        """Builds; an empty text, or the end of the log."""
        preset = preset or self.preset
        env = {**os.environ, "CCACHE_NOHASHDIR": "1", "CCACHE_BASEDIR": root}
        log_path = os.path.join(ROOT, "build", f"{self.name}-all-build.log")
        with open(log_path, "wb") as log:
            for command in (["cmake", "--preset", preset],
                            ["cmake", "--build", "--preset", preset, *(["--target", *targets] if targets else [])]):
                if subprocess.run(command, cwd=root, env=env, stdout=log, stderr=subprocess.STDOUT, check=False).returncode != 0:
                    with open(log_path, encoding="utf-8", errors="replace") as text:
                        return "".join(text.readlines()[-30:])
        return ""

    def programs(self, pattern):
        found = (path for part in ("src", "tests") for path in glob.glob(os.path.join(self.build, part, "**", pattern), recursive=True))
        return sorted(path for path in found if os.path.isfile(path) and os.access(path, os.X_OK))


def run_logged(command, log_path, env, timeout_s):
    with open(log_path, "wb") as log:
        try:
            code = subprocess.run(command, cwd=ROOT, env=env, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                  timeout=timeout_s, check=False, shell=isinstance(command, str)).returncode
        except subprocess.TimeoutExpired:
            code = -1
    with open(log_path, encoding="utf-8", errors="replace") as log:
        return code, log.read()


def side_by_side(work, items):
    with concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        yield from pool.map(work, items)


def unit(kind, _):
    env = kind.environment("unit")
    env.pop("STUDIO_MODELS", None)
    left_out("unit tests on real weights", "the built-in model and random ones run the same code; the step `model` takes real weights")

    def one(program):
        code, text = run_logged([program, "--gtest_brief=0"], os.path.join(kind.build, os.path.basename(program) + ".log"), env, UNIT_S)
        return os.path.basename(program), code, suites_runner.counts_of_gtest(code, text), text

    for name, code, counts, text in side_by_side(one, kind.programs("*_test")):
        if not expect(code == 0, f"{kind.name} {name}: {counts}"):
            print("\n".join("    " + line for line in text.splitlines()[-30:]))
        for skipped in re.findall(r"\[  SKIPPED \] (\S+) \(", text):
            left_out(skipped, "it says so itself: " + " ".join(re.findall(r"Skipped\n(.+)", text)[:1]))
    kind.expect_no_reports("unit")


def replay(kind, _):
    env = kind.environment("replay")

    def one(program):
        target = os.path.basename(program)
        return target, *run_logged([program, "-runs=0", os.path.join(ROOT, "tests/fuzz/corpus", target)],
                                   os.path.join(kind.build, target + ".log"), env, UNIT_S)

    for target, code, text in side_by_side(one, kind.programs("*_fuzz")):
        if not expect(code == 0, f"{kind.name} {target}: its kept inputs"):
            print("\n".join("    " + line for line in text.splitlines()[-20:]))
    kind.expect_no_reports("replay")


def suites(kind, models):
    with open(os.path.join(ROOT, "tests/suites.toml"), "rb") as file:
        listed = tomllib.load(file)["suite"]
    for suite in listed:
        name = suite["name"]
        if not suite.get("sanitized"):
            left_out("suite " + name, suite.get("not_sanitized", "tests/suites.toml does not mark it sanitized"))
            continue
        env = kind.environment(name, **({"STUDIO_MODELS": models} if models else {}))
        started = time.monotonic()
        code, text = run_logged(suite["command"], os.path.join(kind.build, f"suite-{name}.log"), env, SUITE_FACTOR * suite["timeout_s"])
        counts = suites_runner.counts_of_script(code, text)
        if not expect(code == 0 and not counts.failed, f"{kind.name} suite {name}: {counts} ({time.monotonic() - started:.0f} s)"):
            print("\n".join("    " + line for line in text.splitlines()[-60:]))
        kind.expect_no_reports(name)


def ask(server, index):
    body = {"model": server.models[0] if isinstance(server.models[0], str) else server.models[0]["id"],
            "messages": [{"role": "user", "content": f"Name {index + 2} rivers."}], "max_tokens": 3, "temperature": 0.8, "seed": index,
            "logprobs": index % 2 == 0}
    request = urllib.request.Request(server.url + "/v1/chat/completions", json.dumps(body).encode(),
                                     {"Authorization": f"Bearer {server.key}", "Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=600) as answer:
        return json.load(answer)["choices"][0]["message"]["content"]


def model(kind, models):
    path = os.path.join(models or "", MODEL + ".gguf")
    if not os.path.exists(path):
        left_out(f"{REQUESTS} requests on {MODEL}", "the model cannot be had here")
        return
    os.environ["STUDIO_BUILD"] = kind.build
    import server as server_module  # reads STUDIO_BUILD
    server_module.BUILD = kind.build
    server_module.START_TIMEOUT_S = 900
    first = None
    for name in KERNEL_SETS:
        started = time.monotonic()
        env = kind.environment("model-" + name)
        try:
            with server_module.Server(models=[path], extra=["--kernels", name], env=env) as server:
                with concurrent.futures.ThreadPoolExecutor(4) as pool:
                    answers = list(pool.map(lambda index: ask(server, index), range(REQUESTS)))
                code = server.stop()
        except RuntimeError as reason:
            obstacle = re.search(r"this machine cannot run the [^;]+", str(reason).replace('\\"', '"'))
            if not obstacle:
                raise
            left_out(f"{MODEL} on {name}", obstacle.group(0))
            continue
        first = first or answers
        expect(code == 0 and answers == first, f"{kind.name} model: {REQUESTS} requests on {name}, the same answers from each set "
                                               f"({time.monotonic() - started:.0f} s)")
        kind.expect_no_reports("model-" + name)
    expect(first is not None, f"{kind.name} model: at least the plain kernels run")


def plant(kind, _):
    what, program, report, bug = PLANTED[kind.name]
    copy_sources()
    try:
        with planted(bug):
            fault = kind.make([program], COPY, kind.name)
            if fault:
                expect(False, f"{kind.name} planted: it does not compile\n{fault}")
                return
            path = next(os.path.join(folder, program) for folder, _, names in os.walk(os.path.join(COPY, "build", kind.name, "src"))
                        if program in names)
            # Here the report is wanted, and on the program's own output.
            env = {**os.environ, "ASAN_OPTIONS": "halt_on_error=1", "TSAN_OPTIONS": "halt_on_error=1"}
            code, text = run_logged([path, "--gtest_brief=1"], os.path.join(ROOT, "build", f"{kind.name}-planted.log"), env, UNIT_S)
    except CannotPlant as reason:
        expect(False, f"{kind.name} planted: {reason}")
        return
    line = next((line for line in text.splitlines() if REPORT.search(line)), "no report")
    expect(code != 0 and report in text, f"{kind.name} planted: {what} in {bug['file']} is caught: {line.strip()}")


STEPS = {"unit": unit, "replay": replay, "suites": suites, "model": model, "planted": plant}


def main():
    words = sys.argv[1:]
    kinds = [word for word in words if word in PRESETS] or list(PRESETS)
    steps = [word for word in words if word in STEPS] or list(STEPS)
    unknown = set(words) - set(PRESETS) - set(STEPS)
    if unknown:
        print(__doc__, file=sys.stderr)
        return 2
    models = suites_runner.fetch_models() if {"suites", "model"} & set(steps) else None
    for name in kinds:
        kind = Kind(name)
        started = time.monotonic()
        fault = kind.make()
        if not expect(not fault, f"{name}: everything builds ({time.monotonic() - started:.0f} s)"):
            print(fault)
            continue
        for step in steps:
            began = time.monotonic()
            STEPS[step](kind, models)
            print(f"{name} {step}: {time.monotonic() - began:.0f} s", flush=True)
        took = (time.monotonic() - started) / 60
        print(f"{name}: {took:.1f} minutes of {MINUTES}" + ("" if took <= MINUTES else ": too long, on two idle cores"), flush=True)
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
