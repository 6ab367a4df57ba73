import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { RememberedFiles } from "../../../worker/files/remembered-files.ts";

function folder(): string {
  const directory = mkdtempSync(path.join(tmpdir(), "qsweep-remembered-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

it("parses a file once, and again after it was replaced by another of the same size", () => {
  const file = path.join(folder(), "a.json");
  const parsed: string[] = [];
  const files = new RememberedFiles((text) => {
    parsed.push(text);
    return JSON.parse(text);
  });
  writeFileSync(file, "1");
  expect([files.read(file), files.read(file)]).toEqual([1, 1]);
  writeFileSync(`${file}.tmp`, "2");
  renameSync(`${file}.tmp`, file);
  expect([files.read(file), files.read(file)]).toEqual([2, 2]);
  expect(parsed).toEqual(["1", "2"]);
});

it("forgets a file that is gone, and keeps nothing of one that cannot be parsed", () => {
  const file = path.join(folder(), "a.json");
  const files = new RememberedFiles<unknown>((text) => JSON.parse(text));
  expect(files.read(file)).toBeNull();
  writeFileSync(file, "{");
  expect(() => files.read(file)).toThrow(SyntaxError);
  writeFileSync(`${file}.tmp`, "[]");
  renameSync(`${file}.tmp`, file);
  expect(files.read(file)).toEqual([]);
  rmSync(file);
  expect(files.read(file)).toBeNull();
});
