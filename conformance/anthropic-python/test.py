"""The official Anthropic Python SDK, unmodified: sync, async, streaming, abort, every error class that this API can bring about."""
import asyncio
import base64
import functools
import json
import random
import sys

import anthropic
from run_cases import run_cases
from studio import KEY, MODEL, URL, key_held, queue_filled, until_idle, while_held

DOORS = [URL, URL + "/apps/anthropic"]
MESSAGES = [{"role": "user", "content": "What is a violin?"}]
FIXED = dict(model=MODEL, messages=MESSAGES, max_tokens=8, extra_body={"temperature": 0})  # which this version takes no argument for
NO_THINKING = {**FIXED, "thinking": {"type": "disabled"}}

PLACE = {"type": "object", "properties": {"city": {"enum": ["Paris"]}}, "required": ["city"], "additionalProperties": False}
WEATHER = {"name": "get_weather", "description": "The weather of a city.", "input_schema": PLACE}
CLOCK = {"name": "get_time", "input_schema": {"type": "object", "properties": {}}}
CALLING = {**NO_THINKING, "max_tokens": 200, "tools": [WEATHER, CLOCK], "tool_choice": {"type": "tool", "name": "get_weather"}}
HELD = {"format": {"type": "json_schema", "schema": PLACE}}


@functools.cache
def client(**options):
    return anthropic.Anthropic(**{"base_url": URL, "api_key": KEY, "max_retries": 0, **options})


def open_async():
    return anthropic.AsyncAnthropic(base_url=URL, api_key=KEY, max_retries=0)


def large():
    """Long enough to be under way still when it is left."""
    return {**FIXED, "max_tokens": 1500, "messages": [{"role": "user", "content": f"{random.random()} " + "word " * 1500}]}


def text_of(message):
    return "".join(block.text for block in message.content if block.type == "text")


def calls_of(message):
    return [block for block in message.content if block.type == "tool_use"]


def types_of(message):
    return [block.type for block in message.content]


def raises(kind, call, *words, **expected):
    try:
        call()
    except anthropic.AnthropicError as error:
        assert type(error) is kind, f"{type(error).__name__}, not {kind.__name__}: {error}"
        for name, value in expected.items():
            assert getattr(error, name) == value, f"{name}: {getattr(error, name)!r} is not {value!r}"
        for word in words:
            assert word in str(error), f"{word!r} is not in {error}"
        return
    raise AssertionError(f"no {kind.__name__}")


def test_models_list():
    page = client().models.list()
    assert MODEL in [model.id for model in page.data]


def test_models_show():
    model = client().models.retrieve(MODEL)
    assert model.type == "model" and model.created_at.year >= 2020
    raises(anthropic.NotFoundError, lambda: client().models.retrieve("no-such-model"))


def test_usage():
    answer = client().messages.create(**FIXED)
    assert types_of(answer) == ["thinking", "text"] and answer.stop_reason == "max_tokens" and answer.role == "assistant"
    counted = client().messages.count_tokens(model=MODEL, messages=MESSAGES).input_tokens
    assert answer.usage.input_tokens + answer.usage.cache_read_input_tokens == counted
    assert answer._request_id


def test_thinking():
    thought, text = client().messages.create(**FIXED).content
    assert thought.type == "thinking" and thought.thinking and thought.thinking not in text.text


def test_thinking_off():
    answer = client().messages.create(**NO_THINKING)
    assert types_of(answer) == ["text"] and answer.usage.output_tokens == 8


def test_thinking_budget():
    answer = client().messages.create(**{**FIXED, "thinking": {"type": "enabled", "budget_tokens": 4}})
    assert answer.usage.output_tokens <= 8 + 4 + 8


def test_chat():
    answer = client().messages.create(**FIXED)
    assert answer.type == "message" and answer.role == "assistant" and text_of(answer)


def test_conversation():
    turns = [*MESSAGES, {"role": "assistant", "content": "An instrument."}, {"role": "user", "content": "And a cello?"}]
    assert text_of(client().messages.create(**{**NO_THINKING, "messages": turns}))
    counted = [client().messages.count_tokens(model=MODEL, messages=messages).input_tokens for messages in (MESSAGES, turns)]
    assert counted[0] < counted[1]


def test_stream_end():
    ends = [event.delta.stop_reason for event in client().messages.create(**FIXED, stream=True) if event.type == "message_delta"]
    assert ends == [client().messages.create(**FIXED).stop_reason]


def test_stream_usage():
    usage = [event.usage for event in client().messages.create(**FIXED, stream=True) if event.type == "message_delta"][-1]
    assert usage.output_tokens == client().messages.create(**FIXED).usage.output_tokens


def test_stream():
    whole = client().messages.create(**FIXED)
    text, kinds, usage = "", [], None
    for event in client().messages.create(**FIXED, stream=True):
        kinds.append(event.type)
        if event.type == "content_block_delta" and event.delta.type == "text_delta":
            text += event.delta.text
        if event.type == "message_delta":
            usage = event.usage
    assert text == text_of(whole) and kinds[0] == "message_start" and kinds[-2:] == ["message_delta", "message_stop"]
    assert usage.output_tokens == whole.usage.output_tokens


def test_kept_answers():
    whole = client().messages.create(**FIXED, extra_headers={"Idempotency-Key": "py-2"})
    assert client().messages.create(**FIXED, extra_headers={"Idempotency-Key": "py-2"}) == whole
    with client().messages.stream(**FIXED, extra_headers={"X-Studio-Resume": "1"}) as stream:
        assert text_of(stream.get_final_message()) == text_of(whole)


def test_stream_helper():
    whole = client().messages.create(**FIXED)
    with client().messages.stream(**FIXED) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert text == text_of(final) == text_of(whole) and types_of(final) == ["thinking", "text"]


def test_system():
    as_text = client().messages.create(**NO_THINKING, system="Answer in French.")
    as_blocks = client().messages.create(**NO_THINKING, system=[{"type": "text", "text": "Answer in French.", "cache_control": {"type": "ephemeral"}}])
    assert text_of(as_text) == text_of(as_blocks) != text_of(client().messages.create(**NO_THINKING))


def test_content_parts():
    blocks = [{"role": "user", "content": [{"type": "text", "text": MESSAGES[0]["content"]}]}]
    assert text_of(client().messages.create(**{**FIXED, "messages": blocks})) == text_of(client().messages.create(**FIXED))


def test_thinking_history():
    first = client().messages.create(**FIXED)
    again = [*MESSAGES, {"role": "assistant", "content": first.content}, *MESSAGES]
    assert client().messages.create(**{**FIXED, "messages": again}).content


def test_continues():
    begun = [*MESSAGES, {"role": "assistant", "content": "A violin is"}]
    assert text_of(client().messages.create(**{**NO_THINKING, "messages": begun}))


def test_stop():
    text = text_of(client().messages.create(**{**NO_THINKING, "max_tokens": 40}))
    stop = text[4:7]
    cut = client().messages.create(**{**NO_THINKING, "max_tokens": 40, "stop_sequences": [stop]})
    assert text_of(cut) == text[:text.index(stop)] and cut.stop_reason == "end_turn" and cut.stop_sequence is None


def test_unicode():
    said = "小提琴🎻é"
    asked = {**NO_THINKING, "max_tokens": 60, "messages": [{"role": "user", "content": said}]}
    held = {"format": {"type": "json_schema", "schema": {"enum": [said]}}}
    assert json.loads(text_of(client().messages.create(**asked, output_config=held))) == said
    with client().messages.stream(**asked, output_config=held) as stream:
        assert json.loads("".join(stream.text_stream)) == said


def test_cached_tokens():
    long = [{"role": "user", "content": "word " * 200}]
    client().messages.create(**{**FIXED, "messages": long})
    assert client().messages.create(**{**FIXED, "messages": long}).usage.cache_read_input_tokens > 0


def test_held_prompt():
    system = [{"type": "text", "text": "Page one. " * 600, "cache_control": {"type": "ephemeral"}}]
    usages = [client().messages.create(**{**NO_THINKING, "system": system, "messages": [{"role": "user", "content": question}]}).usage
              for question in ("Why?", "How?")]
    made, found = usages
    assert made.cache_creation_input_tokens >= 1024 and made.cache_read_input_tokens == 0, made
    assert (found.cache_creation_input_tokens, found.cache_read_input_tokens) == (0, made.cache_creation_input_tokens), found
    assert 0 < found.input_tokens < 64, found


def test_sampling():
    answer = client().messages.create(**{**FIXED, "extra_body": {"temperature": 1.5, "top_p": 0.9, "top_k": 5}})
    assert answer.content


def test_abort_stream():
    stream = client().messages.create(**{**FIXED, "max_tokens": 1500}, stream=True)
    for count, _ in enumerate(stream):
        if count == 3:
            stream.close()
            break
    assert client().messages.create(**FIXED).content


def test_doors():
    wanted = text_of(client().messages.create(**FIXED))
    for door in DOORS:
        for credentials in ({"api_key": KEY}, {"api_key": None, "auth_token": KEY}):
            assert text_of(client(base_url=door, **credentials).messages.create(**FIXED)) == wanted
    assert text_of(client().beta.messages.create(**FIXED, betas=["some-beta-2026-01-01"])) == wanted


def test_asynchronous():
    async def run():
        async with open_async() as studio:
            async with studio.messages.stream(**FIXED) as stream:
                text = "".join([text async for text in stream.text_stream])
            assert text == text_of(await studio.messages.create(**FIXED)) == text_of(client().messages.create(**FIXED))
    asyncio.run(run())


def test_concurrent():
    async def run():
        async with open_async() as studio:
            return await asyncio.gather(*(studio.messages.create(**FIXED) for _ in range(6)))
    assert len({text_of(answer) for answer in asyncio.run(run())}) == 1


def test_abort_call():
    async def run():
        async with open_async() as studio:
            task = asyncio.create_task(studio.messages.create(**large()))
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
    raises(anthropic.APITimeoutError, lambda: client().messages.create(**large(), timeout=0.005))
    until_idle()


def test_ignored_fields():
    raw = client().messages.with_raw_response.create(**FIXED, metadata={"user_id": "u"})
    assert raw.headers["x-studio-ignored"] == "metadata" and raw.headers["request-id"]


def test_error_401():
    raises(anthropic.AuthenticationError, lambda: client(api_key="sk-wrong").messages.create(**FIXED), status_code=401)


def test_error_404():
    raises(anthropic.NotFoundError, lambda: client().messages.create(**{**FIXED, "model": "no-such-model"}), "no-such-model")


def test_error_path():
    raises(anthropic.NotFoundError, client().messages.batches.list)


def test_error_400():
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": base64.b64encode(b"x").decode()}}
    for change, field in (({"extra_body": {"temperature": 3}}, "temperature"), ({"extra_body": {"top_k": -4}}, "top_k"), ({"messages": []}, "messages"),
                          ({"max_tokens": 0}, "max_tokens"), ({"tools": [{"name": "f g", "input_schema": {"type": "object"}}]}, "tools"),
                          ({"stop_sequences": [""]}, "stop_sequences[0]"),
                          ({"messages": [{"role": "user", "content": [image]}]}, "messages[0].content[0].type"),
                          ({"thinking": {"type": "often"}}, "thinking.type")):
        raises(anthropic.BadRequestError, lambda change=change: client().messages.create(**{**FIXED, **change}), field, status_code=400)


def test_error_unknown_field():
    raises(anthropic.BadRequestError, lambda: client().messages.create(**{**FIXED, "extra_body": {"stop_sequence": ["x"]}}), "stop_sequences")


def test_long_prompt():
    long = [{"role": "user", "content": "x y " * 20000}]
    raises(anthropic.BadRequestError, lambda: client().messages.create(**{**FIXED, "messages": long}), "prompt is too long")


def test_error_413():
    huge = [{"role": "user", "content": "x" * (40 << 20)}]
    try:
        client().messages.create(**{**FIXED, "messages": huge})
        raise AssertionError("taken")
    except anthropic.APIConnectionError:
        pass
    except anthropic.APIStatusError as error:
        assert error.status_code == 413


def test_error_connection():
    raises(anthropic.APIConnectionError, lambda: client(base_url="http://127.0.0.1:9").messages.create(**FIXED))


def test_error_before_stream():
    raises(anthropic.BadRequestError, lambda: client().messages.create(**{**FIXED, "extra_body": {"temperature": 3}}, stream=True), "temperature")


def test_error_429():
    with key_held():
        raises(anthropic.RateLimitError, lambda: client().messages.create(**FIXED), status_code=429)


def test_error_503():
    with queue_filled():
        raises(anthropic.OverloadedError, lambda: client().messages.create(**FIXED), status_code=529)


def test_retry_429():
    assert text_of(while_held(key_held, lambda: client(max_retries=5).messages.create(**FIXED)))


def test_retry_503():
    assert text_of(while_held(queue_filled, lambda: client(max_retries=5).messages.create(**FIXED)))


def test_max_tokens():
    answer = client().messages.create(**{**NO_THINKING, "max_tokens": 3})
    assert answer.usage.output_tokens == 3 and answer.stop_reason == "max_tokens"


def test_greedy():
    assert text_of(client().messages.create(**NO_THINKING)) == text_of(client().messages.create(**NO_THINKING))


def test_tools_auto():
    answer = client().messages.create(**{**CALLING, "tool_choice": {"type": "auto"}})
    assert (answer.stop_reason == "tool_use") == bool(calls_of(answer))
    counted = [client().messages.count_tokens(model=MODEL, messages=MESSAGES, **more).input_tokens for more in ({}, {"tools": CALLING["tools"]})]
    assert counted[1] > counted[0] + 50  # the model sees the tools


def test_tools_required():
    answer = client().messages.create(**{**CALLING, "tools": [WEATHER], "tool_choice": {"type": "any"}})
    assert answer.stop_reason == "tool_use" and [(call.name, call.input) for call in calls_of(answer)] == [("get_weather", {"city": "Paris"})]


def test_tools_named():
    assert calls_of(client().messages.create(**CALLING))[0].name == "get_weather"


def test_tools_none():
    answer = client().messages.create(**{**CALLING, "tool_choice": {"type": "none"}})
    assert not calls_of(answer) and text_of(answer)


def test_tools_single():
    answer = client().messages.create(**{**CALLING, "tool_choice": {"type": "any", "disable_parallel_tool_use": True}})
    assert len(calls_of(answer)) == 1


def test_tools_streamed():
    call = calls_of(client().messages.create(**CALLING))[0]
    with client().messages.stream(**CALLING) as stream:
        events = list(stream)
        final = stream.get_final_message()
    pieces = [event.delta.partial_json for event in events if event.type == "content_block_delta" and event.delta.type == "input_json_delta"]
    assert json.loads("".join(pieces)) == call.input == calls_of(final)[0].input and final.stop_reason == "tool_use"


def test_tools_results():
    content = client().messages.create(**CALLING).content

    def ask(tool_use_id, choice):
        result = {"type": "tool_result", "tool_use_id": tool_use_id, "content": "It rains."}
        turns = [*MESSAGES, {"role": "assistant", "content": content}, {"role": "user", "content": [result]}]
        return client().messages.create(**{**CALLING, "tool_choice": {"type": choice}, "messages": turns})

    assert text_of(ask(content[-1].id, "none"))
    raises(anthropic.BadRequestError, lambda: ask("toolu_other", "auto"), status_code=400)


def test_tools_helper():
    asked = []

    @anthropic.beta_tool
    def get_weather(city: str) -> str:
        """The weather of a city.

        Args:
            city: its name
        """
        asked.append(city)
        return "It rains."

    # Without a thread: the conversation is held by the client, not by the vendor's servers.
    runner = client().beta.messages.tool_runner(**{**NO_THINKING, "max_tokens": 300}, tools=[get_weather], thread=False,
                                                tool_choice={"type": "tool", "name": "get_weather"}, max_iterations=2)
    assert len(list(runner)) == 2 and asked


def test_tools_refused():
    raises(anthropic.BadRequestError, lambda: client().messages.create(**FIXED, tools=[{**WEATHER, "name": "f g"}]), "tools[0]")


def test_tools_unknown():
    raises(anthropic.BadRequestError, lambda: client().messages.create(**{**CALLING, "tool_choice": {"type": "tool", "name": "other"}}), "tool_choice")


def test_schema():
    answer = client().messages.create(**{**NO_THINKING, "max_tokens": 100}, output_config=HELD)
    assert json.loads(text_of(answer)) == {"city": "Paris"} and answer.stop_reason == "end_turn"


def test_schema_streamed():
    with client().messages.stream(**{**NO_THINKING, "max_tokens": 100}, output_config=HELD) as stream:
        assert json.loads("".join(stream.text_stream)) == {"city": "Paris"}


def test_schema_thinking():
    answer = client().messages.create(**{**FIXED, "max_tokens": 200}, output_config=HELD)
    assert types_of(answer) == ["thinking", "text"] and json.loads(text_of(answer)) == {"city": "Paris"}


def test_schema_refused():
    impossible = {"format": {"type": "json_schema", "schema": {"type": "array", "minItems": 3, "maxItems": 2}}}
    raises(anthropic.BadRequestError, lambda: client().messages.create(**FIXED, output_config=impossible), "output_config.format.schema#/minItems")


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
