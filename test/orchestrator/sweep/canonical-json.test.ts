import { assert, jsonValue, property } from "fast-check";
import { expect, test } from "vitest";
import { canonicalJson, sha256 } from "../../../orchestrator/sweep/canonical-json.ts";

test("keys are sorted at every depth and lists keep their order", () => {
  const value = { b: [3, { z: null, a: true }, 1], a: { d: "x", c: 1e-7 } };
  expect(canonicalJson(value)).toBe('{"a":{"c":1e-7,"d":"x"},"b":[3,{"a":true,"z":null},1]}');
});

test("the text says the same as the value", () => {
  assert(
    property(jsonValue(), (value) => {
      expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});

test("texts that are known are taken over for the parts they belong to", () => {
  const part = { x: 1 };
  const value = { part, like: { x: 1 } };
  expect(canonicalJson(value, new Map([[part, "<part>"]]))).toBe('{"like":{"x":1},"part":<part>}');
});

test("SHA-256 of abc is that of FIPS 180-2", () => {
  expect(sha256("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
});
