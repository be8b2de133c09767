// What ajv says of texts: one JSON line a schema on stdin, {"schema": ..., "texts": [TEXT, ...]}, one answer on stdout,
// {"valid": [true or what is wrong, ...]} or {"unknown": why ajv cannot read the schema}.
//
// The draft is the one that $schema names; without one, draft 4 where exclusiveMinimum or exclusiveMaximum are flags,
// 2020-12 where its keywords are used, draft 7 for the rest. Formats are judged; keywords and formats that no draft
// defines say nothing. multipleOf is judged of the number as it is written, not of its nearest double. discriminator and nullable are no keywords of a draft; nullable is judged as OpenAPI means it.
import { createInterface } from "node:readline";
import Ajv from "ajv";
import Ajv2019 from "ajv/dist/2019.js";
import Ajv2020 from "ajv/dist/2020.js";
import Ajv4 from "ajv-draft-04";
import addFormats from "ajv-formats";

const kClasses = { 4: Ajv4.default ?? Ajv4, 7: Ajv.default ?? Ajv, 2019: Ajv2019.default ?? Ajv2019, 2020: Ajv2020.default ?? Ajv2020 };

function some(schema, test) {
  if (Array.isArray(schema)) return schema.some((inner) => some(inner, test));
  if (schema === null || typeof schema !== "object") return false;
  return test(schema) || Object.values(schema).some((inner) => some(inner, test));
}

function draftsOf(schema) {
  const named = String(schema?.$schema ?? "");
  const has = (...keys) => some(schema, (s) => keys.some((key) => Object.hasOwn(s, key)));
  const flags = some(schema, (s) => typeof s.exclusiveMinimum === "boolean" || typeof s.exclusiveMaximum === "boolean");
  let first = 7;
  if (/draft-0[34]/.test(named) || (flags && !named.includes("20"))) first = 4;
  else if (named.includes("2019-09")) first = 2019;
  else if (named.includes("2020-12") || named.endsWith("/v1")) first = 2020;
  else if (!named && has("prefixItems", "minContains", "maxContains", "$defs", "dependentRequired", "dependentSchemas", "unevaluatedProperties", "unevaluatedItems")) first = 2020;
  return [first, ...[7, 2020, 4].filter((draft) => draft !== first)];
}

// Digits and the power of ten behind them, of the shortest text of a number: up to 15 digits, as it is written.
function decimal(number) {
  const [, sign, whole, fraction = "", power = "0"] = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(number));
  return { digits: BigInt(sign + whole + fraction), power: Number(power) - fraction.length };
}

function isMultiple(number, of) {
  const [a, b] = [decimal(number), decimal(of)];
  const least = Math.min(a.power, b.power);
  const whole = ({ digits, power }) => digits * 10n ** BigInt(power - least);
  return whole(a) % whole(b) === 0n;
}

function compile(schema) {
  let reason = "";
  for (const draft of draftsOf(schema)) {
    try {
      const ajv = new kClasses[draft]({ strict: false, logger: false, validateSchema: false, allowUnionTypes: true, inlineRefs: false, ownProperties: true });
      ajv.removeKeyword("multipleOf").addKeyword({ keyword: "multipleOf", type: "number", validate: (of, number) => isMultiple(number, of) });
      addFormats(ajv);
      let copy = schema;
      if (copy !== null && typeof copy === "object") {
        copy = { ...copy };
        delete copy.$schema; // the class is chosen; other names are not resolved
      }
      return { validate: ajv.compile(copy) };
    } catch (error) {
      reason ||= error.message;
    }
  }
  return { reason };
}

for await (const line of createInterface({ input: process.stdin })) {
  const { schema, texts } = JSON.parse(line);
  const { validate, reason } = compile(schema);
  const judged = async (text) => {
    try {
      const said = validate(JSON.parse(text));
      if (typeof said !== "boolean") return (await said, true); // $async: what is wrong is thrown
      return said || JSON.stringify(validate.errors?.[0] ?? "invalid").slice(0, 400);
    } catch (error) {
      return String(error.message);
    }
  };
  console.log(JSON.stringify(validate ? { valid: await Promise.all(texts.map(judged)) } : { unknown: reason }));
}
