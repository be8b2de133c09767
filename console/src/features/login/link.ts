// The code in a one-time link. It stands behind '#', which browsers send to no server.

// Out of a whole link or of the code alone; undefined where there is none.
export function codeOf(text: string): string | undefined {
  return /^(?:\S*#)?([0-9a-f]{32})$/.exec(text.trim())?.[1];
}

// The code in the address bar, taken out of it and of the history's entry.
export function takeCodeFromAddress(): string | undefined {
  if (location.hash.length <= 1) return undefined;
  const code = codeOf(location.hash);
  history.replaceState(null, "", location.pathname + location.search);
  return code;
}
