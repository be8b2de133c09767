// What the platform adds to chats: batches of requests, streams that are taken up again, one answer for one key.
import assert from 'node:assert/strict';
import OpenAI from 'openai';

const client = new OpenAI({ maxRetries: 0 });
const messages = [{ role: 'user', content: 'What is a violin?' }];
const fixed = { model: process.env.STUDIO_MODEL, messages, max_tokens: 12, temperature: 0.7, seed: 7 };

export const tests = {
  async batch_job() {
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
  async kept_answers() {
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
};
