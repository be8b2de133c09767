// What the console promises, each as a case: cases["name"](browser). A case fails by throwing.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { answerWith, answerWithoutEnd, ask, key, lastAnswer, newLink, open, openLoggedIn, streamOf, untilAnswered, url } from "./browser.mjs";
import { assertClean, seriousFindings, serverLog, until } from "./checks.mjs";
import { hostile, SINK } from "./hostile.mjs";

// The real engine, told to go on to the end of its context: long enough to be stopped.
async function withoutEnd(page) {
  await page.route("**/chat/completions", (route) => {
    const body = { ...route.request().postDataJSON(), ignore_eos: true, enable_thinking: false };
    return route.continue({ postData: JSON.stringify(body) });
  });
}

export const cases = {
  async "the printed link logs in, once, and leaves no trace"(browser) {
    const link = process.env.STUDIO_CONSOLE_LINK;
    const token = link.split("#")[1];
    const { context, page, watch } = await open(browser);
    await page.goto(link);
    await page.locator("#message").waitFor();
    assert.equal(page.url(), `${url}/`);
    const [cookie, ...others] = await context.cookies(`${url}/console/api`);
    assert.deepEqual(others, []);
    assert.ok(cookie.httpOnly && cookie.sameSite === "Strict" && cookie.path === "/console", JSON.stringify(cookie));
    assert.ok(!cookie.value.includes(token));
    assert.equal(await page.evaluate(() => document.cookie), "");
    assert.ok(!(await page.content()).includes(key));
    for (const request of watch.requests) {
      assert.ok(!request.url().includes(token), request.url());
      assert.equal((await request.allHeaders()).referer, undefined);
    }
    assertClean(watch);
    await context.close();

    const second = await open(browser);
    await second.page.goto(link);
    await second.page.getByText("This link was used already").waitFor();
    assert.deepEqual(await second.context.cookies(), []);
    await second.page.reload();
    await second.page.getByText("This browser is not logged in").waitFor();
    assertClean(second.watch, { mayRefuse: true });
    await second.context.close();
    const log = serverLog();
    assert.ok(log.includes("console.login") && !log.includes(token) && !log.includes(cookie.value));
  },

  async "studio console prints a link that can be pasted"(browser) {
    const printed = execFileSync(process.env.STUDIO_PROGRAM, ["console", "--data", process.env.STUDIO_SERVER_DATA], {
      env: { ...process.env, STUDIO_KEY: key }, encoding: "utf8",
    }).trim();
    const { context, page, watch } = await open(browser);
    await page.goto(url);
    const field = page.getByLabel("Link or code");
    await field.fill("http://127.0.0.1/login");
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByRole("alert").getByText("That holds no code").waitFor();
    await field.fill(printed);
    await field.press("Enter");
    await page.locator("#message").waitFor();
    assertClean(watch, { mayRefuse: true });
    await context.close();
  },

  async "an answer streams, and its pace and usage are told"(browser) {
    const { context, page, watch } = await openLoggedIn(browser);
    await withoutEnd(page);
    await page.getByRole("button", { name: "Settings" }).click();
    await page.getByLabel("Longest answer").fill("600");
    await page.getByRole("button", { name: "Close settings" }).click();
    await ask(page, "Tell me about the sea");
    await untilAnswered(page);
    const pace = await lastAnswer(page).locator(".pace").textContent();
    // No pace is told where all of it came at once, as from so small a model it may.
    assert.match(pace, /^600 tokens · (?:[\d,.]+ tokens\/s · )?first after [\d.]+ s · prompt \d+.* · cut at the limit of tokens$/);
    assert.ok((await page.getByTestId("announcement").textContent()).startsWith("Answer: "));

    await answerWithoutEnd(page);
    await ask(page, "And now without an end");
    const length = async () => (await lastAnswer(page).locator("> .markdown").textContent()).length;
    for (let i = 0, before = await length(); i < 3; ++i, before = await length()) {
      await until(async () => (await length()) > before, "the text grows as it comes");
    }
    assert.equal(await page.getByTestId("announcement").textContent(), "Answering");
    assert.match(await lastAnswer(page).locator(".pace").textContent(), /^about [\d,]+ tokens · [\d,.]+ tokens\/s/);
    await page.keyboard.press("Escape");
    await untilAnswered(page);
    assertClean(watch);
    await context.close();
  },

  // That an engine stops for a client that left is in the suite `behaviour`: the built-in model is at its end before a click.
  async "stop ends the answer and lets go of it"(browser) {
    const { context, page, watch } = await openLoggedIn(browser);
    const endless = await answerWithoutEnd(page);
    await ask(page, "Go on and on");
    await page.locator(".turn_assistant > .markdown").waitFor();
    await page.getByRole("button", { name: "Stop" }).click();
    await untilAnswered(page);
    const pace = lastAnswer(page).locator(".pace");
    assert.match(await pace.textContent(), /^about [\d,]+ tokens .*stopped$/);
    const text = await lastAnswer(page).textContent();
    await until(() => endless.reading() === 0, "a stop lets go of the answer");
    assert.equal(await lastAnswer(page).textContent(), text);
    await page.unroute("**/chat/completions");
    await page.getByRole("button", { name: "Answer again" }).click();
    await page.locator('.turn_assistant[aria-busy="true"]').or(pace.getByText("prompt")).first().waitFor();
    await untilAnswered(page);
    assert.equal(await page.locator(".turn_assistant").count(), 1);
    assertClean(watch);
    await context.close();
  },

  async "a message sent before the models are known goes out once they are"(browser) {
    const { context, page, watch } = await open(browser);
    let giveModels;
    const wait = new Promise((resolve) => (giveModels = resolve));
    await context.route("**/models", async (route) => {
      await wait;
      await route.fallback();
    });
    await page.goto(await newLink());
    await page.locator("#message").waitFor();
    const asked = await answerWith(page, streamOf(["Here"]));
    await ask(page, "Quick");
    await page.waitForTimeout(100);
    assert.equal(asked.length, 0);
    assert.equal(await page.locator("#message").inputValue(), "Quick");
    giveModels();
    await untilAnswered(page);
    assert.deepEqual(asked.map(({ model, messages }) => [model, messages.at(-1).content]), [["tiny", "Quick"]]);
    assert.equal(await page.locator("#message").inputValue(), "");
    assertClean(watch);
    await context.close();
  },

  async "chats are there after a reload, also one that was being answered"(browser) {
    const { context, page, watch } = await openLoggedIn(browser);
    await ask(page, "First chat");
    await untilAnswered(page);
    const answer = await lastAnswer(page).textContent();
    await page.reload();
    await page.locator(".turn_assistant").waitFor();
    assert.equal(await lastAnswer(page).textContent(), answer);
    assert.equal(await page.locator(".turn_user").textContent(), "YouFirst chat");

    await page.getByRole("button", { name: "New chat", exact: true }).click();
    const endless = await answerWithoutEnd(page);
    await ask(page, "Second chat");
    await page.locator(".turn_assistant > .markdown").waitFor();
    await page.reload();
    await page.getByText("interrupted").waitFor();
    assert.ok((await lastAnswer(page).locator("> .markdown").textContent()).length > 0);
    await page.getByRole("button", { name: "First chat", exact: true }).click();
    assert.equal(await lastAnswer(page).textContent(), answer);
    await page.getByRole("button", { name: "Delete “First chat”" }).click();
    await page.reload();
    await page.locator("#message").waitFor();
    assert.deepEqual(await page.locator(".chat_entry_pick").allTextContents(), ["Second chat"]);
    await until(() => endless.reading() === 0, "a reload lets go of the answer");
    assertClean(watch);
    await context.close();
  },

  async "both languages, by the browser's wish and by choice"(browser) {
    const { context, page, watch } = await openLoggedIn(browser, { locale: "zh-CN" });
    await page.getByRole("heading", { name: "想试点什么？" }).waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.lang), "zh-CN");
    await page.getByRole("button", { name: "设置" }).click();
    const shown = await page.evaluate(() => {
      const names = [...document.querySelectorAll("[aria-label],[title],[placeholder]")].flatMap((element) =>
        ["aria-label", "title", "placeholder"].map((name) => element.getAttribute(name) ?? ""));
      return [document.body.innerText, ...names].join("\n");
    });
    const words = shown.match(/[A-Za-z]{3,}/g).filter((word) => !["Model", "Studio", "English", "tiny", "Top", "Min", "Enter", "Shift", "Esc", "TCP", "UDP", "Python", "API", "token"].includes(word));
    assert.deepEqual(words, []);
    await page.getByLabel("语言").selectOption("en");
    await page.getByRole("heading", { name: "What would you like to try?" }).waitFor();
    await page.reload();
    await page.getByRole("heading", { name: "What would you like to try?" }).waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.lang), "en");
    assertClean(watch);
    await context.close();
  },

  async "both themes, by the system's wish and by choice"(browser) {
    const { context, page, watch } = await openLoggedIn(browser);
    const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await background();
    await page.emulateMedia({ colorScheme: "dark" });
    const dark = await background();
    assert.notEqual(light, dark);
    await page.getByLabel("Theme").selectOption("light");
    assert.equal(await background(), light);
    await page.emulateMedia({ colorScheme: "light" });
    await page.getByLabel("Theme").selectOption("dark");
    assert.equal(await background(), dark);
    await page.reload();
    await page.locator("#message").waitFor();
    assert.equal(await background(), dark);
    assertClean(watch);
    await context.close();
  },

  async "everything by keyboard alone"(browser) {
    const { context, page, watch } = await openLoggedIn(browser);
    const focused = () => page.evaluate(() => {
      const element = document.activeElement;
      return element?.getAttribute("aria-label") ?? element?.labels?.[0]?.textContent ?? element?.textContent ?? "";
    });
    assert.equal(await focused(), "Message", "the message box has the focus from the start");
    await page.keyboard.type("one");
    await page.keyboard.press("Shift+Enter");
    await page.keyboard.type("two");
    assert.equal(await page.locator("#message").inputValue(), "one\ntwo");
    // An input method's Enter takes a word; it sends nothing.
    await page.locator("#message").evaluate((element) =>
      element.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true, isComposing: true })));
    assert.equal(await page.locator(".turn").count(), 0);
    await answerWithoutEnd(page);
    await page.keyboard.press("Enter");
    await page.locator(".turn_assistant > .markdown").waitFor();
    await page.keyboard.press("Escape");
    await untilAnswered(page);
    await page.getByText("stopped").waitFor();
    assert.equal(await focused(), "Message");

    // Once around: every control is reached, none traps, each has a name and shows its focus.
    await page.evaluate(() => document.activeElement.blur());
    const names = [];
    for (let i = 0; i < 60; ++i) {
      await page.keyboard.press("Tab");
      const name = await focused();
      const outline = await page.evaluate(() => {
        const style = getComputedStyle(document.activeElement);
        return style.outlineStyle !== "none" || document.activeElement.id === "message";
      });
      assert.ok(outline || (await page.evaluate(() => document.activeElement === document.body)), `focus is seen on ${name}`);
      if (names.includes(name) && name === names[0]) break;
      names.push(name);
    }
    for (const wanted of ["Skip to the message box", "New chat", "one", "Delete “one”", "Language", "Theme", "API keys", "Log out", "Model", "As code", "Settings", "Copy answer", "Answer again", "Message"]) {
      assert.ok(names.includes(wanted), `${wanted} is reached: ${names.join(", ")}`);
    }

    await page.getByRole("button", { name: "As code" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await page.getByRole("tab", { name: "curl" }).focus();
    await page.keyboard.press("ArrowRight");
    assert.equal(await page.getByRole("tab", { name: "Python" }).getAttribute("aria-selected"), "true");
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    assert.equal(await focused(), "As code", "the focus comes back");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.getByRole("complementary").waitFor();
    assert.equal(await focused(), "System prompt");
    await page.keyboard.press("Escape");
    await page.getByRole("complementary").waitFor({ state: "detached" });
    assert.equal(await focused(), "Settings");
    assertClean(watch);
    await context.close();
  },

  async "axe finds nothing serious in any state, light and dark"(browser) {
    for (const colorScheme of ["light", "dark"]) {
      const outside = await open(browser, { colorScheme });
      await outside.page.goto(url);
      await outside.page.getByText("This browser is not logged in").waitFor();
      assert.deepEqual(await seriousFindings(outside.page), [], `${colorScheme}: log-in`);
      await outside.context.close();

      const { context, page } = await openLoggedIn(browser, { colorScheme, reducedMotion: "reduce" });
      assert.deepEqual(await seriousFindings(page), [], `${colorScheme}: welcome`);
      await answerWith(page, streamOf([{ reasoning_content: "hm" },
        "# Head\n\ntext `code` [link](https://x.org)\n\n> quote\n\n```js\nlet a;\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |"]));
      await ask(page, "Show me everything");
      await untilAnswered(page);
      await page.locator(".turn_assistant summary").click();
      assert.deepEqual(await seriousFindings(page), [], `${colorScheme}: conversation`);
      await answerWith(page, JSON.stringify({ error: { message: "The model is busy." } }), 503);
      await ask(page, "Again");
      await page.getByRole("alert").waitFor();
      await page.getByRole("button", { name: "Settings" }).click();
      await page.getByLabel("Temperature").fill("9");
      await page.getByText("must be from").waitFor();
      assert.deepEqual(await seriousFindings(page), [], `${colorScheme}: settings and errors`);
      await page.getByRole("button", { name: "As code" }).click();
      await page.getByRole("dialog").waitFor();
      assert.deepEqual(await seriousFindings(page), [], `${colorScheme}: as code`);
      await context.close();
    }
  },

  async "reasoning stands apart"(browser) {
    const { context, page, watch } = await openLoggedIn(browser);
    await answerWith(page, streamOf([{ reasoning_content: "Let me " }, { reasoning_content: "see." }, "\n\n", "It is **7**."]));
    await ask(page, "3 + 4?");
    await untilAnswered(page);
    const answer = lastAnswer(page);
    assert.equal(await answer.locator("> .markdown").textContent(), "It is 7.");
    const reasoning = answer.locator("details");
    assert.equal(await reasoning.getAttribute("open"), null);
    await reasoning.locator("summary").click();
    assert.equal(await reasoning.locator(".reasoning_text").textContent(), "Let me see.");
    // It is not sent back as if it had been said.
    const asked = await answerWith(page, streamOf(["ok"]));
    await ask(page, "Sure?");
    await untilAnswered(page);
    assert.deepEqual(asked[0].messages.map((message) => message.content), ["3 + 4?", "It is **7**.", "Sure?"]);
    assertClean(watch);
    await context.close();
  },

  async "settings are sent as they were set, and faults are not"(browser) {
    const { context, page, watch } = await openLoggedIn(browser);
    const asked = await answerWith(page, streamOf(["ok"]));
    await page.getByRole("button", { name: "Settings" }).click();
    await page.getByLabel("System prompt").fill("Be brief.");
    await page.getByLabel("Temperature").fill("7");
    await ask(page, "hello");
    await page.getByText("Temperature must be from 0 to 1.99.").waitFor();
    assert.equal(asked.length, 0);
    assert.equal(await page.locator("#message").inputValue(), "hello", "the message is not lost");
    await page.getByLabel("Temperature").fill("0.5");
    await page.getByLabel("Top k").fill("3");
    await page.getByLabel("Seed").fill("42");
    await page.getByLabel("Stop texts").fill("END\nSTOP");
    await page.getByLabel("Thinking").selectOption("off");
    await page.locator("#message").press("Enter");
    await untilAnswered(page);
    assert.deepEqual(asked, [{
      model: process.env.STUDIO_MODEL,
      messages: [{ role: "system", content: "Be brief." }, { role: "user", content: "hello" }],
      temperature: 0.5, top_k: 3, seed: 42, stop: ["END", "STOP"], enable_thinking: false,
      stream: true, stream_options: { include_usage: true },
    }]);
    assertClean(watch);
    await context.close();
  },

  async "as code runs when pasted; the key is shown on demand alone"(browser) {
    const { context, page, watch } = await openLoggedIn(browser);
    await page.getByRole("button", { name: "Settings" }).click();
    await page.getByLabel("Temperature").fill("0");
    await page.getByLabel("Longest answer").fill("8");
    await ask(page, "It's \"the\" $HOME `sea`");
    await untilAnswered(page);
    const heard = await lastAnswer(page).locator("> .markdown").textContent();
    await page.getByRole("button", { name: "As code" }).click();
    const sample = page.getByRole("tabpanel").locator("code");
    assert.ok(!(await page.content()).includes(key));
    const pasted = spawnSync("bash", ["-c", await sample.textContent()], { env: { ...process.env, STUDIO_KEY: key }, encoding: "utf8" });
    const said = pasted.stdout.split("\n").filter((line) => line.startsWith("data: {")).map((line) => JSON.parse(line.slice(6)).choices[0]?.delta?.content ?? "").join("");
    assert.equal(said.replace(/\s+/g, " ").trim(), heard.replace(/\s+/g, " ").trim(), pasted.stderr);
    await page.getByRole("button", { name: "Reveal key" }).click();
    await page.getByRole("button", { name: "Hide key" }).waitFor();
    for (const language of ["curl", "Python", "JavaScript"]) {
      await page.getByRole("tab", { name: language }).click();
      assert.ok((await sample.textContent()).includes(key), language);
    }
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "As code" }).click();
    assert.ok(!(await page.content()).includes(key), "closed is hidden");
    const stored = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }));
    assert.ok(!stored.includes(key), "the key is in no store");
    assertClean(watch);
    await context.close();
  },

  async "a refusal and a lost connection are told, and can be tried again"(browser) {
    const { context, page, watch } = await openLoggedIn(browser);
    await answerWith(page, JSON.stringify({ error: { message: "This key has 8 requests open.", code: "limit_requests" } }), 429);
    await ask(page, "hello");
    await page.getByRole("alert").getByText("This key has 8 requests open.").waitFor();
    await page.unroute("**/chat/completions");
    await page.route("**/chat/completions", (route) => route.abort());
    await page.getByRole("button", { name: "Answer again" }).click();
    await page.getByRole("alert").getByText("The server does not answer.").waitFor();
    await answerWith(page, streamOf(["half"]).replace(/data: \[DONE\][\s\S]*$/, ""));
    await page.getByRole("button", { name: "Answer again" }).click();
    await page.locator(".turn_assistant > .markdown").getByText("half").waitFor();
    await page.getByRole("alert").getByText("The server does not answer.").waitFor();
    await answerWith(page, streamOf(["whole"]));
    await page.getByRole("button", { name: "Answer again" }).click();
    await page.locator(".turn_assistant > .markdown").getByText("whole").waitFor();
    assertClean(watch, { mayRefuse: true });
    await context.close();
  },

  async "log out ends the session; chats stay"(browser) {
    const { context, page, watch } = await openLoggedIn(browser);
    await answerWith(page, streamOf(["kept"]));
    await ask(page, "Keep me");
    await untilAnswered(page);
    const [cookie] = await context.cookies(`${url}/console/api`);
    await page.getByRole("button", { name: "Log out" }).click();
    await page.getByText("This browser is not logged in").waitFor();
    assert.deepEqual(await context.cookies(`${url}/console/api`), []);
    const answer = await fetch(`${url}/console/api/session`, { headers: { Cookie: `${cookie.name}=${cookie.value}` } });
    assert.equal(answer.status, 401, "the old cookie opens nothing");
    await page.goto(await newLink());
    await page.getByRole("button", { name: "Keep me", exact: true }).click();
    assert.equal(await page.locator(".turn_assistant > .markdown").textContent(), "kept");
    assertClean(watch, { mayRefuse: true });
    await context.close();
  },

  async "without a registry the build goes on, and the page says how to make up for it"() {
    const root = process.env.STUDIO_SOURCE;
    const folder = mkdtempSync(join(tmpdir(), "studio-console-"));
    try {
      mkdirSync(join(folder, "tools"));
      for (const tool of ["node.sh", "npm_ci.sh"]) cpSync(join(root, "tools", tool), join(folder, "tools", tool));
      cpSync(join(root, "console"), join(folder, "console"), { recursive: true, filter: (path) => !path.includes("node_modules") });
      // The discard port: nothing listens there.
      const env = { ...process.env, npm_config_registry: "http://127.0.0.1:9/", npm_config_cache: join(folder, "cache") };
      const build = (...words) => spawnSync(join(folder, "console/build.sh"), words, { env, encoding: "utf8" });
      const first = build();
      assert.equal(first.status, 0, first.stderr);
      assert.match(first.stderr, /the console was not built[\s\S]*console\/build\.sh --now tries again/);
      assert.ok(!existsSync(join(folder, "build/console/dist")));
      assert.equal(build().stderr, "", "not tried again at each build");
      assert.match(build("--now").stderr, /the console was not built/);
      const source = join(folder, "embedded.cc");
      execFileSync("cmake", [`-DDIST=${folder}/build/console/dist`, `-DFALLBACK=${folder}/console/not_built.html`, `-DOUTPUT=${source}`, "-P", join(root, "cmake/embed_console.cmake")]);
      assert.match(readFileSync(source, "utf8"), /incbin "[^"]*not_built\.html"[\s\S]*"index\.html"/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },

  async "the page's files come with the promised fields"() {
    const page = await fetch(url);
    assert.match(page.headers.get("content-security-policy"), /default-src 'none'.*frame-ancestors 'none'.*require-trusted-types-for 'script'/);
    const asset = /src="(\/assets\/[^"]+)"/.exec(await page.text())[1];
    const script = await fetch(url + asset);
    assert.equal(script.headers.get("cache-control"), "public, max-age=31536000, immutable");
    assert.equal(script.headers.get("content-encoding"), "gzip");
    const again = await fetch(url, { headers: { "If-None-Match": page.headers.get("etag") } });
    assert.equal(again.status, 304);
  },
};

cases["hostile output: what the page did not stop would be seen"] = async (browser) => {
  const { context, page, watch } = await openLoggedIn(browser);
  await page.evaluate((sink) => {
    const image = new Image();
    image.src = sink;
    document.body.append(image);
    const script = document.createElement("script");
    script.src = sink + "/x.js";
    try {
      document.body.append(script);
    } catch {} // Trusted Types already refuse the address
  }, SINK).catch(() => {});
  await until(() => watch.faults.some((fault) => fault.startsWith("policy: img-src")), "a breach is noted");
  await context.close();
};

// Each hostile output as a case of its own: shown as text, nothing run, nothing asked, nothing that could pose as the page.
let shared; // one page for all: what one leaves behind, the next would show
for (const [name, text] of hostile) {
  cases[`hostile output: ${name}`] = async (browser) => {
    if (!shared || shared.page.isClosed()) shared = await openLoggedIn(browser);
    const { page, watch } = shared;
    await page.getByRole("button", { name: "New chat", exact: true }).click();
    const before = watch.requests.length;
    // Cut in the middle, so that halves are shown too; as reasoning as well as answer.
    const half = Math.floor(text.length / 2);
    await answerWith(page, streamOf([{ reasoning_content: text }, text.slice(0, half), text.slice(half)]));
    await ask(page, text.slice(0, 2000));
    await untilAnswered(page);
    await page.locator(".turn_assistant summary").first().click();
    for (const link of await page.locator(".turn a").all()) {
      assert.match(await link.getAttribute("href"), /^(https?|mailto):/);
      assert.match(await link.getAttribute("rel"), /noopener noreferrer/);
    }
    await page.reload(); // and once more out of the store
    await page.locator(".turn_assistant").waitFor();
    await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 50)));
    const found = await page.evaluate(() => ({
      ran: window.__ran,
      elements: [...document.querySelectorAll(".turns *")].filter((element) =>
        /^(script|img|iframe|object|embed|video|audio|form|input|style|link|meta|base|math|template|noscript|area|map|picture|source)$/i.test(element.tagName) ||
        (element.tagName.toLowerCase() === "svg" && !element.classList.contains("icon")) ||
        [...element.attributes].some((attribute) => /^on|^srcdoc$|^formaction$/i.test(attribute.name))).map((element) => element.outerHTML),
      address: location.origin + location.pathname,
    }));
    assert.deepEqual(found, { ran: undefined, elements: [], address: `${url}/` });
    const asked = watch.requests.slice(before).map((request) => request.url()).filter((address) => !address.startsWith(url));
    assert.deepEqual(asked, []);
    assert.ok(!asked.some((address) => address.startsWith(SINK)));
    assertClean(watch);
  };
}
