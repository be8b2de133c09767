// Answers while they are written: one a chat, each can be stopped. They go on when another chat is looked at.
import { streamChat } from "../../api/chat_stream.ts";
import type { ChatMessage, ChatRequest } from "../../api/wire.ts";
import { problemOf } from "../../components/ui/notice.tsx";
import { chatsStore } from "./chats_store.ts";
import { samplingOf, type Settings } from "./settings.ts";
import type { Chat, Turn } from "./types.ts";

const DRAW_EVERY_MS = 50; // pieces come faster than anybody reads; they are drawn together
const TITLE_CHARACTERS = 60;

// A page that goes away loses its connections before it is gone: that is no fault of the server.
const LEAVING_MS = 10_000; // after which it has stayed
let leftAt = -Infinity;
addEventListener("beforeunload", () => {
  leftAt = performance.now();
});

const running = new Map<string, AbortController>();

export function requestOf(model: string, settings: Settings, turns: readonly Turn[]): ChatRequest {
  const messages: ChatMessage[] = settings.system.trim() ? [{ role: "system", content: settings.system }] : [];
  for (const { role, content } of turns) {
    if (content) messages.push({ role, content }); // an answer that failed at once said nothing
  }
  return { model, messages, ...samplingOf(settings) };
}

export function newChat(model: string, settings: Settings): Chat {
  return { id: newId(), title: "", model, settings, turns: [], updatedAt: Date.now() };
}

export function ask(chatId: string, text: string): void {
  chatsStore.update(chatId, (chat) => ({
    ...chat,
    title: chat.title || firstWords(text),
    turns: [...chat.turns, { id: newId(), role: "user", content: text, state: "done" }],
    updatedAt: Date.now(),
  }));
  void answer(chatId);
}

// Drops the last answer and asks for another.
export function answerAgain(chatId: string): void {
  stop(chatId);
  chatsStore.update(chatId, (chat) => {
    const end = chat.turns.at(-1)?.role === "assistant" ? -1 : chat.turns.length;
    return { ...chat, turns: chat.turns.slice(0, end) };
  });
  void answer(chatId);
}

export function stop(chatId: string): void {
  running.get(chatId)?.abort();
}

async function answer(chatId: string): Promise<void> {
  const chat = chatsStore.find(chatId);
  if (!chat) return;
  running.get(chatId)?.abort();
  const abort = new AbortController();
  running.set(chatId, abort);

  const request = requestOf(chat.model, chat.settings, chat.turns);
  let turn: Turn = { id: newId(), role: "assistant", content: "", state: "running", meter: { pieces: 0 } };
  const first = turn;
  chatsStore.update(chatId, (before) => ({ ...before, turns: [...before.turns, first] }));
  const draw = () => chatsStore.updateTurn(chatId, turn.id, () => turn);
  const timer = setInterval(draw, DRAW_EVERY_MS);
  const began = performance.now();
  try {
    for await (const event of streamChat(request, abort.signal)) turn = withEvent(turn, event, performance.now() - began);
    turn = { ...turn, state: "done" };
  } catch (error) {
    const isLeaving = performance.now() - leftAt < LEAVING_MS;
    if (abort.signal.aborted) turn = { ...turn, state: "stopped" };
    else if (isLeaving) turn = { ...turn, state: "interrupted" };
    else turn = { ...turn, state: "failed", problem: problemOf(error) };
  } finally {
    clearInterval(timer);
    if (running.get(chatId) === abort) running.delete(chatId);
    draw();
  }
}

type StreamEvent = typeof streamChat extends (...all: never[]) => AsyncGenerator<infer Event> ? Event : never;

export function withEvent(turn: Turn, event: StreamEvent, atMs: number): Turn {
  const meter = turn.meter ?? { pieces: 0 };
  switch (event.kind) {
    case "finish":
      return { ...turn, finish: event.reason };
    case "usage":
      return { ...turn, meter: { ...meter, usage: event.usage } };
    case "reasoning":
    case "text": {
      const counted = { ...meter, firstMs: meter.firstMs ?? atMs, lastMs: atMs, pieces: meter.pieces + 1 };
      if (event.kind === "reasoning") {
        return { ...turn, meter: { ...counted, reasoningMs: atMs - counted.firstMs }, reasoning: (turn.reasoning ?? "") + event.text };
      }
      // Templates leave blank lines between reasoning and answer.
      const content = turn.content ? turn.content + event.text : event.text.trimStart();
      return { ...turn, meter: counted, content };
    }
  }
}

function firstWords(text: string): string {
  const line = text.trim().split("\n")[0] ?? "";
  const characters = [...line];
  return characters.length > TITLE_CHARACTERS ? `${characters.slice(0, TITLE_CHARACTERS).join("")}…` : line;
}

// Not crypto.randomUUID(), which browsers keep from pages that came over plain http from another machine.
function newId(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(3)), (part) => part.toString(36)).join("");
}
