// The Vercel AI SDK with its OpenAI-compatible provider, unmodified.
import assert from 'node:assert/strict';
import { Output, generateText, jsonSchema } from 'ai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { casesOf, refused, requestsOf } from './cases.mjs';
import { runCases } from './run_cases.mjs';
import { schemaCasesOf } from './schema_cases.mjs';

const open = (settings) => createOpenAICompatible({
  name: 'studio', baseURL: process.env.OPENAI_BASE_URL, apiKey: process.env.OPENAI_API_KEY, includeUsage: true, supportsStructuredOutputs: true, ...settings,
});
const provider = { open, off: { studio: { enable_thinking: false } }, on: { studio: { enable_thinking: true } } };
const { fixed, drawn, thoughtful } = requestsOf(provider);

const tests = {
  ...casesOf(provider),
  ...schemaCasesOf(provider),
  async seed() {
    const { text } = await generateText({ ...drawn, seed: 7 });
    assert.equal((await generateText({ ...drawn, seed: 7 })).text, text);
    assert.notEqual((await generateText({ ...drawn, seed: 8 })).text, text);
  },
  async thinking_budget() {
    const { usage } = await generateText({ ...thoughtful, providerOptions: { studio: { thinking_budget: 4 } } });
    assert.ok(usage.outputTokenDetails.reasoningTokens <= 4 + 8, 'the budget and what closes the thinking');
  },
  async completion() {
    const answer = await generateText({ ...fixed, model: open().completionModel(process.env.STUDIO_MODEL), providerOptions: undefined, prompt: 'The violin is' });
    assert.ok(answer.text.length > 0);
  },
  async error_unknown_field() {
    await refused(generateText({ ...fixed, providerOptions: { studio: { temprature: 1 } } }), 400, /temperature/);
  },
  async extensions() {
    assert.ok((await generateText({ ...drawn, providerOptions: { studio: { enable_thinking: false, top_k: 5 } } })).text.length > 0);
    await refused(generateText({ ...drawn, providerOptions: { studio: { top_k: -5 } } }), 400, /top_k/);
  },
  async schema_refused() {
    const impossible = jsonSchema({ type: 'object', properties: { a: { type: 'array', minItems: 3, maxItems: 2 } }, required: ['a'] });
    await refused(generateText({ ...fixed, output: Output.object({ schema: impossible }) }), 400, /minItems/);
  },
  async schema_object() {
    assert.equal(typeof (await generateText({ ...fixed, maxOutputTokens: 300, prompt: 'As JSON: where?', output: Output.json() })).output, 'object');
  },
  async choice_list() {
    assert.equal((await generateText({ ...fixed, maxOutputTokens: 100, output: Output.choice({ options: ['north'] }) })).output, 'north');
  },
};

await runCases(tests);
