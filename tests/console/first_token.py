#!/usr/bin/env python3
"""From `make run` to the first streamed token on the page, the model being on disk. Usage: first_token.py ROOT COMMAND..."""
import json
import os
import re
import subprocess
import sys
import tempfile
import time

ROOT = sys.argv[1]
LIMIT_S = 10.0
MODEL = "qwen2.5-coder-0.5b-instruct"
sys.path.insert(0, os.path.join(ROOT, "tests/fresh_root"))
from make_run import MakeRun  # noqa: E402


def main():
    model = os.path.join(os.environ["STUDIO_MODELS"], MODEL + ".gguf")
    with tempfile.TemporaryDirectory(prefix="studio-run-") as folder:
        os.makedirs(folder + "/data/models")
        os.symlink(model, f"{folder}/data/models/{MODEL}.gguf")
        env = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
        env.update(STUDIO_DATA=folder + "/data", XDG_CONFIG_HOME=folder, STUDIO_SERVE_LISTEN="127.0.0.1:0")
        began = time.time()
        with MakeRun(["make", "run"], cwd=ROOT, env=env) as run:
            ready = run.wait_until_ready(120)
            link = re.search(r"http://\S+/login#[0-9a-f]+", run.text()).group(0)
            done = subprocess.run(sys.argv[2:], env={**env, "STUDIO_CONSOLE_LINK": link}, capture_output=True, text=True,
                                  timeout=300, check=True)
        told = json.loads(done.stdout)
        seconds = told["at"] / 1000 - began
        print(f"`make run` was ready after {ready:.1f} s; the first token stood on the page after {seconds:.1f} s "
              f"(Chromium's start included); {told['pace']}")
        is_good = seconds <= LIMIT_S
        print(f"{int(is_good)} passed, {int(not is_good)} failed, 0 skipped")
        return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
