// The Vercel AI SDK with its provider for Alibaba's Model Studio, unmodified. It asks for no schema of a model that it does not know.
import assert from 'node:assert/strict';
import { Output, generateText } from 'ai';
import { createAlibaba } from '@ai-sdk/alibaba';
import { casesOf, requestsOf } from './cases.mjs';
import { runCases } from './run_cases.mjs';

const open = (settings) => createAlibaba({ baseURL: `${process.env.STUDIO_URL}/compatible-mode/v1`, apiKey: process.env.OPENAI_API_KEY, ...settings });
const provider = { open, off: { alibaba: { enableThinking: false } }, on: { alibaba: { enableThinking: true } } };
const { fixed, drawn, thoughtful, calling } = requestsOf(provider);

const tests = {
  ...casesOf(provider),
  async seed() {
    const { text } = await generateText({ ...drawn, seed: 7 });
    assert.equal((await generateText({ ...drawn, seed: 7 })).text, text);
    assert.notEqual((await generateText({ ...drawn, seed: 8 })).text, text);
  },
  async thinking_budget() {
    const { usage } = await generateText({ ...thoughtful, providerOptions: { alibaba: { enableThinking: true, thinkingBudget: 4 } } });
    assert.ok(usage.outputTokenDetails.reasoningTokens <= 4 + 8, 'the budget and what closes the thinking');
  },
  async tools_single() {
    const single = { alibaba: { ...provider.off.alibaba, parallelToolCalls: false } };
    assert.equal((await generateText({ ...calling, toolChoice: 'required', providerOptions: single })).toolCalls.length, 1);
  },
  async schema_object() {
    assert.equal(typeof (await generateText({ ...fixed, maxOutputTokens: 300, prompt: 'As JSON: where?', output: Output.json() })).output, 'object');
  },
};

await runCases(tests);
