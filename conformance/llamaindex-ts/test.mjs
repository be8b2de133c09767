// LlamaIndex for TypeScript with its OpenAI model, unmodified: only base URL, key and model name point at studio.
import assert from 'node:assert/strict';
import { Settings, SimpleChatEngine } from 'llamaindex';
import { OpenAI } from '@llamaindex/openai';
import { runCases } from './run_cases.mjs';

const key = process.env.OPENAI_API_KEY;
const settings = {
  model: process.env.STUDIO_MODEL, apiKey: key, baseURL: process.env.OPENAI_BASE_URL, maxRetries: 0, temperature: 0.7, maxTokens: 12,
  additionalChatOptions: { seed: 7, enable_thinking: false, stream_options: undefined },
};
const model = new OpenAI(settings);
const long = new OpenAI({ ...settings, maxTokens: 1500, additionalChatOptions: { ...settings.additionalChatOptions, ignore_eos: true } });
const messages = [{ role: 'user', content: 'What is a violin?' }];

async function untilIdle() {
  for (let i = 0; i < 400; i++) {
    const answer = await fetch(`${process.env.STUDIO_URL}/metrics`, { headers: { Authorization: `Bearer ${key}` } });
    if (/^studio_sequences_running\{.*\} 0$/m.test(await answer.text())) return;
    await new Promise(resolve => setTimeout(resolve, 50));
  }
  assert.fail('a sequence still runs');
}

const tests = {
  async 'chat answers with usage'() {
    const answer = await model.chat({ messages });
    assert.equal(answer.message.role, 'assistant');
    assert.ok(answer.message.content.length > 0);
    const { prompt_tokens, completion_tokens, total_tokens } = answer.raw.usage;
    assert.ok(prompt_tokens > 0 && completion_tokens > 0 && completion_tokens <= 12);
    assert.equal(total_tokens, prompt_tokens + completion_tokens);
  },
  async 'a stream gives the same text and, asked for, usage'() {
    const whole = await model.chat({ messages });
    let text = '', usage = null;
    for await (const part of await model.chat({ messages, stream: true, additionalChatOptions: { stream_options: { include_usage: true } } })) {
      text += part.delta;
      usage = part.raw?.usage ?? usage;
    }
    assert.equal(text, whole.message.content);
    assert.deepEqual(usage.completion_tokens, whole.raw.usage.completion_tokens);
  },
  async 'complete answers a bare prompt'() {
    const answer = await model.complete({ prompt: 'What is a violin?' });
    assert.ok(answer.text.length > 0);
  },
  async 'a chat engine keeps its conversation'() {
    Settings.llm = model;
    const engine = new SimpleChatEngine({ llm: model });
    const first = await engine.chat({ message: 'Hello' });
    const second = await engine.chat({ message: 'What is a dog?' });
    assert.ok(first.message.content.length > 0 && second.message.content.length > 0);
    assert.ok(second.raw.usage.prompt_tokens > first.raw.usage.prompt_tokens);
  },
  async 'a reader that breaks off frees the model'() {
    let parts = 0;
    for await (const _ of await long.chat({ messages, stream: true })) if (++parts === 3) break;
    assert.equal(parts, 3);
    await untilIdle();
  },
  async 'errors carry the status'() {
    await assert.rejects(new OpenAI({ ...settings, apiKey: 'sk-wrong' }).chat({ messages }), error => error.status === 401);
    await assert.rejects(new OpenAI({ ...settings, model: 'no-such-model' }).chat({ messages }), error => error.status === 404);
    await assert.rejects(new OpenAI({ ...settings, temperature: 3 }).chat({ messages }),
      error => error.status === 400 && /temperature/.test(error.message));
  },
};

await runCases(tests);
