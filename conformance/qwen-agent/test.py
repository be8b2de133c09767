"""Qwen-Agent, unmodified, through both of its ways to a model: the OpenAI dialect (`oai`) and DashScope's (`qwen_dashscope`)."""
import json
import logging
import os
import sys
import threading

os.environ["QWEN_AGENT_MAX_LLM_CALL_PER_RUN"] = "2"  # an agent that must call its tool ends

import openai  # noqa: E402: after the setting that Qwen-Agent reads once
from qwen_agent.agents import Assistant, FnCallAgent
from qwen_agent.llm import get_chat_model
from qwen_agent.llm.base import ModelServiceError
from qwen_agent.llm.schema import ContentItem, Message
from qwen_agent.log import logger
from qwen_agent.tools.base import BaseTool
from run_cases import run_cases
from studio import KEY, MODEL, URL, key_held, queue_filled, until_idle, while_held

logger.setLevel(logging.ERROR)
QUESTION = [{"role": "user", "content": "What is a violin?"}]
PLACE = {"type": "object", "properties": {"city": {"type": "string", "enum": ["Paris"]}}, "required": ["city"]}
CLOSED = {**PLACE, "additionalProperties": False}
WEATHER = {"name": "get_weather", "description": "The weather of a city.", "parameters": CLOSED}
CLOCK = {"name": "get_time", "description": "The time.", "parameters": {"type": "object", "properties": {}}}
NAMED = {"type": "function", "function": {"name": "get_weather"}}
WAYS = {
    "oai": {"model_type": "oai", "model_server": URL + "/v1"},
    "dashscope": {"model_type": "qwen_dashscope", "base_http_api_url": URL + "/api/v1"},
}


def settings(way="oai", key=KEY, model=MODEL, body=None, **fields):
    """`body`: what only Qwen's servers know."""
    known = {"enable_thinking": False, **(body or {})}
    generate = {"max_tokens": 12, "temperature": 0, "seed": 7, "max_input_tokens": 0, **({"extra_body": known} if way == "oai" else known), **fields}
    return {**WAYS[way], "model": model, "api_key": key, "generate_cfg": generate}


def open_model(*arguments, **fields):
    return get_chat_model(settings(*arguments, **fields))


def both(**fields):
    return [open_model(way, **fields) for way in WAYS]


def last(llm, messages=None, **more):
    *_, messages = llm.chat(messages or QUESTION, **more)
    return messages


def text_of(messages):
    return "".join(message["content"] for message in messages)


def ask(*arguments, **fields):
    return text_of(last(open_model(*arguments, **fields)))


def service_of(messages):
    """The whole answer, which Qwen-Agent keeps of DashScope's."""
    return messages[-1]["extra"]["model_service_info"]


def held(schema):
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}}


def calls_of(messages):
    return [message["function_call"] for message in messages if message.get("function_call")]


def call(way="oai", functions=(WEATHER, CLOCK), messages=None, **fields):
    """A call in the model's own form: without `use_raw_api` Qwen-Agent writes the tools into the prompt."""
    return last(open_model(way, **{"use_raw_api": True, "max_tokens": 200, "tool_choice": NAMED, **fields}), messages, functions=list(functions))


def raises(run, *words):
    try:
        run()
    except ModelServiceError as error:
        for word in words:
            assert word in str(error), error
        return error
    raise AssertionError("no ModelServiceError")


def test_chat():
    for llm in both():
        assert last(llm)[-1]["role"] == "assistant" and text_of(last(llm))
    (answer,) = open_model().chat(QUESTION, stream=False)
    assert answer["content"] == ask()


def test_prompt_as_chat():
    assert open_model().quick_chat("What is a violin?") == ask()


def test_doors():
    assert ask("oai") == ask("dashscope")


def test_usage():
    usage = service_of(last(open_model("dashscope")))["usage"]
    assert usage["input_tokens"] > 5 and 0 < usage["output_tokens"] <= 12
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]


def test_request_id():
    assert service_of(last(open_model("dashscope")))["request_id"]


def test_system():
    for llm in both():
        assert text_of(last(llm, [{"role": "system", "content": "Answer in French."}, *QUESTION])) != text_of(last(llm))


def test_conversation():
    turns = [*QUESTION, {"role": "assistant", "content": "An instrument."}, {"role": "user", "content": "And a cello?"}]
    for llm in both():
        assert text_of(last(llm, turns))
    read = [service_of(last(open_model("dashscope"), messages))["usage"]["input_tokens"] for messages in (QUESTION, turns)]
    assert read[0] < read[1]


def test_content_parts():
    for llm in both():
        parts = llm.chat([Message("user", [ContentItem(text="What is a violin?")])])
        assert text_of([message.model_dump() for message in list(parts)[-1]]) == text_of(last(llm))


def test_continues():
    begun = [*QUESTION, {"role": "assistant", "content": "A violin is"}]
    for llm in both():
        assert text_of(last(llm, begun))


def test_max_tokens():
    answer = service_of(last(open_model("dashscope", max_tokens=3)))
    assert answer["usage"]["output_tokens"] == 3 and answer["output"]["choices"][0]["finish_reason"] == "length"


def test_stop():
    text = ask()
    assert ask(stop=[text[4:7]]) == text[:text.index(text[4:7])]


def test_seed():
    for way in WAYS:
        assert ask(way, temperature=1) == ask(way, temperature=1) != ask(way, temperature=1, seed=8)


def test_greedy():
    assert ask(seed=1) == ask(seed=2)


def test_sampling():
    fields = dict(temperature=1, top_p=0.9, top_k=20, repetition_penalty=1.1)
    for way in WAYS:
        assert ask(way, **fields) == ask(way, **fields)


def test_unicode():
    said = "小提琴🎻é"
    for llm in both(max_tokens=60, **held({"enum": [said]})):
        assert json.loads(text_of(last(llm, [{"role": "user", "content": said}]))) == said


def test_cached_tokens():
    asked = [{"role": "user", "content": "word " * 200}]
    llm = open_model("dashscope")
    last(llm, asked)
    assert service_of(last(llm, asked))["usage"]["prompt_tokens_details"]["cached_tokens"] > 0


def test_thinking():
    for llm in both(max_tokens=200, body={"enable_thinking": True}):
        messages = last(llm)
        assert any(message.get("reasoning_content") for message in messages) and text_of(messages)


def test_thinking_off():
    for llm in both():
        assert not any(message.get("reasoning_content") for message in last(llm))


def test_thinking_budget():
    usage = service_of(last(open_model("dashscope", max_tokens=200, body={"enable_thinking": True, "thinking_budget": 4})))["usage"]
    assert usage["output_tokens_details"]["reasoning_tokens"] <= 4 + 8  # what closes the thinking


def test_thinking_history():
    for llm in both(max_tokens=100, body={"enable_thinking": True}):
        assert text_of(last(llm, [*QUESTION, *last(llm), {"role": "user", "content": "And a cello?"}]))


def test_stream():
    pieces = open_model().chat(QUESTION, delta_stream=True)
    assert "".join(text_of(messages) for messages in pieces) == ask()


def test_stream_cumulative():
    for llm in both():
        texts = [text_of(messages) for messages in llm.chat(QUESTION) if messages]
        assert len(texts) > 2 and all(later.startswith(earlier) for earlier, later in zip(texts, texts[1:]))


def test_abort_stream():
    stream = open_model(max_tokens=1500, body={"ignore_eos": True}).chat(QUESTION)
    next(stream)
    stream.close()
    until_idle()


def test_concurrent():
    texts = []
    threads = [threading.Thread(target=lambda: texts.append(ask())) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(texts) == 6 and len(set(texts)) == 1


def test_timeout():
    llm = open_model(max_tokens=1500, body={"ignore_eos": True}, request_timeout=0.01)
    error = raises(lambda: llm.chat(QUESTION, stream=False))
    assert isinstance(error.exception, openai.APITimeoutError)
    until_idle()


def test_retry_429():
    assert while_held(key_held, lambda: ask(max_retries=3))
    assert while_held(key_held, lambda: ask("dashscope", use_raw_api=False, max_retries=3))


def test_retry_503():
    assert while_held(queue_filled, lambda: ask(max_retries=3))


def test_error_400():
    for way in WAYS:
        raises(lambda way=way: ask(way, temperature=3), "temperature")


def test_error_unknown_field():
    for way in WAYS:
        raises(lambda way=way: ask(way, body={"temprature": 1}), "temperature")


def test_error_401():
    raises(lambda: ask("oai", "sk-wrong"), "401")
    raises(lambda: ask("dashscope", "sk-wrong"), "InvalidApiKey")


def test_error_404():
    for way in WAYS:
        raises(lambda way=way: ask(way, model="no-such-model"), "no-such-model")


def test_error_413():
    huge = [{"role": "user", "content": "x" * (9 << 20)}]
    raises(lambda: last(open_model(), huge), "413")


def test_error_429():
    with key_held():
        raises(lambda: ask("dashscope"), "Throttling.RateQuota")


def test_error_503():
    with queue_filled():
        raises(lambda: ask("dashscope"), "ModelServingError")


def test_error_connection():
    llm = get_chat_model({**settings(), "model_server": "http://127.0.0.1:9/v1"})
    assert isinstance(raises(lambda: last(llm)).exception, openai.APIConnectionError)


def test_long_prompt():
    for llm in both():
        raises(lambda llm=llm: last(llm, [{"role": "user", "content": "x y " * 20000}]), "tokens; the prompt has")


def test_tools_auto():
    assert call(tool_choice="auto")
    read = [service_of(call("dashscope", functions, tool_choice="auto"))["usage"]["input_tokens"] for functions in ([CLOCK], [CLOCK, WEATHER])]
    assert read[0] + 30 < read[1]  # the model sees the tools


def test_tools_required():
    for way in WAYS:
        (made,) = calls_of(call(way, [WEATHER], tool_choice="required"))
        assert made["name"] == "get_weather" and json.loads(made["arguments"]) == {"city": "Paris"}


def test_tools_named():
    for way in WAYS:
        assert calls_of(call(way))[0]["name"] == "get_weather"


def test_tools_none():
    for way in WAYS:
        messages = call(way, tool_choice="none")
        assert not calls_of(messages) and text_of(messages)


def test_tools_results():
    for way in WAYS:
        made = call(way)
        result = {"role": "function", "name": "get_weather", "content": "It rains.", "extra": {"function_id": made[-1]["extra"]["function_id"]}}
        assert text_of(call(way, messages=[*QUESTION, *made, result], tool_choice="none"))


def test_tools_helper():
    """Tools that Qwen-Agent writes into the prompt itself, and whose calls it reads from the text."""
    for llm in both(use_raw_api=False):
        assert last(llm, functions=[WEATHER])


def test_tools_refused():
    for way in WAYS:
        raises(lambda way=way: call(way, [{**WEATHER, "name": "f g"}], tool_choice="auto"), "tools[0].function.name")


class Weather(BaseTool):
    name, description, parameters = WEATHER["name"], WEATHER["description"], PLACE
    function = WEATHER  # what the model is shown: closed, so that its arguments end

    def __init__(self):
        super().__init__()
        self.asked = []

    def call(self, params, **_):
        self.asked.append(json.loads(params))
        return "It rains."


def test_agent():
    for way in WAYS:
        for kind in (FnCallAgent, Assistant):
            tool = Weather()
            agent = kind(llm=settings(way, use_raw_api=True, max_tokens=200, tool_choice=NAMED), function_list=[tool])
            *_, messages = agent.run(QUESTION)
            assert tool.asked == [{"city": "Paris"}] * 2  # the second time with the result of the first
            assert [message["role"] for message in messages] == ["assistant", "function"] * 2


def test_schema():
    for llm in both(max_tokens=100, **held(CLOSED)):
        assert json.loads(text_of(last(llm))) == {"city": "Paris"}


def test_schema_object():
    for llm in both(response_format={"type": "json_object"}):
        assert text_of(last(llm, [{"role": "user", "content": "A JSON object, please."}])).lstrip().startswith("{")


def test_schema_thinking():
    for llm in both(max_tokens=200, body={"enable_thinking": True}, **held(CLOSED)):
        messages = last(llm)
        assert json.loads(text_of(messages)) == {"city": "Paris"} and any(message.get("reasoning_content") for message in messages)


def test_schema_refused():
    for way in WAYS:
        raises(lambda way=way: ask(way, **held({"type": "array", "minItems": 3, "maxItems": 2})), "minItems")


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
