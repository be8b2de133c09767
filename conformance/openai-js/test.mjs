// The official OpenAI JavaScript SDK, unmodified: only its base URL and key point at studio.
import assert from 'node:assert/strict';
import OpenAI from 'openai';
import { tests as platform } from './platform.mjs';
import { tests as responses } from './responses.mjs';
import { runCases } from './run_cases.mjs';
import { during, fillQueue, holdKey, untilIdle, whileHeld } from './studio.mjs';

const model = process.env.STUDIO_MODEL;
const client = new OpenAI({ maxRetries: 0 });
const messages = [{ role: 'user', content: 'What is a violin?' }];
const fixed = { model, messages, max_tokens: 12, temperature: 0, enable_thinking: false };
const thoughtful = { ...fixed, enable_thinking: true, max_tokens: 200 };
const drawn = { ...fixed, temperature: 1, seed: 7 };
const long = { ...fixed, max_tokens: 1500, ignore_eos: true };

const place = { type: 'object', properties: { city: { enum: ['Paris'] } }, required: ['city'], additionalProperties: false };
const weather = { type: 'function', function: { name: 'get_weather', description: 'The weather of a city.', parameters: place } };
const clock = { type: 'function', function: { name: 'get_time', parameters: { type: 'object', properties: {} } } };
const calling = { ...fixed, max_tokens: 200, tools: [weather, clock], tool_choice: { type: 'function', function: { name: 'get_weather' } } };
const held = { type: 'json_schema', json_schema: { name: 'place', strict: true, schema: place } };

const create = (body, options) => client.chat.completions.create(body, options);
const textOf = (answer) => answer.choices[0].message.content;
const say = (content) => [{ role: 'user', content }];
async function collect(body) {
  const chunks = [];
  for await (const chunk of await create({ ...body, stream: true })) chunks.push(chunk);
  return chunks;
}
const joined = (chunks, field = 'content', index = 0) => chunks.flatMap((chunk) => chunk.choices).filter((choice) => choice.index === index)
  .map((choice) => choice.delta[field] ?? '').join('');
const refused = (promise, kind, expected) => assert.rejects(promise, (error) => {
  assert.ok(error instanceof kind, `${error}`);
  for (const [name, value] of Object.entries(expected)) value instanceof RegExp ? assert.match(error[name], value) : assert.equal(error[name], value);
  return true;
});

const tests = {
  async models_list() {
    const ids = [];
    for await (const entry of client.models.list()) ids.push(entry.id);
    assert.ok(ids.includes(model));
  },
  async models_show() {
    assert.equal((await client.models.retrieve(model)).object, 'model');
    await refused(client.models.retrieve('no-such-model'), OpenAI.NotFoundError, { code: 'model_not_found' });
  },
  async chat() {
    const answer = await create(fixed);
    assert.equal(answer.object, 'chat.completion');
    assert.equal(answer.choices[0].message.role, 'assistant');
    assert.ok(textOf(answer).length > 0 && ['stop', 'length'].includes(answer.choices[0].finish_reason));
  },
  async usage() {
    const { usage } = await create(fixed);
    assert.ok(usage.prompt_tokens > 5 && usage.completion_tokens <= 12);
    assert.equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens);
  },
  async system() {
    const told = await create({ ...fixed, messages: [{ role: 'system', content: 'Answer in French.' }, ...messages] });
    assert.notEqual(textOf(told), textOf(await create(fixed)));
  },
  async conversation() {
    const turns = [...messages, { role: 'assistant', content: 'An instrument.' }, { role: 'user', content: 'And a cello?' }];
    const answer = await create({ ...fixed, messages: turns });
    assert.ok(textOf(answer) && answer.usage.prompt_tokens > (await create(fixed)).usage.prompt_tokens);
  },
  async content_parts() {
    const parts = [{ role: 'user', content: [{ type: 'text', text: 'What is a violin?' }] }];
    assert.equal(textOf(await create({ ...fixed, messages: parts })), textOf(await create(fixed)));
  },
  async continues() {
    const begun = [...messages, { role: 'assistant', content: 'A violin is', partial: true }];
    assert.ok(textOf(await create({ ...fixed, messages: begun })).length > 0);
  },
  async completion() {
    const request = { model, prompt: 'The violin is', max_tokens: 8, temperature: 0 };
    const whole = await client.completions.create(request);
    assert.equal(whole.object, 'text_completion');
    let text = '';
    for await (const chunk of await client.completions.create({ ...request, stream: true })) text += chunk.choices[0]?.text ?? '';
    assert.equal(text, whole.choices[0].text);
  },
  async request_id() {
    assert.match((await create(fixed))._request_id, /\S/);
    await refused(create({ ...fixed, temperature: 3 }), OpenAI.BadRequestError, { requestID: /\S/ });
  },
  async raw_headers() {
    const { data, response } = await create(fixed).withResponse();
    assert.equal(response.headers.get('x-request-id'), data._request_id);
    assert.match(response.headers.get('content-type'), /application\/json/);
  },
  async ignored_fields() {
    const { response } = await create({ ...fixed, user: 'u', metadata: { a: 'b' } }).withResponse();
    assert.match(response.headers.get('x-studio-ignored'), /metadata.*user|user.*metadata/);
  },
  async max_tokens() {
    for (const field of ['max_tokens', 'max_completion_tokens']) {
      const answer = await create({ ...long, max_tokens: undefined, [field]: 5 });
      assert.equal(answer.usage.completion_tokens, 5);
      assert.equal(answer.choices[0].finish_reason, 'length');
    }
  },
  async stop() {
    const text = textOf(await create(fixed));
    const stop = text.slice(4, 7);
    const cut = await create({ ...fixed, stop: [stop] });
    assert.equal(textOf(cut), text.slice(0, text.indexOf(stop)));
    assert.equal(cut.choices[0].finish_reason, 'stop');
  },
  async seed() {
    const text = textOf(await create(drawn));
    assert.equal(textOf(await create(drawn)), text);
    assert.notEqual(textOf(await create({ ...drawn, seed: 8 })), text);
  },
  async greedy() {
    assert.equal(textOf(await create({ ...fixed, seed: 1 })), textOf(await create({ ...fixed, seed: 2 })));
  },
  async sampling() {
    const fields = { ...drawn, top_p: 0.9, presence_penalty: 0.5, frequency_penalty: 0.5 };
    assert.equal(textOf(await create(fields)), textOf(await create(fields)));
  },
  async n() {
    const answer = await create({ ...drawn, n: 3 });
    assert.deepEqual(answer.choices.map((choice) => choice.index), [0, 1, 2]);
    assert.ok(new Set(answer.choices.map((choice) => choice.message.content)).size > 1);
  },
  async logprobs() {
    const answer = await create({ ...fixed, logprobs: true, top_logprobs: 3 });
    const tokens = answer.choices[0].logprobs.content;
    assert.ok(tokens.length > 0 && tokens.every((token) => token.logprob <= 0 && token.top_logprobs.length === 3));
    assert.equal(tokens.map((token) => token.token).join(''), textOf(answer));
  },
  async extensions() {
    assert.ok(textOf(await create({ ...drawn, top_k: 5, repetition_penalty: 1.05 })).length > 0);
    await refused(create({ ...drawn, top_k: -5 }), OpenAI.BadRequestError, { param: 'top_k' });
  },
  async unicode() {
    const request = { ...fixed, max_tokens: 60, messages: say('小提琴是什么？🎻'), response_format: { type: 'json_schema', json_schema: { name: 'x', schema: { enum: ['小提琴🎻é'] } } } };
    assert.equal(JSON.parse(textOf(await create(request))), '小提琴🎻é');
    assert.equal(JSON.parse(joined(await collect(request))), '小提琴🎻é');
  },
  async cached_tokens() {
    const request = { ...fixed, messages: say('word '.repeat(200)) };
    await create(request);
    assert.ok((await create(request)).usage.prompt_tokens_details.cached_tokens > 0);
  },
  async held_prompt() {
    const handbook = { type: 'text', text: 'Page one. '.repeat(600), cache_control: { type: 'ephemeral' } };
    const told = [];
    for (const text of ['Why?', 'How?']) {
      told.push((await create({ ...fixed, messages: say([handbook, { type: 'text', text }]) })).usage.prompt_tokens_details);
    }
    assert.ok(told[0].cached_tokens === 0 && told[0].cache_creation_input_tokens >= 1024);
    assert.deepEqual([told[1].cached_tokens, told[1].cache_creation_input_tokens], [told[0].cache_creation_input_tokens, 0]);
  },
  async thinking() {
    const { choices, usage } = await create(thoughtful);
    assert.ok(choices[0].message.reasoning_content.length > 0 && choices[0].message.content.length > 0);
    const thought = usage.completion_tokens_details.reasoning_tokens;
    assert.ok(thought > 0 && thought < usage.completion_tokens);
  },
  async thinking_off() {
    const { choices, usage } = await create(fixed);
    assert.ok(!choices[0].message.reasoning_content);
    assert.equal(usage.completion_tokens_details.reasoning_tokens, 0);
  },
  async thinking_budget() {
    const { usage } = await create({ ...thoughtful, thinking_budget: 4 });
    assert.ok(usage.completion_tokens_details.reasoning_tokens <= 4 + 8, 'the budget and what closes the thinking');
  },
  async thinking_streamed() {
    const whole = await create(thoughtful);
    const chunks = await collect(thoughtful);
    assert.equal(joined(chunks, 'reasoning_content'), whole.choices[0].message.reasoning_content);
    assert.equal(joined(chunks), textOf(whole));
  },
  async stream() {
    const chunks = await collect(fixed);
    assert.equal(joined(chunks), textOf(await create(fixed)));
    assert.equal(chunks[0].choices[0].delta.role, 'assistant');
    assert.ok(chunks.every((chunk) => chunk.id === chunks[0].id));
  },
  async stream_end() {
    const reasons = (await collect(fixed)).map((chunk) => chunk.choices[0]?.finish_reason).filter(Boolean);
    assert.deepEqual(reasons, [(await create(fixed)).choices[0].finish_reason]);
  },
  async stream_usage() {
    const last = (await collect({ ...fixed, stream_options: { include_usage: true } })).at(-1);
    assert.deepEqual(last.choices, []);
    assert.equal(last.usage.completion_tokens, (await create(fixed)).usage.completion_tokens);
  },
  async stream_n() {
    const chunks = await collect({ ...drawn, n: 2 });
    const whole = await create({ ...drawn, n: 2 });
    assert.deepEqual([0, 1].map((index) => joined(chunks, 'content', index)), whole.choices.map((choice) => choice.message.content));
  },
  async stream_helper() {
    const final = await client.chat.completions.stream(fixed).finalChatCompletion();
    assert.equal(textOf(final), textOf(await create(fixed)));
  },
  async abort_stream() {
    const stream = await create({ ...long, stream: true });
    let chunks = 0;
    for await (const chunk of stream) {
      assert.ok(chunk.id);
      if (++chunks === 3) stream.controller.abort();
    }
    assert.ok(chunks >= 3 && chunks < 1500);
    await untilIdle();
  },
  async abort_call() {
    const controller = new AbortController();
    const pending = create(long, { signal: controller.signal });
    setTimeout(() => controller.abort(), 20);
    await assert.rejects(pending, OpenAI.APIUserAbortError);
    await untilIdle();
  },
  async concurrent() {
    const answers = await Promise.all(Array.from({ length: 6 }, () => create(drawn)));
    assert.equal(new Set(answers.map(textOf)).size, 1);
  },
  async timeout() {
    await refused(create(long, { timeout: 15 }), OpenAI.APIConnectionTimeoutError, {});
    await untilIdle();
  },
  async retry_429() {
    const answer = await whileHeld(holdKey, () => create(fixed, { maxRetries: 5 }));
    assert.ok(textOf(answer).length > 0);
  },
  async retry_503() {
    const answer = await whileHeld(fillQueue, () => create(fixed, { maxRetries: 5 }));
    assert.ok(textOf(answer).length > 0);
  },
  async error_400() {
    for (const [change, param] of [[{ temperature: 3 }, 'temperature'], [{ top_p: 2 }, 'top_p'], [{ n: 0 }, 'n'], [{ stop: [''] }, 'stop[0]']]) {
      await refused(create({ ...fixed, ...change }), OpenAI.BadRequestError, { status: 400, param });
    }
  },
  async error_unknown_field() {
    await refused(create({ ...fixed, temprature: 1 }), OpenAI.BadRequestError, { param: 'temprature', message: /temperature/ });
  },
  async error_messages() {
    await refused(create({ ...fixed, messages: [] }), OpenAI.BadRequestError, { param: 'messages' });
    await refused(create({ ...fixed, messages: [{ role: 'robot', content: 'x' }] }), OpenAI.BadRequestError, { param: 'messages[0].role' });
  },
  async error_401() {
    const stranger = new OpenAI({ apiKey: 'sk-wrong', maxRetries: 0 });
    await refused(stranger.models.list().then(), OpenAI.AuthenticationError, { status: 401, code: 'invalid_api_key', requestID: /\S/ });
  },
  async error_404() {
    await refused(create({ ...fixed, model: 'no-such-model' }), OpenAI.NotFoundError, { status: 404, code: 'model_not_found' });
  },
  async error_path() {
    await refused(client.get('/no-such-path'), OpenAI.NotFoundError, { status: 404 });
  },
  async error_413() {
    await refused(create({ ...fixed, messages: say('x'.repeat(9 << 20)) }), OpenAI.APIError, { status: 413 });
  },
  async error_429() {
    await during(holdKey, () => refused(create(fixed), OpenAI.RateLimitError, { status: 429, code: 'limit_requests' }));
  },
  async error_503() {
    await during(fillQueue, () => refused(create(fixed), OpenAI.InternalServerError, { status: 503, code: 'overloaded' }));
  },
  async error_connection() {
    const nowhere = new OpenAI({ baseURL: 'http://127.0.0.1:9/v1', maxRetries: 0 });
    await refused(nowhere.models.list().then(), OpenAI.APIConnectionError, {});
  },
  async error_before_stream() {
    await refused(create({ ...fixed, stream: true, temperature: 3 }), OpenAI.BadRequestError, { param: 'temperature' });
    await during(holdKey, () => refused(create({ ...fixed, stream: true }), OpenAI.RateLimitError, { status: 429 }));
  },
  async long_prompt() {
    await refused(create({ ...fixed, messages: say('x y '.repeat(20000)) }), OpenAI.BadRequestError,
      { code: 'context_length_exceeded', message: /length is \d+ tokens; the prompt has \d+/ });
  },
  async tools_auto() {
    const answer = await create({ ...calling, tool_choice: 'auto' });
    const { message, finish_reason: reason } = answer.choices[0];
    assert.equal(reason === 'tool_calls', Boolean(message.tool_calls));
    assert.ok(answer.usage.prompt_tokens > (await create(fixed)).usage.prompt_tokens + 50, 'the model sees the tools');
  },
  async tools_required() {
    const { message, finish_reason: reason } = (await create({ ...calling, tools: [weather], tool_choice: 'required' })).choices[0];
    assert.equal(reason, 'tool_calls');
    assert.match(message.tool_calls[0].id, /\S/);
    assert.deepEqual(JSON.parse(message.tool_calls[0].function.arguments), { city: 'Paris' });
  },
  async tools_named() {
    const { message } = (await create(calling)).choices[0];
    assert.equal(message.tool_calls[0].function.name, 'get_weather');
  },
  async tools_none() {
    const { message, finish_reason: reason } = (await create({ ...calling, tool_choice: 'none' })).choices[0];
    assert.ok(!message.tool_calls && message.content.length > 0 && reason !== 'tool_calls');
  },
  async tools_single() {
    const { message } = (await create({ ...calling, tool_choice: 'required', parallel_tool_calls: false })).choices[0];
    assert.equal(message.tool_calls.length, 1);
  },
  async tools_streamed() {
    const [call] = (await create(calling)).choices[0].message.tool_calls;
    const chunks = await collect(calling);
    const pieces = chunks.flatMap((chunk) => chunk.choices[0].delta.tool_calls ?? []);
    assert.ok(pieces.length > 2 && pieces.every((piece) => piece.index === 0));
    assert.equal(pieces[0].function.name, call.function.name);
    assert.equal(pieces.map((piece) => piece.function.arguments).join(''), call.function.arguments);
    assert.equal(chunks.at(-1).choices[0].finish_reason, 'tool_calls');
  },
  async tools_results() {
    const { message } = (await create(calling)).choices[0];
    const result = { role: 'tool', tool_call_id: message.tool_calls[0].id, content: 'It rains.' };
    const answer = await create({ ...calling, tool_choice: 'none', messages: [...messages, message, result] });
    assert.ok(textOf(answer).length > 0);
    await refused(create({ ...calling, messages: [...messages, message, { ...result, tool_call_id: 'call_other' }] }), OpenAI.BadRequestError,
      { param: 'messages[2].tool_call_id' });
  },
  async tools_helper() {
    const asked = [];
    const tool = { ...weather, function: { ...weather.function, parse: JSON.parse, function: (place) => { asked.push(place); return 'It rains.'; } } };
    await client.chat.completions.runTools({ ...calling, tools: [tool] }).done();
    assert.deepEqual(asked, [{ city: 'Paris' }]);
  },
  async tools_refused() {
    await refused(create({ ...fixed, tools: [{ type: 'function', function: { name: 'f g' } }] }), OpenAI.BadRequestError, { param: 'tools[0].function.name' });
  },
  async tools_unknown() {
    const other = { type: 'function', function: { name: 'other' } };
    await refused(create({ ...calling, tool_choice: other }), OpenAI.BadRequestError, { param: 'tool_choice.function.name' });
  },
  async schema() {
    const answer = await create({ ...fixed, max_tokens: 100, response_format: held });
    assert.deepEqual(JSON.parse(textOf(answer)), { city: 'Paris' });
    assert.equal(answer.choices[0].finish_reason, 'stop');
  },
  async schema_object() {
    const answer = await create({ ...fixed, messages: say('A JSON object, please.'), response_format: { type: 'json_object' } });
    assert.match(textOf(answer), /^\s*\{/);
    await refused(create({ ...fixed, response_format: { type: 'json_object' } }), OpenAI.BadRequestError, { message: /json/ });
  },
  async schema_streamed() {
    const request = { ...fixed, max_tokens: 100, response_format: held };
    assert.equal(joined(await collect(request)), textOf(await create(request)));
  },
  async schema_thinking() {
    const { message } = (await create({ ...thoughtful, response_format: held })).choices[0];
    assert.ok(message.reasoning_content.length > 0);
    assert.deepEqual(JSON.parse(message.content), { city: 'Paris' });
  },
  async schema_refused() {
    const impossible = { type: 'json_schema', json_schema: { name: 'x', schema: { type: 'array', minItems: 3, maxItems: 2 } } };
    await refused(create({ ...fixed, response_format: impossible }), OpenAI.BadRequestError, { param: 'response_format.json_schema.schema#/minItems' });
  },
  async choice_list() {
    assert.equal(textOf(await create({ ...fixed, structured_outputs: { choice: ['north'] } })), 'north');
  },
};

await runCases({ ...tests, ...platform, ...responses });
