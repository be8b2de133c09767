// LlamaIndex for TypeScript with its OpenAI model, unmodified: only base URL, key and model name point at studio.
import assert from 'node:assert/strict';
import { SimpleChatEngine, tool } from 'llamaindex';
import { OpenAI } from '@llamaindex/openai';
import { runCases } from './run_cases.mjs';
import { during, fillQueue, holdKey, untilIdle, whileHeld } from './studio.mjs';

const open = ({ more, ...settings } = {}) => new OpenAI({
  model: process.env.STUDIO_MODEL, apiKey: process.env.OPENAI_API_KEY, baseURL: process.env.OPENAI_BASE_URL, maxRetries: 0, temperature: 0, maxTokens: 12,
  additionalChatOptions: { enable_thinking: false, ...more }, ...settings,
});
const model = open();
const roomy = open({ maxTokens: 200 });
const thoughtful = open({ maxTokens: 200, more: { enable_thinking: true } });
const long = open({ maxTokens: 1500, more: { ignore_eos: true } });
const drawn = (seed) => open({ temperature: 1, more: { seed } });
const say = (content) => [{ role: 'user', content }];
const messages = say('What is a violin?');

const place = { type: 'object', properties: { city: { enum: ['Paris'] } }, required: ['city'], additionalProperties: false };
const weather = tool(({ city }) => `It rains in ${city}.`, { name: 'get_weather', description: 'The weather of a city.', parameters: place });
const clock = tool(() => 'Noon.', { name: 'get_time', description: 'The time.', parameters: { type: 'object', properties: {} } });
const tools = [weather, clock];
const named = { tool_choice: { type: 'function', function: { name: 'get_weather' } } };
const call = (tool_choice = named.tool_choice, asked = messages) => roomy.chat({ messages: asked, tools, additionalChatOptions: { tool_choice } });
const held = (schema) => ({ response_format: { type: 'json_schema', json_schema: { name: 'x', schema } } });
const callsOf = (answer) => answer.message.options?.toolCall ?? [];

const textOf = async (chat) => (await chat.chat({ messages })).message.content;
async function partsOf(chat, more = {}) {
  const parts = [];
  for await (const part of await chat.chat({ messages, stream: true, ...more })) parts.push(part);
  return parts;
}
const joined = (parts) => parts.map((part) => part.delta).join('');
const refused = (promise, status, message = /\S/) => assert.rejects(promise, (error) => {
  assert.equal(error.status, status, `${error}`);
  assert.match(error.message, message);
  return true;
});

const tests = {
  async chat() {
    const answer = await model.chat({ messages });
    assert.equal(answer.message.role, 'assistant');
    assert.ok(answer.message.content.length > 0 && ['stop', 'length'].includes(answer.raw.choices[0].finish_reason));
  },
  async usage() {
    const { usage } = (await model.chat({ messages })).raw;
    assert.ok(usage.prompt_tokens > 5 && usage.completion_tokens > 0 && usage.completion_tokens <= 12);
    assert.equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens);
  },
  async system() {
    const told = await model.chat({ messages: [{ role: 'system', content: 'Answer in French.' }, ...messages] });
    assert.notEqual(told.message.content, await textOf(model));
  },
  async conversation() {
    const turns = [...messages, { role: 'assistant', content: 'An instrument.' }, ...say('And a cello?')];
    const answer = await model.chat({ messages: turns });
    assert.ok(answer.message.content.length > 0);
    assert.ok(answer.raw.usage.prompt_tokens > (await model.chat({ messages })).raw.usage.prompt_tokens);
  },
  async content_parts() {
    assert.equal((await model.chat({ messages: say([{ type: 'text', text: 'What is a violin?' }]) })).message.content, await textOf(model));
  },
  async prompt_as_chat() {
    const { text } = await model.complete({ prompt: 'What is a violin?' });
    assert.equal(text, await textOf(model));
    let pieces = '';
    for await (const part of await model.complete({ prompt: 'What is a violin?', stream: true })) pieces += part.text;
    assert.equal(pieces, text);
  },
  async chat_engine() {
    const engine = new SimpleChatEngine({ llm: model });
    const first = await engine.chat({ message: 'Hello' });
    const second = await engine.chat({ message: 'What is a dog?' });
    assert.ok(first.message.content.length > 0 && second.message.content.length > 0);
    assert.ok(second.raw.usage.prompt_tokens > first.raw.usage.prompt_tokens);
  },
  async request_id() {
    assert.match((await model.chat({ messages })).raw._request_id, /\S/);
  },
  async max_tokens() {
    const { raw } = await open({ maxTokens: 3 }).chat({ messages });
    assert.equal(raw.usage.completion_tokens, 3);
    assert.equal(raw.choices[0].finish_reason, 'length');
  },
  async stop() {
    const text = await textOf(model);
    const stop = text.slice(4, 7);
    const cut = await open({ more: { stop: [stop] } }).chat({ messages });
    assert.equal(cut.message.content, text.slice(0, text.indexOf(stop)));
    assert.equal(cut.raw.choices[0].finish_reason, 'stop');
  },
  async seed() {
    const text = await textOf(drawn(7));
    assert.equal(await textOf(drawn(7)), text);
    assert.notEqual(await textOf(drawn(8)), text);
  },
  async greedy() {
    assert.equal(await textOf(open({ more: { seed: 1 } })), await textOf(open({ more: { seed: 2 } })));
  },
  async sampling() {
    const fields = { temperature: 1, topP: 0.9, more: { seed: 7, top_k: 20, presence_penalty: 0.5 } };
    assert.equal(await textOf(open(fields)), await textOf(open(fields)));
  },
  async n() {
    const { raw } = await open({ temperature: 1, more: { n: 3 } }).chat({ messages });
    assert.deepEqual(raw.choices.map((choice) => choice.index), [0, 1, 2]);
  },
  async logprobs() {
    const { raw, message } = await open({ more: { logprobs: true, top_logprobs: 2 } }).chat({ messages });
    const tokens = raw.choices[0].logprobs.content;
    assert.ok(tokens.every((token) => token.logprob <= 0 && token.top_logprobs.length === 2));
    assert.equal(tokens.map((token) => token.token).join(''), message.content);
  },
  async unicode() {
    const said = '小提琴🎻é';
    const chat = open({ maxTokens: 60, more: held({ enum: [said] }) });
    assert.equal(JSON.parse((await chat.chat({ messages: say(said) })).message.content), said);
    assert.equal(JSON.parse(joined(await partsOf(chat, { messages: say(said) }))), said);
  },
  async cached_tokens() {
    const asked = { messages: say('word '.repeat(200)) };
    await model.chat(asked);
    assert.ok((await model.chat(asked)).raw.usage.prompt_tokens_details.cached_tokens > 0);
  },
  async thinking() {
    const { raw } = await thoughtful.chat({ messages });
    assert.ok(raw.choices[0].message.reasoning_content.length > 0 && raw.choices[0].message.content.length > 0);
  },
  async thinking_off() {
    assert.equal((await model.chat({ messages })).raw.usage.completion_tokens_details.reasoning_tokens, 0);
  },
  async thinking_budget() {
    const { raw } = await open({ maxTokens: 200, more: { enable_thinking: true, thinking_budget: 4 } }).chat({ messages });
    assert.ok(raw.usage.completion_tokens_details.reasoning_tokens <= 4 + 8, 'the budget and what closes the thinking');
  },
  async stream() {
    assert.equal(joined(await partsOf(model)), await textOf(model));
  },
  async stream_end() {
    const reasons = (await partsOf(model)).map((part) => part.raw.choices[0]?.finish_reason).filter(Boolean);
    assert.deepEqual(reasons, [(await model.chat({ messages })).raw.choices[0].finish_reason]);
  },
  async stream_usage() {
    const last = (await partsOf(model, { additionalChatOptions: { stream_options: { include_usage: true } } })).at(-1);
    assert.equal(last.raw.usage.completion_tokens, (await model.chat({ messages })).raw.usage.completion_tokens);
  },
  async abort_stream() {
    let parts = 0;
    for await (const _ of await long.chat({ messages, stream: true })) if (++parts === 3) break;
    assert.equal(parts, 3);
    await untilIdle();
  },
  async concurrent() {
    const answers = await Promise.all(Array.from({ length: 6 }, () => textOf(drawn(7))));
    assert.equal(new Set(answers).size, 1);
  },
  async timeout() {
    await assert.rejects(open({ maxTokens: 1500, timeout: 15, more: { ignore_eos: true } }).chat({ messages }), /timed out/i);
    await untilIdle();
  },
  async retry_429() {
    assert.ok((await whileHeld(holdKey, () => textOf(open({ maxRetries: 5 })))).length > 0);
  },
  async retry_503() {
    assert.ok((await whileHeld(fillQueue, () => textOf(open({ maxRetries: 5 })))).length > 0);
  },
  async error_400() {
    await refused(textOf(open({ temperature: 3 })), 400, /temperature/);
  },
  async error_unknown_field() {
    await refused(textOf(open({ more: { temprature: 1 } })), 400, /temperature/);
  },
  async error_401() {
    await refused(textOf(open({ apiKey: 'sk-wrong' })), 401);
  },
  async error_404() {
    await refused(textOf(open({ model: 'no-such-model' })), 404, /no-such-model/);
  },
  async error_413() {
    await refused(model.chat({ messages: say('x'.repeat(9 << 20)) }), 413);
  },
  async error_429() {
    await during(holdKey, () => refused(textOf(model), 429));
  },
  async error_503() {
    await during(fillQueue, () => refused(textOf(model), 503));
  },
  async error_connection() {
    await assert.rejects(textOf(open({ baseURL: 'http://127.0.0.1:9/v1' })), (error) => error.status === undefined && /connection/i.test(error.message));
  },
  async error_before_stream() {
    await refused(partsOf(open({ temperature: 3 })), 400, /temperature/);
  },
  async long_prompt() {
    await refused(model.chat({ messages: say('x y '.repeat(20000)) }), 400, /length is \d+ tokens; the prompt has \d+/);
  },
  async tools_auto() {
    const answer = await call('auto');
    assert.equal(answer.raw.choices[0].finish_reason === 'tool_calls', callsOf(answer).length > 0);
    assert.ok(answer.raw.usage.prompt_tokens > (await model.chat({ messages })).raw.usage.prompt_tokens + 50, 'the model sees the tools');
  },
  async tools_required() {
    const answer = await roomy.chat({ messages, tools: [weather], additionalChatOptions: { tool_choice: 'required' } });
    assert.deepEqual(callsOf(answer).map(({ name, input }) => [name, JSON.parse(input)]), [['get_weather', { city: 'Paris' }]]);
  },
  async tools_named() {
    assert.equal(callsOf(await call())[0].name, 'get_weather');
  },
  async tools_none() {
    const answer = await call('none');
    assert.ok(callsOf(answer).length === 0 && answer.message.content.length > 0);
  },
  async tools_streamed() {
    const last = (await partsOf(roomy, { tools, additionalChatOptions: named })).at(-1);
    const [whole] = callsOf(await call());
    assert.deepEqual([last.options.toolCall[0].name, last.options.toolCall[0].input], [whole.name, JSON.parse(whole.input)]);
  },
  async tools_results() {
    const { message } = await call();
    const result = { role: 'user', content: 'It rains.', options: { toolResult: { id: message.options.toolCall[0].id, result: 'It rains.', isError: false } } };
    assert.ok((await call('none', [...messages, message, result])).message.content.length > 0);
  },
  async tools_helper() {
    const [{ input }] = callsOf(await call());
    assert.equal(await weather.call(JSON.parse(input)), 'It rains in Paris.');
  },
  async tools_refused() {
    const nameless = tool(() => '', { name: 'f g', description: 'd', parameters: place });
    await refused(model.chat({ messages, tools: [nameless] }), 400, /tools\[0\]\.function\.name/);
  },
  async schema() {
    assert.deepEqual(JSON.parse(await textOf(open({ maxTokens: 100, more: held(place) }))), { city: 'Paris' });
  },
  async schema_object() {
    const answer = await open({ more: { response_format: { type: 'json_object' } } }).chat({ messages: say('A JSON object, please.') });
    assert.match(answer.message.content, /^\s*\{/);
  },
  async schema_streamed() {
    assert.deepEqual(JSON.parse(joined(await partsOf(open({ maxTokens: 100, more: held(place) })))), { city: 'Paris' });
  },
  async schema_refused() {
    await refused(textOf(open({ more: held({ type: 'array', minItems: 3, maxItems: 2 }) })), 400, /minItems/);
  },
};

await runCases(tests);
