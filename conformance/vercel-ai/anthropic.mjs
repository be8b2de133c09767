// The Vercel AI SDK with its provider for Anthropic, unmodified.
import assert from 'node:assert/strict';
import { generateText } from 'ai';
import { createAnthropic } from '@ai-sdk/anthropic';
import { casesOf, requestsOf } from './cases.mjs';
import { runCases } from './run_cases.mjs';
import { schemaCasesOf } from './schema_cases.mjs';

const url = process.env.STUDIO_URL;
const open = (settings) => createAnthropic({ baseURL: `${url}/v1`, apiKey: process.env.OPENAI_API_KEY, ...settings });
const provider = { open, off: { anthropic: { thinking: { type: 'disabled' } } }, on: undefined };
const { fixed, thoughtful, calling } = requestsOf(provider);

const tests = {
  ...casesOf(provider),
  ...schemaCasesOf(provider),
  async thinking_budget() {
    const enabled = { anthropic: { thinking: { type: 'enabled', budgetTokens: 4 } } };
    const answer = await generateText({ ...thoughtful, maxOutputTokens: 8, providerOptions: enabled });
    assert.ok(answer.usage.outputTokens <= 8 + 4 + 8, 'the answer, the budget and what closes the thinking');
  },
  async doors() {
    const { text } = await generateText(fixed);
    for (const settings of [{ baseURL: `${url}/apps/anthropic/v1` }, { apiKey: undefined, authToken: process.env.OPENAI_API_KEY }]) {
      assert.equal((await generateText({ ...fixed, model: open(settings)(process.env.STUDIO_MODEL) })).text, text);
    }
  },
  async tools_single() {
    const single = { anthropic: { ...provider.off.anthropic, disableParallelToolUse: true } };
    assert.equal((await generateText({ ...calling, toolChoice: 'required', providerOptions: single })).toolCalls.length, 1);
  },
};

await runCases(tests);
