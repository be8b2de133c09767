"""run and chat: pipes, a terminal, Ctrl-C, and servers that are not ours."""
import os
import signal
import subprocess
import threading

from place import STUDIO, TIMEOUT_S, Place
from serving import Serve, StandIn
from terminal import Terminal

HOLD = threading.Event  # never set: the stand-in waits until its reader leaves


def test_run_takes_words_and_a_pipe():
    with Place() as place, StandIn(["a"], ["b"], ["c"], ["d"]) as other:
        place.studio("run", "other", "two", "words", **other.env).must(0)
        place.studio("run", "other", stdin="a pipe\n", **other.env).must(0)
        place.studio("run", "other", "words", stdin="a pipe", **other.env).must(0)
        place.studio("run", "other", "hi", "--system", "Be short.", "--max-tokens", "5", "--temperature", "0.25", "--seed", "9", **other.env).must(0)
        assert [request["messages"][-1]["content"] for request in other.requests] == ["two words", "a pipe\n", "words\n\na pipe", "hi"]
        last = other.requests[-1]
        assert last["messages"][0] == {"role": "system", "content": "Be short."}
        assert (last["max_tokens"], last["temperature"], last["seed"], last["stream"]) == (5, 0.25, 9, True)
        place.studio("run", "other").must(2, "needs a prompt")
        place.studio("run", "other", "hi", "--temperature", "warm", **other.env).must(2, "--temperature")


def test_a_raw_prompt_is_sent_as_it_is():
    with Place() as place, StandIn([" there", " was"], [" there", " was"]) as other:
        for words, stdin, sent in ((["Once upon", "a time"], "", "Once upon a time"), ([], " <s>\n\n", " <s>\n\n")):
            said = place.studio("run", "other", "--raw", *words, "--max-tokens", "5", "--seed", "9", stdin=stdin, **other.env).must(0)
            assert said.out == " there was\n"
            request = other.requests.pop(0)
            assert request["prompt"] == sent and "messages" not in request, request
            assert (request["max_tokens"], request["seed"], request["stream"]) == (5, 9, True)
        assert other.paths == ["/v1/completions", "/v1/completions"]
        place.studio("run", "other", "hi", "--raw", "--system", "Be short.", **other.env).must(2, "--raw sends no system message")
        place.studio("run", "other", "--raw", **other.env).must(2, "needs a prompt")
        with Terminal([STUDIO, "run", "other", "--raw"], {**place.env, **other.env}, place.home) as terminal:
            terminal.wait_for("--raw needs a prompt")
            assert terminal.end() == 2
        assert not other.requests


def test_a_raw_prompt_of_the_built_in_model():
    with Place() as place:
        ask = lambda *more: place.studio("run", "tiny", "Once upon a time", "--max-tokens", "6", "--temperature", "0", *more).must(0)
        raw, chat = ask("--raw", "--json").json(), ask("--json").json()
        assert 0 < raw["prompt_tokens"] < chat["prompt_tokens"]  # no template around it
        assert raw["completion_tokens"] == 6 and raw["finish_reason"] == "length" and raw["content"]
        assert ask("--raw").out.rstrip("\n") == raw["content"].rstrip("\n")
        with Serve(place, "--model", "tiny") as server:
            completion = server.post("/v1/completions", {"model": "tiny", "prompt": "Once upon a time", "max_tokens": 6, "temperature": 0})
            assert (completion["choices"][0]["text"], completion["usage"]["prompt_tokens"]) == (raw["content"], raw["prompt_tokens"])


def test_run_with_the_built_in_model():
    with Place() as place:
        first = place.studio("run", "tiny", "Tell me a story about", "--seed", "3", stdin="a fox").must(0)
        assert first.out.endswith("\n") and len(first.out.split()) > 20
        assert first.out == place.studio("run", "tiny", "Tell me a story about", "--seed", "3", stdin="a fox").must(0).out
        said = place.studio("run", "tiny", "hi", "--json", "--temperature", "0").must(0).json()
        assert said["model"] == "tiny" and said["finish_reason"] == "stop" and said["prompt_tokens"] > 0 and said["completion_tokens"] > 0
        assert said["content"] + "\n" == place.studio("run", "tiny", "hi", "--temperature", "0").must(0).out
        cut = place.studio("run", "tiny", "Tell me a story.", "--max-tokens", "4", "--json").must(0).json()
        assert cut["finish_reason"] == "length" and 0 < len(cut["content"]) < 40


def test_run_streams_and_stops():
    with Place() as place, StandIn(["first ", "second ", HOLD()]) as other:
        process = subprocess.Popen([STUDIO, "run", "other", "hi"], env={**place.env, **other.env}, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        watchdog = threading.Timer(TIMEOUT_S, process.kill)
        watchdog.start()
        assert process.stdout.read(13) == b"first second "  # before the answer has ended
        process.send_signal(signal.SIGINT)
        process.communicate()
        watchdog.cancel()
        assert process.returncode == 130 and other.left.wait(TIMEOUT_S)


def test_exit_codes_of_a_servers_refusals():
    with Place() as place:
        for status, code in ((400, 5), (401, 4), (403, 4), (404, 3), (408, 124), (429, 6), (500, 7), (503, 7)):
            with StandIn((status, "for a reason"), (status, "for a reason")) as other:
                place.studio("run", "other", "hi", **other.env).must(code, "for a reason")
                assert place.studio("run", "other", "hi", "--json", **other.env).must(code).error()["message"] == "for a reason"
        with StandIn() as other:
            place.studio("run", "othr", "hi", **other.env).must(3, "did you mean 'other'?")
            nobody = other.env
        place.studio("run", "other", "hi", **nobody).must(7, "no answer from")


def test_whose_server_is_asked():
    with Place() as place, StandIn(["one"]) as ours, StandIn(["two"]) as theirs:
        said = place.studio("run", "other", "hi", **{**theirs.env, "STUDIO_BASE_URL": ours.env["OPENAI_BASE_URL"], "STUDIO_KEY": "sk-ours"}).must(0)
        assert said.out == "one\n" and ours.keys == ["Bearer sk-ours"]
        assert place.studio("run", "other", "hi", **theirs.env).must(0).out == "two\n" and theirs.keys == ["Bearer sk-other"]


def test_chat_streams_and_keeps_the_conversation():
    with Place() as place, StandIn(["Hello", " there"], ["Good"], ["Anew"], ["Set"]) as other:
        with Terminal([STUDIO, "chat", "other"], {**place.env, **other.env}, place.home) as terminal:
            terminal.wait_for("> ")
            terminal.line("Hi")
            terminal.wait_for("Hello there")
            terminal.wait_for("> ")
            terminal.line("How are\\")
            terminal.wait_for(". ")
            terminal.line("you?")
            terminal.wait_for("Good")
            terminal.wait_for("> ")
            terminal.line("/clear")
            terminal.wait_for("forgotten")
            terminal.line("Again")
            terminal.wait_for("Anew")
            terminal.wait_for("> ")
            terminal.line("/system Be kind.")
            terminal.wait_for("starts anew")
            terminal.line("现在呢 é?")
            terminal.wait_for("Set")
            terminal.wait_for("> ")
            terminal.line("/modle")
            terminal.wait_for("did you mean '/model'?")
            terminal.line("/exit")
            assert terminal.end() == 0
        texts = [[(m["role"], m["content"]) for m in request["messages"]] for request in other.requests]
        assert texts == [[("user", "Hi")],
                         [("user", "Hi"), ("assistant", "Hello there"), ("user", "How are\nyou?")],
                         [("user", "Again")],
                         [("system", "Be kind."), ("user", "现在呢 é?")]]
        with open(os.path.join(place.data, "chat_history"), encoding="utf-8") as file:
            assert "Again" in file.read()
        assert os.stat(os.path.join(place.data, "chat_history")).st_mode & 0o077 == 0


def test_ctrl_c_stops_the_answer_not_the_program():
    with Place() as place, StandIn(["Once upon", HOLD()], ["The end"]) as other:
        with Terminal([STUDIO, "chat", "other"], {**place.env, **other.env}, place.home) as terminal:
            terminal.wait_for("> ")
            terminal.type("half a line\x03")  # nothing runs: the line is dropped
            terminal.wait_for("> ")
            terminal.line("A story")
            terminal.wait_for("Once upon")
            terminal.type("\x03")
            terminal.wait_for("[stopped]")
            assert other.left.wait(TIMEOUT_S)  # the server knows at once
            terminal.wait_for("> ")
            terminal.line("Go on")
            terminal.wait_for("The end")
            terminal.wait_for("> ")
            terminal.type("\x04")
            assert terminal.end() == 0
        assert [m["content"] for m in other.requests[1]["messages"]] == ["A story", "Once upon", "Go on"]
        assert len(other.requests) == 2


def test_ctrl_c_spares_the_model_in_this_process():
    with Place() as place:
        with Terminal([STUDIO, "chat", "tiny"], place.env, place.home) as terminal:
            terminal.wait_for("> ")
            terminal.type("\x03")  # reaches the worker process too: it must not take it as its own
            terminal.wait_for("> ")
            terminal.line("What is a river?")
            terminal.wait_for("tokens in")
            terminal.wait_for("> ")
            terminal.type("\x04")
            assert terminal.end() == 0


def test_chat_without_a_terminal():
    with Place() as place, StandIn(["One"], (500, "it broke"), ["Two"]) as other:
        said = place.studio("chat", "other", stdin="first\nsecond\nthird\n", **other.env).must(0, "it broke")
        assert said.out == "One\nTwo\n", said.out  # no prompt, no colour; a failure costs its own question alone
        assert [m["content"] for m in other.requests[2]["messages"]] == ["first", "One", "third"]


def test_an_answer_cannot_drive_the_terminal():
    with Place() as place, StandIn(["\x1b[2Jgone\x07"]) as other:
        with Terminal([STUDIO, "run", "other", "hi"], {**place.env, **other.env}, place.home) as terminal:
            terminal.wait_for("^[[2Jgone^G")
            assert terminal.end() == 0
