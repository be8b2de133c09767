import assert from "node:assert/strict";
import test from "node:test";
import { codeOf } from "./link.ts";

const code = "0123456789abcdef0123456789abcdef";

test("a code is found in a link, behind its mark or alone", () => {
  for (const text of [code, `#${code}`, `http://127.0.0.1:8080/login#${code}`, `  ${code}\n`]) assert.equal(codeOf(text), code);
});

test("anything else holds none", () => {
  for (const text of ["", "#", "http://127.0.0.1:8080/login", code.slice(1), `${code}0`, `${code} x`, code.toUpperCase(), "sk-abc"]) {
    assert.equal(codeOf(text), undefined, text);
  }
});
