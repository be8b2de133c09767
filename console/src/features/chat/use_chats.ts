import { useSyncExternalStore } from "react";
import { chatsStore } from "./chats_store.ts";
import type { Chat } from "./types.ts";

export function useChats(): readonly Chat[] {
  return useSyncExternalStore(chatsStore.subscribe, chatsStore.all);
}

export function useIsStoreFull(): boolean {
  return useSyncExternalStore(chatsStore.subscribe, chatsStore.isFull);
}
