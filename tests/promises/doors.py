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
    return post(server, path, json.dumps(body).encode(), {"Content-Type": "application/json", **(headers or {})})


def form_of(fields, data, name, boundary):
    """A form's bytes. An object's members are fields of their own, as SDKs send them."""
    parts = []
    for field, value in fields.items():
        inner = {f"{field}[{member}]": each for member, each in value.items()} if isinstance(value, dict) else {field: value}
        parts += [f'Content-Disposition: form-data; name="{place}"\r\n\r\n{text}'.encode() for place, text in inner.items()]
    if data is not None:
        parts.append(f'Content-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode() + data)
    return b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts) + b"--" + boundary + b"--\r\n"


def send_form(server, path, fields, data, name="in.jsonl"):
    body = form_of(fields, data, name, b"a-boundary")
    return post(server, path, body, {"Content-Type": "multipart/form-data; boundary=a-boundary"})


def post(server, path, data, headers):
    request = urllib.request.Request(server.url + path, method="POST", data=data, headers={"Authorization": f"Bearer {server.key}", **headers})
    try:
        with urllib.request.urlopen(request, timeout=600) as answer:
            return Answer(answer.status, answer.headers, answer.read().decode())
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.headers, error.read().decode())


class Door:
    """fields: a neutral name (temperature, seed, ...) to its place in the body. read: fills an Answer from its body or its events.
    as_stream: the head's fields that ask for a stream, where the body has none. least_tokens: the smallest limit that is taken."""

    def __init__(self, endpoint, base, fields, read, as_stream=None, least_tokens=1):
        self.endpoint, self.path = endpoint, endpoint.split(" ")[1]
        self.base, self.fields, self.read, self.as_stream, self.least_tokens = base, fields, read, as_stream or {}, least_tokens

    def ask(self, server, over=None, headers=None, **neutral):
        body = merged(self.base, over or {})
        for name, value in neutral.items():
            value = max(value, self.least_tokens) if name == "max_tokens" else value
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


def read_responses(answer):
    events = [] if answer.body else answer.events()
    response = answer.body or events[-1]["response"]
    for item in response["output"]:
        for part in item.get("content") or []:
            if item["type"] == "reasoning":
                answer.reasoning += part["text"]
            elif not events:
                answer.text += part["text"]
            answer.logprobs += [len(logprob["top_logprobs"]) for logprob in part.get("logprobs") or []]
    answer.text += "".join(event["delta"] for event in events if event["type"] == "response.output_text.delta")
    answer.finish = "length" if response["incomplete_details"] else "stop"
    usage = response["usage"] or {"output_tokens": 0, "input_tokens": 0}
    answer.tokens, answer.prompt_tokens = usage["output_tokens"], usage["input_tokens"]


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
RESPONSES = spelled("", [name for name in SAMPLING if name != "stop"] + ["model", "stream", "thinking_budget", "allow_degraded"],
                    max_tokens="max_output_tokens", thinking="enable_thinking")
DASHSCOPE = spelled("parameters.", SAMPLING + ["max_tokens", "n", "logprobs", "top_logprobs", "thinking_budget"], model="model",
                    thinking="parameters.enable_thinking", allow_degraded="allow_degraded")
OLLAMA = spelled("options.", [name for name in SAMPLING if name != "repetition_penalty"], repetition_penalty="options.repeat_penalty",
                 max_tokens="options.num_predict", model="model", stream="stream", thinking="think", logprobs="logprobs",
                 top_logprobs="top_logprobs", allow_degraded="allow_degraded")


def dashscope(endpoint):
    return Door(endpoint, {"model": "tiny", "input": {"messages": MESSAGES},
                           "parameters": {"max_tokens": 12, "seed": 7, "enable_thinking": False, "result_format": "message"}}, DASHSCOPE, read_dashscope,
                as_stream={"X-DashScope-SSE": "enable"})


DOORS = [
    Door("POST /v1/chat/completions", {"model": "tiny", "messages": MESSAGES, "max_tokens": 12, "seed": 7, "enable_thinking": False},
         {**OPENAI, "top_logprobs": "top_logprobs", "thinking": "enable_thinking", "thinking_budget": "thinking_budget",
          "max_completion_tokens": "max_completion_tokens"}, read_openai),
    Door("POST /v1/completions", {"model": "tiny", "prompt": "The violin is", "max_tokens": 12, "seed": 7}, OPENAI, read_openai),
    Door("POST /v1/responses", {"model": "tiny", "input": QUESTION, "max_output_tokens": 16, "seed": 7, "enable_thinking": False}, RESPONSES,
         read_responses, least_tokens=16),
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
