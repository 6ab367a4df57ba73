import { expect, it } from "vitest";
import type { GridTask } from "../../../orchestrator/ports/scheduler.ts";
import { goneJobs, gridTaskOf, rowsByTask } from "../../../orchestrator/tracking/grid-task.ts";

it.each([
  ["4711.3.1f2e3d4c", { job: "4711", task: 3 }],
  ["local-0a1b2c3d.12.1f2e3d4c", { job: "local-0a1b2c3d", task: 12 }],
  ["4711.1f2e3d4c", null],
  ["unknown", null],
  ["", null],
])("the pilot %s is the task %j", (pilot, expected) => {
  expect(gridTaskOf(pilot)).toEqual(expected);
});

const row = (values: Partial<GridTask>): GridTask => ({
  job: "7",
  task: 1,
  tasks: 1,
  name: "qs0a1b2c3d-demo",
  state: "running",
  shown: "r",
  host: "gpu1",
  ...values,
});

it("names a row of its own for each task, but for tasks that wait together", () => {
  const tasks = [row({ task: 2 }), row({ job: "8", task: null }), row({ task: null, tasks: 9 })];
  expect([...rowsByTask(tasks).keys()]).toEqual(["7.2", "8.1"]);
});

it("asks once about each grid job with a pilot that is gone, and about no other", () => {
  const pilots = ["7.1.a", "7.2.b", "7.3.c", "9.1.d", "somebody"];
  const tasks = [row({ task: 1 }), row({ task: null, tasks: 5, state: "waiting" })];
  expect(goneJobs(pilots, tasks)).toEqual(["7", "9"]);
  expect(goneJobs(["7.1.a"], tasks)).toEqual([]);
});
