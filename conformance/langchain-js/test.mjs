// LangChain for JavaScript with its OpenAI chat model, unmodified: only base URL, key and model name point at studio.
import assert from 'node:assert/strict';
import { AIMessage, HumanMessage, SystemMessage, ToolMessage } from '@langchain/core/messages';
import { JsonOutputParser, StringOutputParser } from '@langchain/core/output_parsers';
import { ChatPromptTemplate } from '@langchain/core/prompts';
import { tool } from '@langchain/core/tools';
import { ChatOpenAI } from '@langchain/openai';
import { runCases } from './run_cases.mjs';
import { during, fillQueue, holdKey, untilIdle, whileHeld } from './studio.mjs';

const off = { enable_thinking: false };
const open = ({ modelKwargs, ...settings } = {}) => new ChatOpenAI({
  model: process.env.STUDIO_MODEL, apiKey: process.env.OPENAI_API_KEY, configuration: { baseURL: process.env.OPENAI_BASE_URL }, maxRetries: 0,
  temperature: 0, maxTokens: 12, modelKwargs: { ...off, ...modelKwargs }, ...settings,
});
const model = open();
const roomy = open({ maxTokens: 200 });
const long = open({ maxTokens: 1500, modelKwargs: { ignore_eos: true } });
const drawn = (seed) => open({ temperature: 1, modelKwargs: { seed } });
const question = [new HumanMessage('What is a violin?')];

const place = { type: 'object', properties: { city: { enum: ['Paris'] } }, required: ['city'], additionalProperties: false };
const weather = { type: 'function', function: { name: 'get_weather', description: 'The weather of a city.', parameters: place } };
const clock = { type: 'function', function: { name: 'get_time', parameters: { type: 'object', properties: {} } } };
const calling = roomy.bindTools([weather, clock], { tool_choice: 'get_weather' });

async function streamed(runnable, input = question) {
  let all = null;
  for await (const chunk of await runnable.stream(input)) all = all ? all.concat(chunk) : chunk;
  return all;
}
const refused = (promise, status, message = /\S/) => assert.rejects(promise, (error) => {
  assert.equal(error.status, status, `${error}`);
  assert.match(error.message, message);
  return true;
});

const tests = {
  async chat() {
    const answer = await model.invoke(question);
    assert.ok(answer instanceof AIMessage && answer.content.length > 0);
    assert.ok(['stop', 'length'].includes(answer.response_metadata.finish_reason));
  },
  async usage() {
    const { input_tokens: read, output_tokens: written, total_tokens: all } = (await model.invoke(question)).usage_metadata;
    assert.ok(read > 5 && written > 0 && written <= 12);
    assert.equal(all, read + written);
  },
  async system() {
    const told = await model.invoke([new SystemMessage('Answer in French.'), ...question]);
    assert.notEqual(told.content, (await model.invoke(question)).content);
  },
  async conversation() {
    const answer = await model.invoke([new HumanMessage('Hello'), new AIMessage('Hello!'), ...question]);
    assert.ok(answer.content.length > 0);
    assert.ok(answer.usage_metadata.input_tokens > (await model.invoke(question)).usage_metadata.input_tokens);
  },
  async content_parts() {
    const parts = [new HumanMessage({ content: [{ type: 'text', text: 'What is a violin?' }] })];
    assert.equal((await model.invoke(parts)).content, (await model.invoke(question)).content);
  },
  async prompt_as_chat() {
    assert.equal((await model.invoke('What is a violin?')).content, (await model.invoke(question)).content);
  },
  async chain() {
    const chain = ChatPromptTemplate.fromMessages([['system', 'You are brief.'], ['human', 'What is a {thing}?']])
      .pipe(model).pipe(new StringOutputParser());
    const text = await chain.invoke({ thing: 'dog' });
    let pieces = '';
    for await (const piece of await chain.stream({ thing: 'dog' })) pieces += piece;
    assert.ok(text.length > 0);
    assert.equal(pieces, text);
  },
  async batch() {
    const [first, second] = await model.batch([question, [new HumanMessage('What is a dog?')]]);
    assert.equal(first.content, (await model.invoke(question)).content);
    assert.equal(second.content, (await model.invoke('What is a dog?')).content);
  },
  async max_tokens() {
    const answer = await open({ maxTokens: 3 }).invoke(question);
    assert.equal(answer.usage_metadata.output_tokens, 3);
    assert.equal(answer.response_metadata.finish_reason, 'length');
  },
  async stop() {
    const { content } = await model.invoke(question);
    const stop = content.slice(4, 7);
    const cut = await open({ stop: [stop] }).invoke(question);
    assert.equal(cut.content, content.slice(0, content.indexOf(stop)));
    assert.equal(cut.response_metadata.finish_reason, 'stop');
  },
  async seed() {
    const { content } = await drawn(7).invoke(question);
    assert.equal((await drawn(7).invoke(question)).content, content);
    assert.notEqual((await drawn(8).invoke(question)).content, content);
  },
  async greedy() {
    assert.equal((await model.invoke(question)).content, (await model.invoke(question)).content);
  },
  async sampling() {
    const fields = { temperature: 1, topP: 0.9, presencePenalty: 0.5, frequencyPenalty: 0.5, modelKwargs: { seed: 7, top_k: 20 } };
    assert.equal((await open(fields).invoke(question)).content, (await open(fields).invoke(question)).content);
  },
  async n() {
    const { generations: [choices] } = await open({ n: 3, temperature: 1 }).generate([question]);
    assert.equal(choices.length, 3);
  },
  async logprobs() {
    const answer = await open({ logprobs: true, topLogprobs: 2 }).invoke(question);
    const tokens = answer.response_metadata.logprobs.content;
    assert.ok(tokens.every((token) => token.logprob <= 0 && token.top_logprobs.length === 2));
    assert.equal(tokens.map((token) => token.token).join(''), answer.content);
  },
  async unicode() {
    const said = '小提琴🎻é';
    const held = open({ maxTokens: 60 }).withConfig({ response_format: { type: 'json_schema', json_schema: { name: 'x', schema: { enum: [said] } } } });
    assert.equal(JSON.parse((await held.invoke(said)).content), said);
    assert.equal(JSON.parse((await streamed(held, said)).content), said);
  },
  async cached_tokens() {
    const asked = 'word '.repeat(200);
    await model.invoke(asked);
    assert.ok((await model.invoke(asked)).usage_metadata.input_token_details.cache_read > 0);
  },
  async thinking() {
    const answer = await open({ maxTokens: 200, modelKwargs: { enable_thinking: true } }).invoke(question);
    assert.ok(answer.content.length > 0 && answer.usage_metadata.output_token_details.reasoning > 0);
  },
  async thinking_off() {
    assert.equal((await model.invoke(question)).usage_metadata.output_token_details.reasoning, 0);
  },
  async thinking_budget() {
    const answer = await open({ maxTokens: 200, modelKwargs: { enable_thinking: true, thinking_budget: 4 } }).invoke(question);
    assert.ok(answer.usage_metadata.output_token_details.reasoning <= 4 + 8, 'the budget and what closes the thinking');
  },
  async stream() {
    assert.equal((await streamed(model)).content, (await model.invoke(question)).content);
  },
  async stream_end() {
    const reasons = [];
    for await (const chunk of await model.stream(question)) reasons.push(chunk.response_metadata.finish_reason);
    assert.deepEqual(reasons.filter(Boolean), [(await model.invoke(question)).response_metadata.finish_reason]);
  },
  async stream_usage() {
    assert.equal((await streamed(model)).usage_metadata.output_tokens, (await model.invoke(question)).usage_metadata.output_tokens);
  },
  async stream_events() {
    const kinds = [];
    for await (const { event } of model.streamEvents(question, { version: 'v2' })) kinds.push(event);
    assert.equal(kinds[0], 'on_chat_model_start');
    assert.ok(kinds.includes('on_chat_model_stream'));
    assert.equal(kinds.at(-1), 'on_chat_model_end');
  },
  async abort_stream() {
    let chunks = 0;
    for await (const _ of await long.stream(question)) if (++chunks === 3) break;
    await untilIdle();
    const controller = new AbortController();
    await assert.rejects(async () => {
      for await (const _ of await long.stream(question, { signal: controller.signal })) if (++chunks === 6) controller.abort();
    }, (error) => /abort/i.test(`${error.name} ${error.message}`));
    await untilIdle();
  },
  async abort_call() {
    await assert.rejects(long.invoke(question, { signal: AbortSignal.timeout(15) }));
    await untilIdle();
  },
  async concurrent() {
    const answers = await Promise.all(Array.from({ length: 6 }, () => drawn(7).invoke(question)));
    assert.equal(new Set(answers.map((answer) => answer.content)).size, 1);
  },
  async timeout() {
    await assert.rejects(open({ maxTokens: 1500, timeout: 15, modelKwargs: { ignore_eos: true } }).invoke(question), /timed? ?out|abort/i);
    await untilIdle();
  },
  async retry_429() {
    assert.ok((await whileHeld(holdKey, () => open({ maxRetries: 5 }).invoke(question))).content.length > 0);
  },
  async retry_503() {
    assert.ok((await whileHeld(fillQueue, () => open({ maxRetries: 5 }).invoke(question))).content.length > 0);
  },
  async error_400() {
    await refused(open({ temperature: 3 }).invoke(question), 400, /temperature/);
  },
  async error_unknown_field() {
    await refused(open({ modelKwargs: { temprature: 1 } }).invoke(question), 400, /temperature/);
  },
  async error_401() {
    await refused(open({ apiKey: 'sk-wrong' }).invoke(question), 401);
  },
  async error_404() {
    await refused(open({ model: 'no-such-model' }).invoke(question), 404, /no-such-model/);
  },
  async error_413() {
    await refused(model.invoke('x'.repeat(9 << 20)), 413);
  },
  async error_429() {
    await during(holdKey, () => refused(model.invoke(question), 429));
  },
  async error_503() {
    await during(fillQueue, () => refused(model.invoke(question), 503));
  },
  async error_connection() {
    const nowhere = open({ configuration: { baseURL: 'http://127.0.0.1:9/v1' } });
    await assert.rejects(nowhere.invoke(question), (error) => error.status === undefined && /connection/i.test(error.message));
  },
  async error_before_stream() {
    await refused(open({ temperature: 3 }).stream(question), 400, /temperature/);
  },
  async long_prompt() {
    await assert.rejects(model.invoke('x y '.repeat(20000)), /length is \d+ tokens; the prompt has \d+/);
  },
  async tools_auto() {
    const answer = await roomy.bindTools([weather, clock]).invoke(question);
    assert.equal(answer.response_metadata.finish_reason === 'tool_calls', answer.tool_calls.length > 0);
    assert.ok(answer.usage_metadata.input_tokens > (await model.invoke(question)).usage_metadata.input_tokens + 50, 'the model sees the tools');
  },
  async tools_required() {
    const answer = await roomy.bindTools([weather], { tool_choice: 'required' }).invoke(question);
    assert.deepEqual(answer.tool_calls.map((call) => [call.name, call.args]), [['get_weather', { city: 'Paris' }]]);
    assert.equal(answer.response_metadata.finish_reason, 'tool_calls');
  },
  async tools_named() {
    assert.equal((await calling.invoke(question)).tool_calls[0].name, 'get_weather');
  },
  async tools_none() {
    const answer = await roomy.bindTools([weather, clock], { tool_choice: 'none' }).invoke(question);
    assert.ok(answer.tool_calls.length === 0 && answer.content.length > 0);
  },
  async tools_single() {
    const answer = await roomy.bindTools([weather, clock], { tool_choice: 'required', parallel_tool_calls: false }).invoke(question);
    assert.equal(answer.tool_calls.length, 1);
  },
  async tools_streamed() {
    const [call] = (await calling.invoke(question)).tool_calls;
    const { tool_calls: [other] } = await streamed(calling);
    assert.deepEqual([other.name, other.args], [call.name, call.args]);
  },
  async tools_results() {
    const answer = await calling.invoke(question);
    const result = new ToolMessage({ tool_call_id: answer.tool_calls[0].id, content: 'It rains.' });
    const none = roomy.bindTools([weather, clock], { tool_choice: 'none' });
    assert.ok((await none.invoke([...question, answer, result])).content.length > 0);
  },
  async tools_helper() {
    const getWeather = tool(async ({ city }) => `It rains in ${city}.`, { name: 'get_weather', description: 'The weather of a city.', schema: place });
    const answer = await roomy.bindTools([getWeather], { tool_choice: 'get_weather' }).invoke(question);
    assert.equal((await getWeather.invoke(answer.tool_calls[0])).content, 'It rains in Paris.');
  },
  async tools_refused() {
    await refused(model.bindTools([{ ...weather, function: { ...weather.function, name: 'f g' } }]).invoke(question), 400, /tools\[0\]\.function\.name/);
  },
  async schema() {
    const held = roomy.withConfig({ response_format: { type: 'json_schema', json_schema: { name: 'place', schema: place } } });
    assert.deepEqual(JSON.parse((await held.invoke(question)).content), { city: 'Paris' });
  },
  async schema_helper() {
    for (const method of ['jsonSchema', 'functionCalling']) {
      assert.deepEqual(await roomy.withStructuredOutput(place, { name: 'place', method }).invoke(question), { city: 'Paris' });
    }
  },
  async schema_object() {
    const held = roomy.withConfig({ response_format: { type: 'json_object' } });
    assert.equal(typeof (await held.pipe(new JsonOutputParser()).invoke('A JSON object, please.')), 'object');
  },
  async schema_streamed() {
    const held = roomy.withConfig({ response_format: { type: 'json_schema', json_schema: { name: 'place', schema: place } } });
    assert.deepEqual(JSON.parse((await streamed(held)).content), { city: 'Paris' });
  },
  async schema_refused() {
    const impossible = { name: 'x', schema: { type: 'array', minItems: 3, maxItems: 2 } };
    await refused(roomy.withConfig({ response_format: { type: 'json_schema', json_schema: impossible } }).invoke(question), 400, /minItems/);
  },
};

await runCases(tests);
