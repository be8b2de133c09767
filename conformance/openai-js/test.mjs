// The official OpenAI JavaScript SDK, unmodified: only its base URL and key point at studio.
import assert from 'node:assert/strict';
import OpenAI from 'openai';
import { tests as responses } from './responses.mjs';
import { runCases } from './run_cases.mjs';

const model = process.env.STUDIO_MODEL;
const client = new OpenAI({ maxRetries: 0 });
const messages = [{ role: 'user', content: 'What is a violin?' }];
const openAtOnce = 8; // conformance/run.sh
const fixed = { model, messages, max_tokens: 12, temperature: 0.7, seed: 7 };
const long = { ...fixed, max_tokens: 1500, ignore_eos: true };

// As many open streams as a key may have; those that an earlier test has just left may still count.
const holdAll = () => Promise.all(Array.from({ length: openAtOnce },
  () => client.chat.completions.create({ ...long, stream: true }, { maxRetries: 10 })));

const tests = {
  async 'lists and retrieves models'() {
    const ids = [];
    for await (const entry of client.models.list()) ids.push(entry.id);
    assert.ok(ids.includes(model));
    assert.equal((await client.models.retrieve(model)).object, 'model');
  },
  async 'runs a batch from upload to output'() {
    const lines = [1, 2, 3].map((n) => JSON.stringify({ custom_id: `c${n}`, method: 'POST', url: '/v1/chat/completions', body: { ...fixed, seed: n } }));
    const file = await client.files.create({ file: await OpenAI.toFile(Buffer.from(lines.join('\n')), 'in.jsonl'), purpose: 'batch' });
    assert.equal(file.object, 'file');
    let batch = await client.batches.create({ input_file_id: file.id, endpoint: '/v1/chat/completions', completion_window: '24h', metadata: { team: 'a' } });
    while (!['completed', 'failed'].includes(batch.status)) {
      await new Promise((resolve) => { setTimeout(resolve, 100); });
      batch = await client.batches.retrieve(batch.id);
    }
    assert.deepEqual(batch.request_counts, { total: 3, completed: 3, failed: 0 });
    const output = (await (await client.files.content(batch.output_file_id)).text()).trim().split('\n').map((line) => JSON.parse(line));
    assert.deepEqual(output.map((line) => line.custom_id).sort(), ['c1', 'c2', 'c3']);
    assert.ok(output.every((line) => line.response.body.choices[0].message.content));
    const ids = [];
    for await (const entry of client.batches.list({ limit: 1 })) ids.push(entry.id);
    assert.deepEqual(ids, [batch.id]);
    for await (const entry of client.files.list()) assert.equal((await client.files.delete(entry.id)).deleted, true);
    await assert.rejects(client.files.retrieve(file.id), OpenAI.NotFoundError);
  },
  async 'answers a chat completion with exact usage'() {
    const answer = await client.chat.completions.create(fixed);
    assert.equal(answer.object, 'chat.completion');
    assert.equal(answer.choices[0].message.role, 'assistant');
    assert.ok(answer.choices[0].message.content.length > 0);
    // The limit is the answer's: what the model thinks first is counted apart.
    const { completion_tokens: all, completion_tokens_details: { reasoning_tokens: thought } } = answer.usage;
    assert.ok(answer.usage.prompt_tokens > 0 && thought > 0 && all - thought <= 12);
    assert.ok(answer.choices[0].message.reasoning_content.length > 0);
    assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
    assert.match(answer._request_id, /\S/);
  },
  async 'streams the same bytes as it answers at once'() {
    const whole = await client.chat.completions.create(fixed);
    const stream = await client.chat.completions.create({ ...fixed, stream: true, stream_options: { include_usage: true } });
    let text = '', reason = null, usage = null, first = null;
    for await (const chunk of stream) {
      first ??= chunk;
      assert.equal(chunk.id, first.id);
      text += chunk.choices[0]?.delta?.content ?? '';
      reason = chunk.choices[0]?.finish_reason ?? reason;
      if (chunk.choices.length === 0) usage = chunk.usage;
    }
    assert.equal(first.choices[0].delta.role, 'assistant');
    assert.equal(text, whole.choices[0].message.content);
    assert.equal(reason, whole.choices[0].finish_reason);
    assert.deepEqual(usage.completion_tokens, whole.usage.completion_tokens);
  },
  async 'the streaming helper assembles the final completion'() {
    const runner = client.chat.completions.stream(fixed);
    const final = await runner.finalChatCompletion();
    assert.ok(final.choices[0].message.content.length > 0);
  },
  async 'returns n choices and log probabilities'() {
    const answer = await client.chat.completions.create({ ...fixed, n: 2, logprobs: true, top_logprobs: 3 });
    assert.equal(answer.choices.length, 2);
    for (const choice of answer.choices) {
      assert.ok(choice.logprobs.content.length > 0);
      for (const token of choice.logprobs.content) {
        assert.ok(token.logprob <= 0);
        assert.equal(token.top_logprobs.length, 3);
      }
    }
  },
  async 'reads a stream that can be resumed, and one answer for one idempotency key'() {
    const whole = await client.chat.completions.create(fixed, { headers: { 'Idempotency-Key': 'js-1' } });
    const again = await client.chat.completions.create(fixed, { headers: { 'Idempotency-Key': 'js-1' } });
    assert.deepEqual(again, whole);
    await assert.rejects(client.chat.completions.create({ ...fixed, seed: 8 }, { headers: { 'Idempotency-Key': 'js-1' }, maxRetries: 2 }),
      error => error instanceof OpenAI.ConflictError && error.param === 'Idempotency-Key');
    let text = '';
    const stream = await client.chat.completions.create({ ...fixed, stream: true }, { headers: { 'X-Studio-Resume': '1' } });
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
    assert.equal(text, whole.choices[0].message.content);
  },
  async 'aborts a stream from the client'() {
    const stream = await client.chat.completions.create({ ...fixed, max_tokens: 400, stream: true });
    let chunks = 0;
    for await (const chunk of stream) {
      assert.ok(chunk.id);
      if (++chunks === 3) stream.controller.abort();
    }
    assert.ok(chunks >= 3 && chunks < 400);
  },
  async 'aborts by AbortSignal before the answer'() {
    const controller = new AbortController();
    const pending = client.chat.completions.create({ ...fixed, max_tokens: 1000, ignore_eos: true }, { signal: controller.signal });
    setTimeout(() => controller.abort(), 20);
    await assert.rejects(pending, OpenAI.APIUserAbortError);
  },
  async 'completes text, streamed and not'() {
    const request = { model, prompt: 'The violin is', max_tokens: 8, temperature: 0 };
    const whole = await client.completions.create(request);
    assert.equal(whole.object, 'text_completion');
    let text = '';
    for await (const chunk of await client.completions.create({ ...request, stream: true })) text += chunk.choices[0]?.text ?? '';
    assert.equal(text, whole.choices[0].text);
  },
  async 'raises AuthenticationError for a wrong key'() {
    const stranger = new OpenAI({ apiKey: 'sk-wrong', maxRetries: 0 });
    await assert.rejects(stranger.models.list().then(), error => error instanceof OpenAI.AuthenticationError
      && error.status === 401 && error.code === 'invalid_api_key' && Boolean(error.requestID));
  },
  async 'raises NotFoundError for an unknown model'() {
    await assert.rejects(client.chat.completions.create({ ...fixed, model: 'no-such-model' }),
      error => error instanceof OpenAI.NotFoundError && error.code === 'model_not_found');
  },
  async 'raises BadRequestError that names the field'() {
    await assert.rejects(client.chat.completions.create({ ...fixed, temperature: 3 }),
      error => error instanceof OpenAI.BadRequestError && error.param === 'temperature');
    await assert.rejects(client.chat.completions.create({ ...fixed, tools: [{ type: 'function', function: { name: 'f g' } }] }),
      error => error instanceof OpenAI.BadRequestError && error.param === 'tools[0].function.name');
  },
  async 'raises an error of status 413 for a body over the limit'() {
    const huge = [{ role: 'user', content: 'x'.repeat(40 * 1024 * 1024) }];
    await assert.rejects(client.chat.completions.create({ ...fixed, messages: huge }),
      error => error instanceof OpenAI.APIError && (error.status === 413 || error instanceof OpenAI.APIConnectionError));
  },
  async 'raises InternalServerError where the queue is full, streamed or not'() {
    for (const stream of [false, true]) {
      await assert.rejects(client.chat.completions.create({ ...long, n: 16, stream }), error => error instanceof OpenAI.InternalServerError
        && error.status === 503 && error.code === 'overloaded');
    }
  },
  async 'raises RateLimitError where the key has its requests open'() {
    const held = await holdAll();
    await assert.rejects(client.chat.completions.create(fixed), error => error instanceof OpenAI.RateLimitError
      && error.status === 429 && error.code === 'limit_requests');
    held.forEach(stream => stream.controller.abort());
  },
  async 'tries again where it is refused for now'() {
    const held = await holdAll();
    const pending = client.chat.completions.create(fixed, { maxRetries: 5 });
    held.forEach(stream => stream.controller.abort());
    assert.ok((await pending).choices[0].message.content.length > 0);
  },
  async 'raises errors as HTTP errors before a stream begins'() {
    await assert.rejects(client.chat.completions.create({ ...fixed, stream: true, messages: [{ role: 'user', content: 'word '.repeat(9000) }] }),
      error => error instanceof OpenAI.BadRequestError && error.code === 'context_length_exceeded');
  },
  async 'raises APIConnectionError where nothing listens'() {
    const nowhere = new OpenAI({ baseURL: 'http://127.0.0.1:9/v1', maxRetries: 0 });
    await assert.rejects(nowhere.models.list().then(), OpenAI.APIConnectionError);
  },
  async 'raises APIConnectionTimeoutError'() {
    await assert.rejects(client.chat.completions.create({ ...fixed, max_tokens: 1500, ignore_eos: true }, { timeout: 15 }), OpenAI.APIConnectionTimeoutError);
  },
};

await runCases({ ...tests, ...responses });
