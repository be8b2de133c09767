"""Each endpoint that generates, as the checks see it: how a neutral field is spelled there, and where its answer has what."""
import copy
import json
import urllib.error
import urllib.request

QUESTION = "What is a violin?"


def put(body, place, value):
    """Sets "a.b" of a body, making what is on the way."""
    *way, last = place.split(".")
    for part in way:
        body = body.setdefault(part, {})
    body[last] = value


def merged(base, over):
    """One over the other, object by object."""
    if not (isinstance(base, dict) and isinstance(over, dict)):
        return copy.deepcopy(over)
    own = copy.deepcopy(base)
    return {**own, **{name: merged(own[name], value) if name in own else copy.deepcopy(value) for name, value in over.items()}}


class Answer:
    def __init__(self, status, headers, raw):
        self.status, self.raw = status, raw
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.kind = self.headers.get("content-type", "")
        self.body = json.loads(raw) if self.kind.startswith("application/json") else None
        self.text = self.reasoning = self.finish = ""
        self.choices, self.logprobs, self.tokens, self.prompt_tokens = [], [], 0, 0

    def events(self):
        """The JSON of a stream's events, or of its lines."""
        if "ndjson" in self.kind:
            return [json.loads(line) for line in self.raw.splitlines()]
        data = [line.split("data:", 1)[1].strip() for line in self.raw.split("\n") if line.startswith("data:")]
        return [json.loads(item) for item in data if item != "[DONE]"]


def send(server, path, body, headers=None):
    request = urllib.request.Request(server.url + path, method="POST", data=json.dumps(body).encode(), headers={
        "Authorization": f"Bearer {server.key}", "Content-Type": "application/json", **(headers or {})})
    try:
        with urllib.request.urlopen(request, timeout=600) as answer:
            return Answer(answer.status, answer.headers, answer.read().decode())
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.headers, error.read().decode())


class Door:
    """fields: a neutral name (temperature, seed, ...) to its place in the body. read: fills an Answer from its body or its events."""

    def __init__(self, endpoint, base, fields, read, ask_stream=None):
        self.endpoint, self.path = endpoint, endpoint.split(" ")[1]
        self.base, self.fields, self.read, self.ask_stream = base, fields, read, ask_stream or {}

    def ask(self, server, over=None, headers=None, **neutral):
        body = merged(self.base, over or {})
        for name, value in neutral.items():
            put(body, self.fields[name], value)
        answer = send(server, self.path, body, headers)
        if answer.status == 200:
            self.read(answer)
        return answer


def read_openai(answer):
    bodies = [answer.body] if answer.body else answer.events()
    choices = {}
    for body in bodies:
        for choice in body["choices"]:
            one = choices.setdefault(choice["index"], ["", "", "", []])
            part = choice.get("message") or choice.get("delta") or {}
            one[0] += part.get("content") or choice.get("text") or ""
            one[1] += part.get("reasoning_content") or ""
            one[2] = choice["finish_reason"] or one[2]
            logprobs = choice.get("logprobs") or {}
            one[3] += [len(item["top_logprobs"]) for item in logprobs.get("content") or []]
            one[3] += [len(item or []) for item in logprobs.get("top_logprobs") or []]
        if body.get("usage"):
            answer.tokens, answer.prompt_tokens = body["usage"]["completion_tokens"], body["usage"]["prompt_tokens"]
    answer.choices = [choices[i][0] for i in sorted(choices)]
    answer.text, answer.reasoning, answer.finish, answer.logprobs = choices[0]


def read_anthropic(answer):
    if answer.body:
        for block in answer.body["content"]:
            answer.text += block.get("text", "")
            answer.reasoning += block.get("thinking", "")
        answer.finish, usage = answer.body["stop_reason"], answer.body["usage"]
    else:
        for event in answer.events():
            answer.text += event.get("delta", {}).get("text", "")
            answer.reasoning += event.get("delta", {}).get("thinking", "")
            answer.finish = event.get("delta", {}).get("stop_reason", answer.finish)
            usage = event.get("usage") or {}
            answer.tokens = usage.get("output_tokens", answer.tokens)
        return
    answer.tokens, answer.prompt_tokens = usage["output_tokens"], usage["input_tokens"] + usage.get("cache_read_input_tokens", 0)


def read_dashscope(answer):
    frames = [answer.body] if answer.body else answer.events()
    last = frames[-1]
    for choice in last["output"].get("choices") or []:
        content = choice["message"]["content"]
        answer.choices.append(content if isinstance(content, str) else "".join(part["text"] for part in content))
        answer.reasoning = choice["message"].get("reasoning_content", "")
        answer.finish = choice["finish_reason"]
        answer.logprobs = [len(item["top_logprobs"]) for item in (choice.get("logprobs") or {}).get("content") or []]
    answer.text = answer.choices[0] if answer.choices else last["output"]["text"]
    answer.finish = answer.finish or last["output"].get("finish_reason", "")
    answer.tokens, answer.prompt_tokens = last["usage"]["output_tokens"], last["usage"]["input_tokens"]


def read_ollama(answer):
    for line in [answer.body] if answer.body else answer.events():
        answer.text += line.get("response", "") or line.get("message", {}).get("content", "")
        answer.reasoning += line.get("thinking", "") or line.get("message", {}).get("thinking", "")
        answer.logprobs += [len(item.get("top_logprobs", [])) for item in line.get("logprobs") or []]
        if line["done"]:
            answer.finish, answer.tokens, answer.prompt_tokens = line["done_reason"], line.get("eval_count", 0), line.get("prompt_eval_count", 0)


SAMPLING = ["temperature", "top_p", "top_k", "min_p", "presence_penalty", "frequency_penalty", "repetition_penalty", "seed", "stop"]
MESSAGES = [{"role": "user", "content": QUESTION}]


def spelled(prefix, names, **others):
    return {**{name: prefix + name for name in names}, **others}


OPENAI = spelled("", SAMPLING + ["model", "stream", "max_tokens", "n", "logprobs", "logit_bias", "ignore_eos", "allow_degraded"],
                 include_usage="stream_options.include_usage")
DASHSCOPE = spelled("parameters.", SAMPLING + ["max_tokens", "n", "logprobs", "top_logprobs", "thinking_budget"], model="model",
                    thinking="parameters.enable_thinking", allow_degraded="allow_degraded")
OLLAMA = spelled("options.", [name for name in SAMPLING if name != "repetition_penalty"], repetition_penalty="options.repeat_penalty",
                 max_tokens="options.num_predict", model="model", stream="stream", thinking="think", logprobs="logprobs",
                 top_logprobs="top_logprobs", allow_degraded="allow_degraded")


def dashscope(endpoint):
    return Door(endpoint, {"model": "tiny", "input": {"messages": MESSAGES},
                           "parameters": {"max_tokens": 12, "seed": 7, "enable_thinking": False, "result_format": "message"}}, DASHSCOPE, read_dashscope)


DOORS = [
    Door("POST /v1/chat/completions", {"model": "tiny", "messages": MESSAGES, "max_tokens": 12, "seed": 7, "enable_thinking": False},
         {**OPENAI, "top_logprobs": "top_logprobs", "thinking": "enable_thinking", "thinking_budget": "thinking_budget",
          "max_completion_tokens": "max_completion_tokens"}, read_openai),
    Door("POST /v1/completions", {"model": "tiny", "prompt": "The violin is", "max_tokens": 12, "seed": 7}, OPENAI, read_openai),
    dashscope("POST /api/v1/services/aigc/text-generation/generation"),
    dashscope("POST /api/v1/services/aigc/multimodal-generation/generation"),
    Door("POST /v1/messages", {"model": "tiny", "messages": MESSAGES, "max_tokens": 12, "thinking": {"type": "disabled"}},
         {"model": "model", "stream": "stream", "max_tokens": "max_tokens", "temperature": "temperature", "top_p": "top_p", "top_k": "top_k",
          "stop": "stop_sequences", "allow_degraded": "allow_degraded"}, read_anthropic),
    Door("POST /api/chat", {"model": "tiny", "messages": MESSAGES, "stream": False, "think": False, "options": {"num_predict": 12, "seed": 7}},
         OLLAMA, read_ollama),
    Door("POST /api/generate", {"model": "tiny", "prompt": QUESTION, "stream": False, "think": False, "options": {"num_predict": 12, "seed": 7}},
         OLLAMA, read_ollama),
]
