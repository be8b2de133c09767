// What the suites in JavaScript share: to bring about, beside the client that is tested, what a busy server refuses.
// Copied beside the tests by conformance/run.sh, which sets the limits that are met here.
import assert from 'node:assert/strict';

const openAtOnce = 8; // requests of a key
const choicesAtOnce = 12; // that the engine runs and queues
const waitMs = 20000; // for what takes milliseconds on an idle machine

const url = process.env.STUDIO_BESIDE_URL ?? process.env.STUDIO_URL; // what is sent here is not the client's, so record.py does not see it
const authorization = { Authorization: `Bearer ${process.env.OPENAI_API_KEY}` };
const pause = () => new Promise((resolve) => { setTimeout(resolve, 50); });

export const post = (path, body, headers = authorization) => fetch(url + path,
  { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) });

// Until it is taken: requests that an earlier test has just left may still count.
async function openStream(n, max_tokens = 1500) {
  const endless = { model: process.env.STUDIO_MODEL, messages: [{ role: 'user', content: 'Go on.' }], max_tokens, ignore_eos: true, stream: true, n };
  for (const began = performance.now(); performance.now() - began < waitMs; await pause()) {
    const response = await post('/v1/chat/completions', endless);
    if (response.status === 200) return response;
    await response.body.cancel();
  }
  return assert.fail('a stream is refused on an idle server');
}

const release = (streams) => Promise.all(streams.map((stream) => stream.body.cancel()));

// Both give a function that ends it. The key's limit: the next request is a 429.
export async function holdKey() {
  const streams = [];
  while (streams.length < openAtOnce) streams.push(await openStream(1));
  return () => release(streams);
}

// A full queue: the next request is a 503.
export async function fillQueue() {
  await untilIdle();
  const streams = [await openStream(choicesAtOnce)];
  return () => release(streams);
}

// Until the server has seen that what was held is gone: all choices at once are taken again.
async function untilFree() {
  await (await openStream(choicesAtOnce, 1)).text();
  await untilIdle();
}

export async function untilIdle() {
  for (const began = performance.now(); performance.now() - began < waitMs; await pause()) {
    const metrics = await (await fetch(`${url}/metrics`, { headers: authorization })).text();
    if (/^studio_sequences_running\{.*\} 0$/m.test(metrics)) return;
  }
  assert.fail('a sequence still runs');
}

// Runs `call` while something is held and lets go of it when the call has begun: the client's patience must do the rest.
export async function whileHeld(hold, call) {
  const letGo = await hold();
  const pending = call();
  setTimeout(letGo, 100);
  return pending;
}

// Runs `check` while something is held, and lets go in any case. The server has seen it when this ends.
export async function during(hold, check) {
  const letGo = await hold();
  try {
    await check();
  } finally {
    await letGo();
    await untilFree();
  }
}
