// The keys of the API on the page: made, used, revoked; told once and kept nowhere.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { answerWith, ask, key as ownKey, newLink, openLoggedIn, streamOf, untilAnswered, url } from "./browser.mjs";
import { assertClean, seriousFindings, serverLog } from "./checks.mjs";

const statusWith = async (key, path = "/v1/models") => (await fetch(url + path, { headers: { Authorization: `Bearer ${key}` } })).status;
const row = (page, name) => page.getByRole("row").filter({ has: page.getByRole("rowheader", { name, exact: true }) });

async function openKeys(browser, options = {}) {
  const opened = await openLoggedIn(browser, options);
  await opened.page.getByRole("link", { name: "API keys" }).click();
  await opened.page.getByRole("rowheader", { name: "The server’s own" }).waitFor();
  return opened;
}

// The whole key, as the page tells it once.
async function make(page, name) {
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByRole("button", { name: "Make key" }).click();
  const shown = page.getByRole("region", { name: `The key “${name}”` });
  const key = await shown.locator("code").textContent();
  assert.match(key, /^sk-[0-9A-Za-z]{43}$/);
  return { key, shown };
}

async function revoke(page, name) {
  await page.getByRole("button", { name: `Revoke ${name}` }).click();
  await page.getByRole("dialog", { name: `Revoke “${name}”?` }).getByRole("button", { name: "Revoke key" }).click();
  await page.getByRole("status").getByText(`The key “${name}” was revoked.`).waitFor();
}

export const keyCases = {
  async "a key is made, opens the API, is revoked, and opens nothing"(browser) {
    const { context, page, watch } = await openKeys(browser);
    assert.equal(await page.getByRole("button", { name: "Revoke" }).count(), 0, "the server's own is not revoked here");
    const { key, shown } = await make(page, "nightly report");
    assert.equal(await statusWith(key), 200);
    assert.equal(await statusWith(ownKey), 200, "the others go on");

    // Told once: by no later answer, nor by the list.
    await shown.getByText("it is not shown again").waitFor();
    const listed = await (await page.request.get(`${url}/console/api/keys`)).text();
    assert.ok(listed.includes("nightly report") && !listed.includes(key) && !listed.includes(ownKey), listed);
    await shown.getByRole("button", { name: "Done" }).click();
    assert.ok(!(await page.content()).includes(key));
    const line = await row(page, "nightly report").innerText();
    assert.ok(line.includes(`${key.slice(0, 7)}…${key.slice(-4)}`), line);

    // A stream that is under way when its key goes is finished.
    const stream = await fetch(`${url}/v1/completions`, {
      method: "POST",
      headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/json" },
      body: JSON.stringify({ model: process.env.STUDIO_MODEL, prompt: "The sea", max_tokens: 400, ignore_eos: true, stream: true }),
    });
    assert.equal(stream.status, 200);
    await revoke(page, "nightly report");
    assert.equal(await statusWith(key), 401);
    assert.equal(await row(page, "nightly report").count(), 0);
    assert.match(await stream.text(), /"finish_reason":"length"[\s\S]*data: \[DONE\]/);
    assert.equal(await statusWith(ownKey), 200);
    assertClean(watch);
    await context.close();

    const log = serverLog();
    assert.ok(log.includes("console.key_made") && log.includes("console.key_revoked") && !log.includes(key) && !log.includes("nightly report"));
    for (const file of ["studio.db", "studio.db-wal"]) {
      assert.ok(!readFileSync(join(process.env.STUDIO_SERVER_DATA, file)).includes(key), `${file} holds the digest alone`);
    }
  },

  async "a made key opens models and nothing of the console"(browser) {
    const { context, page, watch } = await openKeys(browser);
    const { key } = await make(page, "program");
    assert.equal(await statusWith(key, "/console/keys"), 403);
    const link = await fetch(`${url}/console/links`, { method: "POST", headers: { Authorization: `Bearer ${key}` } });
    assert.equal(link.status, 403);
    assert.equal(await statusWith(ownKey, "/console/keys"), 200);
    await revoke(page, "program");
    assertClean(watch);
    await context.close();
  },

  async "as code takes the new key, until the page is loaded again"(browser) {
    const { context, page, watch } = await openLoggedIn(browser);
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    await answerWith(page, streamOf(["kept"]));
    await ask(page, "hello");
    await untilAnswered(page);
    const address = page.url();
    await page.getByRole("button", { name: "As code" }).click();
    const sample = page.getByRole("tabpanel").locator("code");
    assert.match(await sample.textContent(), /\$STUDIO_KEY/);
    await page.getByRole("link", { name: "Make a key" }).click();
    const { key, shown } = await make(page, "pasted");
    await shown.getByRole("button", { name: "Copy key" }).click();
    await shown.getByRole("status").getByText("Copied").waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), key);

    await page.getByRole("link", { name: "Back to chats" }).click();
    await page.locator(".turn_assistant").waitFor();
    assert.equal(page.url(), address, "the same chat");
    await page.getByRole("button", { name: "As code" }).click();
    await page.getByText("with your new key “pasted” in it").waitFor();
    for (const language of ["curl", "Python", "JavaScript"]) {
      await page.getByRole("tab", { name: language }).click();
      assert.ok((await sample.textContent()).includes(key), language);
    }
    await page.getByRole("tab", { name: "curl" }).click();
    const pasted = spawnSync("bash", ["-c", await sample.textContent()], { encoding: "utf8" });
    assert.match(pasted.stdout, /data: \[DONE\]/, pasted.stderr);
    await page.getByRole("button", { name: "Hide key" }).click();
    assert.ok(!(await page.content()).includes(key));
    await page.getByRole("button", { name: "Use “pasted”" }).click();
    assert.ok((await sample.textContent()).includes(key));

    const stored = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage, cookie: document.cookie }));
    assert.ok(!stored.includes(key), "it is in no store");
    await page.reload();
    await page.getByRole("button", { name: "As code" }).click();
    assert.match(await sample.textContent(), /\$STUDIO_KEY/);
    assert.ok(!(await page.content()).includes(key));
    await page.keyboard.press("Escape");

    // A log-out and a revocation end it as well.
    await page.getByRole("link", { name: "API keys" }).click();
    await make(page, "second");
    await revoke(page, "second");
    await page.getByRole("link", { name: "Back to chats" }).click();
    await page.getByRole("button", { name: "As code" }).click();
    assert.match(await sample.textContent(), /\$STUDIO_KEY/);
    await page.keyboard.press("Escape");
    await page.getByRole("link", { name: "API keys" }).click();
    await revoke(page, "pasted");
    assertClean(watch);
    await context.close();
  },

  async "a name that cannot be is told beside its field"(browser) {
    const { context, page, watch } = await openKeys(browser);
    const field = page.getByLabel("Name", { exact: true });
    await field.press("Enter");
    await page.getByRole("alert").getByText("Give the key a name").waitFor();
    assert.equal(await field.getAttribute("aria-invalid"), "true");
    await field.fill("x".repeat(65));
    await field.press("Enter");
    await page.getByRole("alert").getByText("it has 65 characters; the most is 64").waitFor();
    await make(page, "taken");
    await field.fill("taken");
    await field.press("Enter");
    await page.getByRole("alert").getByText("is there already").waitFor();
    assert.equal(await field.inputValue(), "taken", "what was typed is not lost");
    await revoke(page, "taken");
    const faults = watch.faults.filter((fault) => !/status of (400|409)/.test(fault));
    assert.deepEqual(faults, []);
    await context.close();
  },

  async "a name is text, whatever it holds"(browser) {
    const { context, page, watch } = await openKeys(browser);
    const name = `<img src=x onerror=alert(1)>“"'&{name}`;
    await make(page, name);
    assert.equal(await page.locator("main img").count(), 0);
    await page.getByRole("rowheader", { name }).waitFor();
    await row(page, name).getByRole("button").click();
    await page.getByRole("dialog").getByRole("button", { name: "Revoke key" }).click();
    await page.getByRole("rowheader", { name }).waitFor({ state: "detached" });
    assertClean(watch);
    await context.close();
  },

  async "keys by keyboard alone; the focus is never lost"(browser) {
    const { context, page, watch } = await openKeys(browser);
    const focused = () => page.evaluate(() => document.activeElement?.textContent ?? "");
    await page.getByLabel("Name", { exact: true }).focus();
    await page.keyboard.type("typed");
    await page.keyboard.press("Enter");
    await page.getByRole("region", { name: "The key “typed”" }).waitFor();
    assert.equal(await focused(), "The key “typed”");
    await page.keyboard.press("Tab"); // copy
    await page.keyboard.press("Tab");
    assert.equal(await focused(), "Done");
    await page.keyboard.press("Enter");
    assert.equal(await focused(), "Keys that open the API");
    await row(page, "typed").waitFor();
    await page.keyboard.press("Tab");
    assert.equal(await focused(), "Revoke typed");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    assert.equal(await focused(), "Revoke typed", "nothing was done, and the focus comes back");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.press("Tab");
    assert.equal(await focused(), "Keep it");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await row(page, "typed").waitFor({ state: "detached" });
    assert.equal(await focused(), "Keys that open the API");
    assertClean(watch);
    await context.close();
  },

  async "a key that is gone elsewhere, and a session that ended, are told"(browser) {
    const { context, page, watch } = await openKeys(browser);
    await make(page, "raced");
    await page.getByRole("button", { name: "Revoke raced" }).click();
    const { keys } = await (await page.request.get(`${url}/console/api/keys`)).json();
    const { id } = keys.find(({ name }) => name === "raced");
    const gone = await fetch(`${url}/console/keys/${id}`, { method: "DELETE", headers: { Authorization: `Bearer ${ownKey}` } });
    assert.equal(gone.status, 200);
    await page.getByRole("dialog").getByRole("button", { name: "Revoke key" }).click();
    await row(page, "raced").waitFor({ state: "detached" });
    await context.clearCookies();
    await page.getByLabel("Name", { exact: true }).fill("late");
    await page.getByRole("button", { name: "Make key" }).click();
    await page.getByText("This browser is not logged in").waitFor();
    await page.goto(await newLink());
    await page.locator("#message").waitFor();
    const faults = watch.faults.filter((fault) => !/status of (401|404)/.test(fault));
    assert.deepEqual(faults, []);
    await context.close();
  },

  async "axe finds nothing serious among the keys, light and dark, wide and narrow"(browser) {
    for (const colorScheme of ["light", "dark"]) {
      for (const viewport of [{ width: 1280, height: 800 }, { width: 400, height: 800 }]) {
        const { context, page } = await openLoggedIn(browser, { colorScheme, viewport, reducedMotion: "reduce" });
        await page.goto(`${url}/keys`);
        await page.getByRole("rowheader", { name: "The server’s own" }).waitFor();
        const where = `${colorScheme}, ${viewport.width} wide`;
        assert.deepEqual(await seriousFindings(page), [], `${where}: list`);
        await page.getByRole("button", { name: "Make key" }).click();
        await page.getByRole("alert").waitFor();
        await make(page, "seen");
        await row(page, "seen").waitFor();
        assert.deepEqual(await seriousFindings(page), [], `${where}: a new key`);
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(overflow <= 0, `${where}: nothing is cut off, ${overflow}`);
        await page.getByRole("button", { name: "Revoke seen" }).click();
        await page.getByRole("dialog").waitFor();
        assert.deepEqual(await seriousFindings(page), [], `${where}: confirmation`);
        await page.getByRole("dialog").getByRole("button", { name: "Revoke key" }).click();
        await row(page, "seen").waitFor({ state: "detached" });
        await context.close();
      }
    }
  },

  async "the keys in Chinese"(browser) {
    const { context, page, watch } = await openLoggedIn(browser, { locale: "zh-CN" });
    await page.getByRole("link", { name: "API 密钥" }).click();
    await page.getByLabel("名称", { exact: true }).fill("夜间报表");
    await page.getByRole("button", { name: "创建密钥" }).click();
    await page.getByRole("button", { name: "吊销 夜间报表" }).click();
    const shown = await page.evaluate(() => document.body.innerText);
    const words = shown.replace(/sk-\S+/g, "").match(/[A-Za-z]{3,}/g).filter((word) => !["Model", "Studio", "English", "API"].includes(word));
    assert.deepEqual(words, []);
    await page.getByRole("button", { name: "吊销密钥" }).click();
    await page.getByRole("rowheader", { name: "夜间报表" }).waitFor({ state: "detached" });
    assertClean(watch);
    await context.close();
  },
};
