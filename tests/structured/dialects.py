"""One neutral conversation asked in each dialect, whole and as a stream, as what it comes to.

A dialect has body(model, talk, seed), ask(server, body), ask_streamed(server, body); asserts are promises of its wire: indexes, order,
pieces that are the whole.
"""
import dataclasses
import json
import urllib.error
import urllib.request

from client import TIMEOUT_S, Answer

MAX_TOKENS = 400


@dataclasses.dataclass
class Talk:
    """As OpenAI has them."""
    tools: list
    choice: object
    is_parallel: bool
    messages: list

    def name(self):
        return self.choice["function"]["name"] if isinstance(self.choice, dict) else None


def send(server, path, body, headers=None):
    request = urllib.request.Request(server.url + path, json.dumps(body).encode(), {
        "Authorization": f"Bearer {server.key}", "Content-Type": "application/json", **(headers or {})})
    return urllib.request.urlopen(request, timeout=TIMEOUT_S)


def events_of(response):
    for line in response:
        if line.startswith(b"data:") and line.strip() != b"data: [DONE]":
            yield json.loads(line[5:])


def call_of(identity, name, arguments):
    return {"id": identity, "type": "function", "function": {"name": name, "arguments": arguments}}


def refusals_told(ask):
    def told(*arguments):
        try:
            return ask(*arguments)
        except urllib.error.HTTPError as error:
            return Answer(error=error.read().decode(errors="replace"))
    return told


class OpenAi:
    name = "openai"

    def body(self, model, talk, seed):
        return {"model": model, "seed": seed, "temperature": 1, "top_p": 1, "top_k": 0, "enable_thinking": False, "messages": talk.messages,
                "tools": talk.tools, "tool_choice": talk.choice, "parallel_tool_calls": talk.is_parallel, "max_completion_tokens": MAX_TOKENS}

    @refusals_told
    def ask(self, server, body):
        with send(server, "/v1/chat/completions", body) as response:
            choice = json.load(response)["choices"][0]
        calls = choice["message"].get("tool_calls", [])
        assert [call.pop("index") for call in calls] == list(range(len(calls))), choice
        return Answer(choice["message"]["content"] or "", calls, choice["finish_reason"])

    @refusals_told
    def ask_streamed(self, server, body):
        answer = Answer()
        with send(server, "/v1/chat/completions", {**body, "stream": True}) as response:
            for event in events_of(response):
                assert "error" not in event, event
                for choice in event["choices"]:
                    answer.finish = choice["finish_reason"] or answer.finish
                    text = choice["delta"].get("content") or ""
                    assert not (text and answer.calls), "text behind a call"
                    answer.text += text
                    add_pieces(answer, choice["delta"].get("tool_calls", []))
        return answer


def add_pieces(answer, pieces):
    for piece in pieces:
        if piece.get("id"):
            assert piece["index"] == len(answer.calls), piece
            answer.calls.append(call_of(piece["id"], piece["function"]["name"], ""))
        assert piece["index"] == len(answer.calls) - 1, piece
        answer.calls[-1]["function"]["arguments"] += piece["function"]["arguments"]


class Responses:
    name = "responses"

    def body(self, model, talk, seed):
        items = []
        for message in talk.messages:
            if message["role"] == "tool":
                items.append({"type": "function_call_output", "call_id": message["tool_call_id"], "output": message["content"]})
                continue
            if message.get("content"):
                items.append({"type": "message", "role": message["role"], "content": message["content"]})
            for call in message.get("tool_calls", []):
                items.append({"type": "function_call", "call_id": call["id"], **call["function"]})
        choice = {"type": "function", "name": talk.name()} if talk.name() else talk.choice
        return {"model": model, "seed": seed, "temperature": 1, "top_p": 1, "top_k": 0, "enable_thinking": False, "input": items, "store": False,
                "tools": [{"type": "function", **tool["function"]} for tool in talk.tools], "tool_choice": choice,
                "parallel_tool_calls": talk.is_parallel, "max_output_tokens": MAX_TOKENS}

    def answer_of(self, response):
        answer = Answer()
        for item in response["output"]:
            if item["type"] == "function_call":
                answer.calls.append(call_of(item["call_id"], item["name"], item["arguments"]))
            else:
                assert not answer.calls, "text behind a call"
                answer.text += "".join(part["text"] for part in item["content"])
        if response["status"] == "incomplete":
            answer.finish = "length"
        else:
            assert response["status"] == "completed", response
            answer.finish = "tool_calls" if answer.calls else "stop"
        return answer

    @refusals_told
    def ask(self, server, body):
        with send(server, "/v1/responses", body) as response:
            return self.answer_of(json.load(response))

    @refusals_told
    def ask_streamed(self, server, body):
        items, last = [], None
        with send(server, "/v1/responses", {**body, "stream": True}) as response:
            for number, event in enumerate(events_of(response)):
                assert event["sequence_number"] == number, event
                last = event
                self.take(event, items)
        answer = self.answer_of(last["response"])
        calls = [item for item in items if item["type"] == "function_call"]
        assert [(item["call_id"], item["name"], item["text"]) for item in calls] == [
            (call["id"], call["function"]["name"], call["function"]["arguments"]) for call in answer.calls], (calls, answer)
        assert "".join(item["text"] for item in items if item["type"] == "message") == answer.text
        return answer

    def take(self, event, items):
        if event["type"] == "response.output_item.added":
            assert event["output_index"] == len(items), event
            items.append({**event["item"], "text": ""})
        elif event["type"] in ("response.function_call_arguments.delta", "response.output_text.delta"):
            assert event["output_index"] == len(items) - 1 and event["item_id"] == items[-1]["id"], event
            items[-1]["text"] += event["delta"]
        elif event["type"] == "response.function_call_arguments.done":
            assert event["arguments"] == items[-1]["text"], event


class Anthropic:
    name = "anthropic"

    def body(self, model, talk, seed):
        messages, system = [], []
        for message in talk.messages:
            if message["role"] == "system":
                system.append(message["content"])
                continue
            if message["role"] == "tool":
                block = {"type": "tool_result", "tool_use_id": message["tool_call_id"], "content": message["content"]}
                if messages[-1]["role"] == "user":
                    messages[-1]["content"].append(block)
                else:
                    messages.append({"role": "user", "content": [block]})
                continue
            blocks = [{"type": "text", "text": message["content"]}] if message.get("content") else []
            for call in message.get("tool_calls", []):
                blocks.append({"type": "tool_use", "id": call["id"], "name": call["function"]["name"],
                               "input": json.loads(call["function"]["arguments"])})
            if messages and messages[-1]["role"] == message["role"]:
                messages[-1]["content"] += blocks
            else:
                messages.append({"role": message["role"], "content": blocks})
        tools = []
        for tool in talk.tools:
            function = dict(tool["function"])
            tools.append({"input_schema": function.pop("parameters"), **function})
        choice = {"type": "tool", "name": talk.name()} if talk.name() else {"type": {"required": "any"}.get(talk.choice, talk.choice)}
        if choice["type"] != "none":
            choice["disable_parallel_tool_use"] = not talk.is_parallel
        # Its wire has no seed: without randomness both ways come to the same.
        return {"model": model, "max_tokens": MAX_TOKENS, "temperature": 0, "thinking": {"type": "disabled"}, "messages": messages, "tools": tools, "tool_choice": choice,
                **({"system": "\n".join(system)} if system else {})}

    def finish_of(self, reason):
        return {"end_turn": "stop", "tool_use": "tool_calls", "max_tokens": "length"}.get(reason, reason)

    @refusals_told
    def ask(self, server, body):
        with send(server, "/v1/messages", body, {"anthropic-version": "2023-06-01"}) as response:
            message = json.load(response)
        answer = Answer(finish=self.finish_of(message["stop_reason"]))
        for block in message["content"]:
            if block["type"] == "tool_use":
                answer.calls.append(call_of(block["id"], block["name"], json.dumps(block["input"])))
            else:
                assert block["type"] == "text" and not answer.calls, message
                answer.text += block["text"]
        return answer

    @refusals_told
    def ask_streamed(self, server, body):
        answer, blocks = Answer(), []
        with send(server, "/v1/messages", {**body, "stream": True}, {"anthropic-version": "2023-06-01"}) as response:
            for event in events_of(response):
                assert event["type"] != "error", event
                if event["type"] == "message_delta":
                    answer.finish = self.finish_of(event["delta"]["stop_reason"])
                self.take(event, blocks)
        for block in blocks:
            assert block["is_over"], block
            if block["type"] == "tool_use":
                whole = block["json"] or "{}"
                answer.calls.append(call_of(block["id"], block["name"], json.dumps(json.loads(whole)) if is_json(whole) else whole))
            else:
                answer.text += block["text"]
        return answer

    def take(self, event, blocks):
        if event["type"] == "content_block_start":
            assert event["index"] == len(blocks), event
            blocks.append({**event["content_block"], "json": "", "is_over": False})
        elif event["type"] == "content_block_delta":
            assert event["index"] == len(blocks) - 1 and not blocks[-1]["is_over"], event
            if event["delta"]["type"] == "text_delta":
                blocks[-1]["text"] += event["delta"]["text"]
            else:
                blocks[-1]["json"] += event["delta"]["partial_json"]
        elif event["type"] == "content_block_stop":
            assert event["index"] == len(blocks) - 1, event
            blocks[-1]["is_over"] = True


def is_json(text):
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


class DashScope:
    path = "/api/v1/services/aigc/text-generation/generation"

    def __init__(self, is_incremental):
        self.is_incremental, self.name = is_incremental, "dashscope " + ("incremental" if is_incremental else "whole")

    def body(self, model, talk, seed):
        return {"model": model, "input": {"messages": [{**message, "content": message["content"] or ""} for message in talk.messages]},
                "parameters": {"result_format": "message", "seed": seed, "temperature": 1, "top_p": 1, "top_k": 0, "enable_thinking": False,
                               "tools": talk.tools, "tool_choice": talk.choice, "parallel_tool_calls": talk.is_parallel, "max_tokens": MAX_TOKENS}}

    def answer_of(self, choice):
        calls = [{key: value for key, value in call.items() if key != "index"} for call in choice["message"].get("tool_calls", [])]
        return Answer(choice["message"]["content"], calls, choice["finish_reason"])

    @refusals_told
    def ask(self, server, body):
        with send(server, self.path, body) as response:
            return self.answer_of(json.load(response)["output"]["choices"][0])

    @refusals_told
    def ask_streamed(self, server, body):
        parameters = {**body["parameters"], "incremental_output": self.is_incremental}
        answer = Answer()
        with send(server, self.path, {**body, "parameters": parameters}, {"X-DashScope-SSE": "enable"}) as response:
            for event in events_of(response):
                choice = event["output"]["choices"][0]
                if not self.is_incremental:
                    now = self.answer_of(choice)
                    assert now.text.startswith(answer.text) and len(now.calls) >= len(answer.calls), (answer, now)
                    answer = now
                    continue
                answer.text += choice["message"]["content"]
                answer.finish = choice["finish_reason"]
                self.add_pieces(answer, choice["message"].get("tool_calls", []))
        return answer

    def add_pieces(self, answer, pieces):
        for piece in pieces:
            if piece["index"] == len(answer.calls):
                answer.calls.append(call_of(piece["id"], piece["function"]["name"], ""))
            assert piece["index"] == len(answer.calls) - 1, piece
            answer.calls[-1]["function"]["arguments"] += piece["function"]["arguments"]


class Ollama:
    """It has no tool_choice: what is not auto it is not asked."""
    name = "ollama"

    def body(self, model, talk, seed):
        if talk.choice != "auto":
            return None
        messages = []
        for message in talk.messages:
            calls = [{"function": {"name": call["function"]["name"], "arguments": json.loads(call["function"]["arguments"])}}
                     for call in message.get("tool_calls", [])]
            told = {"role": message["role"], "content": message["content"] or ""}
            messages.append({**told, "tool_calls": calls} if calls else told)
        tools = [{**tool, "function": {key: value for key, value in tool["function"].items() if key != "strict"}} for tool in talk.tools]
        return {"model": model, "messages": messages, "tools": tools, "think": False,
                "options": {"seed": seed, "temperature": 1, "top_p": 1, "top_k": 0, "num_predict": MAX_TOKENS}}

    def take(self, answer, line):
        assert "error" not in line, line
        answer.text += line["message"]["content"]
        for call in line["message"].get("tool_calls", []):
            answer.calls.append(call_of(call["id"], call["function"]["name"], json.dumps(call["function"]["arguments"])))
        if line["done"]:
            answer.finish = "tool_calls" if answer.calls and line["done_reason"] == "stop" else line["done_reason"]

    @refusals_told
    def ask(self, server, body):
        answer = Answer()
        with send(server, "/api/chat", {**body, "stream": False}) as response:
            self.take(answer, json.load(response))
        return answer

    @refusals_told
    def ask_streamed(self, server, body):
        answer = Answer()
        with send(server, "/api/chat", {**body, "stream": True}) as response:
            for line in response:
                self.take(answer, json.loads(line))
        return answer


DIALECTS = [OpenAi(), Responses(), Anthropic(), DashScope(True), DashScope(False), Ollama()]
