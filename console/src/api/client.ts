// Calls to the console's own API. The session's cookie goes along by itself; scripts never see it.
import type { ErrorBody, KeyList, ModelList, NewKey, SessionInfo } from "./wire.ts";

const API = "/console/api";

export class ApiError extends Error {
  readonly status: number; // 0: no answer came
  readonly field: string | undefined; // the request's field at fault

  constructor(status: number, message: string, field?: string) {
    super(message);
    this.status = status;
    this.field = field;
  }
}

// Told when an answer says that the session has ended.
let onLoggedOut: () => void = () => {};
export function whenLoggedOut(callback: () => void): void {
  onLoggedOut = callback;
}

export async function call(path: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(API + path, { ...init, credentials: "same-origin", redirect: "error" });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new ApiError(0, "");
  }
  if (response.ok) return response;
  if (response.status === 401 && path !== "/login") onLoggedOut();
  throw await errorOf(response);
}

async function errorOf(response: Response): Promise<ApiError> {
  try {
    const body = (await response.json()) as ErrorBody;
    return new ApiError(response.status, body.error?.message ?? "", body.error?.param ?? undefined);
  } catch {
    return new ApiError(response.status, "");
  }
}

function post(path: string, body?: unknown): Promise<Response> {
  const init: RequestInit = { method: "POST" };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { "Content-Type": "application/json" };
  }
  return call(path, init);
}

export async function logIn(token: string): Promise<void> {
  await post("/login", { token });
}

export async function logOut(): Promise<void> {
  await post("/logout");
}

export async function session(): Promise<SessionInfo> {
  return (await call("/session", {})).json() as Promise<SessionInfo>;
}

export async function revealKey(): Promise<string> {
  return ((await (await post("/reveal_key")).json()) as { key: string }).key;
}

export async function keys(): Promise<KeyList> {
  return (await call("/keys", {})).json() as Promise<KeyList>;
}

export async function makeKey(name: string): Promise<NewKey> {
  return (await post("/keys", { name })).json() as Promise<NewKey>;
}

export async function revokeKey(id: string): Promise<void> {
  await call(`/keys/${encodeURIComponent(id)}`, { method: "DELETE" });
}

export async function models(): Promise<string[]> {
  const list = (await (await call("/v1/models", {})).json()) as ModelList;
  return list.data.map((model) => model.id);
}
