"""One test's own place: a home, a data folder, an environment without anything of the caller's settings; and the program
run in it."""
import json
import os
import shutil
import subprocess
import tempfile

from patience import PATIENCE

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
STUDIO = os.path.join(os.environ.get("STUDIO_BUILD", os.path.join(ROOT, "build/release")), "studio")
TINY = os.path.join(ROOT, "catalogue/builtin/tiny-qwen3.gguf")
TIMEOUT_S = 60 * PATIENCE  # far over what any command with the built-in model needs: then it hangs
# Nothing outside this machine is asked: these commands must not need it, and must say so soon where they do.
NO_HUBS = {"STUDIO_HUB_MODELSCOPE": "http://127.0.0.1:9", "STUDIO_HUB_HUGGINGFACE": "http://127.0.0.1:9",
           "PIP_INDEX_URL": "http://127.0.0.1:9/simple/", "PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": os.devnull}


class Result:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def __str__(self):
        return f"exit {self.code}\nout: {self.out}\nerr: {self.err}"

    def must(self, code, *words):
        """The exit code, and words that standard error must hold."""
        assert self.code == code, f"expected exit {code}: {self}"
        for word in words:
            assert word in self.err, f"{word!r} is not told: {self}"
        return self

    def json(self):
        """Standard output as one JSON line, with nothing beside it."""
        assert self.code == 0 and self.out.count("\n") == 1, str(self)
        return json.loads(self.out)

    def error(self):
        """The error object of --json: alone on standard error, nothing on standard output."""
        assert self.code != 0 and not self.out and self.err.count("\n") == 1, str(self)
        return json.loads(self.err)["error"]


class Place:
    def __init__(self):
        self.home = tempfile.mkdtemp(prefix="studio-cli-")
        self.data = os.path.join(self.home, "data")
        kept = {name: value for name, value in os.environ.items()
                if not name.startswith(("STUDIO_", "OPENAI_", "PIP_", "HF_", "XDG_")) and not name.lower().endswith("_proxy")
                and name != "NO_COLOR"}
        self.env = {**kept, **NO_HUBS, "HOME": self.home, "STUDIO_DATA": self.data, "STUDIO_CACHE": os.path.join(self.home, "cache")}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.home, ignore_errors=True)

    def studio(self, *words, stdin="", **env):
        done = subprocess.run([STUDIO, *words], env={**self.env, **env}, cwd=self.home, input=stdin, capture_output=True, text=True,
                              timeout=TIMEOUT_S, check=False)
        return Result(done.returncode, done.stdout, done.stderr)

    def write(self, name, text):
        path = os.path.join(self.home, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path
