// A chat request as code that runs when pasted: the same fields, this server's address, and a variable for the key.
import type { ChatRequest } from "../../api/wire.ts";

export const KEY_VARIABLE = "$STUDIO_KEY";

export const sampleLanguages = ["curl", "Python", "JavaScript"] as const;
export type SampleLanguage = (typeof sampleLanguages)[number];

export interface SampleInput {
  baseUrl: string; // "http://127.0.0.1:8080/v1"
  key: string | undefined; // undefined: the variable
  request: ChatRequest;
}

export function sampleOf(language: SampleLanguage, input: SampleInput): string {
  return { curl, Python: python, JavaScript: javascript }[language](input);
}

function curl({ baseUrl, key, request }: SampleInput): string {
  // Within single quotes a shell changes nothing; the quote itself is put between two of them.
  const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  const authorization = key === undefined ? `"Authorization: Bearer ${KEY_VARIABLE}"` : quoted(`Authorization: Bearer ${key}`);
  const body = JSON.stringify({ ...request, stream: true }, null, 2);
  return [
    `curl -N ${baseUrl}/chat/completions \\`,
    `  -H ${authorization} \\`,
    "  -H 'Content-Type: application/json' \\",
    `  -d ${quoted(body)}`,
  ].join("\n");
}

// Fields that the SDK's method does not name itself.
const PYTHON_EXTRA: readonly string[] = ["top_k", "min_p", "repetition_penalty", "enable_thinking"];

function python({ baseUrl, key, request }: SampleInput): string {
  const named = Object.entries(request).filter(([name]) => !PYTHON_EXTRA.includes(name));
  const extra = Object.fromEntries(Object.entries(request).filter(([name]) => PYTHON_EXTRA.includes(name)));
  const lines = named.map(([name, value]) => `    ${name}=${pythonValue(value, 4)},`);
  if (Object.keys(extra).length > 0) lines.push(`    extra_body=${pythonValue(extra, 4)},`);
  const apiKey = key === undefined ? 'os.environ["STUDIO_KEY"]' : JSON.stringify(key);
  return [
    ...(key === undefined ? ["import os"] : []),
    "from openai import OpenAI",
    "",
    `client = OpenAI(base_url=${JSON.stringify(baseUrl)}, api_key=${apiKey})`,
    "stream = client.chat.completions.create(",
    ...lines,
    "    stream=True,",
    ")",
    "for chunk in stream:",
    "    if chunk.choices:",
    '        print(chunk.choices[0].delta.content or "", end="", flush=True)',
  ].join("\n");
}

// JSON's texts and numbers are Python's too; its three words are not.
function pythonValue(value: unknown, indent: number): string {
  if (typeof value === "boolean") return value ? "True" : "False";
  if (value === null) return "None";
  if (typeof value !== "object") return JSON.stringify(value);
  const inner = " ".repeat(indent + 4);
  const items = Array.isArray(value)
    ? value.map((item) => pythonValue(item, indent + 4))
    : Object.entries(value).map(([name, item]) => `${JSON.stringify(name)}: ${pythonValue(item, indent + 4)}`);
  const [open, close] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
  return `${open}\n${items.map((item) => `${inner}${item},\n`).join("")}${" ".repeat(indent)}${close}`;
}

function javascript({ baseUrl, key, request }: SampleInput): string {
  const body = JSON.stringify({ ...request, stream: true }, null, 2).replace(/^(\s*)"([a-z_]+)":/gm, "$1$2:");
  return [
    'import OpenAI from "openai";',
    "",
    "const client = new OpenAI({",
    `  baseURL: ${JSON.stringify(baseUrl)},`,
    `  apiKey: ${key === undefined ? "process.env.STUDIO_KEY" : JSON.stringify(key)},`,
    "});",
    `const stream = await client.chat.completions.create(${body});`,
    "for await (const chunk of stream) {",
    '  process.stdout.write(chunk.choices[0]?.delta?.content ?? "");',
    "}",
  ].join("\n");
}
