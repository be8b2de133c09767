"""Where settings come from, which source wins, and what is said of a bad one; the program's own words and exit codes."""
import json
import os

from place import STUDIO, Place
from serving import Serve
from terminal import Terminal


def shown(place, *words, **env):
    return place.studio("config", "show", "--json", *words, **env).must(0).json()


def test_flag_over_environment_over_file_over_default():
    with Place() as place:
        place.env.pop("STUDIO_DATA")
        home_data = os.path.join(place.home, ".local/share/studio")
        assert shown(place)["data"] == {"value": "~/.local/share/studio", "origin": "default"}
        assert place.studio("doctor").must(0).out.count(home_data) == 1  # "~" is this home
        path = place.write(".config/studio/config.toml", 'data = "/from/file"\n\n[engine]\nthreads = 3\n')
        assert shown(place)["data"] == {"value": "/from/file", "origin": f"{path}:1"}
        assert shown(place)["engine.threads"] == {"value": 3, "origin": f"{path}:4"}
        assert shown(place, STUDIO_DATA="/from/env")["data"] == {"value": "/from/env", "origin": "STUDIO_DATA"}
        assert shown(place, STUDIO_ENGINE_THREADS="2")["engine.threads"] == {"value": 2, "origin": "STUDIO_ENGINE_THREADS"}
        assert shown(place, "--data", "/from/flag", STUDIO_DATA="/from/env")["data"] == {"value": "/from/flag", "origin": "--data"}


def test_named_file_stands_alone():
    with Place() as place:
        place.write(".config/studio/config.toml", "[engine]\nthreads = 3\n")
        path = place.write("studio.toml", "[engine]\nmax_queue = 7\n")
        other = place.write("other.toml", "[engine]\nmax_queue = 8\n")
        assert shown(place, "--config", path)["engine.max_queue"]["value"] == 7
        assert shown(place, "--config", path)["engine.threads"] == {"value": 0, "origin": "default"}
        assert shown(place, STUDIO_CONFIG=path)["engine.max_queue"]["origin"] == f"{path}:2"
        assert shown(place, "--config", other, STUDIO_CONFIG=path)["engine.max_queue"]["value"] == 8
        place.studio("config", "show", "--config", "nowhere.toml").must(2, "nowhere.toml", "cannot be read")


def test_xdg_config_home():
    with Place() as place:
        path = place.write("elsewhere/studio/config.toml", "[engine]\nthreads = 5\n")
        home = os.path.join(place.home, "elsewhere")
        assert shown(place, XDG_CONFIG_HOME=home)["engine.threads"]["origin"] == f"{path}:2"


def test_settings_reach_the_commands():
    with Place() as place:
        path = place.write("studio.toml", '[serve]\nlisten = "127.0.0.1:0"\nmodels = ["tiny"]\n\n[engine]\ncontext_tokens = 99\n')
        with Serve(place, "--config", path) as server:
            assert server.started["models"] == ["tiny"]
            answer = place.studio("run", "tiny", "word " * 200)
            answer.must(5, "99")  # the context of the server that runs there


def test_bad_settings_name_line_reason_and_suggestion():
    with Place() as place:
        for text, line, *words in (
                ("[engine]\nthread = 2\n", 2, "unknown setting 'engine.thread'", "did you mean 'engine.threads'?"),
                ("[engin]\nthreads = 2\n", 1, "unknown table [engin]", "did you mean 'engine'?"),
                ("[engine]\n\nthreads = -1\n", 3, "engine.threads", "-1 is out of range", "between 0 and 1024"),
                ("[engine]\nthreads = '2'\n", 2, "engine.threads", "expected a whole number"),
                ("[engine]\nkernels = 'avx3'\n", 2, "'avx3' is none of auto, scalar, avx2, avx512, amx", "did you mean 'avx2'?"),
                ("[engine]\nkv_type = 'int4'\n", 2, "'int4' is none of int16, int8"),
                ("[engine]\nkv_bytes = '2 parsecs'\n", 2, "'2 parsecs' is not a size"),
                ("[serve]\nmodels = 'tiny'\n", 2, "serve.models", "expected a list of texts"),
                ("[serve]\nbehind_proxy = '10.0.0.1'\n", 2, "serve.behind_proxy", "expected a list of texts"),
                ("data = \n", 1,),
                ("[serve]\nlisten = '127.0.0.1:0'\nlisten = '127.0.0.1:1'\n", 3,)):
            path = place.write("studio.toml", text)
            for command in (["serve"], ["list"], ["config", "show"]):
                result = place.studio(*command, "--config", path).must(2, f"{path}:{line}: ", *words)
                assert not result.out, result
            error = place.studio("list", "--json", "--config", path).error()
            assert error["code"] == "invalid_argument" and f"{path}:{line}: " in error["message"], error


def test_bad_variables_and_flags_are_named():
    with Place() as place:
        place.studio("list", STUDIO_ENGINE_THREAD="2").must(2, "STUDIO_ENGINE_THREAD", "did you mean 'STUDIO_ENGINE_THREADS'?")
        place.studio("list", STUDIO_ENGINE_THREADS="two").must(2, "STUDIO_ENGINE_THREADS", "'two' is not a whole number")
        place.studio("serve", "--threads", "many").must(2, "--threads", "'many' is not a whole number")
        place.studio("serve", "--kernels", "sse").must(2, "--kernels", "'sse' is none of auto")
        place.studio("list", STUDIO_SOMETHING_ELSE="x").must(0)  # not under any table of ours


def test_mistyped_words_get_a_suggestion():
    with Place() as place:
        place.studio("lst").must(2, "unknown command 'lst'", "did you mean 'list'?")
        place.studio("serve", "--modle", "tiny").must(2, "unknown argument '--modle'", "did you mean '--model'?")
        place.studio("list", "--jsn").must(2, "did you mean '--json'?")
        place.studio("serve", "--listen").must(2, "--listen")
        place.studio("pull").must(2, "NAME")
        place.studio("config").must(2, "show")
        place.studio("pul", "--json").error()


def test_help_is_on_standard_output():
    with Place() as place:
        whole = place.studio("--help").must(0).out
        for command in ("serve", "chat", "run", "pull", "list", "show", "rm", "ps", "stop", "bench", "doctor", "version"):
            assert f"\n  {command} " in whole, command
            assert "Usage: studio" in place.studio(command, "--help").must(0).out
        bare = place.studio().must(2)  # help, but nothing was done
        assert "Usage: studio" in bare.err and not bare.out


def test_version():
    with Place() as place:
        said = place.studio("version", "--json").must(0).json()
        assert said["libraries"]["sqlite"] >= "3.51.3" and said["compiler"]
        assert place.studio("--version").must(0).out == f"studio {said['version']}\n"
        assert place.studio("version").must(0).out.startswith(f"studio {said['version']}\n")
        place.studio("version", STUDIO_ENGINE_THREADS="two").must(0)  # even where settings are broken


def test_doctor():
    with Place() as place:
        said = place.studio("doctor", "--json").must(0).json()
        assert said["ok"] and {"processor", "memory", "data folder", "key", "server", "models"} <= {c["check"] for c in said["checks"]}
        os.makedirs(os.path.join(place.data, "models"), exist_ok=True)
        place.write("data/models/broken.gguf", "GGUF, but not a model")
        result = place.studio("doctor", "--json").must(1)
        broken = [c for c in json.loads(result.out)["checks"] if c["check"] == "model broken"][0]
        assert broken["verdict"] == "failure" and "studio rm broken" in broken["remedy"]
        place.studio("rm", "broken").must(0)
        place.write("data/key", "sk-open\n")
        os.chmod(os.path.join(place.data, "key"), 0o644)
        assert "chmod 600" in place.studio("doctor").must(1).out
        os.remove(os.path.join(place.data, "key"))
        place.studio("run", "tiny", "hi", "--max-tokens", "1").must(0)  # writes the built-in model out
        assert "digest right" in place.studio("doctor", "--deep").must(0).out
        with open(os.path.join(place.data, "models/tiny.gguf"), "r+b") as file:
            file.seek(-1, os.SEEK_END)
            last = file.read(1)[0]
            file.seek(-1, os.SEEK_END)
            file.write(bytes([last ^ 1]))
        place.studio("doctor").must(0)  # a look at the head sees nothing
        assert "its bytes have changed" in place.studio("doctor", "--deep").must(1).out


def test_colour_on_terminals_that_want_it():
    with Place() as place:
        def doctor(*words, **env):
            with Terminal([STUDIO, "doctor", *words], {**place.env, **env}, place.home, keeps_colors=True) as terminal:
                assert terminal.end() == 0
                return "\x1b[" in terminal.text
        assert doctor() and not doctor(NO_COLOR="1") and not doctor("--no-color") and not doctor("--json")
        assert "\x1b" not in place.studio("doctor").must(0).out  # a pipe
