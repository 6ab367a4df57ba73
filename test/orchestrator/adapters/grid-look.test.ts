import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { GridLook } from "../../../orchestrator/adapters/grid-look.ts";
import type {
  GridEnd,
  GridReport,
  GridTask,
  Scheduler,
} from "../../../orchestrator/ports/scheduler.ts";
import { Failure } from "../../../worker/contract/failure.ts";
import { markDone, recordSubmission } from "../../../worker/files/submission-directory.ts";

const TASK: GridTask = {
  job: "7",
  task: 1,
  tasks: 1,
  name: "qs0a1b2c3d-demo",
  state: "running",
  shown: "r",
  host: "gpu1",
};
const END: GridEnd = { job: "8", task: 1, how: "node-lost", status: 0, said: "", host: null };

let folder: string;
let asked: string[];
let cancelled: string[];
beforeEach(() => {
  cancelled = [];
  folder = mkdtempSync(path.join(tmpdir(), "qsweep-grid-look-"));
  asked = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

const away = () =>
  Promise.reject(new Failure({ reason: "scheduler-unreachable", message: "", remedy: "" }));

/** A scheduler that gives these reports in turn; null: no answer. */
function scheduler(...reports: (GridReport | null)[]): Scheduler {
  return {
    submit: () => Promise.reject(new Error("nothing is to be submitted")),
    find: () => Promise.resolve(null),
    report: async () => reports.shift() ?? (await away()),
    ended: async (job) => {
      asked.push(job);
      return job === "8" ? [END] : away();
    },
    cancel: async (jobs) => void cancelled.push(...jobs),
  };
}

it("looks up only what became of tasks that a whole answer no longer shows", async () => {
  const look = new GridLook(scheduler({ ageSeconds: 3, tasks: [TASK] }), folder);
  const witness = await look.look(["7.1.a", "8.1.b", "9.1.c"]);
  expect(witness).toMatchObject({ isCurrent: true, tasks: [TASK], ends: [END] });
  expect(asked).toEqual(["8", "9"]);
});

it("looks a grid job up once for each answer of the scheduler, and keeps what it was told", async () => {
  const old = { ageSeconds: 3600, tasks: [TASK] };
  const look = new GridLook(scheduler(old, old, { ageSeconds: 0, tasks: [TASK] }), folder);
  await look.look(["8.1.b"]);
  expect(await look.look(["8.1.b", "9.1.c"])).toMatchObject({ ends: [END] });
  expect(asked).toEqual(["8", "9"]);
  expect(await look.look(["8.1.b"])).toMatchObject({ ends: [END] });
  expect(asked).toEqual(["8", "9", "8"]);
});

it("keeps the last whole answer with its age, and looks nothing up, while there is none", async () => {
  const look = new GridLook(scheduler({ ageSeconds: 3, tasks: [TASK] }, null), folder);
  await look.look([]);
  const witness = await look.look(["8.1.b"]);
  expect(witness).toMatchObject({ isCurrent: false, tasks: [TASK], ends: [] });
  expect(witness.ageSeconds).toBeGreaterThan(3);
  expect(asked).toEqual([]);
});

it("has no answer and no age where there never was one", async () => {
  const witness = await new GridLook(scheduler(null), folder).look(["8.1.b"]);
  expect(witness).toMatchObject({ ageSeconds: null, isCurrent: false, tasks: [], ends: [] });
});

it("removes what still waits of a sweep that is done, and nothing of one that runs", async () => {
  const waiting: GridTask = { ...TASK, task: null, tasks: 9, state: "waiting", shown: "qw" };
  const names = ["0a1b2c3d", "0a1b2c3e", "0a1b2c3f"];
  for (const token of names) {
    const submission = { token, program: "pilot", pool: "p1" } as const;
    recordSubmission(path.join(folder, token), {
      version: 1,
      ...submission,
      at_once: 1,
      slices: 9,
    });
  }
  markDone(path.join(folder, "0a1b2c3d"));
  markDone(path.join(folder, "0a1b2c3e"));
  const tasks = names.map((token, index) => {
    return { ...waiting, job: String(index), name: `qs${token}-demo` };
  });
  const running = { ...TASK, job: "1", name: "qs0a1b2c3e-demo" };
  const report = { ageSeconds: 0, tasks: [...tasks, running] };
  await new GridLook(scheduler(report), folder).look([]);
  expect(cancelled).toEqual(["0"]);
});

it("names tasks that ended before their pilot was there", async () => {
  const directory = path.join(folder, "0a1b2c3d");
  const submission = { token: "0a1b2c3d", program: "pilot", pool: "p1" } as const;
  recordSubmission(directory, { version: 1, ...submission, at_once: 3, slices: 1 });
  const write = (task: number, text: string) =>
    writeFileSync(path.join(directory, `task-${task}.7.exit`), text);
  const rest = '"restarted":0,"seconds":2,"host":"gpu1"}\n';
  write(1, `{"version":1,"job":"7","task":1,"status":73,${rest}`);
  write(2, `{"version":1,"job":"7","task":2,"status":0,${rest}`);
  write(3, '{"version":1,"job":"7"');
  mkdirSync(path.join(folder, "not-a-submission"));
  const { failedSetUps } = await new GridLook(scheduler(null), folder).look([]);
  expect(failedSetUps).toEqual([
    { pool: "p1", task: "7.1", why: "there is no Node after the set-up lines" },
  ]);
});
