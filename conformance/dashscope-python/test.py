"""The DashScope Python SDK, unmodified: generation and multimodal, whole and streamed, the tokenizer, errors, sync and async."""
import asyncio
import gzip
import hashlib
import json
import os
import sys
import tempfile
from http import HTTPStatus

import dashscope
import requests
from dashscope import AioGeneration, BatchTextEmbedding, Files, Generation, MultiModalConversation, TextEmbedding, Tokenization
from run_cases import run_cases
from studio import KEY, MODEL, URL, key_held, queue_filled, until_idle

dashscope.base_http_api_url = URL + "/api/v1"
dashscope.api_key = KEY
ENCODER = "tiny-bert"  # which conformance/run.sh serves too
MESSAGES = [{"role": "user", "content": "What is a violin?"}]
FIXED = dict(model=MODEL, messages=MESSAGES, result_format="message", max_tokens=8, temperature=0, seed=7)
NO_THINKING = {**FIXED, "enable_thinking": False}

ROOMY = {"enable_thinking": True, "max_tokens": 200}

PLACE = {"type": "object", "properties": {"city": {"enum": ["Paris"]}}, "required": ["city"], "additionalProperties": False}
WEATHER = {"type": "function", "function": {"name": "get_weather", "description": "The weather of a city.", "parameters": PLACE}}
CLOCK = {"type": "function", "function": {"name": "get_time", "parameters": {"type": "object", "properties": {}}}}
CALLING = {"enable_thinking": False, "max_tokens": 200, "tools": [WEATHER, CLOCK],
           "tool_choice": {"type": "function", "function": {"name": "get_weather"}}}
HELD = {"type": "json_schema", "json_schema": {"name": "place", "strict": True, "schema": PLACE}}


def whole(**changes):
    answer = Generation.call(**{**FIXED, **changes})
    assert answer.status_code == HTTPStatus.OK, answer
    return answer


def text_of(answer):
    return answer.output.choices[0].message.content


def refused(answer, status, code, *words):
    assert answer.status_code == status, answer
    assert answer.code == code and answer.request_id, answer
    for word in words:
        assert word in answer.message, answer.message


def test_usage():
    answer = whole()
    choice = answer.output.choices[0]
    assert choice.finish_reason in ("stop", "length") and choice.message.role == "assistant" and answer.request_id
    assert choice.message.reasoning_content
    usage = answer.usage
    assert usage.input_tokens > 5 and usage.total_tokens == usage.input_tokens + usage.output_tokens
    details = usage["output_tokens_details"]
    assert details["reasoning_tokens"] > 0 and details["reasoning_tokens"] + details["text_tokens"] == usage.output_tokens


def test_chat():
    answer = whole()
    assert answer.output.choices[0].message.role == "assistant" and text_of(answer)


def test_request_id():
    assert whole().request_id and Generation.call(**{**FIXED, "temperature": 3}).request_id


def test_thinking():
    message = whole(**ROOMY).output.choices[0].message
    assert message.reasoning_content and message.content


def test_thinking_off():
    answer = whole(enable_thinking=False)
    assert answer.usage.output_tokens == 8 and answer.output.choices[0].finish_reason == "length"


def test_thinking_budget():
    assert whole(enable_thinking=True, thinking_budget=4).usage.output_tokens <= 8 + 4 + 8


def test_text_format():
    answer = Generation.call(**{**NO_THINKING, "result_format": "text"})
    assert answer.output.text == text_of(whole(enable_thinking=False)) and answer.output.finish_reason == "length"


def test_prompt_as_chat():
    arguments = {name: value for name, value in NO_THINKING.items() if name != "messages"}
    assert text_of(Generation.call(**arguments, prompt="What is a violin?")) == text_of(whole(enable_thinking=False))


def test_system():
    told = [{"role": "system", "content": "Answer in French."}, *MESSAGES]
    assert text_of(whole(messages=told, enable_thinking=False)) != text_of(whole(enable_thinking=False))


def test_conversation():
    arguments = {name: value for name, value in NO_THINKING.items() if name != "messages"}
    answer = Generation.call(**arguments, prompt="And a cello?", history=[{"user": "What is a violin?", "bot": "An instrument."}])
    turns = [*MESSAGES, {"role": "assistant", "content": "An instrument."}, {"role": "user", "content": "And a cello?"}]
    assert text_of(answer) == text_of(whole(messages=turns, enable_thinking=False))


def test_stream_cumulative():
    frames = list(Generation.call(**NO_THINKING, stream=True))
    texts = [text_of(frame) for frame in frames]
    assert texts[-1] == text_of(whole(enable_thinking=False))
    assert all(later.startswith(earlier) for earlier, later in zip(texts, texts[1:]))
    assert frames[0].output.choices[0].finish_reason == "null" and frames[-1].output.choices[0].finish_reason == "length"
    assert frames[-1].usage.output_tokens == 8


def test_stream():
    frames = list(Generation.call(**NO_THINKING, stream=True, incremental_output=True))
    assert "".join(text_of(frame) for frame in frames) == text_of(whole(enable_thinking=False))
    counts = [frame.usage.output_tokens for frame in frames]
    assert counts == sorted(counts) and counts[-1] == 8


def test_thinking_streamed():
    frames = list(Generation.call(**FIXED, stream=True, incremental_output=True))
    thought = "".join(frame.output.choices[0].message.get("reasoning_content") or "" for frame in frames)
    answer = whole()
    assert thought == answer.output.choices[0].message.reasoning_content and "".join(text_of(f) for f in frames) == text_of(answer)


def test_n():
    answer = whole(n=2, temperature=1, enable_thinking=False)
    assert [choice.index for choice in answer.output.choices] == [0, 1]


def test_stream_n():
    drawn = {**NO_THINKING, "n": 2, "temperature": 1}
    texts = ["", ""]
    for frame in Generation.call(**drawn, stream=True, incremental_output=True):
        for choice in frame.output.choices:
            texts[choice.index] += choice.message.content
    assert texts == [choice.message.content for choice in whole(**drawn).output.choices]


def test_stream_end():
    frames = list(Generation.call(**NO_THINKING, stream=True, incremental_output=True))
    assert [frame.output.choices[0].finish_reason for frame in frames] == ["null"] * (len(frames) - 1) + ["length"]


def test_stream_usage():
    *_, last = Generation.call(**NO_THINKING, stream=True, incremental_output=True)
    assert last.usage.output_tokens == whole(enable_thinking=False).usage.output_tokens


def test_logprobs():
    tokens = whole(enable_thinking=False, logprobs=True, top_logprobs=2).output.choices[0]["logprobs"]["content"]
    assert len(tokens) == 8 and all(token["logprob"] <= 0 and len(token["top_logprobs"]) == 2 for token in tokens)


def test_seed():
    drawn = dict(temperature=1, top_p=0.95, top_k=50, repetition_penalty=1.1, max_tokens=20, enable_thinking=False)
    assert text_of(whole(**drawn)) == text_of(whole(**drawn)) != text_of(whole(**drawn, seed=8))


def test_sampling():
    drawn = dict(temperature=1, top_p=0.95, top_k=50, repetition_penalty=1.1, presence_penalty=0.5, max_tokens=20, enable_thinking=False)
    assert text_of(whole(**drawn)) == text_of(whole(**drawn))


def test_greedy():
    assert text_of(whole(enable_thinking=False, seed=1)) == text_of(whole(enable_thinking=False, seed=2))


def test_max_tokens():
    answer = whole(enable_thinking=False, max_tokens=3)
    assert answer.usage.output_tokens == 3 and answer.output.choices[0].finish_reason == "length"


def test_stop():
    text = text_of(whole(enable_thinking=False))
    cut = whole(enable_thinking=False, stop=[text[4:7]])
    assert text_of(cut) == text[:text.index(text[4:7])] and cut.output.choices[0].finish_reason == "stop"


def test_embedded_text():
    messages = [{"role": "user", "content": [{"text": "What is a violin?"}]}]
    answer = MultiModalConversation.call(model=MODEL, messages=messages, max_tokens=8, temperature=0, enable_thinking=False)
    assert answer.output.choices[0].message.content[0]["text"] == text_of(whole(enable_thinking=False))
    frames = MultiModalConversation.call(model=MODEL, messages=messages, max_tokens=8, temperature=0, enable_thinking=False, stream=True,
                                         incremental_output=True)
    parts = [part["text"] for frame in frames for part in frame.output.choices[0].message.content]
    assert "".join(parts) == text_of(whole(enable_thinking=False))
    messages = [{"role": "user", "content": [{"image": "https://127.0.0.1/x.png"}, {"text": "What is it?"}]}]
    refused(MultiModalConversation.call(model=MODEL, messages=messages), 400, "InvalidParameter", "content[0].image")


def test_tokenizer():
    answer = Tokenization.call(model=MODEL, prompt="What is a violin?")
    assert answer.status_code == HTTPStatus.OK and len(answer.output["token_ids"]) == answer.usage["input_tokens"] > 3
    messages = Tokenization.call(model=MODEL, messages=MESSAGES)
    assert messages.usage["input_tokens"] > answer.usage["input_tokens"]


def test_unicode():
    said = "小提琴🎻é"
    asked = dict(messages=[{"role": "user", "content": said}], enable_thinking=False, max_tokens=60,
                 response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": {"enum": [said]}}})
    assert json.loads(text_of(whole(**asked))) == said
    frames = Generation.call(**{**FIXED, **asked}, stream=True, incremental_output=True)
    assert json.loads("".join(text_of(frame) for frame in frames)) == said


def test_cached_tokens():
    long = [{"role": "user", "content": "word " * 200}]
    whole(messages=long)
    assert whole(messages=long).usage["prompt_tokens_details"]["cached_tokens"] > 0


def test_abort_stream():
    for count, _ in enumerate(Generation.call(**{**FIXED, "max_tokens": 400}, stream=True)):
        if count == 3:
            break
    until_idle()


def test_asynchronous():
    async def run():
        frames = [frame async for frame in await AioGeneration.call(**NO_THINKING, stream=True, incremental_output=True)]
        assert "".join(text_of(frame) for frame in frames) == text_of(await AioGeneration.call(**NO_THINKING))
    asyncio.run(run())


def test_files():
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        file.write('{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}\n')
        file.flush()
        answer = Files.upload(file.name, description="two turns")
        assert answer.status_code == HTTPStatus.OK and not answer.output["failed_uploads"], answer
        uploaded = answer.output["uploaded_files"]
        assert [each["name"] for each in uploaded] == [os.path.basename(file.name)]
        size, md5 = os.path.getsize(file.name), hashlib.md5(open(file.name, "rb").read()).hexdigest()
    file_id = uploaded[0]["file_id"]
    found = Files.get(file_id)
    assert found.status_code == HTTPStatus.OK, found
    told = found.output
    assert (told["size"], told["md5"], told["description"], told["purpose"]) == (size, md5, "two turns", "fine-tune"), told
    listed = Files.list(page=1, page_size=1)
    assert listed.output["total"] == 1 and [each["file_id"] for each in listed.output["files"]] == [file_id], listed
    assert Files.delete(file_id).status_code == HTTPStatus.OK
    refused(Files.get(file_id), 404, "NotFound", "no such file")
    refused(Files.list(page=0), 400, "InvalidParameter", "page_no")


def texts_uploaded(texts):
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("".join(text + "\n" for text in texts))
        file.flush()
        return Files.upload(file.name, purpose="inference").output["uploaded_files"][0]["file_id"]


def test_task():
    texts = ["What is a violin?", "小提琴", "And a cello?"]
    file_id = texts_uploaded(texts)
    started = BatchTextEmbedding.async_call(ENCODER, file_id, text_type="document")
    assert started.status_code == HTTPStatus.OK and started.output["task_status"] == "PENDING", started
    done = BatchTextEmbedding.wait(started)
    assert done.output["task_status"] == "SUCCEEDED" and done.output["task_metrics"] == {"TOTAL": 3, "SUCCEEDED": 3, "FAILED": 0}, done
    lines = [json.loads(line) for line in gzip.decompress(requests.get(done.output["url"], timeout=20).content).splitlines()]
    at_once = TextEmbedding.call(model=ENCODER, input=texts)
    assert lines == at_once.output["embeddings"] and done.usage["total_tokens"] == at_once.usage["total_tokens"]
    assert BatchTextEmbedding.call(ENCODER, file_id).output["task_status"] == "SUCCEEDED"
    assert Files.delete(file_id).status_code == HTTPStatus.OK
    for file in Files.list(page_size=100).output["files"]:  # the results: test_files counts its own
        Files.delete(file["file_id"])


def test_task_list():
    file_id = texts_uploaded(["a"])
    tasks = [BatchTextEmbedding.call(ENCODER, file_id).output["task_id"] for _ in range(3)]
    page = BatchTextEmbedding.list(page_size=2, model_name=ENCODER, status="SUCCEEDED").output
    assert [each["task_id"] for each in page["data"]] == tasks[:0:-1] and page["total"] >= 3 and page["page_no"] == 1, page
    assert BatchTextEmbedding.list(model_name="other").output["data"] == []
    refused(BatchTextEmbedding.list(status="DONE"), 400, "InvalidParameter", "status")
    refused(BatchTextEmbedding.cancel(tasks[0]), 400, "UnsupportedOperation", "PENDING")
    assert BatchTextEmbedding.fetch("00000000-0000-4000-8000-000000000000").output["task_status"] == "UNKNOWN"
    for file in Files.list(page_size=100).output["files"]:
        Files.delete(file["file_id"])


def test_task_refused():
    for url in ("https://127.0.0.1/x.txt", "oss://bucket/x.txt"):
        refused(BatchTextEmbedding.async_call(ENCODER, url), 400, "InvalidParameter", "input.url", "fetches no addresses")
    refused(BatchTextEmbedding.async_call(ENCODER, "file-none"), 404, "NotFound", "input.url")
    refused(BatchTextEmbedding.async_call("no-such-model", "file-none"), 404, "ModelNotFound", "no-such-model")


def test_temporary_key():
    made = requests.post(URL + "/api/v1/tokens?expire_in_seconds=60", headers={"Authorization": "Bearer " + KEY}, timeout=20).json()
    assert made["token"].startswith("st-") and made["expires_at"] > 0, made
    assert text_of(whole(api_key=made["token"], enable_thinking=False)) == text_of(whole(enable_thinking=False))
    again = requests.post(URL + "/api/v1/tokens", headers={"Authorization": "Bearer " + made["token"]}, timeout=20)
    assert again.status_code == 403 and again.json()["code"] == "AccessDenied", again.text


def test_concurrent():
    async def run():
        return await asyncio.gather(*(AioGeneration.call(**NO_THINKING) for _ in range(6)))
    assert len({text_of(answer) for answer in asyncio.run(run())}) == 1


def test_error_401():
    refused(Generation.call(**FIXED, api_key="sk-wrong"), 401, "InvalidApiKey")


def test_error_404():
    refused(Generation.call(**{**FIXED, "model": "no-such-model"}), 404, "ModelNotFound", "no-such-model")


def test_error_400():
    for change, word in (({"temperature": 3}, "parameters.temperature"), ({"top_k": -1}, "parameters.top_k"), ({"seed": -1}, "parameters.seed"),
                         ({"enable_search": True}, "parameters.enable_search"), 
                         ({"result_format": "xml"}, "parameters.result_format"), ({"stop": [""]}, "parameters.stop[0]")):
        refused(Generation.call(**{**FIXED, **change}), 400, "InvalidParameter", word)


def test_error_messages():
    for messages, word in (([{"role": "tool", "content": "x"}], "input.messages[0]"), ([{"role": "robot", "content": "x"}], "input.messages[0].role"),
                           ([{"role": "user", "content": 5}], "input.messages[0].content")):
        refused(Generation.call(**{**FIXED, "messages": messages}), 400, "InvalidParameter", word)


def test_error_before_stream():
    refused(next(iter(Generation.call(**{**FIXED, "temperature": 3}, stream=True))), 400, "InvalidParameter", "parameters.temperature")


def test_error_connection():
    dashscope.base_http_api_url = "http://127.0.0.1:9/api/v1"
    try:
        Generation.call(**FIXED)
        raise AssertionError("answered")
    except requests.ConnectionError:
        pass
    finally:
        dashscope.base_http_api_url = URL + "/api/v1"


def test_long_prompt():
    refused(Generation.call(**{**FIXED, "messages": [{"role": "user", "content": "x y " * 20000}]}), 400, "InvalidParameter", "the prompt has")


def test_error_403():
    refused(Generation.call(**FIXED, workspace="llm-1234567890abcdef"), 403, "AccessDenied", "X-DashScope-WorkSpace")


def test_error_unknown_field():
    refused(Generation.call(**FIXED, temprature=1), 400, "InvalidParameter", "temperature")


def test_error_413():
    refused(Generation.call(**{**FIXED, "messages": [{"role": "user", "content": "x" * (9 << 20)}]}), 413, "BadRequest.TooLarge")


def test_error_429():
    with key_held():
        refused(Generation.call(**FIXED), 429, "Throttling.RateQuota")


def test_error_503():
    with queue_filled():
        refused(Generation.call(**FIXED), 503, "ModelServingError")


def calls_of(answer):
    return answer.output.choices[0].message.get("tool_calls") or []


def test_tools_auto():
    answer = whole(**{**CALLING, "tool_choice": "auto"})
    assert (answer.output.choices[0].finish_reason == "tool_calls") == bool(calls_of(answer))
    assert answer.usage.input_tokens > whole(enable_thinking=False).usage.input_tokens + 50  # the model sees the tools


def test_tools_required():
    answer = whole(**{**CALLING, "tools": [WEATHER], "tool_choice": "required"})
    assert answer.output.choices[0].finish_reason == "tool_calls"
    assert json.loads(calls_of(answer)[0]["function"]["arguments"]) == {"city": "Paris"}


def test_tools_named():
    assert calls_of(whole(**CALLING))[0]["function"]["name"] == "get_weather"


def test_tools_none():
    answer = whole(**{**CALLING, "tool_choice": "none"})
    assert not calls_of(answer) and text_of(answer)


def test_tools_single():
    assert len(calls_of(whole(**{**CALLING, "tool_choice": "required"}, parallel_tool_calls=False))) == 1


def test_tools_streamed():
    call = calls_of(whole(**CALLING))[0]["function"]
    frames = list(Generation.call(**{**FIXED, **CALLING}, stream=True, incremental_output=True))
    pieces = [piece for frame in frames for piece in calls_of(frame)]
    assert "".join(piece["function"].get("name") or "" for piece in pieces) == call["name"]
    assert "".join(piece["function"].get("arguments") or "" for piece in pieces) == call["arguments"]
    assert frames[-1].output.choices[0].finish_reason == "tool_calls"


def test_tools_results():
    call = calls_of(whole(**CALLING))[0]
    turns = [*MESSAGES, {"role": "assistant", "content": "", "tool_calls": [call]}]
    result = {"role": "tool", "tool_call_id": call["id"], "content": "It rains."}
    assert text_of(whole(**{**CALLING, "tool_choice": "none", "messages": [*turns, result]}))
    other = {**result, "tool_call_id": "call_other"}
    refused(Generation.call(**{**FIXED, **CALLING, "messages": [*turns, other]}), 400, "InvalidParameter", "messages[2].tool_call_id")


def test_tools_refused():
    refused(Generation.call(**FIXED, tools=[{"type": "function", "function": {"name": "f g"}}]), 400, "InvalidParameter", "parameters.tools[0]")


def test_tools_unknown():
    other = {"type": "function", "function": {"name": "other"}}
    refused(Generation.call(**{**FIXED, **CALLING, "tool_choice": other}), 400, "InvalidParameter", "tool_choice.function.name")


def test_schema():
    answer = whole(enable_thinking=False, max_tokens=100, response_format=HELD)
    assert json.loads(text_of(answer)) == {"city": "Paris"} and answer.output.choices[0].finish_reason == "stop"


def test_schema_object():
    json_object = {"type": "json_object"}
    asked = [{"role": "user", "content": "A JSON object, please."}]
    assert text_of(whole(messages=asked, enable_thinking=False, response_format=json_object)).lstrip().startswith("{")
    refused(Generation.call(**FIXED, response_format=json_object), 400, "InvalidParameter", "json")


def test_schema_streamed():
    frames = Generation.call(**{**NO_THINKING, "max_tokens": 100}, response_format=HELD, stream=True, incremental_output=True)
    assert json.loads("".join(text_of(frame) for frame in frames)) == {"city": "Paris"}


def test_schema_thinking():
    answer = whole(**ROOMY, response_format=HELD)
    assert answer.output.choices[0].message.reasoning_content and json.loads(text_of(answer)) == {"city": "Paris"}


def test_schema_refused():
    impossible = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "array", "minItems": 3, "maxItems": 2}}}
    refused(Generation.call(**FIXED, response_format=impossible), 400, "InvalidParameter", "schema#/minItems")


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
