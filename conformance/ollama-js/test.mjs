// The Ollama JavaScript client, unmodified: only its host and a header with the key point at studio.
import assert from 'node:assert/strict';
import { Ollama } from 'ollama';
import { runCases } from './run_cases.mjs';
import { during, fillQueue, holdKey, untilIdle } from './studio.mjs';

const model = process.env.STUDIO_MODEL;
const open = (key = process.env.OPENAI_API_KEY) => new Ollama({ host: process.env.STUDIO_URL, headers: { Authorization: `Bearer ${key}` } });
const client = open();
const messages = [{ role: 'user', content: 'What is a violin?' }];
const options = { temperature: 0, num_predict: 8 };
const fixed = { model, messages, options, think: false };
const thoughtful = { ...fixed, think: true, options: { temperature: 0, num_predict: 200 } };
const drawn = { temperature: 1, seed: 5, num_predict: 20 };
const draw = async (changes) => (await client.chat({ ...fixed, options: { ...drawn, ...changes } })).message.content;
const say = (content) => [{ role: 'user', content }];

const place = { type: 'object', properties: { city: { enum: ['Paris'] } }, required: ['city'], additionalProperties: false };
const weather = { type: 'function', function: { name: 'get_weather', description: 'The weather of a city.', parameters: place } };
const calling = { ...fixed, tools: [weather], options: { temperature: 0, num_predict: 200 } };

const prompted = { model, prompt: 'What is a violin?', options, think: false };

const refused = (promise, status, message) => assert.rejects(promise, (error) => error.status_code === status && message.test(error.error));
const collect = async (stream) => {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return parts;
};

const tests = {
  async models_list() {
    assert.ok((await client.list()).models.some((entry) => entry.name === model && !Number.isNaN(Date.parse(entry.modified_at))));
  },
  async models_show() {
    const shown = await client.show({ model });
    assert.ok(['completion', 'tools', 'thinking'].every((able) => shown.capabilities.includes(able)), `${shown.capabilities}`);
    await refused(client.show({ model: 'no-such-model' }), 404, /no-such-model/);
  },
  async models_loaded() {
    assert.ok((await client.ps()).models.some((entry) => entry.model === model));
    assert.match((await client.version()).version, /^\d+\.\d+\.\d+$/);
  },
  async usage() {
    const answer = await client.chat(fixed);
    assert.equal(answer.message.role, 'assistant');
    assert.ok(answer.message.content.length > 0);
    assert.equal(answer.done, true);
    assert.equal(answer.done_reason, 'length');
    assert.equal(answer.eval_count, 8);
    assert.ok(answer.prompt_eval_count > 0 && answer.total_duration >= answer.eval_duration && answer.prompt_eval_duration > 0);
  },
  async stream() {
    const whole = await client.chat(fixed);
    const parts = await collect(await client.chat({ ...fixed, stream: true }));
    assert.equal(parts.map((part) => part.message.content).join(''), whole.message.content);
    assert.deepEqual(parts.map((part) => part.done), [...Array(parts.length - 1).fill(false), true]);
    assert.equal(parts.at(-1).eval_count, whole.eval_count);
  },
  async thinking() {
    const { message } = await client.chat(thoughtful);
    assert.ok(message.thinking.length > 0 && message.content.length > 0);
  },
  async prompt_as_chat() {
    const whole = await client.generate(prompted);
    assert.equal(whole.response, (await client.chat(fixed)).message.content, 'the template makes a chat of it');
    const parts = await collect(await client.generate({ ...prompted, stream: true }));
    assert.equal(parts.map((part) => part.response).join(''), whole.response);
  },
  async raw_prompt() {
    const raw = await client.generate({ model, prompt: 'The violin is', raw: true, options });
    assert.ok(raw.response.length > 0);
    assert.ok(raw.prompt_eval_count < (await client.generate(prompted)).prompt_eval_count);
  },
  async system() {
    const chat = await client.chat({ ...fixed, messages: [{ role: 'system', content: 'Answer in French.' }, ...messages] });
    const generated = await client.generate({ ...prompted, system: 'Answer in French.' });
    assert.equal(chat.message.content, generated.response);
    assert.notEqual(chat.message.content, (await client.chat(fixed)).message.content);
  },
  async chat() {
    const answer = await client.chat(fixed);
    assert.equal(answer.message.role, 'assistant');
    assert.ok(answer.message.content.length > 0 && answer.done);
  },
  async conversation() {
    const turns = [...messages, { role: 'assistant', content: 'An instrument.' }, { role: 'user', content: 'And a cello?' }];
    const answer = await client.chat({ ...fixed, messages: turns });
    assert.ok(answer.message.content.length > 0);
    assert.ok(answer.prompt_eval_count > (await client.chat(fixed)).prompt_eval_count);
  },
  async seed() {
    const text = await draw();
    assert.equal(await draw(), text);
    assert.notEqual(await draw({ seed: 6 }), text);
  },
  async greedy() {
    assert.equal(await draw({ temperature: 0 }), await draw({ temperature: 0, seed: 6 }));
  },
  async sampling() {
    const fields = { top_k: 20, top_p: 0.9, min_p: 0.01, repeat_penalty: 1.1, presence_penalty: 0.1, frequency_penalty: 0.1 };
    assert.equal(await draw(fields), await draw(fields));
  },
  async stop() {
    const text = await draw();
    const stop = text.slice(4, 7);
    const cut = await client.chat({ ...fixed, options: { ...drawn, stop: [stop] } });
    assert.equal(cut.message.content, text.slice(0, text.indexOf(stop)));
    assert.equal(cut.done_reason, 'stop');
  },
  async max_tokens() {
    const answer = await client.chat({ ...fixed, options: { temperature: 0, num_predict: 1 } });
    assert.equal(answer.eval_count, 1);
    assert.equal(answer.done_reason, 'length');
  },
  async stream_end() {
    const parts = await collect(await client.chat({ ...fixed, stream: true }));
    assert.deepEqual(parts.map((part) => part.done), [...Array(parts.length - 1).fill(false), true]);
  },
  async stream_usage() {
    const last = (await collect(await client.chat({ ...fixed, stream: true }))).at(-1);
    assert.equal(last.eval_count, (await client.chat(fixed)).eval_count);
  },
  async thinking_off() {
    assert.ok(!(await client.chat(fixed)).message.thinking);
  },
  async thinking_streamed() {
    const parts = await collect(await client.chat({ ...thoughtful, stream: true }));
    assert.equal(parts.map((part) => part.message.thinking ?? '').join(''), (await client.chat(thoughtful)).message.thinking);
  },
  async concurrent() {
    const answers = await Promise.all(Array.from({ length: 6 }, () => client.chat(fixed)));
    assert.equal(new Set(answers.map((answer) => answer.message.content)).size, 1);
  },
  async error_413() {
    await refused(client.chat({ ...fixed, messages: say('x'.repeat(9 << 20)) }), 413, /\S/);
  },
  async error_429() {
    await during(holdKey, () => refused(client.chat(fixed), 429, /\S/));
  },
  async error_503() {
    await during(fillQueue, () => refused(client.chat(fixed), 503, /\S/));
  },
  async error_path() {
    await refused(client.pull({ model: 'x' }), 404, /nothing at this path/);
  },
  async error_connection() {
    await assert.rejects(new Ollama({ host: 'http://127.0.0.1:9' }).chat(fixed), (error) => error.status_code === undefined && /fetch failed/.test(error.message));
  },
  async error_before_stream() {
    await refused(client.chat({ ...fixed, stream: true, options: { temperature: 3 } }), 400, /options\.temperature/);
  },
  async error_unknown_field() {
    await refused(client.chat({ ...fixed, optoins: {} }), 400, /options/);
  },
  async error_messages() {
    await refused(client.chat({ ...fixed, messages: [{ role: 'robot', content: 'x' }] }), 400, /messages\[0\]\.role/);
  },
  async tools_auto() {
    const answer = await client.chat(calling);
    assert.ok(answer.message.content.length > 0 || answer.message.tool_calls.length > 0);
    assert.ok(answer.prompt_eval_count > (await client.chat(fixed)).prompt_eval_count + 50, 'the model sees the tools');
  },
  async tools_results() {
    const call = { function: { name: 'get_weather', arguments: { city: 'Paris' } } };
    const turns = [...messages, { role: 'assistant', content: '', tool_calls: [call] }, { role: 'tool', content: 'It rains.', tool_name: 'get_weather' }];
    const answer = await client.chat({ ...fixed, messages: turns });
    assert.ok(answer.message.content.length > 0);
    assert.ok(answer.prompt_eval_count > (await client.chat(fixed)).prompt_eval_count);
  },
  async tools_refused() {
    await refused(client.chat({ ...fixed, tools: [{ type: 'function', function: { name: 'f g', parameters: {} } }] }), 400, /^tools/);
  },
  async schema() {
    const answer = await client.chat({ ...fixed, format: place, options: { temperature: 0, num_predict: 100 } });
    assert.deepEqual(JSON.parse(answer.message.content), { city: 'Paris' });
    const generated = await client.generate({ ...prompted, format: place, options: { temperature: 0, num_predict: 100 } });
    assert.deepEqual(JSON.parse(generated.response), { city: 'Paris' });
  },
  async schema_object() {
    assert.match((await client.chat({ ...fixed, messages: say('A JSON object, please.'), format: 'json' })).message.content, /^\s*\{/);
  },
  async schema_streamed() {
    const parts = await collect(await client.chat({ ...fixed, stream: true, format: place, options: { temperature: 0, num_predict: 100 } }));
    assert.deepEqual(JSON.parse(parts.map((part) => part.message.content).join('')), { city: 'Paris' });
  },
  async schema_thinking() {
    const { message } = await client.chat({ ...thoughtful, format: place });
    assert.ok(message.thinking.length > 0);
    assert.deepEqual(JSON.parse(message.content), { city: 'Paris' });
  },
  async schema_refused() {
    await refused(client.chat({ ...fixed, format: { type: 'array', minItems: 3, maxItems: 2 } }), 400, /format#\/minItems/);
  },
  async logprobs() {
    const { logprobs } = await client.chat({ ...fixed, logprobs: true, top_logprobs: 2 });
    assert.equal(logprobs.length, 8);
    assert.ok(logprobs.every((token) => token.logprob <= 0 && token.top_logprobs.length === 2));
    const parts = await collect(await client.chat({ ...fixed, logprobs: true, stream: true }));
    assert.equal(parts.flatMap((part) => part.logprobs ?? []).length, 8);
  },
  async model_tag() {
    assert.equal((await client.chat({ ...fixed, model: `${model}:latest` })).message.content, (await client.chat(fixed)).message.content);
  },
  async model_load() {
    assert.equal((await client.chat({ model, messages: [] })).done_reason, 'load');
    assert.equal((await client.generate({ model, prompt: '', keep_alive: '5m' })).done_reason, 'load');
  },
  async continues() {
    const begun = [...messages, { role: 'assistant', content: 'A violin is' }];
    assert.ok((await client.chat({ ...fixed, messages: begun })).message.content.length > 0);
  },
  async abort_stream() {
    const stream = await client.chat({ ...fixed, stream: true, options: { temperature: 1, num_predict: 1500 } });
    let parts = 0;
    await assert.rejects(async () => {
      for await (const part of stream) {
        assert.equal(part.done, false);
        if (++parts === 3) stream.abort();
      }
    }, (error) => error.name === 'AbortError');
    assert.ok(parts >= 3);
    await untilIdle();
  },
  async unicode() {
    const said = '小提琴🎻é';
    const request = { ...fixed, messages: say(said), format: { enum: [said] }, options: { temperature: 0, num_predict: 60 } };
    assert.equal(JSON.parse((await client.chat(request)).message.content), said);
    const parts = await collect(await client.chat({ ...request, stream: true }));
    assert.equal(JSON.parse(parts.map((part) => part.message.content).join('')), said);
  },
  async error_401() {
    await refused(open('sk-wrong').chat(fixed), 401, /valid key/);
  },
  async error_404() {
    await refused(client.chat({ ...fixed, model: 'no-such-model' }), 404, /no-such-model/);
  },
  async error_400() {
    const cases = [[{ options: { temperature: 3 } }, /options\.temperature/], [{ options: { mirostat: 2 } }, /options\.mirostat/],
      [{ options: { num_ctx: 1 << 20 } }, /options\.num_ctx/], [{ format: 'xml' }, /^format/], [{ think: 'high' }, /^think/]]
    for (const [change, message] of cases) await refused(client.chat({ ...fixed, ...change }), 400, message);
  },
  async long_prompt() {
    await refused(client.chat({ ...fixed, messages: [{ role: 'user', content: 'x y '.repeat(20000) }] }), 400, /tokens; the prompt has/);
  },
};

await runCases(tests);
