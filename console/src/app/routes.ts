// Where the page is: a path and its parameters, in the address bar. Every path here is served as the page by
// src/api/console/routes.cc; the next feature adds a line to both.
import { useSyncExternalStore } from "react";

export const paths = { chat: "/", keys: "/keys", login: "/login" } as const;

function subscribe(listener: () => void): () => void {
  addEventListener("popstate", listener);
  return () => removeEventListener("popstate", listener);
}

export function usePath(): string {
  return useSyncExternalStore(subscribe, () => location.pathname.replace(/\/+$/, "") || "/");
}

export function useParameter(name: string): string | undefined {
  return useSyncExternalStore(subscribe, () => new URLSearchParams(location.search).get(name) ?? undefined);
}

export interface Target {
  path: string;
  parameters?: Record<string, string | undefined>;
}

export function addressOf({ path, parameters = {} }: Target): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) query.set(name, value);
  }
  return query.size > 0 ? `${path}?${query}` : path;
}

// isReplacing: no step of its own for "back".
export function navigate({ isReplacing = false, ...target }: Target & { isReplacing?: boolean }): void {
  const address = addressOf(target);
  if (isReplacing) history.replaceState(null, "", address);
  else history.pushState(null, "", address);
  dispatchEvent(new PopStateEvent("popstate"));
}
