// What cases ask of a page: nothing went wrong on it, axe finds nothing, something comes to be.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { TIMEOUT_MS } from "./browser.mjs";

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

// Chromium itself notes each refused request; those that a case provokes are no fault of the page.
const isRefusalNote = (fault) => /^console: Failed to load resource: .*(401|403|429|500|ERR_FAILED)/.test(fault);
export function assertClean(watch, { mayRefuse = false } = {}) {
  const faults = watch.faults.filter((fault) => !(mayRefuse && isRefusalNote(fault)));
  assert.deepEqual(faults, []);
}

export const serverLog = () => readFileSync(join(process.env.STUDIO_SERVER_DATA, "server.log"), "utf8");

export async function until(check, what) {
  const end = Date.now() + TIMEOUT_MS;
  while (!(await check())) {
    assert.ok(Date.now() < end, what);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export async function seriousFindings(page) {
  await page.evaluate(axeSource);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.target} ${node.failureSummary}`).join(" | ")}`);
}
