// The official Anthropic JavaScript SDK, unmodified: only its base URL and key point at studio.
import assert from 'node:assert/strict';
import Anthropic from '@anthropic-ai/sdk';
import { runCases } from './run_cases.mjs';

const model = process.env.STUDIO_MODEL;
const doors = ['', '/apps/anthropic'].map((path) => process.env.STUDIO_URL + path);
const open = (options = {}) => new Anthropic({ baseURL: doors[0], apiKey: process.env.OPENAI_API_KEY, maxRetries: 0, ...options });
const client = open();
const messages = [{ role: 'user', content: 'What is a violin?' }];
const fixed = { model, messages, max_tokens: 8, temperature: 0 };
// Long enough to be under way still when it is left.
const large = () => ({ ...fixed, max_tokens: 1500, messages: [{ role: 'user', content: `${Math.random()} ${'word '.repeat(1500)}` }] });
const openAtOnce = 8; // conformance/run.sh

const textOf = (message) => message.content.filter((block) => block.type === 'text').map((block) => block.text).join('');
const fetched = (path, body, headers = {}) => fetch(process.env.STUDIO_URL + path, { method: 'POST', body: JSON.stringify(body),
  headers: { 'content-type': 'application/json', 'x-api-key': process.env.OPENAI_API_KEY, ...headers } });
const refused = (promise, kind, expected) => assert.rejects(promise, (error) => error instanceof kind
  && Object.entries(expected).every(([name, value]) => (value instanceof RegExp ? value.test(error[name]) : error[name] === value)));

const tests = {
  async 'lists and retrieves models in its own shape'() {
    const page = await client.models.list();
    const found = page.data.find((entry) => entry.id === model);
    assert.equal(found.type, 'model');
    assert.ok(!Number.isNaN(Date.parse(found.created_at)));
    assert.equal((await client.models.retrieve(model)).id, model);
  },
  async 'answers with exact usage, thinking before text'() {
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
  async 'does not think where thinking is disabled'() {
    const answer = await client.messages.create({ ...fixed, thinking: { type: 'disabled' } });
    assert.deepEqual(answer.content.map((block) => block.type), ['text']);
    assert.equal(answer.usage.output_tokens, 8);
  },
  async 'thinks within its budget'() {
    const answer = await client.messages.create({ ...fixed, thinking: { type: 'enabled', budget_tokens: 4 } });
    assert.ok(answer.usage.output_tokens <= 8 + 4 + 8, 'the budget, the answer, and what closes the thinking');
  },
  async 'streams the same bytes as it answers at once'() {
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
  async 'reads a stream that can be resumed, and one answer for one idempotency key'() {
    const whole = await client.messages.create(fixed, { headers: { 'Idempotency-Key': 'js-2' } });
    assert.deepEqual(await client.messages.create(fixed, { headers: { 'Idempotency-Key': 'js-2' } }), whole);
    const resumable = await client.messages.stream(fixed, { headers: { 'X-Studio-Resume': '1' } }).finalMessage();
    assert.deepEqual(resumable.content, whole.content);
  },
  async 'the streaming helper assembles the final message'() {
    const whole = await client.messages.create(fixed);
    const final = await client.messages.stream(fixed).finalMessage();
    assert.deepEqual(final.content.map((block) => block.type), ['thinking', 'text']);
    assert.equal(textOf(final), textOf(whole));
    assert.equal(final.stop_reason, whole.stop_reason);
  },
  async 'emits thinking and text to their listeners'() {
    let thinking = '', text = '';
    const final = await client.messages.stream(fixed).on('thinking', (delta) => { thinking += delta; }).on('text', (delta) => { text += delta; })
      .finalMessage();
    assert.equal(thinking, final.content[0].thinking);
    assert.equal(text, final.content[1].text);
  },
  async 'takes a system message as a text or as blocks'() {
    const off = { ...fixed, thinking: { type: 'disabled' } };
    const asText = await client.messages.create({ ...off, system: 'Answer in French.' });
    const asBlocks = await client.messages.create({ ...off, system: [{ type: 'text', text: 'Answer in French.', cache_control: { type: 'ephemeral' } }] });
    assert.equal(textOf(asText), textOf(asBlocks));
    assert.notEqual(textOf(asText), textOf(await client.messages.create(off)));
  },
  async 'takes content as a text or as blocks'() {
    const blocks = await client.messages.create({ ...fixed, messages: [{ role: 'user', content: [{ type: 'text', text: 'What is a violin?' }] }] });
    assert.equal(textOf(blocks), textOf(await client.messages.create(fixed)));
  },
  async 'goes on with a conversation that holds its own thinking'() {
    const first = await client.messages.create(fixed);
    const second = await client.messages.create({ ...fixed, messages: [...messages, { role: 'assistant', content: first.content }, ...messages] });
    assert.ok(second.content.length > 0);
  },
  async 'continues a last message of the assistant'() {
    const begun = [...messages, { role: 'assistant', content: 'A violin is' }];
    const answer = await client.messages.create({ ...fixed, messages: begun, thinking: { type: 'disabled' } });
    assert.ok(textOf(answer).length > 0);
  },
  async 'stops at a stop sequence and leaves it out'() {
    const off = { ...fixed, thinking: { type: 'disabled' }, max_tokens: 40 };
    const text = textOf(await client.messages.create(off));
    const stop = text.slice(4, 7);
    const cut = await client.messages.create({ ...off, stop_sequences: [stop] });
    assert.equal(textOf(cut), text.slice(0, text.indexOf(stop)));
    assert.equal(cut.stop_reason, 'end_turn');
  },
  async 'speaks Unicode in both directions'() {
    const asked = [{ role: 'user', content: '小提琴是什么？🎻' }];
    const answer = await client.messages.create({ ...fixed, messages: asked, temperature: 1 });
    assert.ok(!textOf(answer).includes('\u{fffd}') || textOf(answer).length > 0);
    assert.ok((await client.messages.countTokens({ model, messages: asked })).input_tokens > 5);
  },
  async 'counts a prompt asked again as read from the cache'() {
    const long = [{ role: 'user', content: 'word '.repeat(200) }];
    await client.messages.create({ ...fixed, messages: long });
    const again = await client.messages.create({ ...fixed, messages: long });
    assert.ok(again.usage.cache_read_input_tokens > 0);
    assert.equal(again.usage.cache_creation_input_tokens, 0);
  },
  async 'aborts a stream from the client'() {
    const stream = await client.messages.create({ ...fixed, max_tokens: 1500, stream: true });
    let events = 0;
    for await (const event of stream) {
      assert.ok(event.type);
      if (++events === 3) stream.controller.abort();
    }
    assert.ok(events >= 3);
  },
  async 'aborts by AbortSignal before the answer'() {
    const controller = new AbortController();
    const pending = client.messages.create(large(), { signal: controller.signal });
    setTimeout(() => controller.abort(), 5);
    await assert.rejects(pending, Anthropic.APIUserAbortError);
  },
  async 'is served at each of its doors, with a key or a token'() {
    const wanted = textOf(await client.messages.create(fixed));
    for (const baseURL of doors) {
      for (const credentials of [{ apiKey: process.env.OPENAI_API_KEY }, { apiKey: null, authToken: process.env.OPENAI_API_KEY }]) {
        assert.equal(textOf(await open({ baseURL, ...credentials }).messages.create(fixed)), wanted);
      }
    }
    assert.equal((await fetched('/api/v2/apps/claude-code-proxy/v1/messages', fixed)).status, 200);
    assert.equal(textOf(await client.beta.messages.create({ ...fixed, betas: ['some-beta-2026-01-01'] })), wanted);
  },
  async 'raises AuthenticationError for a wrong key'() {
    await refused(open({ apiKey: 'sk-wrong' }).messages.create(fixed), Anthropic.AuthenticationError, { status: 401, requestID: /\S/ });
  },
  async 'raises NotFoundError for an unknown model and an unknown path'() {
    await refused(client.messages.create({ ...fixed, model: 'no-such-model' }), Anthropic.NotFoundError, { status: 404, message: /no-such-model/ });
    await refused(client.messages.batches.list().then(), Anthropic.NotFoundError, { status: 404 });
  },
  async 'raises BadRequestError that names the field'() {
    const cases = [[{ temperature: 3 }, /temperature/], [{ top_k: -4 }, /top_k/], [{ messages: [] }, /messages/], [{ max_tokens: 0 }, /max_tokens/],
      [{ tools: [{ name: 'f g', input_schema: { type: 'object' } }] }, /tools/], [{ stop_sequences: [''] }, /stop_sequences\[0\]/],
      [{ temprature: 1 }, /temperature/], [{ messages: [{ role: 'user', content: [{ type: 'image', source: {} }] }] }, /content\[0\]\.type/]];
    for (const [change, message] of cases) {
      await refused(client.messages.create({ ...fixed, ...change }), Anthropic.BadRequestError, { status: 400, message });
    }
  },
  async 'refuses a prompt over the context with both counts'() {
    const long = [{ role: 'user', content: 'x y '.repeat(20000) }];
    await refused(client.messages.create({ ...fixed, messages: long }), Anthropic.BadRequestError, { message: /holds \d+ tokens; the prompt has \d+/ });
  },
  async 'raises an error of status 413 for a body over the limit'() {
    const huge = [{ role: 'user', content: 'x'.repeat(40 * 1024 * 1024) }];
    await assert.rejects(client.messages.create({ ...fixed, messages: huge }),
      (error) => error instanceof Anthropic.APIError && (error.status === 413 || error instanceof Anthropic.APIConnectionError));
  },
  async 'raises RateLimitError where the key has its requests open, and tries again'() {
    const long = { model, messages, max_tokens: 1500, ignore_eos: true, stream: true };
    const held = [];
    while (held.length < openAtOnce) {
      const response = await fetched('/v1/chat/completions', long, { authorization: `Bearer ${process.env.OPENAI_API_KEY}` });
      if (response.status === 200) held.push(response);
      else await new Promise((resolve) => { setTimeout(resolve, 50); });
    }
    await refused(client.messages.create(fixed), Anthropic.RateLimitError, { status: 429, type: 'rate_limit_error' });
    const patient = open({ maxRetries: 10 }).messages.create(fixed);
    await Promise.all(held.map((response) => response.body.cancel()));
    assert.ok((await patient).content.length > 0);
  },
  async 'raises an error of the type overloaded where the queue is full'() {
    const wide = { model, messages, max_tokens: 1500, ignore_eos: true, stream: true, n: 12 };
    const held = await fetched('/v1/chat/completions', wide, { authorization: `Bearer ${process.env.OPENAI_API_KEY}` });
    assert.equal(held.status, 200);
    await refused(client.messages.create(fixed), Anthropic.InternalServerError, { status: 529, type: 'overloaded_error' });
    await held.body.cancel();
  },
  async 'says what it ignored'() {
    const patient = open({ maxRetries: 10 }); // the queue empties when the server has seen its reader go
    const { response } = await patient.messages.create({ ...fixed, metadata: { user_id: 'u' }, service_tier: 'auto' }).withResponse();
    assert.equal(response.headers.get('x-studio-ignored'), 'metadata, service_tier');
  },
};

await runCases(tests);
