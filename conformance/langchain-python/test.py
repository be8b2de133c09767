"""LangChain for Python with its OpenAI chat model, unmodified: only base URL, key and model name point at studio."""
import asyncio
import os
import re
import sys
import time
import urllib.request

import openai
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_openai import ChatOpenAI
from run_cases import run_cases

WAIT_S = 20  # for what takes milliseconds on an idle machine
QUESTION = [HumanMessage("What is a violin?")]


def model(**fields):
    body = {"enable_thinking": False, **fields.pop("extra_body", {})}
    return ChatOpenAI(**{"model": os.environ["STUDIO_MODEL"], "temperature": 0.7, "max_tokens": 12, "seed": 7, "max_retries": 0,
                         "stream_usage": True, "extra_body": body, **fields})


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


def raises(kind, call, status):
    try:
        call()
    except kind as error:
        assert error.status_code == status, error
        return
    raise AssertionError(f"no {kind.__name__}")


def test_invoke_with_usage():
    answer = MODEL.invoke(QUESTION)
    assert isinstance(answer, AIMessage) and answer.content
    usage = answer.usage_metadata
    assert usage["input_tokens"] > 0 and 0 < usage["output_tokens"] <= 12
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    assert answer.response_metadata["finish_reason"] in ("stop", "length")


def test_stream_equals_whole():
    whole = MODEL.invoke(QUESTION)
    chunks = list(MODEL.stream(QUESTION))
    merged = chunks[0]
    for chunk in chunks[1:]:
        merged += chunk
    assert len(chunks) > 3 and merged.content == whole.content
    assert merged.usage_metadata["output_tokens"] == whole.usage_metadata["output_tokens"]


def test_chain():
    chain = ChatPromptTemplate.from_messages([("system", "You are brief."), ("human", "What is a {thing}?")]) | MODEL | StrOutputParser()
    text = chain.invoke({"thing": "dog"})
    assert text and "".join(chain.stream({"thing": "dog"})) == text


def test_conversation_and_batch():
    turns = [SystemMessage("You are brief."), HumanMessage("Hello"), AIMessage("Hello!"), HumanMessage("What is a dog?")]
    first, second, other = MODEL.batch([turns, turns, QUESTION])
    assert first.content == second.content != other.content


def test_a_reader_that_breaks_off_frees_the_model():
    stream = LONG.stream(QUESTION)
    for count, _ in enumerate(stream):
        if count == 3:
            break
    stream.close()
    until_idle()


def test_async_and_cancel():
    async def run():
        whole = await MODEL.ainvoke(QUESTION)
        text = ""
        async for chunk in MODEL.astream(QUESTION):
            text += chunk.content
        assert text == whole.content
        task = asyncio.create_task(LONG.ainvoke(QUESTION))
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
    raises(openai.AuthenticationError, lambda: model(api_key="sk-wrong").invoke(QUESTION), 401)
    raises(openai.NotFoundError, lambda: model(model="no-such-model").invoke(QUESTION), 404)
    raises(openai.BadRequestError, lambda: model(temperature=3).invoke(QUESTION), 400)
    raises(openai.BadRequestError, lambda: list(model(temperature=3).stream(QUESTION)), 400)


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
