// Where the page is: a path and its parameters, in the address bar. Every path here is served as the page by
// src/api/console/routes.cc; the next feature adds a line to both.
import { useSyncExternalStore } from "react";

export const paths = { chat: "/", login: "/login" } as const;

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

interface Target {
  path: string;
  parameters?: Record<string, string | undefined>;
  isReplacing?: boolean; // no step of its own for "back"
}

export function navigate({ path, parameters = {}, isReplacing = false }: Target): void {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) query.set(name, value);
  }
  const address = query.size > 0 ? `${path}?${query}` : path;
  if (isReplacing) history.replaceState(null, "", address);
  else history.pushState(null, "", address);
  dispatchEvent(new PopStateEvent("popstate"));
}
