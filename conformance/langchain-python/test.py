"""LangChain for Python with its OpenAI chat model, unmodified: only base URL, key and model name point at studio."""
import asyncio
import json
import sys
from typing import Literal

import openai
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.output_parsers import JsonOutputParser, StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel
from run_cases import run_cases
from studio import MODEL as NAME
from studio import key_held, queue_filled, until_idle, while_held

QUESTION = [HumanMessage("What is a violin?")]
PLACE = {"type": "object", "properties": {"city": {"enum": ["Paris"]}}, "required": ["city"], "additionalProperties": False}
WEATHER = {"type": "function", "function": {"name": "get_weather", "description": "The weather of a city.", "parameters": PLACE}}
CLOCK = {"type": "function", "function": {"name": "get_time", "parameters": {"type": "object", "properties": {}}}}
HELD = {"type": "json_schema", "json_schema": {"name": "place", "schema": PLACE}}


def model(**fields):
    body = {"enable_thinking": False, **fields.pop("extra_body", {})}
    return ChatOpenAI(**{"model": NAME, "temperature": 0, "max_tokens": 12, "max_retries": 0, "stream_usage": True, "extra_body": body, **fields})


MODEL = model()
ROOMY = model(max_tokens=200)
LONG = model(max_tokens=1500, extra_body={"ignore_eos": True})
CALLING = ROOMY.bind_tools([WEATHER, CLOCK], tool_choice="get_weather")


LOOP = asyncio.new_event_loop()  # one for all tests, as LangChain keeps its connections between models


def in_loop(awaitable):
    return LOOP.run_until_complete(awaitable)


def drawn(seed):
    return model(temperature=1, seed=seed)


def streamed(runnable, asked=None):
    first, *others = runnable.stream(QUESTION if asked is None else asked)
    for chunk in others:
        first += chunk
    return first


def raises(kind, call, status=None, words=""):
    try:
        call()
    except kind as error:
        assert status is None or error.status_code == status, error
        assert words in str(error), error
        return
    raise AssertionError(f"no {kind.__name__}")


def test_chat():
    answer = MODEL.invoke(QUESTION)
    assert isinstance(answer, AIMessage) and answer.content and answer.response_metadata["finish_reason"] in ("stop", "length")


def test_usage():
    usage = MODEL.invoke(QUESTION).usage_metadata
    assert usage["input_tokens"] > 5 and 0 < usage["output_tokens"] <= 12
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]


def test_system():
    assert MODEL.invoke([SystemMessage("Answer in French."), *QUESTION]).content != MODEL.invoke(QUESTION).content


def test_conversation():
    answer = MODEL.invoke([HumanMessage("Hello"), AIMessage("Hello!"), *QUESTION])
    assert answer.content and answer.usage_metadata["input_tokens"] > MODEL.invoke(QUESTION).usage_metadata["input_tokens"]


def test_content_parts():
    assert MODEL.invoke([HumanMessage([{"type": "text", "text": "What is a violin?"}])]).content == MODEL.invoke(QUESTION).content


def test_prompt_as_chat():
    assert MODEL.invoke("What is a violin?").content == MODEL.invoke(QUESTION).content


def test_chain():
    chain = ChatPromptTemplate.from_messages([("system", "You are brief."), ("human", "What is a {thing}?")]) | MODEL | StrOutputParser()
    text = chain.invoke({"thing": "dog"})
    assert text and "".join(chain.stream({"thing": "dog"})) == text


def test_batch():
    first, second = MODEL.batch([QUESTION, "What is a dog?"])
    assert first.content == MODEL.invoke(QUESTION).content and second.content == MODEL.invoke("What is a dog?").content


def test_raw_headers():
    assert model(include_response_headers=True).invoke(QUESTION).response_metadata["headers"]["x-request-id"]


def test_max_tokens():
    answer = model(max_tokens=3).invoke(QUESTION)
    assert answer.usage_metadata["output_tokens"] == 3 and answer.response_metadata["finish_reason"] == "length"


def test_stop():
    text = MODEL.invoke(QUESTION).content
    cut = MODEL.invoke(QUESTION, stop=[text[4:7]])
    assert cut.content == text[:text.index(text[4:7])] and cut.response_metadata["finish_reason"] == "stop"


def test_seed():
    text = drawn(7).invoke(QUESTION).content
    assert drawn(7).invoke(QUESTION).content == text != drawn(8).invoke(QUESTION).content


def test_greedy():
    assert model(seed=1).invoke(QUESTION).content == model(seed=2).invoke(QUESTION).content


def test_sampling():
    sampled = model(temperature=1, seed=7, top_p=0.9, presence_penalty=0.5, frequency_penalty=0.5, extra_body={"top_k": 20})
    assert sampled.invoke(QUESTION).content == sampled.invoke(QUESTION).content


def test_n():
    assert len(model(n=3, temperature=1).generate([QUESTION]).generations[0]) == 3


def test_logprobs():
    answer = model(logprobs=True, top_logprobs=2).invoke(QUESTION)
    tokens = answer.response_metadata["logprobs"]["content"]
    assert all(token["logprob"] <= 0 and len(token["top_logprobs"]) == 2 for token in tokens)
    assert "".join(token["token"] for token in tokens) == answer.content


def test_unicode():
    said = "小提琴🎻é"
    held = model(max_tokens=60).bind(response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": {"enum": [said]}}})
    assert json.loads(held.invoke(said).content) == said == json.loads(streamed(held, said).content)


def test_cached_tokens():
    MODEL.invoke("word " * 200)
    assert MODEL.invoke("word " * 200).usage_metadata["input_token_details"]["cache_read"] > 0


def test_thinking():
    answer = model(max_tokens=200, extra_body={"enable_thinking": True}).invoke(QUESTION)
    assert answer.content and answer.usage_metadata["output_token_details"]["reasoning"] > 0


def test_thinking_off():
    assert MODEL.invoke(QUESTION).usage_metadata["output_token_details"]["reasoning"] == 0


def test_thinking_budget():
    answer = model(max_tokens=200, extra_body={"enable_thinking": True, "thinking_budget": 4}).invoke(QUESTION)
    assert answer.usage_metadata["output_token_details"]["reasoning"] <= 4 + 8  # what closes the thinking


def test_stream():
    assert streamed(MODEL).content == MODEL.invoke(QUESTION).content


def test_stream_end():
    reasons = [chunk.response_metadata.get("finish_reason") for chunk in MODEL.stream(QUESTION)]
    assert [reason for reason in reasons if reason] == [MODEL.invoke(QUESTION).response_metadata["finish_reason"]]


def test_stream_usage():
    assert streamed(MODEL).usage_metadata["output_tokens"] == MODEL.invoke(QUESTION).usage_metadata["output_tokens"]


def test_abort_stream():
    stream = LONG.stream(QUESTION)
    for count, _ in enumerate(stream):
        if count == 3:
            break
    stream.close()
    until_idle()


def test_asynchronous():
    async def run():
        text = "".join([chunk.content async for chunk in MODEL.astream(QUESTION)])
        assert text == (await MODEL.ainvoke(QUESTION)).content == MODEL.invoke(QUESTION).content
    in_loop(run())


def test_stream_events():
    async def run():
        return [event["event"] async for event in MODEL.astream_events(QUESTION, version="v2")]
    kinds = in_loop(run())
    assert kinds[0] == "on_chat_model_start" and "on_chat_model_stream" in kinds and kinds[-1] == "on_chat_model_end"


def test_concurrent():
    async def run():
        return await asyncio.gather(*(MODEL.ainvoke(QUESTION) for _ in range(6)))
    assert len({answer.content for answer in in_loop(run())}) == 1


def test_abort_call():
    async def run():
        task = asyncio.create_task(LONG.ainvoke(QUESTION))
        await asyncio.sleep(0.02)
        task.cancel()
        try:
            await task
            raise AssertionError("not cancelled")
        except asyncio.CancelledError:
            pass
    in_loop(run())
    until_idle()


def test_timeout():
    raises(openai.APITimeoutError, lambda: model(max_tokens=1500, timeout=0.01, extra_body={"ignore_eos": True}).invoke(QUESTION))
    until_idle()


def test_retry_429():
    assert while_held(key_held, lambda: model(max_retries=5).invoke(QUESTION)).content


def test_retry_503():
    assert while_held(queue_filled, lambda: model(max_retries=5).invoke(QUESTION)).content


def test_error_400():
    raises(openai.BadRequestError, lambda: model(temperature=3).invoke(QUESTION), 400, "temperature")


def test_error_unknown_field():
    raises(openai.BadRequestError, lambda: model(extra_body={"temprature": 1}).invoke(QUESTION), 400, "temperature")


def test_error_401():
    raises(openai.AuthenticationError, lambda: model(api_key="sk-wrong").invoke(QUESTION), 401)


def test_error_404():
    raises(openai.NotFoundError, lambda: model(model="no-such-model").invoke(QUESTION), 404, "no-such-model")


def test_error_413():
    raises(openai.APIStatusError, lambda: MODEL.invoke("x" * (9 << 20)), 413)


def test_error_429():
    with key_held():
        raises(openai.RateLimitError, lambda: MODEL.invoke(QUESTION), 429)


def test_error_503():
    with queue_filled():
        raises(openai.InternalServerError, lambda: MODEL.invoke(QUESTION), 503)


def test_error_connection():
    raises(openai.APIConnectionError, lambda: model(base_url="http://127.0.0.1:9/v1").invoke(QUESTION))


def test_error_before_stream():
    raises(openai.BadRequestError, lambda: list(model(temperature=3).stream(QUESTION)), 400, "temperature")


def test_long_prompt():
    raises(openai.BadRequestError, lambda: MODEL.invoke("x y " * 20000), 400, "tokens; the prompt has")


def test_tools_auto():
    answer = ROOMY.bind_tools([WEATHER, CLOCK]).invoke(QUESTION)
    assert (answer.response_metadata["finish_reason"] == "tool_calls") == bool(answer.tool_calls)
    assert answer.usage_metadata["input_tokens"] > MODEL.invoke(QUESTION).usage_metadata["input_tokens"] + 50  # the model sees the tools


def test_tools_required():
    answer = ROOMY.bind_tools([WEATHER], tool_choice="required").invoke(QUESTION)
    assert [(call["name"], call["args"]) for call in answer.tool_calls] == [("get_weather", {"city": "Paris"})]
    assert answer.response_metadata["finish_reason"] == "tool_calls"


def test_tools_named():
    assert CALLING.invoke(QUESTION).tool_calls[0]["name"] == "get_weather"


def test_tools_none():
    answer = ROOMY.bind_tools([WEATHER, CLOCK], tool_choice="none").invoke(QUESTION)
    assert not answer.tool_calls and answer.content


def test_tools_single():
    assert len(ROOMY.bind_tools([WEATHER, CLOCK], tool_choice="required", parallel_tool_calls=False).invoke(QUESTION).tool_calls) == 1


def test_tools_streamed():
    call, whole = streamed(CALLING).tool_calls[0], CALLING.invoke(QUESTION).tool_calls[0]
    assert (call["name"], call["args"]) == (whole["name"], whole["args"])


def test_tools_results():
    answer = CALLING.invoke(QUESTION)
    result = ToolMessage("It rains.", tool_call_id=answer.tool_calls[0]["id"])
    assert ROOMY.bind_tools([WEATHER, CLOCK], tool_choice="none").invoke([*QUESTION, answer, result]).content


def test_tools_helper():
    @tool
    def get_weather(city: Literal["Paris"]) -> str:
        """The weather of a city."""
        return f"It rains in {city}."

    answer = ROOMY.bind_tools([get_weather], tool_choice="get_weather", strict=True).invoke(QUESTION)
    assert get_weather.invoke(answer.tool_calls[0]).content == "It rains in Paris."


def test_tools_refused():
    nameless = {"type": "function", "function": {**WEATHER["function"], "name": "f g"}}
    raises(openai.BadRequestError, lambda: MODEL.bind_tools([nameless]).invoke(QUESTION), 400, "tools[0].function.name")


def test_schema():
    assert json.loads(ROOMY.bind(response_format=HELD).invoke(QUESTION).content) == {"city": "Paris"}


def test_schema_helper():
    class Place(BaseModel, extra="forbid"):
        """A place."""
        city: Literal["Paris"]

    for method in ("json_schema", "function_calling"):
        assert ROOMY.with_structured_output(Place, method=method).invoke(QUESTION) == Place(city="Paris")


def test_schema_object():
    chain = ROOMY.bind(response_format={"type": "json_object"}) | JsonOutputParser()
    assert isinstance(chain.invoke("A JSON object, please."), dict)


def test_schema_streamed():
    assert json.loads(streamed(ROOMY.bind(response_format=HELD)).content) == {"city": "Paris"}


def test_schema_refused():
    impossible = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "array", "minItems": 3, "maxItems": 2}}}
    raises(openai.BadRequestError, lambda: ROOMY.bind(response_format=impossible).invoke(QUESTION), 400, "minItems")


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
