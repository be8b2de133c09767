// Responses and conversations, by the same client: streams, what is kept, chains, the background, cancelling, re-attaching.
import assert from 'node:assert/strict';
import OpenAI from 'openai';

const model = process.env.STUDIO_MODEL;
const client = new OpenAI({ maxRetries: 0 });
const fixed = { model, input: 'What is a violin?', max_output_tokens: 60, temperature: 0.7, seed: 7 };
const plain = { ...fixed, reasoning: { effort: 'none' } };
const endless = { ...plain, max_output_tokens: 1500, ignore_eos: true };

const collect = async stream => {
  const events = [];
  for await (const event of stream) events.push(event);
  return events;
};
const ended = async id => {
  for (;;) {
    const response = await client.responses.retrieve(id);
    if (!['queued', 'in_progress'].includes(response.status)) return response;
    await new Promise(resolve => setTimeout(resolve, 20));
  }
};
const withoutIds = response => ({ text: response.output_text, usage: response.usage.output_tokens, status: response.status });

export const tests = {
  async responses_answer() {
    const response = await client.responses.create(fixed);
    assert.equal(response.object, 'response');
    assert.equal(response.status, 'completed');
    assert.deepEqual(response.output.map(item => item.type), ['reasoning', 'message']);
    assert.ok(response.output_text.length > 0);
    assert.equal(response.output[0].content[0].type, 'reasoning_text');
    const { input_tokens: asked, output_tokens: said, total_tokens: all } = response.usage;
    assert.equal(all, asked + said);
    assert.ok(response.usage.output_tokens_details.reasoning_tokens > 0);
    assert.match(response._request_id, /\S/);
  },
  async responses_stream() {
    const whole = await client.responses.create(fixed);
    const events = await collect(await client.responses.create({ ...fixed, stream: true }));
    events.forEach((event, i) => assert.equal(event.sequence_number, i));
    const types = events.map(event => event.type).filter((type, i, all) => type !== all[i - 1]);
    const item = (kind, delta, done) => ['response.output_item.added', 'response.content_part.added', delta, done,
      'response.content_part.done', 'response.output_item.done'];
    assert.deepEqual(types, ['response.created', 'response.in_progress',
      ...item('reasoning', 'response.reasoning_text.delta', 'response.reasoning_text.done'),
      ...item('message', 'response.output_text.delta', 'response.output_text.done'), 'response.completed']);
    const said = events.filter(event => event.type === 'response.output_text.delta').map(event => event.delta).join('');
    assert.equal(said, whole.output_text);
    assert.deepEqual(withoutIds({ ...events.at(-1).response, output_text: said }), withoutIds(whole));
  },
  async responses_stream_helper() {
    const runner = client.responses.stream(fixed);
    let text = '';
    runner.on('response.output_text.delta', event => { text += event.delta; });
    const final = await runner.finalResponse();
    assert.equal(final.output_text, text);
    assert.equal(final.output[0].type, 'reasoning');
  },
  async responses_input() {
    const asText = await client.responses.create({ ...plain, instructions: 'Answer in one word.' });
    const asItems = await client.responses.create({ ...plain, input: [{ role: 'developer', content: 'Answer in one word.' },
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: plain.input }] }] });
    assert.deepEqual(withoutIds(asText), withoutIds(asItems));
    assert.equal(asText.instructions, 'Answer in one word.');
  },
  async responses_limit() {
    const response = await client.responses.create({ ...endless, max_output_tokens: 20 });
    assert.equal(response.status, 'incomplete');
    assert.deepEqual(response.incomplete_details, { reason: 'max_output_tokens' });
    assert.equal(response.usage.output_tokens, 20);
  },
  async responses_logprobs() {
    const response = await client.responses.create({ ...plain, include: ['message.output_text.logprobs'], top_logprobs: 3 });
    const { text, logprobs } = response.output[0].content[0];
    assert.equal(logprobs.map(token => token.token).join('').slice(0, text.length), text);
    logprobs.forEach(token => assert.equal(token.top_logprobs.length, 3));
  },
  async responses_metadata() {
    const metadata = { project: 'violin', 'with blank': 'x' };
    const response = await client.responses.create({ ...plain, metadata });
    assert.deepEqual((await client.responses.retrieve(response.id)).metadata, metadata);
    assert.equal(response.model, model);
  },
  async responses_kept() {
    const response = await client.responses.create(plain);
    assert.deepEqual(await client.responses.retrieve(response.id), { ...response });
    const items = [];
    for await (const item of client.responses.inputItems.list(response.id)) items.push(item);
    assert.equal(items.length, 1);
    assert.deepEqual(items[0].content, [{ type: 'input_text', text: plain.input }]);
    await client.responses.delete(response.id);
    await assert.rejects(client.responses.retrieve(response.id), OpenAI.NotFoundError);
    await assert.rejects(client.responses.delete(response.id), OpenAI.NotFoundError);
  },
  async responses_items_paged() {
    const input = Array.from({ length: 7 }, (_, i) => ({ role: 'user', content: `Word ${i}` }));
    const response = await client.responses.create({ ...plain, input });
    for (const order of ['asc', 'desc']) {
      const texts = [];
      for await (const item of client.responses.inputItems.list(response.id, { limit: 3, order })) texts.push(item.content[0].text);
      assert.deepEqual(texts, (order === 'asc' ? input : [...input].reverse()).map(item => item.content));
    }
  },
  async responses_not_stored() {
    const response = await client.responses.create({ ...plain, store: false });
    assert.equal(response.store, false);
    await assert.rejects(client.responses.retrieve(response.id), OpenAI.NotFoundError);
  },
  async responses_chain() {
    const first = await client.responses.create(fixed);
    const chained = await client.responses.create({ ...fixed, input: 'And a cello?', previous_response_id: first.id });
    const whole = await client.responses.create({ ...fixed,
      input: [{ role: 'user', content: fixed.input }, ...first.output, { role: 'user', content: 'And a cello?' }] });
    assert.deepEqual(withoutIds(chained), withoutIds(whole));
    assert.equal(chained.previous_response_id, first.id);
    const third = await client.responses.create({ ...fixed, input: 'And a flute?', previous_response_id: chained.id });
    assert.ok(third.usage.input_tokens > chained.usage.input_tokens);
  },
  async responses_item_by_id() {
    const first = await client.responses.create(plain);
    const named = await client.responses.create({ ...plain, store: false, input: [{ role: 'user', content: plain.input },
      { type: 'item_reference', id: first.output[0].id }, { role: 'user', content: 'And a cello?' }] });
    const chained = await client.responses.create({ ...plain, input: 'And a cello?', previous_response_id: first.id });
    assert.deepEqual(withoutIds(named), withoutIds(chained));
    await assert.rejects(client.responses.create({ ...plain, input: [{ type: 'item_reference', id: 'msg_none' }] }), OpenAI.NotFoundError);
  },
  async responses_input_tokens() {
    const response = await client.responses.create({ ...plain, instructions: 'Answer in one word.' });
    const counted = await client.responses.inputTokens.count({ model, input: plain.input, instructions: 'Answer in one word.',
      reasoning: { effort: 'none' } });
    assert.equal(counted.input_tokens, response.usage.input_tokens);
    const chained = await client.responses.create({ ...plain, previous_response_id: response.id });
    const of_chain = await client.responses.inputTokens.count({ model, input: plain.input, previous_response_id: response.id,
      reasoning: { effort: 'none' } });
    assert.equal(of_chain.input_tokens, chained.usage.input_tokens);
  },
  async responses_chain_refused() {
    await assert.rejects(client.responses.create({ ...plain, previous_response_id: 'resp_none' }),
      error => error instanceof OpenAI.BadRequestError && error.code === 'previous_response_not_found');
  },
  async responses_background() {
    const whole = await client.responses.create(fixed);
    const queued = await client.responses.create({ ...fixed, background: true });
    assert.equal(queued.status, 'queued');
    assert.equal(queued.background, true);
    const response = await ended(queued.id);
    assert.deepEqual(withoutIds(response), withoutIds(whole));
  },
  async responses_reattach() {
    const request = { ...plain, max_output_tokens: 200, ignore_eos: true, background: true };
    const stream = await client.responses.create({ ...request, stream: true });
    const seen = [];
    for await (const event of stream) {
      seen.push(event);
      if (seen.length === 12) break;
    }
    const { id } = seen[0].response;
    const rest = await collect(await client.responses.retrieve(id, { stream: true, starting_after: 11 }));
    const all = await collect(await client.responses.retrieve(id, { stream: true }));
    assert.deepEqual([...seen, ...rest], all);
    assert.equal(all[1].type, 'response.queued');
    assert.deepEqual(all.at(-1).response, await client.responses.retrieve(id).then(({ output_text, ...response }) => response));
    const helped = await client.responses.stream({ response_id: id, starting_after: 11 }).finalResponse();
    assert.equal(helped.status, 'incomplete');
  },
  async responses_told_again() {
    const events = await collect(await client.responses.create({ ...fixed, stream: true }));
    assert.deepEqual(await collect(await client.responses.retrieve(events[0].response.id, { stream: true })), events);
  },
  async responses_cancel() {
    const stream = await client.responses.create({ ...endless, background: true, stream: true });
    let id = null, last = null, cancelling = null;
    for await (const event of stream) {
      id ??= event.response.id;
      last = event;
      if (event.type === 'response.output_text.delta') cancelling ??= client.responses.cancel(id);
    }
    assert.equal((await cancelling).status, 'cancelled');
    assert.equal(last.response.status, 'cancelled');
    assert.equal((await client.responses.retrieve(id)).status, 'cancelled');
    assert.equal((await client.responses.cancel(id)).status, 'cancelled');
    const { id: other } = await client.responses.create(plain);
    await assert.rejects(client.responses.cancel(other), OpenAI.BadRequestError);
  },
  async responses_abort() {
    const stream = await client.responses.create({ ...endless, stream: true });
    let id = null, events = 0;
    for await (const event of stream) {
      id ??= event.response.id;
      if (++events === 6) stream.controller.abort();
    }
    for (let i = 0; i < 200; ++i) {
      const response = await client.responses.retrieve(id).catch(() => null);
      if (response) return assert.equal(response.status, 'cancelled');
      await new Promise(resolve => setTimeout(resolve, 20));
    }
    assert.fail('it was not kept');
  },
  async responses_tools() {
    const tools = [{ type: 'function', name: 'weather', description: 'The weather of a city', strict: true, parameters: {
      type: 'object', properties: { city: { enum: ['Paris', 'Rome'] } }, required: ['city'], additionalProperties: false } }];
    const request = { ...plain, input: 'What is the weather in Rome?', tools, tool_choice: 'required', max_output_tokens: 200 };
    const first = await client.responses.create(request);
    const [call] = first.output;
    assert.equal(call.type, 'function_call');
    assert.equal(call.name, 'weather');
    assert.ok(['Paris', 'Rome'].includes(JSON.parse(call.arguments).city));
    const events = await collect(await client.responses.create({ ...request, stream: true }));
    const streamed = events.filter(event => event.type === 'response.function_call_arguments.delta' && event.output_index === 0)
      .map(event => event.delta).join('');
    assert.equal(streamed, call.arguments);
    const final = await client.responses.stream(request).finalResponse();
    assert.equal(final.output[0].arguments, call.arguments);
    const outputs = first.output.filter(item => item.type === 'function_call')
      .map(item => ({ type: 'function_call_output', call_id: item.call_id, output: 'Sunny' }));
    const second = await client.responses.create({ ...plain, tools, tool_choice: 'none', previous_response_id: first.id, input: outputs });
    assert.equal(second.output[0].type, 'message');
    const whole = await client.responses.create({ ...plain, tools, tool_choice: 'none',
      input: [{ role: 'user', content: request.input }, ...first.output, ...outputs] });
    assert.deepEqual(withoutIds(second), withoutIds(whole));
    await assert.rejects(client.responses.create({ ...plain, tools, previous_response_id: first.id, input: 'And?' }),
      error => error instanceof OpenAI.BadRequestError && error.param === 'input');
    const queued = await client.responses.create({ ...request, background: true });
    const made = await ended(queued.id);
    assert.equal(made.output[0].arguments, call.arguments);
  },
  async responses_schema() {
    const format = { type: 'json_schema', name: 'answer', strict: true, schema: { type: 'object', properties: {
      city: { enum: ['Paris', 'Rome'] }, sunny: { type: 'boolean' } }, required: ['city', 'sunny'], additionalProperties: false } };
    const response = await client.responses.parse({ ...plain, input: 'What is the weather in Rome?', max_output_tokens: 200,
      text: { format } });
    const answer = JSON.parse(response.output_text);
    assert.ok(['Paris', 'Rome'].includes(answer.city) && typeof answer.sunny === 'boolean');
    const object = await client.responses.create({ ...plain, input: 'Say it in json', text: { format: { type: 'json_object' } } });
    assert.ok(object.output_text.trimStart().startsWith('{'));
    assert.equal(object.text.format.type, 'json_object');
  },
  async responses_errors() {
    const cases = [[{ temperature: 3 }, 'temperature'], [{ max_output_tokens: 3 }, 'max_output_tokens'], [{ input: [] }, 'input'],
      [{ tools: [{ type: 'web_search' }] }, 'tools[0].type'], [{ truncation: 'auto' }, 'truncation'], [{ background: true, store: false }, 'background'],
      [{ text: { format: { type: 'yaml' } } }, 'text.format.type'],
      [{ input: [{ role: 'user', content: [{ type: 'input_image', image_url: 'x' }] }] }, 'input[0].content[0].type'],
      [{ previous_response_id: 'a', conversation: 'b' }, 'conversation'], [{ no_such_field: 1 }, 'no_such_field']];
    for (const [fields, param] of cases) {
      await assert.rejects(client.responses.create({ ...plain, ...fields }),
        error => error instanceof OpenAI.BadRequestError && error.param === param, param);
    }
    await assert.rejects(client.responses.create({ ...plain, model: 'no-such-model' }),
      error => error instanceof OpenAI.NotFoundError && error.code === 'model_not_found');
    await assert.rejects(client.responses.create({ ...plain, input: 'word '.repeat(9000) }),
      error => error instanceof OpenAI.BadRequestError && error.code === 'context_length_exceeded');
    const stranger = new OpenAI({ apiKey: 'sk-wrong', maxRetries: 0 });
    await assert.rejects(stranger.responses.retrieve('resp_x'), OpenAI.AuthenticationError);
  },
  async conversations() {
    const made = await client.conversations.create({ metadata: { topic: 'music' }, items: [{ role: 'user', content: 'Hello' }] });
    assert.match(made.id, /^conv_/);
    assert.deepEqual(await client.conversations.retrieve(made.id), made);
    assert.deepEqual((await client.conversations.update(made.id, { metadata: { topic: 'art' } })).metadata, { topic: 'art' });
    assert.equal((await client.conversations.delete(made.id)).deleted, true);
    await assert.rejects(client.conversations.retrieve(made.id), OpenAI.NotFoundError);
    await assert.rejects(client.conversations.items.list(made.id), OpenAI.NotFoundError);
  },
  async conversation_items() {
    const { id } = await client.conversations.create();
    const items = Array.from({ length: 7 }, (_, i) => ({ role: i % 2 ? 'assistant' : 'user', content: `Word ${i}` }));
    const added = await client.conversations.items.create(id, { items });
    assert.equal(added.data.length, 7);
    assert.equal(added.data[1].content[0].type, 'output_text');
    for (const order of ['asc', 'desc']) {
      const listed = [];
      for await (const item of client.conversations.items.list(id, { limit: 2, order })) listed.push(item);
      assert.deepEqual(listed, order === 'asc' ? added.data : [...added.data].reverse());
    }
    const second = added.data[1];
    assert.deepEqual(await client.conversations.items.retrieve(second.id, { conversation_id: id }), second);
    assert.equal((await client.conversations.items.delete(second.id, { conversation_id: id })).id, id);
    await assert.rejects(client.conversations.items.retrieve(second.id, { conversation_id: id }), OpenAI.NotFoundError);
    await assert.rejects(client.conversations.items.create(id, { items: Array(21).fill(items[0]) }), OpenAI.BadRequestError);
  },
  async conversation_response() {
    const conversation = await client.conversations.create({ items: [{ role: 'developer', content: 'Answer in one word.' }] });
    const first = await client.responses.create({ ...fixed, conversation: conversation.id });
    assert.deepEqual(first.conversation, { id: conversation.id });
    const second = await client.responses.create({ ...fixed, input: 'And a cello?', conversation: { id: conversation.id }, background: true });
    const answer = await ended(second.id);
    const items = [];
    for await (const item of client.conversations.items.list(conversation.id, { order: 'asc' })) items.push(item);
    const roles = items.map(item => item.role ?? item.type);
    assert.deepEqual(roles, ['developer', 'user', 'reasoning', 'assistant', 'user', 'reasoning', 'assistant']);
    assert.equal(items.at(-1).content[0].text, answer.output_text);
    const chained = await client.responses.create({ ...fixed, input: [{ role: 'developer', content: 'Answer in one word.' },
      { role: 'user', content: fixed.input }, ...first.output, { role: 'user', content: 'And a cello?' }], store: false });
    assert.deepEqual(withoutIds(answer), withoutIds(chained));
  },
};
