"""Responses and conversations, by the same client, sync and async."""
import asyncio
import os
import time

import openai

MODEL = os.environ["STUDIO_MODEL"]
CLIENT = openai.OpenAI(max_retries=0)
FIXED = dict(model=MODEL, input="What is a violin?", max_output_tokens=60, temperature=0.7, extra_body={"seed": 7})
PLAIN = {**FIXED, "reasoning": {"effort": "none"}}
ENDLESS = {**PLAIN, "max_output_tokens": 1500, "extra_body": {"seed": 7, "ignore_eos": True}}
WAIT_S = 60


def raises(kind, call, **expected):
    try:
        call()
    except openai.OpenAIError as error:
        assert type(error) is kind, f"{type(error).__name__}, not {kind.__name__}: {error}"
        for name, value in expected.items():
            assert getattr(error, name) == value, f"{name}: {getattr(error, name)!r} is not {value!r}"
        return
    raise AssertionError(f"no {kind.__name__}")


def ended(response_id):
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        response = CLIENT.responses.retrieve(response_id)
        if response.status not in ("queued", "in_progress"):
            return response
        time.sleep(0.02)
    raise AssertionError("it does not end")


def test_responses_answer():
    response = CLIENT.responses.create(**FIXED)
    assert response.status == "completed" and response.output_text
    assert [item.type for item in response.output] == ["reasoning", "message"]
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens
    assert response._request_id


def test_responses_stream():
    whole = CLIENT.responses.create(**FIXED)
    events = list(CLIENT.responses.create(**FIXED, stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert events[0].type == "response.created" and events[-1].type == "response.completed"
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert text == whole.output_text == events[-1].response.output_text
    assert [event.to_dict() for event in CLIENT.responses.retrieve(events[0].response.id, stream=True)] == [
        event.to_dict() for event in events]


def test_responses_stream_helper():
    with CLIENT.responses.stream(**FIXED) as stream:
        text = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        assert stream.get_final_response().output_text == text


def test_responses_kept():
    response = CLIENT.responses.create(**PLAIN, metadata={"a": "b"})
    kept = CLIENT.responses.retrieve(response.id)
    assert kept.to_dict() == response.to_dict() and kept.metadata == {"a": "b"}
    assert [item.content[0].text for item in CLIENT.responses.input_items.list(response.id)] == [PLAIN["input"]]
    CLIENT.responses.delete(response.id)
    raises(openai.NotFoundError, lambda: CLIENT.responses.retrieve(response.id), code="not_found")
    unkept = CLIENT.responses.create(**PLAIN, store=False)
    raises(openai.NotFoundError, lambda: CLIENT.responses.retrieve(unkept.id))


def test_responses_chain():
    first = CLIENT.responses.create(**FIXED)
    second = CLIENT.responses.create(**{**FIXED, "input": "And a cello?"}, previous_response_id=first.id)
    whole = CLIENT.responses.create(**{**FIXED, "input": [
        {"role": "user", "content": FIXED["input"]}, *[item.to_dict() for item in first.output],
        {"role": "user", "content": "And a cello?"}]})
    assert second.output_text == whole.output_text and second.usage.input_tokens == whole.usage.input_tokens
    raises(openai.BadRequestError, lambda: CLIENT.responses.create(**PLAIN, previous_response_id="resp_none"),
           code="previous_response_not_found", param="previous_response_id")


def test_responses_background():
    whole = CLIENT.responses.create(**FIXED)
    queued = CLIENT.responses.create(**FIXED, background=True)
    assert queued.status == "queued"
    assert ended(queued.id).output_text == whole.output_text


def test_responses_reattach():
    seen = []
    stream = CLIENT.responses.create(**ENDLESS, background=True, stream=True)
    for event in stream:
        seen.append(event)
        if len(seen) == 9:
            stream.close()
            break
    again = CLIENT.responses.retrieve(seen[0].response.id, stream=True, starting_after=8)
    for event in again:
        seen.append(event)
        if len(seen) == 30:
            again.close()
            break
    assert [event.sequence_number for event in seen] == list(range(30))
    assert CLIENT.responses.cancel(seen[0].response.id).status == "cancelled"
    kept = list(CLIENT.responses.retrieve(seen[0].response.id, stream=True))
    assert [event.to_dict() for event in kept[:30]] == [event.to_dict() for event in seen]
    assert kept[-1].response.status == "cancelled"


def test_responses_tools():
    tools = [{"type": "function", "name": "weather", "strict": True, "parameters": {
        "type": "object", "properties": {"city": {"enum": ["Paris", "Rome"]}}, "required": ["city"], "additionalProperties": False}}]
    request = {**PLAIN, "input": "What is the weather in Rome?", "tools": tools, "tool_choice": "required", "parallel_tool_calls": False}
    first = CLIENT.responses.create(**request)
    call = first.output[0]
    assert call.type == "function_call" and call.name == "weather"
    streamed = "".join(event.delta for event in CLIENT.responses.create(**request, stream=True)
                       if event.type == "response.function_call_arguments.delta")
    assert streamed == call.arguments
    second = CLIENT.responses.create(**{**PLAIN, "input": [{"type": "function_call_output", "call_id": call.call_id, "output": "Sunny"}]},
                                     tools=tools, tool_choice="none", previous_response_id=first.id)
    assert second.output_text
    raises(openai.BadRequestError, lambda: CLIENT.responses.create(**PLAIN, previous_response_id=first.id), param="input")


def test_responses_errors():
    create = CLIENT.responses.create
    for fields, param in (({"temperature": 3}, "temperature"), ({"input": []}, "input"), ({"truncation": "auto"}, "truncation"),
                          ({"include": ["nothing"]}, "include[0]"), ({"metadata": {"a": 1}}, "metadata.a"),
                          ({"tools": [{"type": "web_search"}]}, "tools[0].type")):
        raises(openai.BadRequestError, lambda fields=fields: create(**{**PLAIN, **fields}), param=param)
        raises(openai.BadRequestError, lambda fields=fields: create(**{**PLAIN, **fields}, stream=True), param=param)
    raises(openai.NotFoundError, lambda: create(**{**PLAIN, "model": "no-such-model"}), code="model_not_found")
    raises(openai.NotFoundError, lambda: CLIENT.responses.cancel("resp_none"))
    raises(openai.NotFoundError, lambda: create(**PLAIN, conversation="conv_none"), param="conversation")


def test_conversations():
    made = CLIENT.conversations.create(metadata={"topic": "music"}, items=[{"role": "user", "content": "Hello"}])
    assert CLIENT.conversations.retrieve(made.id).metadata == {"topic": "music"}
    assert CLIENT.conversations.update(made.id, metadata={"topic": "art"}).metadata == {"topic": "art"}
    added = CLIENT.conversations.items.create(made.id, items=[{"role": "assistant", "content": "Good day"}])
    assert CLIENT.conversations.items.retrieve(added.data[0].id, conversation_id=made.id).content[0].text == "Good day"
    response = CLIENT.responses.create(**PLAIN, conversation=made.id)
    texts = [item.content[0].text for item in CLIENT.conversations.items.list(made.id, order="asc", limit=2)]
    assert texts == ["Hello", "Good day", PLAIN["input"], response.output_text]
    CLIENT.conversations.items.delete(added.data[0].id, conversation_id=made.id)
    assert len(list(CLIENT.conversations.items.list(made.id))) == 3
    assert CLIENT.conversations.delete(made.id).deleted
    raises(openai.NotFoundError, lambda: CLIENT.conversations.retrieve(made.id))


def test_responses_async():
    async def run():
        async with openai.AsyncOpenAI(max_retries=0) as client:
            answers = await asyncio.gather(*(client.responses.create(**FIXED) for _ in range(4)))
            assert len({answer.output_text for answer in answers}) == 1
            text = ""
            async for event in await client.responses.create(**FIXED, stream=True):
                text += event.delta if event.type == "response.output_text.delta" else ""
            assert text == answers[0].output_text
            conversation = await client.conversations.create()
            await client.responses.create(**PLAIN, conversation=conversation.id)
            assert len([item async for item in client.conversations.items.list(conversation.id)]) == 2
    asyncio.run(run())
