import { describe, expect, it } from "vitest";
import { isTied, leaderboard } from "../../../orchestrator/tracking/leaderboard.ts";
import type { Method, TrialParams } from "../../../worker/contract/trial-spec.ts";

interface Row {
  arm?: string;
  params?: TrialParams;
  method?: Method;
  /** CIDEr-D by seed; null where there is no result. */
  ciders: (number | null)[];
}

function board(...rows: Row[]) {
  return leaderboard(
    rows.flatMap(({ arm = "full", params = {}, method = "full", ciders }, row) =>
      ciders.map((cider, seed) => ({
        spec: { id: `t${row}-${seed}`, arm, seed, params, method },
        result:
          cider === null
            ? null
            : { metrics: { cider }, best: { epoch: 0, step: 1, checkpoint: "c" } },
      })),
    ),
  );
}

describe("the ranking", () => {
  it("is by the mean over seeds, not by the best seed", () => {
    const { ranking } = board(
      { params: { lr: 1 }, ciders: [0.9, 0.1] },
      { params: { lr: 2 }, ciders: [0.6, 0.7] },
    );
    expect(ranking.map(({ params }) => params["lr"])).toEqual([2, 1]);
  });

  it("has the sample standard deviation: of 2, 4, 4, 4, 5, 5, 7, 9 it is the root of 32/7", () => {
    const [set] = board({ ciders: [2, 4, 4, 4, 5, 5, 7, 9] }).ranking;
    expect(set?.mean).toBe(5);
    expect(set?.sd).toBeCloseTo(Math.sqrt(32 / 7), 12);
  });

  it("has no deviation for a single seed", () => {
    expect(board({ ciders: [0.5] }).ranking[0]?.sd).toBeNull();
  });

  it("lists the trials of a set best first", () => {
    const [set] = board({ ciders: [0.2, 0.4, 0.3] }).ranking;
    expect(set?.scores.map(({ seed }) => seed)).toEqual([1, 2, 0]);
  });

  it("puts a set with a seed missing below every complete one", () => {
    const { ranking } = board(
      { params: { lr: 1 }, ciders: [0.9, null] },
      { params: { lr: 2 }, ciders: [0.1, 0.2] },
    );
    expect(ranking.map(({ params, missing }) => [params["lr"], missing])).toEqual([
      [2, 0],
      [1, 1],
    ]);
  });

  it("tells equal parameters of two arms apart, and does not mind the order of keys", () => {
    const { ranking } = board(
      { arm: "full", params: { a: 1, b: 2 }, ciders: [0.1] },
      { arm: "lora", params: { a: 1, b: 2 }, ciders: [0.5] },
      { arm: "full", params: { b: 2, a: 1 }, ciders: [0.3] },
    );
    expect(ranking.map(({ arm, scores }) => [arm, scores.length])).toEqual([
      ["lora", 1],
      ["full", 2],
    ]);
  });

  it("keeps baselines apart, by their method", () => {
    const { ranking, baselines } = board(
      { arm: "constant", method: "constant", ciders: [9] },
      { arm: "untuned", method: "untuned", ciders: [8] },
      { arm: "untuned", method: "untuned", params: { model: "m" }, ciders: [null] },
      { arm: "full", ciders: [0.1] },
    );
    expect(ranking.map(({ arm }) => arm)).toEqual(["full"]);
    expect(baselines.map(({ arm, mean }) => [arm, mean])).toEqual([
      ["constant", 9],
      ["untuned", 8],
    ]);
  });

  it("counts the sets without any result", () => {
    const { ranking, unranked } = board({ ciders: [null, null] }, { arm: "lora", ciders: [1] });
    expect([ranking.length, unranked]).toEqual([1, 1]);
  });
});

describe("two sets", () => {
  const check = (title: string, a: number[], b: number[], expected: boolean | null) => {
    it(title, () => {
      const { ranking } = board({ arm: "a", ciders: a }, { arm: "b", ciders: b });
      const [first, second] = ranking;
      expect(isTied(first!, second!)).toBe(expected);
    });
  };
  // The deviation of two numbers that differ by d is d divided by the root of 2.
  check("are tied within their pooled deviation", [0.5, 0.7], [0.45, 0.55], true);
  check("are told apart beyond it", [0.7, 0.72], [0.45, 0.47], false);
  check("are not judged with one seed", [0.7], [0.45, 0.47], null);
});
