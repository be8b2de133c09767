"""Streamed answers of an OpenAI server, as a client sees them.

While answers run nothing is parsed: each read is kept with its time, so that the client takes as little as can be of the processors that
the server needs. Answer.parse() makes events of them afterwards.
"""
import asyncio
import json
import time

from pairs import check

ANSWER_TIMEOUT_S = 600  # llama-server takes half a minute for eight long prompts; a busy machine several times that


class Answer(asyncio.Protocol):
    """started: when it was asked; after parse() also times: of its pieces of text; finished: of its last event; the text and the usage."""

    def __init__(self, request, wanted_tokens):
        self.request, self.wanted_tokens = request, wanted_tokens
        self.started, self.reads, self.seen = time.perf_counter(), [], 0
        self.ended = asyncio.get_running_loop().create_future()
        self.waiting = []  # (number of events, future)

    def connection_made(self, transport):
        self.transport = transport
        transport.write(self.request)

    def data_received(self, data):
        self.reads.append((time.perf_counter(), data))
        self.seen += data.count(b"data: ")
        while self.waiting and self.seen >= self.waiting[0][0]:
            self.waiting.pop(0)[1].set_result(None)

    def connection_lost(self, error):
        if not self.ended.done():
            self.ended.set_result(error)
        for _, future in self.waiting:
            future.set_result(None)

    async def events_seen(self, count):
        if self.seen < count and not self.ended.done():
            future = asyncio.get_running_loop().create_future()
            self.waiting.append((count, future))
            await future

    def leave(self):
        self.transport.abort()

    def parse(self, is_whole=True):
        """Checks status, end and numbers of tokens, where the answer was not left before its end."""
        head, events = events_of(self.reads)
        status = int(head.split(b" ", 2)[1]) if head else 0
        check(status == 200, f"status {status}: {b''.join(data for _, data in self.reads)[-300:]!r}")
        self.times, pieces, self.usage, is_done = [], [], None, False
        self.finished = events[-1][0] if events else 0
        for when, payload in events:
            if payload == b"[DONE]":
                is_done = True
                continue
            event = json.loads(payload)
            check("error" not in event, f"an event of an error: {event.get('error')}")
            if event.get("usage"):
                self.usage = event["usage"]
            for choice in event.get("choices", []):
                if choice.get("text"):
                    self.times.append(when)
                    pieces.append(choice["text"])
        self.text = "".join(pieces)
        if is_whole:
            check(is_done and self.usage, "a stream without end or usage")
            check(self.usage["completion_tokens"] == self.wanted_tokens, f"{self.usage['completion_tokens']} tokens, {self.wanted_tokens} wished")
        check(self.times, "an answer without text")
        return self

    @property
    def first_token_s(self):
        return self.times[0] - self.started

    @property
    def gaps_s(self):
        return [after - before for before, after in zip(self.times, self.times[1:])]

    @property
    def computed_prompt_tokens(self):
        return self.usage["prompt_tokens"] - (self.usage.get("prompt_tokens_details") or {}).get("cached_tokens", 0)


def events_of(reads):
    """(head, [(time of the read that ended it, payload)]) of a response whole or in chunks."""
    head, buffer, body, events, is_chunked = b"", b"", b"", [], False
    for when, data in reads:
        buffer += data
        if not head:
            at = buffer.find(b"\r\n\r\n")
            if at < 0:
                continue
            head, buffer = buffer[:at], buffer[at + 4:]
            is_chunked = b"transfer-encoding: chunked" in head.lower()
        if is_chunked:
            buffer, more = unchunk(buffer)
        else:
            buffer, more = b"", buffer
        *whole, body = (body + more).split(b"\n\n")
        events += [(when, line[6:]) for block in whole for line in block.split(b"\n") if line.startswith(b"data: ")]
    return head, events


def unchunk(buffer):
    """(what is not yet a whole chunk, the data of those that are)."""
    data = b""
    while (at := buffer.find(b"\r\n")) >= 0:
        size = int(buffer[:at].partition(b";")[0], 16)
        if len(buffer) < at + 4 + size:
            break
        data += buffer[at + 2:at + 2 + size]
        buffer = buffer[at + 4 + size:]
    return buffer, data


async def ask(server, ids, new_tokens, banned=(), **fields):
    """A running Answer to a prompt of token ids: both servers compute the very same tokens, and as many.

    banned: ids that shall not come, where each token must show as text. fields: more of the request, or others.
    """
    body = json.dumps({"model": server.model, "prompt": ids, "max_tokens": new_tokens, "temperature": 0, "repetition_penalty": 1, "ignore_eos": True,
                       "logit_bias": {str(id): -100 for id in banned}, "stream": True, "stream_options": {"include_usage": True}, **fields}).encode()
    request = (f"POST /v1/completions HTTP/1.1\r\nHost: {server.host}:{server.port}\r\nAuthorization: Bearer {server.key}\r\nConnection: close\r\n"
               f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body
    answer = Answer(request, new_tokens)
    await asyncio.get_running_loop().create_connection(lambda: answer, server.host, server.port)
    return answer


async def answer_of(server, ids, new_tokens, banned=(), **fields):
    """The same, ended; not parsed."""
    answer = await ask(server, ids, new_tokens, banned, **fields)
    await asyncio.wait_for(answer.ended, ANSWER_TIMEOUT_S)
    return answer


def parsed(answer, ids):
    answer.parse()
    check(answer.usage["prompt_tokens"] == len(ids), f"the server counts {answer.usage['prompt_tokens']} tokens in a prompt of {len(ids)}")
    return answer


async def answers_at_once(server, prompts, new_tokens, fields=None):
    """fields: of each request, more than the prompt."""
    fields = fields or [{}] * len(prompts)
    answers = await asyncio.gather(*(answer_of(server, ids, new_tokens, **more) for ids, more in zip(prompts, fields)))
    return [parsed(answer, ids) for answer, ids in zip(answers, prompts)]
