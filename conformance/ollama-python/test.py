"""The Ollama Python client, unmodified: sync, async, streams, thinking, options, models, errors."""
import asyncio
import functools
import json
import sys
from typing import Literal

import httpx
import ollama
from pydantic import BaseModel
from run_cases import run_cases
from studio import KEY, MODEL, URL, key_held, queue_filled, until_idle

MESSAGES = [{"role": "user", "content": "What is a violin?"}]
OPTIONS = {"temperature": 0, "num_predict": 8}
FIXED = dict(model=MODEL, messages=MESSAGES, options=OPTIONS, think=False)
PROMPTED = dict(model=MODEL, prompt="What is a violin?", options=OPTIONS, think=False)

ROOMY = {"temperature": 0, "num_predict": 200}
THOUGHTFUL = {**FIXED, "think": True, "options": ROOMY}

PLACE = {"type": "object", "properties": {"city": {"enum": ["Paris"]}}, "required": ["city"], "additionalProperties": False}
WEATHER = {"type": "function", "function": {"name": "get_weather", "description": "The weather of a city.",
           "parameters": {"type": "object", "properties": {"city": {"type": "string", "enum": ["Paris"]}}, "required": ["city"]}}}


@functools.cache
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


def test_models_list():
    assert MODEL in [model.model for model in client().list().models]


def test_models_show():
    assert {"completion", "tools", "thinking"} <= set(client().show(MODEL).capabilities)
    refused(lambda: client().show("no-such-model"), 404, "no-such-model")


def test_models_loaded():
    assert MODEL in [model.model for model in client().ps().models]


def test_chat():
    answer = client().chat(**FIXED)
    assert answer.message.role == "assistant" and answer.message.content and answer.done


def test_conversation():
    answer = client().chat(**{**FIXED, "messages": [*MESSAGES, {"role": "assistant", "content": "An instrument."}, *MESSAGES]})
    assert answer.message.content and answer.prompt_eval_count > client().chat(**FIXED).prompt_eval_count


def test_usage():
    answer = client().chat(**FIXED)
    assert answer.message.role == "assistant" and answer.message.content and answer.done and answer.done_reason == "length"
    assert answer.eval_count == 8 and answer.prompt_eval_count > 0 and answer.total_duration >= answer.eval_duration


def test_stream():
    parts = list(client().chat(**FIXED, stream=True))
    whole = client().chat(**FIXED)
    assert "".join(part.message.content for part in parts) == whole.message.content
    assert [part.done for part in parts] == [False] * (len(parts) - 1) + [True] and parts[-1].eval_count == whole.eval_count


def test_stream_end():
    parts = list(client().chat(**FIXED, stream=True))
    assert [part.done for part in parts] == [False] * (len(parts) - 1) + [True] and parts[-1].done_reason == "length"


def test_stream_usage():
    *_, last = client().chat(**FIXED, stream=True)
    assert last.eval_count == 8 and last.prompt_eval_count == client().chat(**FIXED).prompt_eval_count


def test_thinking():
    message = client().chat(**THOUGHTFUL).message
    assert message.thinking and message.content


def test_thinking_off():
    assert not client().chat(**FIXED).message.thinking


def test_thinking_streamed():
    parts = client().chat(**THOUGHTFUL, stream=True)
    assert "".join(part.message.thinking or "" for part in parts) == client().chat(**THOUGHTFUL).message.thinking


def test_prompt_as_chat():
    whole = client().generate(**PROMPTED)
    assert whole.response == client().chat(**FIXED).message.content
    assert "".join(part.response for part in client().generate(**PROMPTED, stream=True)) == whole.response


def test_raw_prompt():
    raw = client().generate(model=MODEL, prompt="The violin is", raw=True, options=OPTIONS)
    assert raw.response and raw.prompt_eval_count < client().generate(**PROMPTED).prompt_eval_count


def test_system():
    chat = client().chat(**{**FIXED, "messages": [{"role": "system", "content": "Answer in French."}, *MESSAGES]})
    assert chat.message.content == client().generate(**PROMPTED, system="Answer in French.").response
    assert chat.message.content != client().chat(**FIXED).message.content


def draw(**options):
    return client().chat(**{**FIXED, "options": {"temperature": 1, "seed": 5, "num_predict": 20, **options}})


def test_seed():
    text = draw().message.content
    assert draw().message.content == text != draw(seed=6).message.content


def test_greedy():
    assert draw(temperature=0).message.content == draw(temperature=0, seed=6).message.content


def test_sampling():
    fields = dict(top_k=20, top_p=0.9, min_p=0.01, repeat_penalty=1.1, presence_penalty=0.1, frequency_penalty=0.1)
    assert draw(**fields).message.content == draw(**fields).message.content


def test_stop():
    text = draw().message.content
    cut = draw(stop=[text[4:7]])
    assert cut.message.content == text[:text.index(text[4:7])] and cut.done_reason == "stop"


def test_max_tokens():
    answer = draw(num_predict=1)
    assert answer.eval_count == 1 and answer.done_reason == "length"


def test_options():
    typed = ollama.Options(temperature=0, num_predict=8, num_ctx=512, num_thread=2)
    assert client().chat(**{**FIXED, "options": typed}).message.content == client().chat(**FIXED).message.content


def test_logprobs():
    tokens = client().chat(**FIXED, logprobs=True, top_logprobs=2).logprobs
    assert len(tokens) == 8 and all(token.logprob <= 0 and len(token.top_logprobs) == 2 for token in tokens)


def test_model_tag():
    assert client().chat(**{**FIXED, "model": MODEL + ":latest"}).message.content == client().chat(**FIXED).message.content


def test_model_load():
    assert client().chat(model=MODEL).done_reason == "load"
    assert client().generate(model=MODEL, keep_alive="5m").done_reason == "load"


def test_continues():
    begun = [*MESSAGES, {"role": "assistant", "content": "A violin is"}]
    assert client().chat(**{**FIXED, "messages": begun}).message.content


def test_abort_stream():
    for count, part in enumerate(client().chat(**{**FIXED, "options": {"temperature": 1, "num_predict": 1500}}, stream=True)):
        assert not part.done
        if count == 3:
            break
    until_idle()


def test_unicode():
    said = "小提琴🎻é"
    asked = {**FIXED, "messages": [{"role": "user", "content": said}], "format": {"enum": [said]}, "options": ROOMY}
    assert json.loads(client().chat(**asked).message.content) == said
    assert json.loads("".join(part.message.content for part in client().chat(**asked, stream=True))) == said


def open_async():
    return ollama.AsyncClient(host=URL, headers={"Authorization": "Bearer " + KEY})


def test_asynchronous():
    async def run():
        studio = open_async()
        text = "".join([part.message.content async for part in await studio.chat(**FIXED, stream=True)])
        assert text == (await studio.chat(**FIXED)).message.content == client().chat(**FIXED).message.content
    asyncio.run(run())


def test_concurrent():
    async def run():
        studio = open_async()
        return await asyncio.gather(*(studio.chat(**FIXED) for _ in range(6)))
    assert len({answer.message.content for answer in asyncio.run(run())}) == 1


def test_abort_call():
    async def run():
        long = [{"role": "user", "content": "word " * 1500}]
        task = asyncio.create_task(open_async().chat(**{**FIXED, "messages": long, "options": {"num_predict": 1500}}))
        await asyncio.sleep(0.005)
        task.cancel()
        try:
            await task
            raise AssertionError("not cancelled")
        except asyncio.CancelledError:
            pass
    asyncio.run(run())
    until_idle()


def test_timeout():
    hasty = ollama.Client(host=URL, headers={"Authorization": "Bearer " + KEY}, timeout=0.01)
    long = {**FIXED, "messages": [{"role": "user", "content": "word " * 1500}], "options": {"num_predict": 1500}}
    try:
        hasty.chat(**long)
        raise AssertionError("answered")
    except httpx.TimeoutException:
        pass
    until_idle()


def test_error_401():
    refused(lambda: client("sk-wrong").chat(**FIXED), 401, "valid key")


def test_error_404():
    refused(lambda: client().chat(**{**FIXED, "model": "no-such-model"}), 404, "no-such-model")


def test_error_400():
    for change, words in (({"options": {"temperature": 3}}, "options.temperature"), ({"options": {"mirostat": 2}}, "options.mirostat"),
                          ({"options": {"num_ctx": 1 << 20}}, "options.num_ctx"), ({"think": "high"}, "think")):
        refused(lambda change=change: client().chat(**{**FIXED, **change}), 400, words)


def test_long_prompt():
    refused(lambda: client().chat(**{**FIXED, "messages": [{"role": "user", "content": "x y " * 20000}]}), 400, "tokens; the prompt has")


def test_error_path():
    refused(lambda: client().pull("x"), 404, "nothing at this path")


def test_error_connection():
    try:
        ollama.Client(host="http://127.0.0.1:9").chat(**FIXED)
        raise AssertionError("answered")
    except (ConnectionError, httpx.ConnectError):
        pass


def test_error_messages():
    refused(lambda: client().chat(**{**FIXED, "messages": [{"role": "robot", "content": "x"}]}), 400, "messages[0].role")


def test_error_413():
    refused(lambda: client().chat(**{**FIXED, "messages": [{"role": "user", "content": "x" * (9 << 20)}]}), 413, "")


def test_error_429():
    with key_held():
        refused(lambda: client().chat(**FIXED), 429, "")


def test_error_503():
    with queue_filled():
        refused(lambda: client().chat(**FIXED), 503, "")


def test_error_before_stream():
    refused(lambda: list(client().chat(**{**FIXED, "options": {"temperature": 3}}, stream=True)), 400, "options.temperature")


def test_tools_auto():
    answer = client().chat(**FIXED, tools=[WEATHER])
    assert answer.message.content or answer.message.tool_calls
    assert answer.prompt_eval_count > client().chat(**FIXED).prompt_eval_count + 50  # the model sees the tools


def test_tools_helper():
    def get_weather(city: str) -> str:
        """The weather of a city.

        Args:
            city: its name
        """
        return city

    as_function = client().chat(**FIXED, tools=[get_weather])
    assert as_function.prompt_eval_count > client().chat(**FIXED).prompt_eval_count + 50


def test_tools_results():
    call = {"function": {"name": "get_weather", "arguments": {"city": "Paris"}}}
    turns = [*MESSAGES, {"role": "assistant", "tool_calls": [call]}, {"role": "tool", "content": "It rains.", "tool_name": "get_weather"}]
    answer = client().chat(**{**FIXED, "messages": turns}, tools=[WEATHER])
    assert answer.message.content or answer.message.tool_calls


def test_tools_refused():
    refused(lambda: client().chat(**FIXED, tools=[{"type": "function", "function": {"name": "f g", "description": "d"}}]), 400, "tools")


def test_schema():
    held = {"format": PLACE, "options": ROOMY}
    assert json.loads(client().chat(**{**FIXED, **held}).message.content) == {"city": "Paris"}
    assert json.loads(client().generate(**{**PROMPTED, **held}).response) == {"city": "Paris"}


def test_schema_object():
    asked = [{"role": "user", "content": "A JSON object, please."}]
    assert client().chat(**{**FIXED, "messages": asked}, format="json").message.content.lstrip().startswith("{")


def test_schema_streamed():
    parts = client().chat(**{**FIXED, "format": PLACE, "options": ROOMY}, stream=True)
    assert json.loads("".join(part.message.content for part in parts)) == {"city": "Paris"}


def test_schema_thinking():
    message = client().chat(**THOUGHTFUL, format=PLACE).message
    assert message.thinking and json.loads(message.content) == {"city": "Paris"}


def test_schema_helper():
    class Place(BaseModel, extra="forbid"):
        city: Literal["Paris"]

    answer = client().chat(**{**FIXED, "options": ROOMY}, format=Place.model_json_schema())
    assert Place.model_validate_json(answer.message.content) == Place(city="Paris")


def test_schema_refused():
    refused(lambda: client().chat(**FIXED, format={"type": "array", "minItems": 3, "maxItems": 2}), 400, "format#/minItems")


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
