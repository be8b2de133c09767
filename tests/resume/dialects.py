"""One request of each kind of stream, how its client names an event, and what of its bytes another run may say differently."""
import json
import re

STORY = "Tell me a story about a fox and a violin."
MESSAGES = [{"role": "user", "content": STORY}]
TOOLS = [{"type": "function", "function": {"name": "play", "parameters": {
    "type": "object", "properties": {"song": {"type": "string", "maxLength": 20}, "loud": {"type": "boolean"}}, "required": ["song", "loud"]}}}]
SCHEMA = {"name": "fox", "schema": {"type": "object", "properties": {"name": {"type": "string", "maxLength": 12}, "age": {"type": "integer"}},
                                    "required": ["name", "age"], "additionalProperties": False}}
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


class Kind:
    """A request whose answer is a stream. `ids` says how its events are told apart: "lines" (SSE with id: lines), "own" (the
    dialect's own counter), "count" (lines of JSON). is_drawn: no two requests of it have the same answer. is_stored: when it has ended it
    is told from what is stored of it, and computed no more. is_background: it is made whether somebody reads it or not."""

    def __init__(self, name, path, body, ids="lines", head=None, is_drawn=False, is_stored=False, is_background=False):
        self.name, self.path, self.ids, self.head, self.is_drawn = name, path, ids, head or {}, is_drawn
        self.is_stored, self.is_background = is_stored, is_background
        self.body = json.dumps(body).encode()
        self.end = b"\n" if ids == "count" else b"\n\n"

    def behind(self, answer, event):
        """Path and head fields that ask for what is behind the event."""
        if self.ids == "count":
            return f"{self.path}?after={event}", {"X-Studio-Resume": answer}
        if self.ids == "own":
            return self.path, {"X-Studio-Resume": answer, "Last-Event-ID": str(event)}
        return self.path, {"Last-Event-ID": f"{answer}:{event}"}


def kinds(tokens, seed=1):
    """Every kind of stream, with answers of about so many tokens."""
    openai = {"model": "tiny", "messages": MESSAGES, "temperature": 0.8, "seed": seed, "max_tokens": tokens, "stream": True, "ignore_eos": True,
              "enable_thinking": False, "stream_options": {"include_usage": True}}
    completion = {name: value for name, value in openai.items() if name not in ("messages", "enable_thinking")}
    anthropic = {"model": "tiny", "messages": MESSAGES, "max_tokens": tokens, "stream": True, "temperature": 0}
    parameters = {"seed": seed, "temperature": 0.8, "max_tokens": tokens, "enable_thinking": False, "result_format": "message"}
    dashscope = {"model": "tiny", "input": {"messages": MESSAGES}, "parameters": parameters}
    increments = {**dashscope, "parameters": {**parameters, "incremental_output": True, "enable_thinking": True}}
    parts = {**dashscope, "input": {"messages": [{"role": "user", "content": [{"text": STORY}]}]}}
    ollama = {"model": "tiny", "messages": MESSAGES, "options": {"seed": seed, "num_predict": tokens}, "think": False}
    generate = {"model": "tiny", "prompt": STORY, "options": {"seed": seed, "num_predict": tokens}}
    sse = {"X-DashScope-SSE": "enable"}
    limit = max(tokens, 16)  # the least that is taken
    response = {"model": "tiny", "input": STORY, "temperature": 0.8, "seed": seed, "max_output_tokens": limit, "stream": True, "ignore_eos": True,
                "enable_thinking": False}
    formed = {**response, "ignore_eos": False, "max_output_tokens": 4 * limit}
    return [
        Kind("openai chat", "/v1/chat/completions", openai),
        Kind("openai chat, n=3, logprobs", "/v1/chat/completions", {**openai, "n": 3, "logprobs": True, "top_logprobs": 2}),
        Kind("openai chat, thinking, stop", "/compatible-mode/v1/chat/completions",
             {**openai, "enable_thinking": True, "thinking_budget": max(2, tokens // 2), "stop": ["violin"]}),
        Kind("openai chat, calls", "/v1/chat/completions", {**openai, "ignore_eos": False, "max_tokens": 4 * tokens, "tools": TOOLS,
                                                             "tool_choice": "required"}),
        Kind("openai chat, schema", "/v1/chat/completions", {**openai, "ignore_eos": False, "max_tokens": 4 * tokens,
                                                              "response_format": {"type": "json_schema", "json_schema": SCHEMA}}),
        Kind("openai completions, two prompts", "/v1/completions", {**completion, "prompt": ["A fox", "A violin"], "logprobs": 1}),
        Kind("responses", "/v1/responses", response, is_stored=True),
        Kind("responses, thinking, logprobs", "/compatible-mode/v1/responses",
             {**response, "enable_thinking": True, "thinking_budget": max(2, limit // 2), "include": ["message.output_text.logprobs"], "top_logprobs": 2},
             is_stored=True),
        Kind("responses, calls", "/v1/responses", {**formed, "tools": [{"type": "function", **TOOLS[0]["function"]}], "tool_choice": "required"},
             is_stored=True),
        Kind("responses, schema, unstored", "/v1/responses", {**formed, "store": False, "text": {"format": {"type": "json_schema", **SCHEMA}}}),
        Kind("responses, seed drawn, unstored", "/v1/responses", {**response, "store": False, "seed": None}, is_drawn=True),
        Kind("responses, background", "/v1/responses", {**response, "background": True}, is_stored=True, is_background=True),
        Kind("anthropic messages", "/v1/messages", {**anthropic, "thinking": {"type": "disabled"}}),
        Kind("anthropic messages, thinking", "/apps/anthropic/v1/messages", anthropic),
        Kind("anthropic messages, seed drawn", "/v1/messages", {**anthropic, "temperature": 1}, is_drawn=True),
        Kind("dashscope text", "/api/v1/services/aigc/text-generation/generation", dashscope, "own", sse),
        Kind("dashscope text, increments", "/api/v1/services/aigc/text-generation/generation", increments, "own", sse),
        Kind("dashscope multimodal, n=2", "/api/v1/services/aigc/multimodal-generation/generation",
             {**parts, "parameters": {**parameters, "n": 2}}, "own", sse),
        Kind("ollama chat", "/api/chat", ollama, "count"),
        Kind("ollama generate, thinking", "/api/generate", generate, "count"),
    ]


def fixed(data):
    """A stream without what names the run: ids, times, how much of the prompt was computed before."""
    text = re.sub(UUID, "ID", data.decode())
    text = re.sub(r'"call_[0-9a-f]+"', '"call_ID"', text)  # hashed from the request's id
    text = re.sub(r'"created":\d+', '"created":0', text)
    text = re.sub(r'"created_at":("[^"]*"|\d+)', '"created_at":""', text)
    text = re.sub(r'"completed_at":\d+', '"completed_at":0', text)
    text = re.sub(r'"(\w+_duration|cached_tokens)":\d+', r'"\1":0', text)
    # Anthropic tells cached tokens beside the others: their sum stays.
    return re.sub(r'"input_tokens":(\d+),"cache_creation_input_tokens":0,"cache_read_input_tokens":(\d+)',
                  lambda found: f'"input_tokens":{int(found[1]) + int(found[2])}', text)
