// A page of a foreign origin tries every route in every way; a rebound name and a sandboxed frame do too. Nothing may be
// read and nothing may change. Pages that may call are tried the same way, so that the attempts are known to work.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { launch } from "./chromium.mjs";
import { runCases } from "./run_cases.mjs";

const key = process.env.OPENAI_API_KEY;
const port = new URL(process.env.STUDIO_URL).port;
const pagesPort = Number(process.env.STUDIO_PAGES_PORT);
const attacks = readFileSync(new URL("attacks.js", import.meta.url), "utf8");

// Every path that the source of the API names, under each prefix: more than the routes, and none of them is missed.
function allPaths() {
  const root = join(process.env.STUDIO_SOURCE, "src/api");
  const names = readdirSync(root, { recursive: true }).filter((name) => name.endsWith(".cc") && !name.endsWith("_test.cc"));
  const literals = new Set(["/", "/nowhere"]);
  for (const name of names) {
    for (const [, literal] of readFileSync(join(root, name), "utf8").matchAll(/"(\/[a-z0-9_{}./-]*)"/g)) literals.add(literal);
  }
  const paths = new Set();
  for (const literal of literals) {
    const path = literal.replace(/\{[^}]*\}/g, "tiny");
    for (const prefix of ["", "/v1", "/compatible-mode/v1"]) paths.add(prefix + path);
  }
  return [...paths];
}

function servePages() {
  const server = createServer((request, answer) => {
    answer.setHeader("Content-Type", "text/html");
    answer.end(`<!doctype html><title>a page</title><body></body><script>${attacks}</script>`);
  });
  return new Promise((resolve) => server.listen(pagesPort, "127.0.0.1", () => resolve(server)));
}

async function metrics() {
  const answer = await fetch(`${process.env.STUDIO_URL}/metrics`, { headers: { Authorization: `Bearer ${key}` } });
  const counts = {};
  for (const [, name, labels, value] of (await answer.text()).matchAll(/^(\w+)\{([^}]*)\} (\S+)$/gm)) counts[`${name}{${labels}}`] = Number(value);
  return counts;
}

// What a page could have set off: generations, and requests that a handler of a route answered well.
function changes(before, after) {
  return Object.keys(after).filter((name) => {
    if (after[name] === (before[name] ?? 0)) return false;
    if (name.startsWith("studio_generations_total") || name.startsWith("studio_generated_tokens_total")) return true;
    if (!name.startsWith("studio_http_requests_total")) return false;
    const isOurs = name.includes('route="/metrics"'); // our own look; a page's would be refused
    return /status="2\d\d"/.test(name) && !isOurs;
  });
}

async function pageAt(browser, address) {
  const context = await browser.newContext();
  const page = await context.newPage();
  const answer = await page.goto(address);
  return { context, page, status: answer.status() };
}

async function attackFrom(page, base, paths) {
  const found = await page.evaluate(([b, all, k]) => Promise.all(all.map((path) => window.attack(b, path, k))), [base, paths, key]);
  return found.flat();
}

const cases = {
  async "a page of a foreign origin reads nothing and changes nothing"(browser) {
    const paths = allPaths();
    assert.ok(paths.length >= 20, `${paths.length} paths`);
    const before = await metrics();
    const { context, page } = await pageAt(browser, `http://evil.test:${pagesPort}/`);
    const readable = [];
    for (const base of [`http://127.0.0.1:${port}`, `http://localhost:${port}`]) readable.push(...(await attackFrom(page, base, paths)));
    await context.close();
    const changed = changes(before, await metrics());
    console.log(`    ${paths.length} paths, 2 names of the server: ${readable.length} readable answers, ${changed.length} changes`);
    assert.deepEqual(readable, []);
    assert.deepEqual(changed, []);
  },
  async "a page of another port of the same host is foreign too"(browser) {
    const before = await metrics();
    const { context, page } = await pageAt(browser, `http://localhost:${pagesPort}/`);
    assert.deepEqual(await attackFrom(page, `http://localhost:${port}`, ["/", "/healthz", "/v1/models", "/v1/chat/completions"]), []);
    await context.close();
    assert.deepEqual(changes(before, await metrics()), []);
  },
  async "a sandboxed frame, whose origin is null, reads nothing"(browser) {
    const { context, page } = await pageAt(browser, `http://evil.test:${pagesPort}/`);
    await page.evaluate(() => {
      const frame = document.createElement("iframe");
      frame.sandbox = "allow-scripts allow-forms";
      frame.src = location.href;
      document.body.append(frame);
    });
    const frame = await (await page.waitForSelector("iframe")).contentFrame();
    await frame.waitForFunction(() => window.attack);
    assert.equal(await frame.evaluate(() => self.origin), "null");
    assert.deepEqual(await attackFrom(frame, `http://127.0.0.1:${port}`, ["/", "/healthz", "/v1/models", "/v1/completions"]), []);
    await context.close();
  },
  async "a name that was rebound to this machine gets nothing but 421"(browser) {
    const { context, page, status } = await pageAt(browser, `http://rebind.test:${port}/`);
    assert.equal(status, 421);
    const statuses = await page.evaluate(async (bearer) => {
      const seen = [];
      for (const path of ["/", "/healthz", "/v1/models", "/metrics"]) {
        for (const headers of [{}, { Authorization: `Bearer ${bearer}` }]) seen.push((await fetch(path, { headers })).status);
      }
      seen.push((await fetch("/v1/completions", { method: "POST", body: "{}", headers: { Authorization: `Bearer ${bearer}` } })).status);
      return seen;
    }, key);
    assert.deepEqual(new Set(statuses), new Set([421]));
    await context.close();
  },
  async "an origin of the configuration may call, with the key, and reads answers and refusals"(browser) {
    const { context, page } = await pageAt(browser, `http://app.test:${pagesPort}/`);
    const got = await page.evaluate(async ([base, bearer]) => {
      const call = (headers) => fetch(`${base}/v1/completions`, {
        method: "POST", headers: { "Content-Type": "application/json", ...headers }, body: JSON.stringify({ model: "tiny", prompt: "The sea", max_tokens: 2 }),
      });
      const answer = await call({ Authorization: `Bearer ${bearer}` });
      const refusal = await call({});
      return { status: answer.status, text: (await answer.json()).choices[0].text, id: answer.headers.get("X-Request-Id"), refused: refusal.status };
    }, [`http://127.0.0.1:${port}`, key]);
    assert.equal(got.status, 200);
    assert.ok(got.text.length > 0 && got.id);
    assert.equal(got.refused, 401);
    const readable = await attackFrom(page, `http://127.0.0.1:${port}`, ["/healthz"]);
    assert.ok(readable.some((line) => line.startsWith("fetch GET /healthz: 200")), String(readable)); // the attempts do work
    assert.ok(!readable.some((line) => line.includes("with cookies")), String(readable)); // credentials are never allowed
    await context.close();
  },
  async "a page of the server itself may call it"(browser) {
    const { context, page, status } = await pageAt(browser, `http://localhost:${port}/`);
    assert.equal(status, 200);
    assert.equal(await page.evaluate(async () => (await fetch("/healthz")).status), 200);
    assert.equal(await page.evaluate(async () => (await fetch("/v1/tokenize", { method: "POST", body: "{}" })).status), 401);
    await context.close();
  },
};

const pages = await servePages();
const names = ["evil.test", "rebind.test", "app.test"].map((name) => `MAP ${name} 127.0.0.1`).join(",");
const browser = await launch([`--host-resolver-rules=${names}`]);
await runCases(cases, {
  argument: browser,
  atEnd: async () => {
    await browser.close();
    pages.close();
  },
});
