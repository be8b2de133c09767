"""LlamaIndex for Python with its OpenAI-like model, unmodified: only base URL, key and model name point at studio."""
import asyncio
import os
import re
import sys
import time
import urllib.request

import openai
from llama_index.core.chat_engine import SimpleChatEngine
from llama_index.core.llms import ChatMessage
from llama_index.llms.openai_like import OpenAILike
from run_cases import run_cases

WAIT_S = 20  # for what takes milliseconds on an idle machine
QUESTION = [ChatMessage(role="user", content="What is a violin?")]


def model(**fields):
    body = {"enable_thinking": False, **fields.pop("extra_body", {})}
    return OpenAILike(**{"model": os.environ["STUDIO_MODEL"], "api_base": os.environ["OPENAI_BASE_URL"], "api_key": os.environ["OPENAI_API_KEY"],
                         "is_chat_model": True, "context_window": 2048, "max_tokens": 12, "temperature": 0.7, "max_retries": 0,
                         "additional_kwargs": {"seed": 7, "extra_body": body}, **fields})


MODEL = model()
LONG = model(max_tokens=1500, extra_body={"ignore_eos": True})


def until_idle():
    until = time.monotonic() + WAIT_S
    while True:
        request = urllib.request.Request(os.environ["STUDIO_URL"] + "/metrics", headers={"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"]})
        with urllib.request.urlopen(request, timeout=WAIT_S) as answer:
            if re.search(r"^studio_sequences_running\{.*\} 0$", answer.read().decode(), re.M):
                return
        assert time.monotonic() < until, "a sequence still runs"
        time.sleep(0.05)


def raises(kind, call):
    try:
        call()
    except kind:
        return
    raise AssertionError(f"no {kind.__name__}")


def test_chat_with_usage():
    answer = MODEL.chat(QUESTION)
    assert answer.message.role == "assistant" and answer.message.content
    usage = answer.raw.usage
    assert usage.prompt_tokens > 0 and 0 < usage.completion_tokens <= 12
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


def test_stream_equals_whole():
    whole = MODEL.chat(QUESTION)
    text, usage = "", None
    for part in MODEL.stream_chat(QUESTION, stream_options={"include_usage": True}):
        text += part.delta or ""
        usage = part.raw.usage or usage
    assert text == whole.message.content
    assert usage.completion_tokens == whole.raw.usage.completion_tokens


def test_complete_through_both_doors():
    assert MODEL.complete("What is a violin?").text
    plain = model(is_chat_model=False, additional_kwargs={"seed": 7})  # /v1/completions
    whole = plain.complete("The violin is").text
    assert whole and "".join(part.delta for part in plain.stream_complete("The violin is")) == whole


def test_a_chat_engine_keeps_its_conversation():
    engine = SimpleChatEngine.from_defaults(llm=MODEL, system_prompt="You are brief.")
    assert engine.chat("Hello").response
    streamed = "".join(engine.stream_chat("What is a dog?").response_gen)
    assert streamed and len(engine.chat_history) == 4


def test_a_reader_that_breaks_off_frees_the_model():
    stream = LONG.stream_chat(QUESTION)
    for count, _ in enumerate(stream):
        if count == 3:
            break
    stream.close()
    until_idle()


def test_async_and_cancel():
    async def run():
        whole = await MODEL.achat(QUESTION)
        text = ""
        async for part in await MODEL.astream_chat(QUESTION):
            text += part.delta or ""
        assert text == whole.message.content
        task = asyncio.create_task(LONG.achat(QUESTION))
        await asyncio.sleep(0.1)
        task.cancel()
        try:
            await task
            raise AssertionError("not cancelled")
        except asyncio.CancelledError:
            pass
    asyncio.run(run())
    until_idle()


def test_errors():
    raises(openai.AuthenticationError, lambda: model(api_key="sk-wrong").chat(QUESTION))
    raises(openai.NotFoundError, lambda: model(model="no-such-model").chat(QUESTION))
    raises(openai.BadRequestError, lambda: model(additional_kwargs={"extra_body": {"min_p": 5}}).chat(QUESTION))


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
