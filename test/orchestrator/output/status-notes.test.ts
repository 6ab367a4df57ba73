import { describe, expect, it } from "vitest";
import { footerLines } from "../../../orchestrator/output/status-notes.ts";
import { renderStatus } from "../../../orchestrator/output/status-table.ts";
import { styleFor } from "../../../orchestrator/output/style.ts";
import type { PoolSight } from "../../../orchestrator/tracking/pool-sight.ts";
import type {
  GridStatus,
  SweepStatus,
  TrialStatus,
} from "../../../orchestrator/tracking/sweep-status.ts";
import { noProgress } from "../../../orchestrator/tracking/trial-progress.ts";

const NOW = new Date(2026, 10, 24, 10, 0, 0);
const EARLIER = new Date(2026, 10, 24, 9, 58, 30);

const trial = (values: Partial<TrialStatus> = {}): TrialStatus => ({
  id: "t3f2a91c0d4e",
  arm: "lora",
  seed: 0,
  params: { lr: 0.0001, "lora.r": 8 },
  state: "running",
  attempt: 1,
  isUnderWay: true,
  pilot: { pilot: "4711.3.1f2e3d4c", host: "gpu1.cluster.edu", task: "4711.3", shown: "r" },
  failure: null,
  held: null,
  evidence: [{ witness: "lease", ageSeconds: 42 }],
  asOf: NOW,
  progress: { ...noProgress(5), epoch: 1, step: 120, steps: 4500, loss: 4.25, cider: 0.5 },
  ...values,
});
const pool = (values: Partial<PoolSight> = {}): PoolSight => ({
  pool: "p1",
  running: 0,
  waiting: 0,
  errors: [],
  failedSetUps: [],
  trialsWaiting: 0,
  ...values,
});
const grid = (values: Partial<GridStatus> = {}): GridStatus => ({
  asOf: NOW,
  isCurrent: true,
  pools: [pool()],
  ...values,
});
const status = (values: Partial<SweepStatus> = {}): SweepStatus => ({
  sweep: "demo",
  site: "scc",
  asOf: NOW,
  trials: [trial()],
  pilots: 1,
  brokerAsOf: NOW,
  grid: grid(),
  ...values,
});

describe("the notes under a cluster's table", () => {
  it("count the pilots that run, wait and are in an error state", () => {
    const errors = [{ task: "4712.1", shown: "Eqw" }];
    const [first] = footerLines(
      status({ grid: grid({ pools: [pool({ running: 2, waiting: 3 }), pool({ errors })] }) }),
    );
    expect(first).toBe(
      "1 trial: 1 running; pilots: 2 running, 3 waiting, 1 in error state; as of 10:00:00",
    );
  });

  it("say what to do about pilots in an error state", () => {
    const errors = [{ task: "4712.1", shown: "Eqw" }];
    const [, note] = footerLines(status({ grid: grid({ pools: [pool({ errors })] }) }));
    expect(note).toMatch(/^A pilot is in error state \(4712\.1: Eqw\): `qstat -j 4712`/);
    expect(note).toMatch(/`qmod -cj 4712` .* `qdel 4712`/);
  });

  it("say of when the silent ones' words are", () => {
    const silent = { pilots: null, brokerAsOf: EARLIER };
    const lines = footerLines(
      status({ ...silent, grid: grid({ isCurrent: false, asOf: EARLIER }) }),
    );
    expect(lines).toContain("The broker does not answer: what it said is as of 09:58:30.");
    expect(lines).toContain("The scheduler does not answer: what it said is as of 09:58:30.");
  });

  it("claim to know no pilots where the scheduler never answered", () => {
    const lines = footerLines(status({ grid: grid({ isCurrent: false, asOf: null }) }));
    expect(lines[0]).not.toContain("pilots:");
    expect(lines).toContain("The scheduler does not answer: pilots are not known.");
  });

  it("say that a launch is wanted once trials wait and no pilot is left", () => {
    const note = "No pilots left and 3 trials waiting: `qsweep launch FILE` submits more.";
    const notes = (facts: Partial<PoolSight>, rest: Partial<GridStatus> = {}, pilots = 0) =>
      footerLines(status({ pilots, grid: grid({ pools: [pool(facts)], ...rest }) }));
    expect(notes({ trialsWaiting: 3 })).toContain(note);
    expect(notes({ trialsWaiting: 3, waiting: 1 })).not.toContain(note);
    expect(notes({ trialsWaiting: 0 })).not.toContain(note);
    expect(notes({ trialsWaiting: 3 }, {}, 1)).not.toContain(note);
    expect(notes({ trialsWaiting: 3 }, { isCurrent: false })).not.toContain(note);
  });

  it("name the pool where there are several", () => {
    const pools = [pool({ running: 1 }), pool({ pool: "p2", trialsWaiting: 1 })];
    expect(footerLines(status({ pilots: 0, grid: grid({ pools }) }))).toContain(
      "No pilots left in pool p2 and 1 trial waiting: `qsweep launch FILE` submits more.",
    );
  });

  it("name a set-up that pilots do not get past, and where its words are", () => {
    const failedSetUps = [{ pool: "p1", task: "4711.2", why: "there is no Node" }];
    const notes = (trialsWaiting: number) =>
      footerLines(status({ grid: grid({ pools: [pool({ failedSetUps, trialsWaiting })] }) }));
    expect(notes(1).join("\n")).toContain(
      "Pilots end in set-up (1 task): there is no Node; see pilots/4711.2.log",
    );
    expect(notes(0).join("\n")).not.toContain("set-up");
  });

  it("say what goes on with a trial that is held", () => {
    const held = trial({ state: "stopped", held: "5 attempts in a row vanished" });
    expect(footerLines(status({ trials: [held] })).join("\n")).toContain(
      "t3f2a91c0d4e is held: 5 attempts in a row vanished; `qsweep retry demo t3f2a91c0d4e`",
    );
  });
});

describe("a cluster's table", () => {
  const lines = (values: Partial<SweepStatus>, columns = 80) =>
    renderStatus(status(values), styleFor({}, {}), { columns }).trimEnd().split("\n");

  it("shows grid job, host, queue state and the lease's age within 80 columns", () => {
    const shown = lines({ trials: [trial(), trial({ state: "unreachable" })] });
    expect(shown[0]?.split(/ +/)).toEqual(
      expect.arrayContaining(["job", "host", "queue", "lease"]),
    );
    expect(shown[1]).toMatch(/ 4711\.3 +gpu1 +r +0:42 /);
    expect(Math.max(...shown.map(({ length }) => length))).toBeLessThanOrEqual(80);
  });

  it("shows what is frozen with its time, and no such column elsewhere", () => {
    const frozen = trial({ asOf: EARLIER });
    const last = lines({ trials: [frozen, trial()] }).map((line) => line.split(/ {2,}/).at(-1));
    expect(last).toEqual(["as of", "09:58:30", "-"]);
    expect(lines({})[0]).not.toContain("as of");
  });

  it("shows a dash for what is not known", () => {
    const [, row] = lines({ trials: [trial({ state: "queued", pilot: null, evidence: [] })] }, 200);
    expect(row).toMatch(/queued +- +- +- +- /);
  });
});
