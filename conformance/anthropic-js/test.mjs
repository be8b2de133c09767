// The official Anthropic JavaScript SDK, unmodified: only its base URL and key point at studio.
import assert from 'node:assert/strict';
import Anthropic from '@anthropic-ai/sdk';
import { runCases } from './run_cases.mjs';
import { during, fillQueue, holdKey, post, untilIdle, whileHeld } from './studio.mjs';

const model = process.env.STUDIO_MODEL;
const doors = ['', '/apps/anthropic'].map((path) => process.env.STUDIO_URL + path);
const open = (options = {}) => new Anthropic({ baseURL: doors[0], apiKey: process.env.OPENAI_API_KEY, maxRetries: 0, ...options });
const client = open();
const messages = [{ role: 'user', content: 'What is a violin?' }];
const fixed = { model, messages, max_tokens: 8, temperature: 0 };
// Long enough to be under way still when it is left.
const large = () => ({ ...fixed, max_tokens: 1500, messages: [{ role: 'user', content: `${Math.random()} ${'word '.repeat(1500)}` }] });
const plain = { ...fixed, thinking: { type: 'disabled' } };

const place = { type: 'object', properties: { city: { enum: ['Paris'] } }, required: ['city'], additionalProperties: false };
const weather = { name: 'get_weather', description: 'The weather of a city.', input_schema: place };
const clock = { name: 'get_time', input_schema: { type: 'object', properties: {} } };
const calling = { ...plain, max_tokens: 200, tools: [weather, clock], tool_choice: { type: 'tool', name: 'get_weather' } };
const held = { format: { type: 'json_schema', schema: place } };

const textOf = (message) => message.content.filter((block) => block.type === 'text').map((block) => block.text).join('');
async function eventsOf(request) {
  const events = [];
  for await (const event of await client.messages.create({ ...request, stream: true })) events.push(event);
  return events;
}
const callsOf = (message) => message.content.filter((block) => block.type === 'tool_use');
const refused = (promise, kind, expected) => assert.rejects(promise, (error) => error instanceof kind
  && Object.entries(expected).every(([name, value]) => (value instanceof RegExp ? value.test(error[name]) : error[name] === value)));

const tests = {
  async models_list() {
    const page = await client.models.list();
    const found = page.data.find((entry) => entry.id === model);
    assert.equal(found.type, 'model');
    assert.ok(!Number.isNaN(Date.parse(found.created_at)));
  },
  async usage() {
    const answer = await client.messages.create(fixed);
    assert.equal(answer.type, 'message');
    assert.equal(answer.role, 'assistant');
    assert.deepEqual(answer.content.map((block) => block.type), ['thinking', 'text']);
    assert.equal(answer.stop_reason, 'max_tokens');
    const counted = await client.messages.countTokens({ model, messages });
    const { input_tokens: fresh, cache_read_input_tokens: cached, output_tokens: produced } = answer.usage;
    assert.equal(fresh + cached, counted.input_tokens);
    assert.ok(produced > 0);
    assert.match(answer._request_id, /\S/);
  },
  async thinking() {
    const { content: [thought, text] } = await client.messages.create(fixed);
    assert.equal(thought.type, 'thinking');
    assert.ok(thought.thinking.length > 0 && !text.text.includes(thought.thinking));
  },
  async thinking_off() {
    const answer = await client.messages.create(plain);
    assert.deepEqual(answer.content.map((block) => block.type), ['text']);
    assert.equal(answer.usage.output_tokens, 8);
  },
  async thinking_budget() {
    const answer = await client.messages.create({ ...fixed, thinking: { type: 'enabled', budget_tokens: 4 } });
    assert.ok(answer.usage.output_tokens <= 8 + 4 + 8, 'the budget, the answer, and what closes the thinking');
  },
  async chat() {
    const answer = await client.messages.create(fixed);
    assert.deepEqual([answer.type, answer.role], ['message', 'assistant']);
    assert.ok(textOf(answer).length > 0);
  },
  async conversation() {
    const turns = [...messages, { role: 'assistant', content: 'An instrument.' }, { role: 'user', content: 'And a cello?' }];
    assert.ok(textOf(await client.messages.create({ ...plain, messages: turns })).length > 0);
    const count = async (asked) => (await client.messages.countTokens({ model, messages: asked })).input_tokens;
    assert.ok(await count(turns) > await count(messages));
  },
  async stream_end() {
    const ends = (await eventsOf(fixed)).filter((event) => event.type === 'message_delta').map((event) => event.delta.stop_reason);
    assert.deepEqual(ends, [(await client.messages.create(fixed)).stop_reason]);
  },
  async stream_usage() {
    const { usage } = (await eventsOf(fixed)).find((event) => event.type === 'message_delta');
    assert.equal(usage.output_tokens, (await client.messages.create(fixed)).usage.output_tokens);
  },
  async stream() {
    const whole = await client.messages.create(fixed);
    const types = [];
    let text = '', usage;
    for await (const event of await client.messages.create({ ...fixed, stream: true })) {
      types.push(event.type);
      if (event.type === 'content_block_delta' && event.delta.type === 'text_delta') text += event.delta.text;
      if (event.type === 'message_delta') usage = event.usage;
    }
    assert.equal(text, textOf(whole));
    assert.equal(types[0], 'message_start');
    assert.deepEqual(types.slice(-2), ['message_delta', 'message_stop']);
    assert.equal(usage.output_tokens, whole.usage.output_tokens);
  },
  async kept_answers() {
    const whole = await client.messages.create(fixed, { headers: { 'Idempotency-Key': 'js-2' } });
    assert.deepEqual(await client.messages.create(fixed, { headers: { 'Idempotency-Key': 'js-2' } }), whole);
    const resumable = await client.messages.stream(fixed, { headers: { 'X-Studio-Resume': '1' } }).finalMessage();
    assert.deepEqual(resumable.content, whole.content);
  },
  async stream_helper() {
    const whole = await client.messages.create(fixed);
    const final = await client.messages.stream(fixed).finalMessage();
    assert.deepEqual(final.content.map((block) => block.type), ['thinking', 'text']);
    assert.equal(textOf(final), textOf(whole));
    assert.equal(final.stop_reason, whole.stop_reason);
  },
  async stream_events() {
    let thinking = '', text = '';
    const final = await client.messages.stream(fixed).on('thinking', (delta) => { thinking += delta; }).on('text', (delta) => { text += delta; })
      .finalMessage();
    assert.equal(thinking, final.content[0].thinking);
    assert.equal(text, final.content[1].text);
  },
  async system() {
    const asText = await client.messages.create({ ...plain, system: 'Answer in French.' });
    const asBlocks = await client.messages.create({ ...plain, system: [{ type: 'text', text: 'Answer in French.', cache_control: { type: 'ephemeral' } }] });
    assert.equal(textOf(asText), textOf(asBlocks));
    assert.notEqual(textOf(asText), textOf(await client.messages.create(plain)));
  },
  async content_parts() {
    const blocks = await client.messages.create({ ...fixed, messages: [{ role: 'user', content: [{ type: 'text', text: 'What is a violin?' }] }] });
    assert.equal(textOf(blocks), textOf(await client.messages.create(fixed)));
  },
  async thinking_history() {
    const first = await client.messages.create(fixed);
    const second = await client.messages.create({ ...fixed, messages: [...messages, { role: 'assistant', content: first.content }, ...messages] });
    assert.ok(second.content.length > 0);
  },
  async continues() {
    const begun = [...messages, { role: 'assistant', content: 'A violin is' }];
    const answer = await client.messages.create({ ...fixed, messages: begun, thinking: { type: 'disabled' } });
    assert.ok(textOf(answer).length > 0);
  },
  async stop() {
    const off = { ...plain, max_tokens: 40 };
    const text = textOf(await client.messages.create(off));
    const stop = text.slice(4, 7);
    const cut = await client.messages.create({ ...off, stop_sequences: [stop] });
    assert.equal(textOf(cut), text.slice(0, text.indexOf(stop)));
    assert.equal(cut.stop_reason, 'end_turn');
  },
  async unicode() {
    const said = '小提琴🎻é';
    const request = { ...plain, max_tokens: 60, messages: [{ role: 'user', content: said }], output_config: { format: { type: 'json_schema', schema: { enum: [said] } } } };
    assert.equal(JSON.parse(textOf(await client.messages.create(request))), said);
    assert.equal(JSON.parse(textOf(await client.messages.stream(request).finalMessage())), said);
  },
  async cached_tokens() {
    const long = [{ role: 'user', content: 'word '.repeat(200) }];
    await client.messages.create({ ...fixed, messages: long });
    const again = await client.messages.create({ ...fixed, messages: long });
    assert.ok(again.usage.cache_read_input_tokens > 0);
    assert.equal(again.usage.cache_creation_input_tokens, 0);
  },
  async abort_stream() {
    const stream = await client.messages.create({ ...fixed, max_tokens: 1500, stream: true });
    let events = 0;
    for await (const event of stream) {
      assert.ok(event.type);
      if (++events === 3) stream.controller.abort();
    }
    assert.ok(events >= 3);
  },
  async abort_call() {
    const controller = new AbortController();
    const pending = client.messages.create(large(), { signal: controller.signal });
    setTimeout(() => controller.abort(), 5);
    await assert.rejects(pending, Anthropic.APIUserAbortError);
  },
  async doors() {
    const wanted = textOf(await client.messages.create(fixed));
    for (const baseURL of doors) {
      for (const credentials of [{ apiKey: process.env.OPENAI_API_KEY }, { apiKey: null, authToken: process.env.OPENAI_API_KEY }]) {
        assert.equal(textOf(await open({ baseURL, ...credentials }).messages.create(fixed)), wanted);
      }
    }
    assert.equal((await post('/api/v2/apps/claude-code-proxy/v1/messages', fixed, { 'x-api-key': process.env.OPENAI_API_KEY })).status, 200);
    assert.equal(textOf(await client.beta.messages.create({ ...fixed, betas: ['some-beta-2026-01-01'] })), wanted);
  },
  async error_401() {
    await refused(open({ apiKey: 'sk-wrong' }).messages.create(fixed), Anthropic.AuthenticationError, { status: 401, requestID: /\S/ });
  },
  async error_404() {
    await refused(client.messages.create({ ...fixed, model: 'no-such-model' }), Anthropic.NotFoundError, { status: 404, message: /no-such-model/ });
  },
  async error_400() {
    const cases = [[{ temperature: 3 }, /temperature/], [{ top_k: -4 }, /top_k/], [{ messages: [] }, /messages/], [{ max_tokens: 0 }, /max_tokens/],
      [{ tools: [{ name: 'f g', input_schema: { type: 'object' } }] }, /tools/], [{ stop_sequences: [''] }, /stop_sequences\[0\]/],
      [{ temprature: 1 }, /temperature/], [{ messages: [{ role: 'user', content: [{ type: 'image', source: {} }] }] }, /content\[0\]\.type/]];
    for (const [change, message] of cases) {
      await refused(client.messages.create({ ...fixed, ...change }), Anthropic.BadRequestError, { status: 400, message });
    }
  },
  async long_prompt() {
    const long = [{ role: 'user', content: 'x y '.repeat(20000) }];
    await refused(client.messages.create({ ...fixed, messages: long }), Anthropic.BadRequestError, { message: /prompt is too long: \d+ tokens > \d+/ });
    await refused(client.messages.create({ ...fixed, max_tokens: 20_000 }), Anthropic.BadRequestError, { message: /exceed context limit: \d+ \+ 20000 > \d+/ });
  },
  async error_413() {
    const huge = [{ role: 'user', content: 'x'.repeat(40 * 1024 * 1024) }];
    await assert.rejects(client.messages.create({ ...fixed, messages: huge }),
      (error) => error instanceof Anthropic.APIError && (error.status === 413 || error instanceof Anthropic.APIConnectionError));
  },
  async error_429() {
    await during(holdKey, () => refused(client.messages.create(fixed), Anthropic.RateLimitError, { status: 429, type: 'rate_limit_error' }));
  },
  async retry_429() {
    const answer = await whileHeld(holdKey, () => open({ maxRetries: 5 }).messages.create(fixed));
    assert.ok(answer.content.length > 0);
  },
  async error_503() {
    await during(fillQueue, () => refused(client.messages.create(fixed), Anthropic.InternalServerError, { status: 529, type: 'overloaded_error' }));
  },
  async retry_503() {
    const answer = await whileHeld(fillQueue, () => open({ maxRetries: 5 }).messages.create(fixed));
    assert.ok(answer.content.length > 0);
  },
  async ignored_fields() {
    const { response } = await client.messages.create({ ...fixed, metadata: { user_id: 'u' }, service_tier: 'auto' }).withResponse();
    assert.equal(response.headers.get('x-studio-ignored'), 'metadata, service_tier');
  },
  async models_show() {
    assert.equal((await client.models.retrieve(model)).id, model);
    await refused(client.models.retrieve('no-such-model'), Anthropic.NotFoundError, { status: 404 });
  },
  async error_path() {
    await refused(client.messages.batches.list().then(), Anthropic.NotFoundError, { status: 404 });
  },
  async error_connection() {
    await refused(open({ baseURL: 'http://127.0.0.1:9' }).messages.create(fixed), Anthropic.APIConnectionError, {});
  },
  async error_before_stream() {
    await refused(client.messages.create({ ...fixed, stream: true, temperature: 3 }), Anthropic.BadRequestError, { message: /temperature/ });
  },
  async timeout() {
    await refused(client.messages.create(large(), { timeout: 5 }), Anthropic.APIConnectionTimeoutError, {});
    await untilIdle();
  },
  async concurrent() {
    const answers = await Promise.all(Array.from({ length: 6 }, () => client.messages.create(fixed)));
    assert.equal(new Set(answers.map(textOf)).size, 1);
  },
  async max_tokens() {
    const answer = await client.messages.create({ ...plain, max_tokens: 3 });
    assert.equal(answer.usage.output_tokens, 3);
    assert.equal(answer.stop_reason, 'max_tokens');
  },
  async greedy() {
    assert.equal(textOf(await client.messages.create(plain)), textOf(await client.messages.create(plain)));
  },
  async sampling() {
    assert.ok(textOf(await client.messages.create({ ...plain, temperature: 0.9, top_p: 0.9, top_k: 20 })).length > 0);
  },
  async tools_auto() {
    const answer = await client.messages.create({ ...calling, tool_choice: { type: 'auto' } });
    assert.equal(answer.stop_reason === 'tool_use', answer.content.some((block) => block.type === 'tool_use'));
    const { input_tokens: seen } = await client.messages.countTokens({ model, messages, tools: calling.tools });
    assert.ok(seen > (await client.messages.countTokens({ model, messages })).input_tokens + 50, 'the model sees the tools');
  },
  async tools_required() {
    const answer = await client.messages.create({ ...calling, tools: [weather], tool_choice: { type: 'any' } });
    assert.equal(answer.stop_reason, 'tool_use');
    assert.deepEqual(callsOf(answer).map((call) => [call.name, call.input]), [['get_weather', { city: 'Paris' }]]);
  },
  async tools_named() {
    assert.equal(callsOf(await client.messages.create(calling))[0].name, 'get_weather');
  },
  async tools_none() {
    const answer = await client.messages.create({ ...calling, tool_choice: { type: 'none' } });
    assert.ok(callsOf(answer).length === 0 && textOf(answer).length > 0);
  },
  async tools_single() {
    const answer = await client.messages.create({ ...calling, tool_choice: { type: 'any', disable_parallel_tool_use: true } });
    assert.equal(callsOf(answer).length, 1);
  },
  async tools_streamed() {
    const [call] = callsOf(await client.messages.create(calling));
    let pieces = '', started;
    const stream = client.messages.stream(calling);
    for await (const event of stream) {
      if (event.type === 'content_block_start' && event.content_block.type === 'tool_use') started = event.content_block.name;
      if (event.type === 'content_block_delta' && event.delta.type === 'input_json_delta') pieces += event.delta.partial_json;
    }
    assert.equal(started, call.name);
    assert.deepEqual(JSON.parse(pieces), call.input);
    const final = await stream.finalMessage();
    assert.deepEqual(callsOf(final)[0].input, call.input);
    assert.equal(final.stop_reason, 'tool_use');
  },
  async tools_results() {
    const { content } = await client.messages.create(calling);
    const result = (id) => [...messages, { role: 'assistant', content }, { role: 'user', content: [{ type: 'tool_result', tool_use_id: id, content: 'It rains.' }] }];
    const id = content.find((block) => block.type === 'tool_use').id;
    assert.ok(textOf(await client.messages.create({ ...calling, tool_choice: { type: 'none' }, messages: result(id) })).length > 0);
    await refused(client.messages.create({ ...calling, messages: result('toolu_other') }), Anthropic.BadRequestError, { status: 400 });
  },
  async tools_refused() {
    await refused(client.messages.create({ ...fixed, tools: [{ ...weather, name: 'f g' }] }), Anthropic.BadRequestError, { message: /tools\[0\]/ });
  },
  async tools_unknown() {
    await refused(client.messages.create({ ...calling, tool_choice: { type: 'tool', name: 'other' } }), Anthropic.BadRequestError, { message: /tool_choice/ });
  },
  async schema() {
    assert.deepEqual(JSON.parse(textOf(await client.messages.create({ ...plain, max_tokens: 100, output_config: held }))), { city: 'Paris' });
  },
  async schema_streamed() {
    const final = await client.messages.stream({ ...plain, max_tokens: 100, output_config: held }).finalMessage();
    assert.deepEqual(JSON.parse(textOf(final)), { city: 'Paris' });
  },
  async schema_thinking() {
    const answer = await client.messages.create({ ...fixed, max_tokens: 200, output_config: held });
    assert.equal(answer.content[0].type, 'thinking');
    assert.deepEqual(JSON.parse(textOf(answer)), { city: 'Paris' });
  },
  async schema_refused() {
    const impossible = { format: { type: 'json_schema', schema: { type: 'array', minItems: 3, maxItems: 2 } } };
    await refused(client.messages.create({ ...fixed, output_config: impossible }), Anthropic.BadRequestError, { message: /output_config\.format\.schema#\/minItems/ });
  },
};

await runCases(tests);
