"""The official OpenAI Python SDK, unmodified: sync, async, streaming, abort, every error class that this API can bring about.

It never sends 403 or 422: keys have no partial rights yet, and a bad field is a 400.
"""
import asyncio
import os
import sys
import threading

import openai
import responses
from run_cases import run_cases

MODEL = os.environ["STUDIO_MODEL"]
CLIENT = openai.OpenAI(max_retries=0)
FIXED = dict(model=MODEL, messages=[{"role": "user", "content": "What is a violin?"}], max_tokens=12, temperature=0.7, seed=7)


LONG = {**FIXED, "max_tokens": 1500, "extra_body": {"ignore_eos": True}}
OPEN_AT_ONCE = 8  # conformance/run.sh


def check(error, expected):
    for name, value in expected.items():
        assert getattr(error, name) == value, f"{name}: {getattr(error, name)!r} is not {value!r}"


def raises(kind, call, **expected):
    try:
        call()
    except openai.OpenAIError as error:
        assert type(error) is kind, f"{type(error).__name__}, not {kind.__name__}: {error}"
        check(error, expected)
        return
    raise AssertionError(f"no {kind.__name__}")


async def raises_async(kind, awaitable, **expected):
    try:
        await awaitable
    except openai.OpenAIError as error:
        assert type(error) is kind, f"{type(error).__name__}, not {kind.__name__}: {error}"
        check(error, expected)
        return
    raise AssertionError(f"no {kind.__name__}")


class Held:
    """As many open streams as a key may have; those that an earlier test has just left may still count."""

    def __enter__(self):
        self.streams = [CLIENT.with_options(max_retries=10).chat.completions.create(**LONG, stream=True) for _ in range(OPEN_AT_ONCE)]
        return self

    def release(self):
        for stream in self.streams:
            stream.close()

    def __exit__(self, *_):
        self.release()


def test_models():
    assert MODEL in [model.id for model in CLIENT.models.list()]
    assert CLIENT.models.retrieve(MODEL).id == MODEL


def test_chat():
    answer = CLIENT.chat.completions.create(**FIXED)
    assert answer.choices[0].message.content
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer._request_id


def test_stream_equals_whole():
    whole = CLIENT.chat.completions.create(**FIXED)
    text, usage = "", None
    for chunk in CLIENT.chat.completions.create(**FIXED, stream=True, stream_options={"include_usage": True}):
        if chunk.choices:
            text += chunk.choices[0].delta.content or ""
        else:
            usage = chunk.usage
    assert text == whole.choices[0].message.content
    assert usage.completion_tokens == whole.usage.completion_tokens


def test_resumable_stream():
    """Its events have ids, which this SDK's decoder keeps."""
    whole = CLIENT.chat.completions.create(**FIXED)
    with CLIENT.chat.completions.with_streaming_response.create(**FIXED, stream=True, extra_headers={"X-Studio-Resume": "1"}) as raw:
        answer = raw.headers["X-Studio-Answer"]
    again = CLIENT.chat.completions.create(**FIXED, stream=True, extra_headers={"X-Studio-Resume": answer})
    assert "".join(chunk.choices[0].delta.content or "" for chunk in again) == whole.choices[0].message.content
    behind = CLIENT.chat.completions.create(**FIXED, stream=True, extra_headers={"Last-Event-ID": f"{answer}:1"})
    assert next(iter(behind)).id == f"chatcmpl-{answer}"


def test_idempotency_key():
    def create(**fields):
        return CLIENT.with_options(max_retries=2).chat.completions.create(**{**FIXED, **fields}, extra_headers={"Idempotency-Key": "py-1"})
    assert create() == create()
    raises(openai.ConflictError, lambda: create(seed=8), status_code=409, param="Idempotency-Key")


def test_extensions_through_extra_body():
    answer = CLIENT.chat.completions.create(**FIXED, extra_body={"top_k": 5, "repetition_penalty": 1.05})
    assert answer.choices[0].message.content


def test_logprobs_and_n():
    answer = CLIENT.chat.completions.create(**FIXED, n=2, logprobs=True, top_logprobs=2)
    assert len(answer.choices) == 2
    assert all(len(token.top_logprobs) == 2 for choice in answer.choices for token in choice.logprobs.content)


def test_close_ends_a_stream():
    stream = CLIENT.chat.completions.create(**{**FIXED, "max_tokens": 400}, stream=True)
    for count, _ in enumerate(stream):
        if count == 3:
            stream.close()
            break
    assert CLIENT.chat.completions.create(**FIXED).choices


def test_completions():
    answer = CLIENT.completions.create(model=MODEL, prompt="The violin is", max_tokens=8, temperature=0)
    streamed = "".join(c.choices[0].text for c in CLIENT.completions.create(
        model=MODEL, prompt="The violin is", max_tokens=8, temperature=0, stream=True) if c.choices)
    assert streamed == answer.choices[0].text


def test_async():
    async def run():
        async with openai.AsyncOpenAI(max_retries=0) as client:
            answers = await asyncio.gather(*(client.chat.completions.create(**FIXED) for _ in range(4)))
            assert len({answer.choices[0].message.content for answer in answers}) == 1
            text = ""
            async for chunk in await client.chat.completions.create(**FIXED, stream=True):
                text += (chunk.choices[0].delta.content or "") if chunk.choices else ""
            assert text == answers[0].choices[0].message.content
            task = asyncio.create_task(client.chat.completions.create(
                **{**FIXED, "max_tokens": 1000}, extra_body={"ignore_eos": True}))
            await asyncio.sleep(0.05)
            task.cancel()
            try:
                await task
                raise AssertionError("not cancelled")
            except asyncio.CancelledError:
                pass
    asyncio.run(run())


def test_errors():
    create = CLIENT.chat.completions.create
    stranger = openai.OpenAI(api_key="sk-wrong", max_retries=0)
    raises(openai.AuthenticationError, stranger.models.list, status_code=401, code="invalid_api_key")
    raises(openai.NotFoundError, lambda: create(**{**FIXED, "model": "no-such-model"}), code="model_not_found")
    raises(openai.BadRequestError, lambda: create(**{**FIXED, "temperature": 3}), param="temperature")
    raises(openai.BadRequestError, lambda: create(**{**FIXED, "messages": []}), param="messages")
    raises(openai.BadRequestError, lambda: create(**FIXED, tools=[{"type": "function", "function": {"name": "f g"}}]), param="tools[0].function.name")
    raises(openai.APIConnectionError, openai.OpenAI(base_url="http://127.0.0.1:9/v1", max_retries=0).models.list)
    raises(openai.APITimeoutError, lambda: create(**LONG, n=4, timeout=0.01))
    raises(openai.InternalServerError, lambda: create(**LONG, n=16), status_code=503, code="overloaded")
    raises(openai.APIStatusError, lambda: create(**{**FIXED, "messages": [{"role": "user", "content": "x" * (9 << 20)}]}),
           status_code=413, code="payload_too_large")
    with Held():
        raises(openai.RateLimitError, lambda: create(**FIXED), status_code=429, code="limit_requests")


def test_errors_before_a_stream_begins():
    def create(**fields):
        return CLIENT.chat.completions.create(**{**FIXED, "stream": True, **fields})
    raises(openai.BadRequestError, lambda: create(temperature=3), param="temperature", code="invalid_value")
    raises(openai.BadRequestError, lambda: create(messages=[{"role": "user", "content": "word " * 9000}]), code="context_length_exceeded")
    raises(openai.NotFoundError, lambda: create(model="no-such-model"))
    raises(openai.InternalServerError, lambda: create(**LONG, n=16), code="overloaded")
    with Held():
        raises(openai.RateLimitError, create)


def test_errors_async():
    async def run():
        async with openai.AsyncOpenAI(max_retries=0) as client, openai.AsyncOpenAI(api_key="sk-wrong", max_retries=0) as stranger:
            create = client.chat.completions.create
            await raises_async(openai.AuthenticationError, stranger.chat.completions.create(**FIXED), status_code=401)
            await raises_async(openai.NotFoundError, client.models.retrieve("no-such-model"), code="model_not_found")
            await raises_async(openai.BadRequestError, create(**FIXED, stream=True, stop=[""]), param="stop[0]")
            await raises_async(openai.APITimeoutError, create(**LONG, n=4, timeout=0.01))
            # Last: what of it was taken before the refusal may fill the queue a moment longer.
            await raises_async(openai.InternalServerError, create(**LONG, n=16), code="overloaded")
            with Held():
                await raises_async(openai.RateLimitError, create(**FIXED, stream=True), code="limit_requests")
        async with openai.AsyncOpenAI(base_url="http://127.0.0.1:9/v1", max_retries=0) as nowhere:
            await raises_async(openai.APIConnectionError, nowhere.models.list())
    asyncio.run(run())


def test_a_refusal_for_now_is_tried_again():
    """The SDK waits for Retry-After and finds room."""
    with Held() as held:
        patient = openai.OpenAI(max_retries=5)
        answers = []
        waiting = threading.Thread(target=lambda: answers.append(patient.chat.completions.create(**FIXED)))
        waiting.start()
        held.release()
        waiting.join(60)
    assert answers and answers[0].choices[0].message.content


if __name__ == "__main__":
    sys.exit(run_cases(globals(), vars(responses)))
