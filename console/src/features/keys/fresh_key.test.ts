import assert from "node:assert/strict";
import test from "node:test";
import type { NewKey } from "../../api/wire.ts";
import { freshKey } from "./fresh_key.ts";

const made: NewKey = { id: "key_1", name: "app", kind: "made", prefix: "sk-a", suffix: "z", created_at: 1, key: "sk-all-of-it" };

test("the last key made is there until it or all is forgotten", () => {
  assert.equal(freshKey.get(), undefined);
  freshKey.set(made);
  freshKey.forget("key_2");
  assert.equal(freshKey.get(), made, "another's end is not its own");
  freshKey.forget("key_1");
  assert.equal(freshKey.get(), undefined);
  freshKey.set(made);
  freshKey.forget();
  assert.equal(freshKey.get(), undefined);
});
