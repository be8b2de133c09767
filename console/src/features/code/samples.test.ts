import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import test from "node:test";
import type { ChatRequest } from "../../api/wire.ts";
import { sampleLanguages, sampleOf } from "./samples.ts";

const nasty = "it's \"quoted\" $HOME `id` \\n \n 你好 \u2028 ' \\' %s {x} </script>";
const request: ChatRequest = {
  model: "tiny",
  messages: [{ role: "system", content: "s" }, { role: "user", content: nasty }],
  temperature: 0.5, top_k: 3, enable_thinking: false, stop: ["'"],
};
const input = { baseUrl: "http://127.0.0.1:8080/v1", key: undefined, request };

// What a shell makes of the sample's words, one a line as JSON.
const spy = `curl() { for word in "$@"; do node -e 'console.log(JSON.stringify(process.argv[1]))' -- "$word"; done; }\n`;

test("the shell hands curl exactly the request", () => {
  const done = spawnSync("bash", ["-c", spy + sampleOf("curl", input)], {
    encoding: "utf8",
    env: { ...process.env, STUDIO_KEY: "sk-1", PATH: `${process.execPath.replace(/\/[^/]*$/, "")}:${process.env.PATH}` },
  });
  const words = done.stdout.trim().split("\n").map((line) => JSON.parse(line) as string);
  assert.equal(words[1], "http://127.0.0.1:8080/v1/chat/completions", done.stderr);
  assert.ok(words.includes("Authorization: Bearer sk-1"));
  assert.deepEqual(JSON.parse(words.at(-1)!), { ...request, stream: true });
});

test("Python reads exactly the request", () => {
  const stub = [
    "import json, sys, types",
    "class Completions:",
    "  def create(self, extra_body=None, **given):",
    "    print(json.dumps({**given, **(extra_body or {})})); return []",
    "class OpenAI:",
    "  def __init__(self, base_url, api_key): self.chat = types.SimpleNamespace(completions=Completions())",
    "sys.modules['openai'] = types.SimpleNamespace(OpenAI=OpenAI)", "",
  ].join("\n");
  const done = spawnSync("python3", ["-"], { encoding: "utf8", input: stub + sampleOf("Python", input), env: { ...process.env, STUDIO_KEY: "k" } });
  assert.deepEqual(JSON.parse(done.stdout || "null"), { ...request, stream: true }, done.stderr);
});

test("JavaScript reads exactly the request", () => {
  const body = /create\(([\s\S]*)\);\nfor await/.exec(sampleOf("JavaScript", input))![1]!;
  assert.deepEqual(new Function(`return ${body}`)(), { ...request, stream: true });
});

test("the key stands there only when it is shown", () => {
  for (const language of sampleLanguages) {
    assert.match(sampleOf(language, input), /STUDIO_KEY/);
    const shown = sampleOf(language, { ...input, key: "sk-secret" });
    assert.ok(shown.includes("sk-secret") && !shown.includes("STUDIO_KEY"), language);
  }
});
