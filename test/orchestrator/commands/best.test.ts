import { afterEach, beforeEach, expect, it } from "vitest";
import { LaunchedSweep } from "../../rig/launched-sweep.ts";
import { runOnSweep } from "./run-on-sweep.ts";

let sweep: LaunchedSweep;
beforeEach(() => {
  sweep = new LaunchedSweep();
});
afterEach(() => sweep.dispose());

const best = (...words: string[]) => runOnSweep(sweep.open, ["best", "scenes", ...words]);

function addRanked() {
  const rows = [
    { id: "t000000000001", params: { lr: 1 }, seed: 0, cider: 0.5 },
    { id: "t000000000002", params: { lr: 1 }, seed: 1, cider: 1 },
    { id: "t000000000003", params: { lr: 2 }, seed: 0, cider: 0.25 },
  ];
  for (const { cider, ...trial } of rows) sweep.finish(sweep.add(trial), 2, cider);
  sweep.add({ id: "t000000000004", params: { lr: 2 }, seed: 1 });
  const untuned = { id: "t000000000005", arm: "untuned", method: "untuned" } as const;
  sweep.finish(sweep.add(untuned), 1, 0.4);
}

it("names the best seed of the best set, its checkpoint, the ranking and the baselines", async () => {
  addRanked();
  const sets = { arm: "full", sd: null };
  expect(JSON.parse((await best("--json")).stdout)).toEqual({
    sweep: "scenes",
    best: {
      trial: "t000000000002",
      checkpoint: `${sweep.directory("t000000000002")}/attempts/2/checkpoints/best-step-20`,
      metrics: { cider: 1 },
    },
    ranking: [
      {
        ...sets,
        params: { lr: 1 },
        mean: 0.75,
        sd: Math.sqrt(0.125),
        trials: [
          { id: "t000000000002", seed: 1, metrics: { cider: 1 } },
          { id: "t000000000001", seed: 0, metrics: { cider: 0.5 } },
        ],
        missing: 0,
      },
      {
        ...sets,
        params: { lr: 2 },
        mean: 0.25,
        trials: [{ id: "t000000000003", seed: 0, metrics: { cider: 0.25 } }],
        missing: 1,
      },
    ],
    baselines: [
      {
        arm: "untuned",
        params: {},
        mean: 0.4,
        trials: [{ id: "t000000000005", seed: 0, metrics: { cider: 0.4 } }],
      },
    ],
  });
});

it("prints error bars, what is missing and how the best compares", async () => {
  addRanked();
  const { stdout } = await best();
  expect(stdout).toContain("0.750 ± 0.354");
  expect(stdout).toContain("1 seed without a result");
  expect(stdout).toContain("untuned: CIDEr-D 0.400: best is 2.5 × untuned");
  expect(stdout).not.toContain("Tied");
});

it("says plainly which sets the seeds do not tell apart", async () => {
  const ciders = { 1: [0.5, 0.7], 2: [0.45, 0.65], 3: [0.1, 0.11] };
  let id = 1e11;
  for (const [lr, values] of Object.entries(ciders)) {
    for (const [seed, cider] of values.entries()) {
      id += 1;
      sweep.finish(sweep.add({ id: `t${id}`, params: { lr: Number(lr) }, seed }), 1, cider);
    }
  }
  expect((await best()).stdout).toContain(
    "Tied: rank 1 and rank 2 differ by less than the spread between seeds.",
  );
});

it("fails by name while no trained trial has finished", async () => {
  const baseline = { id: "t000000000001", arm: "constant", method: "constant" } as const;
  sweep.finish(sweep.add(baseline), 1, 0.4);
  const { exitCode, stdout } = await best("--json");
  expect(exitCode).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({ error: { reason: "no-result" } });
});
