// The Ollama JavaScript client, unmodified: only its host and a header with the key point at studio.
import assert from 'node:assert/strict';
import { Ollama } from 'ollama';
import { runCases } from './run_cases.mjs';

const model = process.env.STUDIO_MODEL;
const open = (key = process.env.OPENAI_API_KEY) => new Ollama({ host: process.env.STUDIO_URL, headers: { Authorization: `Bearer ${key}` } });
const client = open();
const messages = [{ role: 'user', content: 'What is a violin?' }];
const options = { temperature: 0, num_predict: 8 };
const fixed = { model, messages, options, think: false };
const prompted = { model, prompt: 'What is a violin?', options, think: false };

const refused = (promise, status, message) => assert.rejects(promise, (error) => error.status_code === status && message.test(error.error));
const collect = async (stream) => {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return parts;
};

const tests = {
  async 'lists, shows and counts models as loaded'() {
    assert.ok((await client.list()).models.some((entry) => entry.name === model && !Number.isNaN(Date.parse(entry.modified_at))));
    assert.ok((await client.ps()).models.some((entry) => entry.model === model));
    assert.ok((await client.show({ model })).capabilities.includes('completion'));
    assert.match((await client.version()).version, /^\d+\.\d+\.\d+$/);
  },
  async 'answers a chat with exact counts'() {
    const answer = await client.chat(fixed);
    assert.equal(answer.message.role, 'assistant');
    assert.ok(answer.message.content.length > 0);
    assert.equal(answer.done, true);
    assert.equal(answer.done_reason, 'length');
    assert.equal(answer.eval_count, 8);
    assert.ok(answer.prompt_eval_count > 0 && answer.total_duration >= answer.eval_duration && answer.prompt_eval_duration > 0);
  },
  async 'streams the same bytes as it answers at once'() {
    const whole = await client.chat(fixed);
    const parts = await collect(await client.chat({ ...fixed, stream: true }));
    assert.equal(parts.map((part) => part.message.content).join(''), whole.message.content);
    assert.deepEqual(parts.map((part) => part.done), [...Array(parts.length - 1).fill(false), true]);
    assert.equal(parts.at(-1).eval_count, whole.eval_count);
  },
  async 'thinks apart from the answer'() {
    const answer = await client.chat({ ...fixed, think: true, options: { temperature: 0, num_predict: 60 } });
    assert.ok(answer.message.thinking.length > 0);
    const parts = await collect(await client.chat({ ...fixed, think: true, stream: true, options: { temperature: 0, num_predict: 60 } }));
    assert.equal(parts.map((part) => part.message.thinking ?? '').join(''), answer.message.thinking);
  },
  async 'generates from a prompt, whole and streamed'() {
    const whole = await client.generate(prompted);
    assert.equal(whole.response, (await client.chat(fixed)).message.content, 'the template makes a chat of it');
    const parts = await collect(await client.generate({ ...prompted, stream: true }));
    assert.equal(parts.map((part) => part.response).join(''), whole.response);
  },
  async 'generates from a raw prompt'() {
    const raw = await client.generate({ model, prompt: 'The violin is', raw: true, options });
    assert.ok(raw.response.length > 0);
    assert.ok(raw.prompt_eval_count < (await client.generate(prompted)).prompt_eval_count);
  },
  async 'takes a system message either way'() {
    const chat = await client.chat({ ...fixed, messages: [{ role: 'system', content: 'Answer in French.' }, ...messages] });
    const generated = await client.generate({ ...prompted, system: 'Answer in French.' });
    assert.equal(chat.message.content, generated.response);
    assert.notEqual(chat.message.content, (await client.chat(fixed)).message.content);
  },
  async 'obeys seed, stop and limits'() {
    const drawn = { ...fixed, options: { temperature: 1, seed: 5, num_predict: 20 } };
    const text = (await client.chat(drawn)).message.content;
    assert.equal((await client.chat(drawn)).message.content, text);
    assert.notEqual((await client.chat({ ...drawn, options: { ...drawn.options, seed: 6 } })).message.content, text);
    const stop = text.slice(4, 7);
    const cut = await client.chat({ ...drawn, options: { ...drawn.options, stop: [stop] } });
    assert.equal(cut.message.content, text.slice(0, text.indexOf(stop)));
    assert.equal(cut.done_reason, 'stop');
    assert.equal((await client.chat({ ...fixed, options: { temperature: 0, num_predict: 1 } })).eval_count, 1);
  },
  async 'tells log probabilities of each token'() {
    const { logprobs } = await client.chat({ ...fixed, logprobs: true, top_logprobs: 2 });
    assert.equal(logprobs.length, 8);
    assert.ok(logprobs.every((token) => token.logprob <= 0 && token.top_logprobs.length === 2));
    const parts = await collect(await client.chat({ ...fixed, logprobs: true, stream: true }));
    assert.equal(parts.flatMap((part) => part.logprobs ?? []).length, 8);
  },
  async 'finds a model with its tag'() {
    assert.equal((await client.chat({ ...fixed, model: `${model}:latest` })).message.content, (await client.chat(fixed)).message.content);
  },
  async 'a request that asks nothing loads the model'() {
    assert.equal((await client.chat({ model, messages: [] })).done_reason, 'load');
    assert.equal((await client.generate({ model, prompt: '', keep_alive: '5m' })).done_reason, 'load');
  },
  async 'continues a last message of the assistant'() {
    const begun = [...messages, { role: 'assistant', content: 'A violin is' }];
    assert.ok((await client.chat({ ...fixed, messages: begun })).message.content.length > 0);
  },
  async 'aborts a stream from the client'() {
    const stream = await client.chat({ ...fixed, stream: true, options: { temperature: 1, num_predict: 1500 } });
    let parts = 0;
    await assert.rejects(async () => {
      for await (const part of stream) {
        assert.equal(part.done, false);
        if (++parts === 3) stream.abort();
      }
    }, (error) => error.name === 'AbortError');
    assert.ok(parts >= 3);
    assert.ok((await client.chat(fixed)).message.content.length > 0);
  },
  async 'speaks Unicode in both directions'() {
    assert.ok((await client.chat({ ...fixed, messages: [{ role: 'user', content: '小提琴是什么？🎻' }] })).prompt_eval_count > 5);
  },
  async 'refuses a wrong key'() {
    await refused(open('sk-wrong').chat(fixed), 401, /valid key/);
  },
  async 'refuses an unknown model'() {
    await refused(client.chat({ ...fixed, model: 'no-such-model' }), 404, /no-such-model/);
    await refused(client.show({ model: 'no-such-model' }), 404, /no-such-model/);
  },
  async 'refuses what it cannot honour by its name'() {
    const cases = [[{ options: { temperature: 3 } }, /options\.temperature/], [{ options: { mirostat: 2 } }, /options\.mirostat/],
      [{ options: { num_ctx: 1 << 20 } }, /options\.num_ctx/], [{ format: 'xml' }, /^format/], [{ think: 'high' }, /^think/],
      [{ tools: [{ type: 'function', function: { name: 'f g', parameters: {} } }] }, /^tools/], [{ optoins: {} }, /options/],
      [{ messages: [{ role: 'robot', content: 'x' }] }, /messages\[0\]\.role/]];
    for (const [change, message] of cases) await refused(client.chat({ ...fixed, ...change }), 400, message);
  },
  async 'refuses a prompt over the context instead of cutting it'() {
    await refused(client.chat({ ...fixed, messages: [{ role: 'user', content: 'x y '.repeat(20000) }] }), 400, /tokens; the prompt has/);
  },
};

await runCases(tests);
