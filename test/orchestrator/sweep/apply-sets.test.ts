import { describe, expect, test } from "vitest";
import { Failure } from "../../../worker/contract/failure.ts";
import { parseSweep } from "../../../orchestrator/sweep/resolve-sweep.ts";
import { sourceText } from "../../../orchestrator/sweep/source-text.ts";
import { diagnose, lines } from "./diagnose.ts";

const TRAIN_KEYS =
  "epochs, batch_size, accumulate, captions, max_length, labels, lr, schedule, precision, encoder_cache, " +
  "optimizer, checkpoint, validate, decode";
const TEXT = "name: s\ndataset: {root: data}\narms:\n  a: {model: m, method: full, lr: 1e-5}\n";

function sweepWith(...sets: string[]) {
  return parseSweep(sourceText({ name: "s.yaml", kind: "file", text: TEXT }), sets).sweep;
}

describe("a set value stands as if the file said so", () => {
  test("in place of what the file says", () => {
    expect(sweepWith("arms.a.lr=3e-4").arms["a"]).toMatchObject({ lr: 0.0003 });
  });
  test("in blocks that the file leaves out", () => {
    expect(sweepWith("train.optimizer.eps=1e-6").train).toMatchObject({ optimizer: { eps: 1e-6 } });
  });
  test("as lists and maps in flow style", () => {
    const { seeds, train } = sweepWith("seeds=[3, 4]", "train.lr={grid: [1, 2]}");
    expect({ seeds, train }).toMatchObject({ seeds: [3, 4], train: { lr: { grid: [1, 2] } } });
  });
  test("with equals signs of its own", () => {
    expect(sweepWith("dataset.root=a=b").dataset.root).toBe("a=b");
  });
  test("and the last of several wins", () => {
    expect(sweepWith("pilots=2", "pilots=3").pilots).toBe(3);
  });
  test("without a trace in the rest of the file", () => {
    expect(sweepWith("pilots=2").arms).toEqual(sweepWith().arms);
  });
});

const check = (name: string, set: string, expected: string) =>
  test(name, () => expect(diagnose(TEXT, [set])).toBe(lines(expected)));

describe("problems point into the option", () => {
  check(
    "a value that does not fit",
    "train.lr=fast",
    `
    --set train.lr=fast: expected a number, got "fast"
      train.lr=fast
               ^^^^
    `,
  );
  check(
    "a key that does not exist",
    "train.epoch=2",
    `
    --set train.epoch=2: unknown key "epoch"; did you mean "epochs"? (known here: ${TRAIN_KEYS})
      train.epoch=2
      ^^^^^^^^^^^
    `,
  );
  check(
    "a path through a value",
    "name.first=x",
    `
    --set name.first=x: this path leads into something that is not a map
      name.first=x
      ^^^^^^^^^^
    `,
  );
  check(
    "a value that is no YAML",
    "seeds=[1",
    `
    --set seeds=[1: flow sequence must end with a ]
      seeds=[1
              ^
    `,
  );
});

test("an option that is not key=value is a mistake of usage", () => {
  for (const set of ["lr", "=3", "a..b=1", ".=1"]) {
    expect(() => sweepWith(set)).toThrow(expect.objectContaining({ reason: "usage" }));
    expect(() => sweepWith(set)).toThrow(Failure);
  }
});
