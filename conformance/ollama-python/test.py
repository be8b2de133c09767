"""The Ollama Python client, unmodified: sync, async, streams, thinking, options, models, errors."""
import asyncio
import os
import sys

import httpx
import ollama
from run_cases import run_cases

MODEL, URL, KEY = os.environ["STUDIO_MODEL"], os.environ["STUDIO_URL"], os.environ["OPENAI_API_KEY"]
MESSAGES = [{"role": "user", "content": "What is a violin?"}]
OPTIONS = {"temperature": 0, "num_predict": 8}
FIXED = dict(model=MODEL, messages=MESSAGES, options=OPTIONS, think=False)
PROMPTED = dict(model=MODEL, prompt="What is a violin?", options=OPTIONS, think=False)


def client(key=KEY):
    return ollama.Client(host=URL, headers={"Authorization": "Bearer " + key})


def refused(call, status, words):
    try:
        call()
    except ollama.ResponseError as error:
        assert error.status_code == status, f"{error.status_code}, not {status}: {error}"
        assert words in error.error, f"{words!r} is not in {error.error!r}"
        return
    raise AssertionError("taken")


def test_models():
    assert MODEL in [model.model for model in client().list().models]
    assert MODEL in [model.model for model in client().ps().models]
    assert "completion" in client().show(MODEL).capabilities


def test_chat_with_exact_counts():
    answer = client().chat(**FIXED)
    assert answer.message.role == "assistant" and answer.message.content and answer.done and answer.done_reason == "length"
    assert answer.eval_count == 8 and answer.prompt_eval_count > 0 and answer.total_duration >= answer.eval_duration


def test_stream_equals_whole():
    parts = list(client().chat(**FIXED, stream=True))
    whole = client().chat(**FIXED)
    assert "".join(part.message.content for part in parts) == whole.message.content
    assert [part.done for part in parts] == [False] * (len(parts) - 1) + [True] and parts[-1].eval_count == whole.eval_count


def test_thinking_apart():
    thinks = {**FIXED, "think": True, "options": {"temperature": 0, "num_predict": 60}}
    answer = client().chat(**thinks)
    assert answer.message.thinking
    assert "".join(part.message.thinking or "" for part in client().chat(**thinks, stream=True)) == answer.message.thinking


def test_generate():
    whole = client().generate(**PROMPTED)
    assert whole.response == client().chat(**FIXED).message.content
    assert "".join(part.response for part in client().generate(**PROMPTED, stream=True)) == whole.response


def test_generate_raw():
    raw = client().generate(model=MODEL, prompt="The violin is", raw=True, options=OPTIONS)
    assert raw.response and raw.prompt_eval_count < client().generate(**PROMPTED).prompt_eval_count


def test_system_either_way():
    chat = client().chat(**{**FIXED, "messages": [{"role": "system", "content": "Answer in French."}, *MESSAGES]})
    assert chat.message.content == client().generate(**PROMPTED, system="Answer in French.").response
    assert chat.message.content != client().chat(**FIXED).message.content


def test_seed_stop_and_limits():
    def draw(**options):
        return client().chat(**{**FIXED, "options": {"temperature": 1, "seed": 5, "num_predict": 20, **options}})
    text = draw().message.content
    assert draw().message.content == text != draw(seed=6).message.content
    stop = text[4:7]
    cut = draw(stop=[stop])
    assert cut.message.content == text[:text.index(stop)] and cut.done_reason == "stop"
    assert draw(num_predict=1).eval_count == 1


def test_typed_options():
    typed = ollama.Options(temperature=0, num_predict=8, num_ctx=512, num_thread=2)
    assert client().chat(**{**FIXED, "options": typed}).message.content == client().chat(**FIXED).message.content


def test_logprobs():
    tokens = client().chat(**FIXED, logprobs=True, top_logprobs=2).logprobs
    assert len(tokens) == 8 and all(token.logprob <= 0 and len(token.top_logprobs) == 2 for token in tokens)


def test_model_with_its_tag():
    assert client().chat(**{**FIXED, "model": MODEL + ":latest"}).message.content == client().chat(**FIXED).message.content


def test_a_request_that_asks_nothing_loads():
    assert client().chat(model=MODEL).done_reason == "load"
    assert client().generate(model=MODEL, keep_alive="5m").done_reason == "load"


def test_continues_the_assistant():
    begun = [*MESSAGES, {"role": "assistant", "content": "A violin is"}]
    assert client().chat(**{**FIXED, "messages": begun}).message.content


def test_stream_left_early():
    for count, part in enumerate(client().chat(**{**FIXED, "options": {"temperature": 1, "num_predict": 1500}}, stream=True)):
        assert not part.done
        if count == 3:
            break
    assert client().chat(**FIXED).message.content


def test_unicode():
    assert client().chat(**{**FIXED, "messages": [{"role": "user", "content": "小提琴是什么？🎻"}]}).prompt_eval_count > 5


def test_async():
    async def run():
        studio = ollama.AsyncClient(host=URL, headers={"Authorization": "Bearer " + KEY})
        answers = await asyncio.gather(*(studio.chat(**FIXED) for _ in range(4)))
        assert len({answer.message.content for answer in answers}) == 1
        text = "".join([part.message.content async for part in await studio.chat(**FIXED, stream=True)])
        assert text == answers[0].message.content
        long = [{"role": "user", "content": "word " * 1500}]
        task = asyncio.create_task(studio.chat(**{**FIXED, "messages": long, "options": {"num_predict": 1500}}))
        await asyncio.sleep(0.005)
        task.cancel()
        try:
            await task
            raise AssertionError("not cancelled")
        except asyncio.CancelledError:
            pass
    asyncio.run(run())


def test_wrong_key():
    refused(lambda: client("sk-wrong").chat(**FIXED), 401, "valid key")


def test_unknown_model():
    refused(lambda: client().chat(**{**FIXED, "model": "no-such-model"}), 404, "no-such-model")
    refused(lambda: client().show("no-such-model"), 404, "no-such-model")


def test_what_cannot_be_honoured_is_named():
    for change, words in (({"options": {"temperature": 3}}, "options.temperature"), ({"options": {"mirostat": 2}}, "options.mirostat"),
                          ({"options": {"num_ctx": 1 << 20}}, "options.num_ctx"), ({"think": "high"}, "think"),
                          ({"tools": [{"type": "function", "function": {"name": "f g", "description": "d"}}]}, "tools"),
                          ({"format": {"type": "array", "minItems": 3, "maxItems": 2}}, "format")):
        refused(lambda change=change: client().chat(**{**FIXED, **change}), 400, words)


def test_prompt_over_the_context():
    refused(lambda: client().chat(**{**FIXED, "messages": [{"role": "user", "content": "x y " * 20000}]}), 400, "tokens; the prompt has")


def test_not_offered():
    refused(lambda: client().pull("x"), 404, "nothing at this path")


def test_connection_error():
    try:
        ollama.Client(host="http://127.0.0.1:9").chat(**FIXED)
        raise AssertionError("answered")
    except (ConnectionError, httpx.ConnectError):
        pass


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
