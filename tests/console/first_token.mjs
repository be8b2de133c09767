// Opens the link in STUDIO_CONSOLE_LINK, asks, and prints the moment (Unix ms) at which the first token stood on the page.
import { ask, launch, open } from "./browser.mjs";

const browser = await launch();
const { page } = await open(browser);
await page.goto(process.env.STUDIO_CONSOLE_LINK);
await page.locator("#message").waitFor();
await ask(page, "Write a haiku about the sea.");
await page.locator(".turn_assistant > .markdown").waitFor();
const at = Date.now();
await page.locator('.turn_assistant[aria-busy="false"]').waitFor();
console.log(JSON.stringify({ at, pace: await page.locator(".pace").textContent() }));
await browser.close();
