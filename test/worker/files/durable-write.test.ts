import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import {
  claimDurably,
  createFileDurably,
  linkOnce,
  removeIfPossible,
  writeFileDurably,
} from "../../../worker/files/durable-write.ts";

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), "qsweep-files-"));
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

it("replaces a file whole and leaves nothing else behind", () => {
  const file = path.join(directory, "plan.json");
  writeFileDurably(file, "old");
  writeFileDurably(file, "new");
  expect(readFileSync(file, "utf8")).toBe("new");
  expect(readdirSync(directory)).toEqual(["plan.json"]);
});

it("gives a secret file its mode from its first moment", () => {
  const file = path.join(directory, "broker.json");
  writeFileDurably(file, "{}", { mode: 0o600 });
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

it("keeps the old file and no temporary one when it cannot be replaced", () => {
  const target = path.join(directory, "taken");
  writeFileDurably(path.join(directory, "other"), "kept");
  expect(() => writeFileDurably(path.join(target, "file"), "new")).toThrow(/ENOENT/);
  rmSync(target, { recursive: true, force: true });
  expect(readdirSync(directory)).toEqual(["other"]);
});

it("creates a file once: the second caller is told and changes nothing", () => {
  const file = path.join(directory, "1.claim");
  expect(createFileDurably(file, "first")).toBe(true);
  expect(createFileDurably(file, "second")).toBe(false);
  expect(readFileSync(file, "utf8")).toBe("first");
  expect(readdirSync(directory)).toEqual(["1.claim"]);
});

it("a claim is theirs alone whose content stands in it", () => {
  const file = path.join(directory, "1.claim");
  expect(claimDurably(file, "nonce a")).toBe(true);
  expect(claimDurably(file, "nonce b")).toBe(false);
  // An answer that was lost: the name is taken, by ourselves.
  expect(claimDurably(file, "nonce a")).toBe(true);
  expect(readdirSync(directory)).toEqual(["1.claim"]);
});

it("removes a file, and lets one be that cannot be removed", () => {
  const file = path.join(directory, "left");
  writeFileSync(file, "");
  removeIfPossible(file);
  removeIfPossible(file);
  expect(readdirSync(directory)).toEqual([]);
  expect(() => removeIfPossible(directory)).not.toThrow();
  expect(existsSync(directory)).toBe(true);
});

it("links a result once", () => {
  const [one, two, result] = ["one", "two", "result"].map((name) => path.join(directory, name));
  writeFileSync(one!, "1");
  writeFileSync(two!, "2");
  expect(linkOnce(one!, result!)).toBe(true);
  expect(linkOnce(two!, result!)).toBe(false);
  expect(readFileSync(result!, "utf8")).toBe("1");
});
