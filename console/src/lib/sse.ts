// Server-sent events out of bytes: the `data` of each event of a stream, as the WHATWG's "event stream" format has it.
// Names, ids and comments (the server's heartbeats) are left out: our streams tell all in their data.

const MAX_EVENT_CHARACTERS = 1 << 20; // our largest event, with 20 log probabilities a token, has a few thousand

export async function* readEvents(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  let data: string[] = [];
  for await (const piece of bytes) {
    rest += decoder.decode(piece, { stream: true });
    // A CR at the very end may be half of a CRLF: it waits for what follows.
    for (let end = lineEnd(rest); end !== undefined; end = lineEnd(rest)) {
      const line = rest.slice(0, end.at);
      rest = rest.slice(end.at + end.length);
      if (line === "") {
        if (data.length > 0) yield data.join("\n");
        data = [];
      } else if (line === "data" || line.startsWith("data:")) {
        data.push(line.slice(line.startsWith("data: ") ? 6 : 5));
      }
    }
    if (rest.length > MAX_EVENT_CHARACTERS) throw new Error("an event of the stream is too large");
  }
}

function lineEnd(text: string): { at: number; length: number } | undefined {
  const at = text.search(/[\r\n]/);
  if (at < 0) return undefined;
  if (text[at] === "\n") return { at, length: 1 };
  if (at + 1 === text.length) return undefined;
  return { at, length: text[at + 1] === "\n" ? 2 : 1 };
}
