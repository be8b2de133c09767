"""What people who come from other model runners type: run without a prompt, /set and /show, texts of several lines, ps, stop."""
import os
import time

from patience import PATIENCE
from place import STUDIO, TINY, Place
from serving import Serve, StandIn
from terminal import Terminal

LOCAL = ("--listen", "127.0.0.1:0", "--model", "tiny")


def test_run_without_a_prompt_is_a_conversation_on_a_terminal():
    with Place() as place, StandIn(["One"], ["Two"]) as other:
        with Terminal([STUDIO, "run", "other", "--system", "Be short."], {**place.env, **other.env}, place.home) as terminal:
            terminal.wait_for("/? lists the commands")
            terminal.wait_for("> ")
            terminal.line("first")
            terminal.wait_for("One")
            terminal.wait_for("> ")
            terminal.line("/bye")
            assert terminal.end() == 0
        assert [m["content"] for m in other.requests[0]["messages"]] == ["Be short.", "first"]
        with Terminal([STUDIO, "run", "other", "--temperature", "0"], {**place.env, **other.env}, place.home) as terminal:
            terminal.wait_for("/set parameter")
            assert terminal.end() == 2


def test_run_joins_words_and_pipes_both_ways():
    with Place() as place:
        words = ["run", "tiny", "Tell me about", "--seed", "3", "--max-tokens", "8"]
        piped = place.studio(*words, stdin="a fox\n").must(0)
        path = place.write("story.txt", "a fox\n")
        shell = os.popen(f"cd {place.home} && HOME={place.home} STUDIO_DATA={place.data} {STUDIO} run tiny 'Tell me about' --seed 3 --max-tokens 8 "
                         f"< {path} 2>/dev/null | tr a-z A-Z").read()
        assert piped.out and shell == piped.out.upper()
        assert "\x1b" not in piped.out and "tokens in" not in piped.out


def test_set_and_show():
    with Place() as place, StandIn(["One"], ["Two"], ["Three"]) as other:
        lines = ["/set parameter temperature 0.5", "/set parameter num_predict 7", "/set parameter stop END", "/set nothink", "/show parameters", "first",
                 "/set parameter temperature", "/set parameter repeat_penalty 1.1", "/set think", "/set system Be brief.", "second", "/show", "/clear", "third", "/bye",
                 "never"]
        said = place.studio("chat", "other", stdin="\n".join(lines) + "\n", **other.env).must(0).out
        assert len(other.requests) == 3
        first, second, third = other.requests
        assert (first["temperature"], first["max_tokens"], first["stop"], first["enable_thinking"]) == (0.5, 7, "END", False)
        assert "temperature" not in second and second["repetition_penalty"] == 1.1 and second["enable_thinking"] is True
        assert [m["content"] for m in second["messages"]] == ["Be brief.", "second"]  # a new system message begins anew
        assert [m["content"] for m in third["messages"]] == ["Be brief.", "third"]
        assert "temperature 5E-1" in said or "temperature 0.5" in said
        assert "other" in said and "Be brief." in said


def test_commands_that_are_wrong_say_what_is_right():
    with Place() as place, StandIn() as other:
        lines = ["/sett", "/set", "/set parameter temprature 1", "/set parameter temperature warm", "/show nothing", "/load", "/?"]
        said = place.studio("chat", "other", stdin="\n".join(lines) + "\n", **other.env).must(0).out
        for words in ("There is no /sett", "did you mean '/set'", "/set takes:", "did you mean 'temperature'", "takes a number, not 'warm'", "/show takes:",
                      "\nother\n", "/bye"):
            assert words in said, (words, said)
        assert not other.requests


def test_texts_of_several_lines():
    with Place() as place, StandIn(["1"], ["2"], ["3"], ["4"]) as other:
        stdin = '"""first\n/bye is no command here\n\n  last"""\n"""one line"""\na line \\\ngoes on\n"""not closed\nbut meant\n'
        place.studio("chat", "other", stdin=stdin, **other.env).must(0)
        asked = [request["messages"][-1]["content"] for request in other.requests]
        assert asked == ["first\n/bye is no command here\n\n  last", "one line", "a line \ngoes on", "not closed\nbut meant\n"], asked


def test_a_parameter_out_of_range_is_the_servers_to_refuse():
    with Place() as place:
        said = place.studio("chat", "tiny", stdin="/set parameter temperature 9\nHello\n/set parameter temperature 0\n/set nothink\nHello\n").must(0, "temperature")
        assert said.out.strip()


def test_ps_and_stop():
    with Place() as place:
        for command in ("ps", "stop"):
            place.studio(command).must(3, "no server is running", "studio serve")
            assert place.studio(command, "--json").error()["code"] == "not_found"
        with Serve(place, *LOCAL) as server:
            told = place.studio("ps", "--json").must(0).json()
            assert (told["url"], told["pid"]) == (server.started["url"], server.process.pid)
            model = told["models"][0]
            assert (model["model"], model["is_ready"], model["running"], model["waiting"], model["restarts"]) == ("tiny", True, 0, 0, 0)
            assert model["memory_bytes"] > 1 << 20 and model["pages_used"] == 0
            table = place.studio("ps").must(0, server.started["url"]).out
            assert "MODEL" in table and "tiny" in table and "ready" in table
            began = time.monotonic()
            assert place.studio("stop", "--json").must(0).json() == {"stopped": server.started["url"]}
            assert server.process.wait(5 * PATIENCE) == 0 and time.monotonic() - began < 30 * PATIENCE
        place.studio("ps").must(3)


def test_stop_spares_a_process_that_only_has_the_number():
    with Place() as place:
        with Serve(place, *LOCAL) as server:
            server.stop(9)
        path = os.path.join(place.data, "server.json")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        place.write("data/server.json", text.replace(f'"pid":{server.process.pid}', f'"pid":{os.getpid()}'))
        place.studio("stop").must(3, "no server is running")  # or this test would have ended here
        assert os.path.exists(TINY)
