// What the providers are asked that ask a model for a schema.
import assert from 'node:assert/strict';
import { Output, generateText, streamText } from 'ai';
import { place, requestsOf } from './cases.mjs';

// A structured answer, by the SDK's own way to it.
export function schemaCasesOf(provider) {
  const { fixed, thoughtful } = requestsOf(provider);
  const held = { maxOutputTokens: 200, output: Output.object({ schema: place }) };
  return {
    async schema() {
      assert.deepEqual((await generateText({ ...fixed, ...held })).output, { city: 'Paris' });
    },
    async schema_streamed() {
      const stream = streamText({ ...fixed, ...held });
      let last;
      for await (const partial of stream.partialOutputStream) last = partial;
      assert.deepEqual(last, { city: 'Paris' });
    },
    async schema_thinking() {
      const answer = await generateText({ ...thoughtful, ...held });
      assert.deepEqual(answer.output, { city: 'Paris' });
      assert.ok(answer.reasoningText.length > 0);
    },
  };
}
