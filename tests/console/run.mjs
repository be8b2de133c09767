// Runs the cases of cases.mjs and keys.mjs, or those whose name has one of the words; counts last.
import { launch } from "./browser.mjs";
import { runCases } from "./run_cases.mjs";
import { cases } from "./cases.mjs";
import { keyCases } from "./keys.mjs";

// What a failed case left on the screen.
async function tellAndClose() {
  for (const context of browser.contexts()) {
    for (const page of context.pages()) {
      const text = await page.evaluate(() => document.body.innerText).catch((error) => String(error));
      console.log(`  at ${page.url()}: ${JSON.stringify(text.slice(0, 600))}`);
    }
    await context.close();
  }
}

const browser = await launch();
await runCases({ ...cases, ...keyCases }, { argument: browser, onFailure: tellAndClose, atEnd: () => browser.close() });
