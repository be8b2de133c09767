import assert from "node:assert/strict";
import test from "node:test";
import { parseBlocks } from "./blocks.ts";
import { type Inline, parseInlines, safeHref } from "./inlines.ts";

// A short spelling of inlines: em(text), strong(text), ...
function spell(inlines: Inline[]): string {
  return inlines
    .map((inline) => {
      if (typeof inline === "string") return inline;
      if (inline.kind === "break") return "⏎";
      if (inline.kind === "code") return `code(${inline.text})`;
      if (inline.kind === "link") return `${inline.isImage ? "image" : "link"}(${spell(inline.children)}|${inline.href})`;
      return `${inline.kind}(${spell(inline.children)})`;
    })
    .join("");
}

const inlineCases: [string, string][] = [
  ["plain", "plain"],
  ["a **b** _c_ *d* __e__ ~~f~~", "a strong(b) em(c) em(d) strong(e) strike(f)"],
  ["**bold *and* more**", "strong(bold em(and) more)"],
  ["snake_case_name and 2*3*4", "snake_case_name and 2em(3)4"],
  ["a ** b ** c", "a ** b ** c"],
  ["**open", "**open"],
  ["`a *b* <c>` and ``x ` y``", "code(a *b* <c>) and code(x ` y)"],
  ["`open", "`open"],
  ["one\ntwo\\\nthree", "one⏎two⏎three"],
  ["\\*not\\* \\a", "*not* \\a"],
  ["[a *b*](https://x.org/y?z=1)", "link(a em(b)|https://x.org/y?z=1)"],
  ['[a](https://x.org "title")', "link(a|https://x.org/)"],
  ["[wiki](https://x.org/a_(b))", "link(wiki|https://x.org/a_(b))"],
  ["see https://x.org/a, (http://y.org).", "see link(https://x.org/a|https://x.org/a), (link(http://y.org|http://y.org/))."],
  ["<https://x.org>", "link(https://x.org|https://x.org/)"],
  ["![pixel](https://x.org/p.png)", "image(pixel|https://x.org/p.png)"],
  ["[a](javascript:alert(1))", "[a](javascript:alert(1))"],
  ["[a](/console/api/logout)", "[a](/console/api/logout)"],
  ["[a](//x.org)", "[a](//x.org)"],
  ["<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"],
];

test("inlines", () => {
  for (const [text, wanted] of inlineCases) assert.equal(spell(parseInlines(text)), wanted, text);
});

test("an address is followed only where its scheme cannot run anything", () => {
  for (const bad of ["javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\nscript:alert(1)", "\u0001javascript:alert(1)", "data:text/html,x",
    "vbscript:x", "file:///etc/passwd", "blob:https://x/y", "//x.org", "/a", "a", "", "https:", "http://", "about:blank", "view-source:http://x"]) {
    assert.equal(safeHref(bad), undefined, bad);
  }
  assert.equal(safeHref("https://x.org/a b"), "https://x.org/a%20b");
  assert.equal(safeHref("mailto:a@x.org"), "mailto:a@x.org");
});

test("blocks", () => {
  const text = "# Title\n\ntext\nmore\n\n- one\n- two\n  - inner\n\n3. three\n4. four\n\n> quoted\n> # deep\n\n---\n\n```py\nx = '<b>'\n```\n" +
    "| a | b |\n|---|:-:|\n| 1 | `x` |\n| 2 |\n\nend";
  const blocks = parseBlocks(text);
  assert.deepEqual(blocks.map((block) => block.kind),
    ["heading", "paragraph", "list", "list", "quote", "rule", "code", "table", "paragraph"]);
  assert.deepEqual(blocks[2], {
    kind: "list", start: undefined, items: [
      [{ kind: "paragraph", text: "one" }],
      [{ kind: "paragraph", text: "two" }, { kind: "list", start: undefined, items: [[{ kind: "paragraph", text: "inner" }]] }],
    ],
  });
  assert.equal(blocks[3]!.kind === "list" && blocks[3]!.start, 3);
  assert.deepEqual(blocks[6], { kind: "code", language: "py", text: "x = '<b>'" });
  assert.deepEqual(blocks[7], {
    kind: "table", aligns: [undefined, "center"], head: ["a", "b"], rows: [["1", "`x`"], ["2", ""]],
  });
});

test("a list item holds code, and loose items are one list", () => {
  const blocks = parseBlocks("1. First:\n\n   ```js\n   a();\n     b();\n   ```\n\n2. Second\n\nafter");
  assert.equal(blocks.length, 2);
  assert.deepEqual(blocks[0]!.kind === "list" && blocks[0]!.items[0]![1], { kind: "code", language: "js", text: "a();\n  b();" });
});

test("an answer still being written shows what is there", () => {
  assert.deepEqual(parseBlocks("```js\nlet a"), [{ kind: "code", language: "js", text: "let a" }]);
  assert.deepEqual(parseBlocks("| a |"), [{ kind: "paragraph", text: "| a |" }]);
});

test("text made to be slow is not", () => {
  const n = 40_000;
  const texts = ["[".repeat(n), "[a](".repeat(n / 4), "![".repeat(n / 2) + "](", "*a ".repeat(n / 3), "**a ".repeat(n / 4), "*".repeat(n), "_a*".repeat(n / 3),
    "`a ``b ".repeat(n / 7), "`".repeat(n), "> ".repeat(n / 2), "- ".repeat(n / 2), "a\n".repeat(n / 2), "|a".repeat(n / 2) + "\n" + "|-".repeat(n / 2),
    "<https://".repeat(n / 9), "https://a.b(".repeat(n / 12), "https://x/" + ")".repeat(n), "\\".repeat(n), "~~".repeat(n / 2), "a|b\n".repeat(n / 4), "[a](http://b (".repeat(n / 14)];
  for (const text of texts) {
    const began = performance.now();
    for (const block of parseBlocks(text)) {
      if (block.kind === "paragraph") parseInlines(block.text);
    }
    const took = performance.now() - began;
    assert.ok(took < 3000, `${JSON.stringify(text.slice(0, 12))}: ${took.toFixed(0)} ms`); // quadratic: minutes
  }
});
