import type { Problem } from "../../components/ui/notice.tsx";
import type { Usage } from "../../api/wire.ts";
import type { Settings } from "./settings.ts";

// running: being written. stopped: by the user. interrupted: the page went away while it was written.
export type TurnState = "running" | "done" | "stopped" | "interrupted" | "failed";

// Times from performance.now(), relative to the sending of the request.
export interface Meter {
  firstMs?: number; // until the first piece
  lastMs?: number; // until the last one so far
  reasoningMs?: number; // from the first piece of reasoning to the first of the answer
  pieces: number; // a piece is a token, as a rule
  usage?: Usage; // told at the end, counted by the engine
}

export interface Turn {
  id: string;
  role: "user" | "assistant";
  content: string;
  reasoning?: string;
  state: TurnState;
  finish?: string; // "stop" or "length"
  problem?: Problem;
  meter?: Meter;
}

export interface Chat {
  id: string;
  title: string;
  model: string;
  settings: Settings;
  turns: Turn[];
  updatedAt: number; // Unix milliseconds
}
