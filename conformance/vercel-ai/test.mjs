// The Vercel AI SDK with its OpenAI-compatible provider, unmodified.
import assert from 'node:assert/strict';
import { APICallError, generateText, streamText } from 'ai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { runCases } from './run_cases.mjs';

const provider = createOpenAICompatible({
  name: 'studio', baseURL: process.env.OPENAI_BASE_URL, apiKey: process.env.OPENAI_API_KEY, includeUsage: true,
});
const model = provider(process.env.STUDIO_MODEL);
const fixed = { model, prompt: 'What is a violin?', maxOutputTokens: 12, temperature: 0.7, seed: 7, maxRetries: 0 };

const tests = {
  async 'generateText answers with usage'() {
    const answer = await generateText(fixed);
    assert.ok(answer.text.length > 0);
    assert.ok(answer.usage.inputTokens > 0 && answer.usage.outputTokens > 0);
  },
  async 'streamText gives the same text and a finish reason'() {
    const whole = await generateText(fixed);
    const stream = streamText(fixed);
    let text = '';
    for await (const part of stream.textStream) text += part;
    assert.equal(text, whole.text);
    assert.ok(['stop', 'length'].includes(await stream.finishReason));
    assert.ok((await stream.usage).outputTokens > 0);
  },
  async 'a system message and a conversation are accepted'() {
    const answer = await generateText({
      ...fixed, prompt: undefined, system: 'You are brief.',
      messages: [{ role: 'user', content: 'Hello' }, { role: 'assistant', content: 'Hello!' }, { role: 'user', content: 'What is a dog?' }],
    });
    assert.ok(answer.text.length > 0);
  },
  async 'stop sequences end the answer'() {
    const free = await generateText(fixed);
    const stop = free.text.trim().split(' ')[1];
    const answer = await generateText({ ...fixed, stopSequences: [stop] });
    assert.ok(!answer.text.includes(stop));
    assert.equal(answer.finishReason, 'stop');
  },
  async 'an abort signal ends the stream'() {
    const controller = new AbortController();
    const stream = streamText({ ...fixed, maxOutputTokens: 1000, abortSignal: controller.signal, onError() {} });
    let parts = 0;
    for await (const _ of stream.textStream) if (++parts === 2) controller.abort();
    assert.ok(parts < 1000);
  },
  async 'errors are APICallError with the status'() {
    await assert.rejects(generateText({ ...fixed, model: provider('no-such-model') }),
      error => APICallError.isInstance(error) && error.statusCode === 404);
  },
};

await runCases(tests);
