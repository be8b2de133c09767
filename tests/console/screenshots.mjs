// The page as people see it, in each language and theme: screenshots.mjs FOLDER
import { join } from "node:path";
import { ask, launch, open, openLoggedIn, streamOf, answerWith, untilAnswered, url } from "./browser.mjs";

const folder = process.argv[2];
const words = {
  en: { locale: "en-US", again: "Explain the difference between a process and a thread, with a short Python example.", begin: "New chat", likeliest: "Write a Python function that reverses a linked list.", settings: "Settings", code: "As code", keys: "API keys", name: "nightly report", make: "Make key", revoke: "Revoke", sure: "Revoke key", think: "How many days has February in 2028?" },
  zh: { locale: "zh-CN", again: "进程和线程有什么区别？请给出一个简短的 Python 例子。", begin: "新对话", likeliest: "写一个反转链表的 Python 函数。", settings: "设置", code: "查看代码", keys: "API 密钥", name: "夜间报表", make: "创建密钥", revoke: "吊销", sure: "吊销密钥", think: "2028 年的二月有多少天？" },
};
const thought = {
  en: [{ reasoning_content: "2028 is divisible by 4 and not by 100, so it is a leap year." }, "2028 is a leap year, so February has **29 days**."],
  zh: [{ reasoning_content: "2028 能被 4 整除且不能被 100 整除，因此是闰年。" }, "2028 年是闰年，二月有 **29 天**。"],
};

const browser = await launch();
for (const [language, text] of Object.entries(words)) {
  for (const colorScheme of ["light", "dark"]) {
    const options = { locale: text.locale, colorScheme };
    const shoot = (page, name) => page.screenshot({ path: join(folder, `${name}_${language}_${colorScheme}.png`) });
    const outside = await open(browser, options);
    await outside.page.goto(url);
    await outside.page.locator(".login_command").waitFor();
    await shoot(outside.page, "login");
    await outside.context.close();

    const { context, page } = await openLoggedIn(browser, options);
    await page.getByRole("option").first().waitFor({ state: "attached" });
    await shoot(page, "welcome");
    // The model's own words, the likeliest: the picture in the README.
    await page.route("**/chat/completions", (route) => route.continue({ postData: JSON.stringify({ ...route.request().postDataJSON(), temperature: 0 }) }));
    await ask(page, text.likeliest);
    await untilAnswered(page);
    await page.locator(".conversation").evaluate((element) => (element.scrollTop = 0));
    await shoot(page, "answer");
    await page.getByRole("button", { name: text.begin, exact: true }).click();
    await answerWith(page, streamOf(thought[language]));
    await ask(page, text.think);
    await untilAnswered(page);
    await page.locator(".turn_assistant summary").click();
    await page.unroute("**/chat/completions");
    await ask(page, text.again);
    await untilAnswered(page);
    await page.locator(".conversation").evaluate((element) => (element.scrollTop = 0));
    await shoot(page, "chat");
    await page.getByRole("button", { name: text.settings, exact: true }).click();
    await shoot(page, "settings");
    await page.getByRole("button", { name: text.code, exact: true }).click();
    await shoot(page, "code");
    await page.keyboard.press("Escape");
    await page.keyboard.press("Escape");
    await page.getByRole("link", { name: text.keys }).click();
    await page.getByRole("textbox").fill(text.name);
    await page.getByRole("button", { name: text.make }).click();
    await page.getByRole("rowheader", { name: text.name }).waitFor();
    await shoot(page, "keys");
    await page.setViewportSize({ width: 400, height: 800 });
    await shoot(page, "keys_narrow");
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.goBack();
    await page.getByRole("button", { name: text.code, exact: true }).click();
    await shoot(page, "code_fresh");
    await page.keyboard.press("Escape");
    await page.getByRole("link", { name: text.keys }).click();
    await page.getByRole("button", { name: text.revoke }).click();
    await shoot(page, "keys_revoke");
    await page.getByRole("dialog").getByRole("button", { name: text.sure }).click();
    await page.getByRole("rowheader", { name: text.name }).waitFor({ state: "detached" });
    await page.goBack();
    await page.setViewportSize({ width: 400, height: 800 });
    await shoot(page, "narrow");
    await context.close();
  }
}
await browser.close();
console.log(`screenshots are in ${folder}`);
