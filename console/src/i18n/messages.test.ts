import assert from "node:assert/strict";
import test from "node:test";
import { format, isLanguage, languages, type MessageKey } from "./messages.ts";

const holes = (text: string) => [...text.matchAll(/\{\w+\}/g)].map((match) => match[0]).sort();

test("each language fills the same holes and leaves no text empty", () => {
  for (const { name, table } of Object.values(languages)) {
    for (const key of Object.keys(languages.en.table) as MessageKey[]) {
      assert.ok(table[key].trim(), `${name}: ${key}`);
      assert.deepEqual(holes(table[key]), holes(languages.en.table[key]), `${name}: ${key}`);
    }
  }
});

test("no language but English holds English sentences", () => {
  for (const [key, text] of Object.entries(languages.zh.table)) {
    const isName = text === languages.en.table[key as MessageKey];
    assert.ok(!isName || /^(Top|Min) [pk]$/.test(text), key);
  }
});

test("holes are filled once, with what is there", () => {
  assert.equal(format("{a} and {b}", { a: "{b}", b: 2 }), "{b} and 2");
  assert.equal(format("{toString}", {}), "{toString}");
});

test("a stored language is only taken when it is one", () => {
  assert.ok(isLanguage("zh"));
  for (const value of ["fr", "toString", "", 1, null, undefined]) assert.ok(!isLanguage(value), String(value));
});
