// Runs the cases of cases.mjs, or those whose name has one of the words; counts last.
import { launch } from "./browser.mjs";
import { cases } from "./cases.mjs";

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

const words = process.argv.slice(2);
const browser = await launch();
let passed = 0;
let failed = 0;
for (const [name, test] of Object.entries(cases)) {
  if (words.length > 0 && !words.some((word) => name.includes(word))) continue;
  const began = performance.now();
  try {
    await test(browser);
    ++passed;
    console.log(`ok ${name} (${((performance.now() - began) / 1000).toFixed(1)} s)`);
  } catch (error) {
    ++failed;
    console.log(`FAILED ${name}\n${error.stack}`);
    await tellAndClose();
  }
}
await browser.close();
console.log(`${passed} passed, ${failed} failed, 0 skipped`);
process.exit(failed > 0 ? 1 : 0);
