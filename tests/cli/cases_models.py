"""pull, list, show, rm, bench: models by name and by file."""
import hashlib
import os
import shutil

from place import TINY, Place


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def test_pull_from_a_file_list_show_rm():
    with Place() as place:
        assert place.studio("list", "--json").must(0).json() == {"models": []}
        place.studio("list").must(0, "studio list --all")
        pulled = place.studio("pull", "--from", TINY, "mine", "--json").must(0).json()
        assert pulled["name"] == "mine" and pulled["source"] == "file" and not pulled["was_here"]
        assert pulled["sha256"] == digest(TINY) == digest(pulled["path"]) and pulled["bytes"] == os.path.getsize(TINY)
        listed = place.studio("list", "--json").must(0).json()["models"]
        assert [(m["name"], m["sha256"], m["is_here"]) for m in listed] == [("mine", digest(TINY), True)]
        assert "mine" in place.studio("list").must(0).out
        shown = place.studio("show", "mine", "--json").must(0).json()
        assert (shown["architecture"], shown["is_here"], shown["has_chat_template"]) == ("qwen3", True, True)
        assert "qwen3" in place.studio("show", "mine").must(0).out
        assert place.studio("show", TINY, "--json").must(0).json()["parameters"] == shown["parameters"]
        answer = place.studio("run", "mine", "hi", "--json", "--max-tokens", "3").must(0).json()
        assert answer["model"] == "mine" and answer["finish_reason"] == "length"
        assert place.studio("rm", "mine", "--json").must(0).json() == {"removed": ["mine"]}
        assert place.studio("list", "--json").must(0).json() == {"models": []}
        left = [f for _, _, files in os.walk(place.data) for f in files if f.startswith("mine")]
        assert left in ([], ["mine.lock"]), left


def test_pull_from_a_file_tells_people_what_it_did():
    with Place() as place:
        said = place.studio("pull", "--from", TINY, "mine").must(0)
        assert "Pulled mine" in said.out and "1.5 MB" in said.out
        quiet = place.studio("pull", "--from", TINY, "mine", "--quiet").must(0)
        assert not quiet.out and not quiet.err, str(quiet)


def test_pull_refuses_what_is_no_model():
    with Place() as place:
        place.studio("pull", "--from", "nowhere.gguf", "mine").must(3, "nowhere.gguf")
        place.studio("pull", "--from", TINY, "../mine").must(2)
        place.studio("pull", "--from", place.write("notes.gguf", "no model"), "mine").must(2, "no GGUF file")
        wrong = os.path.join(place.home, "wrong.gguf")
        shutil.copy(TINY, wrong)
        # The catalogue knows the digest of this name: another file must not pass for it.
        place.studio("pull", "--from", wrong, "qwen2.5-coder-0.5b-instruct").must(5)
        assert place.studio("list", "--json").json() == {"models": []}


def test_pull_by_name():
    with Place() as place:
        place.studio("pull", "qwen2.5-coder-0.5").must(3, "did you mean 'qwen2.5-coder-0.5b'")
        unreachable = place.studio("pull", "qwen2.5-coder-0.5b-instruct", "--json", PATH=os.environ["PATH"])
        assert unreachable.must(7).error()["code"] == "unavailable"
        assert place.studio("pull", "tiny", "--json").must(0).json()["source"] == "builtin"
        assert place.studio("pull", "tiny", "--json").must(0).json()["was_here"]


def test_a_hubs_repository_that_is_not_here_is_told_with_its_pull():
    with Place() as place:
        for name, called in (("hf:Qwen/Some-Model", "Some-Model"), ("modelscope:Qwen/Some-Model@v1.0", "Some-Model"),
                             ("hf:Qwen/Some-GGUF/some-q4.gguf", "some-q4")):
            for command in (["serve", "--model", name], ["run", name, "hi"]):
                place.studio(*command).must(3, f"`studio pull {name}`", f"'{called}'")
        place.studio("serve", "--model", "hf:nothing").must(2, "hf:OWNER/NAME")
        place.studio("serve", "--model", "Qwen/Some-Model").must(3, "no such model file", "`studio pull hf:Qwen/Some-Model`")
        for path in ("./Qwen/Some-Model", "Qwen/deep/Some-Model", "/Qwen/Some-Model"):
            said = place.studio("serve", "--model", path).must(3, "no such model file")
            assert "pull" not in said.err, str(said)
        place.studio("pull", "--from", TINY, "Some-Model").must(0)
        place.studio("serve", "--model", "hf:Qwen/Some-Model").must(3, "is called 'Some-Model'")


def test_names_that_are_not_there():
    with Place() as place:
        for command in (["show", "nothing"], ["rm", "nothing"], ["run", "nothing", "hi"], ["bench", "nothing"], ["show", "./no.gguf"],
                        ["run", "./no.gguf", "hi"], ["serve", "--model", "nothing"]):
            result = place.studio(*command).must(3)
            assert not result.out and result.err.startswith("studio: "), str(result)
            assert place.studio(*command, "--json").error()["code"] == "not_found"
        place.studio("show", "qwen3-0.6").must(3, "did you mean 'qwen3-0.6b'")
        place.studio("rm").must(2, "needs the name")


def test_list_all_holds_the_catalogue():
    with Place() as place:
        models = {m["name"]: m for m in place.studio("list", "--all", "--json").must(0).json()["models"]}
        assert {"tiny", "qwen2.5-coder-0.5b-instruct", "qwen2.5-coder-1.5b-instruct"} <= set(models)
        assert not any(m["is_here"] for m in models.values()) and all(m["licence"] for m in models.values())
        assert "qwen2.5-coder-0.5b-instruct" in place.studio("list", "--all").must(0).out
        assert place.studio("show", "qwen2.5-coder-0.5b-instruct", "--json").must(0).json()["is_here"] is False


def test_bench():
    with Place() as place:
        words = ["bench", "tiny", "--prefill", "32", "--decode", "8", "--streams", "2", "--repeat", "2", "--kernels", "scalar", "--threads", "1"]
        figures = place.studio(*words, "--json").must(0).json()
        assert (figures["model"], figures["kernels"], figures["threads"]) == ("tiny", "scalar", 1)
        assert all(figures[name] > 0 for name in ("prefill", "decode", "streams", "memory_gbs", "bytes_per_token", "ops_per_token"))
        # A sanitizer slows the two rates of this share unevenly.
        assert 0 < figures["decode_share_of_roof"] < (100 if "ASAN_OPTIONS" in os.environ else 1)
        assert (figures["prefill_tokens"], figures["decode_tokens"], figures["stream_count"]) == (32, 8, 2)
        assert "answer of 8" in place.studio(*words).must(0).out
        behind = place.studio(*words, "--depth", "40", "--kv-type", "int8", "--json").must(0).json()
        assert (figures["kv_type"], behind["kv_type"]) == ("int16", "int8")
        assert behind["depth"] == 40 and behind["prefill"] > 0 and behind["decode"] > 0
        assert "prompt of 32 behind 40" in place.studio(*words, "--depth", "40").must(0).out
        place.studio("bench", "tiny", "--depth", "-1").must(2, "--depth")
        for flag in ("--prefill", "--decode", "--streams", "--repeat"):
            place.studio("bench", "tiny", flag, "0").must(2, flag)
            place.studio("bench", "tiny", flag, "many").must(2, flag)
