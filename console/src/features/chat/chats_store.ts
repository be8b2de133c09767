// The chats of this browser: in memory for the page, and in the browser's store over a reload.
//
// Each chat has an entry of its own, so that two tabs do not undo each other's chats; a change in another tab is taken
// over. Chats are never changed in place: who holds one may compare it.
import { keysWith, load, remove, save } from "../../lib/storage.ts";
import { settingsFrom } from "./settings.ts";
import type { Chat, Turn } from "./types.ts";

const PREFIX = "studio.chat.";
const SAVE_AFTER_MS = 400; // while an answer grows, all of its chat is written this often

type Listener = () => void;

class ChatsStore {
  private chats: readonly Chat[] = [];
  private readonly listeners = new Set<Listener>();
  private readonly unsaved = new Set<string>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private full = false;

  constructor() {
    this.chats = sorted(keysWith(PREFIX).flatMap((key) => chatFrom(load(key), true) ?? []));
    addEventListener("pagehide", () => this.saveAll());
    addEventListener("visibilitychange", () => document.visibilityState === "hidden" && this.saveAll());
    addEventListener("storage", (event) => this.takeOver(event));
  }

  readonly subscribe = (listener: Listener): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
  readonly all = (): readonly Chat[] => this.chats; // the newest first
  readonly isFull = (): boolean => this.full;

  find(id: string | undefined): Chat | undefined {
    return this.chats.find((chat) => chat.id === id);
  }

  add(chat: Chat): void {
    this.replace([chat, ...this.chats], chat.id);
  }

  // Nothing happens where the chat has gone since: an answer may end after its chat was deleted.
  update(id: string, change: (chat: Chat) => Chat): void {
    if (!this.find(id)) return;
    this.replace(this.chats.map((chat) => (chat.id === id ? change(chat) : chat)), id);
  }

  updateTurn(id: string, turnId: string, change: (turn: Turn) => Turn): void {
    this.update(id, (chat) => ({ ...chat, turns: chat.turns.map((turn) => (turn.id === turnId ? change(turn) : turn)) }));
  }

  delete(id: string): void {
    this.unsaved.delete(id);
    remove(PREFIX + id);
    this.full = false;
    this.replace(this.chats.filter((chat) => chat.id !== id));
  }

  private replace(chats: readonly Chat[], changed?: string): void {
    this.chats = sorted(chats);
    if (changed) {
      this.unsaved.add(changed);
      this.timer ??= setTimeout(() => this.saveAll(), SAVE_AFTER_MS);
    }
    for (const listener of this.listeners) listener();
  }

  private saveAll(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    let isFull = this.full && this.unsaved.size === 0;
    for (const id of this.unsaved) isFull = !save(PREFIX + id, this.find(id)) || isFull;
    this.unsaved.clear();
    if (isFull === this.full) return;
    this.full = isFull;
    for (const listener of this.listeners) listener();
  }

  private takeOver(event: StorageEvent): void {
    if (!event.key?.startsWith(PREFIX)) return;
    const id = event.key.slice(PREFIX.length);
    const others = this.chats.filter((chat) => chat.id !== id);
    const chat = event.newValue === null ? undefined : chatFrom(load(event.key), false);
    this.chats = sorted(chat ? [chat, ...others] : others);
    for (const listener of this.listeners) listener();
  }
}

function sorted(chats: readonly Chat[]): readonly Chat[] {
  return [...chats].sort((a, b) => b.updatedAt - a.updatedAt);
}

// What the store holds may be of another version, or anybody's: what is no chat is left alone. An answer that was being
// written when the page went away will not go on.
function chatFrom(value: unknown, isAfterReload: boolean): Chat | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const chat = value as Partial<Chat>;
  if (typeof chat.id !== "string" || typeof chat.updatedAt !== "number" || !Array.isArray(chat.turns)) return undefined;
  const turns = chat.turns.filter(isTurn).map((turn): Turn => {
    return isAfterReload && turn.state === "running" ? { ...turn, state: "interrupted" } : turn;
  });
  return {
    id: chat.id,
    title: String(chat.title ?? ""),
    model: String(chat.model ?? ""),
    settings: settingsFrom(chat.settings),
    turns,
    updatedAt: chat.updatedAt,
  };
}

function isTurn(value: unknown): value is Turn {
  const turn = value as Partial<Turn> | null;
  return (
    typeof turn === "object" && turn !== null && typeof turn.id === "string" && typeof turn.content === "string" &&
    (turn.role === "user" || turn.role === "assistant") && (turn.reasoning === undefined || typeof turn.reasoning === "string")
  );
}

export const chatsStore = new ChatsStore();
