#!/usr/bin/env python3
"""`make test-sanitizers`: everything that runs our code, under the sanitizers. Usage: tests/sanitizers/all.py [asan|tsan] [STEP...]

asan is the address and undefined-behaviour sanitizers with leaks, tsan the thread sanitizer; both optimised, with the kernels
instrumented, and without a suppression file. Steps, in order:
  unit      every C++ test
  replay    every reader on its kept inputs
  suites    the suites of tests/suites.toml marked sanitized (transcripts, kills, abuses), against a sanitized `studio`
  kernels   on each kernel set that the processor has: every transcript, and 20 requests to a real model
  planted   a planted overflow (asan) and race (tsan) are caught
What is left out is printed with its reason. A report of a sanitizer anywhere is a failure, in whichever process it was.
"""
import concurrent.futures
import glob
import json
import os
import re
import resource
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
import server as server_module  # noqa: E402
from planted_copy import COPY, CannotPlant, copy_sources, planted  # noqa: E402

PRESETS = {"asan": "asan-full", "tsan": "tsan-full"}
MINUTES = 45           # for each kind on two cores, the build included; judged where the run has them for itself
UNIT_S = 1200          # of one test program
PATIENCE = 4           # a sanitized program takes as much longer: the factor of every bound in time
SIDE_BY_SIDE = 2
MODEL = "smollm2-135m-instruct"
REQUESTS, CLIENTS = 20, 4
ANSWER_S = 900         # of one answer of a real model, and of its start
KERNEL_SETS = ["scalar", "avx2", "avx512", "amx"]
SYMBOLIZER = "/usr/bin/llvm-symbolizer-19"
# Each a text of a source file, put in another's place in a copy; the named test must end with the named report.
PLANTED = {
    "asan": ("an overflow", "studio_engine_formats_test", "heap-buffer-overflow",
             {"file": "src/engine/formats/block_codec.cc", "is": "for (size_t i = 0; i < n; ++i) dst[i] = f16_to_f32",
              "becomes": "for (size_t i = 0; i < n + (n > 0); ++i) dst[i] = f16_to_f32"}),
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
        self.reports, self.logs = (os.path.join(ROOT, "build", f"{name}-{what}") for what in ("reports", "logs"))
        for folder in (self.reports, self.logs):
            shutil.rmtree(folder, ignore_errors=True)
            os.makedirs(folder)

    def environment(self, step, **more):
        """Reports go to files, so that those of a worker, a gateway and a test are all seen."""
        common = f"log_path={self.reports}/{step}:halt_on_error=1"
        return {**os.environ, "ASAN_OPTIONS": common + ":detect_leaks=1:strict_string_checks=1:allocator_may_return_null=1",
                "UBSAN_OPTIONS": f"print_stacktrace=1:log_path={self.reports}/{step}", "TSAN_OPTIONS": common + ":second_deadlock_stack=1",
                "ASAN_SYMBOLIZER_PATH": SYMBOLIZER, "TSAN_SYMBOLIZER_PATH": SYMBOLIZER, "STUDIO_BUILD": self.build,
                "STUDIO_TEST_PATIENCE": str(PATIENCE), **more}

    def reports_of(self, step):
        texts = []
        for path in sorted(glob.glob(os.path.join(self.reports, step + ".*"))):
            with open(path, encoding="utf-8", errors="replace") as file:
                texts.append(file.read())
        return texts

    def expect_no_reports(self, step):
        found = self.reports_of(step)
        for text in found[:3]:
            print("\n".join("    " + line for line in text.splitlines()[:40]))
        expect(not found, f"{self.name} {step}: {len(found)} reports")

    def run(self, command, name, env, timeout_s):
        suites_runner.LOGS = self.logs
        return suites_runner.run_logged(command, name, timeout_s, env)

    def make(self, targets=(), root=ROOT):
        """Builds; an empty text, or the end of the log."""
        env = {**os.environ, "CCACHE_NOHASHDIR": "1", "CCACHE_BASEDIR": root}
        log_path = os.path.join(self.logs, "build.log" if root == ROOT else "build-planted.log")
        with open(log_path, "wb") as log:
            for command in (["cmake", "--preset", self.preset],
                            ["cmake", "--build", "--preset", self.preset, *(["--target", *targets] if targets else [])]):
                if subprocess.run(command, cwd=root, env=env, stdout=log, stderr=subprocess.STDOUT, check=False).returncode != 0:
                    with open(log_path, encoding="utf-8", errors="replace") as text:
                        return "".join(text.readlines()[-30:])
        return ""


def programs(build, pattern):
    found = (path for part in ("src", "tests") for path in glob.glob(os.path.join(build, part, "**", pattern), recursive=True))
    return sorted(path for path in found if os.path.isfile(path) and os.access(path, os.X_OK))


def side_by_side(work, items):
    with concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        yield from pool.map(work, items)


def tell_end(text, lines):
    print("\n".join("    " + line for line in text.splitlines()[-lines:]))


def tell_conditional_source():
    """What our own source does otherwise in a sanitized build; the line below the condition says why."""
    listed = subprocess.run(["git", "grep", "-n", "-A1", "if.*STUDIO_SANITIZED", "--", "*.cc", "*.h"], cwd=ROOT, capture_output=True, text=True,
                            check=True).stdout
    for entry in listed.split("--\n"):
        place, below = entry.splitlines()[0].rsplit(":", 1)[0], entry.splitlines()[1]
        if "// " in below:
            left_out(place, below.rpartition("// ")[2])
        elif "GTEST_SKIP" not in below:
            expect(False, f"{place} does not say what differs in a sanitized build")


def unit(kind, _):
    env = kind.environment("unit")
    env.pop("STUDIO_MODELS", None)
    left_out("unit tests on real weights", "the built-in model and random ones run the same code; the step kernels takes real weights")
    tell_conditional_source()

    def one(program):
        name = os.path.basename(program)
        return name, *kind.run([program, "--gtest_brief=0"], name, env, UNIT_S)

    for name, code, text in side_by_side(one, programs(kind.build, "*_test")):
        if not expect(code == 0, f"{kind.name} {name}: {suites_runner.counts_of_gtest(code, text)}"):
            tell_end(text, 30)
        for reason, skipped in re.findall(r"Skipped\n(.+)\n+\[  SKIPPED \] (\S+) \(", text):
            left_out(skipped, reason)
    kind.expect_no_reports("unit")


def replay(kind, _):
    env = kind.environment("replay")

    def one(program):
        name = os.path.basename(program)
        return name, *kind.run([program, "-runs=0", os.path.join(ROOT, "tests/fuzz/corpus", name)], name, env, UNIT_S)

    for name, code, text in side_by_side(one, programs(kind.build, "*_fuzz")):
        if not expect(code == 0, f"{kind.name} {name}: its kept inputs"):
            tell_end(text, 20)
    kind.expect_no_reports("replay")


def listed_suites():
    with open(os.path.join(ROOT, "tests/suites.toml"), "rb") as file:
        return tomllib.load(file)["suite"]


def run_suite(kind, suite, models, step, **more):
    command = suite["command"] if suite["sanitized"] is True else suite["sanitized"]
    env = kind.environment(step, **({"STUDIO_MODELS": models} if models else {}), **more)
    started = time.monotonic()
    code, text = kind.run(command, step, env, PATIENCE * suite["timeout_s"])
    counts = suites_runner.counts_of_script(code, text)
    if not expect(code == 0 and not counts.failed, f"{kind.name} suite {step}: {counts} ({time.monotonic() - started:.0f} s)"):
        tell_end(text, 60)
    kind.expect_no_reports(step)


def suites(kind, models):
    for suite in listed_suites():
        name, is_run, reason = suite["name"], suite.get("sanitized"), suite.get("not_sanitized")
        if not is_run and not reason:
            expect(False, f"suite {name} is not sanitized, and tests/suites.toml does not say why")
        if reason:
            left_out(f"of suite {name}" if is_run else f"suite {name}", reason)
        if is_run and "show" in suite:
            left_out(f"the long form of suite {name}", "the slice of make test has every case, fewer times; the long one takes too long here")
        if is_run:
            run_suite(kind, suite, models, name)


def ask(server, index):
    body = {"model": server.models[0], "messages": [{"role": "user", "content": f"Name {index + 2} rivers."}], "max_tokens": 3,
            "temperature": 0.8, "seed": index, "logprobs": index % 2 == 0}
    request = urllib.request.Request(server.url + "/v1/chat/completions", json.dumps(body).encode(),
                                     {"Authorization": f"Bearer {server.key}", "Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=ANSWER_S) as answer:
        return json.load(answer)["choices"]


def obstacle(kernel_set, env):
    """Why the processor cannot run them, or nothing."""
    try:
        with server_module.Server(extra=["--kernels", kernel_set], env=env):
            return ""
    except RuntimeError as reason:
        found = re.search(r"this machine cannot run the [^;]+", str(reason).replace('\\"', '"'))
        if not found:
            raise
        return found.group(0)


def kernels(kind, models):
    path = os.path.join(models or "", MODEL + ".gguf")
    has_model = expect(os.path.exists(path), f"{MODEL} is here")
    server_module.BUILD, server_module.START_TIMEOUT_S = kind.build, ANSWER_S
    transcripts = next(suite for suite in listed_suites() if suite["name"] == "api")
    first = None
    for name in KERNEL_SETS:
        started, step = time.monotonic(), "kernels-" + name
        env = kind.environment(step)
        if why := obstacle(name, env):
            left_out("kernels " + name, why)
            continue
        run_suite(kind, transcripts, models, "api-" + name, STUDIO_ENGINE_KERNELS=name)
        if has_model:
            with server_module.Server(models=[path], extra=["--kernels", name], env=env) as server:
                with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
                    answers = list(pool.map(lambda index, at=server: ask(at, index), range(REQUESTS)))
                code = server.stop()
            first = first or answers
            expect(code == 0 and answers == first, f"{kind.name} {MODEL}: {REQUESTS} requests on {name}, the same answers from each set "
                                                   f"({time.monotonic() - started:.0f} s)")
        kind.expect_no_reports(step)


def plant(kind, _):
    what, program, report, bug = PLANTED[kind.name]
    copy_sources()
    try:
        with planted(bug):
            fault = kind.make([program], COPY)
            if fault:
                expect(False, f"{kind.name} planted: it does not compile\n{fault}")
                return
            path = programs(os.path.join(COPY, "build", kind.preset), program)[0]
            code, _ = kind.run([path, "--gtest_brief=1"], "planted", kind.environment("planted"), UNIT_S)
    except CannotPlant as reason:
        expect(False, f"{kind.name} planted: {reason}")
        return
    # Where every other step looks for what it must not find.
    lines = [line.strip() for text in kind.reports_of("planted") for line in text.splitlines() if report in line]
    expect(code != 0 and lines, f"{kind.name} planted: {what} in {bug['file']} is caught: {lines[0] if lines else 'no report'}")


STEPS = {"unit": unit, "replay": replay, "suites": suites, "kernels": kernels, "planted": plant}


def processor_s():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def judge_time(name, took_s, used_s):
    told = f"{name}: {took_s / 60:.1f} minutes of {MINUTES}, {used_s / 60:.1f} of processor time"
    if os.nice(0) > 0 or os.sched_getscheduler(0) == os.SCHED_IDLE:
        print(told + "; on leftover processor time, so not judged", flush=True)
    else:
        expect(took_s <= 60 * MINUTES, told)


def main():
    words = sys.argv[1:]
    kinds = [word for word in words if word in PRESETS] or list(PRESETS)
    steps = [word for word in words if word in STEPS] or list(STEPS)
    if set(words) - set(PRESETS) - set(STEPS):
        print(__doc__, file=sys.stderr)
        return 2
    models = suites_runner.fetch_models() if {"suites", "kernels"} & set(steps) else None
    for name in kinds:
        kind = Kind(name)
        started, used = time.monotonic(), processor_s()
        fault = kind.make()
        if not expect(not fault, f"{name}: everything builds ({time.monotonic() - started:.0f} s)"):
            print(fault)
            continue
        for step in steps:
            began, before = time.monotonic(), processor_s()
            STEPS[step](kind, models)
            print(f"{name} {step}: {time.monotonic() - began:.0f} s, {processor_s() - before:.0f} s of processor time", flush=True)
        judge_time(name, time.monotonic() - started, processor_s() - used)
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
