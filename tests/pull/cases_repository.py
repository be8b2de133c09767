"""`studio pull hf:OWNER/NAME` and `modelscope:OWNER/NAME`: a repository's folder, its files chosen from the hub's list."""
import json
import os
import random

from hub import Fault
from room import Room, sha

REPO = "Owner/Folder-1B"
SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
MODEL_FILES = ("config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json", "model.safetensors.index.json", *SHARDS)


class Repository(Room):
    """A room whose hub has one folder, with files beside it that are no part of the model."""

    def __init__(self, seed=0):
        super().__init__(size=1000, seed=seed)
        bytes_of = random.Random(seed).randbytes
        self.files = {name: bytes_of(400_000 if name in SHARDS else 2_000) for name in MODEL_FILES}
        others = {"README.md": b"# x", "onnx/model.onnx": bytes_of(5000), "pytorch_model.bin": bytes_of(5000), ".gitattributes": b"x"}
        self.hub.files |= {f"{REPO}/{name}": data for name, data in (self.files | others).items()}
        self.allowed |= {sha(data) for data in self.files.values()}

    def must_be_whole(self, result, name="Folder-1B"):
        assert result.code == 0, str(result)
        folder = f"{self.models}/{name}"
        assert sorted(os.listdir(folder)) == sorted(self.files), os.listdir(folder)
        for file, data in self.files.items():
            with open(f"{folder}/{file}", "rb") as there:
                assert there.read() == data, file


def repository_of_either_hub(_):
    for hub, listing in (("hf", f"/api/models/{REPO}/tree/main"), ("modelscope", f"/api/v1/models/{REPO}/repo/files")):
        with Repository() as room:
            room.must_be_whole(room.pull(name=f"{hub}:{REPO}"))
            paths = [path.split("?")[0] for _, path, _, _ in room.hub.seen]
            assert listing in paths, paths
            assert not any("onnx" in path or "pytorch" in path or "README" in path for path in paths), paths
            again = room.pull(name=f"{hub}:{REPO}")
            assert again.code == 0 and "Here already" in again.out, str(again)


def repository_under_another_name_and_revision(_):
    with Repository() as room:
        room.must_be_whole(room.pull("--as", "mine", name=f"hf:{REPO}@v1.0"), "mine")
        assert any(f"/{REPO}/resolve/v1.0/" in path for _, path, _, _ in room.hub.seen)
    with Repository() as room:
        room.must_be_none(room.pull("--as", "a/b", name=f"hf:{REPO}"), "cannot be a model's name")
        room.must_be_none(room.pull("--as", "mine", name="m"), "--as goes with")


def repository_cut_and_resumed(_):
    for seed, offset in enumerate((0, 199_999)):
        with Repository(seed) as room:
            room.hub.reset(Fault(cut_at=offset, cut_times=1 << 30))
            room.must_be_none(room.pull(name=f"hf:{REPO}"), "cannot get Folder-1B")
            room.hub.reset()
            room.must_be_whole(room.pull(name=f"hf:{REPO}"))
            if offset > 2_000:  # small files came whole; the first shard goes on where it was cut
                assert f"bytes={offset}-" in room.ranges(), room.ranges()
                assert room.hub.sent < 2 * 400_000, room.hub.sent


def repository_with_a_wrong_digest(_):
    with Repository() as room:
        room.hub.reset(Fault(linked_sha="ab" * 32))
        room.must_be_none(room.pull(name=f"hf:{REPO}"), "ab" * 32)


def repository_list_that_leads_astray(_):
    def entry(path, **more):
        return {"type": "file", "path": path, "size": 2000} | more

    good = [entry("config.json"), entry("tokenizer.json"), entry(SHARDS[0], size=400_000)]
    for bad in ("../../keys.json", "/etc/x.safetensors", "..", "a/../../x.safetensors", "x\u0000.safetensors", ".hidden.safetensors",
                "C:\\x.safetensors"):
        with Repository() as room:
            room.hub.reset(Fault(listing=json.dumps([*good, entry(bad)]).encode()))
            result = room.pull(name=f"hf:{REPO}")
            assert result.code == 0, str(result)
            assert sorted(os.listdir(f"{room.models}/Folder-1B")) == sorted(e["path"] for e in good)
            there = {name for _, _, names in os.walk(room.folder) for name in names}
            assert not any(name.startswith(("keys", "x", ".hidden")) for name in there), there


def repository_lists_that_are_none(_):
    lists = [(b"[", "no JSON"), (b"{}", "no list"), (b"[]", "config.json"), (b"[" + b" " * (9 << 20) + b"]", "8 MiB"),
             (json.dumps([{"type": "file", "path": "config.json"}] * 2).encode(), "twice"),
             (json.dumps([{"type": "file", "path": f"{i}.safetensors"} for i in range(5000)]).encode(), "4096"),
             (json.dumps([{"type": "file", "path": "a.gguf"}, {"type": "file", "path": "b.gguf"}]).encode(), f"{REPO}/a.gguf")]
    for listing, told in lists:
        with Repository() as room:
            room.hub.reset(Fault(listing=listing))
            room.must_be_none(room.pull(name=f"hf:{REPO}"), told)
    for status in (401, 404, 500):
        with Repository() as room:
            room.hub.reset(Fault(status=status))
            room.must_be_none(room.pull(name=f"modelscope:{REPO}"))
    with Repository() as room:
        room.must_be_none(room.pull(name="hf:Owner"), "OWNER/NAME")
        room.must_be_none(room.pull(name="hf:Owner/../x"), "OWNER/NAME")


def one_gguf_file_of_a_repository(_):
    with Room() as room:
        result = room.pull(name="hf:Owner/Model-GGUF/model-q4_k_m.gguf")
        assert result.code == 0, str(result)
        with open(f"{room.models}/model-q4_k_m.gguf", "rb") as file:
            assert file.read() == room.body
        absent = room.pull(name="hf:Owner/Model-GGUF/other.gguf")
        assert absent.code == 3 and "model-q4_k_m.gguf" in absent.err, str(absent)


CASES = [repository_of_either_hub, repository_under_another_name_and_revision, repository_cut_and_resumed,
         repository_with_a_wrong_digest, repository_list_that_leads_astray, repository_lists_that_are_none,
         one_gguf_file_of_a_repository]
