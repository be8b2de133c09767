// LangChain for JavaScript with its OpenAI chat model, unmodified: only base URL, key and model name point at studio.
import assert from 'node:assert/strict';
import { HumanMessage, SystemMessage, AIMessage } from '@langchain/core/messages';
import { ChatPromptTemplate } from '@langchain/core/prompts';
import { StringOutputParser } from '@langchain/core/output_parsers';
import { ChatOpenAI } from '@langchain/openai';
import { runCases } from './run_cases.mjs';

const key = process.env.OPENAI_API_KEY;
const settings = {
  model: process.env.STUDIO_MODEL, apiKey: key, configuration: { baseURL: process.env.OPENAI_BASE_URL }, maxRetries: 0,
  temperature: 0.7, maxTokens: 12, modelKwargs: { seed: 7, enable_thinking: false },
};
const model = new ChatOpenAI(settings);
const long = new ChatOpenAI({ ...settings, maxTokens: 1500, modelKwargs: { ...settings.modelKwargs, ignore_eos: true } });
const question = [new HumanMessage('What is a violin?')];

async function metric(name) {
  const answer = await fetch(`${process.env.STUDIO_URL}/metrics`, { headers: { Authorization: `Bearer ${key}` } });
  return Number((await answer.text()).match(new RegExp(`^${name}\\{.*\\} (\\S+)$`, 'm'))[1]);
}

async function untilIdle() {
  for (let i = 0; i < 400; i++) {
    if (await metric('studio_sequences_running') === 0) return;
    await new Promise(resolve => setTimeout(resolve, 50));
  }
  assert.fail('a sequence still runs');
}

const tests = {
  async 'invoke answers with usage and a finish reason'() {
    const answer = await model.invoke(question);
    assert.ok(answer instanceof AIMessage && answer.content.length > 0);
    const { input_tokens, output_tokens, total_tokens } = answer.usage_metadata;
    assert.ok(input_tokens > 0 && output_tokens > 0 && output_tokens <= 12);
    assert.equal(total_tokens, input_tokens + output_tokens);
    assert.ok(['stop', 'length'].includes(answer.response_metadata.finish_reason));
  },
  async 'a stream gives the same text and the same usage'() {
    const whole = await model.invoke(question);
    let all = null, pieces = 0;
    for await (const chunk of await model.stream(question)) {
      all = all ? all.concat(chunk) : chunk;
      pieces++;
    }
    assert.ok(pieces > 3);
    assert.equal(all.content, whole.content);
    assert.deepEqual([all.usage_metadata.input_tokens, all.usage_metadata.output_tokens],
      [whole.usage_metadata.input_tokens, whole.usage_metadata.output_tokens]);
  },
  async 'a chain of template, model and parser'() {
    const chain = ChatPromptTemplate.fromMessages([['system', 'You are brief.'], ['human', 'What is a {thing}?']])
      .pipe(model).pipe(new StringOutputParser());
    const text = await chain.invoke({ thing: 'dog' });
    let streamed = '';
    for await (const piece of await chain.stream({ thing: 'dog' })) streamed += piece;
    assert.ok(text.length > 0);
    assert.equal(streamed, text);
  },
  async 'a conversation and a batch'() {
    const turns = [new SystemMessage('You are brief.'), new HumanMessage('Hello'), new AIMessage('Hello!'), new HumanMessage('What is a dog?')];
    const answers = await model.batch([turns, turns, question]);
    assert.equal(answers[0].content, answers[1].content);
    assert.notEqual(answers[0].content, answers[2].content);
  },
  async 'an abort signal ends a stream and frees the model'() {
    const controller = new AbortController();
    let chunks = 0;
    await assert.rejects(async () => {
      for await (const _ of await long.stream(question, { signal: controller.signal })) if (++chunks === 3) controller.abort();
    }, error => /abort/i.test(`${error.name} ${error.message}`));
    assert.ok(chunks >= 3 && chunks < 1500);
    await untilIdle();
  },
  async 'a reader that breaks off frees the model'() {
    let chunks = 0;
    for await (const _ of await long.stream(question)) if (++chunks === 3) break;
    await untilIdle();
  },
  async 'an abort signal ends a call before its answer'() {
    await assert.rejects(long.invoke(question, { signal: AbortSignal.timeout(100) }));
    await untilIdle();
  },
  async 'errors carry the status'() {
    const stranger = new ChatOpenAI({ ...settings, apiKey: 'sk-wrong' });
    await assert.rejects(stranger.invoke(question), error => error.status === 401);
    const nobody = new ChatOpenAI({ ...settings, model: 'no-such-model' });
    await assert.rejects(nobody.invoke(question), error => error.status === 404);
    const hot = new ChatOpenAI({ ...settings, temperature: 3 });
    await assert.rejects(hot.invoke(question), error => error.status === 400 && /temperature/.test(error.message));
  },
};

await runCases(tests);
