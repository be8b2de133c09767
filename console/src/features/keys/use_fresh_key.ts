import { useSyncExternalStore } from "react";
import type { NewKey } from "../../api/wire.ts";
import { freshKey } from "./fresh_key.ts";

export function useFreshKey(): NewKey | undefined {
  return useSyncExternalStore(freshKey.subscribe, freshKey.get);
}
