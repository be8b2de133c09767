"""What the scripts of this folder share: the table of readers, builds, and one run of one target."""
import concurrent.futures
import os
import re
import subprocess
import sys
import tomllib

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(HERE, "../lib"))
from planted_copy import times_there  # noqa: E402

SIDE_BY_SIDE = 2  # targets at once: the machines have two cores
# What libFuzzer writes on its own: the input's digest. Kept inputs have names that tell what they hold.
DIGEST_NAME = re.compile(r"[0-9a-f]{40}")
SYMBOLIZER = "/usr/bin/llvm-symbolizer-19"


def load():
    with open(os.path.join(HERE, "readers.toml"), "rb") as file:
        return tomllib.load(file)["reader"]


def chosen(readers, names):
    """The readers called by name or by target; all without names."""
    unknown = [n for n in names if not any(n == r["name"] or n in r["targets"] for r in readers)]
    if unknown:
        raise SystemExit(f"no such reader or target: {', '.join(unknown)}; tests/fuzz/readers.toml lists them")
    return [r for r in readers if not names or r["name"] in names or set(names) & set(r["targets"])]


def targets_of(readers):
    return list(dict.fromkeys(target for reader in readers for target in reader["targets"]))


def build(preset, targets, root=ROOT, log_name=None):
    """Configures and builds; returns the end of the log where that fails, else an empty text."""
    log_path = os.path.join(ROOT, "build", log_name or f"{preset}-fuzz-build.log")
    os.makedirs(os.path.dirname(log_path), exist_ok=True)
    # The same source, the same object, wherever the tree lies.
    env = dict(os.environ, CCACHE_NOHASHDIR="1", CCACHE_BASEDIR=root)
    with open(log_path, "wb") as log:
        for command in (["cmake", "--preset", preset], ["cmake", "--build", "--preset", preset, "--target", *targets]):
            if subprocess.run(command, cwd=root, env=env, stdout=log, stderr=subprocess.STDOUT, check=False).returncode != 0:
                with open(log_path, encoding="utf-8", errors="replace") as text:
                    return "".join(text.readlines()[-30:])
    return ""


def program(target, preset, root=ROOT):
    for folder, _, names in os.walk(os.path.join(root, "build", preset, "src")):
        if target in names:
            return os.path.join(folder, target)
    raise SystemExit(f"{target} was not built")


def corpus(target):
    return os.path.join(HERE, "corpus", target)


def command_of(path, target, folders, limits):
    """folders: the first takes what is found; the kept corpus comes last and is only read."""
    words = os.path.join(HERE, target + ".dict")
    return [path, *limits, "-timeout=10", "-rss_limit_mb=4096", "-max_len=65536", "-print_final_stats=1",
            *([f"-dict={words}"] if os.path.exists(words) else []), *folders, corpus(target)]


def environment(**more):
    return dict(os.environ, ASAN_OPTIONS="detect_leaks=1:allocator_may_return_null=1", UBSAN_OPTIONS="print_stacktrace=1",
                ASAN_SYMBOLIZER_PATH=SYMBOLIZER, **more)


def side_by_side(work, items):
    with concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        yield from pool.map(work, items)


def faults_of_table(readers):
    """A target without an entry, an entry without a target, seeds without a telling name, a bug that can no longer be planted."""
    faults = []
    sources = subprocess.run(["find", "src", "-name", "*_fuzz.cc"], cwd=ROOT, capture_output=True, text=True, check=True)
    found = {os.path.basename(path)[:-3] for path in sources.stdout.split()}
    listed = set(targets_of(readers))
    faults += [f"{target} is in no entry of readers.toml" for target in sorted(found - listed)]
    faults += [f"{target} of readers.toml has no source" for target in sorted(listed - found)]
    for target in sorted(listed):
        names = os.listdir(corpus(target)) if os.path.isdir(corpus(target)) else []
        if not names:
            faults.append(f"{target} has no seeds in tests/fuzz/corpus")
        faults += [f"corpus/{target}/{name}: a digest tells nobody what the input holds" for name in names if DIGEST_NAME.search(name)]
    for reader in readers:
        if not reader.get("bugs"):
            faults.append(f"{reader['name']}: no bug to plant")
        faults += [f"{reader['name']}: {bug['file']} holds {bug['is']!r} {times_there(bug)} times, not once"
                   for bug in reader.get("bugs", []) if times_there(bug) != 1]
    return faults
