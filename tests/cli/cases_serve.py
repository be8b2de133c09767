"""serve: its JSON line, where its key comes from, what it refuses, how it ends; and that the other commands find it."""
import json
import os
import re
import signal
import stat
import subprocess
import urllib.error
import urllib.request

from place import STUDIO, TIMEOUT_S, TINY, Place
from serving import Serve, metric, wait_for

LOCAL = ("--listen", "127.0.0.1:0", "--model", "tiny")


def test_the_json_line():
    with Place() as place:
        copy = os.path.join(place.home, "My Model.gguf")
        os.symlink(TINY, copy)
        with Serve(place, "--listen", "127.0.0.1:0", "--model", "tiny", "--model", copy, "--key", "sk-given") as server:
            assert set(server.started) == {"url", "key", "models", "console"}
            assert server.started["url"].startswith("http://127.0.0.1:") and not server.started["url"].endswith(":0")
            assert server.started["key"] == "sk-given" and server.started["models"] == ["tiny", "My-Model"]
            assert server.status("sk-given") == 200 and server.status("sk-other") == 401
            code, rest = server.stop()
        assert code == 0 and rest == ""  # one line is all


def test_without_json_it_prints_a_curl_line_that_works():
    with Place() as place:
        process = subprocess.Popen([STUDIO, "serve", *LOCAL], env=place.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        try:
            lines = []
            while not (lines and lines[-1].startswith("    -d ")):
                lines.append(process.stdout.readline())
                assert lines[-1], "".join(lines)
            begin = next(i for i, line in enumerate(lines) if line.startswith("  curl "))
            pasted = subprocess.run("".join(lines[begin:]), shell=True, capture_output=True, text=True, timeout=TIMEOUT_S, check=True)
            assert json.loads(pasted.stdout)["choices"][0]["message"]["content"]
        finally:
            process.send_signal(signal.SIGINT)  # Ctrl-C
            _, log = process.communicate(timeout=TIMEOUT_S)
        assert process.returncode == 0 and '"level":"error"' not in log, log


def test_a_key_is_made_once():
    with Place() as place:
        with Serve(place, *LOCAL) as server:
            made = server.started["key"]
            assert server.status(made) == 200 and server.status(made + "x") == 401
        path = os.path.join(place.data, "key")
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        with open(path, encoding="ascii") as file:
            assert file.read() == made + "\n"
        with open(os.path.join(place.data, "studio.db"), "rb") as file:
            assert made.encode() not in file.read()  # its digest alone
        with Serve(place, *LOCAL) as server:
            assert server.started["key"] == made
        os.remove(path)
        with Serve(place, *LOCAL) as server:
            assert server.started["key"] != made and server.status(made) == 401  # a key that was taken away is void


def test_where_the_key_comes_from():
    with Place() as place:
        flag_file, set_file = place.write("flag", "sk-flag-file\n"), place.write("set", "sk-set-file\n")
        config = place.write("studio.toml", f'[serve]\nkey_file = "{set_file}"\n')
        env_file = place.write("env", "sk-env-file\n")
        order = [("sk-flag", ["--key", "sk-flag"], {}), ("sk-flag-file", ["--key-file", flag_file], {}), ("sk-env", [], {"STUDIO_KEY": "sk-env"}),
                 ("sk-env-file", [], {"STUDIO_KEY_FILE": env_file}), ("sk-set-file", ["--config", config], {})]
        for first in range(len(order)):  # each wins over all that follow it
            words = [word for _, flags, _ in order[first:] for word in flags]
            env = {name: value for _, _, variables in order[first:] for name, value in variables.items()}
            with Serve(place, *LOCAL, *words, **env) as server:
                assert server.started["key"] == order[first][0], (server.started, first)
                assert server.status(order[first][0]) == 200
        place.studio("serve", *LOCAL, "--key", "two words").must(2, "--key")
        place.studio("serve", *LOCAL, "--key-file", "nowhere").must(3, "nowhere")
        place.studio("serve", *LOCAL, "--key-file", place.write("empty", "\n")).must(2, "empty")
        place.studio("serve", *LOCAL, STUDIO_KEY="two words").must(2, "STUDIO_KEY")


def test_beyond_this_machine_only_when_told():
    with Place() as place:
        for address in ("0.0.0.0:0", "[::]:0", "192.0.2.1:0"):
            for form in ([], ["--json"]):
                result = place.studio("serve", "--listen", address, "--model", "tiny", *form).must(2, "--tls-certificate", "--behind-proxy")
                assert not result.out, str(result)
        place.studio("serve", "--listen", "somewhere", "--model", "tiny").must(2, "somewhere")
        place.studio("serve", "--listen", "127.0.0.1:99999", "--model", "tiny").must(2, "99999")


def test_an_address_that_is_taken():
    with Place() as place:
        with Serve(place, *LOCAL) as server:
            address = server.started["url"].removeprefix("http://")
            with Place() as other:
                other.studio("serve", "--listen", address, "--model", "tiny").must(5, address)


def test_models_that_cannot_be_served():
    with Place() as place:
        cut = os.path.join(place.home, "cut.gguf")
        with open(TINY, "rb") as whole, open(cut, "wb") as file:
            file.write(whole.read(100_000))
        for command in (["serve", "--listen", "127.0.0.1:0", "--model", cut], ["run", cut, "hi"], ["show", cut], ["bench", cut]):
            place.studio(*command).must(5, cut)
        place.studio("serve", *LOCAL, "--model", "tiny").must(2, "two models are called 'tiny'")


def test_without_network_the_built_in_model_answers():
    with Place() as place:
        process = subprocess.Popen([STUDIO, "serve", "--listen", "127.0.0.1:0"], env=place.env, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        lines = iter(process.stdout.readline, "")
        said = next(line for line in lines if "model " in line)
        process.terminate()
        _, notes = process.communicate(timeout=TIMEOUT_S)
        assert said.split()[-1] == "tiny"
        assert "The default model cannot be had now" in notes and "built-in model 'tiny'" in notes, notes
        # A default that someone chose is not replaced behind his back.
        place.studio("serve", "--listen", "127.0.0.1:0", STUDIO_SERVE_DEFAULT_MODEL="qwen2.5-coder-1.5b-instruct").must(7)


def test_other_commands_find_the_server():
    with Place() as place:
        with Serve(place, *LOCAL) as server:
            assert server.started["url"] in place.studio("doctor").must(0).out
            with open(os.path.join(place.data, "server.json"), encoding="utf-8") as file:
                assert json.load(file)["url"] == server.started["url"]
            said = place.studio("run", "tiny", "hi", "--json").must(0)
            assert "loading" not in said.err
            place.studio("run", "tiny", "hi").must(0)
            wait_for(lambda: metric(server, "studio_generations_total") == 2, "both there")
        assert not os.path.exists(os.path.join(place.data, "server.json"))
        key_file = place.write("chosen", "sk-chosen\n")
        with Serve(place, *LOCAL, STUDIO_SERVE_KEY_FILE=key_file) as server:
            place.studio("run", "tiny", "hi", STUDIO_SERVE_KEY_FILE=key_file).must(0)
            wait_for(lambda: metric(server, "studio_generations_total") == 1, "there")


def test_console_prints_a_new_link():
    with Place() as place:
        place.studio("console").must(7, "studio serve")
        with Serve(place, *LOCAL) as server:
            form = re.compile(re.escape(server.started["url"]) + "/login#[0-9a-f]{32}")
            links = [server.started["console"], place.studio("console").must(0).out.rstrip("\n"),
                     place.studio("console", "--json").must(0).json()["console"]]
            assert all(form.fullmatch(link) for link in links) and len(set(links)) == 3, links
            for link in links:
                assert [log_in(server, link), log_in(server, link)] == [200, 401]
            place.studio("console", STUDIO_KEY="sk-other").must(4)


def log_in(server, link):
    url = server.started["url"]
    request = urllib.request.Request(url + "/console/api/login", json.dumps({"token": link.split("#")[1]}).encode(),
                                     {"Origin": url, "Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            return answer.status
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code
