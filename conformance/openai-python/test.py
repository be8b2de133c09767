"""The official OpenAI Python SDK, unmodified: only its base URL and key point at studio.

403, 409 and 422 are not asked for: keys have no partial rights yet, nothing conflicts, and a bad field is a 400.
"""
import asyncio
import json
import sys

import openai
import platform_tests
import responses
from run_cases import run_cases
from studio import MODEL, key_held, queue_filled, until_idle, while_held

CLIENT = openai.OpenAI(max_retries=0)
CREATE = CLIENT.chat.completions.create
MESSAGES = [{"role": "user", "content": "What is a violin?"}]
PLAIN = {"enable_thinking": False}
FIXED = dict(model=MODEL, messages=MESSAGES, max_tokens=12, temperature=0, extra_body=PLAIN)
THOUGHTFUL = {**FIXED, "max_tokens": 200, "extra_body": {"enable_thinking": True}}
DRAWN = {**FIXED, "temperature": 1, "seed": 7}
LONG = {**FIXED, "max_tokens": 1500, "extra_body": {**PLAIN, "ignore_eos": True}}

PLACE = {"type": "object", "properties": {"city": {"enum": ["Paris"]}}, "required": ["city"], "additionalProperties": False}
WEATHER = {"type": "function", "function": {"name": "get_weather", "description": "The weather of a city.", "parameters": PLACE}}
CLOCK = {"type": "function", "function": {"name": "get_time", "parameters": {"type": "object", "properties": {}}}}
NAMED = {"type": "function", "function": {"name": "get_weather"}}
CALLING = {**FIXED, "max_tokens": 200, "tools": [WEATHER, CLOCK], "tool_choice": NAMED}
HELD = {"type": "json_schema", "json_schema": {"name": "place", "strict": True, "schema": PLACE}}


def say(content):
    return [{"role": "user", "content": content}]


def text_of(answer):
    return answer.choices[0].message.content


def joined(chunks, field="content", index=0):
    choices = [choice for chunk in chunks for choice in chunk.choices if choice.index == index]
    return "".join(getattr(choice.delta, field, None) or "" for choice in choices)


def check(error, kind, expected):
    assert isinstance(error, kind), f"{type(error).__name__}, not {kind.__name__}: {error}"
    for name, value in expected.items():
        assert getattr(error, name) == value, f"{name}: {getattr(error, name)!r} is not {value!r}"


def raises(kind, call, **expected):
    try:
        call()
    except openai.OpenAIError as error:
        return check(error, kind, expected)
    raise AssertionError(f"no {kind.__name__}")


async def raises_async(kind, awaitable, **expected):
    try:
        await awaitable
    except openai.OpenAIError as error:
        return check(error, kind, expected)
    raise AssertionError(f"no {kind.__name__}")


def test_models_list():
    assert MODEL in [model.id for model in CLIENT.models.list()]


def test_models_show():
    assert CLIENT.models.retrieve(MODEL).id == MODEL
    raises(openai.NotFoundError, lambda: CLIENT.models.retrieve("no-such-model"), code="model_not_found")


def test_chat():
    answer = CREATE(**FIXED)
    assert answer.choices[0].message.role == "assistant" and text_of(answer) and answer.choices[0].finish_reason in ("stop", "length")


def test_usage():
    usage = CREATE(**FIXED).usage
    assert usage.prompt_tokens > 5 and 0 < usage.completion_tokens <= 12
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


def test_system():
    assert text_of(CREATE(**{**FIXED, "messages": [{"role": "system", "content": "Answer in French."}, *MESSAGES]})) != text_of(CREATE(**FIXED))


def test_conversation():
    turns = [*MESSAGES, {"role": "assistant", "content": "An instrument."}, {"role": "user", "content": "And a cello?"}]
    answer = CREATE(**{**FIXED, "messages": turns})
    assert text_of(answer) and answer.usage.prompt_tokens > CREATE(**FIXED).usage.prompt_tokens


def test_content_parts():
    assert text_of(CREATE(**{**FIXED, "messages": say([{"type": "text", "text": "What is a violin?"}])})) == text_of(CREATE(**FIXED))


def test_continues():
    assert text_of(CREATE(**{**FIXED, "messages": [*MESSAGES, {"role": "assistant", "content": "A violin is", "partial": True}]}))


def test_completion():
    request = dict(model=MODEL, prompt="The violin is", max_tokens=8, temperature=0)
    chunks = CLIENT.completions.create(**request, stream=True)
    assert "".join(chunk.choices[0].text for chunk in chunks if chunk.choices) == CLIENT.completions.create(**request).choices[0].text


def test_echo():
    request = dict(model=MODEL, prompt="The violin is", max_tokens=4, temperature=0, logprobs=1)
    answer, plain = CLIENT.completions.create(**request, echo=True), CLIENT.completions.create(**request)
    choice, said = answer.choices[0], plain.choices[0]
    assert choice.text == "The violin is" + said.text == "".join(choice.logprobs.tokens)
    assert choice.logprobs.token_logprobs[0] is None and choice.logprobs.token_logprobs[answer.usage.prompt_tokens:] == said.logprobs.token_logprobs
    alone = CLIENT.completions.create(**{**request, "max_tokens": 0}, echo=True)
    assert alone.choices[0].text == "The violin is" and alone.usage.completion_tokens == 0


def test_request_id():
    assert CREATE(**FIXED)._request_id
    try:
        CREATE(**{**FIXED, "temperature": 3})
    except openai.BadRequestError as error:
        assert error.request_id


def test_raw_headers():
    raw = CLIENT.chat.completions.with_raw_response.create(**FIXED)
    assert raw.headers["x-request-id"] == raw.parse()._request_id


def test_ignored_fields():
    ignored = CLIENT.chat.completions.with_raw_response.create(**FIXED, user="u", metadata={"a": "b"}).headers["x-studio-ignored"]
    assert "user" in ignored and "metadata" in ignored


def test_max_tokens():
    for fields in ({"max_tokens": 5}, {"max_tokens": openai.omit, "max_completion_tokens": 5}):
        answer = CREATE(**{**LONG, **fields})
        assert answer.usage.completion_tokens == 5 and answer.choices[0].finish_reason == "length"


def test_stop():
    text = text_of(CREATE(**FIXED))
    cut = CREATE(**FIXED, stop=[text[4:7]])
    assert text_of(cut) == text[:text.index(text[4:7])] and cut.choices[0].finish_reason == "stop"


def test_seed():
    text = text_of(CREATE(**DRAWN))
    assert text_of(CREATE(**DRAWN)) == text != text_of(CREATE(**{**DRAWN, "seed": 8}))


def test_greedy():
    assert text_of(CREATE(**FIXED, seed=1)) == text_of(CREATE(**FIXED, seed=2))


def test_sampling():
    fields = {**DRAWN, "top_p": 0.9, "presence_penalty": 0.5, "frequency_penalty": 0.5}
    assert text_of(CREATE(**fields)) == text_of(CREATE(**fields))


def test_n():
    choices = CREATE(**DRAWN, n=3).choices
    assert [choice.index for choice in choices] == [0, 1, 2] and len({choice.message.content for choice in choices}) > 1


def test_logprobs():
    answer = CREATE(**FIXED, logprobs=True, top_logprobs=2)
    tokens = answer.choices[0].logprobs.content
    assert all(token.logprob <= 0 and len(token.top_logprobs) == 2 for token in tokens)
    assert "".join(token.token for token in tokens) == text_of(answer)


def test_extensions():
    assert text_of(CREATE(**{**DRAWN, "extra_body": {"top_k": 5, "repetition_penalty": 1.05}}))
    raises(openai.BadRequestError, lambda: CREATE(**{**DRAWN, "extra_body": {"top_k": -5}}), param="top_k")


def test_unicode():
    said = "小提琴🎻é"
    request = {**FIXED, "max_tokens": 60, "messages": say(said), "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"enum": [said]}}}}
    assert json.loads(text_of(CREATE(**request))) == said == json.loads(joined(CREATE(**request, stream=True)))


def test_cached_tokens():
    request = {**FIXED, "messages": say("word " * 200)}
    CREATE(**request)
    assert CREATE(**request).usage.prompt_tokens_details.cached_tokens > 0


def test_held_prompt():
    handbook = {"type": "text", "text": "Page one. " * 600, "cache_control": {"type": "ephemeral"}}
    usages = [CREATE(**{**FIXED, "messages": say([handbook, {"type": "text", "text": question}])}).usage for question in ("Why?", "How?")]
    made, found = [usage.prompt_tokens_details.to_dict() for usage in usages]
    assert made["cached_tokens"] == 0 and made["cache_creation_input_tokens"] >= 1024 and made["cache_type"] == "ephemeral", made
    assert made["cache_creation"] == {"ephemeral_5m_input_tokens": made["cache_creation_input_tokens"]}, made
    assert found["cached_tokens"] == made["cache_creation_input_tokens"] and found["cache_creation_input_tokens"] == 0, found


def test_thinking():
    answer = CREATE(**THOUGHTFUL)
    assert answer.choices[0].message.reasoning_content and text_of(answer)
    assert 0 < answer.usage.completion_tokens_details.reasoning_tokens < answer.usage.completion_tokens


def test_thinking_off():
    answer = CREATE(**FIXED)
    assert not getattr(answer.choices[0].message, "reasoning_content", None)
    assert answer.usage.completion_tokens_details.reasoning_tokens == 0


def test_thinking_budget():
    answer = CREATE(**{**THOUGHTFUL, "extra_body": {"enable_thinking": True, "thinking_budget": 4}})
    assert answer.usage.completion_tokens_details.reasoning_tokens <= 4 + 8  # what closes the thinking


def test_thinking_effort():
    asked = {**THOUGHTFUL, "extra_body": {}}
    little, budget = CREATE(**asked, reasoning_effort="minimal"), CREATE(**{**asked, "extra_body": {"thinking_budget": 256}})
    assert little.choices[0].message.reasoning_content == budget.choices[0].message.reasoning_content
    assert CREATE(**asked, reasoning_effort="none").usage.completion_tokens_details.reasoning_tokens == 0


def test_thinking_streamed():
    chunks, whole = list(CREATE(**THOUGHTFUL, stream=True)), CREATE(**THOUGHTFUL)
    assert joined(chunks, "reasoning_content") == whole.choices[0].message.reasoning_content and joined(chunks) == text_of(whole)


def test_stream():
    chunks = list(CREATE(**FIXED, stream=True))
    assert joined(chunks) == text_of(CREATE(**FIXED)) and len({chunk.id for chunk in chunks}) == 1


def test_stream_end():
    reasons = [chunk.choices[0].finish_reason for chunk in CREATE(**FIXED, stream=True)]
    assert [reason for reason in reasons if reason] == [CREATE(**FIXED).choices[0].finish_reason]


def test_stream_usage():
    *_, last = CREATE(**FIXED, stream=True, stream_options={"include_usage": True})
    assert not last.choices and last.usage.completion_tokens == CREATE(**FIXED).usage.completion_tokens


def test_stream_n():
    chunks = list(CREATE(**DRAWN, n=2, stream=True))
    assert [joined(chunks, index=i) for i in (0, 1)] == [choice.message.content for choice in CREATE(**DRAWN, n=2).choices]


def test_stream_helper():
    with CLIENT.chat.completions.stream(**FIXED) as stream:
        kinds = {event.type for event in stream}
        assert text_of(stream.get_final_completion()) == text_of(CREATE(**FIXED)) and {"chunk", "content.delta", "content.done"} <= kinds


def test_abort_stream():
    stream = CREATE(**LONG, stream=True)
    for count, _ in enumerate(stream):
        if count == 3:
            stream.close()
            break
    until_idle()


def test_asynchronous():
    async def run():
        async with openai.AsyncOpenAI(max_retries=0) as client:
            answer = await client.chat.completions.create(**FIXED)
            chunks = [chunk async for chunk in await client.chat.completions.create(**FIXED, stream=True)]
            assert joined(chunks) == text_of(answer) == text_of(CREATE(**FIXED))
    asyncio.run(run())


def test_concurrent():
    async def run():
        async with openai.AsyncOpenAI(max_retries=0) as client:
            return await asyncio.gather(*(client.chat.completions.create(**DRAWN) for _ in range(6)))
    assert len({text_of(answer) for answer in asyncio.run(run())}) == 1


def test_abort_call():
    async def run():
        async with openai.AsyncOpenAI(max_retries=0) as client:
            task = asyncio.create_task(client.chat.completions.create(**LONG))
            await asyncio.sleep(0.05)
            task.cancel()
            try:
                await task
                raise AssertionError("not cancelled")
            except asyncio.CancelledError:
                pass
    asyncio.run(run())
    until_idle()


def test_timeout():
    raises(openai.APITimeoutError, lambda: CREATE(**LONG, n=4, timeout=0.01))
    until_idle()


def test_retry_429():
    assert text_of(while_held(key_held, lambda: CLIENT.with_options(max_retries=5).chat.completions.create(**FIXED)))


def test_retry_503():
    assert text_of(while_held(queue_filled, lambda: CLIENT.with_options(max_retries=5).chat.completions.create(**FIXED)))


def test_error_400():
    for change, param in (({"temperature": 3}, "temperature"), ({"top_p": 2}, "top_p"), ({"n": 0}, "n"), ({"stop": [""]}, "stop[0]")):
        raises(openai.BadRequestError, lambda change=change: CREATE(**{**FIXED, **change}), status_code=400, param=param)


def test_error_unknown_field():
    raises(openai.BadRequestError, lambda: CREATE(**{**FIXED, "extra_body": {"temprature": 1}}), param="temprature")


def test_error_messages():
    raises(openai.BadRequestError, lambda: CREATE(**{**FIXED, "messages": []}), param="messages")
    raises(openai.BadRequestError, lambda: CREATE(**{**FIXED, "messages": [{"role": "robot", "content": "x"}]}), param="messages[0].role")


def test_error_401():
    raises(openai.AuthenticationError, openai.OpenAI(api_key="sk-wrong", max_retries=0).models.list, status_code=401, code="invalid_api_key")


def test_error_404():
    raises(openai.NotFoundError, lambda: CREATE(**{**FIXED, "model": "no-such-model"}), code="model_not_found")


def test_error_path():
    raises(openai.NotFoundError, lambda: CLIENT.get("/no-such-path", cast_to=object), status_code=404)


def test_error_413():
    raises(openai.APIStatusError, lambda: CREATE(**{**FIXED, "messages": say("x" * (9 << 20))}), status_code=413, code="payload_too_large")


def test_error_429():
    with key_held():
        raises(openai.RateLimitError, lambda: CREATE(**FIXED), status_code=429, code="limit_requests")


def test_error_503():
    with queue_filled():
        raises(openai.InternalServerError, lambda: CREATE(**FIXED), status_code=503, code="overloaded")


def test_error_connection():
    raises(openai.APIConnectionError, openai.OpenAI(base_url="http://127.0.0.1:9/v1", max_retries=0).models.list)


def test_error_before_stream():
    raises(openai.BadRequestError, lambda: CREATE(**{**FIXED, "temperature": 3}, stream=True), param="temperature")
    with key_held():
        raises(openai.RateLimitError, lambda: CREATE(**FIXED, stream=True))


def test_error_async():
    async def run():
        async with openai.AsyncOpenAI(max_retries=0) as client, openai.AsyncOpenAI(api_key="sk-wrong", max_retries=0) as stranger:
            create = client.chat.completions.create
            await raises_async(openai.AuthenticationError, stranger.chat.completions.create(**FIXED), status_code=401)
            await raises_async(openai.NotFoundError, client.models.retrieve("no-such-model"), code="model_not_found")
            await raises_async(openai.BadRequestError, create(**FIXED, stream=True, stop=[""]), param="stop[0]")
            await raises_async(openai.APITimeoutError, create(**LONG, n=4, timeout=0.01))
        async with openai.AsyncOpenAI(base_url="http://127.0.0.1:9/v1", max_retries=0) as nowhere:
            await raises_async(openai.APIConnectionError, nowhere.models.list())
    asyncio.run(run())
    until_idle()


def test_long_prompt():
    raises(openai.BadRequestError, lambda: CREATE(**{**FIXED, "messages": say("x y " * 20000)}), code="context_length_exceeded")


def test_tools_auto():
    answer = CREATE(**{**CALLING, "tool_choice": "auto"})
    assert (answer.choices[0].finish_reason == "tool_calls") == bool(answer.choices[0].message.tool_calls)
    assert answer.usage.prompt_tokens > CREATE(**FIXED).usage.prompt_tokens + 50  # the model sees the tools


def test_tools_required():
    choice = CREATE(**{**CALLING, "tools": [WEATHER], "tool_choice": "required"}).choices[0]
    assert choice.finish_reason == "tool_calls" and choice.message.tool_calls[0].id
    assert json.loads(choice.message.tool_calls[0].function.arguments) == {"city": "Paris"}


def test_tools_named():
    assert CREATE(**CALLING).choices[0].message.tool_calls[0].function.name == "get_weather"


def test_tools_none():
    choice = CREATE(**{**CALLING, "tool_choice": "none"}).choices[0]
    assert not choice.message.tool_calls and choice.message.content and choice.finish_reason != "tool_calls"


def test_tools_single():
    assert len(CREATE(**{**CALLING, "tool_choice": "required"}, parallel_tool_calls=False).choices[0].message.tool_calls) == 1


def test_tools_streamed():
    call = CREATE(**CALLING).choices[0].message.tool_calls[0]
    chunks = list(CREATE(**CALLING, stream=True))
    pieces = [piece for chunk in chunks for piece in chunk.choices[0].delta.tool_calls or []]
    assert pieces[0].function.name == call.function.name and {piece.index for piece in pieces} == {0}
    assert "".join(piece.function.arguments for piece in pieces) == call.function.arguments
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


def test_tools_results():
    message = CREATE(**CALLING).choices[0].message
    result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "It rains."}
    assert text_of(CREATE(**{**CALLING, "tool_choice": "none", "messages": [*MESSAGES, message, result]}))
    other = {**result, "tool_call_id": "call_other"}
    raises(openai.BadRequestError, lambda: CREATE(**{**CALLING, "messages": [*MESSAGES, message, other]}), param="messages[2].tool_call_id")


def test_tools_refused():
    raises(openai.BadRequestError, lambda: CREATE(**FIXED, tools=[{"type": "function", "function": {"name": "f g"}}]), param="tools[0].function.name")


def test_tools_unknown():
    other = {"type": "function", "function": {"name": "other"}}
    raises(openai.BadRequestError, lambda: CREATE(**{**CALLING, "tool_choice": other}), param="tool_choice.function.name")


def test_schema():
    answer = CREATE(**{**FIXED, "max_tokens": 100}, response_format=HELD)
    assert json.loads(text_of(answer)) == {"city": "Paris"} and answer.choices[0].finish_reason == "stop"


def test_schema_object():
    json_object = {"type": "json_object"}
    assert text_of(CREATE(**{**FIXED, "messages": say("A JSON object, please.")}, response_format=json_object)).lstrip().startswith("{")
    raises(openai.BadRequestError, lambda: CREATE(**FIXED, response_format=json_object), param="messages")


def test_schema_streamed():
    request = {**FIXED, "max_tokens": 100, "response_format": HELD}
    assert joined(CREATE(**request, stream=True)) == text_of(CREATE(**request))


def test_schema_thinking():
    message = CREATE(**THOUGHTFUL, response_format=HELD).choices[0].message
    assert message.reasoning_content and json.loads(message.content) == {"city": "Paris"}


def test_schema_helper():
    from typing import Literal

    from pydantic import BaseModel

    class Place(BaseModel):
        city: Literal["Paris"]

    parsed = CLIENT.chat.completions.parse(**{**FIXED, "max_tokens": 100}, response_format=Place).choices[0].message.parsed
    assert parsed == Place(city="Paris")


def test_schema_refused():
    impossible = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "array", "minItems": 3, "maxItems": 2}}}
    raises(openai.BadRequestError, lambda: CREATE(**FIXED, response_format=impossible), param="response_format.json_schema.schema#/minItems")


def test_choice_list():
    assert text_of(CREATE(**{**FIXED, "extra_body": {**PLAIN, "structured_outputs": {"choice": ["north"]}}})) == "north"


if __name__ == "__main__":
    sys.exit(run_cases(globals(), vars(platform_tests), vars(responses)))
