"""LlamaIndex for Python with its OpenAI-like model, unmodified: only base URL, key and model name point at studio."""
import asyncio
import json
import sys
from typing import Literal

import openai
from llama_index.core.base.llms.types import ThinkingBlock
from llama_index.core.chat_engine import SimpleChatEngine
from llama_index.core.llms import ChatMessage, TextBlock
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from llama_index.llms.openai_like import OpenAILike
from pydantic import BaseModel
from run_cases import run_cases
from studio import KEY, URL, key_held, queue_filled, until_idle, while_held
from studio import MODEL as NAME


def say(content):
    return [ChatMessage(role="user", content=content)]


def model(more=None, body=None, **fields):
    """`more`: fields of the request, `body`: those that only Qwen's servers know."""
    kwargs = {**(more or {}), "extra_body": {"enable_thinking": False, **(body or {})}}
    return OpenAILike(**{"model": NAME, "api_base": URL + "/v1", "api_key": KEY, "is_chat_model": True, "is_function_calling_model": True,
                         "context_window": 2048, "max_tokens": 12, "temperature": 0, "max_retries": 0, "additional_kwargs": kwargs, **fields})


class Place(BaseModel, extra="forbid"):
    """A place."""
    city: Literal["Paris"]


def get_weather(city: Literal["Paris"]) -> str:
    """The weather of a city."""
    return f"It rains in {city}."


def get_time() -> str:
    """The time."""
    return "Noon."


QUESTION = say("What is a violin?")
MODEL, ROOMY, LONG = model(), model(max_tokens=200), model(max_tokens=1500, body={"ignore_eos": True})
THOUGHTFUL = model(max_tokens=200, body={"enable_thinking": True})
WEATHER = FunctionTool.from_defaults(get_weather)
TOOLS = [WEATHER, FunctionTool.from_defaults(get_time)]
PLACE = {"type": "object", "properties": {"city": {"enum": ["Paris"]}}, "required": ["city"], "additionalProperties": False}


def drawn(seed):
    return model(temperature=1, more={"seed": seed})


def held(schema):
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}}


def text_of(llm, asked=None):
    return llm.chat(asked or QUESTION).message.content


def call(tools=None, llm=ROOMY, history=None, **choice):
    return llm.chat_with_tools(tools or TOOLS, chat_history=list(history or QUESTION), **choice)


def calls_of(answer):
    return ROOMY.get_tool_calls_from_response(answer, error_on_no_tool_call=False)


def raises(kind, run, words=""):
    try:
        run()
    except kind as error:
        assert words in str(error), error
        return
    raise AssertionError(f"no {kind.__name__}")


def test_chat():
    answer = MODEL.chat(QUESTION)
    assert answer.message.role == "assistant" and answer.message.content and answer.raw.choices[0].finish_reason in ("stop", "length")


def test_usage():
    usage = MODEL.chat(QUESTION).raw.usage
    assert usage.prompt_tokens > 5 and 0 < usage.completion_tokens <= 12
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


def test_system():
    assert text_of(MODEL, [ChatMessage(role="system", content="Answer in French."), *QUESTION]) != text_of(MODEL)


def test_conversation():
    answer = MODEL.chat([*QUESTION, ChatMessage(role="assistant", content="An instrument."), *say("And a cello?")])
    assert answer.message.content and answer.raw.usage.prompt_tokens > MODEL.chat(QUESTION).raw.usage.prompt_tokens


def test_content_parts():
    assert text_of(MODEL, [ChatMessage(role="user", blocks=[TextBlock(text="What is "), TextBlock(text="a violin?")])])
    assert text_of(MODEL, [ChatMessage(role="user", blocks=[TextBlock(text="What is a violin?")])]) == text_of(MODEL)


def test_prompt_as_chat():
    text = MODEL.complete("What is a violin?").text
    assert text == text_of(MODEL) == "".join(part.delta for part in MODEL.stream_complete("What is a violin?"))


def test_completion():
    plain = model(is_chat_model=False, additional_kwargs={})
    whole = plain.complete("The violin is").text
    assert whole and "".join(part.delta for part in plain.stream_complete("The violin is")) == whole


def test_chat_engine():
    engine = SimpleChatEngine.from_defaults(llm=MODEL, system_prompt="You are brief.")
    assert engine.chat("Hello").response
    assert "".join(engine.stream_chat("What is a dog?").response_gen) and len(engine.chat_history) == 4


def test_request_id():
    assert MODEL.chat(QUESTION).raw._request_id


def test_max_tokens():
    raw = model(max_tokens=3).chat(QUESTION).raw
    assert raw.usage.completion_tokens == 3 and raw.choices[0].finish_reason == "length"


def test_stop():
    text = text_of(MODEL)
    cut = model(more={"stop": [text[4:7]]}).chat(QUESTION)
    assert cut.message.content == text[:text.index(text[4:7])] and cut.raw.choices[0].finish_reason == "stop"


def test_seed():
    assert text_of(drawn(7)) == text_of(drawn(7)) != text_of(drawn(8))


def test_greedy():
    assert text_of(model(more={"seed": 1})) == text_of(model(more={"seed": 2}))


def test_sampling():
    sampled = model(temperature=1, more={"seed": 7, "top_p": 0.9, "presence_penalty": 0.5}, body={"top_k": 20})
    assert text_of(sampled) == text_of(sampled)


def test_n():
    assert [choice.index for choice in model(temperature=1, more={"n": 3}).chat(QUESTION).raw.choices] == [0, 1, 2]


def test_logprobs():
    answer = model(more={"logprobs": True, "top_logprobs": 2}).chat(QUESTION)
    tokens = answer.raw.choices[0].logprobs.content
    assert all(token.logprob <= 0 and len(token.top_logprobs) == 2 for token in tokens)
    assert "".join(token.token for token in tokens) == answer.message.content


def test_unicode():
    said = "小提琴🎻é"
    llm = model(max_tokens=60, more=held({"enum": [said]}))
    assert json.loads(text_of(llm, say(said))) == said == json.loads("".join(part.delta for part in llm.stream_chat(say(said))))


def test_cached_tokens():
    MODEL.chat(say("word " * 200))
    assert MODEL.chat(say("word " * 200)).raw.usage.prompt_tokens_details.cached_tokens > 0


def test_thinking():
    answer = THOUGHTFUL.chat(QUESTION)
    assert answer.raw.choices[0].message.reasoning_content and answer.message.content


def test_thinking_streamed():
    *_, last = THOUGHTFUL.stream_chat(QUESTION)
    thought = "".join(block.content for block in last.message.blocks if isinstance(block, ThinkingBlock))
    assert thought == THOUGHTFUL.chat(QUESTION).raw.choices[0].message.reasoning_content


def test_thinking_off():
    assert MODEL.chat(QUESTION).raw.usage.completion_tokens_details.reasoning_tokens == 0


def test_thinking_budget():
    usage = model(max_tokens=200, body={"enable_thinking": True, "thinking_budget": 4}).chat(QUESTION).raw.usage
    assert usage.completion_tokens_details.reasoning_tokens <= 4 + 8  # what closes the thinking


def test_stream():
    assert "".join(part.delta or "" for part in MODEL.stream_chat(QUESTION)) == text_of(MODEL)


def test_stream_cumulative():
    texts = [part.message.content or "" for part in MODEL.stream_chat(QUESTION)]
    assert texts[-1] == text_of(MODEL) and all(later.startswith(earlier) for earlier, later in zip(texts, texts[1:]))


def test_stream_usage():
    *_, last = MODEL.stream_chat(QUESTION, stream_options={"include_usage": True})
    assert last.raw.usage.completion_tokens == MODEL.chat(QUESTION).raw.usage.completion_tokens


def test_abort_stream():
    stream = LONG.stream_chat(QUESTION)
    for count, _ in enumerate(stream):
        if count == 3:
            break
    stream.close()
    until_idle()


def test_asynchronous():
    async def run():
        text = "".join([part.delta or "" async for part in await MODEL.astream_chat(QUESTION)])
        assert text == (await MODEL.achat(QUESTION)).message.content == text_of(MODEL)
    asyncio.run(run())


def test_concurrent():
    async def run():
        return await asyncio.gather(*(model().achat(QUESTION) for _ in range(6)))
    assert len({answer.message.content for answer in asyncio.run(run())}) == 1


def test_abort_call():
    async def run():
        task = asyncio.create_task(model(max_tokens=1500, body={"ignore_eos": True}).achat(QUESTION))
        await asyncio.sleep(0.02)
        task.cancel()
        try:
            await task
            raise AssertionError("not cancelled")
        except asyncio.CancelledError:
            pass
    asyncio.run(run())
    until_idle()


def test_timeout():
    raises(openai.APITimeoutError, lambda: model(max_tokens=1500, timeout=0.01, body={"ignore_eos": True}).chat(QUESTION))
    until_idle()


def test_retry_429():
    assert text_of_held(key_held)


def test_retry_503():
    assert text_of_held(queue_filled)


def text_of_held(hold):
    return while_held(hold, lambda: text_of(model(max_retries=5)))


def test_error_400():
    raises(openai.BadRequestError, lambda: text_of(model(body={"min_p": 5})), "min_p")


def test_error_unknown_field():
    raises(openai.BadRequestError, lambda: text_of(model(body={"temprature": 1})), "temperature")


def test_error_401():
    raises(openai.AuthenticationError, lambda: text_of(model(api_key="sk-wrong")))


def test_error_404():
    raises(openai.NotFoundError, lambda: text_of(model(model="no-such-model")), "no-such-model")


def test_error_413():
    raises(openai.APIStatusError, lambda: text_of(MODEL, say("x" * (9 << 20))), "413")


def test_error_429():
    with key_held():
        raises(openai.RateLimitError, lambda: text_of(MODEL))


def test_error_503():
    with queue_filled():
        raises(openai.InternalServerError, lambda: text_of(MODEL))


def test_error_connection():
    raises(openai.APIConnectionError, lambda: text_of(model(api_base="http://127.0.0.1:9/v1")))


def test_error_before_stream():
    raises(openai.BadRequestError, lambda: list(model(body={"min_p": 5}).stream_chat(QUESTION)), "min_p")


def test_long_prompt():
    raises(openai.BadRequestError, lambda: text_of(MODEL, say("x y " * 20000)), "tokens; the prompt has")


def test_tools_auto():
    answer = call()
    assert (answer.raw.choices[0].finish_reason == "tool_calls") == bool(calls_of(answer))
    assert answer.raw.usage.prompt_tokens > MODEL.chat(QUESTION).raw.usage.prompt_tokens + 50  # the model sees the tools


def test_tools_required():
    answer = call([WEATHER], tool_required=True)
    assert [(made.tool_name, made.tool_kwargs) for made in calls_of(answer)] == [("get_weather", {"city": "Paris"})]


def test_tools_named():
    assert calls_of(call(tool_choice="get_weather"))[0].tool_name == "get_weather"


def test_tools_none():
    answer = call(tool_choice="none")
    assert not calls_of(answer) and answer.message.content


def test_tools_single():
    assert len(calls_of(call(tool_required=True, allow_parallel_tool_calls=False))) == 1


def test_tools_streamed():
    *_, last = ROOMY.stream_chat_with_tools(TOOLS, chat_history=list(QUESTION), tool_choice="get_weather")
    assert calls_of(last)[0].tool_kwargs == calls_of(call(tool_choice="get_weather"))[0].tool_kwargs == {"city": "Paris"}


def test_tools_results():
    answer = call(tool_choice="get_weather")
    result = ChatMessage(role="tool", content="It rains.", additional_kwargs={"tool_call_id": calls_of(answer)[0].tool_id})
    assert call(history=[*QUESTION, answer.message, result], tool_choice="none").message.content


def test_tools_helper():
    assert ROOMY.predict_and_call([WEATHER], chat_history=list(QUESTION), tool_choice="get_weather").response == "It rains in Paris."


def test_tools_refused():
    twice = [FunctionTool.from_defaults(get_time), FunctionTool.from_defaults(get_time)]  # it mends a name with a blank itself
    raises(openai.BadRequestError, lambda: call(twice), "tools[1].function.name")


def test_schema():
    assert json.loads(text_of(model(max_tokens=100, more=held(PLACE)))) == {"city": "Paris"}


def test_schema_helper():
    for by_schema in (True, False):  # otherwise by a tool
        llm = model(max_tokens=200, should_use_structured_outputs=by_schema)
        assert llm.structured_predict(Place, PromptTemplate("Where is {what}?"), what="it") == Place(city="Paris")


def test_schema_object():
    llm = model(more={"response_format": {"type": "json_object"}})
    assert text_of(llm, say("A JSON object, please.")).lstrip().startswith("{")


def test_schema_streamed():
    parts = model(max_tokens=100, more=held(PLACE)).stream_chat(QUESTION)
    assert json.loads("".join(part.delta or "" for part in parts)) == {"city": "Paris"}


def test_schema_refused():
    raises(openai.BadRequestError, lambda: text_of(model(more=held({"type": "array", "minItems": 3, "maxItems": 2}))), "minItems")


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
