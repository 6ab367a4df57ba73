import { describe, expect, it } from "vitest";
import {
  applyTokenRules,
  bestCandidates,
  toLogProbabilities,
} from "../../../worker/model/token-scores.ts";

const off = { repetitionPenalty: 1, noRepeatNgramSize: 0, minLength: 0, endId: 0 };

describe("rules on the next token", () => {
  it.each<[string, Partial<typeof off>, number[], number[]]>([
    ["none", {}, [1, 1], [1, -2, 3, 4]],
    ["a repetition penalty, once a token", { repetitionPenalty: 2 }, [1, 2, 2], [1, -4, 1.5, 4]],
    ["no token twice", { noRepeatNgramSize: 1 }, [1, 3], [1, -Infinity, 3, -Infinity]],
    ["no pair twice", { noRepeatNgramSize: 2 }, [1, 2, 1], [1, -2, -Infinity, 4]],
    ["no triple twice", { noRepeatNgramSize: 3 }, [1, 2, 3, 1, 2], [1, -2, 3, -Infinity]],
    ["an n-gram longer than the text", { noRepeatNgramSize: 4 }, [1, 2], [1, -2, 3, 4]],
    ["no end too early", { minLength: 3 }, [1, 2], [-Infinity, -2, 3, 4]],
    ["an end in time", { minLength: 3 }, [1, 2, 3], [1, -2, 3, 4]],
  ])("%s", (_title, rules, ids, expected) => {
    const scores = new Float32Array([1, -2, 3, 4]);
    applyTokenRules(scores, ids, { ...off, ...rules });
    expect([...scores]).toEqual(expected);
  });
});

it("turns logits into logarithms of probabilities, however large they are", () => {
  const logits = new Float32Array([1000, 1000 + Math.log(3)]);
  toLogProbabilities(logits);
  const [first, second] = logits;
  expect(first).toBeCloseTo(Math.log(0.25), 4);
  expect(second).toBeCloseTo(Math.log(0.75), 4);
});

it("finds the best candidates over all rows, best first", () => {
  const rows = [
    { scores: new Float32Array([2, 10, 5]), sum: -1 },
    { scores: new Float32Array([5, -Infinity, 9]), sum: 0 },
  ];
  expect(bestCandidates(rows, 4)).toEqual([
    { score: 9, row: 0, token: 1 },
    { score: 9, row: 1, token: 2 },
    { score: 5, row: 1, token: 0 },
    { score: 4, row: 0, token: 2 },
  ]);
});
