import { describe, expect, it } from "vitest";
import { watchView } from "../../../orchestrator/output/watch-view.ts";
import type { SweepStatus, TrialStatus } from "../../../orchestrator/tracking/sweep-status.ts";
import { noProgress } from "../../../orchestrator/tracking/trial-progress.ts";

function trial(values: Partial<TrialStatus> & { id: string }): TrialStatus {
  return {
    arm: "full",
    seed: 0,
    params: {},
    state: "running",
    attempt: 1,
    isUnderWay: true,
    pilot: { pilot: "p1", host: null, task: null, shown: null },
    failure: null,
    held: null,
    evidence: [],
    asOf: new Date(2026, 10, 24, 10),
    progress: { ...noProgress(2), epoch: 1, step: 5, steps: 20, loss: 4.25, phase: "training" },
    ...values,
  };
}

function statusAt(second: number, ...trials: TrialStatus[]): SweepStatus {
  const asOf = new Date(2026, 10, 24, 10, 0, second);
  const current = trials.map((one) => ({ ...one, asOf }));
  const witnesses = { pilots: 1, brokerAsOf: asOf, grid: null };
  return { sweep: "scenes", site: "local", asOf, trials: current, ...witnesses };
}

function shownOn(screen: { isTTY: boolean; columns?: number; rows?: number }) {
  const written: string[] = [];
  const stdout = { ...screen, write: (text: string) => written.push(text) };
  const view = watchView({ words: [], stdout, environment: { NO_COLOR: "1" } });
  return { view, written, take: () => written.splice(0).join("") };
}

describe("on a pipe", () => {
  const running = trial({ id: "t1" });
  const waiting = trial({ id: "t1", state: "queued", attempt: null, pilot: null });

  it("tells first how many trials are in which state", () => {
    const { view, take } = shownOn({ isTTY: false });
    view.show(statusAt(0, waiting));
    expect(take()).toBe("scenes on local: 1 trial: 1 queued; 1 pilot; as of 10:00:00\n");
  });

  it("prints nothing while nothing changes", () => {
    const { view, take } = shownOn({ isTTY: false });
    view.show(statusAt(0, waiting));
    take();
    view.show(statusAt(60, waiting));
    expect(take()).toBe("");
  });

  it("prints a line for a change of state", () => {
    const { view, take } = shownOn({ isTTY: false });
    view.show(statusAt(0, waiting));
    take();
    view.show(statusAt(1, running));
    expect(take()).toBe("10:00:01 t1 full seed=0: queued → running (attempt 1 by pilot p1)\n");
  });

  it("prints a line for a validated epoch", () => {
    const { view, take } = shownOn({ isTTY: false });
    view.show(statusAt(0, running));
    take();
    const progress = { ...running.progress, cider: 0.5 };
    view.show(statusAt(1, trial({ id: "t1", progress })));
    expect(take()).toBe(
      "10:00:01 t1 full seed=0: validated, CIDEr-D 0.500; now at epoch 1/2, loss 4.250\n",
    );
  });

  it("tells every ten seconds how far a running trial is", () => {
    const { view, take } = shownOn({ isTTY: false });
    for (const second of [0, 9, 10, 19]) view.show(statusAt(second, running));
    expect(take().match(/^10:00:\d\d t1 .*$/gm)).toEqual([
      "10:00:00 t1 full seed=0: epoch 1/2 step 5/20  loss 4.250",
      "10:00:10 t1 full seed=0: epoch 1/2 step 5/20  loss 4.250",
    ]);
  });

  it("prints a hint once, when it has held for five seconds", () => {
    const { view, take } = shownOn({ isTTY: false });
    for (const second of [0, 4, 5, 6, 60]) {
      view.show({ ...statusAt(second, waiting), pilots: 0 });
    }
    expect(take().match(/^.*no pilot is connected/gm)).toEqual([
      "10:00:05 1 trial waits and no pilot is connected",
    ]);
  });

  it("ends with the table, once all is settled", () => {
    const { view, take } = shownOn({ isTTY: false });
    view.show(statusAt(0, running));
    take();
    view.show(statusAt(1, trial({ id: "t1", state: "finished" })));
    expect(take()).toMatch(/running → finished.*\nid +arm.*\nt1 +full/);
  });

  it("lets no control character of a message through", () => {
    const { view, take } = shownOn({ isTTY: false });
    view.show(statusAt(0, running));
    take();
    const failure = { reason: "trainer-crashed", message: "\u001b[2J", retryable: false } as const;
    view.show(statusAt(1, trial({ id: "t1", state: "failed", failure })));
    expect(take()).not.toContain("\u001b");
  });
});

describe("on a terminal", () => {
  const many = (count: number, values: Partial<TrialStatus> = {}) =>
    Array.from({ length: count }, (_, index) =>
      trial({ id: `t${String(index).padStart(12, "0")}`, ...values }),
    );

  it("goes back to the top of the picture before it draws the next", () => {
    const { view, take } = shownOn({ isTTY: true, columns: 80, rows: 24 });
    view.show(statusAt(0, trial({ id: "t1" })));
    const height = take().match(/\n/g)?.length;
    view.show(statusAt(1, trial({ id: "t1" })));
    expect(take().startsWith(`\u001b[${height}A`)).toBe(true);
  });

  it("draws a bar with the loss for what is running", () => {
    const { view, take } = shownOn({ isTTY: true, columns: 80, rows: 24 });
    view.show(statusAt(0, trial({ id: "t1" })));
    expect(take()).toContain(`t1  ${"━".repeat(6)}${"╌".repeat(18)}  25%  loss 4.250\n`);
  });

  it.each([
    { rows: 24, columns: 80 },
    { rows: 10, columns: 60 },
    { rows: 5, columns: 40 },
    { rows: 50, columns: 120 },
  ])("never draws beyond $rows rows of $columns columns", (screen) => {
    const { view, take } = shownOn({ isTTY: true, ...screen });
    const params = { lr: 0.00012345, "optimizer.weight_decay": 0.01 };
    const failure = { reason: "nan-loss", message: "x".repeat(200), retryable: false } as const;
    const trials = [
      ...many(60, { params, state: "stopping" }),
      ...many(60, { params, state: "failed", failure }),
    ];
    view.show(statusAt(0, ...trials));
    const lines = take().replace("\u001b[0J", "").split("\n");
    expect(lines.length).toBeLessThanOrEqual(screen.rows);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(screen.columns);
  });

  it("keeps what is running in a picture too small for all, and counts the rest", () => {
    const { view, take } = shownOn({ isTTY: true, columns: 80, rows: 12 });
    const finished = many(40, { state: "finished" });
    view.show(statusAt(0, ...finished, trial({ id: "te00000000000" })));
    const picture = take();
    expect(picture).toMatch(/^te0+ +full/m);
    expect(picture).toMatch(/… and \d+ more trials/);
  });
});
