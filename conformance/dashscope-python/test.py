"""The DashScope Python SDK, unmodified: generation and multimodal, whole and streamed, the tokenizer, errors, sync and async."""
import asyncio
import hashlib
import os
import sys
import tempfile
from http import HTTPStatus

import dashscope
from dashscope import AioGeneration, Files, Generation, MultiModalConversation, Tokenization
from run_cases import run_cases

MODEL, KEY = os.environ["STUDIO_MODEL"], os.environ["OPENAI_API_KEY"]
dashscope.base_http_api_url = os.environ["STUDIO_URL"] + "/api/v1"
dashscope.api_key = KEY
MESSAGES = [{"role": "user", "content": "What is a violin?"}]
FIXED = dict(model=MODEL, messages=MESSAGES, result_format="message", max_tokens=8, temperature=0, seed=7)
NO_THINKING = {**FIXED, "enable_thinking": False}


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


def test_answer_with_exact_usage():
    answer = whole()
    choice = answer.output.choices[0]
    assert choice.finish_reason in ("stop", "length") and choice.message.role == "assistant" and answer.request_id
    assert choice.message.reasoning_content
    usage = answer.usage
    assert usage.input_tokens > 5 and usage.total_tokens == usage.input_tokens + usage.output_tokens
    details = usage["output_tokens_details"]
    assert details["reasoning_tokens"] > 0 and details["reasoning_tokens"] + details["text_tokens"] == usage.output_tokens


def test_without_thinking():
    answer = whole(enable_thinking=False)
    assert answer.usage.output_tokens == 8 and answer.output.choices[0].finish_reason == "length"


def test_thinking_budget():
    assert whole(enable_thinking=True, thinking_budget=4).usage.output_tokens <= 8 + 4 + 8


def test_text_format():
    answer = Generation.call(**{**NO_THINKING, "result_format": "text"})
    assert answer.output.text == text_of(whole(enable_thinking=False)) and answer.output.finish_reason == "length"


def test_prompt_is_a_conversation():
    arguments = {name: value for name, value in NO_THINKING.items() if name != "messages"}
    assert text_of(Generation.call(**arguments, prompt="What is a violin?")) == text_of(whole(enable_thinking=False))


def test_history():
    arguments = {name: value for name, value in NO_THINKING.items() if name != "messages"}
    answer = Generation.call(**arguments, prompt="And a cello?", history=[{"user": "What is a violin?", "bot": "An instrument."}])
    turns = [*MESSAGES, {"role": "assistant", "content": "An instrument."}, {"role": "user", "content": "And a cello?"}]
    assert text_of(answer) == text_of(whole(messages=turns, enable_thinking=False))


def test_stream_is_cumulative():
    frames = list(Generation.call(**NO_THINKING, stream=True))
    texts = [text_of(frame) for frame in frames]
    assert texts[-1] == text_of(whole(enable_thinking=False))
    assert all(later.startswith(earlier) for earlier, later in zip(texts, texts[1:]))
    assert frames[0].output.choices[0].finish_reason == "null" and frames[-1].output.choices[0].finish_reason == "length"
    assert frames[-1].usage.output_tokens == 8


def test_stream_is_incremental():
    frames = list(Generation.call(**NO_THINKING, stream=True, incremental_output=True))
    assert "".join(text_of(frame) for frame in frames) == text_of(whole(enable_thinking=False))
    counts = [frame.usage.output_tokens for frame in frames]
    assert counts == sorted(counts) and counts[-1] == 8


def test_stream_of_thinking():
    frames = list(Generation.call(**FIXED, stream=True, incremental_output=True))
    thought = "".join(frame.output.choices[0].message.get("reasoning_content") or "" for frame in frames)
    answer = whole()
    assert thought == answer.output.choices[0].message.reasoning_content and "".join(text_of(f) for f in frames) == text_of(answer)


def test_several_choices():
    answer = whole(n=2, temperature=1, enable_thinking=False)
    assert [choice.index for choice in answer.output.choices] == [0, 1]
    last = {}
    for frame in Generation.call(**{**NO_THINKING, "n": 2, "temperature": 1}, stream=True, incremental_output=True):
        for choice in frame.output.choices:
            last[choice.index] = last.get(choice.index, "") + choice.message.content
    assert [last[0], last[1]] == [choice.message.content for choice in answer.output.choices]


def test_logprobs():
    tokens = whole(enable_thinking=False, logprobs=True, top_logprobs=2).output.choices[0]["logprobs"]["content"]
    assert len(tokens) == 8 and all(token["logprob"] <= 0 and len(token["top_logprobs"]) == 2 for token in tokens)


def test_seed_and_sampling():
    drawn = dict(temperature=1, top_p=0.95, top_k=50, repetition_penalty=1.1, max_tokens=20, enable_thinking=False)
    assert text_of(whole(**drawn)) == text_of(whole(**drawn)) != text_of(whole(**drawn, seed=8))


def test_stop():
    text = text_of(whole(enable_thinking=False))
    cut = whole(enable_thinking=False, stop=[text[4:7]])
    assert text_of(cut) == text[:text.index(text[4:7])] and cut.output.choices[0].finish_reason == "stop"


def test_multimodal_with_text():
    messages = [{"role": "user", "content": [{"text": "What is a violin?"}]}]
    answer = MultiModalConversation.call(model=MODEL, messages=messages, max_tokens=8, temperature=0, enable_thinking=False)
    assert answer.output.choices[0].message.content[0]["text"] == text_of(whole(enable_thinking=False))
    frames = MultiModalConversation.call(model=MODEL, messages=messages, max_tokens=8, temperature=0, enable_thinking=False, stream=True,
                                         incremental_output=True)
    parts = [part["text"] for frame in frames for part in frame.output.choices[0].message.content]
    assert "".join(parts) == text_of(whole(enable_thinking=False))


def test_image_is_refused_by_name():
    messages = [{"role": "user", "content": [{"image": "https://127.0.0.1/x.png"}, {"text": "What is it?"}]}]
    refused(MultiModalConversation.call(model=MODEL, messages=messages), 400, "InvalidParameter", "content[0].image")


def test_tokenizer():
    answer = Tokenization.call(model=MODEL, prompt="What is a violin?")
    assert answer.status_code == HTTPStatus.OK and len(answer.output["token_ids"]) == answer.usage["input_tokens"] > 3
    messages = Tokenization.call(model=MODEL, messages=MESSAGES)
    assert messages.usage["input_tokens"] > answer.usage["input_tokens"]


def test_unicode():
    assert whole(messages=[{"role": "user", "content": "小提琴是什么？🎻"}]).usage.input_tokens > 5


def test_cached_tokens_are_counted():
    long = [{"role": "user", "content": "word " * 200}]
    whole(messages=long)
    assert whole(messages=long).usage["prompt_tokens_details"]["cached_tokens"] > 0


def test_stream_left_early():
    for count, _ in enumerate(Generation.call(**{**FIXED, "max_tokens": 400}, stream=True)):
        if count == 3:
            break
    assert whole()


def test_async():
    async def run():
        answers = await asyncio.gather(*(AioGeneration.call(**NO_THINKING) for _ in range(4)))
        assert len({text_of(answer) for answer in answers}) == 1
        frames = [frame async for frame in await AioGeneration.call(**NO_THINKING, stream=True, incremental_output=True)]
        assert "".join(text_of(frame) for frame in frames) == text_of(answers[0])
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


def test_wrong_key():
    refused(Generation.call(**FIXED, api_key="sk-wrong"), 401, "InvalidApiKey")


def test_unknown_model():
    refused(Generation.call(**{**FIXED, "model": "no-such-model"}), 404, "ModelNotFound", "no-such-model")


def test_parameters_are_refused_by_name():
    for change, word in (({"temperature": 3}, "parameters.temperature"), ({"top_k": -1}, "parameters.top_k"), ({"seed": -1}, "parameters.seed"),
                         ({"enable_search": True}, "parameters.enable_search"), ({"tools": [{"type": "function"}]}, "parameters.tools"),
                         ({"response_format": {"type": "json_object"}}, "parameters.response_format"), ({"temprature": 1}, "temperature"),
                         ({"result_format": "xml"}, "parameters.result_format"), ({"stop": [""]}, "parameters.stop[0]")):
        refused(Generation.call(**{**FIXED, **change}), 400, "InvalidParameter", word)


def test_messages_are_refused_by_place():
    for messages, word in (([{"role": "tool", "content": "x"}], "input.messages[0]"), ([{"role": "robot", "content": "x"}], "input.messages[0].role"), ([{"role": "user", "content": 5}], "input.messages[0].content")):
        refused(Generation.call(**{**FIXED, "messages": messages}), 400, "InvalidParameter", word)


def test_refused_in_a_stream():
    refused(next(iter(Generation.call(**{**FIXED, "temperature": 3}, stream=True))), 400, "InvalidParameter", "parameters.temperature")


def test_prompt_over_the_context():
    refused(Generation.call(**{**FIXED, "messages": [{"role": "user", "content": "x y " * 20000}]}), 400, "InvalidParameter", "the prompt has")


def test_workspace_is_refused():
    refused(Generation.call(**FIXED, workspace="llm-1234567890abcdef"), 403, "AccessDenied", "X-DashScope-WorkSpace")


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
