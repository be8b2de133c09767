// Chromium, and a page that is watched: every request, console message, error and breach of the content security policy.
import { createServer } from "node:http";
export { launch } from "./chromium.mjs";

export const url = process.env.STUDIO_URL;
export const key = process.env.OPENAI_API_KEY;
export const TIMEOUT_MS = Number(process.env.STUDIO_TEST_TIMEOUT_MS ?? 60_000); // the machine may be busy; nothing here takes seconds

// A new browser profile with one page.
export async function open(browser, options = {}) {
  const context = await browser.newContext({ locale: "en-US", colorScheme: "light", viewport: { width: 1280, height: 800 }, ...options });
  context.setDefaultTimeout(TIMEOUT_MS);
  const watch = { requests: [], faults: [] };
  context.on("request", (request) => watch.requests.push(request));
  context.on("dialog", (dialog) => {
    watch.faults.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  await context.exposeFunction("reportBreach", (text) => watch.faults.push(`policy: ${text}`));
  // Chromium hands requests to routes from the start: a page that has loaded may send its next request before it learns of a first route.
  await context.route("**/chat/completions", (route) => route.fallback());
  await context.addInitScript(() => {
    addEventListener("securitypolicyviolation", (event) => window.reportBreach(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
  });
  const page = await context.newPage();
  page.on("pageerror", (error) => watch.faults.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") watch.faults.push(`console: ${message.text()}`);
  });
  context.on("page", (other) => watch.faults.push(`a window opened: ${other.url()}`));
  return { context, page, watch };
}

// Mints a one-time link as `studio console` does.
export async function newLink() {
  const answer = await fetch(`${url}/console/links`, { method: "POST", headers: { Authorization: `Bearer ${key}` } });
  return `${url}/login#${(await answer.json()).token}`;
}

export async function openLoggedIn(browser, options = {}) {
  const opened = await open(browser, options);
  await opened.page.goto(await newLink());
  await opened.page.locator("#message").waitFor();
  return opened;
}

// A streamed answer as the server sends it, from pieces of text; for what a real model would not say on demand.
export function streamOf(pieces, { usage } = {}) {
  const chunk = (body) => `data: ${JSON.stringify({ id: "x", object: "chat.completion.chunk", created: 1, model: "m", ...body })}\n\n`;
  const delta = (content, finish = null) => chunk({ choices: [{ index: 0, delta: content, finish_reason: finish }] });
  return [
    delta({ role: "assistant", content: "" }),
    ...pieces.map((piece) => delta(typeof piece === "string" ? { content: piece } : piece)),
    delta({ content: "" }, "stop"),
    chunk({ choices: [], usage: usage ?? { prompt_tokens: 3, completion_tokens: pieces.length, total_tokens: 3 + pieces.length } }),
    "data: [DONE]\n\n",
  ].join("");
}

// From now on the page's questions get this answer; each is noted in the list that comes back.
export async function answerWith(page, body, status = 200) {
  const asked = [];
  await page.route("**/chat/completions", (route) => {
    asked.push(route.request().postDataJSON());
    return route.fulfill({ status, contentType: status === 200 ? "text/event-stream" : "application/json", body });
  });
  return asked;
}

// From now on the page's questions get an answer that never ends, a word at a time. How many readers it has: reading().
export async function answerWithoutEnd(page) {
  let readers = 0;
  const server = createServer((_, response) => {
    ++readers;
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    const timer = setInterval(() => response.write(`data: ${JSON.stringify({ choices: [{ delta: { content: "word " } }] })}\n\n`), 20);
    response.on("close", () => {
      clearInterval(timer);
      --readers;
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  server.unref();
  await page.route("**/chat/completions", (route) => route.continue({ url: `http://127.0.0.1:${server.address().port}/chat/completions` }));
  return { reading: () => readers };
}

export async function ask(page, text) {
  await page.locator("#message").fill(text);
  await page.locator("#message").press("Enter");
}

export const lastAnswer = (page) => page.locator(".turn_assistant").last();

export async function untilAnswered(page) {
  await page.locator('.turn_assistant:last-child[aria-busy="false"]').waitFor();
}
