// How fast an answer came, and how much it was.
import type { Meter } from "./types.ts";

export interface Reading {
  tokens: number;
  isExact: boolean; // counted by the engine, not by pieces
  perSecond: number | undefined; // of decoding: the first token, which waits for the prompt, is left out
  firstSeconds: number | undefined;
  promptTokens: number | undefined;
  cachedTokens: number;
}

const MIN_SECONDS = 0.05; // of a shorter time no pace can be told

export function readingOf({ firstMs, lastMs, pieces, usage }: Meter): Reading {
  const tokens = usage?.completion_tokens ?? pieces;
  const seconds = firstMs !== undefined && lastMs !== undefined ? (lastMs - firstMs) / 1000 : 0;
  return {
    tokens,
    isExact: usage !== undefined,
    perSecond: tokens > 1 && seconds >= MIN_SECONDS ? (tokens - 1) / seconds : undefined,
    firstSeconds: firstMs === undefined ? undefined : firstMs / 1000,
    promptTokens: usage?.prompt_tokens,
    cachedTokens: usage?.prompt_tokens_details?.cached_tokens ?? 0,
  };
}
