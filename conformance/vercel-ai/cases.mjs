// What every provider of the Vercel AI SDK is asked. A provider gives its models and, in its own words, how not to think.
import assert from 'node:assert/strict';
import { APICallError, generateText, jsonSchema, stepCountIs, streamText } from 'ai';
import { during, fillQueue, holdKey, untilIdle, whileHeld } from './studio.mjs';

const name = process.env.STUDIO_MODEL;
globalThis.AI_SDK_LOG_WARNINGS = false;

export const place = jsonSchema({ type: 'object', properties: { city: { enum: ['Paris'] } }, required: ['city'], additionalProperties: false });
const weather = { description: 'The weather of a city.', inputSchema: place };
const clock = { description: 'The time.', inputSchema: jsonSchema({ type: 'object', properties: {} }) };

export async function partsOf(request) {
  const parts = [];
  for await (const part of streamText(request).fullStream) parts.push(part);
  return parts;
}
export const textOf = (parts, type = 'text-delta') => parts.filter((part) => part.type === type).map((part) => part.text).join('');
export const refused = (promise, statusCode, message = /\S/) => assert.rejects(promise, (error) => {
  assert.ok(APICallError.isInstance(error), `${error}`);
  assert.equal(error.statusCode, statusCode);
  assert.match(error.message, message);
  return true;
});

// `open(settings)`: a provider; `off`, `on`: provider options without and with thinking.
export function requestsOf({ open, off, on }) {
  const fixed = { model: open()(name), prompt: 'What is a violin?', maxOutputTokens: 12, temperature: 0, maxRetries: 0, providerOptions: off };
  return {
      fixed,
      drawn: { ...fixed, temperature: 0.9 },
      long: { ...fixed, maxOutputTokens: 1500, prompt: 'word '.repeat(1500) },
      thoughtful: { ...fixed, maxOutputTokens: 200, providerOptions: on },
      calling: { ...fixed, maxOutputTokens: 200, tools: { get_weather: weather, get_time: clock }, toolChoice: { type: 'tool', toolName: 'get_weather' } },
  };
}

export function casesOf(provider) {
  const { open } = provider;
  const { fixed, drawn, long, thoughtful, calling } = requestsOf(provider);
  return {
    async chat() {
      const answer = await generateText(fixed);
      assert.ok(answer.text.length > 0 && ['stop', 'length'].includes(answer.finishReason));
    },
    async usage() {
      const { usage } = await generateText(fixed);
      assert.ok(usage.inputTokens > 5 && usage.outputTokens > 0 && usage.outputTokens <= 12);
      assert.equal(usage.totalTokens, usage.inputTokens + usage.outputTokens);
    },
    async system() {
      assert.notEqual((await generateText({ ...fixed, system: 'Answer in French.' })).text, (await generateText(fixed)).text);
    },
    async conversation() {
      const messages = [{ role: 'user', content: 'Hello' }, { role: 'assistant', content: 'Hello!' }, { role: 'user', content: 'What is a dog?' }];
      const answer = await generateText({ ...fixed, prompt: undefined, messages });
      assert.ok(answer.text.length > 0 && answer.usage.inputTokens > (await generateText({ ...fixed, prompt: 'What is a dog?' })).usage.inputTokens);
    },
    async content_parts() {
      const messages = [{ role: 'user', content: [{ type: 'text', text: 'What is a violin?' }] }];
      assert.equal((await generateText({ ...fixed, prompt: undefined, messages })).text, (await generateText(fixed)).text);
    },
    async raw_headers() {
      const { headers } = (await generateText(fixed)).response;
      assert.match(headers['x-request-id'] ?? headers['request-id'], /\S/);
    },
    async max_tokens() {
      const answer = await generateText({ ...fixed, maxOutputTokens: 3 });
      assert.equal(answer.usage.outputTokens, 3);
      assert.equal(answer.finishReason, 'length');
    },
    async stop() {
      const { text } = await generateText(fixed);
      const stop = text.slice(4, 7);
      const cut = await generateText({ ...fixed, stopSequences: [stop] });
      assert.equal(cut.text, text.slice(0, text.indexOf(stop)));
      assert.equal(cut.finishReason, 'stop');
    },
    async greedy() {
      assert.equal((await generateText(fixed)).text, (await generateText(fixed)).text);
    },
    async sampling() {
      assert.ok((await generateText({ ...drawn, topP: 0.9, topK: 20 })).text.length > 0);
    },
    async unicode() {
      const schema = jsonSchema({ type: 'object', properties: { said: { enum: ['小提琴🎻é'] } }, required: ['said'], additionalProperties: false });
      const request = { ...calling, prompt: '小提琴是什么？🎻', tools: { say: { inputSchema: schema } }, toolChoice: 'required' };
      assert.deepEqual((await generateText(request)).toolCalls[0].input, { said: '小提琴🎻é' });
      assert.deepEqual((await partsOf(request)).find((part) => part.type === 'tool-call').input, { said: '小提琴🎻é' });
    },
    async cached_tokens() {
      const request = { ...fixed, prompt: 'word '.repeat(200) };
      await generateText(request);
      assert.ok((await generateText(request)).usage.inputTokenDetails.cacheReadTokens > 0);
    },
    async thinking() {
      const answer = await generateText(thoughtful);
      assert.ok(answer.reasoningText.length > 0 && answer.text.length > 0);
    },
    async thinking_off() {
      const answer = await generateText(fixed);
      assert.ok(!answer.reasoningText && answer.text.length > 0);
    },
    async thinking_streamed() {
      const whole = await generateText(thoughtful);
      const parts = await partsOf(thoughtful);
      assert.equal(textOf(parts, 'reasoning-delta'), whole.reasoningText);
      assert.equal(textOf(parts), whole.text);
    },
    async thinking_history() {
      const { response } = await generateText(thoughtful);
      const messages = [{ role: 'user', content: fixed.prompt }, ...response.messages, { role: 'user', content: 'And a cello?' }];
      assert.ok((await generateText({ ...thoughtful, prompt: undefined, messages })).text.length > 0);
    },
    async stream() {
      let text = '';
      for await (const piece of streamText(fixed).textStream) text += piece;
      assert.equal(text, (await generateText(fixed)).text);
    },
    async stream_end() {
      const ends = (await partsOf(fixed)).filter((part) => part.type === 'finish');
      assert.deepEqual(ends.map((part) => part.finishReason), [(await generateText(fixed)).finishReason]);
    },
    async stream_usage() {
      assert.equal((await streamText(fixed).usage).outputTokens, (await generateText(fixed)).usage.outputTokens);
    },
    async stream_events() {
      const types = (await partsOf(thoughtful)).map((part) => part.type);
      const order = ['start', 'reasoning-start', 'reasoning-end', 'text-start', 'text-end', 'finish'].map((type) => types.indexOf(type));
      assert.ok(order.every((at, i) => at >= 0 && (i === 0 || at > order[i - 1])), `${types}`);
    },
    async abort_stream() {
      const controller = new AbortController();
      const parts = [];
      for await (const part of streamText({ ...long, abortSignal: controller.signal, onError() {} }).fullStream) {
        parts.push(part.type);
        controller.abort();
      }
      assert.equal(parts.at(-1), 'abort');
      await untilIdle();
    },
    async abort_call() {
      const controller = new AbortController();
      setTimeout(() => controller.abort(), 5);
      await assert.rejects(generateText({ ...long, abortSignal: controller.signal }), (error) => error.name === 'AbortError');
      await untilIdle();
    },
    async concurrent() {
      const answers = await Promise.all(Array.from({ length: 6 }, () => generateText(fixed)));
      assert.equal(new Set(answers.map((answer) => answer.text)).size, 1);
    },
    async timeout() {
      await assert.rejects(generateText({ ...long, timeout: 5 }), (error) => /Abort|Timeout/.test(error.name));
      await untilIdle();
    },
    async retry_429() {
      assert.ok((await whileHeld(holdKey, () => generateText({ ...fixed, maxRetries: 5 }))).text.length > 0);
    },
    async retry_503() {
      assert.ok((await whileHeld(fillQueue, () => generateText({ ...fixed, maxRetries: 5 }))).text.length > 0);
    },
    async error_400() {
      await refused(generateText({ ...fixed, topP: 2 }), 400, /top_p/);
    },
    async error_401() {
      await refused(generateText({ ...fixed, model: open({ apiKey: 'sk-wrong' })(name) }), 401);
    },
    async error_404() {
      await refused(generateText({ ...fixed, model: open()('no-such-model') }), 404, /no-such-model/);
    },
    async error_413() {
      await refused(generateText({ ...fixed, prompt: 'x'.repeat(9 << 20) }), 413);
    },
    async error_429() {
      await during(holdKey, () => refused(generateText(fixed), 429));
    },
    async error_503() {
      await during(fillQueue, () => assert.rejects(generateText(fixed), (error) => [503, 529].includes(error.statusCode) && error.isRetryable));
    },
    async error_connection() {
      const nowhere = open({ baseURL: 'http://127.0.0.1:9/v1' })(name);
      await assert.rejects(generateText({ ...fixed, model: nowhere }), (error) => APICallError.isInstance(error) && error.statusCode === undefined);
    },
    async error_before_stream() {
      const { error } = (await partsOf({ ...fixed, topP: 2, onError() {} })).find((part) => part.type === 'error');
      assert.equal(error.statusCode, 400);
    },
    async long_prompt() {
      await refused(generateText({ ...fixed, prompt: 'x y '.repeat(20000) }), 400, /length is \d+ tokens; the prompt has \d+|too long: \d+ tokens > \d+/);
    },
    async tools_auto() {
      const answer = await generateText({ ...calling, toolChoice: 'auto' });
      assert.equal(answer.finishReason === 'tool-calls', answer.toolCalls.length > 0);
      assert.ok(answer.usage.inputTokens > (await generateText(fixed)).usage.inputTokens + 50, 'the model sees the tools');
    },
    async tools_required() {
      const answer = await generateText({ ...calling, tools: { get_weather: weather }, toolChoice: 'required' });
      assert.equal(answer.finishReason, 'tool-calls');
      assert.deepEqual(answer.toolCalls.map((call) => [call.toolName, call.input]), [['get_weather', { city: 'Paris' }]]);
    },
    async tools_named() {
      assert.equal((await generateText(calling)).toolCalls[0].toolName, 'get_weather');
    },
    async tools_none() {
      const answer = await generateText({ ...calling, toolChoice: 'none' });
      assert.ok(answer.toolCalls.length === 0 && answer.text.length > 0);
    },
    async tools_streamed() {
      const parts = await partsOf(calling);
      const call = parts.find((part) => part.type === 'tool-call');
      assert.deepEqual(call.input, (await generateText(calling)).toolCalls[0].input);
      const pieces = parts.filter((part) => part.type === 'tool-input-delta').map((part) => part.delta);
      assert.deepEqual(JSON.parse(pieces.join('')), call.input);
      assert.equal(parts.at(-1).finishReason, 'tool-calls');
    },
    async tools_results() {
      const { toolCalls: [call], response } = await generateText(calling);
      const result = { type: 'tool-result', toolCallId: call.toolCallId, toolName: call.toolName, output: { type: 'text', value: 'It rains.' } };
      const messages = [{ role: 'user', content: calling.prompt }, ...response.messages, { role: 'tool', content: [result] }];
      assert.ok((await generateText({ ...calling, toolChoice: 'none', prompt: undefined, messages })).text.length > 0);
    },
    async tools_helper() {
      const asked = [];
      const tools = { get_weather: { ...weather, execute: async (input) => { asked.push(input); return 'It rains.'; } } };
      const free = ({ stepNumber }) => ({ toolChoice: stepNumber === 0 ? 'required' : 'none' });
      const answer = await generateText({ ...calling, tools, toolChoice: undefined, prepareStep: free, stopWhen: stepCountIs(3) });
      assert.deepEqual(asked, [{ city: 'Paris' }]);
      assert.ok(answer.steps.length === 2 && answer.text.length > 0);
    },
    async tools_refused() {
      await refused(generateText({ ...fixed, tools: { 'f g': weather } }), 400, /tools\[0\]/);
    },
  };
}
