"""The official Anthropic Python SDK, unmodified: sync, async, streaming, abort, every error class that this API can bring about."""
import asyncio
import base64
import os
import sys

import anthropic
from run_cases import run_cases

MODEL, URL, KEY = os.environ["STUDIO_MODEL"], os.environ["STUDIO_URL"], os.environ["OPENAI_API_KEY"]
DOORS = [URL, URL + "/apps/anthropic"]
MESSAGES = [{"role": "user", "content": "What is a violin?"}]
FIXED = dict(model=MODEL, messages=MESSAGES, max_tokens=8, extra_body={"temperature": 0})  # which this version takes no argument for
NO_THINKING = {**FIXED, "thinking": {"type": "disabled"}}


def client(**options):
    return anthropic.Anthropic(**{"base_url": URL, "api_key": KEY, "max_retries": 0, **options})


def text_of(message):
    return "".join(block.text for block in message.content if block.type == "text")


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


def test_models():
    page = client().models.list()
    assert MODEL in [model.id for model in page.data]
    model = client().models.retrieve(MODEL)
    assert model.type == "model" and model.created_at.year >= 2020


def test_answer_with_exact_usage():
    answer = client().messages.create(**FIXED)
    assert types_of(answer) == ["thinking", "text"] and answer.stop_reason == "max_tokens" and answer.role == "assistant"
    counted = client().messages.count_tokens(model=MODEL, messages=MESSAGES).input_tokens
    assert answer.usage.input_tokens + answer.usage.cache_read_input_tokens == counted
    assert answer._request_id


def test_thinking_disabled():
    answer = client().messages.create(**NO_THINKING)
    assert types_of(answer) == ["text"] and answer.usage.output_tokens == 8


def test_thinking_budget():
    answer = client().messages.create(**{**FIXED, "thinking": {"type": "enabled", "budget_tokens": 4}})
    assert answer.usage.output_tokens <= 8 + 4 + 8


def test_stream_equals_whole():
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


def test_resumable_stream_and_idempotency_key():
    whole = client().messages.create(**FIXED, extra_headers={"Idempotency-Key": "py-2"})
    assert client().messages.create(**FIXED, extra_headers={"Idempotency-Key": "py-2"}) == whole
    with client().messages.stream(**FIXED, extra_headers={"X-Studio-Resume": "1"}) as stream:
        assert text_of(stream.get_final_message()) == text_of(whole)


def test_streaming_helper():
    whole = client().messages.create(**FIXED)
    with client().messages.stream(**FIXED) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert text == text_of(final) == text_of(whole) and types_of(final) == ["thinking", "text"]


def test_system_as_text_and_blocks():
    as_text = client().messages.create(**NO_THINKING, system="Answer in French.")
    as_blocks = client().messages.create(**NO_THINKING, system=[{"type": "text", "text": "Answer in French.", "cache_control": {"type": "ephemeral"}}])
    assert text_of(as_text) == text_of(as_blocks) != text_of(client().messages.create(**NO_THINKING))


def test_content_as_blocks():
    blocks = [{"role": "user", "content": [{"type": "text", "text": MESSAGES[0]["content"]}]}]
    assert text_of(client().messages.create(**{**FIXED, "messages": blocks})) == text_of(client().messages.create(**FIXED))


def test_conversation_with_its_own_thinking():
    first = client().messages.create(**FIXED)
    again = [*MESSAGES, {"role": "assistant", "content": first.content}, *MESSAGES]
    assert client().messages.create(**{**FIXED, "messages": again}).content


def test_continues_the_assistant():
    begun = [*MESSAGES, {"role": "assistant", "content": "A violin is"}]
    assert text_of(client().messages.create(**{**NO_THINKING, "messages": begun}))


def test_stop_sequence():
    text = text_of(client().messages.create(**{**NO_THINKING, "max_tokens": 40}))
    stop = text[4:7]
    cut = client().messages.create(**{**NO_THINKING, "max_tokens": 40, "stop_sequences": [stop]})
    assert text_of(cut) == text[:text.index(stop)] and cut.stop_reason == "end_turn" and cut.stop_sequence is None


def test_unicode():
    asked = [{"role": "user", "content": "小提琴是什么？🎻"}]
    answer = client().messages.create(**{**FIXED, "messages": asked})
    answer.model_dump_json().encode()
    assert client().messages.count_tokens(model=MODEL, messages=asked).input_tokens > 5


def test_cache_is_counted():
    long = [{"role": "user", "content": "word " * 200}]
    client().messages.create(**{**FIXED, "messages": long})
    assert client().messages.create(**{**FIXED, "messages": long}).usage.cache_read_input_tokens > 0


def test_sampling_fields():
    answer = client().messages.create(**{**FIXED, "extra_body": {"temperature": 1.5, "top_p": 0.9, "top_k": 5}})
    assert answer.content


def test_close_ends_a_stream():
    stream = client().messages.create(**{**FIXED, "max_tokens": 1500}, stream=True)
    for count, _ in enumerate(stream):
        if count == 3:
            stream.close()
            break
    assert client().messages.create(**FIXED).content


def test_every_door_and_credential():
    wanted = text_of(client().messages.create(**FIXED))
    for door in DOORS:
        for credentials in ({"api_key": KEY}, {"api_key": None, "auth_token": KEY}):
            assert text_of(client(base_url=door, **credentials).messages.create(**FIXED)) == wanted
    assert text_of(client().beta.messages.create(**FIXED, betas=["some-beta-2026-01-01"])) == wanted


def test_async():
    async def run():
        async with anthropic.AsyncAnthropic(base_url=URL, api_key=KEY, max_retries=0) as studio:
            answers = await asyncio.gather(*(studio.messages.create(**FIXED) for _ in range(4)))
            assert len({text_of(answer) for answer in answers}) == 1
            async with studio.messages.stream(**FIXED) as stream:
                assert "".join([text async for text in stream.text_stream]) == text_of(answers[0])
            long = [{"role": "user", "content": "word " * 1500}]
            task = asyncio.create_task(studio.messages.create(**{**FIXED, "max_tokens": 1500, "messages": long}))
            await asyncio.sleep(0.005)
            task.cancel()
            try:
                await task
                raise AssertionError("not cancelled")
            except asyncio.CancelledError:
                pass
    asyncio.run(run())


def test_raw_response_says_what_was_ignored():
    raw = client().messages.with_raw_response.create(**FIXED, metadata={"user_id": "u"})
    assert raw.headers["x-studio-ignored"] == "metadata" and raw.headers["request-id"]


def test_authentication_error():
    raises(anthropic.AuthenticationError, lambda: client(api_key="sk-wrong").messages.create(**FIXED), status_code=401)


def test_not_found_errors():
    raises(anthropic.NotFoundError, lambda: client().messages.create(**{**FIXED, "model": "no-such-model"}), "no-such-model")
    raises(anthropic.NotFoundError, client().messages.batches.list)
    raises(anthropic.NotFoundError, lambda: client().models.retrieve("no-such-model"))


def test_bad_request_names_the_field():
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": base64.b64encode(b"x").decode()}}
    for change, field in (({"extra_body": {"temperature": 3}}, "temperature"), ({"extra_body": {"top_k": -4}}, "top_k"), ({"messages": []}, "messages"),
                          ({"max_tokens": 0}, "max_tokens"), ({"tools": [{"name": "f g", "input_schema": {"type": "object"}}]}, "tools"),
                          ({"stop_sequences": [""]}, "stop_sequences[0]"),
                          ({"messages": [{"role": "user", "content": [image]}]}, "messages[0].content[0].type"),
                          ({"thinking": {"type": "often"}}, "thinking.type")):
        raises(anthropic.BadRequestError, lambda change=change: client().messages.create(**{**FIXED, **change}), field, status_code=400)


def test_unknown_field_names_the_nearest():
    raises(anthropic.BadRequestError, lambda: client().messages.create(**{**FIXED, "extra_body": {"stop_sequence": ["x"]}}), "stop_sequences")


def test_prompt_over_the_context():
    long = [{"role": "user", "content": "x y " * 20000}]
    raises(anthropic.BadRequestError, lambda: client().messages.create(**{**FIXED, "messages": long}), "tokens; the prompt has")


def test_body_over_the_limit():
    huge = [{"role": "user", "content": "x" * (40 << 20)}]
    try:
        client().messages.create(**{**FIXED, "messages": huge})
        raise AssertionError("taken")
    except anthropic.APIConnectionError:
        pass
    except anthropic.APIStatusError as error:
        assert error.status_code == 413


def test_connection_error():
    raises(anthropic.APIConnectionError, lambda: client(base_url="http://127.0.0.1:9").messages.create(**FIXED))


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
