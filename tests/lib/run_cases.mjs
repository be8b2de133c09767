// Runs tests, {name: function}, one after the other, prints the counts that tests/run.py reads and ends the program.
// Copied beside the tests that use it. Words on the command line choose tests by name.
import { writeFileSync } from 'node:fs';

const LIMIT_MS = 180_000; // of one case, below every suite's own limit, so that a case that hangs is named

async function within(promise, limitMs) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no end after ${limitMs / 1000} s`)), limitMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

export async function runCases(tests, { argument, onFailure = async () => {}, atEnd = async () => {} } = {}) {
  const words = process.argv.slice(2);
  let passed = 0;
  let failed = 0;
  for (const [name, test] of Object.entries(tests)) {
    if (words.length > 0 && !words.some((word) => name.includes(word))) continue;
    if (process.env.STUDIO_TEST_NOTE) writeFileSync(process.env.STUDIO_TEST_NOTE, name); // conformance/record.py watches
    const began = performance.now();
    try {
      await within(test(argument), LIMIT_MS);
      ++passed;
      console.log(`ok ${name} (${((performance.now() - began) / 1000).toFixed(1)} s)`);
    } catch (error) {
      ++failed;
      console.log(`FAILED ${name}\n${error?.stack ?? error}`);
      await onFailure();
    }
  }
  await atEnd();
  console.log(`${passed} passed, ${failed} failed, 0 skipped`);
  process.exit(failed > 0 || passed === 0 ? 1 : 0);
}
