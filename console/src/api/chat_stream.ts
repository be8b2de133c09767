// One streamed answer: the request out, its pieces in.
import { readEvents } from "../lib/sse.ts";
import { ApiError, call } from "./client.ts";
import type { ChatChunk, ChatRequest, Usage } from "./wire.ts";

export type ChatEvent =
  | { kind: "text" | "reasoning"; text: string }
  | { kind: "finish"; reason: string }
  | { kind: "usage"; usage: Usage };

export async function* streamChat(request: ChatRequest, signal: AbortSignal): AsyncGenerator<ChatEvent> {
  const response = await call("/v1/chat/completions", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ ...request, stream: true, stream_options: { include_usage: true } }),
    signal,
  });
  for await (const data of readEvents(piecesOf(response))) {
    if (data === "[DONE]") return;
    yield* eventsOf(JSON.parse(data) as ChatChunk);
  }
  throw new ApiError(0, ""); // cut before its end
}

// The body by hand: not every browser can iterate over a stream.
async function* piecesOf(response: Response): AsyncGenerator<Uint8Array> {
  const reader = response.body!.getReader();
  try {
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) yield piece.value;
  } finally {
    await reader.cancel().catch(() => {});
  }
}

function* eventsOf(chunk: ChatChunk): Generator<ChatEvent> {
  if (chunk.error) throw new ApiError(500, chunk.error.message ?? "", chunk.error.param ?? undefined);
  const choice = chunk.choices?.[0];
  if (choice?.delta?.reasoning_content) yield { kind: "reasoning", text: choice.delta.reasoning_content };
  if (choice?.delta?.content) yield { kind: "text", text: choice.delta.content };
  if (choice?.finish_reason) yield { kind: "finish", reason: choice.finish_reason };
  if (chunk.usage) yield { kind: "usage", usage: chunk.usage };
}
