import assert from "node:assert/strict";
import test from "node:test";
import { readEvents } from "./sse.ts";

async function events(pieces: Uint8Array[]): Promise<string[]> {
  async function* source() {
    yield* pieces;
  }
  const found: string[] = [];
  for await (const event of readEvents(source())) found.push(event);
  return found;
}

const bytes = (text: string) => new TextEncoder().encode(text);

test("events are the same however the bytes are cut", async () => {
  const whole = bytes(': keep-alive\n\ndata: {"a":"é😀"}\r\n\r\ndata:two\ndata: lines\n\nid: 7\nevent: x\ndata: last\r\r');
  const wanted = ['{"a":"é😀"}', "two\nlines"];
  for (let size = 1; size <= whole.length; ++size) {
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < whole.length; at += size) pieces.push(whole.slice(at, at + size));
    assert.deepEqual((await events(pieces)).slice(0, 2), wanted, `pieces of ${size}`);
  }
});

test("an event without its blank line is no event", async () => {
  assert.deepEqual(await events([bytes("data: half")]), []);
});

test("an endless line is an error, not an endless buffer", async () => {
  await assert.rejects(events([bytes("data: " + "x".repeat(2 << 20))]));
});
