// The key that was made last, for as long as the page lives: the server tells it once, and "as code" can put it into its
// samples. It is in this variable alone; a reload, a log-out or its revocation ends it.
import type { NewKey } from "../../api/wire.ts";

let current: NewKey | undefined;
const listeners = new Set<() => void>();

function set(key: NewKey | undefined): void {
  current = key;
  for (const listener of listeners) listener();
}

export const freshKey = {
  get: (): NewKey | undefined => current,
  set,
  subscribe: (listener: () => void): (() => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
  forget: (id?: string): void => {
    if (id === undefined || current?.id === id) set(undefined);
  },
};
