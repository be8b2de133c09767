#!/usr/bin/env python3
"""From nothing to an answer: a fresh Debian root that holds git, make and ca-certificates, a clean clone, `make run`, and
the curl line it prints, pasted. Then a second `make run`, and one with every network cut off.

Usage: tests/fresh_root/show.py [--keep DIR] [--make-test]
--keep DIR:   make the root there and leave it; one that is there already is used, with a clean clone
--make-test:  end with `make test` inside, with skipped tests as failures
Needs root, debootstrap (installed if missing) and the registries.
"""
import os
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
OWN_NAMESPACES = ["unshare", "--mount", "--pid", "--mount-proc", "--fork", "--kill-child"]  # mounts and processes end with this program
CLONE = "/root/studio"
FIRST_RUN_TIMEOUT_S, LATER_RUN_TIMEOUT_S = 3600, 120
SECOND_RUN_LIMIT_S = 5.0
DEFAULT_MODEL, BUILTIN_MODEL = "qwen2.5-coder-0.5b-instruct", "tiny"
STAGES = ("studio: install", "studio: build", "download", "Ready after")

sys.path.insert(0, HERE)
from fresh_root import FreshRoot  # noqa: E402
from make_run import MakeRun, text_of  # noqa: E402

passed = failed = 0


def check(is_right, what):
    global passed, failed
    passed, failed = passed + bool(is_right), failed + (not is_right)
    print(f"{'ok' if is_right else 'FAILED':7} {what}", flush=True)


def enter_namespaces():
    """Runs this program again in namespaces of its own. Returns its exit code, or None inside."""
    if os.environ.get("STUDIO_FRESH_ROOT") == "inside":
        return None
    if os.getuid() != 0:
        print("a fresh root needs root to be made; 0 passed, 0 failed, 1 skipped")
        return 0
    if not shutil.which("debootstrap"):
        subprocess.run(["apt-get", "install", "-y", "-qq", "debootstrap"], stdout=subprocess.DEVNULL, check=True)
    return subprocess.run([*OWN_NAMESPACES, sys.executable, *sys.argv], env=dict(os.environ, STUDIO_FRESH_ROOT="inside"),
                          check=False).returncode


def make_root(folder):
    began = time.monotonic()
    root = FreshRoot(folder)
    if not os.path.exists(os.path.join(folder, "usr/bin/git")):
        root.make()
    root.mount()
    root.carry_configuration()
    for rest in (CLONE, "/root/.local/share/studio"):
        shutil.rmtree(folder + rest, ignore_errors=True)
    subprocess.run(["git", "clone", "-q", "--no-local", ROOT, folder + CLONE], check=True)
    print(f"a fresh root and a clean clone: {time.monotonic() - began:.1f} s", flush=True)
    return root


def print_line(seconds, line):
    print(f"    {seconds:7.1f} s | {line}", flush=True)


def make_run(root, title, timeout_s, before=()):
    """Starts, pastes, stops. Returns (seconds to the curl line, seconds to the answer, the answer, all it printed)."""
    print(f"--- {title}", flush=True)
    inside = ["chroot", root.folder]
    with MakeRun(["make", "-C", CLONE, "run"], env=root.env, inside=[*before, *inside], on_line=print_line) as run:
        ready = run.wait_until_ready(timeout_s)
        # Later commands share the namespaces of the first, where they are others than ours.
        run.inside = [*(["nsenter", "--net", f"--target={run.process.pid}"] if before else []), *inside]
        answer = run.paste()
        answered = run.seconds()
        first_token = run.first_token()
        page = run.page()
        text = run.text()
        stopped = run.stop()
    print(f"    the pasted line answers: {text_of(answer)!r}")
    print(f"    curl line {ready:.1f} s, whole answer {answered:.1f} s after `make run`; a first token {first_token * 1000:.0f} ms "
          f"after asking; gone {stopped:.1f} s after Ctrl-C", flush=True)
    check('<script type="module"' in page, "its address shows the console")
    return answered, answer, text


def show(root):
    answered, answer, text = make_run(root, "make run, from nothing", FIRST_RUN_TIMEOUT_S)
    check(answer["model"] == DEFAULT_MODEL and text_of(answer).strip(), f"from nothing to an answer of {DEFAULT_MODEL}: {answered:.0f} s")
    check(all(stage in text for stage in STAGES), "the times of install, build and fetch are told")

    answered, answer, _ = make_run(root, "make run, again", LATER_RUN_TIMEOUT_S)
    check(answer["model"] == DEFAULT_MODEL and answered < SECOND_RUN_LIMIT_S, f"a second make run answers in {answered:.1f} s, under 5 s")

    shutil.rmtree(root.folder + "/root/.local/share/studio")
    shutil.rmtree(root.folder + "/root/.cache/studio/wheels", ignore_errors=True)
    cut_off = [sys.executable, os.path.join(ROOT, "tests/lib/no_network.py")]
    answered, answer, text = make_run(root, "make run, no model here and the registries cut off", LATER_RUN_TIMEOUT_S, before=cut_off)
    check("The default model cannot be had now" in text and "built-in model" in text, "it says that the model cannot be had")
    check(answer["model"] == BUILTIN_MODEL and text_of(answer).strip(), f"the built-in model answers after {answered:.1f} s")


def make_test(root):
    print("--- make test, from the clean clone", flush=True)
    began = time.monotonic()
    done = subprocess.run(["chroot", root.folder, "make", "-C", CLONE, "test"], env=dict(root.env, STUDIO_SKIP_IS_FAILURE="1"), check=False)
    check(done.returncode == 0, f"make test is green, nothing skipped: {(time.monotonic() - began) / 60:.1f} min")


def main():
    code = enter_namespaces()
    if code is not None:
        return code
    kept = sys.argv[sys.argv.index("--keep") + 1] if "--keep" in sys.argv else None
    folder = kept or tempfile.mkdtemp(prefix="studio-root-", dir="/var/tmp")
    try:
        root = make_root(os.path.abspath(folder))
        show(root)
        if "--make-test" in sys.argv:
            make_test(root)
    finally:
        if not kept:
            for place in ("tmp", "dev/shm", "dev/pts", "sys", "proc", ""):
                subprocess.run(["umount", "--lazy", os.path.join(folder, place)], stderr=subprocess.DEVNULL, check=False)
            shutil.rmtree(folder, ignore_errors=True)
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
