import assert from "node:assert/strict";
import test from "node:test";
import { faultOf, hasFault, noSettings, numberFields, samplingOf, settingsFrom } from "./settings.ts";

const field = (name: string) => numberFields.find((one) => one.name === name)!;

test("what was not typed is not sent", () => {
  assert.deepEqual(samplingOf(noSettings), {});
  assert.deepEqual(samplingOf({ ...noSettings, numbers: { temperature: " ", seed: "" } }), {});
});

test("what was typed is sent as what it means", () => {
  const settings = { system: "x", thinking: "off" as const, stop: "END\n\n。", numbers: { temperature: "0", top_k: "40", seed: "7" } };
  assert.deepEqual(samplingOf(settings), { temperature: 0, top_k: 40, seed: 7, stop: ["END", "。"], enable_thinking: false });
});

test("faults are told by their kind", () => {
  assert.equal(faultOf(field("temperature"), "2"), "range");
  assert.equal(faultOf(field("temperature"), "hot"), "range");
  assert.equal(faultOf(field("top_k"), "1.5"), "whole");
  assert.equal(faultOf(field("top_k"), "40"), undefined);
  assert.equal(faultOf(field("top_p"), ""), undefined);
  assert.ok(hasFault({ ...noSettings, numbers: { seed: "-1" } }));
  assert.ok(!hasFault(noSettings));
});

test("defaults lie in their own range", () => {
  for (const one of numberFields) {
    if (!["none", "random"].includes(one.fallback)) assert.equal(faultOf(one, one.fallback), undefined, one.name);
  }
});

test("a stored text of any shape becomes settings", () => {
  for (const value of [null, 1, "x", [], { numbers: null }, { numbers: 3, stop: 4, system: {}, thinking: "maybe" }]) {
    assert.deepEqual(settingsFrom(value), noSettings);
  }
  const kept = { system: "s", thinking: "on", stop: "a", numbers: { seed: "1" } };
  assert.deepEqual(settingsFrom({ ...kept, numbers: { seed: "1", other: "2", top_p: 3 } }), kept);
});
