"""Panels kept of GGUF files: made once after a start, mapped by later ones, made anew when they are broken."""
import os
import shutil
import signal

from place import TINY, Place
from serving import Serve, wait_for

LARGE = (128 << 20) + 4096  # from here on panels are kept; the built-in model gets a hole behind its tensors
WORDS = ("hi", "--json", "--max-tokens", "8", "--temperature", "0")


def large_model(place, name="large.gguf"):
    path = os.path.join(place.home, name)
    shutil.copy(TINY, path)
    os.truncate(path, LARGE)
    return path


def kept(place, extension):
    folder = os.path.join(place.data, "panels")
    return [os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(extension)] if os.path.isdir(folder) else []


def answer(place, model, **env):
    done = place.studio("run", model, *WORDS, **env)
    return done.json()["content"], done.err


def keep(place, model):
    """A start, and the end of the process that it leaves behind."""
    said = answer(place, model)
    wait_for(lambda: kept(place, ".json"), "panels that are kept")
    return said


def flip(path, at, bits=0xff):
    written = os.stat(path)
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ bits]))
    os.utime(path, ns=(written.st_atime_ns, written.st_mtime_ns))


def test_panels_are_kept_and_mapped():
    with Place() as place:
        model = large_model(place)
        first, _ = keep(place, model)
        (panels,) = kept(place, ".panels")
        assert os.stat(os.path.join(place.data, "panels")).st_mode & 0o777 == 0o700
        assert not os.listdir(os.path.join(place.data, "panels/.partial"))
        # A file whose weights are gone, seen by nothing that is cheap to look at: the panels answer.
        written = os.stat(model)
        with open(model, "r+b") as file:
            file.seek(os.path.getsize(TINY) // 2)
            file.write(b"\xff" * (os.path.getsize(TINY) - os.path.getsize(TINY) // 2))
        os.utime(model, ns=(written.st_atime_ns, written.st_mtime_ns))
        made = os.stat(panels).st_ino
        second, said = answer(place, model)
        assert second == first and "panels" not in said, (first, second, said)
        assert [os.stat(path).st_ino for path in kept(place, ".panels")] == [made]
        # With the setting off the file itself is read, and that one is broken.
        broken = place.studio("run", model, *WORDS, STUDIO_ENGINE_KEPT_PANELS="none")
        assert broken.code != 0 or broken.json()["content"] != first, str(broken)


def test_broken_panels_are_passed_over_and_made_anew():
    with Place() as place:
        model = large_model(place)
        first, _ = keep(place, model)

        def cut(path):
            os.truncate(path, os.path.getsize(path) - 4096)

        def foreign(path):
            shutil.copy(TINY, path)

        def empty(path):
            os.truncate(path, 0)

        for harm in (lambda path: flip(path, 5), lambda path: flip(path, 40), lambda path: flip(path, 200), cut, foreign, empty, os.remove):
            (panels,) = kept(place, ".panels")
            harmed = os.stat(panels).st_ino
            harm(panels)
            if not os.path.exists(panels):
                harmed = None  # a number that is free again may be the next file's
            assert answer(place, model)[0] == first
            wait_for(lambda harmed=harmed: [p for p in kept(place, ".panels") if os.stat(p).st_ino != harmed and os.path.exists(p[:-6] + "json")],
                     "panels that are made anew")
            wait_for(lambda: not os.listdir(os.path.join(place.data, "panels/.partial")), "the end of their maker")


def worker_of(server):
    """The process id of its one worker."""
    with open(f"/proc/{server.process.pid}/task/{server.process.pid}/children", encoding="ascii") as file:
        direct = file.read().split()
    for task in os.listdir(f"/proc/{server.process.pid}/task"):
        with open(f"/proc/{server.process.pid}/task/{task}/children", encoding="ascii") as file:
            direct += file.read().split()
    workers = set()
    for pid in direct:
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if b"\0worker\0" in file.read():
                    workers.add(int(pid))
        except OSError:
            pass  # it has ended
    return workers.pop() if len(workers) == 1 else None


def test_a_worker_comes_back_without_its_panels():
    with Place() as place:
        model = large_model(place)
        first, _ = keep(place, model)
        with Serve(place, "--model", model, "--listen", "127.0.0.1:0") as server:
            asked = lambda: place.studio("run", "large", *WORDS, STUDIO_BASE_URL=server.started["url"], STUDIO_KEY=server.started["key"])
            assert asked().json()["content"] == first
            dead = worker_of(server)
            with open(f"/proc/{dead}/maps", encoding="utf-8") as file:
                maps = file.read()
            assert "/panels/" in maps
            assert "libcurl" not in maps  # nor anything else that only requests to elsewhere need
            shutil.rmtree(os.path.join(place.data, "panels"))
            os.kill(dead, signal.SIGKILL)
            wait_for(lambda: worker_of(server) not in (None, dead), "another worker")
            wait_for(lambda: asked().code == 0, "its answers")
            assert asked().json()["content"] == first


def test_another_model_at_the_place_and_rm():
    with Place() as place:
        place.studio("pull", "--from", large_model(place), "mine", "--json").must(0)
        first, _ = keep(place, "mine")
        (panels,) = kept(place, ".panels")
        made = os.stat(panels).st_mtime_ns
        here = os.path.join(place.data, "models/mine.gguf")
        os.utime(here, ns=(1, 1))
        assert answer(place, "mine")[0] == first
        wait_for(lambda: kept(place, ".json") and os.stat(panels).st_mtime_ns != made, "panels of the new file")
        wait_for(lambda: not os.listdir(os.path.join(place.data, "panels/.partial")), "the end of their maker")
        place.studio("rm", "mine").must(0)
        assert not kept(place, ".panels") and not kept(place, ".json")


def test_what_is_small_or_not_wished_is_not_kept():
    with Place() as place:
        answer(place, TINY)
        answer(place, large_model(place), STUDIO_ENGINE_KEPT_PANELS="none")
        assert not os.path.exists(os.path.join(place.data, "panels"))
        place.studio("keep-panels", TINY, "--into", place.home).must(0)
        assert not [name for name in os.listdir(os.path.join(place.home, "panels")) if name.endswith(".panels")]
        place.studio("keep-panels", TINY).must(2, "--into")
