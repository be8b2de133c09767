// What goes over the wire, as far as the page reads it: the OpenAI dialect under /console/api/v1.

export interface ChatMessage {
  role: "system" | "user" | "assistant";
  content: string;
}

export interface Sampling {
  temperature?: number;
  top_p?: number;
  top_k?: number;
  min_p?: number;
  max_tokens?: number;
  presence_penalty?: number;
  frequency_penalty?: number;
  repetition_penalty?: number;
  seed?: number;
  stop?: string[];
  enable_thinking?: boolean;
}

export interface ChatRequest extends Sampling {
  model: string;
  messages: ChatMessage[];
}

export interface Usage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  prompt_tokens_details?: { cached_tokens?: number };
  completion_tokens_details?: { reasoning_tokens?: number };
}

export interface ErrorBody {
  error?: { message?: string; param?: string | null; code?: string | null };
}

export interface ChatChunk extends ErrorBody {
  choices?: {
    delta?: { content?: string | null; reasoning_content?: string | null };
    finish_reason?: string | null;
  }[];
  usage?: Usage | null;
}

export interface ModelList {
  data: { id: string }[];
}

export interface SessionInfo {
  key_id: string;
  ends_at: number; // Unix seconds
}

// The server's own key: local, in its data folder, or chosen for this run. Made: by somebody, with a name.
export interface KeyInfo {
  id: string;
  name: string;
  kind: "made" | "local" | "chosen";
  prefix: string; // its first and last characters; the suffix may be empty
  suffix: string;
  created_at: number; // Unix seconds
}

export interface KeyList {
  keys: KeyInfo[];
  max: number; // of made ones
}

export interface NewKey extends KeyInfo {
  key: string; // told in this answer alone
}
