import { expect, it } from "vitest";
import type { GridTask } from "../../../orchestrator/ports/scheduler.ts";
import { livePilots } from "../../../orchestrator/tracking/live-pilots.ts";

const TOKEN = "0a1b2c3d";

function task(values: Partial<GridTask> = {}): GridTask {
  return {
    job: "7",
    task: 1,
    tasks: 1,
    name: `qs${TOKEN}-demo-p1`,
    state: "running",
    shown: "r",
    host: "gpu1",
    ...values,
  };
}

const waiting = (tasks: number) =>
  task({ task: null, tasks, state: "waiting", shown: "qw", host: null });

function submission(values: { isDone?: boolean; left?: number[]; at_once?: number } = {}) {
  return { token: TOKEN, at_once: 2, isDone: false, left: [], ...values };
}

it.each([
  { title: "none where nothing runs", tasks: [], expected: 0 },
  { title: "one that runs, with nothing after it", tasks: [task()], expected: 1 },
  { title: "no more than may run at once", tasks: [task(), waiting(18)], expected: 2 },
  { title: "those that wait to run", tasks: [waiting(20)], expected: 2 },
  {
    title: "one that is suspended or held: it comes back",
    tasks: [task({ state: "suspended" })],
    expected: 1,
  },
  {
    title: "none in an error state: nobody will start it",
    tasks: [task({ state: "error" })],
    expected: 0,
  },
  { title: "none that is being deleted", tasks: [task({ state: "deleting" })], expected: 0 },
  {
    title: "none of another submission",
    tasks: [task({ name: "qsffffffff-demo-p1" })],
    expected: 0,
  },
])("counts $title", ({ tasks, expected }) => {
  expect(livePilots({ submissions: [submission()], tasks })).toBe(expected);
});

it("does not count a pilot that has signed off", () => {
  const tasks = [task(), task({ task: 2 })];
  expect(livePilots({ submissions: [submission({ left: [2] })], tasks })).toBe(1);
});

it("does not count tasks that can only find everything done", () => {
  const tasks = [task(), waiting(5)];
  expect(livePilots({ submissions: [submission({ isDone: true })], tasks })).toBe(0);
});

it("adds up the submissions of a pool", () => {
  const other = { ...submission(), token: "99999999", at_once: 1 };
  const tasks = [task(), task({ name: "qs99999999-demo-p1" })];
  expect(livePilots({ submissions: [submission(), other], tasks })).toBe(2);
});
