"""Bugs planted in a copy of the sources (build/planted), to show that a test sees them. The program itself has no switch for one.

A bug is {"file": path, "is": a text that stands once in it, "becomes": what stands there instead}.
"""
import contextlib
import os
import shutil
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
COPY = os.path.join(ROOT, "build/planted")


class CannotPlant(Exception):
    pass


def copy_sources():
    """Tracked and new files; what has not changed keeps its time, so that a second build has little to do."""
    os.makedirs(COPY, exist_ok=True)
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, check=True)
    wanted = {name for name in listed.stdout.decode().split("\0") if name and os.path.isfile(os.path.join(ROOT, name))}
    for name in wanted:
        source, copy = os.path.join(ROOT, name), os.path.join(COPY, name)
        with open(source, "rb") as file:
            data = file.read()
        if os.path.exists(copy):
            with open(copy, "rb") as file:
                if file.read() == data:
                    continue
        os.makedirs(os.path.dirname(copy), exist_ok=True)
        shutil.copy(source, copy)  # the mode too: scripts stay programs
    for part in ("src", "tests", "cmake"):
        for folder, _, names in os.walk(os.path.join(COPY, part)):
            for path in (os.path.join(folder, name) for name in names):
                if os.path.relpath(path, COPY) not in wanted:
                    os.remove(path)


def times_there(bug, root=ROOT):
    try:
        with open(os.path.join(root, bug["file"]), encoding="utf-8") as file:
            return file.read().count(bug["is"])
    except FileNotFoundError:
        return 0


@contextlib.contextmanager
def planted(bug):
    """The copy holds the bug inside the block, and is sound again behind it."""
    if times_there(bug, COPY) != 1:
        raise CannotPlant(f"{bug['file']} holds {bug['is']!r} {times_there(bug, COPY)} times, not once")
    path = os.path.join(COPY, bug["file"])
    with open(path, encoding="utf-8") as file:
        sound = file.read()
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(sound.replace(bug["is"], bug["becomes"]))
        yield
    finally:
        with open(path, "w", encoding="utf-8") as file:
            file.write(sound)
