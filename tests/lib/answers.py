"""Many requests at once from one thread: HTTP of its own, that a client may leave wherever it likes."""
import asyncio
import dataclasses
import json


@dataclasses.dataclass
class Reply:
    status: int = 0        # 0: left before it came
    data: bytes = b""      # the body, as far as it was read
    is_whole: bool = False

    def events(self):
        """The parsed data of a stream's events, [DONE] left out."""
        return [json.loads(line[6:]) for line in self.data.split(b"\n") if line.startswith(b"data: {")]


async def ask(server, path, body, leave_after=None, on_events=None):
    """leave_after: close after so many events; 0: as soon as it is asked. on_events(number so far) is called when some came."""
    host, _, port = server.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    reply = Reply()
    try:
        text = json.dumps(body).encode()
        writer.write(b"POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"
                     b"Connection: close\r\nContent-Length: %d\r\n\r\n" % (path.encode(), host.encode(), server.key.encode(), len(text)) + text)
        await writer.drain()
        if leave_after == 0:
            return reply
        head = await reader.readuntil(b"\r\n\r\n")
        reply.status = int(head.split(b" ", 2)[1])
        is_chunked = b"transfer-encoding: chunked" in head.lower()
        events = 0
        while piece := await (read_chunk(reader) if is_chunked else reader.read(65536)):
            reply.data += piece
            events += piece.count(b"data: ")
            if on_events:
                on_events(events)
            if leave_after is not None and events >= leave_after:
                return reply
        reply.is_whole = True
        return reply
    finally:
        writer.close()


async def read_chunk(reader):
    size = int((await reader.readline()).strip() or b"0", 16)
    return (await reader.readexactly(size + 2))[:-2] if size else b""
