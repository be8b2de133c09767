"""One chat answer, whole or as a stream, as what it comes to."""
import dataclasses
import json
import os
import sys
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from patience import PATIENCE  # noqa: E402

TIMEOUT_S = 300 * PATIENCE


@dataclasses.dataclass
class Answer:
    text: str = ""
    calls: list = dataclasses.field(default_factory=list)
    finish: str = None
    error: str = None
    usage: dict = None

    def told(self):
        """All but what is each request's own."""
        return self.text, [call["function"] for call in self.calls], self.finish, self.error


def post(server, body):
    request = urllib.request.Request(server.url + "/v1/chat/completions", json.dumps(body).encode(),
                                     {"Authorization": f"Bearer {server.key}", "Content-Type": "application/json"})
    return urllib.request.urlopen(request, timeout=TIMEOUT_S)


def ask(server, body):
    try:
        with post(server, body) as response:
            answer = json.load(response)
    except urllib.error.HTTPError as error:
        return Answer(error=error.read().decode(errors="replace"))
    choice = answer["choices"][0]
    message = choice["message"]
    for place, call in enumerate(message.get("tool_calls", [])):
        assert call["index"] == place, message
    return Answer(message["content"], message.get("tool_calls", []), choice["finish_reason"], None, answer["usage"])


def ask_streamed(server, body):
    answer = Answer()
    try:
        response = post(server, {**body, "stream": True, "stream_options": {"include_usage": True}})
    except urllib.error.HTTPError as error:
        return Answer(error=error.read().decode(errors="replace"))
    with response:
        for line in response:
            if not line.startswith(b"data: {"):
                continue
            event = json.loads(line[6:])
            answer.usage = event.get("usage") or answer.usage
            if "error" in event:
                answer.error = json.dumps(event["error"])
            for choice in event.get("choices", []):
                answer.finish = choice["finish_reason"] or answer.finish
                answer.text += choice["delta"].get("content") or ""
                for piece in choice["delta"].get("tool_calls", []):
                    take_piece(answer, piece)
    return answer


def take_piece(answer, piece):
    if "id" in piece:
        assert piece["index"] == len(answer.calls), piece
        answer.calls.append({"id": piece["id"], "type": piece["type"], "function": {"name": piece["function"]["name"], "arguments": ""}})
    assert piece["index"] == len(answer.calls) - 1, piece
    answer.calls[-1]["function"]["arguments"] += piece["function"]["arguments"]
