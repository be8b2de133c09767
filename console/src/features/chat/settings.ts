// What a chat may set: one table of the sampling fields, and from what was typed to what is sent. An empty field is not
// sent, so the server's default holds.
import type { Sampling } from "../../api/wire.ts";

export type NumberName =
  | "temperature" | "top_p" | "top_k" | "min_p" | "max_tokens" | "presence_penalty" | "frequency_penalty" | "repetition_penalty" | "seed";

export interface NumberField {
  name: NumberName;
  min: number;
  max: number;
  isWhole?: boolean;
  fallback: string | "none" | "random"; // shown where nothing is typed
}

// Ranges and defaults as src/api/openai/wire.h has them; the server has the last word.
export const numberFields: readonly NumberField[] = [
  { name: "temperature", min: 0, max: 1.99, fallback: "0.7" },
  { name: "top_p", min: 0.01, max: 1, fallback: "0.8" },
  { name: "top_k", min: 0, max: 1000, isWhole: true, fallback: "20" },
  { name: "min_p", min: 0, max: 1, fallback: "0" },
  { name: "max_tokens", min: 1, max: 1_048_576, isWhole: true, fallback: "none" },
  { name: "seed", min: 0, max: Number.MAX_SAFE_INTEGER, isWhole: true, fallback: "random" },
  { name: "presence_penalty", min: -2, max: 2, fallback: "0" },
  { name: "frequency_penalty", min: -2, max: 2, fallback: "0" },
  { name: "repetition_penalty", min: 0.01, max: 100, fallback: "1.05" },
];

export const thinkingChoices = ["auto", "on", "off"] as const;

export interface Settings {
  system: string;
  thinking: (typeof thinkingChoices)[number];
  stop: string; // one text a line
  numbers: Partial<Record<NumberName, string>>; // as typed
}

export const noSettings: Settings = { system: "", thinking: "auto", stop: "", numbers: {} };

export type NumberFault = "range" | "whole" | undefined;

export function faultOf(field: NumberField, typed: string): NumberFault {
  if (typed.trim() === "") return undefined;
  const value = Number(typed);
  if (!(value >= field.min && value <= field.max)) return "range";
  return field.isWhole && !Number.isInteger(value) ? "whole" : undefined;
}

export function hasFault(settings: Settings): boolean {
  return numberFields.some((field) => faultOf(field, settings.numbers[field.name] ?? ""));
}

export function samplingOf(settings: Settings): Sampling {
  const sampling: Sampling = {};
  for (const { name } of numberFields) {
    const typed = settings.numbers[name]?.trim();
    if (typed) sampling[name] = Number(typed);
  }
  const stop = settings.stop.split("\n").filter((text) => text !== "");
  if (stop.length > 0) sampling.stop = stop;
  if (settings.thinking !== "auto") sampling.enable_thinking = settings.thinking === "on";
  return sampling;
}

// What a store or another version may have left.
export function settingsFrom(value: unknown): Settings {
  const given = (typeof value === "object" && value !== null ? value : {}) as Partial<Record<keyof Settings, unknown>>;
  const numbers: Settings["numbers"] = {};
  for (const { name } of numberFields) {
    const typed = (given.numbers as Record<string, unknown> | undefined)?.[name];
    if (typeof typed === "string" && typed !== "") numbers[name] = typed;
  }
  return {
    system: typeof given.system === "string" ? given.system : "",
    thinking: thinkingChoices.find((choice) => choice === given.thinking) ?? "auto",
    stop: typeof given.stop === "string" ? given.stop : "",
    numbers,
  };
}
